/* What of a rotation is done ahead: it is right, it saves what it is for, and nobody sees it. */
#include "support.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "compose.h"
#include "core/ahead.h"
#include "core/publish.h"

enum { BLOCKS = 600, FEW = 20 };

static duckrow_db *db;
static duckrow_turn *turn;
static duckrow_error error;
static unsigned char image[DR_HEADERS + BLOCKS * COMPOSED_BLOCK];
static int database = -1; /* kept: a close would drop the lock of a turn */
static int iteration, blocks, free_block;
static struct dr_os_table real;

static unsigned char *block_at(int block)
{
    return image + DR_HEADERS + (size_t)block * COMPOSED_BLOCK;
}

static void save(void)
{
    size_t size = DR_HEADERS + (size_t)blocks * COMPOSED_BLOCK;
    assert_int_equal(pwrite(database, image, size, 0), size);
}

/* The other header, with that many blocks, all in use but `unused` and those that are named nowhere. */
static void checkpoint(int count, int unused)
{
    unsigned char start[COMPOSED_SIZE];
    iteration++;
    compose_database(start, (uint64_t)iteration, (uint64_t)unused);
    unsigned char *header = start + (iteration % 2 ? 4096 : 8192);
    put_u64(header + 32, (uint64_t)count);
    memcpy(image, start, 64);
    memcpy(image + (header - start), header, 64);
    memcpy(block_at(0), start + DR_HEADERS, COMPOSED_BLOCK);
    blocks = count;
    free_block = unused;
    save();
}

static int start(void **state)
{
    (void)state;
    duckrow_db_options options = DUCKROW_DB_OPTIONS_INIT;
    const char *path = path_in(temp_folder(), "core.duckdb");
    real = dr_os;
    options.rest_ms = 0;
    iteration = 0;
    memset(image, 0, sizeof image);
    for (int block = 1; block < BLOCKS; block++)
        memset(block_at(block), block % 251 + 1, COMPOSED_BLOCK);
    database = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    checkpoint(FEW, 3);
    if (duckrow_db_open(path, &options, &db, &error) || duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", 0, &turn, &error) ||
        dr_ahead_open(turn, &error))
        fail_msg("%s", error.message);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    dr_os = real;
    dr_ahead_close(turn);
    duckrow_turn_release(turn);
    duckrow_db_close(db);
    close(database);
    return 0;
}

/* Publishes; the current slot has every block in use as the database has it. */
static duckrow_published publish(void)
{
    static unsigned char found[sizeof image];
    duckrow_published published;
    char path[PATH_MAX];
    if (duckrow_publish_end(turn, &published, &error))
        fail_msg("%s", error.message);
    assert_int_equal(dr_slot_current(db), published.generation);
    dr_slot_path(db, published.generation, db->name, path, NULL);
    size_t size = DR_HEADERS + (size_t)blocks * COMPOSED_BLOCK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, found, sizeof found, 0), size);
    close(fd);
    memcpy(found + DR_HEADERS + (size_t)free_block * COMPOSED_BLOCK, block_at(free_block), COMPOSED_BLOCK);
    assert_memory_equal(found, image, size);
    return published;
}

static void do_ahead(int guess)
{
    assert_int_equal(dr_ahead_begin(turn, guess), DR_AHEAD_COPY);
    dr_ahead_copy(turn);
    dr_ahead_end(turn);
    assert_false(dr_ahead_busy(turn));
}

/* The newest slot's record; 0: it has none that counts. */
static int newest(struct dr_slot *slot)
{
    int64_t generations[DR_SLOTS];
    int count = dr_slot_list(db, generations);
    return dr_slot_read(db, generations[count - 1], slot);
}

