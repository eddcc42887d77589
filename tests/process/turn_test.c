/* The queue with real processes: each waits for a condition, never for a time, and has a limit. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../unit/compose.h"
#include "core/turn.h"

enum { LIMIT = 20000 };

static char path[4096];

static int make_database(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE];
    snprintf(path, sizeof path, "%s", path_in(temp_folder(), "core.duckdb"));
    compose_database(image, 1, 3);
    return write_file(path, image, sizeof image);
}

static duckrow_code take(duckrow_db **db, duckrow_turn_mode mode, int64_t timeout, duckrow_turn **turn, duckrow_error *error)
{
    duckrow_code code = duckrow_db_open(path, NULL, db, error);
    return code ? code : duckrow_turn_take(*db, mode, "write", timeout, turn, error);
}

/* Takes the turn, says 't', gives it up when told to. The context is the timeout; 'b' when busy. */
static int holder(int channel, void *context)
{
    duckrow_db *db;
    duckrow_turn *turn;
    channel_send(channel, 'q');
    duckrow_code code = take(&db, DUCKROW_EXCLUSIVE, *(int *)context, &turn, NULL);
    channel_send(channel, code == DUCKROW_OK ? 't' : code == DUCKROW_BUSY ? 'b' : 'e');
    if (code)
        return code;
    channel_receive(channel, LIMIT);
    duckrow_turn_release(turn);
    channel_send(channel, 'r');
    return 0;
}

static int waiting(void)
{
    static duckrow_status status;
    duckrow_db *db;
    assert_int_equal(duckrow_db_open(path, NULL, &db, NULL), DUCKROW_OK);
    assert_int_equal(duckrow_status_read(db, &status, NULL), DUCKROW_OK);
    duckrow_db_close(db);
    return status.waiting;
}

/* A child that has the turn, or stands behind `before` others. */
static child start(int timeout, int before)
{
    child c = child_start(holder, &timeout);
    assert_int_equal(channel_receive(c.channel, LIMIT), 'q');
    if (before < 0)
        assert_int_equal(channel_receive(c.channel, LIMIT), 't');
    else
        WAIT_UNTIL(waiting() == before + 1, LIMIT);
    return c;
}

static void finish(child *c)
{
    channel_send(c->channel, 'g');
    assert_int_equal(channel_receive(c->channel, LIMIT), 'r');
    assert_int_equal(child_wait(c, LIMIT), 0);
}

static void first_come_first_served(void **state)
{
    (void)state;
    child c[8];
    for (int i = 0; i < 8; i++)
        c[i] = start(LIMIT, i - 1);
    for (int i = 0; i < 8; i++) {
        for (int later = i + 1; later < 8; later++)
            assert_int_equal(channel_receive(c[later].channel, 0), -1);
        finish(&c[i]);
        if (i < 7)
            assert_int_equal(channel_receive(c[i + 1].channel, LIMIT), 't');
    }
}

static void a_waiter_in_the_middle_gives_up(void **state)
{
    (void)state;
    child first = start(LIMIT, -1), second = start(LIMIT, 0), middle = start(300, 1), last = start(LIMIT, 2);
    assert_int_equal(channel_receive(middle.channel, LIMIT), 'b');
    assert_int_equal(child_wait(&middle, LIMIT), DUCKROW_BUSY);
    assert_int_equal(channel_receive(last.channel, 50), -1);
    finish(&first);
    assert_int_equal(channel_receive(second.channel, LIMIT), 't');
    finish(&second);
    assert_int_equal(channel_receive(last.channel, LIMIT), 't');
    finish(&last);
}

static void a_killed_holder_frees_its_turn(void **state)
{
    (void)state;
    child first = start(LIMIT, -1), second = start(LIMIT, 0);
    child_signal(&first, SIGKILL);
    assert_int_equal(channel_receive(second.channel, 1000), 't');
    assert_int_equal(child_wait(&first, LIMIT), 128 + SIGKILL);
    finish(&second);
}

