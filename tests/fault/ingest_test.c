/* Ingest with the nth of its steps failing, and killed at it, for every n: whatever was staged is in the table once in the end, and what
 * can't be read is in quarantine. A step is a system call of ours, or what comes before and after a transaction's beginning and end;
 * in between it is DuckDB's transaction that holds. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/ingest.h"
#include "engine/sqltext.h"
#include "faulty.h"

static char folder[4000], path[4096], first[4096]; /* first: a copy of the database as it was */
static dr_engine *engine;
static dr_session *session;
static int keep;

static void step(void)
{
    struct stat ignored;
    (void)dr_os.stat("/", &ignored);
}

static duckrow_code begin(void *context, duckrow_error *error)
{
    (void)context;
    step();
    duckrow_code code = dr_session_run(session, "BEGIN", error);
    step();
    return code;
}

static duckrow_code commit(void *context, int *committed, duckrow_error *error)
{
    (void)context;
    step();
    duckrow_code code = dr_session_run(session, "COMMIT", error);
    *committed = !code;
    step();
    return code;
}

static void rollback(void *context)
{
    (void)context;
    step();
    dr_session_run(session, "ROLLBACK", NULL);
    step();
}

/* 2: what isn't to be tested has failed. */
static void must(duckrow_code code, const duckrow_error *error)
{
    if (!code)
        return;
    fprintf(stderr, "%s\n", error->message);
    _exit(2);
}

static void open_engine(const char *attached)
{
    duckrow_error error = {0};
    must(dr_session_open(engine, NULL, 1000, &session, &error), &error);
    must(dr_session_run(session, "SET threads = 1", &error), &error);
    must(
        dr_session_attach(session, attached, attached, DR_ATTACH_WRITE | (access(attached, F_OK) ? DR_ATTACH_CREATE : 0), &error),
        &error);
}

/* One pass after the other, until there is nothing more to do. */
static duckrow_code ingest(int n, int how)
{
    duckrow_error error = {0};
    duckrow_db *db;
    open_engine(path);
    char *catalog = dr_sql_quote(session->catalog, '"');
    struct dr_ingest run = {.duckdb = session->duckdb,
                            .connection = session->connection,
                            .catalog = catalog,
                            .begin = begin,
                            .commit = commit,
                            .rollback = rollback,
                            .rules = {.most_files = 100, .most_bytes = 1 << 30}};
    run.rules.keep = keep;
    must(duckrow_db_open(path, NULL, &db, &error), &error);
    run.db = db;
    arm(n, how);
    duckrow_code code = DUCKROW_OK;
    for (int more = 1; !code && more;)
        code = dr_ingest_pass(&run, &more, &error);
    dr_os = real;
    if (code && !*error.message)
        _exit(3);
    duckrow_db_close(db);
    dr_session_close(session);
    free(catalog);
    return code;
}

/* How the child ended. */
static int in_child(int (*body)(int n, int how), int n, int how)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(body(n, how));
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* 0: there was no nth step; 1: there was. */
static int faulty(int n, int how)
{
    ingest(n, how);
    return calls >= n;
}

static int run(const char *sql)
{
    duckrow_error error = {0};
    must(dr_session_run(session, sql, &error), &error);
    return 0;
}

static int make_first(int n, int how)
{
    (void)n, (void)how;
    char sql[8192], name[4096];
    open_engine(first);
    run("CREATE TABLE t (i INTEGER, s VARCHAR DEFAULT 'none')");
    static const char *const files[] = {"SELECT 1 i FROM range(10)", "SELECT 2 i FROM range(10)",
                                        "SELECT 'x' s, 3 i FROM range(10)", "SELECT 'no number' i"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(name, sizeof name, "%s/%zu.parquet", folder, i);
        snprintf(sql, sizeof sql, "COPY (%s) TO '%s'", files[i], name);
        run(sql);
    }
    run("CHECKPOINT");
    dr_session_close(session);
    return 0;
}

/* What is in the table, and nothing else. */
static int check(int n, int how)
{
    (void)n, (void)how;
    char *text;
    duckrow_error error = {0};
    if (ingest(0, 0))
        return 4;
    open_engine(path);
    must(dr_session_text(
             session,
             "SELECT string_agg(concat_ws(' ', i, s, n), ', ' ORDER BY i) FROM (SELECT i, s, count(*) n FROM t GROUP BY ALL)",
             &text, &error),
         &error);
    if (strcmp(text, "1 none 10, 2 none 10, 3 x 10") != 0) {
        fprintf(stderr, "%s\n", text);
        return 5;
    }
    dr_session_close(session);
    return 0;
}

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t count; (count = fread(bytes, 1, sizeof bytes, in)) > 0;)
        assert_int_equal(fwrite(bytes, 1, count, out), count);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static int staged(const char *where, const char *name)
{
    char at[8192];
    snprintf(at, sizeof at, "%s.duckrow/staging/%s/%s", path, where, name);
    return access(at, F_OK) == 0;
}

static void prepare(void)
{
    static const char *const folders[] = {"", "/staging", "/staging/.tmp", "/staging/t"};
    char name[8192], to[8192];
    snprintf(path, sizeof path, "%s/work/core.duckdb", folder);
    snprintf(name, sizeof name, "%s/work", folder);
    mkdir(name, 0777);
    empty_folder(name);
    copy_file(first, path);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s.duckrow%s", path, folders[i]);
        assert_int_equal(mkdir(name, 0777), 0);
    }
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s/%d.parquet", folder, i);
        snprintf(to, sizeof to, "%s.duckrow/staging/t/%d.parquet", path, i);
        copy_file(name, to);
    }
}

static void every_step(int how)
{
    /* In short, some of the steps, others each time. */
    int ended, stride = scaled(1, 40);
    for (int n = 1 + (int)(clock_ms() % stride);; n += stride) {
        prepare();
        ended = in_child(faulty, n, how);
        int over = ended == 0;
        if (ended > 1 && ended != 128 + SIGKILL)
            fail_msg("step %d: ended with %d", n, ended);
        if ((ended = in_child(check, 0, 0)))
            fail_msg("after step %d: %d", n, ended);
        for (int i = 0; i < 4; i++) {
            char name[16];
            snprintf(name, sizeof name, "%d.parquet", i);
            assert_false(staged("t", name));
        }
        assert_true(staged("quarantine/t", "3.parquet") && staged("quarantine/t", "3.parquet.error"));
        if (over)
            return;
    }
}

static void killed(void **state)
{
    (void)state;
    every_step(KILL);
}

static void killed_keeping(void **state)
{
    (void)state;
    keep = 1;
    every_step(KILL);
    keep = 0;
}

static void failing(void **state)
{
    (void)state;
    every_step(EIO);
}

int main(void)
{
    const char *list = getenv("DUCKROW_TEST_ENGINES");
    char library[4096];
    duckrow_error error = {0};
    if (!list || !*list)
        return 77;
    real = dr_os;
    /* Many small commits: on a busy disk they take seconds. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    const char *from = strchr(list, '=') ? strchr(list, '=') + 1 : list;
    snprintf(library, sizeof library, "%.*s", (int)strcspn(from, ":"), from);
    if (dr_engine_load(library, &engine, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    snprintf(folder, sizeof folder, "%s", temp_folder());
    snprintf(first, sizeof first, "%s/first.duckdb", folder);
    if (in_child(make_first, 0, 0))
        return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed), cmocka_unit_test(killed_keeping), cmocka_unit_test(failing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
