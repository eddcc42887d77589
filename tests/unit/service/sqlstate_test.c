/* SQLSTATEs of the errors that each engine really gives. */
#include "support.h"

#include "served.h"

static duckdb_connection connection;

static const char *state_of(const char *sql, duckrow_error *error)
{
    *error = (duckrow_error){0};
    return dr_connection_run(host.duckdb, connection, sql, error) ? dr_sqlstate(error) : "00000";
}

static void check_classes(void)
{
    static const char *const setup[] = {
        "CREATE TABLE t (i INTEGER PRIMARY KEY, s VARCHAR NOT NULL, c INTEGER CHECK (c > 0), u INTEGER UNIQUE)",
        "CREATE TABLE child (i INTEGER REFERENCES t (i))",
        "INSERT INTO t VALUES (1, 'a', 1, 1)",
        "INSERT INTO child VALUES (1)",
        "CREATE TABLE d (d DATE, e TINYINT)",
        "CREATE SCHEMA x",
        "CREATE VIEW v AS SELECT 1 AS a",
        "CREATE TYPE mood AS ENUM ('sad')",
    };
    static const char *const cases[][2] = {
        {"SELEC 1", "42601"},
        {"SELECT 1 FROM", "42601"},
        {"SELECT 'x", "42601"},
        {"SELECT * FROM missing", "42P01"},
        {"INSERT INTO missing VALUES (1)", "42P01"},
        {"DROP TABLE missing", "42P01"},
        {"DROP VIEW missing", "42P01"},
        {"SELECT * FROM nowhere.t", "42P01"},
        {"CREATE TABLE nowhere.t (i INT)", "3F000"},
        {"DROP SCHEMA nowhere", "3F000"},
        {"CREATE TABLE t (i INT)", "42P07"},
        {"CREATE VIEW v AS SELECT 1", "42P07"},
        {"CREATE SCHEMA x", "42P06"},
        {"CREATE TYPE mood AS ENUM ('x')", "42710"},
        {"SELECT missing FROM t", "42703"},
        {"SELECT t.missing FROM t", "42703"},
        {"INSERT INTO t (missing) VALUES (1)", "42703"},
        {"UPDATE t SET missing = 1", "42703"},
        {"ALTER TABLE t DROP COLUMN missing", "42703"},
        {"SELECT missing.i FROM t", "42P01"},
        {"SELECT missing(1)", "42883"},
        {"SELECT upper(1, 2, 3)", "42883"},
        {"SELECT 1::missing", "42704"},
        {"SET missing = 1", "42704"},
        {"SELECT i FROM t, child", "42702"},
        {"SELECT i, count(*) FROM t", "42803"},
        {"SELECT sum(count(*)) FROM t", "42803"},
        {"INSERT INTO t VALUES (1)", "42601"},
        {"INSERT INTO t VALUES (1, 'b', 1, 2)", "23505"},
        {"INSERT INTO t VALUES (2, 'b', 1, 1)", "23505"},
        {"INSERT INTO t VALUES (3, NULL, 1, 3)", "23502"},
        {"INSERT INTO t VALUES (4, 'b', -1, 4)", "23514"},
        {"INSERT INTO child VALUES (99)", "23503"},
        {"DELETE FROM t", "23503"},
        {"SELECT 'x'::INT", "22P02"},
        {"SELECT 'x'::BOOLEAN", "22P02"},
        {"SELECT 'x'::UUID", "22P02"},
        {"SELECT 'angry'::mood", "22P02"},
        {"SELECT '2020-13-45'::DATE", "22008"},
        {"SELECT '25:00:00'::TIME", "22008"},
        {"SELECT 300::TINYINT", "22003"},
        {"SELECT 9223372036854775807 + 1::BIGINT", "22003"},
        {"INSERT INTO d VALUES (NULL, 1000)", "22003"},
        {"SELECT sqrt(-1)", "22003"},
        {"SELECT error('mine')", "22023"},
        {"ROLLBACK", "25P01"},
        {"COMMIT", "25P01"},
        {"DROP TABLE t", "2BP01"},
        {"SELECT * FROM 'nowhere.parquet'", "58P01"},
        {"SELECT * FROM read_csv('nowhere.csv')", "58P01"},
        {"LOAD nowhere", "58P01"},
    };
    int wrong = 0;
    duckrow_error error;
    for (size_t i = 0; i < sizeof setup / sizeof *setup; i++)
        run_on(connection, setup[i]);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = state_of(cases[i][0], &error);
        if (strcmp(found, cases[i][1])) {
            wrong++;
            print_error("%s: %s, not %s: %s\n", cases[i][0], found, cases[i][1], error.message);
        }
        assert_int_equal(dr_is_conflict(&error), 0);
        assert_int_equal(dr_is_fatal(&error), 0);
        assert_int_equal(dr_is_read_only(&error), 0);
    }
    assert_int_equal(wrong, 0);
}

