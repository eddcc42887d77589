/* The gate: who is inside, who waits to be alone, in which order, and what happens to members that don't leave. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/os.h"
#include "service/gate.h"

enum { LONG_MS = 5000, SHORT_MS = 40 };

static struct dr_gate gate;
static atomic_int interrupted; /* how often */
static void *atomic_connection;
static atomic_int order; /* of those who were let in */

static void interrupt(void *connection, void *context)
{
    assert_ptr_equal(context, &gate);
    atomic_connection = connection;
    interrupted++;
}

static int begin(void **state)
{
    (void)state;
    interrupted = order = 0;
    dr_gate_init(&gate, interrupt, &gate);
    return 0;
}

/* ---- somebody at the gate ---- */

struct visitor {
    pthread_t thread;
    struct dr_member member;
    int alone, place; /* place: the how manyth to get in */
    int64_t wait_ms, patience;
    duckrow_code code;
    duckrow_error error;
    atomic_int in, leave, ended;
};

static void *visit(void *argument)
{
    struct visitor *visitor = argument;
    int64_t deadline = dr_clock_ms() + visitor->wait_ms;
    visitor->code = visitor->alone ? dr_gate_alone(&gate, &visitor->member, deadline, visitor->patience, &visitor->error)
                                   : dr_gate_enter(&gate, &visitor->member, deadline, &visitor->error);
    if (!visitor->code) {
        visitor->place = ++order;
        visitor->in = 1;
        while (!visitor->leave)
            sleep_ms(1);
        dr_gate_leave(&gate, &visitor->member);
    }
    visitor->ended = 1;
    return NULL;
}

static void start(struct visitor *visitor, int alone, int64_t wait_ms, int64_t patience)
{
    visitor->alone = alone;
    visitor->wait_ms = wait_ms;
    visitor->patience = patience;
    assert_int_equal(pthread_create(&visitor->thread, NULL, visit, visitor), 0);
}

static void let_go(struct visitor *visitor)
{
    visitor->leave = 1;
    pthread_join(visitor->thread, NULL);
}

/* How many want to be alone, or are. */
static int askers(void)
{
    pthread_mutex_lock(&gate.mutex);
    int closed = gate.closed;
    pthread_mutex_unlock(&gate.mutex);
    return closed;
}

/* ---- */

static void test_members_are_together(void **state)
{
    (void)state;
    struct dr_member members[3] = {0};
    duckrow_error error;
    for (int i = 0; i < 3; i++)
        assert_int_equal(dr_gate_enter(&gate, &members[i], 0, &error), DUCKROW_OK);
    assert_int_equal(gate.count, 3);
    /* In any order; a second time it is nothing. */
    dr_gate_leave(&gate, &members[1]);
    dr_gate_leave(&gate, &members[1]);
    assert_int_equal(gate.count, 2);
    dr_gate_leave(&gate, &members[2]);
    dr_gate_leave(&gate, &members[0]);
    assert_int_equal(gate.count, 0);
    assert_ptr_equal(gate.members.next, &gate.members);
}

static void test_alone_waits_and_closes_the_gate(void **state)
{
    (void)state;
    struct visitor first = {0}, alone = {0}, late = {0};
    start(&first, 0, LONG_MS, 0);
    WAIT_UNTIL(first.in, LONG_MS);
    start(&alone, 1, LONG_MS, LONG_MS);
    WAIT_UNTIL(askers() == 1, LONG_MS);
    start(&late, 0, LONG_MS, 0);
    sleep_ms(SHORT_MS);
    assert_int_equal(alone.in, 0);
    assert_int_equal(late.in, 0);
    let_go(&first);
    WAIT_UNTIL(alone.in, LONG_MS);
    sleep_ms(SHORT_MS);
    assert_int_equal(late.in, 0);
    let_go(&alone);
    WAIT_UNTIL(late.in, LONG_MS);
    let_go(&late);
    assert_int_equal(interrupted, 0);
    assert_int_equal(first.member.cancelled, 0);
}

