/* Subcommands that come from above cli, and those that read their arguments themselves. */
#include "support.h"

#include <string.h>

#include "cli/cli.h"

static struct dr_options seen;

static int run_raw(const struct dr_options *options)
{
    seen = *options;
    return 7;
}

static const struct dr_command raw = {"raw", "raw …", "an extra", "", DR_TAKES_RAW, run_raw};
static const struct dr_command *const more[] = {&raw, NULL};

static void a_raw_command_gets_all_as_it_is(void **state)
{
    (void)state;
    char *argv[] = {"duckrow", "raw", "--help", "-x", "--", "--json", "a=b", NULL};
    assert_int_equal(duckrow_main(7, argv, more), 7);
    assert_int_equal(seen.rest_count, 5);
    assert_ptr_equal(seen.rest, argv + 2);
    assert_false(seen.help || seen.json);
}

static void without_arguments(void **state)
{
    (void)state;
    char *argv[] = {"duckrow", "raw", NULL};
    assert_int_equal(duckrow_main(2, argv, more), 7);
    assert_int_equal(seen.rest_count, 0);
    assert_null(seen.rest[0]);
}

static void who_gives_no_more_commands_has_none(void **state)
{
    (void)state;
    char *argv[] = {"duckrow", "raw", NULL};
    assert_int_equal(duckrow_main(2, argv, NULL), duckrow_code_exit_status(DUCKROW_USAGE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_raw_command_gets_all_as_it_is),
        cmocka_unit_test(without_arguments),
        cmocka_unit_test(who_gives_no_more_commands_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
