/* The folder removed, the database replaced or written over while somebody has the turn: it is noticed, two writers never have one
 * file, and whoever comes next goes on. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../unit/compose.h"
#include "core/slot.h"
#include "core/turn.h"

enum { LIMIT = 20000 };

static char path[4000], other[4096], wal[4096];
static unsigned char image[COMPOSED_SIZE];
static duckrow_db *db;
static duckrow_error error;

static int write_wal(int iteration, int commits)
{
    unsigned char data[4096];
    size_t n = compose_wal_version(data, 2, (unsigned char)iteration);
    for (int i = 0; i < commits; i++)
        n += compose_commit(data + n, (unsigned char)i);
    return write_file(wal, data, n);
}

/* As a program does that knows of no descriptors kept: the file is written in place. */
static void write_over(int iteration)
{
    compose_database(image, (uint64_t)iteration, 3);
    assert_int_equal(write_file(path, image, sizeof image), 0);
}

static void replace(int iteration)
{
    compose_database(image, (uint64_t)iteration, 3);
    assert_int_equal(write_file(other, image, sizeof image), 0);
    assert_int_equal(rename(other, path), 0);
}

static void publish(void)
{
    duckrow_turn *turn;
    if (duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", LIMIT, &turn, &error) || duckrow_publish_end(turn, NULL, &error))
        fail_msg("%s", error.message);
    duckrow_turn_release(turn);
}

static int make_database(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s", path_in(temp_folder(), "core.duckdb"));
    snprintf(wal, sizeof wal, "%s.wal", path);
    snprintf(other, sizeof other, "%s.new", path);
    compose_database(image, 5, 3);
    if (write_file(path, image, sizeof image) || write_wal(5, 3) || duckrow_db_open(path, NULL, &db, &error))
        return -1;
    db->options.rest_ms = 0;
    publish();
    return 0;
}

static int close_database(void **state)
{
    (void)state;
    duckrow_db_close(db);
    return 0;
}

static duckrow_turn *take(void)
{
    duckrow_turn *turn;
    if (duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", LIMIT, &turn, &error))
        fail_msg("%s", error.message);
    assert_int_equal(duckrow_turn_guard(turn, &error), DUCKROW_OK);
    return turn;
}

static void expect(duckrow_code found, duckrow_code code, const char *text)
{
    if (found != code || !strstr(error.message, text))
        fail_msg("%s: %s", duckrow_code_name(found), error.message);
    assert_null(strchr(error.message, '\n'));
}

/* What readers get is what the file holds now. */
static void check_readers(void)
{
    duckrow_snapshot *snapshot;
    unsigned char copy[COMPOSED_SIZE], now[COMPOSED_SIZE];
    if (duckrow_snapshot_pin(db, 0, &snapshot, &error))
        fail_msg("%s", error.message);
    int fd = open(duckrow_snapshot_path(snapshot), O_RDONLY | O_CLOEXEC), file = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, copy, DR_HEADERS, 0), DR_HEADERS);
    assert_int_equal(pread(file, now, DR_HEADERS, 0), DR_HEADERS);
    assert_memory_equal(copy, now, DR_HEADERS);
    close(fd);
    close(file);
    duckrow_snapshot_unpin(snapshot);
}

/* ---- the folder ---- */

/* Tries for as long as the context says, then says what it got; takes again when told to. */
static int competitor(int channel, void *context)
{
    duckrow_db *own;
    duckrow_turn *turn;
    duckrow_error failed = {0};
    if (duckrow_db_open(path, NULL, &own, NULL))
        return 1;
    duckrow_code code = duckrow_turn_take(own, DUCKROW_EXCLUSIVE, "write", *(int *)context, &turn, &failed);
    channel_send(channel, code == DUCKROW_BUSY && failed.holder.pid == getppid() ? 'b' : code ? 'e' : 't');
    if (code == DUCKROW_OK)
        duckrow_turn_release(turn);
    channel_receive(channel, LIMIT);
    if (duckrow_turn_take(own, DUCKROW_EXCLUSIVE, "write", LIMIT, &turn, NULL) || duckrow_publish_end(turn, NULL, NULL))
        return 2;
    duckrow_turn_release(turn);
    return 0;
}

static void a_removed_folder_lets_no_second_writer_in(void **state)
{
    (void)state;
    char command[8192];
    int timeout = 300;
    duckrow_plan plan;
    duckrow_turn *turn = take();
    snprintf(command, sizeof command, "rm -r '%s'", db->folder);
    assert_int_equal(system(command), 0);
    child second = child_start(competitor, &timeout);
    assert_int_equal(channel_receive(second.channel, LIMIT), 'b');
    /* The file is still ours. The snapshot is not: the folder there now is the other's. */
    assert_int_equal(duckrow_turn_guard(turn, &error), DUCKROW_OK);
    assert_int_equal(write_wal(5, 4), 0);
    expect(duckrow_publish_begin(turn, 0, &plan, &error), DUCKROW_STALE, "what is committed stays");
    expect(duckrow_publish_end(turn, NULL, &error), DUCKROW_STALE, "was removed while");
    duckrow_turn_release(turn);
    duckrow_snapshot *none;
    assert_int_equal(duckrow_snapshot_pin(db, 0, &none, &error), DUCKROW_STALE);
    channel_send(second.channel, 'g');
    assert_int_equal(child_wait(&second, LIMIT), 0);
    check_readers();
    publish();
}

