/* The queue within one process: two turns exclude each other as those of two processes do. */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "compose.h"
#include "core/turn.h"

static duckrow_db *db;
static duckrow_error error;

static int open_database(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE];
    const char *path = path_in(temp_folder(), "core.duckdb");
    compose_database(image, 1, 3);
    return write_file(path, image, sizeof image) || duckrow_db_open(path, NULL, &db, &error);
}

static int close_database(void **state)
{
    (void)state;
    duckrow_db_close(db);
    return 0;
}

static duckrow_turn *take(duckrow_turn_mode mode)
{
    duckrow_turn *turn;
    if (duckrow_turn_take(db, mode, "write", 0, &turn, &error))
        fail_msg("%s", error.message);
    return turn;
}

static void refuse(duckrow_turn_mode mode, int64_t timeout_ms, duckrow_code code)
{
    duckrow_turn *turn;
    assert_int_equal(duckrow_turn_take(db, mode, "write", timeout_ms, &turn, &error), code);
    assert_int_equal(error.code, code);
    assert_null(turn);
}

static void exclusive_excludes_all(void **state)
{
    (void)state;
    duckrow_turn *turn = take(DUCKROW_EXCLUSIVE);
    refuse(DUCKROW_EXCLUSIVE, 0, DUCKROW_BUSY);
    refuse(DUCKROW_SHARED, 0, DUCKROW_BUSY);
    duckrow_turn_release(turn);
    duckrow_turn_release(take(DUCKROW_EXCLUSIVE));
}

static void shared_excludes_exclusive_only(void **state)
{
    (void)state;
    duckrow_turn *one = take(DUCKROW_SHARED), *two = take(DUCKROW_SHARED);
    refuse(DUCKROW_EXCLUSIVE, 0, DUCKROW_BUSY);
    duckrow_turn_release(one);
    refuse(DUCKROW_EXCLUSIVE, 0, DUCKROW_BUSY);
    duckrow_turn_release(two);
    duckrow_turn_release(take(DUCKROW_EXCLUSIVE));
}

static void busy_says_who_and_how_long(void **state)
{
    (void)state;
    duckrow_turn *turn = take(DUCKROW_EXCLUSIVE);
    int64_t asked = clock_ms();
    refuse(DUCKROW_EXCLUSIVE, 50, DUCKROW_BUSY);
    assert_in_range(clock_ms() - asked, 50, 1000);
    assert_in_range(error.waited_ms, 50, 1000);
    assert_int_equal(error.holder.pid, getpid());
    assert_string_equal(error.holder.kind, "write");
    assert_int_not_equal(error.holder.started, 0);
    assert_non_null(strstr(error.message, "is busy: held for"));
    duckrow_turn_release(turn);
}

static void *interrupt_soon(void *fd)
{
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    eventfd_write(*(int *)fd, 1);
    return NULL;
}

static void a_descriptor_ends_the_wait(void **state)
{
    (void)state;
    int fd = eventfd(0, EFD_CLOEXEC);
    duckrow_db_options options = DUCKROW_DB_OPTIONS_INIT;
    options.interrupt_fd = fd;
    duckrow_db *other;
    duckrow_turn *turn = take(DUCKROW_EXCLUSIVE), *second;
    pthread_t thread;
    int64_t began = dr_clock_ms();
    assert_int_equal(duckrow_db_open(duckrow_db_path(db), &options, &other, &error), DUCKROW_OK);
    pthread_create(&thread, NULL, interrupt_soon, &fd);
    assert_int_equal(duckrow_turn_take(other, DUCKROW_EXCLUSIVE, "write", 20000, &second, &error), DUCKROW_INTERRUPTED);
    assert_true(dr_clock_ms() - began < 10000);
    pthread_join(thread, NULL);
    /* As long as it can be read nobody waits; nor does who waited keep a place. */
    assert_int_equal(duckrow_turn_take(other, DUCKROW_EXCLUSIVE, "write", 20000, &second, &error), DUCKROW_INTERRUPTED);
    duckrow_turn_release(turn);
    assert_int_equal(duckrow_turn_take(other, DUCKROW_EXCLUSIVE, "write", 20000, &second, &error), DUCKROW_OK);
    duckrow_turn_release(second);
    duckrow_db_close(other);
    close(fd);
}

static void negative_timeout_is_refused(void **state)
{
    (void)state;
    refuse(DUCKROW_EXCLUSIVE, -1, DUCKROW_USAGE);
}

static void tickets_rise_and_a_wrong_hint_is_repaired(void **state)
{
    (void)state;
    const uint64_t hints[] = {0, 3, 1000, UINT64_MAX, (uint64_t)1 << 60};
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        duckrow_turn *one = take(DUCKROW_EXCLUSIVE);
        assert_int_equal(pwrite(one->fd, &hints[i], 8, 8), 8);
        refuse(DUCKROW_EXCLUSIVE, 0, DUCKROW_BUSY);
        duckrow_turn_release(one);
        duckrow_turn *two = take(DUCKROW_EXCLUSIVE);
        uint64_t hint;
        assert_int_equal(pread(two->fd, &hint, 8, 8), 8);
        assert_int_equal(hint, two->ticket + 1);
        duckrow_turn_release(two);
    }
}

static void replaced_folder_is_noticed(void **state)
{
    (void)state;
    duckrow_turn *old = take(DUCKROW_EXCLUSIVE);
    char moved[4200];
    snprintf(moved, sizeof moved, "%s.old", db->folder);
    assert_int_equal(rename(db->folder, moved), 0);
    duckrow_turn_release(old);
    duckrow_turn *turn = take(DUCKROW_EXCLUSIVE);
    struct stat mine, now;
    assert_int_equal(fstat(turn->fd, &mine), 0);
    assert_int_equal(stat(path_in(db->folder, "turn"), &now), 0);
    assert_int_equal(mine.st_ino, now.st_ino);
    duckrow_turn_release(turn);
}

static void unknown_format_is_refused(void **state)
{
    (void)state;
    duckrow_turn_release(take(DUCKROW_EXCLUSIVE));
    assert_int_equal(write_file(path_in(db->folder, "turn"), "duckrow\2", 8), 0);
    refuse(DUCKROW_EXCLUSIVE, 0, DUCKROW_UNSUPPORTED);
    refuse(DUCKROW_SHARED, 0, DUCKROW_UNSUPPORTED);
    duckrow_snapshot *snapshot;
    char *json;
    assert_int_equal(duckrow_snapshot_pin(db, 0, &snapshot, &error), DUCKROW_UNSUPPORTED);
    assert_non_null(strstr(error.message, "upgrade duckrow"));
    assert_int_equal(duckrow_status_json(db, &json, &error), DUCKROW_UNSUPPORTED);
    assert_int_equal(write_file(path_in(db->folder, "turn"), "strange!", 8), 0);
    refuse(DUCKROW_EXCLUSIVE, 0, DUCKROW_UNSUPPORTED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_database, close_database)
    const struct CMUnitTest tests[] = {TEST(exclusive_excludes_all),
                                       TEST(shared_excludes_exclusive_only),
                                       TEST(busy_says_who_and_how_long),
                                       TEST(negative_timeout_is_refused),
                                       TEST(a_descriptor_ends_the_wait),
                                       TEST(replaced_folder_is_noticed),
                                       TEST(tickets_rise_and_a_wrong_hint_is_repaired),
                                       TEST(unknown_format_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
