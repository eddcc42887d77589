#include "remote_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/attach.h"
#include "engine/feed.h"
#include "engine/sqltext.h"
#include "engine/tokens.h"
#include "remote_types.h"
#include "signals.h"

/* ---- rows ---- */

struct rows {
    struct dr_feed feed;
    struct dr_remote *remote;
    duckrow_error error; /* the service's */
};

static int next(void *context, const char *const **values, const size_t **sizes, const char **message)
{
    struct rows *rows = context;
    int more = rows->error.code ? -1 : dr_remote_row(rows->remote, values, sizes, &rows->error);
    if (more < 0)
        *message = rows->error.message;
    return more;
}

/* "SELECT CAST(c0 AS DATE) AS "when", … FROM duckrow_feed()", allocated; NULL with an error. */
static char *select_columns(const struct dr_remote_columns *columns, duckrow_error *error)
{
    char *sql = strdup("SELECT ");
    for (int i = 0; sql && i < columns->count; i++) {
        char value[24];
        snprintf(value, sizeof value, "c%d", i);
        char *expression = dr_remote_expression(columns->type[i], value), *name = dr_sql_quote(columns->name[i], '"');
        if (!expression)
            dr_fail(error, DUCKROW_UNSUPPORTED, "the service gives a column of a type that is not known here: %.200s",
                    columns->type[i]);
        char *longer = expression && name ? dr_sql_format("%s%s%s AS %s", sql, i ? ", " : "", expression, name) : NULL;
        free(expression);
        free(name);
        free(sql);
        sql = longer;
    }
    char *whole = sql ? dr_sql_format("%s FROM duckrow_feed()", sql) : NULL;
    free(sql);
    if (!whole && !error->code)
        dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    return whole;
}

static duckrow_code stream(dr_session *session, const char *sql, const struct dr_remote_sink *sink, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = session->duckdb;
    duckdb_prepared_statement statement = NULL;
    duckdb_result result;
    memset(&result, 0, sizeof result);
    duckrow_code code = DUCKROW_OK;
    if (duckdb->prepare(session->connection, sql, &statement) != DuckDBSuccess)
        code = dr_sql_failed(error, duckdb->prepare_error(statement));
    else if (duckdb->execute_prepared_streaming(statement, &result) != DuckDBSuccess)
        code = dr_sql_failed(error, duckdb->result_error(&result));
    if (!code)
        code = sink->rows(sink->context, &result, error);
    duckdb->destroy_result(&result);
    duckdb->destroy_prepare(&statement);
    return code;
}

static duckrow_code put_rows(struct dr_remote *remote, dr_session *session, const struct dr_remote_columns *columns,
                             const struct dr_remote_sink *sink, duckrow_error *error)
{
    struct rows rows = {.feed = {columns->count, next, &rows}, .remote = remote};
    char *sql = select_columns(columns, error);
    if (!sql)
        return error->code;
    session->fed = &rows.feed;
    duckrow_code code = stream(session, sql, sink, error);
    session->fed = NULL;
    free(sql);
    if (rows.error.code) {
        *error = rows.error;
        code = rows.error.code;
    }
    return code;
}

/* ---- counts ---- */

/* "INSERT 0 5", "UPDATE 5", "COPY 5": what changed so many rows; not "SELECT 5". 0: it isn't one of them. */
static int take_count(const char *tag, unsigned long long *count)
{
    static const char *const words[] = {"INSERT ", "UPDATE ", "DELETE ", "MERGE ", "COPY "};
    const char *last = strrchr(tag, ' ');
    for (size_t i = 0; last && i < sizeof words / sizeof *words; i++)
        if (strncmp(tag, words[i], strlen(words[i])) == 0 && sscanf(last, "%llu", count) == 1)
            return 1;
    return 0;
}

/* ---- statements ---- */

static duckrow_code run_one(struct dr_remote *remote, dr_session *session, const char *sql, const struct dr_remote_sink *sink,
                            duckrow_error *error)
{
    struct dr_remote_columns columns;
    char tag[64];
    unsigned long long count;
    duckrow_code code = dr_remote_execute(remote, sql, &columns, error);
    int rows = columns.count >= 0;
    if (!code && rows)
        code = put_rows(remote, session, &columns, sink, error);
    dr_remote_columns_free(&columns);
    /* Who does not want the rest hangs up. */
    if (!code)
        code = dr_remote_finish(remote, tag, error);
    if (!code && !rows && take_count(tag, &count))
        code = sink->changed(sink->context, count, error);
    if (!code && dr_signals_received())
        code = dr_fail(error, DUCKROW_INTERRUPTED, "interrupted");
    return code;
}

static duckrow_code check(const char *sql, duckrow_error *error)
{
    struct dr_attach attach;
    dr_attach_parse(sql, &attach);
    int attaches = attach.kind != DR_ATTACH_NONE;
    dr_attach_free(&attach);
    return attaches ? dr_fail(error, DUCKROW_UNSUPPORTED,
                              "the service of this database attaches nothing: add --exclusive, for which it hands the file over")
                    : DUCKROW_OK;
}

static int is_blank(const char *sql)
{
    struct dr_tokens tokens;
    dr_tokens_begin(&tokens, sql, NULL);
    return tokens.kind == DR_TOKEN_END;
}

/* The next statement's text, allocated; NULL: out of memory, or its end can't be told. */
static char *take_statement(const char **at)
{
    const char *end = dr_statement_end(*at);
    char *text = end ? strndup(*at, (size_t)(end - *at)) : NULL;
    *at = end ? end + (*end == ';') : *at;
    return text;
}

duckrow_code dr_remote_script(struct dr_remote *remote, dr_session *session, const char *sql, size_t skip,
                              const struct dr_remote_sink *sink, duckrow_error *error)
{
    duckrow_code code = dr_feed_register(session, error);
    for (size_t number = 0; !code && *sql;) {
        char *text = take_statement(&sql);
        if (!text)
            code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
        else if (!is_blank(text) && number++ >= skip && !(code = check(text, error)))
            code = run_one(remote, session, text, sink, error);
        free(text);
    }
    if (!code)
        code = sink->end(sink->context, error);
    if (!code && dr_remote_in_transaction(remote))
        code = run_one(remote, session, "COMMIT", sink, error);
    return code;
}