static void a_pinned_reader_of_a_removed_folder_knows(void **state)
{
    (void)state;
    char command[8192];
    duckrow_snapshot *snapshot;
    assert_int_equal(duckrow_snapshot_pin(db, 0, &snapshot, &error), DUCKROW_OK);
    snprintf(command, sizeof command, "rm -r '%s'", db->folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(duckrow_snapshot_check(snapshot, &error), DUCKROW_STALE);
    publish();
    /* The new one has the same number, and is another. */
    assert_int_equal(duckrow_snapshot_check(snapshot, &error), DUCKROW_STALE);
    duckrow_snapshot_unpin(snapshot);
    check_readers();
}

/* ---- the file ---- */

static void a_replaced_file_is_noticed_before_anything_is_lost(void **state)
{
    (void)state;
    duckrow_plan plan;
    duckrow_snapshot *none;
    duckrow_turn *turn = take();
    replace(9);
    unlink(wal);
    expect(duckrow_turn_guard(turn, &error), DUCKROW_IO, "was replaced while this process had it open");
    expect(duckrow_publish_begin(turn, 0, &plan, &error), DUCKROW_IO, "was replaced");
    expect(duckrow_publish_end(turn, NULL, &error), DUCKROW_IO, "was replaced");
    /* The holder does not explain another file. */
    assert_int_equal(duckrow_snapshot_pin(db, 0, &none, &error), DUCKROW_STALE);
    duckrow_turn_release(turn);
    assert_int_equal(duckrow_snapshot_pin(db, 0, &none, &error), DUCKROW_STALE);
    publish();
    check_readers();
}

static void a_removed_file_is_noticed(void **state)
{
    (void)state;
    duckrow_snapshot *none;
    duckrow_turn *turn = take();
    unlink(path);
    expect(duckrow_turn_guard(turn, &error), DUCKROW_IO, "was removed while");
    duckrow_turn_release(turn);
    expect(duckrow_snapshot_pin(db, 0, &none, &error), DUCKROW_NOT_FOUND, "does not exist");
}

static void a_file_written_over_is_noticed(void **state)
{
    (void)state;
    duckrow_plan plan;
    duckrow_snapshot *none;
    duckrow_turn *turn = take();
    write_over(4);
    expect(duckrow_publish_begin(turn, 0, &plan, &error), DUCKROW_IO, "was overwritten");
    expect(duckrow_publish_end(turn, NULL, &error), DUCKROW_IO, "was overwritten");
    assert_int_equal(duckrow_snapshot_pin(db, 0, &none, &error), DUCKROW_STALE);
    duckrow_turn_release(turn);
    unlink(wal);
    publish();
    check_readers();
}

static void the_wal_of_another_file_is_refused(void **state)
{
    (void)state;
    duckrow_turn *turn;
    replace(9);
    for (duckrow_turn_mode mode = DUCKROW_EXCLUSIVE; mode <= DUCKROW_SHARED; mode++)
        expect(duckrow_turn_take(db, mode, "write", 0, &turn, &error), DUCKROW_IO, "with 3 commits");
    char moved[5000];
    snprintf(moved, sizeof moved, "%s.old", wal);
    assert_int_equal(rename(wal, moved), 0);
    publish();
    check_readers();
}

static void a_copy_of_the_same_file_may_take_its_place(void **state)
{
    (void)state;
    replace(5);
    publish();
    check_readers();
}

static void who_waits_gets_the_file_that_is_there_then(void **state)
{
    (void)state;
    int timeout = LIMIT;
    duckrow_turn *turn = take();
    child second = child_start(competitor, &timeout);
    WAIT_UNTIL(duckrow_turn_wanted(turn) == 1, LIMIT);
    replace(9);
    unlink(wal);
    duckrow_turn_release(turn);
    assert_int_equal(channel_receive(second.channel, LIMIT), 't');
    channel_send(second.channel, 'g');
    assert_int_equal(child_wait(&second, LIMIT), 0);
    check_readers();
}

static void a_lent_turn_may_replace_the_file(void **state)
{
    (void)state;
    duckrow_turn *turn = take();
    assert_int_equal(duckrow_turn_lend(turn, &error), DUCKROW_OK);
    replace(9);
    unlink(wal);
    assert_int_equal(duckrow_turn_reclaim(turn, LIMIT, &error), DUCKROW_OK);
    if (duckrow_turn_guard(turn, &error) || duckrow_publish_end(turn, NULL, &error))
        fail_msg("%s", error.message);
    duckrow_turn_release(turn);
    check_readers();
}

static void a_hard_link_made_meanwhile_is_refused(void **state)
{
    (void)state;
    duckrow_turn *turn;
    assert_int_equal(link(path, other), 0);
    expect(duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", 0, &turn, &error), DUCKROW_UNSUPPORTED, "2 hard links");
    unlink(other);
    publish();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_database, close_database)
    const struct CMUnitTest tests[] = {TEST(a_removed_folder_lets_no_second_writer_in),
                                       TEST(a_pinned_reader_of_a_removed_folder_knows),
                                       TEST(a_replaced_file_is_noticed_before_anything_is_lost),
                                       TEST(a_removed_file_is_noticed),
                                       TEST(a_file_written_over_is_noticed),
                                       TEST(the_wal_of_another_file_is_refused),
                                       TEST(a_copy_of_the_same_file_may_take_its_place),
                                       TEST(who_waits_gets_the_file_that_is_there_then),
                                       TEST(a_lent_turn_may_replace_the_file),
                                       TEST(a_hard_link_made_meanwhile_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