static void check_transactions(void)
{
    duckrow_error error;
    duckdb_connection other = connect_host();
    run_on(connection, "CREATE TABLE w (i INTEGER PRIMARY KEY, j INTEGER)");
    run_on(connection, "INSERT INTO w VALUES (1, 1), (2, 2)");
    run_on(connection, "BEGIN");
    assert_string_equal(state_of("BEGIN", &error), "25001");
    run_on(connection, "ROLLBACK");
    run_on(other, "BEGIN");
    run_on(other, "UPDATE w SET j = 5 WHERE i = 1");
    assert_string_equal(state_of("UPDATE w SET j = 6 WHERE i = 1", &error), "40001");
    assert_int_equal(dr_is_conflict(&error), 1);
    run_on(other, "DELETE FROM w WHERE i = 2");
    assert_string_equal(state_of("DELETE FROM w WHERE i = 2", &error), "40001");
    run_on(other, "INSERT INTO w VALUES (7, 1)");
    /* The same key in two transactions: only COMMIT can tell, and the second one may come back. */
    run_on(connection, "BEGIN");
    const char *found = state_of("INSERT INTO w VALUES (7, 2)", &error);
    if (strcmp(found, "00000") == 0) {
        run_on(other, "COMMIT");
        found = state_of("COMMIT", &error);
    }
    if (strcmp(found, "23505") && strcmp(found, "40001"))
        fail_msg("%s: %s", found, error.message);
    dr_connection_run(host.duckdb, connection, "ROLLBACK", NULL);
    dr_connection_run(host.duckdb, other, "ROLLBACK", NULL);
    /* A table that goes away beneath a transaction. */
    static const char *const changes[][2] = {{"INSERT INTO w VALUES (8, 1)", "ALTER TABLE w ADD COLUMN k INTEGER"},
                                             {"UPDATE w SET j = 3 WHERE i = 1", "ALTER TABLE w ADD COLUMN l INTEGER"},
                                             {"DELETE FROM w WHERE i = 1", "DROP TABLE w"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        run_on(other, "BEGIN");
        run_on(other, changes[i][0]);
        run_on(connection, changes[i][1]);
        assert_int_not_equal(dr_connection_run(host.duckdb, other, "COMMIT", &error), DUCKROW_OK);
        if (strcmp(dr_sqlstate(&error), "40001"))
            fail_msg("%s: %s", dr_sqlstate(&error), error.message);
        dr_connection_run(host.duckdb, other, "ROLLBACK", NULL);
    }
    host.duckdb->disconnect(&other);
}

static void check_read_only(void)
{
    struct dr_lease lease = {0};
    duckrow_error error = {0};
    run_alone("CREATE TABLE t (i INTEGER)");
    run_alone("CREATE SEQUENCE s");
    ok(dr_views_lease(views, 0, dr_clock_ms() + WAIT_MS, &lease, &error), &error);
    duckdb_connection writing = connection;
    connection = lease.connection;
    static const char *const writes[] = {"INSERT INTO t VALUES (1)", "CREATE TABLE u (i INT)", "SELECT nextval('s')",
                                         "DROP TABLE t"};
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        const char *found = state_of(writes[i], &error);
        if (strcmp(found, "25006") || !dr_is_read_only(&error))
            fail_msg("%s: %s %s", writes[i], found, error.message);
    }
    connection = writing;
    dr_views_return(views, &lease, 0);
}

static void *interrupt_soon(void *argument)
{
    sleep_ms(50);
    host.duckdb->interrupt(argument);
    return NULL;
}

static void check_interrupt(void)
{
    pthread_t thread;
    duckrow_error error = {0};
    pthread_create(&thread, NULL, interrupt_soon, connection);
    duckrow_code code =
        dr_connection_run(host.duckdb, connection, "SELECT count(*) FROM range(10000000000) a WHERE hash(range) % 3 = 5", &error);
    pthread_join(thread, NULL);
    assert_int_equal(code, DUCKROW_INTERRUPTED);
    assert_string_equal(dr_sqlstate(&error), "57014");
}

static void with_connection(void (*body)(void))
{
    connection = connect_host();
    body();
    host.duckdb->disconnect(&connection);
}

static void classes(void)
{
    with_connection(check_classes);
}

static void transactions(void)
{
    with_connection(check_transactions);
}

static void read_only(void)
{
    with_connection(check_read_only);
    with_connection(check_interrupt);
}

static void test_classes(void **state)
{
    (void)state;
    with_each_engine(NULL, classes);
}

static void test_transactions(void **state)
{
    (void)state;
    with_each_engine(NULL, transactions);
}

static void test_read_only(void **state)
{
    (void)state;
    with_each_engine(NULL, read_only);
}

/* What isn't DuckDB's has the code's own. */
static void test_codes(void **state)
{
    (void)state;
    duckrow_error error;
    dr_fail(&error, DUCKROW_BUSY, "Parser Error: no");
    assert_string_equal(dr_sqlstate(&error), duckrow_code_sqlstate(DUCKROW_BUSY));
    dr_fail(&error, DUCKROW_SQL, "something new");
    assert_string_equal(dr_sqlstate(&error), "XX000");
    dr_fail(&error, DUCKROW_SQL, "FATAL Error: Failed: database has been invalidated because of a previous fatal error");
    assert_int_equal(dr_is_fatal(&error), 1);
    dr_fail(&error, DUCKROW_DISK_FULL,
            "IO Error: Database \"core\" has been invalidated because checkpointing failed. Original "
            "error: Could not write file \"x\": No space left on device");
    assert_int_equal(dr_is_fatal(&error), 1);
    dr_fail(&error, DUCKROW_SQL, "IO Error: Could not write: No space left on device");
    assert_string_equal(dr_sqlstate(&error), "53100");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_classes), cmocka_unit_test(test_transactions),
                                       cmocka_unit_test(test_read_only), cmocka_unit_test(test_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