static void a_missing_slot_is_made(void **state)
{
    (void)state;
    struct dr_slot slot;
    duckrow_snapshot *snapshot;
    int64_t current = publish().generation;
    do_ahead(0);
    /* Nobody's to read. */
    assert_int_equal(dr_slot_current(db), current);
    assert_true(newest(&slot) && slot.generation > current);
    assert_int_equal(slot.complete, DR_SLOT_LEVEL);
    assert_int_equal(dr_slot_sound(db, &slot, 1), 0);
    assert_int_equal(dr_slot_trusted(db, &slot, 0), 1);
    assert_int_equal(duckrow_snapshot_pin(db, 0, &snapshot, &error), DUCKROW_OK);
    assert_int_equal(duckrow_snapshot_generation(snapshot), current);
    duckrow_snapshot_unpin(snapshot);
    /* There is no more to do, and for the rotation next to nothing. */
    assert_int_equal(dr_ahead_begin(turn, 0), DR_AHEAD_NOTHING);
    memset(block_at(3), 0x77, COMPOSED_BLOCK);
    checkpoint(FEW, 4);
    duckrow_published published = publish();
    assert_int_equal(published.compared, 2);
    assert_int_equal(published.copied, 2);
}

/* Two slots, of which the one that is next lacks what the last checkpoint added. */
static void grow(int to)
{
    publish();
    checkpoint(FEW, 4);
    publish();
    checkpoint(to, 3);
    publish();
}

static void an_older_slot_is_made_level(void **state)
{
    (void)state;
    grow(4 * FEW);
    do_ahead(0);
    memset(block_at(3), 0x77, COMPOSED_BLOCK);
    checkpoint(4 * FEW, 4);
    assert_int_equal(publish().compared, 2);
}

static void without_it_the_rotation_looks_at_all(void **state)
{
    (void)state;
    grow(4 * FEW);
    checkpoint(4 * FEW, 4);
    assert_true(publish().compared > 3 * FEW - 5);
}

static void little_is_left_to_the_rotation(void **state)
{
    (void)state;
    grow(FEW + 5);
    assert_int_equal(dr_ahead_begin(turn, 0), DR_AHEAD_NOTHING);
}

static void a_slot_rests_first(void **state)
{
    (void)state;
    grow(4 * FEW);
    db->options.rest_ms = 60000;
    int64_t wait = dr_ahead_begin(turn, 0);
    assert_in_range(wait, 50000, 60000);
}

static void nothing_where_a_rotation_is_to_come(void **state)
{
    (void)state;
    grow(4 * FEW);
    checkpoint(4 * FEW, 4);
    assert_int_equal(dr_ahead_begin(turn, 0), DR_AHEAD_NOTHING);
}

static void what_was_not_come_to_is_looked_at(void **state)
{
    (void)state;
    struct dr_slot slot;
    grow(4 * FEW);
    assert_int_equal(dr_ahead_begin(turn, 0), DR_AHEAD_COPY);
    assert_true(dr_ahead_busy(turn));
    dr_ahead_stop(turn);
    assert_false(dr_ahead_busy(turn));
    assert_true(newest(&slot));
    assert_int_equal(slot.complete, DR_SLOT_LEVEL);
    /* Its thread comes too late. */
    dr_ahead_copy(turn);
    dr_ahead_end(turn);
    checkpoint(4 * FEW, 4);
    assert_true(publish().compared > 3 * FEW - 5);
}

static void not_level_with_headers_that_have_gone(void **state)
{
    (void)state;
    struct dr_slot slot;
    grow(4 * FEW);
    assert_int_equal(dr_ahead_begin(turn, 0), DR_AHEAD_COPY);
    dr_ahead_copy(turn);
    checkpoint(4 * FEW, 4);
    dr_ahead_end(turn);
    assert_false(newest(&slot) && slot.complete);
    publish();
}

static void a_guess_is_compared(void **state)
{
    (void)state;
    publish();
    checkpoint(FEW, 4);
    publish();
    do_ahead(1);
    /* A transaction writes its blocks: free ones, and behind the end. */
    blocks = 4 * FEW;
    memset(block_at(4), 0x44, COMPOSED_BLOCK);
    save();
    do_ahead(1);
    /* And another block in the place of one of them, with the same checksum. */
    block_at(2 * FEW)[COMPOSED_BLOCK - 1] ^= 1;
    checkpoint(4 * FEW, 3);
    duckrow_published published = publish();
    assert_int_equal(published.compared, 3 * FEW + 2);
    assert_int_equal(published.copied, 1);
}

