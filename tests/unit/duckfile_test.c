#include "support.h"

#include <stdlib.h>

#include "compose.h"

static const char *file;

static int make_folder(void **state)
{
    (void)state;
    file = path_in(temp_folder(), "file");
    return 0;
}

static struct dr_wal read_wal(const unsigned char *data, size_t size, int64_t from)
{
    struct dr_wal wal;
    assert_int_equal(write_file(file, data, size), 0);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    assert_int_equal(dr_wal_read(fd, from, (int64_t)size, &wal, NULL), DUCKROW_OK);
    close(fd);
    return wal;
}

static void wal_of_two_commits(void **state)
{
    (void)state;
    unsigned char data[1024];
    size_t first = compose_wal_version(data, 2, 9), second, end;
    first += compose_commit(data + first, 1);
    second = first + compose_commit(data + first, 2);
    struct dr_wal wal = read_wal(data, second, 0);
    assert_int_equal(wal.end, second);
    assert_int_equal(wal.commits, 2);
    assert_int_equal(wal.iteration, 9);
    assert_null(wal.unusual);
    wal = read_wal(data, second, (int64_t)first);
    assert_int_equal(wal.end, second);
    assert_int_equal(wal.commits, 1);
    /* What has no WAL_FLUSH was never committed. */
    end = second + compose_frame(data + second, 5, 1);
    wal = read_wal(data, end, 0);
    assert_int_equal(wal.end, second);
    assert_null(wal.unusual);
    end += compose_frame(data + end, 100, 0);
    assert_string_equal(read_wal(data, end, 0).unusual, "a change of the schema");
}

static void torn_tail_ends_at_the_last_commit(void **state)
{
    (void)state;
    unsigned char data[1024];
    size_t start = compose_wal_version(data, 2, 1), first = start + compose_commit(data + start, 1);
    size_t second = first + compose_commit(data + first, 2);
    for (size_t size = 0; size <= second; size++) {
        struct dr_wal wal = read_wal(data, size, 0);
        assert_int_equal(wal.end, size == second ? second : size >= first ? first : 0);
        assert_int_equal(wal.commits, (size >= first) + (size == second));
        assert_null(wal.unusual);
    }
    for (size_t at = first; at < second; at++) {
        data[at] ^= 1;
        assert_int_equal(read_wal(data, second, 0).end, first);
        data[at] ^= 1;
    }
}

static void odd_lengths_and_versions(void **state)
{
    (void)state;
    unsigned char data[1024] = {0};
    size_t start = compose_wal_version(data, 2, 1), first = start + compose_commit(data + start, 1);
    assert_int_equal(read_wal(data, first + 64, 0).end, first); /* zero length */
    put_u64(data + first, UINT64_MAX);
    assert_int_equal(read_wal(data, first + 64, 0).end, first);
    compose_wal_version(data, 1, 1);
    assert_string_equal(read_wal(data, first, 0).unusual, "another version of the WAL");
    memset(data, 0, sizeof data);
    assert_string_equal(read_wal(data, 65, 0).unusual, "another version of the WAL");
    assert_null(read_wal(data, 64, 0).unusual);
}

static void long_identifier(void **state)
{
    (void)state;
    unsigned char data[512] = {100, 0, 98, 101, 0, 2, 102, 0, 200, 1};
    size_t at = 10 + 200;
    memset(data + 10, 5, 200);
    const unsigned char rest[] = {103, 0, 0x81, 1, 0xff, 0xff};
    memcpy(data + at, rest, sizeof rest);
    at += sizeof rest;
    at += compose_commit(data + at, 1);
    struct dr_wal wal = read_wal(data, at, 0);
    assert_int_equal(wal.iteration, 129);
    assert_int_equal(wal.end, at);
    /* A count that goes past the end. */
    memset(data + 8, 0xff, 9);
    data[17] = 1;
    assert_int_equal(read_wal(data, at, 0).commits, 0);
}

static duckrow_code read_image(const unsigned char *image, size_t size, struct dr_bitmap *free_blocks, struct dr_bitmap *metadata)
{
    struct dr_header header;
    assert_int_equal(write_file(file, image, size), 0);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    duckrow_code code = dr_header_read(fd, &header, NULL);
    if (code == DUCKROW_OK && header.hash)
        code = dr_free_list_read(fd, &header, free_blocks, metadata, NULL);
    close(fd);
    return code;
}

