/* The service's ingest: by file events, and for those who want to catch up; beside others' commits; ended in the middle. */
#include "support.h"

#include "served.h"
#include "service/ingester.h"

enum { ROWS = 100, FILES = 30, LARGE = 2000000 };

static duckdb_connection connection;
static struct dr_ingester *ingester;
static const char *_Atomic stop;

static void stage(const char *table, const char *name, const char *sql)
{
    char path[1024], to[1024], copy[4096];
    snprintf(path, sizeof path, "%s.duckrow/staging/.tmp/%s", served_path, name);
    snprintf(to, sizeof to, "%s.duckrow/staging/%s", served_path, table);
    mkdir(to, 0777);
    snprintf(to, sizeof to, "%s.duckrow/staging/%s/%s.parquet", served_path, table, name);
    snprintf(copy, sizeof copy, "COPY (%s) TO '%s' (FORMAT parquet)", sql, path);
    run_on(connection, copy);
    assert_int_equal(rename(path, to), 0);
}

static int is(const char *sql, const char *wanted)
{
    return strcmp(text_on(connection, sql), wanted) == 0;
}

static void open_all(void)
{
    duckrow_error error = {0};
    connection = connect_host();
    run_on(connection, "CREATE TABLE t (i BIGINT)");
    ok(dr_ingester_open(&host, 0, &ingester, &error), &error);
    char path[1024];
    snprintf(path, sizeof path, "%s.duckrow/staging/.tmp", served_path);
    WAIT_UNTIL(access(path, F_OK) == 0, WAIT_MS);
}

static void close_all(void)
{
    dr_ingester_close(ingester);
    host.duckdb->disconnect(&connection);
}

static void by_events(void)
{
    struct dr_ingested ingested;
    open_all();
    stage("t", "a", "SELECT range i FROM range(10)");
    WAIT_UNTIL(is("SELECT count(*)::VARCHAR FROM t", "10"), WAIT_MS);
    stage("t", "b", "SELECT 'no number' i");
    stage("t", "c", "SELECT 10 i");
    WAIT_UNTIL(is("SELECT count(*)::VARCHAR FROM t", "11"), WAIT_MS);
    WAIT_UNTIL((dr_ingester_look(ingester, &ingested), ingested.files == 2), WAIT_MS);
    assert_int_equal(ingested.rows, 11);
    assert_int_equal(ingested.quarantined, 1);
    close_all();
}

static void caught_up(void)
{
    duckrow_error error = {0};
    char name[16], count[16];
    open_all();
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%d", i);
        stage("t", name, "SELECT range i FROM range(100)");
        ok(dr_ingester_catch_up(ingester, dr_clock_ms() + WAIT_MS, &stop, &error), &error);
        snprintf(count, sizeof count, "%d", (i + 1) * ROWS);
        assert_string_equal(text_on(connection, "SELECT count(*)::VARCHAR FROM t"), count);
    }
    stop = "it was cancelled";
    stage("t", "more", "SELECT 1 i");
    duckrow_code code = dr_ingester_catch_up(ingester, dr_clock_ms() + WAIT_MS, &stop, &error);
    assert_true(code == DUCKROW_INTERRUPTED || code == DUCKROW_OK);
    stop = NULL;
    close_all();
}

static void ended_in_the_middle(void)
{
    char sql[128], count[32];
    duckrow_error error = {0};
    open_all();
    snprintf(sql, sizeof sql, "SELECT range i FROM range(%d)", LARGE);
    stage("t", "large", sql);
    sleep_ms(1100);
    dr_ingester_close(ingester);
    snprintf(count, sizeof count, "%d", LARGE);
    const char *found = text_on(connection, "SELECT count(*)::VARCHAR FROM t");
    assert_true(strcmp(found, "0") == 0 || strcmp(found, count) == 0);
    ok(dr_ingester_open(&host, 0, &ingester, &error), &error);
    WAIT_UNTIL(is("SELECT count(*)::VARCHAR FROM t", count), 6 * WAIT_MS);
    close_all();
}

#define ENGINE_TEST(body)                                                                                                        \
    static void test_##body(void **state)                                                                                        \
    {                                                                                                                            \
        (void)state;                                                                                                             \
        with_each_engine(NULL, body);                                                                                            \
    }
ENGINE_TEST(by_events)
ENGINE_TEST(caught_up)
ENGINE_TEST(ended_in_the_middle)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_events), cmocka_unit_test(test_caught_up),
                                       cmocka_unit_test(test_ended_in_the_middle)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
