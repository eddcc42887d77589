/* The fair lock: one at a time, in the order of asking, also for who asks again at once. */
#include "support.h"

#include <pthread.h>

#include "service/gate.h"

enum { THREADS = 8 };

static struct dr_fair_lock lock;
static int taken[THREADS], count; /* under the lock */

static uint64_t tickets(void)
{
    pthread_mutex_lock(&lock.mutex);
    uint64_t next = lock.next;
    pthread_mutex_unlock(&lock.mutex);
    return next;
}

static void *take_once(void *argument)
{
    dr_fair_lock_take(&lock);
    taken[count++] = (int)(intptr_t)argument;
    dr_fair_lock_release(&lock);
    return NULL;
}

static void test_order(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    dr_fair_lock_init(&lock);
    count = 0;
    dr_fair_lock_take(&lock);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, take_once, (void *)(intptr_t)i), 0);
        WAIT_UNTIL(tickets() == (uint64_t)i + 2, 5000);
    }
    assert_int_equal(count, 0);
    dr_fair_lock_release(&lock);
    /* Who lets go and asks again is behind those who wait. */
    dr_fair_lock_take(&lock);
    assert_int_equal(count, THREADS);
    dr_fair_lock_release(&lock);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(taken[i], i);
    }
}

static void *take_often(void *argument)
{
    (void)argument;
    for (int i = 0; i < 500; i++) {
        dr_fair_lock_take(&lock);
        count++;
        dr_fair_lock_release(&lock);
    }
    return NULL;
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    pthread_t thread[4];
    dr_fair_lock_init(&lock);
    count = 0;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, take_often, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(count, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_one_at_a_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
