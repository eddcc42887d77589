/* Workers: every task runs, at most so many at a time, those that wait in order. */
#include "support.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "service/workers.h"

enum { TASKS = 64 };

struct job {
    struct dr_task task; /* first */
    int number;
};

static struct job jobs[TASKS];
static atomic_int running, most, done, opened;
static int sequence[TASKS];

static void prepare(void (*run)(struct dr_task *))
{
    running = most = done = opened = 0;
    for (int i = 0; i < TASKS; i++)
        jobs[i] = (struct job){{NULL, run}, i};
}

static void run_held(struct dr_task *task)
{
    (void)task;
    int now = ++running;
    if (now > most)
        most = now;
    while (!opened)
        sleep_ms(1);
    running--;
    done++;
}

static void run_in_order(struct dr_task *task)
{
    sequence[done++] = ((struct job *)task)->number;
}

static void test_limit(void **state)
{
    (void)state;
    struct dr_workers *workers = dr_workers_open(3);
    assert_non_null(workers);
    prepare(run_held);
    for (int i = 0; i < 10; i++)
        dr_workers_put(workers, &jobs[i].task, 0);
    WAIT_UNTIL(running == 3, 5000);
    sleep_ms(20);
    assert_int_equal(running, 3);
    assert_int_equal(done, 0);
    opened = 1;
    WAIT_UNTIL(done == 10, 5000);
    dr_workers_close(workers);
    assert_int_equal(most, 3);
}

static void test_order(void **state)
{
    (void)state;
    struct dr_workers *workers = dr_workers_open(1);
    prepare(run_in_order);
    for (int i = 0; i < TASKS; i++)
        dr_workers_put(workers, &jobs[i].task, 0);
    dr_workers_close(workers);
    assert_int_equal(done, TASKS);
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(sequence[i], i);
}

/* A task that has to wait for another one gets its own thread, as long as there may be more. */
static void test_threads_for_those_who_wait(void **state)
{
    (void)state;
    struct dr_workers *workers = dr_workers_open(TASKS);
    prepare(run_held);
    for (int round = 0; round < 3; round++) {
        running = done = opened = 0;
        for (int i = 0; i < TASKS; i++)
            dr_workers_put(workers, &jobs[i].task, 0);
        WAIT_UNTIL(running == TASKS, 5000);
        opened = 1;
        WAIT_UNTIL(done == TASKS, 5000);
    }
    dr_workers_close(workers);
}

/* What is urgent runs although every thread there may be is held, and the limit holds for the others afterwards. */
static void test_urgent(void **state)
{
    (void)state;
    struct dr_workers *workers = dr_workers_open(2);
    prepare(run_held);
    for (int i = 0; i < 4; i++)
        dr_workers_put(workers, &jobs[i].task, 0);
    WAIT_UNTIL(running == 2, 5000);
    for (int i = 4; i < 7; i++) {
        jobs[i].task.run = run_held;
        dr_workers_put(workers, &jobs[i].task, 1);
    }
    WAIT_UNTIL(running == 5, 5000);
    opened = 1;
    WAIT_UNTIL(done == 7, 5000);
    running = most = done = opened = 0;
    for (int i = 0; i < 6; i++)
        dr_workers_put(workers, &jobs[i].task, 0);
    WAIT_UNTIL(running == 2, 5000);
    sleep_ms(20);
    assert_int_equal(running, 2);
    opened = 1;
    WAIT_UNTIL(done == 6, 5000);
    dr_workers_close(workers);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    dr_workers_close(dr_workers_open(4));
    dr_workers_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_limit), cmocka_unit_test(test_order),
                                       cmocka_unit_test(test_threads_for_those_who_wait), cmocka_unit_test(test_urgent),
                                       cmocka_unit_test(test_nothing_to_do)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
