/* Rows that are appended are the rows that INSERT makes: types, NULLs, defaults, columns that are left out; and what the appender
 * can't take goes the other way. */
#include "support.h"

#include "served.h"
#include "service/appending.h"

static duckdb_connection connection;
static struct dr_runner *runner;

/* `rows` units, appended or not, in a transaction on the connection. */
static duckrow_code run_units(struct dr_unit *units, int rows, int append, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    *error = (duckrow_error){0};
    run_on(connection, "BEGIN");
    for (int i = 0; i < rows && !code; i++)
        code = dr_runner_run(runner, &units[i], 0, append, error);
    if (!code)
        code = dr_runner_flush(runner, error);
    run_on(connection, code ? "ROLLBACK" : "COMMIT");
    if (code)
        dr_runner_forget(runner);
    return code;
}

static int takes(const char *sql)
{
    struct dr_statement *made = statement(sql);
    struct dr_appending *appending = NULL;
    duckrow_error error = {0};
    assert_non_null(made->shape);
    run_on(connection, "BEGIN");
    duckrow_code code =
        dr_appending_open(host.duckdb, connection, host.served[0].name, made->shape, host.plans_anew, &appending, &error);
    dr_appending_close(appending);
    run_on(connection, "ROLLBACK");
    dr_statement_put(made);
    return !code;
}

/* The rows of `sql`, one unit each, both ways: the same rows, or an error of the same SQLSTATE. */
static void same(const char *table, const char *sql, int rows, const char *const *parameters)
{
    duckrow_error error[2];
    char found[2][1024] = {"", ""}, query[128];
    for (int append = 0; append < 2; append++) {
        struct dr_unit units[rows];
        struct dr_statement *made = statement(sql);
        int count = made->parameters;
        dr_statement_put(made);
        for (int i = 0; i < rows; i++) {
            units[i] = (struct dr_unit){0};
            dr_unit_reset(&units[i]);
            add(&units[i], sql, parameters + i * count);
        }
        run_units(units, rows, append, &error[append]);
        for (int i = 0; i < rows; i++) {
            assert_int_equal(error[append].code ? 1 : units[i].operation[0].count, 1);
            dr_unit_free(&units[i]);
        }
        snprintf(query, sizeof query, "SELECT %s(string_agg(x::VARCHAR, ';' ORDER BY rowid)) FROM %s x", rows > 3 ? "md5" : "",
                 table);
        snprintf(found[append], sizeof found[append], "%s", text_on(connection, query));
        snprintf(query, sizeof query, "DELETE FROM %s", table);
        run_on(connection, query);
    }
    if (strcmp(found[0], found[1]))
        fail_msg("%s: inserted %s, appended %s (%s)", sql, found[0], found[1], error[1].message);
    if (!error[0].code != !error[1].code || (error[0].code && strcmp(dr_sqlstate(&error[0]), dr_sqlstate(&error[1]))))
        fail_msg("%s: inserted %s, appended %s", sql, error[0].code ? error[0].message : "well",
                 error[1].code ? error[1].message : "well");
}

static const char types[] =
    "CREATE TABLE types (a BOOLEAN, b TINYINT, c SMALLINT, d INTEGER, e BIGINT, f HUGEINT, g FLOAT, h DOUBLE, "
    "i DECIMAL(4, 1), j DECIMAL(38, 10), k VARCHAR, l BLOB, m DATE, n TIME, o TIMESTAMP, p TIMESTAMPTZ, "
    "q INTERVAL, r UUID, s INTEGER[], t STRUCT(x INTEGER, y VARCHAR), u UTINYINT, v UBIGINT, "
    "w VARCHAR[], x JSON)";
#define ALL                                                                                                                      \
    "INSERT INTO types VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, " \
    "$22, $23, $24)"

static void all_types(void)
{
    run_on(connection, types);
    same("types", ALL, 3,
         PARAMETERS("t", "-128", "32767", "-5", "9223372036854775807", "170141183460469231731687303715884105727", "1.5", "-1e300",
                    "99.94", "12345.0000000001", "It''s ü\t", "\\x00ff", "2024-02-29", "23:59:59.999999", "1999-12-31 23:59:59.5",
                    "2024-06-01 12:00:00+02", "1 year 2 days 03:04:05", "6e0f7a1c-1111-4222-8333-944455556666", "{1,NULL,3}",
                    "{\"x\": 1, \"y\": \"a\"}", "255", "18446744073709551615", "{a,\"b,c\",\"\"}", "{\"a\": [1, 2]}", "NULL",
                    "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL",
                    "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "f", "0", "-1", "0", "0",
                    "-1", "NaN", "Infinity", "-0.04", "0", "", "", "0044-03-15 BC", "00:00", "infinity", "-infinity", "-1 mon",
                    "00000000-0000-0000-0000-000000000000", "{}", "{\"x\": null, \"y\": null}", "0", "0", "{}", "null"));
}

