/* A service that steps aside for holds, with real processes: the parent is the service. */
#include "support.h"

#include <signal.h>
#include <string.h>

#include "../unit/compose.h"
#include "core/os.h"
#include "core/process.h"
#include "core/turn.h"

enum { LIMIT = 20000, MOMENT = 100 };

static char path[4096];
static duckrow_db *db;
static duckrow_turn *turn;
static duckrow_error error;

struct asker {
    const char *kind;
    int timeout;
};
static struct asker hold = {"hold", LIMIT}, writer = {"write", LIMIT}, hasty = {"hold", 50}, service = {"serve", LIMIT};

static duckrow_code take(duckrow_db **opened, const struct asker *asker, duckrow_turn **taken)
{
    duckrow_code code = duckrow_db_open(path, NULL, opened, &error);
    return code ? code : duckrow_turn_take(*opened, DUCKROW_EXCLUSIVE, asker->kind, asker->timeout, taken, &error);
}

static int begin(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE];
    snprintf(path, sizeof path, "%s", path_in(temp_folder(), "core.duckdb"));
    compose_database(image, 1, 3);
    return write_file(path, image, sizeof image) || take(&db, &service, &turn);
}

static int end(void **state)
{
    (void)state;
    duckrow_turn_release(turn);
    duckrow_db_close(db);
    empty_folder(temp_folder());
    return 0;
}

/* Says 't' when it has the turn, 'b' when it got none in time; gives it up when told to. */
static int ask(int channel, void *context)
{
    duckrow_db *opened;
    duckrow_turn *taken;
    duckrow_code code = take(&opened, context, &taken);
    channel_send(channel, code == DUCKROW_OK ? 't' : code == DUCKROW_BUSY ? 'b' : 'e');
    if (code)
        return code;
    channel_receive(channel, LIMIT);
    duckrow_turn_release(taken);
    return 0;
}

/* As the service sees it, whose own ticket a look through its own descriptor leaves out. */
static struct dr_queue look(void)
{
    struct dr_queue queue;
    dr_turn_look(turn->fd, &queue, NULL, 0);
    return queue;
}

static int is_aside(void)
{
    struct dr_queue queue;
    duckrow_process first = {0};
    int fd;
    assert_int_equal(dr_turn_open(db, 0, &fd, &error), DUCKROW_OK);
    dr_turn_look(fd, &queue, &first, 1);
    dr_close(fd);
    assert_int_equal(queue.serves, 1);
    return queue.waiting && strcmp(first.kind, "serve") == 0;
}

static child start(struct asker *asker, int waiting)
{
    child started = child_start(ask, asker);
    WAIT_UNTIL(look().waiting == waiting, LIMIT);
    return started;
}

static void expect(const child *asked, char what)
{
    assert_int_equal(channel_receive(asked->channel, LIMIT), what);
}

static void finish(child *asked)
{
    channel_send(asked->channel, 'g');
    assert_int_equal(child_wait(asked, LIMIT), 0);
}

static void step_aside(void)
{
    WAIT_UNTIL(dr_turn_called(turn), LIMIT);
    if (dr_turn_step_aside(turn, &error))
        fail_msg("%s", error.message);
}

static void come_back(int timeout, duckrow_code code)
{
    assert_int_equal(dr_turn_come_back(turn, timeout, &error), code);
}

static void nobody_gets_between(void **state)
{
    (void)state;
    child before = start(&writer, 1);
    assert_int_equal(dr_turn_called(turn), 0);
    for (int i = 0; i < scaled(500, 50); i++) {
        child one = start(&hold, 2);
        step_aside();
        expect(&one, 't');
        assert_int_equal(is_aside(), 1);
        duckrow_process holder;
        assert_int_equal(dr_turn_holder(turn, &holder), 1);
        assert_int_equal(holder.pid, one.pid);
        come_back(i ? 0 : MOMENT, DUCKROW_BUSY);
        assert_non_null(strstr(error.message, "to hold"));
        finish(&one);
        come_back(LIMIT, DUCKROW_OK);
        assert_int_equal(is_aside(), 0);
        assert_int_equal(duckrow_turn_level(turn), 0);
    }
    assert_int_equal(channel_receive(before.channel, MOMENT), -1);
    duckrow_turn_release(turn);
    turn = NULL;
    expect(&before, 't');
    finish(&before);
}

