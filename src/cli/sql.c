/* duckrow sql: runs statements and prints what they give.
 *
 * Everything that needs no file comes first: reading and parsing the SQL, and assignments to busy_timeout at its start, so that
 * they count for the wait.
 *
 * Where the SQL may attach files, it is taken statement by statement: each ATTACH of a file is duckrow's to do (attached.h). One that
 * can't be told apart for certain is refused: its file would be open without a turn.
 *
 * Writing, the guard is asked before and after each statement, for a statement may commit, and may close the file in passing. An
 * error rolls back the open transaction; what was committed before it stays, and is published. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attached.h"
#include "core/status.h"
#include "engine/sqltext.h"
#include "engine/tokens.h"
#include "format.h"
#include "remote_sql.h"
#include "signals.h"
#include "work.h"

struct run {
    const struct dr_options *options;
    const struct dr_format *format;
    struct dr_work work;
    struct dr_output output;
    struct dr_attachments attached;
    char *sql;
    int split;        /* run statement by statement, as it may attach files */
    int pass;         /* the statement is an ATTACH that is DuckDB's to do */
    idx_t next;       /* the first statement that has not been run */
    int results;      /* written so far */
    int transactions; /* has there been a BEGIN? */
};

static int writes(const struct run *run)
{
    return run->options->write || run->options->exclusive;
}

/* ---- the SQL ---- */

static duckrow_code read_all(int fd, const char *name, char **text, duckrow_error *error)
{
    size_t used = 0, room = 0;
    char *memory = NULL;
    for (;;) {
        if (room - used < 2) {
            room = 2 * room + 64 * 1024;
            char *larger = realloc(memory, room);
            if (!larger) {
                free(memory);
                return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
            }
            memory = larger;
        }
        ssize_t n = read(fd, memory + used, room - used - 1);
        if (n < 0 && errno == EINTR && !dr_signals_received())
            continue;
        if (n < 0) {
            int saved = errno;
            free(memory);
            return dr_fail_os(error, saved, "cannot read %s", name);
        }
        if (n == 0)
            break;
        used += (size_t)n;
    }
    memory[used] = 0;
    *text = memory;
    if (strlen(memory) != used)
        return dr_fail(error, DUCKROW_USAGE, "%s is not SQL text: it has a zero byte", name);
    return DUCKROW_OK;
}

