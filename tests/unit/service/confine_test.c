/* What sessions set stays theirs. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "service/confine.h"

static void check(const char *sql, const char *expected)
{
    duckrow_error error = {0};
    char *confined;
    assert_int_equal(dr_confine(sql, &confined, &error), DUCKROW_OK);
    if (expected)
        assert_string_equal(confined, expected);
    else
        assert_null(confined);
    free(confined);
}

static void test_confined(void **state)
{
    (void)state;
    check("SET threads = 4", "SET SESSION threads = 4");
    check(" /* a */ set default_order TO 'desc'", "SET SESSION default_order TO 'desc'");
    check("RESET threads", "RESET SESSION threads");
    check("PRAGMA threads=4", "SET SESSION threads=4");
    check("PRAGMA memory_limit = '1GB'", "SET SESSION memory_limit = '1GB'");
}

static void test_left_alone(void **state)
{
    (void)state;
    check("SET SESSION threads = 4", NULL);
    check("SET LOCAL threads = 4", NULL);
    check("SET VARIABLE global = 4", NULL);
    check("RESET VARIABLE a", NULL);
    check("PRAGMA table_info('t')", NULL);
    check("PRAGMA enable_profiling", NULL);
    check("SELECT 1", NULL);
    check("", NULL);
}

static void test_refused(void **state)
{
    (void)state;
    duckrow_error error = {0};
    char *confined;
    assert_int_equal(dr_confine("SET GLOBAL threads = 4", &confined, &error), DUCKROW_PERMISSION);
    assert_non_null(strstr(error.message, "SET SESSION"));
    assert_int_equal(dr_confine("RESET GLOBAL threads", &confined, &error), DUCKROW_PERMISSION);
    assert_null(confined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_confined), cmocka_unit_test(test_left_alone),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