/* Holds come in their order, and those who wait for a service to end don't count. */
static void holds_in_a_row(void **state)
{
    (void)state;
    child first = start(&writer, 1), one = start(&hold, 2), second = start(&writer, 3), two = start(&hold, 4);
    step_aside();
    expect(&one, 't');
    assert_int_equal(channel_receive(two.channel, MOMENT), -1);
    finish(&one);
    /* The next may be quicker than a service that is not waiting yet. */
    if (dr_turn_come_back(turn, MOMENT, &error) == DUCKROW_OK)
        step_aside();
    expect(&two, 't');
    assert_int_equal(channel_receive(first.channel, MOMENT), -1);
    finish(&two);
    come_back(LIMIT, DUCKROW_OK);
    assert_int_equal(dr_turn_called(turn), 0);
    duckrow_turn_release(turn);
    turn = NULL;
    expect(&first, 't');
    finish(&first);
    expect(&second, 't');
    finish(&second);
}

static void who_gives_up_leaves_nothing(void **state)
{
    (void)state;
    child one = child_start(ask, &hasty);
    expect(&one, 'b');
    child_wait(&one, LIMIT);
    assert_int_equal(dr_turn_called(turn), 0);
    one = start(&hold, 1);
    WAIT_UNTIL(dr_turn_called(turn), LIMIT);
    child_signal(&one, SIGKILL);
    child_wait(&one, LIMIT);
    /* The service had begun. */
    assert_int_equal(dr_turn_step_aside(turn, &error), DUCKROW_OK);
    come_back(0, DUCKROW_OK);
    one = start(&hold, 1);
    step_aside();
    expect(&one, 't');
    child_signal(&one, SIGKILL);
    child_wait(&one, LIMIT);
    come_back(LIMIT, DUCKROW_OK);
}

static void who_is_stopped_is_not_waited_for(void **state)
{
    (void)state;
    child one = start(&hold, 1);
    WAIT_UNTIL(dr_turn_called(turn), LIMIT);
    child_signal(&one, SIGSTOP);
    WAIT_UNTIL(dr_process_state(one.pid) == 'T', LIMIT);
    int64_t asked = clock_ms();
    assert_int_equal(dr_turn_step_aside(turn, &error), DUCKROW_BUSY);
    assert_in_range(clock_ms() - asked, 100, LIMIT);
    /* One of its threads may have had TURN just before it stopped. */
    int back = dr_turn_come_back(turn, 0, &error) == DUCKROW_OK;
    child_signal(&one, SIGCONT);
    if (back) {
        assert_int_equal(channel_receive(one.channel, MOMENT), -1);
        step_aside();
    }
    expect(&one, 't');
    finish(&one);
    come_back(LIMIT, DUCKROW_OK);
}

static void a_service_that_ends_lets_all_go_on(void **state)
{
    (void)state;
    child waits = start(&writer, 1), one = start(&hold, 2), two = start(&hold, 3);
    step_aside();
    expect(&one, 't');
    /* It leaves while it is away. */
    duckrow_turn_release(turn);
    turn = NULL;
    assert_int_equal(channel_receive(waits.channel, MOMENT), -1);
    finish(&one);
    int64_t until = clock_ms() + LIMIT;
    int seen = 0;
    for (child *left[] = {&waits, &two}; seen != 3 && clock_ms() < until;)
        for (int i = 0; i < 2; i++)
            if (!(seen & 1 << i) && channel_receive(left[i]->channel, 5) == 't') {
                finish(left[i]);
                seen |= 1 << i;
            }
    assert_int_equal(seen, 3);
}

/* One that asked before the service was there waits for the service's ticket as for any, until it sees whose it is. */
static void a_hold_that_was_there_first(void **state)
{
    (void)state;
    duckrow_turn_release(turn);
    assert_int_equal(duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", LIMIT, &turn, &error), DUCKROW_OK);
    child serves = start(&service, 1), one = start(&hold, 2);
    assert_int_equal(channel_receive(one.channel, MOMENT), -1);
    duckrow_turn_release(turn);
    turn = NULL;
    /* Either may be first: TURN keeps them apart. */
    int served = channel_receive(serves.channel, 2 * MOMENT);
    if (served == 't') {
        assert_int_equal(channel_receive(one.channel, MOMENT), -1);
        child_signal(&serves, SIGKILL);
        child_wait(&serves, LIMIT);
        expect(&one, 't');
        finish(&one);
    } else {
        expect(&one, 't');
        finish(&one);
        expect(&serves, 't');
        finish(&serves);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(nobody_gets_between),
        TEST(holds_in_a_row),
        TEST(who_gives_up_leaves_nothing),
        TEST(who_is_stopped_is_not_waited_for),
        TEST(a_service_that_ends_lets_all_go_on),
        TEST(a_hold_that_was_there_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