/* Few rows may be inserted as lists, many never: of the types that lists take. */
static void few_and_many(void)
{
    enum { COLUMNS = 18, MANY = 70 };
    static const char *const rows[][COLUMNS] = {
        {"t", "-128", "32767", "-5", "9223372036854775807", "255", "65535", "4294967295", "18446744073709551615", "1.5", "-1e300",
         "99.9", "-12345.0000000001", "2024-02-29", "1999-12-31 23:59:59.5", "2024-06-01 12:00:00+02", "It''s ü\t", "\\x00ff"},
        {"NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL",
         "NULL", "NULL", "NULL"},
        {"f", "0", "-1", "0", "0", "0", "0", "0", "0", "NaN", "-Infinity", "-0.1", "0", "0044-03-15 BC", "infinity", "-infinity",
         "", ""}};
    const char *parameters[MANY * COLUMNS];
    run_on(connection, "CREATE TABLE kinds (a BOOLEAN, b TINYINT, c SMALLINT, d INTEGER, e BIGINT, f UTINYINT, g USMALLINT, "
                       "h UINTEGER, i UBIGINT, j FLOAT, k DOUBLE, l DECIMAL(4, 1), m DECIMAL(38, 10), n DATE, o TIMESTAMP, "
                       "p TIMESTAMPTZ, q VARCHAR, r BLOB)");
    for (int i = 0; i < MANY * COLUMNS; i++)
        parameters[i] = rows[i / COLUMNS % 3][i % COLUMNS];
    static const int counts[] = {1, 3, 14, 15, MANY};
    for (int i = 0; i < 5; i++)
        same("kinds",
             "INSERT INTO kinds VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
             counts[i], parameters);
    run_on(connection, "CREATE TABLE ids (u UUID, d DECIMAL(9, 2), e DECIMAL(18, 4))");
    same("ids", "INSERT INTO ids (d, u, e) VALUES ($1, $2, $3)", 2,
         PARAMETERS("-7.25", "6e0f7a1c-1111-4222-8333-944455556666", "12345678901234.5678", "0.01",
                    "ffffffff-ffff-ffff-ffff-ffffffffffff", "-0.0001"));
}

/* Beside parameters: what stands in the text for each row. */
static void constants(void)
{
    run_on(connection, "CREATE SEQUENCE numbers");
    run_on(connection,
           "CREATE TABLE fixed (id BIGINT, s VARCHAR, n DOUBLE, d DATE, b BOOLEAN, made TIMESTAMP, u UUID, x TINYINT)");
    same("fixed", "INSERT INTO fixed (s, n, d, b, x) VALUES ($1, 1.25, '2024-02-29', true, -128)", 3,
         PARAMETERS("a", "NULL", ""));
    same("fixed", "INSERT INTO fixed (d, s, n) VALUES (NULL, 'it''s $1', $1)", 2, PARAMETERS("1e300", "-2"));
    same("fixed", "INSERT INTO fixed (x, s) VALUES (300, $1)", 2, PARAMETERS("a", "b"));
    same("fixed", "INSERT INTO fixed (d, s) VALUES ('no date', $1)", 1, PARAMETERS("a"));
    same("fixed", "INSERT INTO fixed (s, b) VALUES ($1, 'maybe')", 1, PARAMETERS("a"));
    static const char sql[] = "INSERT INTO fixed (id, s, made, u, n) VALUES (nextval('numbers'), $1, now(), uuid(), random())";
    struct dr_unit units[3];
    duckrow_error error;
    for (int i = 0; i < 3; i++) {
        units[i] = (struct dr_unit){0};
        dr_unit_reset(&units[i]);
        add(&units[i], sql, PARAMETERS("a"));
    }
    assert_int_equal(dr_runner_gather(runner, &units[0], 0), 0);
    dr_runner_forget(runner);
    ok(run_units(units, 3, 1, &error), &error);
    assert_string_equal(text_on(connection, "SELECT string_agg(id, ',' ORDER BY rowid) || ' ' || count(DISTINCT u) || ' ' || "
                                            "count(DISTINCT n) || ' ' || count(DISTINCT made) FROM fixed"),
                        "1,2,3 3 3 1");
    for (int i = 0; i < 3; i++)
        dr_unit_free(&units[i]);
}