static void test_enter_times_out(void **state)
{
    (void)state;
    struct dr_member alone = {0};
    struct visitor late = {0};
    duckrow_error error;
    assert_int_equal(dr_gate_alone(&gate, &alone, 0, 0, &error), DUCKROW_OK);
    int64_t began = clock_ms();
    start(&late, 0, SHORT_MS, 0);
    let_go(&late);
    assert_in_range(clock_ms() - began, SHORT_MS - 5, LONG_MS);
    assert_int_equal(late.code, DUCKROW_BUSY);
    assert_int_equal(late.error.code, DUCKROW_BUSY);
    assert_non_null(strstr(late.error.message, "busy_timeout"));
    assert_int_equal(late.member.inside, 0);
    dr_gate_leave(&gate, &alone);
    assert_int_equal(dr_gate_enter(&gate, &late.member, 0, &error), DUCKROW_OK);
    dr_gate_leave(&gate, &late.member);
}

static void test_patience_presses_members(void **state)
{
    (void)state;
    int connection;
    struct visitor alone = {0};
    struct dr_member slow = {.connection = &connection}, silent = {0};
    duckrow_error error;
    assert_int_equal(dr_gate_enter(&gate, &slow, 0, &error), DUCKROW_OK);
    assert_int_equal(dr_gate_enter(&gate, &silent, 0, &error), DUCKROW_OK);
    int64_t began = clock_ms();
    start(&alone, 1, 0, SHORT_MS);
    WAIT_UNTIL(slow.cancelled && silent.cancelled, LONG_MS);
    assert_in_range(clock_ms() - began, SHORT_MS - 5, LONG_MS);
    /* Who has no connection is told, and no more than that; the others are interrupted until they leave. */
    WAIT_UNTIL(interrupted >= 2, LONG_MS);
    assert_int_equal(alone.in, 0);
    dr_gate_leave(&gate, &slow);
    dr_gate_leave(&gate, &silent);
    WAIT_UNTIL(alone.in, LONG_MS);
    assert_ptr_equal(atomic_connection, &connection);
    assert_int_equal(alone.member.cancelled, 0);
    /* The next time inside begins anew. */
    let_go(&alone);
    assert_int_equal(dr_gate_enter(&gate, &slow, 0, &error), DUCKROW_OK);
    assert_int_equal(slow.cancelled, 0);
    dr_gate_leave(&gate, &slow);
}

static void test_shielded_members_are_left_alone(void **state)
{
    (void)state;
    int connection;
    struct visitor alone = {0};
    struct dr_member ending = {.connection = &connection}, slow = {.connection = &connection};
    duckrow_error error;
    assert_int_equal(dr_gate_enter(&gate, &ending, 0, &error), DUCKROW_OK);
    assert_int_equal(dr_gate_shield(&gate, &ending), 1);
    start(&alone, 1, 0, 0);
    sleep_ms(2 * SHORT_MS);
    assert_int_equal(ending.cancelled, 0);
    assert_int_equal(interrupted, 0);
    dr_gate_leave(&gate, &ending);
    WAIT_UNTIL(alone.in, LONG_MS);
    let_go(&alone);
    /* Who was cancelled before is told; inside anew it is no longer shielded. */
    assert_int_equal(dr_gate_enter(&gate, &ending, 0, &error), DUCKROW_OK);
    assert_int_equal(dr_gate_enter(&gate, &slow, 0, &error), DUCKROW_OK);
    alone = (struct visitor){0};
    start(&alone, 1, 0, 0);
    WAIT_UNTIL(ending.cancelled && slow.cancelled && interrupted, LONG_MS);
    assert_int_equal(dr_gate_shield(&gate, &slow), 0);
    dr_gate_leave(&gate, &ending);
    dr_gate_leave(&gate, &slow);
    WAIT_UNTIL(alone.in, LONG_MS);
    let_go(&alone);
}

static void *stop_soon(void *argument)
{
    const char *_Atomic *stop = argument;
    sleep_ms(SHORT_MS);
    *stop = "no longer wanted";
    dr_gate_wake(&gate);
    return NULL;
}

static void test_a_wait_is_stopped(void **state)
{
    (void)state;
    const char *_Atomic stop = NULL;
    struct dr_member alone = {0}, late = {.stop = &stop};
    pthread_t thread;
    duckrow_error error;
    assert_int_equal(dr_gate_alone(&gate, &alone, 0, 0, &error), DUCKROW_OK);
    assert_int_equal(dr_gate_wait(&gate, dr_clock_ms() + 5), 0);
    pthread_create(&thread, NULL, stop_soon, &stop);
    assert_int_equal(dr_gate_enter(&gate, &late, dr_clock_ms() + LONG_MS, &error), DUCKROW_INTERRUPTED);
    pthread_join(thread, NULL);
    assert_string_equal(error.message, "no longer wanted");
    dr_gate_leave(&gate, &alone);
    assert_int_equal(dr_gate_wait(&gate, 0), 1);
}

