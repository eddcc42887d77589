/* Statements as DuckDB sees them: found again by their text, made anew when the schema has changed; their columns, parameters, kinds
 * and databases. */
#include "support.h"

#include "served.h"

static struct dr_statement *make(const char *sql, struct dr_look look, duckrow_error *error)
{
    static const struct dr_catalog_context context = {.user = "anna", .server_version = "15.0"};
    struct dr_statement *made;
    look.sql = sql;
    *error = (duckrow_error){0};
    return dr_statements_make(statements, &look, &context, &made, error) ? NULL : made;
}

static void set_up(void)
{
    run_alone("CREATE TABLE t (i INTEGER, s VARCHAR, d DATE)");
    run_alone("CREATE SEQUENCE s");
}

/* ---- found again ---- */

static void keeping(void)
{
    duckrow_error error;
    set_up();
    static const char sql[] = "SELECT i FROM t";
    assert_null(dr_statements_find(statements, sql, 0));
    struct dr_statement *made = make(sql, (struct dr_look){.shared = 1}, &error);
    assert_non_null(made);
    struct dr_statement *found = dr_statements_find(statements, sql, 0);
    assert_ptr_equal(found, made);
    dr_statement_put(found);
    assert_null(dr_statements_find(statements, "SELECT i FROM t ", 0));
    assert_null(dr_statements_find(statements, sql, 1));
    /* What the session alone has is not for others. */
    struct dr_statement *own = make("SELECT s FROM t", (struct dr_look){.shared = 0}, &error);
    assert_null(dr_statements_find(statements, "SELECT s FROM t", 0));
    dr_statement_put(own);
    /* Nor what was rewritten. */
    own = make("SELECT current_user", (struct dr_look){.shared = 1}, &error);
    assert_string_equal(own->sql, "SELECT 'anna' AS \"current_user\"");
    assert_null(dr_statements_find(statements, "SELECT current_user", 0));
    dr_statement_put(own);
    assert_int_equal(dr_statements_current(statements, made), 1);
    run_alone("ALTER TABLE t ADD COLUMN x INTEGER");
    assert_int_equal(dr_statements_current(statements, made), 0);
    assert_null(dr_statements_find(statements, sql, 0));
    dr_statement_put(made);
}

/* Who makes one at the same time as another goes on with the other's. */
static void made_twice(void)
{
    duckrow_error error;
    set_up();
    static const char sql[] = "INSERT INTO t VALUES ($1, $2, $3)";
    struct dr_statement *first = make(sql, (struct dr_look){.shared = 1}, &error);
    struct dr_statement *second = make(sql, (struct dr_look){.shared = 1}, &error);
    assert_ptr_equal(second, first);
    dr_statement_put(second);
    /* A session's own is another object, and means the same where it has the same shape. */
    second = make("INSERT INTO t VALUES ($1, $2,$3)", (struct dr_look){.shared = 1}, &error);
    assert_false(dr_statement_same(first, second));
    dr_statement_put(second);
    run_alone("ALTER TABLE t ADD COLUMN x INTEGER DEFAULT 1");
    second = make(sql, (struct dr_look){.shared = 0}, &error);
    assert_ptr_not_equal(second, first);
    assert_false(dr_statement_same(first, second));
    dr_statement_put(second);
    dr_statement_put(first);
}

/* One that takes another's place in the table doesn't take it from who uses it. */
static void many(void)
{
    enum { KEPT = 6000 };
    char sql[64];
    duckrow_error error;
    struct dr_statement *first = make("BEGIN -- 0", (struct dr_look){.shared = 1}, &error);
    int found = 0;
    for (int i = 1; i < KEPT; i++) {
        snprintf(sql, sizeof sql, "BEGIN -- %d", i);
        dr_statement_put(make(sql, (struct dr_look){.shared = 1}, &error));
    }
    for (int i = 1; i < KEPT; i++) {
        snprintf(sql, sizeof sql, "BEGIN -- %d", i);
        struct dr_statement *again = dr_statements_find(statements, sql, 0);
        if (!again)
            continue;
        assert_string_equal(again->sql, sql);
        dr_statement_put(again);
        found++;
    }
    assert_in_range(found, 1000, 4096);
    assert_string_equal(first->sql, "BEGIN -- 0");
    dr_statement_put(first);
}