/* Nobody else is given the rows, with whatever number. */
static void others_rows(void)
{
    duckdb_result result = {0};
    assert_int_equal(host.duckdb->query(connection, "SELECT * FROM duckrow_rows(7)", &result), DuckDBError);
    assert_non_null(strstr(host.duckdb->result_error(&result), "duckrow's own"));
    host.duckdb->destroy_result(&result);
}

/* A NULL of a nested type has children, which would have to be made NULL too: DuckDB copies them. */
static void nested_nulls(void)
{
    static const char sql[] = "INSERT INTO nested VALUES ($1, $2, $3, $4)";
    struct dr_unit rows = {0};
    run_on(connection, "CREATE TABLE nested (i INTEGER, v STRUCT(a INTEGER, b VARCHAR), l VARCHAR[], x INTEGER[2])");
    same("nested", sql, 2, PARAMETERS("1", "NULL", "NULL", "NULL", "2", "NULL", "NULL", "NULL"));
    dr_unit_reset(&rows);
    add(&rows, sql, PARAMETERS("1", "NULL", "NULL", "NULL"));
    assert_int_equal(dr_runner_gather(runner, &rows, 0), 1);
    dr_unit_free(&rows);
}

static void bad_values(void)
{
    run_on(connection, "CREATE TABLE bad (i TINYINT, d DATE, n DECIMAL(3, 1), e INTEGER[])");
    same("bad", "INSERT INTO bad (i) VALUES ($1)", 2, PARAMETERS("1", "1000"));
    same("bad", "INSERT INTO bad (i) VALUES ($1)", 2, PARAMETERS("x", "1"));
    same("bad", "INSERT INTO bad (d) VALUES ($1)", 2, PARAMETERS("2024-01-01", "2024-02-30"));
    same("bad", "INSERT INTO bad (n) VALUES ($1)", 2, PARAMETERS("99.9", "100"));
    same("bad", "INSERT INTO bad (e) VALUES ($1)", 2, PARAMETERS("{1}", "{1,x}"));
}

static void defaults(void)
{
    run_on(connection, "CREATE SEQUENCE ids");
    run_on(connection,
           "CREATE TABLE def (id INTEGER DEFAULT nextval('ids'), s VARCHAR DEFAULT 'none', made TIMESTAMPTZ DEFAULT now(), "
           "n INTEGER DEFAULT 1 + 2, z INTEGER)");
    assert_true(takes("INSERT INTO def (z) VALUES ($1)"));
    struct dr_unit units[3] = {0};
    duckrow_error error;
    for (int append = 0; append < 2; append++) {
        for (int i = 0; i < 3; i++) {
            dr_unit_reset(&units[i]);
            add(&units[i], i == 1 ? "INSERT INTO def (s, z) VALUES ($1, $2)" : "INSERT INTO def (z, s) VALUES ($2, $1)",
                PARAMETERS(i == 2 ? "NULL" : "x", "7"));
        }
        ok(run_units(units, 3, append, &error), &error);
    }
    for (int i = 0; i < 3; i++)
        dr_unit_free(&units[i]);
    /* Each row a number of its own, each transaction its time, and what is given is given, NULL too. */
    assert_string_equal(text_on(connection, "SELECT count(DISTINCT id) || ' ' || min(id) || ' ' || max(id) FROM def"), "6 1 6");
    assert_string_equal(text_on(connection, "SELECT string_agg(coalesce(s, '-') || n || z, ',' ORDER BY s) FROM def"),
                        "x37,x37,x37,x37,-37,-37");
    assert_string_equal(
        text_on(connection, "SELECT (max(made) <= now() AND min(made) > now() - INTERVAL 1 MINUTE)::VARCHAR FROM def"), "true");
}

static void constraints(void)
{
    run_on(connection, "CREATE TABLE con (i INTEGER PRIMARY KEY, s VARCHAR NOT NULL, c INTEGER CHECK (c < 10))");
    same("con", "INSERT INTO con VALUES ($1, $2, $3)", 2, PARAMETERS("1", "a", "1", "2", "b", "NULL"));
    same("con", "INSERT INTO con VALUES ($1, $2, $3)", 2, PARAMETERS("1", "a", "1", "1", "b", "1"));
    same("con", "INSERT INTO con VALUES ($1, $2, $3)", 2, PARAMETERS("1", "a", "1", "2", "NULL", "1"));
    same("con", "INSERT INTO con VALUES ($1, $2, $3)", 2, PARAMETERS("1", "a", "10", "2", "b", "1"));
    same("con", "INSERT INTO con (i) VALUES ($1)", 2, PARAMETERS("1", "2"));
    /* The appender that has failed is made anew. */
    same("con", "INSERT INTO con VALUES ($1, $2, $3)", 2, PARAMETERS("1", "a", "1", "2", "b", "NULL"));
}