static void test_askers_in_order(void **state)
{
    (void)state;
    enum { ASKERS = 5 };
    struct visitor holder = {0}, asker[ASKERS] = {0};
    start(&holder, 0, LONG_MS, 0);
    WAIT_UNTIL(holder.in, LONG_MS);
    for (int i = 0; i < ASKERS; i++) {
        start(&asker[i], 1, LONG_MS, LONG_MS);
        WAIT_UNTIL(askers() == i + 1, LONG_MS);
    }
    let_go(&holder);
    for (int i = 0; i < ASKERS; i++) {
        WAIT_UNTIL(asker[i].in, LONG_MS);
        sleep_ms(2);
        assert_int_equal(order, i + 2);
        assert_int_equal(asker[i].place, i + 2);
        let_go(&asker[i]);
    }
    assert_int_equal(askers(), 0);
}

/* One in the middle and the last of the queue give up; the others still come, and the gate opens in the end. */
static void test_asker_times_out(void **state)
{
    (void)state;
    struct visitor alone = {0}, impatient = {0}, patient = {0}, last = {0}, late = {0};
    start(&alone, 1, LONG_MS, 0);
    WAIT_UNTIL(alone.in, LONG_MS);
    start(&impatient, 1, SHORT_MS, 0);
    WAIT_UNTIL(askers() == 2, LONG_MS);
    start(&patient, 1, LONG_MS, 0);
    WAIT_UNTIL(askers() >= 2 && order == 1, LONG_MS);
    start(&last, 1, SHORT_MS, 0);
    WAIT_UNTIL(impatient.ended && last.ended, LONG_MS);
    assert_int_equal(impatient.code, DUCKROW_BUSY);
    assert_int_equal(last.code, DUCKROW_BUSY);
    assert_non_null(strstr(impatient.error.message, "busy_timeout"));
    start(&late, 1, LONG_MS, 0);
    WAIT_UNTIL(askers() == 3, LONG_MS);
    let_go(&alone);
    WAIT_UNTIL(patient.in, LONG_MS);
    let_go(&patient);
    WAIT_UNTIL(late.in, LONG_MS);
    let_go(&late);
    let_go(&impatient);
    let_go(&last);
    struct dr_member member = {0};
    duckrow_error error;
    assert_int_equal(dr_gate_enter(&gate, &member, 0, &error), DUCKROW_OK);
    dr_gate_leave(&gate, &member);
}

/* ---- many at a time ---- */

static atomic_int inside, alone_inside, rounds;

static void *come_and_go(void *argument)
{
    int number = (int)(intptr_t)argument;
    struct dr_member member = {0};
    duckrow_error error;
    for (int i = 0; i < scaled(3000, 300); i++) {
        int alone = (i + number) % 7 == 0;
        duckrow_code code = alone ? dr_gate_alone(&gate, &member, INT64_MAX, 1000, &error)
                                  : dr_gate_enter(&gate, &member, dr_clock_ms() + LONG_MS, &error);
        assert_int_equal(code, DUCKROW_OK);
        if (alone) {
            assert_int_equal(inside, 0);
            assert_int_equal(alone_inside++, 0);
            assert_int_equal(alone_inside--, 1);
        } else {
            inside++;
            assert_int_equal(alone_inside, 0);
            inside--;
        }
        rounds++;
        dr_gate_leave(&gate, &member);
    }
    return NULL;
}

static void test_many(void **state)
{
    (void)state;
    enum { THREADS = 6 };
    pthread_t thread[THREADS];
    rounds = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, come_and_go, (void *)(intptr_t)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(rounds, THREADS * scaled(3000, 300));
    assert_int_equal(gate.count, 0);
    assert_int_equal(gate.closed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_members_are_together, begin),
        cmocka_unit_test_setup(test_alone_waits_and_closes_the_gate, begin),
        cmocka_unit_test_setup(test_enter_times_out, begin),
        cmocka_unit_test_setup(test_patience_presses_members, begin),
        cmocka_unit_test_setup(test_shielded_members_are_left_alone, begin),
        cmocka_unit_test_setup(test_a_wait_is_stopped, begin),
        cmocka_unit_test_setup(test_askers_in_order, begin),
        cmocka_unit_test_setup(test_asker_times_out, begin),
        cmocka_unit_test_setup(test_many, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