/* ---- what is learned ---- */

/* kind, tag, database, shape, parameters' oids, columns' names and oids */
static void tell(const struct dr_statement *made, char *text, size_t size)
{
    snprintf(text, size, "%d %s %d%s (", made->kind, made->tag, made->database, made->shape ? " shape" : "");
    for (int i = 0; i < made->parameters; i++)
        snprintf(text + strlen(text), size - strlen(text), i ? ",%u" : "%u", made->oids[i]);
    snprintf(text + strlen(text), size - strlen(text), ")");
    for (int i = 0; i < made->columns.count; i++)
        snprintf(text + strlen(text), size - strlen(text), " %s:%u", made->columns.names[i], dr_type_oid(made->columns.types[i]));
}

static void learning(void)
{
    static const struct {
        const char *sql;
        enum dr_kind kind;
        const char *rest;
    } cases[] = {
        {"SELECT i, s AS \"a b\", d FROM t", DR_KIND_READ, "SELECT -1 () i:23 a b:25 d:1082"},
        {"SELECT * FROM t WHERE i = $1 AND s = $2", DR_KIND_READ, "SELECT -1 (23,25) i:23 s:25 d:1082"},
        {"INSERT INTO t VALUES ($1, $2, $3)", DR_KIND_WRITE, "INSERT 0 0 shape (23,25,1082)"},
        {"INSERT INTO t (d, i) VALUES ($2, $1)", DR_KIND_WRITE, "INSERT 0 0 shape (23,1082)"},
        {"INSERT INTO core.t VALUES (?, ?, ?)", DR_KIND_WRITE, "INSERT 0 0 shape (23,25,1082)"},
        {"INSERT INTO t (i) VALUES ($1) RETURNING i, s", DR_KIND_WRITE, "INSERT 0 0 (23) i:23 s:25"},
        {"UPDATE t SET i = $1 WHERE s = $2", DR_KIND_WRITE, "UPDATE 0 (23,25)"},
        {"DELETE FROM t WHERE i = 1 RETURNING d", DR_KIND_WRITE, "DELETE 0 () d:1082"},
        {"WITH x AS (SELECT 1 AS a) INSERT INTO t (i) SELECT a FROM x", DR_KIND_WRITE, "INSERT 0 -1 ()"},
        {"CREATE TABLE u (i INTEGER)", DR_KIND_SCHEMA, "CREATE TABLE -1 ()"},
        {"CREATE TEMP TABLE u (i INTEGER)", DR_KIND_LOCAL, "CREATE TABLE -1 ()"},
        {"(SELECT 1 AS a)", DR_KIND_READ, "SELECT -1 () a:23"},
        {"BEGIN", DR_KIND_BEGIN, "BEGIN -1 ()"},
        {"DECLARE c CURSOR FOR SELECT i FROM t WHERE s = $1 AND i > $2", DR_KIND_DECLARE, "DECLARE CURSOR -1 (25,23)"},
    };
    set_up();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512], expected[512];
        duckrow_error error;
        struct dr_statement *made = make(cases[i].sql, (struct dr_look){.shared = 1}, &error);
        if (!made)
            fail_msg("%s: %s", cases[i].sql, error.message);
        tell(made, text, sizeof text);
        snprintf(expected, sizeof expected, "%d %s", cases[i].kind, cases[i].rest);
        if (strcmp(text, expected))
            fail_msg("%s: %s, not %s", cases[i].sql, text, expected);
        assert_int_equal(made->inner != NULL, made->kind == DR_KIND_DECLARE);
        dr_statement_put(made);
    }
    /* A database's name before a table is not a schema's. */
    struct dr_statement *made = dr_statements_find(statements, "INSERT INTO core.t VALUES (?, ?, ?)", 0);
    assert_string_equal(made->shape->catalog, "core");
    assert_null(made->shape->schema);
    dr_statement_put(made);
}

