#include "cursor.h"

#include <stdlib.h>
#include <string.h>

#include "core/os.h"
#include "sqlstate.h"

/* values: of the rows that are kept beside another statement, a gigabyte or so. */
enum { PIECE = 65536, MOST_KEPT_VALUES = 64000000 };

static duckrow_code execute(struct dr_cursor *cursor, struct dr_backend *backend, duckdb_connection connection,
                            struct dr_statement *statement, const struct dr_unit *unit, size_t at, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = backend->host->duckdb;
    duckrow_code code = dr_backend_run_begin(backend, connection, error);
    if (!code && duckdb->prepare(connection, statement->sql, &cursor->prepared) != DuckDBSuccess)
        code = dr_sql_failed(error, cursor->prepared ? duckdb->prepare_error(cursor->prepared) : NULL);
    if (!code)
        code = dr_bind_parameters(duckdb, cursor->prepared, statement, unit, at, error);
    if (!code && duckdb->execute_prepared_streaming(cursor->prepared, &cursor->result) != DuckDBSuccess)
        code = dr_sql_failed(error, duckdb->result_error(&cursor->result));
    dr_backend_run_end(backend, error);
    return code ? error->code : dr_columns_of_result(duckdb, &cursor->result, statement->catalog, &cursor->columns, error);
}

duckrow_code dr_cursor_open(struct dr_cursor *cursor, struct dr_backend *backend, struct dr_statement *statement,
                            const struct dr_unit *unit, size_t at, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    *error = (duckrow_error){0};
    *cursor = (struct dr_cursor){.open = 1};
    if (!backend->open && !backend->own) {
        int64_t deadline = dr_clock_ms() + backend->busy_timeout;
        backend->waits_for = "a snapshot";
        cursor->lease.zone = backend->zone;
        code = dr_views_lease(backend->views, backend->database, deadline, &cursor->lease, error);
        backend->waits_for = NULL;
        if (!code && statement->catalog)
            code = dr_views_catalog(backend->views, &cursor->lease, error);
        if (!code)
            code = execute(cursor, backend, cursor->lease.connection, statement, unit, at, error);
        if (!code || code != DUCKROW_NO_SNAPSHOT) {
            if (code && dr_is_read_only(error))
                code = DUCKROW_READ_ONLY;
            if (code)
                dr_cursor_close(cursor, backend);
            return code;
        }
    }
    cursor->on_own = 1;
    cursor->transaction = !backend->open;
    *error = (duckrow_error){0};
    code = dr_cursor_keep(backend, error);
    if (!code && !backend->open)
        code = dr_backend_begin(backend, error);
    if (!code)
        code = dr_runner_zone(backend->runner, backend->zone, error);
    if (!code && statement->writes && !cursor->transaction && !backend->wrote_at)
        backend->wrote_at = dr_clock_ms();
    if (!code)
        code = execute(cursor, backend, backend->connection, statement, unit, at, error);
    if (code)
        dr_cursor_close(cursor, backend);
    else
        backend->streaming = cursor;
    return code;
}

/* ---- keeping rows ---- */

static duckrow_code keep_chunk(struct dr_cursor *cursor, const struct dr_duckdb *duckdb, duckdb_data_chunk chunk)
{
    if (cursor->kept.count == cursor->kept.capacity) {
        int capacity = cursor->kept.capacity ? 2 * cursor->kept.capacity : 16;
        duckdb_data_chunk *grown = realloc(cursor->kept.chunk, (size_t)capacity * sizeof *grown);
        if (!grown) {
            duckdb->destroy_data_chunk(&chunk);
            return DUCKROW_NO_MEMORY;
        }
        cursor->kept.chunk = grown;
        cursor->kept.capacity = capacity;
    }
    cursor->kept.chunk[cursor->kept.count++] = chunk;
    cursor->kept.values += (int64_t)duckdb->data_chunk_get_size(chunk) * cursor->columns.count;
    return cursor->kept.values > MOST_KEPT_VALUES ? DUCKROW_NO_MEMORY : DUCKROW_OK;
}