static duckrow_code read_only_code(const unsigned char *image, size_t size)
{
    struct dr_bitmap free_blocks = {0}, metadata = {0};
    duckrow_code code = read_image(image, size, &free_blocks, &metadata);
    dr_bitmap_free(&free_blocks);
    dr_bitmap_free(&metadata);
    return code;
}

static void free_list(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE];
    struct dr_bitmap free_blocks = {0}, metadata = {0};
    compose_database(image, 7, 3);
    assert_int_equal(read_image(image, sizeof image, &free_blocks, &metadata), DUCKROW_OK);
    for (int i = 0; i < COMPOSED_BLOCKS; i++) {
        assert_int_equal(dr_bitmap_has(&free_blocks, i), i == 3);
        assert_int_equal(dr_bitmap_has(&metadata, i), i == 0);
    }
    dr_bitmap_free(&free_blocks);
    dr_bitmap_free(&metadata);
}

static void free_list_that_makes_no_sense(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE];
    compose_database(image, 7, COMPOSED_BLOCKS); /* a block out of range */
    assert_int_equal(read_only_code(image, sizeof image), DUCKROW_NOT_A_DATABASE);
    compose_database(image, 7, 3);
    put_u64(composed_piece(image, 0, 0), 0); /* a ring */
    put_u64(composed_piece(image, 0, 0) + 8, UINT64_MAX);
    for (int i = 2; i < 7; i++)
        put_u64(composed_piece(image, 0, 0) + 8 * i, 1);
    assert_int_equal(read_only_code(image, sizeof image), DUCKROW_NOT_A_DATABASE);
    compose_database(image, 7, 3);
    put_u64(image + 4096 + 24, 99); /* the chain begins outside */
    assert_int_equal(read_only_code(image, sizeof image), DUCKROW_NOT_A_DATABASE);
    put_u64(image + 4096 + 24, (uint64_t)64 << 56); /* a piece that no block has */
    assert_int_equal(read_only_code(image, sizeof image), DUCKROW_NOT_A_DATABASE);
}

static void headers(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE];
    compose_database(image, 7, 3);
    assert_int_equal(read_only_code(image, 0), DUCKROW_OK);
    assert_int_equal(read_only_code(image, DR_HEADERS - 1), DUCKROW_NOT_A_DATABASE);
    put_u64(image + 4096 + 40, 100); /* block size */
    assert_int_equal(read_only_code(image, sizeof image), DUCKROW_NOT_A_DATABASE);
    compose_database(image, 7, 3);
    put_u64(image + 4096 + 32, UINT64_MAX); /* block count */
    assert_int_equal(read_only_code(image, sizeof image), DUCKROW_NOT_A_DATABASE);
    memcpy(image + 8, "DUCX", 4);
    assert_int_equal(read_only_code(image, sizeof image), DUCKROW_NOT_A_DATABASE);
}

static void mutations_never_crash(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE], data[512];
    uint64_t random = 1;
    for (int i = 0; i < scaled(100000, 1500); i++) {
        compose_database(image, 7, 3);
        size_t end = compose_wal_version(data, 2, 9);
        end += compose_commit(data + end, 1);
        for (int k = 0; k < 3; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            unsigned where = (unsigned)(random >> 40);
            data[where % end] = (unsigned char)(random >> 33);
            composed_piece(image, 0, 0)[where % COMPOSED_PIECE] = (unsigned char)(random >> 33);
            image[4096 + 24 + where % 8] = (unsigned char)(random >> 25);
        }
        assert_true(read_wal(data, end, 0).end <= (int64_t)end);
        duckrow_code code = read_only_code(image, sizeof image);
        assert_true(code == DUCKROW_OK || code == DUCKROW_NOT_A_DATABASE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wal_of_two_commits),
                                       cmocka_unit_test(torn_tail_ends_at_the_last_commit),
                                       cmocka_unit_test(odd_lengths_and_versions),
                                       cmocka_unit_test(long_identifier),
                                       cmocka_unit_test(free_list),
                                       cmocka_unit_test(free_list_that_makes_no_sense),
                                       cmocka_unit_test(headers),
                                       cmocka_unit_test(mutations_never_crash)};
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
