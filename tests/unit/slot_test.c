/* The files of a slot: what is written is read again, and what is torn, changed or of another boot does not count. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "compose.h"
#include "core/slot.h"

static duckrow_db *db;
static duckrow_error error;

/* A slot of generation 7 whose copy has a WAL of 10 bytes. */
static struct dr_slot slot;

static int make_slot(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE];
    char path[PATH_MAX];
    const char *database = path_in(temp_folder(), "core.duckdb");
    compose_database(image, 1, 3);
    if (write_file(database, image, sizeof image) || duckrow_db_open(database, NULL, &db, &error) ||
        dr_db_make_folder(db, &error) || dr_db_path(db, path, &error, "snapshot/7") || mkdir(path, 0755) ||
        dr_slot_path(db, 7, "core.duckdb", path, &error) || write_file(path, image, sizeof image) ||
        dr_slot_path(db, 7, "core.duckdb.wal", path, &error) || write_file(path, "0123456789", 10))
        return -1;
    slot =
        (struct dr_slot){.generation = 7, .sequence = 70, .complete = 1, .wal_length = 10, .blocks = 3, .block_size = DR_BLOCK};
    snprintf(slot.boot_id, sizeof slot.boot_id, "%s", dr_boot_id());
    return dr_slot_note_files(db, &slot) || dr_slot_write(db, &slot, &error);
}

static int close_database(void **state)
{
    (void)state;
    duckrow_db_close(db);
    return 0;
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    struct dr_slot read;
    assert_int_equal(dr_slot_read(db, 7, &read), 1);
    assert_memory_equal(&read, &slot, sizeof slot);
    assert_int_equal(dr_slot_sound(db, &read, 0), 1);
    assert_int_equal(dr_slot_read(db, 8, &read), 0);
}

static void a_torn_record_does_not_count(void **state)
{
    (void)state;
    char path[PATH_MAX];
    struct dr_slot read;
    dr_slot_path(db, 7, "record", path, NULL);
    for (size_t at = 0; at < sizeof slot; at += 8) {
        unsigned char byte = ((unsigned char *)&slot)[at] ^ 0xff;
        int fd = open(path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        close(fd);
        assert_int_equal(dr_slot_read(db, 7, &read), 0);
        assert_int_equal(dr_slot_write(db, &slot, &error), DUCKROW_OK);
    }
    assert_int_equal(truncate(path, sizeof slot / 2), 0);
    assert_int_equal(dr_slot_read(db, 7, &read), 0);
}

static void a_record_moved_to_another_slot_does_not_count(void **state)
{
    (void)state;
    char from[PATH_MAX], to[PATH_MAX];
    struct dr_slot read;
    dr_db_path(db, from, NULL, "snapshot/7");
    dr_db_path(db, to, NULL, "snapshot/8");
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(dr_slot_read(db, 8, &read), 0);
}

static void only_a_complete_one_of_this_boot_is_sound(void **state)
{
    (void)state;
    struct dr_slot other = slot;
    other.complete = 0;
    assert_int_equal(dr_slot_sound(db, &other, 1), 0);
    other = slot;
    other.boot_id[0] ^= 1;
    assert_int_equal(dr_slot_sound(db, &other, 1), 0);
}

static void a_copy_that_somebody_changed_is_not_sound(void **state)
{
    (void)state;
    char path[PATH_MAX];
    dr_slot_path(db, 7, "core.duckdb", path, NULL);
    const struct timespec later[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 4000000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, later, 0), 0);
    assert_int_equal(dr_slot_sound(db, &slot, 0), 0);
    assert_int_equal(dr_slot_note_files(db, &slot), 0);
    assert_int_equal(dr_slot_sound(db, &slot, 0), 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(dr_slot_sound(db, &slot, 0), 0);
}

static void its_wal_may_grow_only_while_a_publisher_is_at_work(void **state)
{
    (void)state;
    char path[PATH_MAX];
    dr_slot_path(db, 7, "core.duckdb.wal", path, NULL);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "more", 4), 4);
    close(fd);
    assert_int_equal(dr_slot_sound(db, &slot, 0), 0);
    assert_int_equal(dr_slot_sound(db, &slot, 1), 1);
    assert_int_equal(truncate(path, 9), 0);
    assert_int_equal(dr_slot_sound(db, &slot, 1), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(dr_slot_sound(db, &slot, 1), 0);
}

static void slots_are_listed_in_order(void **state)
{
    (void)state;
    char path[PATH_MAX];
    int64_t generations[DR_SLOTS];
    const int more[] = {100, 9, 12};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        dr_db_path(db, path, NULL, "snapshot/%d", more[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    assert_int_equal(dr_slot_list(db, generations), 4);
    assert_int_equal(generations[0], 7);
    assert_int_equal(generations[3], 100);
    assert_int_equal(dr_slot_current(db), -1);
    dr_db_path(db, path, NULL, "snapshot/current");
    assert_int_equal(symlink("9", path), 0);
    assert_int_equal(dr_slot_current(db), 9);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("9x", path), 0);
    assert_int_equal(dr_slot_current(db), -1);
    dr_slot_remove(db, 7);
    assert_int_equal(dr_slot_list(db, generations), 3);
}

static void pending_blocks_are_read_again_or_not_at_all(void **state)
{
    (void)state;
    char path[PATH_MAX];
    struct dr_pending pending = {.header = 5, .iteration = 6, .known = 100}, read;
    assert_int_equal(dr_bitmap_resize(&pending.blocks, 130), 0);
    dr_bitmap_add(&pending.blocks, 0);
    dr_bitmap_add(&pending.blocks, 129);
    assert_int_equal(dr_pending_write(db, 7, &pending, &error), DUCKROW_OK);
    assert_int_equal(dr_pending_read(db, 7, &read), 1);
    assert_int_equal(read.header, 5);
    assert_int_equal(read.iteration, 6);
    assert_int_equal(read.known, 100);
    for (int64_t i = 0; i < 200; i++)
        assert_int_equal(dr_bitmap_has(&read.blocks, i), i == 0 || i == 129);
    dr_bitmap_free(&read.blocks);
    dr_bitmap_free(&pending.blocks);
    dr_slot_path(db, 7, "pending", path, NULL);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\2", 1, 40), 1);
    close(fd);
    assert_int_equal(dr_pending_read(db, 7, &read), 0);
    assert_null(read.blocks.words);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_slot, close_database)
    const struct CMUnitTest tests[] = {TEST(what_is_written_is_read_again),
                                       TEST(a_torn_record_does_not_count),
                                       TEST(a_record_moved_to_another_slot_does_not_count),
                                       TEST(only_a_complete_one_of_this_boot_is_sound),
                                       TEST(a_copy_that_somebody_changed_is_not_sound),
                                       TEST(its_wal_may_grow_only_while_a_publisher_is_at_work),
                                       TEST(slots_are_listed_in_order),
                                       TEST(pending_blocks_are_read_again_or_not_at_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
