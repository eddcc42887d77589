/* What a session has in the writing engine: its transactions, conflicts, being cancelled, a state of its own. */
#include "support.h"

#include "served.h"

static struct dr_backend first, second;
static struct dr_unit unit;
static duckrow_error error;

static const char rows[] = "SELECT string_agg(i::VARCHAR, ',' ORDER BY i) FROM t";

static void run(struct dr_backend *backend, const char *sql)
{
    dr_unit_reset(&unit);
    add(&unit, sql, NULL);
    dr_backend_run(backend, &unit);
}

static void run_well(struct dr_backend *backend, const char *sql)
{
    run(backend, sql);
    unit_ok(&unit);
}

/* ---- transactions ---- */

static void transactions(void)
{
    run_well(&first, "INSERT INTO t (i) VALUES (5)");
    assert_int_equal(first.open, 1);
    assert_int_equal(first.member.inside, 1);
    assert_true(first.wrote_at > 0);
    assert_string_equal(published(rows), "1,2");
    ok(dr_backend_commit(&first, &error), &error);
    assert_int_equal(first.open, 0);
    assert_int_equal(first.member.inside, 0);
    assert_string_equal(published(rows), "1,2,5");
    run_well(&first, "DELETE FROM t");
    dr_backend_rollback(&first);
    assert_int_equal(first.member.inside, 0);
    assert_string_equal(written(rows), "1,2,5");
    /* Nothing to end. */
    ok(dr_backend_commit(&first, &error), &error);
    dr_backend_rollback(&first);
    /* A session that goes away leaves nothing behind. */
    run_well(&first, "DELETE FROM t");
    dr_backend_disconnect(&first);
    assert_int_equal(host.gate.count, 0);
    assert_string_equal(written(rows), "1,2,5");
    run_well(&first, "INSERT INTO t (i) VALUES (6)");
    ok(dr_backend_commit(&first, &error), &error);
    assert_string_equal(published(rows), "1,2,5,6");
}

/* What fails undoes all of it, at once. */
static void failure(void)
{
    run_well(&first, "INSERT INTO t (i) VALUES (5)");
    dr_unit_reset(&unit);
    add(&unit, "INSERT INTO t (i) SELECT 6", NULL);
    add(&unit, "INSERT INTO t (i) SELECT 'x'::INTEGER", NULL);
    add(&unit, "INSERT INTO t (i) SELECT 7", NULL);
    dr_backend_run(&first, &unit);
    assert_int_equal(unit.failed, 1);
    assert_string_equal(dr_sqlstate(&unit.error), "22P02");
    assert_int_equal(first.open, 0);
    assert_int_equal(first.member.inside, 0);
    assert_string_equal(written(rows), "1,2");
    /* Rows that were appended too, and the next ones come well. */
    for (int i = 0; i < 2; i++) {
        dr_unit_reset(&unit);
        add(&unit, "INSERT INTO t (i) VALUES ($1)", PARAMETERS(i ? "8" : "1"));
        add(&unit, "INSERT INTO t (i) VALUES ($1)", PARAMETERS("9"));
        dr_backend_run_alone(&first, &unit);
        assert_int_equal(unit.failed >= 0, !i);
    }
    assert_string_equal(published(rows), "1,2,8,9");
}

static void no_place(void)
{
    struct dr_member alone = {0};
    ok(dr_gate_alone(&host.gate, &alone, dr_clock_ms() + WAIT_MS, 0, &error), &error);
    struct dr_statement *made = statement("BEGIN");
    dr_statement_put(made);
    first.busy_timeout = 30;
    int64_t began = clock_ms();
    assert_int_equal(dr_backend_begin(&first, &error), DUCKROW_BUSY);
    assert_in_range(clock_ms() - began, 25, 2000);
    assert_int_equal(first.open, 0);
    dr_gate_leave(&host.gate, &alone);
    ok(dr_backend_begin(&first, &error), &error);
    dr_backend_rollback(&first);
}

/* ---- conflicts ---- */

static void *roll_back_soon(void *argument)
{
    sleep_ms(80);
    dr_backend_rollback(argument);
    return NULL;
}