static void a_stopped_process_is_named(void **state)
{
    (void)state;
    child first = start(LIMIT, -1), second = start(LIMIT, 0);
    pid_t stopped = second.pid;
    child_signal(&second, SIGSTOP);
    WAIT_UNTIL(dr_process_state(stopped) == 'T', LIMIT);
    finish(&first);
    duckrow_db *db;
    duckrow_turn *turn;
    duckrow_error error;
    assert_int_equal(take(&db, DUCKROW_EXCLUSIVE, 100, &turn, &error), DUCKROW_BUSY);
    assert_int_equal(error.holder.pid, stopped);
    assert_non_null(strstr(error.message, "stopped"));
    duckrow_db_close(db);
    child_signal(&second, SIGCONT);
    assert_int_equal(channel_receive(second.channel, LIMIT), 't');
    finish(&second);
}

static void the_holder_knows_how_many_wait(void **state)
{
    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        duckrow_db *db;
        duckrow_turn *turn;
        assert_int_equal(take(&db, shared ? DUCKROW_SHARED : DUCKROW_EXCLUSIVE, LIMIT, &turn, NULL), DUCKROW_OK);
        assert_int_equal(duckrow_turn_wanted(turn), 0);
        child second = start(LIMIT, 0), others[2] = {start(LIMIT, 1), start(LIMIT, 2)};
        assert_int_equal(duckrow_turn_wanted(turn), 3);
        for (int i = 0; i < 2; i++) {
            child_signal(&others[i], SIGKILL);
            assert_int_equal(child_wait(&others[i], LIMIT), 128 + SIGKILL);
            assert_int_equal(duckrow_turn_wanted(turn), 2 - i);
        }
        duckrow_turn_release(turn);
        assert_int_equal(channel_receive(second.channel, LIMIT), 't');
        finish(&second);
        duckrow_db_close(db);
    }
}

static int lock_as_stranger(int channel, void *context)
{
    (void)context;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    channel_send(channel, fcntl(fd, F_SETLK, &all) == 0 ? 't' : 'e');
    channel_receive(channel, LIMIT);
    return 0;
}

static void a_stranger_is_waited_for_and_named(void **state)
{
    (void)state;
    child stranger = child_start(lock_as_stranger, NULL);
    assert_int_equal(channel_receive(stranger.channel, LIMIT), 't');
    duckrow_db *db;
    duckrow_turn *turn;
    duckrow_error error;
    assert_int_equal(take(&db, DUCKROW_EXCLUSIVE, 100, &turn, &error), DUCKROW_BUSY);
    assert_int_equal(error.holder.pid, stranger.pid);
    assert_string_equal(error.holder.kind, "stranger");
    channel_send(stranger.channel, 'g');
    assert_int_equal(duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", LIMIT, &turn, &error), DUCKROW_OK);
    duckrow_turn_release(turn);
    duckrow_db_close(db);
    assert_int_equal(child_wait(&stranger, LIMIT), 0);
}

static atomic_int inside, taken;

static void *many_short_waits(void *context)
{
    duckrow_db *db = context;
    for (int i = 0; i < scaled(20000, 400); i++) {
        duckrow_turn *turn;
        duckrow_code code = duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", i % 4, &turn, NULL);
        if (code == DUCKROW_OK) {
            if (atomic_fetch_add(&inside, 1))
                abort();
            atomic_fetch_add(&taken, 1);
            atomic_fetch_sub(&inside, 1);
            duckrow_turn_release(turn);
        } else if (code != DUCKROW_BUSY) {
            abort();
        }
    }
    return NULL;
}

static void short_timeouts_leave_no_lock_behind(void **state)
{
    (void)state;
    duckrow_db *db;
    duckrow_turn *turn;
    pthread_t threads[4];
    assert_int_equal(duckrow_db_open(path, NULL, &db, NULL), DUCKROW_OK);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, many_short_waits, db);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(taken > 0);
    assert_int_equal(waiting(), 0);
    assert_int_equal(duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", 0, &turn, NULL), DUCKROW_OK);
    duckrow_turn_release(turn);
    duckrow_db_close(db);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, make_database)
    const struct CMUnitTest tests[] = {TEST(the_holder_knows_how_many_wait),     TEST(first_come_first_served),
                                       TEST(a_waiter_in_the_middle_gives_up),    TEST(a_killed_holder_frees_its_turn),
                                       TEST(a_stopped_process_is_named),         TEST(a_stranger_is_waited_for_and_named),
                                       TEST(short_timeouts_leave_no_lock_behind)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