duckrow_code dr_cursor_keep(struct dr_backend *backend, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = backend->host->duckdb;
    struct dr_cursor *cursor = backend->streaming;
    duckdb_data_chunk chunk;
    if (!cursor)
        return DUCKROW_OK;
    duckrow_code code = dr_backend_run_begin(backend, backend->connection, error);
    while (!code && (chunk = duckdb->fetch_chunk(cursor->result)))
        if (keep_chunk(cursor, duckdb, chunk))
            code = dr_fail(error, DUCKROW_NO_MEMORY,
                           "an open cursor has too many rows left to be kept beside another statement: fetch them, or close it");
    const char *failed = code ? NULL : duckdb->result_error(&cursor->result);
    if (failed && *failed)
        dr_sql_failed(error, failed);
    dr_backend_run_end(backend, error);
    cursor->is_kept = 1;
    backend->streaming = NULL;
    return error->code;
}

static duckdb_data_chunk next_chunk(struct dr_cursor *cursor, struct dr_backend *backend, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = backend->host->duckdb;
    if (cursor->is_kept) {
        duckdb_data_chunk chunk = cursor->kept.at < cursor->kept.count ? cursor->kept.chunk[cursor->kept.at] : NULL;
        if (chunk)
            cursor->kept.chunk[cursor->kept.at++] = NULL;
        return chunk;
    }
    duckdb_data_chunk chunk = duckdb->fetch_chunk(cursor->result);
    const char *failed = chunk ? NULL : duckdb->result_error(&cursor->result);
    if (failed && *failed)
        dr_sql_failed(error, failed);
    if (!chunk && backend->streaming == cursor)
        backend->streaming = NULL;
    return chunk;
}

/* ---- */

duckrow_code dr_cursor_fetch(struct dr_cursor *cursor, struct dr_backend *backend, int64_t most, const struct dr_formats *formats,
                             const struct dr_display *display, struct dr_sink *sink, int64_t *count, int *end,
                             duckrow_error *error)
{
    const struct dr_duckdb *duckdb = backend->host->duckdb;
    struct dr_buffer out = {0};
    const char *reason = NULL;
    *count = 0;
    *end = 0;
    *error = (duckrow_error){0};
    int stopped =
        dr_backend_run_begin(backend, cursor->on_own ? backend->connection : cursor->lease.connection, error) != DUCKROW_OK;
    while (!reason && !stopped && *count < most && !*end) {
        if (!cursor->chunk) {
            cursor->chunk = next_chunk(cursor, backend, error);
            cursor->row = 0;
            if (!cursor->chunk) {
                *end = 1;
                break;
            }
        }
        int64_t told =
            dr_put_rows(duckdb, &cursor->columns, cursor->chunk, cursor->row, most - *count, formats, display, &out, &reason);
        *count += told;
        cursor->row += told;
        if (cursor->row >= (int64_t)duckdb->data_chunk_get_size(cursor->chunk))
            duckdb->destroy_data_chunk(&cursor->chunk);
        if (dr_buffer_size(&out) >= PIECE)
            stopped = sink->send(sink, &out);
    }
    if (reason && !error->code)
        dr_fail(error, DUCKROW_USAGE, "%s", reason);
    if (!stopped && !error->code && dr_buffer_size(&out))
        stopped = sink->send(sink, &out);
    if (stopped && !error->code)
        dr_fail(error, DUCKROW_INTERRUPTED, "the client does not take its result");
    dr_backend_run_end(backend, error);
    dr_buffer_free(&out);
    return error->code;
}

void dr_cursor_close(struct dr_cursor *cursor, struct dr_backend *backend)
{
    const struct dr_duckdb *duckdb = backend->host->duckdb;
    if (!cursor->open)
        return;
    if (backend->streaming == cursor)
        backend->streaming = NULL;
    if (cursor->chunk)
        duckdb->destroy_data_chunk(&cursor->chunk);
    while (cursor->kept.at < cursor->kept.count)
        duckdb->destroy_data_chunk(&cursor->kept.chunk[cursor->kept.at++]);
    free(cursor->kept.chunk);
    duckdb->destroy_result(&cursor->result);
    duckdb->destroy_prepare(&cursor->prepared);
    dr_columns_free(&cursor->columns);
    dr_views_return(backend->views, &cursor->lease, 0);
    /* Where a write has joined it the transaction is no longer the cursor's to end. */
    if (cursor->transaction && !backend->wrote_at)
        dr_backend_rollback(backend);
    *cursor = (struct dr_cursor){0};
}