static void conflicts(void)
{
    pthread_t thread;
    run_well(&second, "UPDATE t SET s = 'theirs' WHERE i = 1");
    /* In a transaction it fails at once. */
    run(&first, "UPDATE t SET s = 'ours' WHERE i = 1");
    assert_int_equal(unit.failed, 0);
    assert_int_equal(dr_is_conflict(&unit.error), 1);
    /* By itself it is tried again until its deadline, */
    dr_unit_reset(&unit);
    add(&unit, "UPDATE t SET s = 'ours' WHERE i = 1", NULL);
    unit.deadline = dr_clock_ms() + 60;
    int64_t began = clock_ms();
    dr_backend_run_alone(&first, &unit);
    assert_in_range(clock_ms() - began, 55, 2000);
    assert_string_equal(dr_sqlstate(&unit.error), "40001");
    /* or until it is done. */
    unit.deadline = dr_clock_ms() + WAIT_MS;
    pthread_create(&thread, NULL, roll_back_soon, &second);
    dr_backend_run_alone(&first, &unit);
    pthread_join(thread, NULL);
    unit_ok(&unit);
    assert_string_equal(published("SELECT max(s) FROM t"), "ours");
}

/* ---- being cancelled ---- */

static void *cancel_soon(void *argument)
{
    sleep_ms(50);
    dr_backend_cancel(argument, "for a reason");
    return NULL;
}

static void cancelling(void)
{
    pthread_t thread;
    run_well(&first, "INSERT INTO t (i) VALUES (5)");
    dr_unit_reset(&unit);
    add(&unit, "INSERT INTO t (i) SELECT count(*) FROM range(10000000000) WHERE hash(range) % 3 = 5", NULL);
    pthread_create(&thread, NULL, cancel_soon, &first);
    int64_t began = clock_ms();
    dr_backend_run(&first, &unit);
    assert_in_range(clock_ms() - began, 0, WAIT_MS);
    pthread_join(thread, NULL);
    assert_int_equal(unit.error.code, DUCKROW_INTERRUPTED);
    assert_string_equal(unit.error.message, "for a reason");
    assert_string_equal(dr_sqlstate(&unit.error), "57014");
    assert_int_equal(first.open, 0);
    /* It holds until the session is ready for the next, also for what had not begun. */
    dr_unit_reset(&unit);
    add(&unit, "INSERT INTO t (i) VALUES (7)", NULL);
    dr_backend_run(&first, &unit);
    assert_int_equal(unit.failed, 0);
    assert_int_equal(unit.error.code, DUCKROW_INTERRUPTED);
    dr_backend_ready(&first);
    dr_backend_remind(&first);
    run_well(&first, "INSERT INTO t (i) VALUES (6)");
    ok(dr_backend_commit(&first, &error), &error);
    assert_string_equal(published(rows), "1,2,6");
}

/* Between look-up and running another session changed the table: what was told of the rows doesn't hold. */
static void stale_rows(void)
{
    dr_unit_reset(&unit);
    add(&unit, "INSERT INTO t (i) VALUES (8) RETURNING *", NULL);
    ok(dr_backend_connect(&second, &error), &error);
    run_on(second.connection, "ALTER TABLE t ADD COLUMN d DATE");
    dr_backend_run(&first, &unit);
    assert_int_equal(unit.failed, 0);
    assert_string_equal(unit.error.message, DR_PLAN_CHANGED);
    assert_string_equal(dr_sqlstate(&unit.error), "0A000");
    assert_string_equal(written("SELECT string_agg(i::VARCHAR, ',' ORDER BY i) FROM t"), "1,2");
}

/* ---- a state of its own, and reads ---- */

static int keep(struct dr_sink *sink, struct dr_buffer *bytes)
{
    *(size_t *)sink->context += dr_buffer_size(bytes);
    dr_buffer_reset(bytes, SIZE_MAX);
    return 0;
}

static int64_t count_rows(struct dr_cursor *cursor, struct dr_backend *backend, int64_t most, int *end)
{
    static const unsigned char none[2];
    size_t bytes = 0;
    struct dr_sink sink = {keep, &bytes};
    const struct dr_formats formats = {0, none};
    const struct dr_display display = {NULL, NULL};
    int64_t count;
    ok(dr_cursor_fetch(cursor, backend, most, &formats, &display, &sink, &count, end, &error), &error);
    return count;
}

static void open_read(struct dr_cursor *cursor, struct dr_backend *backend, const char *sql)
{
    static const struct dr_catalog_context context = {.user = "anna"};
    struct dr_statement *made;
    struct dr_unit none = {0};
    ok(dr_statements_make(statements, &(struct dr_look){.sql = sql, .own = backend->connection}, &context, &made, &error),
       &error);
    ok(dr_cursor_open(cursor, backend, made, &none, 0, &error), &error);
    dr_statement_put(made);
}

