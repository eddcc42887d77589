/* Types of parameters that DuckDB leaves open, and of the columns that hang on them. */
#include "support.h"

#include "served.h"
#include "service/infer.h"

static void test_names(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"(i + CAST($1 AS INTEGER))", "(i + $1)"},
        {"CAST($12 AS DECIMAL(9, 2))", "$12"},
        {"f(CAST($1 AS \"DOUBLE\"), CAST($2 AS INTEGER[]))", "f($1, $2)"},
        {"CAST(i AS INTEGER)", "CAST(i AS INTEGER)"},
        {"CAST($x AS INTEGER)", "CAST($x AS INTEGER)"},
        {"CAST($1 AS", "$1"},
        {"CAST($1", "$1"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s", cases[i][0]);
        dr_infer_name(name);
        assert_string_equal(name, cases[i][1]);
    }
}

enum {
    BOOL = 16,
    INT8 = 20,
    INT4 = 23,
    TEXT = 25,
    FLOAT8 = 701,
    DATE = 1082,
    TIMESTAMP = 1114,
    MOMENT = 1184,
    INTERVAL = 1186,
    NUMERIC = 1700
};
enum { INTS = 1007, UUID = 2950 };

/* column: the first one's; 0: not looked at. */
static const struct {
    const char *sql;
    int parameters[4], column;
    const char *name;
} cases[] = {
    {"SELECT i + $1 FROM t", {INT4}, INT4, "(i + $1)"},
    {"SELECT $1 - b FROM t", {INT8}, INT8, "($1 - b)"},
    {"SELECT f * $1 FROM t", {FLOAT8}, FLOAT8, "(f * $1)"},
    {"SELECT n + $1 FROM t", {NUMERIC}, NUMERIC, "(n + $1)"},
    {"SELECT d + $1 FROM t", {INT4}, DATE, NULL},
    {"SELECT d - $1 FROM t", {DATE}, INT8, NULL},
    {"SELECT ts - $1 FROM t", {TIMESTAMP}, INTERVAL, NULL},
    {"SELECT ts + $1 FROM t", {INTERVAL}, TIMESTAMP, NULL},
    {"SELECT date_trunc('day', $1)", {TIMESTAMP}, TIMESTAMP, NULL},
    {"SELECT -$1", {FLOAT8}, FLOAT8, NULL},
    {"SELECT $1 + $2", {FLOAT8, FLOAT8}, FLOAT8, NULL},
    {"SELECT i + $2, f + $1, b + $3 FROM t", {FLOAT8, INT4, INT8}, INT4, "(i + $2)"},
    {"SELECT i + $1, i + $2 FROM t", {INT4, INT4}, INT4, NULL},
    {"SELECT d + $1, d + $2 FROM t", {INT4, INT4}, DATE, NULL},
    {"SELECT s || $1, i + $2 FROM t", {TEXT, INT4}, TEXT, "(s || $1)"},
    {"SELECT ? + i, ? || s FROM t", {INT4, TEXT}, INT4, NULL},
    {"SELECT $1", {TEXT}, TEXT, "$1"},
    {"SELECT CASE WHEN i = $1 THEN $2 ELSE $3 END FROM t", {INT4, TEXT, TEXT}, TEXT, NULL},
    /* What is cast. */
    {"SELECT 7 / $1::INTEGER", {INT4}, FLOAT8, "(7 / CAST($1 AS INTEGER))"},
    {"UPDATE t SET f = i / $1::INTEGER", {INT4}, 0, NULL},
    {"UPDATE t SET f = CAST($1 AS integer[])[1]", {INTS}, 0, NULL},
    {"UPDATE t SET n = $1::DECIMAL(4, 1)", {NUMERIC}, 0, NULL},
    {"UPDATE t SET ts = $1::TIMESTAMP WITH TIME ZONE", {MOMENT}, 0, NULL},
    {"UPDATE t SET n = $1::double precision", {FLOAT8}, 0, NULL},
    {"SELECT read_text($1::INTEGER)", {INT4}, 0, NULL},
    /* What DuckDB knows by itself. */
    {"SELECT i FROM t WHERE s = $1 AND u = $2 AND bo = $3 LIMIT $4", {TEXT, UUID, BOOL, INT8}, INT4, "i"},
    {"UPDATE t SET i = i + $1, f = f * $2 WHERE b > $3", {INT4, FLOAT8, INT8}, 0, NULL},
    {"INSERT INTO t (i, f) VALUES ($1, $2 + 1.5)", {INT4, 0}, 0, NULL},
    /* Functions of tables. */
    {"SELECT * FROM range($1::INTEGER)", {INT4}, INT8, "range"},
    {"SELECT * FROM range($1)", {INT8}, INT8, "range"},
    {"SELECT * FROM generate_series(1, $1)", {INT4}, INT8, "generate_series"},
    /* Nothing helps. */
    {"SELECT * FROM read_csv($1)", {TEXT}, 0, NULL},
    /* What looks like a parameter. */
    {"SELECT '$2', \"$3\", $$ $4 $$, i + $1 /* $5 */ FROM (SELECT i, i AS \"$3\" FROM t)", {INT4}, TEXT, NULL},
};

static void check(size_t number)
{
    static const struct dr_catalog_context context = {.user = "anna", .server_version = "15.0"};
    struct dr_look look = {.sql = cases[number].sql, .shared = 1};
    struct dr_statement *made = NULL;
    duckrow_error error = {0};
    if (dr_statements_make(statements, &look, &context, &made, &error)) {
        /* read_text takes no INTEGER: the message is DuckDB's. */
        assert_non_null(strstr(cases[number].sql, "read_"));
        return;
    }
    for (int i = 0; i < made->parameters; i++)
        if (cases[number].parameters[i] && (int)made->oids[i] != cases[number].parameters[i])
            fail_msg("%s: parameter %d is %u", look.sql, i + 1, made->oids[i]);
    if (cases[number].column && (int)dr_type_oid(made->columns.types[0]) != cases[number].column)
        fail_msg("%s: the column is %u", look.sql, dr_type_oid(made->columns.types[0]));
    if (cases[number].name)
        assert_string_equal(made->columns.names[0], cases[number].name);
    dr_statement_put(made);
}

static void check_all(void)
{
    run_alone(
        "CREATE TABLE t (i INTEGER, b BIGINT, f DOUBLE, n DECIMAL(9, 2), s VARCHAR, d DATE, ts TIMESTAMP, u UUID, bo BOOLEAN)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(i);
}

/* More than are looked at: as DuckDB tells them. */
static void many(void)
{
    static const struct dr_catalog_context context = {.user = "anna", .server_version = "15.0"};
    char sql[4096] = "SELECT 1 WHERE $1 + 1 = 2";
    for (int i = 2; i <= 200; i++)
        snprintf(sql + strlen(sql), sizeof sql - strlen(sql), " OR $%d", i);
    struct dr_look look = {.sql = sql, .shared = 1};
    struct dr_statement *made = NULL;
    duckrow_error error = {0};
    ok(dr_statements_make(statements, &look, &context, &made, &error), &error);
    assert_int_equal(made->parameters, 200);
    dr_statement_put(made);
}

static void test_types(void **state)
{
    (void)state;
    with_each_engine(NULL, check_all);
}

static void test_many(void **state)
{
    (void)state;
    with_each_engine(NULL, many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