static void failing(void)
{
    static const struct {
        const char *sql;
        duckrow_code code;
    } cases[] = {
        {"SELECT missing FROM t", DUCKROW_SQL},
        {"SELEC", DUCKROW_SQL},
        {"DECLARE c CURSOR", DUCKROW_SQL},
        {"DECLARE c CURSOR FOR SELECT missing FROM t", DUCKROW_SQL},
        {"DECLARE c CURSOR FOR DELETE FROM t", DUCKROW_UNSUPPORTED},
    };
    set_up();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        duckrow_error error;
        assert_null(make(cases[i].sql, (struct dr_look){.shared = 1}, &error));
        if (error.code != cases[i].code)
            fail_msg("%s: %s %s", cases[i].sql, duckrow_code_name(error.code), error.message);
        assert_null(dr_statements_find(statements, cases[i].sql, 0));
    }
}

/* In an open transaction a statement is looked at there: it sees what the transaction has made, and doesn't wait at the gate. */
static void own_connection(void)
{
    duckrow_error error;
    struct dr_member alone = {0};
    duckdb_connection connection = connect_host();
    run_on(connection, "CREATE TEMP TABLE mine (a BIGINT)");
    ok(dr_gate_alone(&host.gate, &alone, dr_clock_ms() + WAIT_MS, 0, &error), &error);
    struct dr_statement *made = make("INSERT INTO mine VALUES ($1)", (struct dr_look){.own = connection}, &error);
    assert_non_null(made);
    assert_int_equal(made->oids[0], 20);
    assert_null(made->shape);
    dr_statement_put(made);
    settings.busy_timeout = 20;
    assert_null(make("SELECT 1", (struct dr_look){.shared = 1}, &error));
    assert_int_equal(error.code, DUCKROW_BUSY);
    dr_gate_leave(&host.gate, &alone);
    assert_null(make("SELECT * FROM mine", (struct dr_look){.shared = 1}, &error));
    assert_int_equal(error.code, DUCKROW_SQL);
    host.duckdb->disconnect(&connection);
}

/* ---- nextval, which a snapshot refuses: what it gave is not given again, also after a restart ---- */

static void nextval(void)
{
    struct dr_backend backend;
    struct dr_cursor cursor = {0};
    struct dr_unit unit = {0};
    duckrow_error error = {0};
    set_up();
    dr_backend_init(&backend, &host, views, statements);
    dr_unit_reset(&unit);
    struct dr_statement *made = statement("SELECT nextval('s')::VARCHAR AS n");
    assert_int_equal(made->kind, DR_KIND_READ);
    assert_int_equal(dr_cursor_open(&cursor, &backend, made, &unit, 0, &error), DUCKROW_READ_ONLY);
    assert_int_equal(cursor.open, 0);
    made->writes = 1;
    dr_statement_put(made);
    for (int i = 0; i < 3; i++) {
        add(&unit, "SELECT nextval('s')::VARCHAR AS n", NULL);
        dr_backend_run_alone(&backend, &unit);
        unit_ok(&unit);
        assert_int_equal(unit.operation[0].count, 1);
        dr_unit_reset(&unit);
    }
    dr_unit_free(&unit);
    dr_backend_free(&backend);
    close_host();
    open_host();
    assert_string_equal(written("SELECT nextval('s')::VARCHAR"), "4");
}

#define ENGINE_TEST(body)                                                                                                        \
    static void test_##body(void **state)                                                                                        \
    {                                                                                                                            \
        (void)state;                                                                                                             \
        with_each_engine(NULL, body);                                                                                            \
    }
ENGINE_TEST(keeping)
ENGINE_TEST(made_twice)
ENGINE_TEST(many)
ENGINE_TEST(learning)
ENGINE_TEST(failing)
ENGINE_TEST(own_connection)
ENGINE_TEST(nextval)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keeping), cmocka_unit_test(test_made_twice),
                                       cmocka_unit_test(test_many),    cmocka_unit_test(test_learning),
                                       cmocka_unit_test(test_failing), cmocka_unit_test(test_own_connection),
                                       cmocka_unit_test(test_nextval)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
