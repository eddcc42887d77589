/* The engine: which DuckDB is taken, what is said of one that isn't, and what a session does to a file. The parts that need a
 * DuckDB run with each in DUCKROW_TEST_ENGINES. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/session.h"

static void assert_one_line(const duckrow_error *error, const char *words)
{
    if (!strstr(error->message, words) || strchr(error->message, '\n'))
        fail_msg("\"%s\" is not in one line: \"%s\"", words, error->message);
}

/* ---- versions ---- */

static void test_versions_taken(void **state)
{
    (void)state;
    static const char *const versions[] = {"v1.5.6",         "1.5.6",  "v1.5.7",        "v1.5.10", "v1.5.7-dev12",
                                           "v1.6.0",         "v2.0.0", "v2.0.1-dev123", "v2.1.0",  "v2.1.0-dev1",
                                           "v2.0.0+build.1", "v3.0.0", "v10.0.0"};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (dr_engine_version_refused(versions[i]))
            fail_msg("%s is refused: %s", versions[i], dr_engine_version_refused(versions[i]));
}

static void test_versions_refused(void **state)
{
    (void)state;
    static const struct {
        const char *version, *words;
    } cases[] = {
        {"v1.5.5", "wrong rows through indexes"},
        {"v1.4.4", "wrong rows through indexes"},
        {"v1.4.5", "wrong rows through indexes"},
        {"v1.5.6-dev99", "wrong rows through indexes"},
        {"v1.4.3", "too old"},
        {"v1.0.0", "too old"},
        {"v0.10.3", "too old"},
        {"v2.0.0-dev4000", "before 2.0.0"},
        {"v2.0.0-rc1", "before 2.0.0"},
        {"", "not known"},
        {"v", "not known"},
        {"dev", "not known"},
        {"1.5", "not known"},
        {"v1.5.x", "not known"},
        {"v1.5.6rc1", "not known"},
        {"v99999999999.0.0", "not known"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *refused = dr_engine_version_refused(cases[i].version);
        if (!refused || !strstr(refused, cases[i].words))
            fail_msg("%s: %s", cases[i].version, refused ? refused : "taken");
    }
}

/* ---- finding one ---- */

static void assert_none(const char *wanted, const char *words)
{
    dr_engine *engine = (dr_engine *)"";
    duckrow_error error = {0};
    assert_int_equal(dr_engine_load(wanted, &engine, &error), DUCKROW_NO_ENGINE);
    assert_null(engine);
    assert_int_equal(error.code, DUCKROW_NO_ENGINE);
    assert_one_line(&error, words);
    assert_one_line(&error, "pip install 'duckdb>=1.5.6'");
    assert_one_line(&error, "--engine");
}

static void test_no_engine(void **state)
{
    (void)state;
    const char *text = path_in(temp_folder(), "text.so");
    FILE *file = fopen(text, "w");
    assert_non_null(file);
    fputs("no library\n", file);
    fclose(file);
    unsetenv("DUCKROW_ENGINE");
    assert_none("/nowhere/libduckdb.so", "--engine /nowhere/libduckdb.so can't be loaded");
    assert_none("/nowhere/libduckdb.so", "No such file");
    assert_none(text, "text.so");
    assert_none("libm.so.6", "--engine libm.so.6 is not a DuckDB library");
    assert_none(NULL, "DUCKROW_ENGINE is not set");
}

static void test_variable_names_the_engine(void **state)
{
    (void)state;
    setenv("DUCKROW_ENGINE", "/nowhere/else.so", 1);
    assert_none(NULL, "DUCKROW_ENGINE=/nowhere/else.so can't be loaded");
    assert_none("libm.so.6", "--engine libm.so.6 is not");
    setenv("DUCKROW_ENGINE", "", 1);
    assert_none(NULL, "DUCKROW_ENGINE is not set");
    unsetenv("DUCKROW_ENGINE");
}

/* ---- sessions, with each engine ---- */

static int with_each_engine(int (*body)(const dr_engine *engine))
{
    const char *list = getenv("DUCKROW_TEST_ENGINES");
    int count = 0;
    while (list && *list) {
        char entry[4096];
        size_t length = strcspn(list, ":");
        snprintf(entry, sizeof entry, "%.*s", (int)length, list);
        list += length + (list[length] == ':');
        const char *path = strchr(entry, '=') ? strchr(entry, '=') + 1 : entry;
        dr_engine *engine;
        duckrow_error error = {0};
        if (dr_engine_load(path, &engine, &error))
            fail_msg("%s", error.message);
        assert_true(engine->path[0] == '/' && strstr(engine->version, "."));
        count += body(engine);
        dr_engine_free(engine);
    }
    return count;
}

static void ok(duckrow_code code, const duckrow_error *error)
{
    if (code)
        fail_msg("%s: %s", duckrow_code_name(code), error->message);
}

static void run(dr_session *session, const char *sql)
{
    duckrow_error error = {0};
    ok(dr_session_run(session, sql, &error), &error);
}

static dr_session *open_session(const dr_engine *engine)
{
    dr_session *session;
    duckrow_error error = {0};
    ok(dr_session_open(engine, NULL, 1234, &session, &error), &error);
    return session;
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

/* A path of its own for each call. */
static const char *new_database(const char *name)
{
    static char path[512];
    static int count;
    snprintf(path, sizeof path, "%s/%d", temp_folder(), count++);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(path + strlen(path), sizeof path - strlen(path), "/%s.duckdb", name);
    return path;
}

static int names(const dr_engine *engine)
{
    static const char *const files[][2] = {{"core", "core"},     {"it's", "it's"},    {"a\"b", "a\"b"},
                                           {"memory", "memory"}, {"main", "main_db"}, {"x; DROP", "x; DROP"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        duckrow_error error = {0};
        dr_session *session = open_session(engine);
        const char *path = new_database(files[i][0]);
        ok(dr_session_attach(session, path, path, DR_ATTACH_WRITE | DR_ATTACH_CREATE, &error), &error);
        assert_string_equal(session->catalog, files[i][1]);
        run(session, "CREATE TABLE t AS SELECT 42 AS i");
        assert_true(dr_session_attached(session));
        ok(dr_session_checkpoint(session, &error), &error);
        ok(dr_session_detach(session, &error), &error);
        assert_false(dr_session_attached(session));
        ok(dr_session_attach(session, path, path, 0, &error), &error);
        run(session, "SELECT CASE WHEN i = 42 THEN 0 ELSE error('wrong') END FROM main.t");
        assert_int_equal(dr_session_run(session, "INSERT INTO t VALUES (1)", &error), DUCKROW_SQL);
        assert_one_line(&error, "read-only");
        dr_session_close(session);
    }
    return 1;
}

/* DuckDB checkpoints at 16 MB, at DETACH and at shutdown unless told not to. */
static int checkpoints(const dr_engine *engine)
{
    duckrow_error error = {0};
    dr_session *session = open_session(engine);
    const char *path = new_database("core");
    char wal[600];
    snprintf(wal, sizeof wal, "%s.wal", path);
    ok(dr_session_attach(session, path, path, DR_ATTACH_WRITE | DR_ATTACH_CREATE, &error), &error);
    run(session, "CREATE TABLE t (s VARCHAR)");
    off_t base = size_of(path);
    for (int i = 0; i < 25; i++)
        run(session, "INSERT INTO t SELECT repeat('x', 900) || range FROM range(1000)");
    assert_true(size_of(wal) > 20 << 20);
    ok(dr_session_detach(session, &error), &error);
    assert_int_equal(size_of(path), base);
    assert_true(size_of(wal) > 20 << 20);
    ok(dr_session_attach(session, path, path, DR_ATTACH_WRITE, &error), &error);
    ok(dr_session_checkpoint(session, &error), &error);
    assert_true(size_of(path) > base && size_of(wal) <= 0);
    run(session, "INSERT INTO t VALUES ('y')");
    dr_session_close(session);
    assert_true(size_of(wal) > 0);
    return 1;
}

static int busy_timeout(const dr_engine *engine)
{
    dr_session *session = open_session(engine);
    assert_int_equal(dr_session_busy_timeout(session), 1234);
    run(session, "SELECT CASE WHEN current_setting('busy_timeout') = 1234 THEN 0 ELSE error('wrong') END");
    run(session, "PRAGMA busy_timeout=5000");
    assert_int_equal(dr_session_busy_timeout(session), 5000);
    run(session, "SET busy_timeout = 7");
    assert_int_equal(dr_session_busy_timeout(session), 7);
    run(session, "RESET busy_timeout");
    assert_int_equal(dr_session_busy_timeout(session), 1234);
    duckrow_error error = {0};
    assert_int_equal(dr_session_run(session, "SET busy_timeout = 'soon'", &error), DUCKROW_SQL);
    dr_session_close(session);
    return 1;
}

static int causes(const dr_engine *engine)
{
    duckrow_error error = {0};
    dr_session *session = open_session(engine);
    const char *path = new_database("core");
    assert_int_equal(dr_session_attach(session, path, path, 0, &error), DUCKROW_NOT_FOUND);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 2000; i++)
        fputs("this is not a database\n", file);
    fclose(file);
    assert_int_equal(dr_session_attach(session, path, path, 0, &error), DUCKROW_NOT_A_DATABASE);
    assert_one_line(&error, "core.duckdb");
    assert_int_equal(dr_session_run(session, "SELECT 1\nFROM missing", &error), DUCKROW_SQL);
    assert_one_line(&error, "missing");
    assert_null(strstr(error.message, "LINE"));
    /* A failed attach leaves the session as it was. */
    path = new_database("core");
    ok(dr_session_attach(session, path, path, DR_ATTACH_WRITE | DR_ATTACH_CREATE, &error), &error);
    dr_session_close(session);
    return 1;
}

static void test_names(void **state)
{
    (void)state;
    if (!with_each_engine(names))
        skip();
}

static void test_checkpoints_only_when_asked(void **state)
{
    (void)state;
    if (!with_each_engine(checkpoints))
        skip();
}

static void test_busy_timeout(void **state)
{
    (void)state;
    if (!with_each_engine(busy_timeout))
        skip();
}

static void test_causes(void **state)
{
    (void)state;
    if (!with_each_engine(causes))
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_taken), cmocka_unit_test(test_versions_refused),
        cmocka_unit_test(test_no_engine),      cmocka_unit_test(test_variable_names_the_engine),
        cmocka_unit_test(test_names),          cmocka_unit_test(test_checkpoints_only_when_asked),
        cmocka_unit_test(test_busy_timeout),   cmocka_unit_test(test_causes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
