/* Percentiles out of buckets. */
#include "support.h"

#include <string.h>

#include "service/times.h"

static struct dr_times times;

static int begin(void **state)
{
    (void)state;
    memset(&times, 0, sizeof times);
    return 0;
}

static void test_nothing(void **state)
{
    (void)state;
    assert_int_equal(dr_times_at(&times, 500), 0);
    assert_int_equal(dr_times_mean(&times), 0);
}

static void test_one(void **state)
{
    (void)state;
    dr_times_add(&times, 1234);
    assert_int_equal(dr_times_at(&times, 1), 1234);
    assert_int_equal(dr_times_at(&times, 1000), 1234);
    assert_int_equal(dr_times_mean(&times), 1234);
}

/* Each time is told as itself or up to an eighth more, whatever its size, and never as less. */
static void test_precision(void **state)
{
    (void)state;
    int64_t before = 0;
    for (int64_t us = 1; us < (int64_t)1 << 35; us += 1 + us / 50) {
        memset(&times, 0, sizeof times);
        dr_times_add(&times, us);
        dr_times_add(&times, (int64_t)1 << 40);
        int64_t told = dr_times_at(&times, 500);
        assert_true(told >= us && told <= us + us / 8);
        assert_true(told >= before);
        before = told;
    }
}

static void test_percentiles(void **state)
{
    (void)state;
    for (int64_t us = 1; us <= 10000; us++)
        dr_times_add(&times, us);
    assert_in_range(dr_times_at(&times, 500), 5000, 5625);
    assert_in_range(dr_times_at(&times, 990), 9900, 10000);
    assert_int_equal(dr_times_at(&times, 1000), 10000);
    assert_int_equal(dr_times_mean(&times), 5000);
    assert_int_equal(times.count, 10000);
    assert_int_equal(times.longest, 10000);
}

/* A clock that went back, and what is longer than the last bucket. */
static void test_ends(void **state)
{
    (void)state;
    dr_times_add(&times, -5);
    assert_int_equal(dr_times_at(&times, 1000), 0);
    dr_times_add(&times, INT64_MAX / 2);
    assert_true(dr_times_at(&times, 1000) > (int64_t)1 << 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing, begin),   cmocka_unit_test_setup(test_one, begin),
        cmocka_unit_test_setup(test_precision, begin), cmocka_unit_test_setup(test_percentiles, begin),
        cmocka_unit_test_setup(test_ends, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