/* More rows than a chunk, and one in the middle that the appender leaves to INSERT. */
static void many_rows(void)
{
    enum { ROWS = 5000 };
    static struct dr_unit unit;
    duckrow_error error = {0};
    run_on(connection, "CREATE TABLE many (i INTEGER, s VARCHAR)");
    unit = (struct dr_unit){0};
    dr_unit_reset(&unit);
    for (int i = 0; i < ROWS; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        add(&unit, "INSERT INTO many VALUES ($1, $2)",
            PARAMETERS(text, i % 3 ? "a long text that is not kept in place" : "NULL"));
    }
    run_on(connection, "BEGIN");
    for (int i = 0; i < ROWS; i++)
        ok(dr_runner_run(runner, &unit, i, i != 3333, &error), &error);
    ok(dr_runner_flush(runner, &error), &error);
    run_on(connection, "COMMIT");
    dr_unit_free(&unit);
    assert_string_equal(text_on(connection, "SELECT count(*) || ' ' || sum(i) || ' ' || count(s) FROM many"),
                        "5000 12497500 3333");
    assert_string_equal(text_on(connection, "SELECT bool_and(i = rowid AND (s IS NULL) = (i % 3 = 0))::VARCHAR FROM many"),
                        "true");
}

static void not_taken(void)
{
    static const char *const setup[] = {
        "CREATE TABLE base (a INTEGER, b INTEGER)",
        "CREATE VIEW seen AS SELECT * FROM base",
        "CREATE TABLE gen (a INTEGER, g INTEGER AS (a + 1))",
        "CREATE SCHEMA s",
        "CREATE TABLE s.base (a INTEGER)",
        "CREATE TABLE \"Odd \"\"name\" (\"Col x\" INTEGER)",
    };
    for (size_t i = 0; i < sizeof setup / sizeof *setup; i++)
        run_on(connection, setup[i]);
    assert_true(takes("INSERT INTO base VALUES ($1, $2)"));
    assert_true(takes("INSERT INTO core.base (b) VALUES ($1)"));
    assert_true(takes("INSERT INTO core.main.base (b, a) VALUES ($1, $2)"));
    assert_true(takes("INSERT INTO \"Odd \"\"name\" (\"Col x\") VALUES ($1)"));
    same("base", "INSERT INTO core.base (b) VALUES ($1)", 2, PARAMETERS("1", "2"));
    same("base", "INSERT INTO base (B, A) VALUES ($1, $2)", 2, PARAMETERS("1", "2", "3", "4"));
    same("base", "INSERT INTO base VALUES ($1, $1)", 2, PARAMETERS("1", "3"));
    same("s.base", "INSERT INTO s.base VALUES ($1)", 2, PARAMETERS("1", "2"));
    same("\"Odd \"\"name\"", "INSERT INTO \"Odd \"\"name\" (\"Col x\") VALUES ($1)", 2, PARAMETERS("1", "2"));
    same("gen", "INSERT INTO gen (a) VALUES ($1)", 2, PARAMETERS("1", "2"));
    same("gen", "INSERT INTO gen VALUES ($1)", 2, PARAMETERS("1", "2"));
    duckrow_error error = {0};
    struct dr_statement *made = NULL;
    static const struct dr_catalog_context context = {.user = "anna"};
    assert_int_equal(dr_statements_make(statements, &(struct dr_look){.sql = "INSERT INTO seen VALUES ($1, $2)", .shared = 1},
                                        &context, &made, &error),
                     DUCKROW_SQL);
}