static atomic_int slow;

static ssize_t slowly(int fd, const void *data, size_t size, off_t offset)
{
    struct timespec time = {.tv_nsec = 1000000};
    slow++;
    nanosleep(&time, NULL);
    return real.pwrite(fd, data, size, offset);
}

static void *copier(void *argument)
{
    (void)argument;
    dr_ahead_copy(turn);
    return NULL;
}

static void a_publisher_stops_it(void **state)
{
    (void)state;
    pthread_t thread;
    grow(BLOCKS);
    slow = 0;
    dr_os.pwrite = slowly;
    assert_int_equal(dr_ahead_begin(turn, 0), DR_AHEAD_COPY);
    pthread_create(&thread, NULL, copier, NULL);
    WAIT_UNTIL(slow > 10, 10000);
    dr_ahead_stop(turn);
    int written = slow;
    dr_os.pwrite = real.pwrite;
    assert_true(written < BLOCKS - FEW);
    assert_false(dr_ahead_busy(turn));
    pthread_join(thread, NULL);
    checkpoint(BLOCKS, 4);
    duckrow_published published = publish();
    assert_true(published.compared > 100 && published.compared < BLOCKS - FEW - 200);
}

static void a_rotation_that_can_wait_does(void **state)
{
    (void)state;
    duckrow_plan plan;
    unsigned char wal[256];
    grow(4 * FEW);
    size_t length = compose_wal_version(wal, 2, (unsigned char)iteration);
    length += compose_commit(wal + length, 1);
    assert_int_equal(write_file(db->wal, wal, length), 0);
    assert_int_equal(dr_ahead_begin(turn, 0), DR_AHEAD_COPY);
    assert_int_equal(duckrow_publish_begin(turn, DUCKROW_PUBLISH_DUE, &plan, &error), DUCKROW_OK);
    assert_false(plan.checkpoint);
    assert_true(dr_ahead_busy(turn));
    assert_int_equal(duckrow_publish_begin(turn, DUCKROW_PUBLISH_CHECKPOINT, &plan, &error), DUCKROW_OK);
    assert_true(plan.checkpoint);
    assert_false(dr_ahead_busy(turn));
}

static int deleted_files(void)
{
    int count = 0;
    char path[PATH_MAX], target[PATH_MAX];
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(folder));) {
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t n = readlink(path, target, sizeof target - 1);
        target[n > 0 ? n : 0] = 0;
        count += strstr(target, ".wal (deleted)") != NULL;
    }
    closedir(folder);
    return count;
}

static void the_wal_is_closed_later(void **state)
{
    (void)state;
    duckrow_plan plan;
    unsigned char wal[256];
    grow(FEW);
    size_t length = compose_wal_version(wal, 2, (unsigned char)iteration);
    length += compose_commit(wal + length, 1);
    assert_int_equal(write_file(db->wal, wal, length), 0);
    assert_int_equal(duckrow_publish_begin(turn, DUCKROW_PUBLISH_CHECKPOINT, &plan, &error), DUCKROW_OK);
    dr_ahead_tidy(turn);
    unlink(db->wal);
    assert_int_equal(deleted_files(), 1);
    dr_ahead_begin(turn, 0);
    dr_ahead_tidy(turn);
    assert_int_equal(deleted_files(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_missing_slot_is_made),
        TEST(an_older_slot_is_made_level),
        TEST(without_it_the_rotation_looks_at_all),
        TEST(little_is_left_to_the_rotation),
        TEST(a_slot_rests_first),
        TEST(nothing_where_a_rotation_is_to_come),
        TEST(what_was_not_come_to_is_looked_at),
        TEST(not_level_with_headers_that_have_gone),
        TEST(a_guess_is_compared),
        TEST(a_publisher_stops_it),
        TEST(a_rotation_that_can_wait_does),
        TEST(the_wal_is_closed_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
