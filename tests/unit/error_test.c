#include "support.h"

#include <errno.h>
#include <string.h>

#include "core/error.h"

static void every_code_is_described(void **state)
{
    (void)state;
    int seen = 0;
#define CHECK(name, number, text, status, sqlstate)                                                                              \
    assert_int_equal(number, seen++);                                                                                            \
    assert_string_equal(duckrow_code_name(number), "DUCKROW_" #name);                                                            \
    assert_string_equal(duckrow_code_message(number), text);                                                                     \
    assert_int_equal(duckrow_code_exit_status(number), status);                                                                  \
    assert_string_equal(duckrow_code_sqlstate(number), sqlstate);                                                                \
    assert_int_equal(strlen(sqlstate), 5);
    DUCKROW_ERRORS(CHECK)
    assert_null(duckrow_code_name((duckrow_code)seen));
    assert_int_equal(duckrow_code_exit_status((duckrow_code)seen), 70);
}

static void errno_maps_to_codes(void **state)
{
    (void)state;
    assert_int_equal(dr_code_of_errno(ENOENT), DUCKROW_NOT_FOUND);
    assert_int_equal(dr_code_of_errno(EACCES), DUCKROW_PERMISSION);
    assert_int_equal(dr_code_of_errno(EPERM), DUCKROW_PERMISSION);
    assert_int_equal(dr_code_of_errno(EROFS), DUCKROW_PERMISSION);
    assert_int_equal(dr_code_of_errno(ENOSPC), DUCKROW_DISK_FULL);
    assert_int_equal(dr_code_of_errno(EDQUOT), DUCKROW_DISK_FULL);
    assert_int_equal(dr_code_of_errno(ENAMETOOLONG), DUCKROW_USAGE);
    assert_int_equal(dr_code_of_errno(ENOMEM), DUCKROW_NO_MEMORY);
    assert_int_equal(dr_code_of_errno(EIO), DUCKROW_IO);
}

static void messages_are_complete(void **state)
{
    (void)state;
    duckrow_error error;
    assert_int_equal(dr_fail(&error, DUCKROW_STALE, "%s of %d", "one", 2), DUCKROW_STALE);
    assert_int_equal(error.code, DUCKROW_STALE);
    assert_int_equal(error.os_errno, 0);
    assert_string_equal(error.message, "one of 2");
    assert_int_equal(dr_fail_os(&error, EIO, "cannot read %s", "x"), DUCKROW_IO);
    assert_int_equal(error.os_errno, EIO);
    assert_string_equal(error.message, "cannot read x: Input/output error");
    char longer[2 * DUCKROW_MESSAGE_SIZE];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    dr_fail_os(&error, EIO, "%s", longer);
    assert_int_equal(strlen(error.message), DUCKROW_MESSAGE_SIZE - 1);
    dr_error_clear(&error);
    assert_int_equal(error.code, DUCKROW_OK);
    assert_string_equal(error.message, "");
    assert_int_equal(dr_fail(NULL, DUCKROW_IO, "nobody listens"), DUCKROW_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_code_is_described), cmocka_unit_test(errno_maps_to_codes),
                                       cmocka_unit_test(messages_are_complete)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