static void own_state(void)
{
    int end;
    dr_unit_reset(&unit);
    add(&unit, "CREATE TEMP TABLE mine AS SELECT range AS r FROM range(3000)", NULL);
    dr_backend_run_alone(&first, &unit);
    unit_ok(&unit);
    assert_int_equal(first.own, 1);
    struct dr_cursor cursor;
    open_read(&cursor, &first, "SELECT r FROM mine");
    assert_int_equal(cursor.on_own, 1);
    assert_int_equal(count_rows(&cursor, &first, 10, &end), 10);
    assert_int_equal(end, 0);
    assert_int_equal(count_rows(&cursor, &first, INT64_MAX, &end), 2990);
    assert_int_equal(end, 1);
    dr_cursor_close(&cursor, &first);
    assert_int_equal(first.member.inside, 0);
    /* The others don't have it, nor does the session any more once its connection is gone. */
    open_read(&cursor, &second, "SELECT * FROM t");
    assert_int_equal(cursor.on_own, 0);
    assert_int_equal(count_rows(&cursor, &second, INT64_MAX, &end), 2);
    dr_cursor_close(&cursor, &second);
    dr_backend_disconnect(&first);
    assert_int_equal(first.own, 0);
    ok(dr_backend_connect(&first, &error), &error);
    assert_int_equal(dr_connection_run(host.duckdb, first.connection, "FROM mine", &error), DUCKROW_SQL);
}

/* In a transaction reads see what it wrote; a cursor that is closed later doesn't undo it. */
static void reads_in_transactions(void)
{
    int end;
    run_well(&first, "INSERT INTO t (i) VALUES (5)");
    struct dr_cursor cursor;
    open_read(&cursor, &first, "SELECT * FROM t");
    assert_int_equal(count_rows(&cursor, &first, INT64_MAX, &end), 3);
    dr_cursor_close(&cursor, &first);
    assert_int_equal(first.open, 1);
    ok(dr_backend_commit(&first, &error), &error);
    /* A read that has begun the transaction that a write then goes on with. */
    dr_unit_reset(&unit);
    add(&unit, "CREATE TEMP TABLE mine (i INTEGER)", NULL);
    dr_backend_run_alone(&first, &unit);
    unit_ok(&unit);
    open_read(&cursor, &first, "SELECT * FROM range(100000)");
    assert_int_equal(count_rows(&cursor, &first, 1, &end), 1);
    ok(dr_cursor_keep(&first, &error), &error);
    run_well(&first, "INSERT INTO t (i) VALUES (6)");
    assert_int_equal(count_rows(&cursor, &first, INT64_MAX, &end), 99999);
    dr_cursor_close(&cursor, &first);
    ok(dr_backend_commit(&first, &error), &error);
    assert_string_equal(published(rows), "1,2,5,6");
}

/* ---- */

static void (*inner)(void);

static void with_backends(void)
{
    run_alone("CREATE TABLE t (i INTEGER UNIQUE, s VARCHAR DEFAULT 'a')");
    run_alone("INSERT INTO t (i) VALUES (1), (2)");
    dr_backend_init(&first, &host, views, statements);
    dr_backend_init(&second, &host, views, statements);
    unit = (struct dr_unit){0};
    dr_unit_reset(&unit);
    inner();
    dr_unit_free(&unit);
    dr_backend_free(&first);
    dr_backend_free(&second);
}

#define ENGINE_TEST(body)                                                                                                        \
    static void test_##body(void **state)                                                                                        \
    {                                                                                                                            \
        (void)state;                                                                                                             \
        inner = body;                                                                                                            \
        with_each_engine(NULL, with_backends);                                                                                   \
    }
ENGINE_TEST(transactions)
ENGINE_TEST(failure)
ENGINE_TEST(no_place)
ENGINE_TEST(conflicts)
ENGINE_TEST(cancelling)
ENGINE_TEST(stale_rows)
ENGINE_TEST(own_state)
ENGINE_TEST(reads_in_transactions)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_transactions), cmocka_unit_test(test_failure),
                                       cmocka_unit_test(test_no_place),     cmocka_unit_test(test_conflicts),
                                       cmocka_unit_test(test_cancelling),   cmocka_unit_test(test_stale_rows),
                                       cmocka_unit_test(test_own_state),    cmocka_unit_test(test_reads_in_transactions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