static duckrow_code read_sql(struct run *run, duckrow_error *error)
{
    const struct dr_options *options = run->options;
    if (options->sql) {
        run->sql = strdup(options->sql);
        return run->sql ? DUCKROW_OK : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    }
    if (!options->file || strcmp(options->file, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", &run->sql, error);
    int fd = open(options->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return dr_fail_os(error, errno, "cannot read %s", options->file);
    duckrow_code code = read_all(fd, options->file, &run->sql, error);
    close(fd);
    return code;
}

static duckrow_code parse(struct run *run, const char *sql, duckdb_extracted_statements *statements, idx_t *count,
                          duckrow_error *error)
{
    const struct dr_session *session = run->work.session;
    *count = session->duckdb->extract_statements(session->connection, sql, statements);
    const char *message = *count ? NULL : session->duckdb->extract_statements_error(*statements);
    return message && *message ? dr_sql_failed(error, message) : DUCKROW_OK;
}

/* ---- one statement ---- */

static duckrow_code write_rows(void *context, duckdb_result *result, duckrow_error *error)
{
    struct run *run = context;
    if (run->results && run->format->one_result)
        return dr_fail(error, DUCKROW_USAGE, "%s holds one result, and this SQL gives more: run the statements one by one",
                       run->format->name);
    struct dr_answer answer = {run->work.session, result, run->results++};
    duckrow_code code = run->format->write(&answer, &run->output, error);
    return code ? code : dr_output_flush(&run->output, error);
}

static duckrow_code write_count(void *context, unsigned long long rows, duckrow_error *error)
{
    struct run *run = context;
    duckrow_code code = DUCKROW_OK;
    if (run->format == &dr_format_table)
        code = dr_output_print(&run->output, error, "(%llu row%s changed)\n", rows, rows == 1 ? "" : "s");
    return code ? code : dr_output_flush(&run->output, error);
}

static duckrow_code write_result(struct run *run, duckdb_result *result, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = run->work.session->duckdb;
    int kind = (int)duckdb->result_return_type(*result);
    if (kind == DR_RESULT_ROWS)
        return write_rows(run, result, error);
    return kind == DR_RESULT_CHANGED_ROWS ? write_count(run, duckdb->rows_changed(result), error) : DUCKROW_OK;
}

/* A statement that writes fails on a database that is open read-only, and the user can do something about it. DuckDB has no code
 * for this, and 2.0 calls every statement "EXECUTE" here, so its own line is kept only where it is about another database. */
static duckrow_code add_hint(const struct run *run, duckrow_error *error)
{
    const char *catalog = run->work.session->catalog;
    if (writes(run) || error->code != DUCKROW_SQL || !strstr(error->message, "attached in read-only mode"))
        return error->code;
    char *quoted = catalog ? dr_sql_quote(catalog, '"') : NULL, *plain = catalog ? dr_sql_format("\"%s\"", catalog) : NULL;
    const char *found = quoted && plain && (strstr(error->message, quoted) || strstr(error->message, plain))
                            ? catalog
                            : dr_attached_meant(&run->attached, error->message);
    if (found)
        dr_fail(error, DUCKROW_READ_ONLY, "this statement writes, and %s is open read-only: add --write", found);
    free(quoted);
    free(plain);
    return error->code;
}

/* Where a thread of a streamed query fails, DuckDB stops the others, and whoever fetches may see that first: "Interrupted!", and
 * the reason is lost. Run whole, the query tells it. In a transaction, which has failed by now, it would not. */
static duckrow_code find_the_reason(const struct run *run, duckdb_prepared_statement statement, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = run->work.session->duckdb;
    duckdb_result result;
    memset(&result, 0, sizeof result);
    dr_fail(error, DUCKROW_SQL, "DuckDB gave this query up and does not say why: run it again");
    if (!run->transactions && duckdb->execute_prepared(statement, &result) != DuckDBSuccess)
        dr_sql_failed(error, duckdb->result_error(&result));
    duckdb->destroy_result(&result);
    return error->code;
}

static duckrow_code execute(struct run *run, duckdb_prepared_statement statement, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = run->work.session->duckdb;
    int type = (int)duckdb->prepared_statement_type(statement);
    if (type == DR_STATEMENT_ATTACH && !run->pass)
        return dr_fail(
            error, DUCKROW_USAGE,
            "this ATTACH is not understood, so its file would be open without a turn: write the path as one plain string, "
            "and the options as plain values");
    run->transactions |= type == DR_STATEMENT_TRANSACTION;
    duckdb_result result;
    memset(&result, 0, sizeof result);
    /* Only queries are streamed: what else is done must not depend on how far its rows are read. */
    duckdb_state state = type == DR_STATEMENT_SELECT ? duckdb->execute_prepared_streaming(statement, &result)
                                                     : duckdb->execute_prepared(statement, &result);
    duckrow_code code =
        state == DuckDBSuccess ? write_result(run, &result, error) : dr_sql_failed(error, duckdb->result_error(&result));
    duckdb->destroy_result(&result);
    if (code == DUCKROW_INTERRUPTED && type == DR_STATEMENT_SELECT && !dr_signals_received())
        code = find_the_reason(run, statement, error);
    if (!code && dr_session_busy_timeout(run->work.session) < 0)
        code = dr_fail(error, DUCKROW_SQL, "busy_timeout must be 0 or more milliseconds");
    return code;
}

static duckrow_code guard(struct run *run, duckrow_error *error)
{
    duckrow_code code = run->work.turn ? duckrow_turn_guard(run->work.turn, error) : DUCKROW_OK;
    return code ? code : dr_attached_guard(&run->attached, error);
}

static duckrow_code run_statement(struct run *run, duckdb_extracted_statements statements, idx_t index, duckrow_error *error)
{
    const struct dr_session *session = run->work.session;
    duckdb_prepared_statement statement = NULL;
    duckrow_code code = guard(run, error);
    if (code)
        return code;
    if (session->duckdb->prepare_extracted_statement(session->connection, statements, index, &statement) == DuckDBSuccess)
        code = execute(run, statement, error);
    else
        code = dr_sql_failed(error, session->duckdb->prepare_error(statement));
    session->duckdb->destroy_prepare(&statement);
    duckrow_error unguarded = {0};
    if (guard(run, &unguarded) && !code) {
        code = unguarded.code;
        *error = unguarded;
    }
    return code;
}

/* ---- all statements ---- */

/* Is the statement at *at an assignment to busy_timeout? Moves to its end. */
static int take_busy_timeout(const char **at)
{
    struct dr_tokens tokens;
    dr_tokens_begin(&tokens, *at, NULL);
    dr_tokens_at_end(&tokens);
    if (!dr_tokens_take_word(&tokens, "PRAGMA") && !dr_tokens_take_word(&tokens, "SET"))
        return 0;
    if (!dr_tokens_take_word(&tokens, "SESSION") && !dr_tokens_take_word(&tokens, "LOCAL"))
        dr_tokens_take_word(&tokens, "GLOBAL");
    if (!dr_tokens_take_word(&tokens, "busy_timeout"))
        return 0;
    const char *end = dr_statement_end(tokens.start);
    *at = end ? end : *at;
    return end != NULL;
}

/* Runs the assignments to busy_timeout that the SQL begins with. */
static duckrow_code run_leading(struct run *run, duckdb_extracted_statements statements, idx_t count, duckrow_error *error)
{
    const char *at = run->sql;
    duckrow_code code = DUCKROW_OK;
    for (; !code && run->next < count && take_busy_timeout(&at); run->next++)
        code = run_statement(run, statements, run->next, error);
    if (!code)
        run->work.timeout_ms = dr_session_busy_timeout(run->work.session);
    return code;
}

/* The next statement's text, allocated, and where it ends; NULL: out of memory, or its end can't be told. */
static char *take_statement(const char **at)
{
    const char *end = dr_statement_end(*at);
    char *text = end ? strndup(*at, (size_t)(end - *at)) : NULL;
    *at = end ? end + (*end == ';') : *at;
    return text;
}

/* Do we tell statements apart as DuckDB does, which found so many? Some of them stand for several of its own. */
static int splits(struct run *run, idx_t found)
{
    const char *at = run->sql;
    idx_t sum = 0;
    while (*at) {
        duckdb_extracted_statements statements = NULL;
        duckrow_error ignored;
        idx_t count = 0;
        char *text = take_statement(&at);
        int failed = !text || parse(run, text, &statements, &count, &ignored) != DUCKROW_OK;
        run->work.session->duckdb->destroy_extracted(&statements);
        free(text);
        if (failed)
            return 0;
        sum += count;
    }
    return sum == found;
}

/* Runs the statements of a text that are due: *number is that of its first in the whole SQL, and moves behind its last. */
static duckrow_code run_text(struct run *run, const char *text, idx_t *number, duckrow_error *error)
{
    duckdb_extracted_statements statements = NULL;
    idx_t count;
    duckrow_code code = parse(run, text, &statements, &count, error);
    for (idx_t i = 0; !code && i < count; i++) {
        if (*number + i < run->next)
            continue;
        run->next = *number + i + 1;
        code = run_statement(run, statements, i, error);
        if (!code && dr_signals_received())
            code = dr_fail(error, DUCKROW_INTERRUPTED, "interrupted");
    }
    *number += count;
    run->work.session->duckdb->destroy_extracted(&statements);
    return code;
}

static duckrow_code run_attach(struct run *run, const struct dr_attach *attach, idx_t *number, duckrow_error *error)
{
    duckrow_code code = guard(run, error);
    if (!code)
        code = dr_attached_attach(&run->attached, attach, error);
    run->next = ++*number;
    return code;
}

/* One statement by itself, so that we know what it says. */
static duckrow_code run_one(struct run *run, const char *text, idx_t *number, duckrow_error *error)
{
    struct dr_attach attach;
    dr_attach_parse(text, &attach);
    int attaches = attach.kind == DR_ATTACH_ATTACH, is_file = attaches && dr_attach_is_file(attach.path, attach.type);
    run->pass = attaches && !is_file;
    duckrow_code code = is_file ? run_attach(run, &attach, number, error) : run_text(run, text, number, error);
    run->pass = 0;
    if (!code && attach.kind == DR_ATTACH_DETACH)
        dr_attached_detached(&run->attached, attach.alias);
    dr_attach_free(&attach);
    return code;
}

static duckrow_code run_each(struct run *run, duckrow_error *error)
{
    const char *at = run->sql;
    idx_t number = 0;
    duckrow_code code = DUCKROW_OK;
    while (!code && *at) {
        char *text = take_statement(&at);
        code = text ? run_one(run, text, &number, error) : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
        free(text);
    }
    return code;
}

static duckrow_code check_results(const struct run *run, duckrow_error *error)
{
    return run->format->one_result && !run->results
               ? dr_fail(error, DUCKROW_USAGE, "%s holds one result, and this SQL gives none", run->format->name)
               : DUCKROW_OK;
}

static duckrow_code run_rest(struct run *run, duckrow_error *error)
{
    idx_t number = 0;
    duckrow_code code = run->split ? run_each(run, error) : run_text(run, run->sql, &number, error);
    if (!code)
        code = check_results(run, error);
    return code ? add_hint(run, error) : DUCKROW_OK;
}

static void publish(struct run *run)
{
    duckrow_error error = {0};
    if (dr_work_publish(&run->work, 1, NULL, &error))
        dr_warn_unpublished(&error);
}

static duckrow_code end_transaction(struct run *run, duckrow_code code, duckrow_error *error)
{
    duckrow_error other = {0};
    if (!run->transactions)
        return code;
    if (code) {
        dr_session_run(run->work.session, "ROLLBACK", &other);
        return code;
    }
    code = guard(run, error);
    if (code)
        dr_session_run(run->work.session, "ROLLBACK", &other);
    else if (dr_session_run(run->work.session, "COMMIT", &other) && !strstr(other.message, "no transaction is active"))
        code = dr_fail(error, other.code, "%s", other.message);
    return code;
}

static duckrow_code write_database(struct run *run, duckrow_error *error)
{
    struct dr_work *work = &run->work;
    duckrow_code code = dr_work_take(work, run->options->exclusive ? "hold" : "write", error);
    if (code)
        return code;
    code = dr_work_attach(work, error);
    if (code)
        return code;
    /* Until the snapshot is level readers wait for us. What keeps it from that will be told at the end. */
    if (!duckrow_turn_level(work->turn)) {
        duckrow_error ignored;
        dr_work_publish(work, 0, NULL, &ignored);
    }
    code = run_rest(run, error);
    code = end_transaction(run, code, error);
    dr_attached_end(&run->attached);
    publish(run);
    dr_work_release(work);
    return code;
}

/* ---- through a service ---- */

static duckrow_code check_all(void *context, duckrow_error *error)
{
    return check_results(context, error);
}

static duckrow_code send_all(struct run *run, idx_t count, struct dr_remote *remote, duckrow_error *error)
{
    const struct dr_remote_sink sink = {write_rows, write_count, check_all, run};
    if (!splits(run, count))
        return dr_fail(error, DUCKROW_USAGE, "these statements can't be told apart: give them one by one");
    return dr_remote_script(remote, run->work.session, run->sql, (size_t)run->next, &sink, error);
}

/* By whoever has the turn, or may have it: a service that runs the statements for us, or ourselves. */
static duckrow_code write_somehow(struct run *run, idx_t count, duckrow_error *error)
{
    struct dr_work *work = &run->work;
    struct dr_remote *remote;
    char dsn[sizeof((duckrow_status *)0)->service];
    for (;;) {
        *dsn = 0;
        if (!run->options->exclusive)
            dr_status_service(work->db, dsn, sizeof dsn);
        if (!*dsn)
            return write_database(run, error);
        duckrow_code code = dr_remote_open(dsn, work->timeout_ms, &remote, error);
        if (!code) {
            code = send_all(run, count, remote, error);
            dr_remote_close(remote);
            return code;
        }
        /* It is leaving, and gives its turn up. */
        if (code != DUCKROW_NOT_FOUND || dr_signals_received())
            return code;
        if (!dr_work_left(work))
            return dr_fail(error, DUCKROW_BUSY, "%s", error->message);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

/* Only what SQL attaches is read or written. */
static duckrow_code without_database(struct run *run, duckrow_error *error)
{
    duckrow_code code = run_rest(run, error);
    if (writes(run))
        code = end_transaction(run, code, error);
    dr_attached_end(&run->attached);
    return code;
}

static duckrow_code read_database(struct run *run, duckrow_error *error)
{
    duckrow_code code = dr_work_read(&run->work, error);
    if (!code)
        code = run_rest(run, error);
    dr_attached_end(&run->attached);
    return code;
}

static duckrow_code run_all(struct run *run, duckrow_error *error)
{
    duckrow_code code = read_sql(run, error);
    if (!code)
        code = dr_work_open(&run->work, run->options, writes(run) ? 0 : DUCKROW_MUST_EXIST, error);
    if (!code)
        code = dr_output_open(&run->output, run->options->output, error);
    if (code)
        return code;
    duckdb_extracted_statements statements = NULL;
    idx_t count;
    run->attached = (struct dr_attachments){.host = &run->work, .write = writes(run)};
    code = parse(run, run->sql, &statements, &count, error);
    if (!code)
        code = run_leading(run, statements, count, error);
    run->work.session->duckdb->destroy_extracted(&statements);
    if (code)
        return code;
    run->split = strcasestr(run->sql, "attach") && splits(run, count);
    if (!run->work.db)
        code = without_database(run, error);
    else
        code = writes(run) ? write_somehow(run, count, error) : read_database(run, error);
    return code ? code : dr_output_finish(&run->output, error);
}

static int run_sql(const struct dr_options *options)
{
    struct run *run = calloc(1, sizeof *run);
    duckrow_error error = {0};
    if (!run) {
        dr_fail(&error, DUCKROW_NO_MEMORY, "out of memory");
        return dr_report(&error);
    }
    run->options = options;
    run->format = dr_format_find(options->format ? options->format : "table");
    run->output.fd = -1;
    duckrow_code code = run_all(run, &error);
    int broken = run->output.broken;
    dr_output_close(&run->output);
    dr_work_close(&run->work);
    dr_attached_close(&run->attached);
    free(run->sql);
    free(run);
    int status = !code ? 0 : broken ? 128 + 13 : dr_report(&error);
    return status;
}

const struct dr_command dr_command_sql = {
    "sql",
    "sql [--write | --exclusive] [--timeout 10s] [--format table|csv|json|parquet|arrow] [--output FILE] [--engine FILE] DB "
    "[SQL]",
    "run SQL",
    "Runs SQL on the database: read-only, on its snapshot, unless --write is given.\n"
    "SQL comes from the argument, from --file FILE, or from standard input. Each statement's result is printed in turn.\n"
    "Writing, an error rolls back the open transaction; at the end an open transaction is committed, and readers see it.\n"
    "Where a service has the database, it runs what --write gives it; files that SQL names are the service's to open then.\n"
    "ATTACH 'FILE' AS x (READ_ONLY) reads that database's snapshot too; ATTACH 'FILE' AS x takes its turn when --write is "
    "given.\n"
    "DB may be :memory:, to work with attached databases alone.\n"
    "\n"
    "  --write          take the turn and open the database read-write; makes a missing one\n"
    "  --exclusive      the same, but never through a service, which hands the database over instead\n"
    "  --timeout TIME   how long to wait: 10s, 500ms, 2m, 1.5 (seconds); default 10s; also SET busy_timeout = MILLISECONDS\n"
    "  --format FORMAT  table (default), csv, json (an array of objects), parquet or arrow (IPC stream; both: one result)\n"
    "  --output FILE    write the results to FILE, which appears when all is done, and not at all on an error; - is\n"
    "                   standard output\n"
    "  --file FILE      read the SQL from FILE; - is standard input\n"
    "  --engine FILE    the libduckdb.so to use; default: DUCKROW_ENGINE, then the loader's path\n",
    DR_TAKES_WRITE | DR_TAKES_TIMEOUT | DR_TAKES_FORMAT | DR_TAKES_ENGINE | DR_TAKES_DATABASE | DR_TAKES_SQL,
    run_sql,
};
