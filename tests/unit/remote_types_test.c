/* Expressions for what the service sends; that they give the right values is seen in tests/service/test_sql_program.py. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/remote_types.h"

static void expect(const char *type, const char *expected)
{
    char *made = dr_remote_expression(type, "c0");
    assert_non_null(made);
    assert_string_equal(made, expected);
    free(made);
}

static void scalars(void **state)
{
    (void)state;
    expect(NULL, "c0");
    expect("VARCHAR", "c0");
    expect("DATE", "CAST(c0 AS DATE)");
    expect("\"NULL\"", "CAST(c0 AS \"NULL\")");
    expect("DECIMAL(10, 2)", "CAST(c0 AS DECIMAL(10, 2))");
    expect("ENUM('a', 'it''s)', '')", "CAST(c0 AS ENUM('a', 'it''s)', ''))");
}

static void nested(void **state)
{
    (void)state;
    expect("INTEGER[]", "CAST(c0 AS INTEGER[])");
    expect("INTEGER[][3]", "CAST(CAST(c0 AS INTEGER[][]) AS INTEGER[][3])");
    expect("VARCHAR[]", "list_transform(CAST(c0 AS VARCHAR[]), lambda e0: CAST(decode(unhex(e0)) AS VARCHAR))");
    expect("BLOB[][]", "list_transform(CAST(c0 AS VARCHAR[][]), lambda e0: list_transform(e0, lambda e1: unhex(e1)))");
    expect(
        "STRUCT(\"a \"\"b\" INTEGER, \"c\" JSON)",
        "CASE WHEN CAST(c0 AS STRUCT(f0 INTEGER, f1 VARCHAR)) IS NOT NULL THEN struct_pack(\"a \"\"b\" := CAST(c0 AS STRUCT(f0 "
        "INTEGER, f1 VARCHAR)).f0, \"c\" := CAST(decode(unhex(CAST(c0 AS STRUCT(f0 INTEGER, f1 VARCHAR)).f1)) AS JSON)) END");
    expect("STRUCT(INTEGER, DATE)",
           "CASE WHEN CAST(c0 AS STRUCT(f0 INTEGER, f1 DATE)) IS NOT NULL THEN row(CAST(c0 AS STRUCT(f0 INTEGER, f1 DATE)).f0, "
           "CAST(c0 AS STRUCT(f0 INTEGER, f1 DATE)).f1) END");
    expect(
        "MAP(INTEGER, DATE)",
        "CASE WHEN CAST(c0 AS STRUCT(k INTEGER[], v DATE[])) IS NOT NULL THEN map(CAST(c0 AS STRUCT(k INTEGER[], v DATE[])).k, "
        "CAST(c0 AS STRUCT(k INTEGER[], v DATE[])).v) END");
    expect("STRUCT(\"NULL\")", "CASE WHEN CAST(c0 AS STRUCT(f0 VARCHAR)) IS NOT NULL THEN row(NULL) END");
    expect("STRUCT(\"NULL\" \"NULL\")",
           "CASE WHEN CAST(c0 AS STRUCT(f0 VARCHAR)) IS NOT NULL THEN struct_pack(\"NULL\" := NULL) END");
    expect("UNION(\"n\" INTEGER)", "CASE CAST(c0 AS STRUCT(t UTINYINT, f0 INTEGER)).t WHEN 0 THEN CAST(union_value(\"n\" := "
                                   "CAST(c0 AS STRUCT(t UTINYINT, f0 "
                                   "INTEGER)).f0) AS UNION(\"n\" INTEGER)) END");
}

/* Whatever comes is refused, or something is made of it. */
static void nonsense(void **state)
{
    (void)state;
    const char *const types[] = {
        "",        "STRUCT(",       "STRUCT(\"a", "MAP(INTEGER)",   "ENUM(",    "ENUM('a", "INTEGER)", "INTEGER[",
        "UNION()", "UNION(INTEGER", "(((",        "STRUCT(\"a\"\"", "DECIMAL(", "a b",     "1; DROP",  "\"",
        "[]"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        free(dr_remote_expression(types[i], "c0"));
    assert_null(dr_remote_expression("", "c0"));
    assert_null(dr_remote_expression("MAP(INTEGER)", "c0"));
    assert_null(dr_remote_expression("INTEGER; DROP", "c0"));
    assert_null(dr_remote_expression("STRUCT(\"a\" INTEGER", "c0"));
    char deep[4096] = "";
    for (int i = 0; i < 500; i++)
        strcat(deep, "STRUCT(");
    assert_null(dr_remote_expression(deep, "c0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scalars), cmocka_unit_test(nested), cmocka_unit_test(nonsense)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