/* Parameters that don't begin at $1, or leave numbers out: the same as INSERT, whatever that is. */
static void odd_numbers(void)
{
    static const char *const cases[] = {"INSERT INTO odd VALUES ($2, $1)", "INSERT INTO odd VALUES ($2, $3)",
                                        "INSERT INTO odd VALUES ($1, $3)", "INSERT INTO odd VALUES ($60000, $1)"};
    run_on(connection, "CREATE TABLE odd (a INTEGER, b INTEGER)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        same("odd", cases[i], 2, PARAMETERS("1", "2", "3", "4", "5", "6"));
}

/* More shapes than are kept at a time, and columns that are more than fit in the appender's own list. */
static void many_shapes(void)
{
    enum { SHAPES = 40 };
    struct dr_unit units[SHAPES];
    duckrow_error error;
    for (int i = 0; i < SHAPES; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "CREATE TABLE shape%d (i INTEGER)", i);
        run_on(connection, sql);
        snprintf(sql, sizeof sql, "INSERT INTO shape%d VALUES ($1)", i);
        units[i] = (struct dr_unit){0};
        dr_unit_reset(&units[i]);
        add(&units[i], sql, PARAMETERS("5"));
    }
    ok(run_units(units, SHAPES, 1, &error), &error);
    for (int i = 0; i < SHAPES; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT sum(i)::VARCHAR FROM shape%d", i);
        assert_string_equal(text_on(connection, sql), "5");
        dr_unit_free(&units[i]);
    }
}

static void wide(void)
{
    enum { COLUMNS = 100 };
    char table[COLUMNS * 16] = "CREATE TABLE wide (", sql[COLUMNS * 16] = "INSERT INTO wide VALUES (";
    const char *parameters[2 * COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(table + strlen(table), sizeof table - strlen(table), i ? ", c%d INTEGER" : "c%d INTEGER", i);
        snprintf(sql + strlen(sql), sizeof sql - strlen(sql), i ? ", $%d" : "$%d", i + 1);
        parameters[i] = i % 2 ? "7" : "NULL";
        parameters[COLUMNS + i] = "8";
    }
    strcat(table, ")");
    strcat(sql, ")");
    run_on(connection, table);
    same("wide", sql, 2, parameters);
}

/* The table changes beneath what is kept: as DuckDB sees it, no row gets lost or into a wrong column. */
static void changed_table(void)
{
    struct dr_unit units[2] = {0};
    duckrow_error error;
    run_on(connection, "CREATE TABLE changed (a INTEGER, b INTEGER)");
    for (int i = 0; i < 2; i++) {
        dr_unit_reset(&units[i]);
        add(&units[i], "INSERT INTO changed (a, b) VALUES ($1, $2)", PARAMETERS("1", "2"));
    }
    ok(run_units(units, 2, 1, &error), &error);
    run_on(connection, "ALTER TABLE changed ADD COLUMN c INTEGER DEFAULT 5");
    if (run_units(units, 2, 1, &error))
        ok(run_units(units, 2, 1, &error), &error);
    assert_string_equal(text_on(connection, "SELECT count(*) || ' ' || sum(a) || ' ' || sum(b) || ' ' || sum(c) FROM changed"),
                        "4 4 8 20");
    for (int i = 0; i < 2; i++)
        dr_unit_free(&units[i]);
}

/* ---- */

static void (*inner)(void);
static int anew;

static void with_runner(void)
{
    host.plans_anew = anew;
    connection = connect_host();
    runner = dr_runner_make(&host, connection, 0);
    inner();
    dr_runner_free(runner);
    host.duckdb->disconnect(&connection);
}

/* lists: with few rows as lists, too. */
#define ENGINE_TEST(body, lists)                                                                                                 \
    static void test_##body(void **state)                                                                                        \
    {                                                                                                                            \
        (void)state;                                                                                                             \
        inner = body;                                                                                                            \
        for (anew = 0; anew <= (lists); anew++)                                                                                  \
            with_each_engine(NULL, with_runner);                                                                                 \
    }
ENGINE_TEST(all_types, 1)
ENGINE_TEST(few_and_many, 1)
ENGINE_TEST(constants, 1)
ENGINE_TEST(bad_values, 1)
ENGINE_TEST(defaults, 1)
ENGINE_TEST(constraints, 1)
ENGINE_TEST(wide, 1)
ENGINE_TEST(changed_table, 1)
ENGINE_TEST(others_rows, 0)
ENGINE_TEST(nested_nulls, 0)
ENGINE_TEST(many_rows, 0)
ENGINE_TEST(not_taken, 0)
ENGINE_TEST(odd_numbers, 0)
ENGINE_TEST(many_shapes, 0)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_types),   cmocka_unit_test(test_few_and_many),  cmocka_unit_test(test_constants),
        cmocka_unit_test(test_others_rows), cmocka_unit_test(test_nested_nulls),  cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_constraints),   cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_not_taken),   cmocka_unit_test(test_odd_numbers),   cmocka_unit_test(test_many_shapes),
        cmocka_unit_test(test_wide),        cmocka_unit_test(test_changed_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
