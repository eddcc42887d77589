#include "backend.h"

#include <time.h>

#include "core/os.h"
#include "sqlstate.h"

enum { PATIENCE_MS = 2, APPEND_FROM = 2 };

void dr_backend_init(struct dr_backend *backend, struct dr_host *host, struct dr_views *views, struct dr_statements *statements)
{
    *backend = (struct dr_backend){.host = host, .views = views, .statements = statements};
    backend->busy_timeout = host->settings->busy_timeout;
    backend->member.stop = &backend->cancelled;
    pthread_mutex_init(&backend->mutex, NULL);
}

void dr_backend_disconnect(struct dr_backend *backend)
{
    dr_backend_rollback(backend);
    dr_runner_free(backend->runner);
    backend->runner = NULL;
    if (backend->connection)
        backend->host->duckdb->disconnect(&backend->connection);
    backend->member.connection = NULL;
    backend->own = 0;
}

void dr_backend_free(struct dr_backend *backend)
{
    dr_backend_disconnect(backend);
    pthread_mutex_destroy(&backend->mutex);
}

duckrow_code dr_backend_connect(struct dr_backend *backend, duckrow_error *error)
{
    struct dr_host *host = backend->host;
    struct dr_member passing = {.stop = &backend->cancelled};
    if (backend->connection)
        return DUCKROW_OK;
    /* USE wants the database to be there. */
    duckrow_code code = dr_gate_enter(&host->gate, &passing, dr_clock_ms() + backend->busy_timeout, error);
    if (code)
        return code;
    code = dr_host_connect(host, backend->database, &backend->connection, error);
    dr_gate_leave(&host->gate, &passing);
    if (code)
        return code;
    backend->member.connection = backend->connection;
    backend->runner = dr_runner_make(backend->host, backend->connection, backend->database);
    return backend->runner ? DUCKROW_OK : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}

/* ---- cancelling ---- */

duckrow_code dr_backend_run_begin(struct dr_backend *backend, duckdb_connection connection, duckrow_error *error)
{
    pthread_mutex_lock(&backend->mutex);
    const char *reason = backend->cancelled;
    if (!reason)
        backend->running = connection;
    pthread_mutex_unlock(&backend->mutex);
    return reason ? dr_fail(error, DUCKROW_INTERRUPTED, "%s", reason) : DUCKROW_OK;
}

void dr_backend_run_end(struct dr_backend *backend, duckrow_error *error)
{
    pthread_mutex_lock(&backend->mutex);
    const char *reason = backend->cancelled;
    backend->running = NULL;
    pthread_mutex_unlock(&backend->mutex);
    if (backend->member.inside && backend->member.cancelled && error->code)
        dr_fail(error, DUCKROW_BUSY, "%s", backend->member.told);
    else if (reason && error->code)
        dr_fail(error, DUCKROW_INTERRUPTED, "%s", reason);
}

void dr_backend_cancel(struct dr_backend *backend, const char *reason)
{
    pthread_mutex_lock(&backend->mutex);
    if (!backend->cancelled)
        backend->cancelled = reason;
    if (backend->running)
        backend->host->duckdb->interrupt(backend->running);
    pthread_mutex_unlock(&backend->mutex);
    dr_gate_wake(&backend->host->gate);
}

void dr_backend_remind(struct dr_backend *backend)
{
    pthread_mutex_lock(&backend->mutex);
    if (backend->cancelled && backend->running)
        backend->host->duckdb->interrupt(backend->running);
    pthread_mutex_unlock(&backend->mutex);
}

void dr_backend_ready(struct dr_backend *backend)
{
    pthread_mutex_lock(&backend->mutex);
    backend->cancelled = NULL;
    pthread_mutex_unlock(&backend->mutex);
}

/* ---- transactions ---- */

duckrow_code dr_backend_begin(struct dr_backend *backend, duckrow_error *error)
{
    duckrow_code code = dr_backend_connect(backend, error);
    backend->waits_for = "a change of the schema";
    if (!code)
        code = dr_gate_enter(&backend->host->gate, &backend->member, dr_clock_ms() + backend->busy_timeout, error);
    backend->waits_for = NULL;
    if (code)
        return code;
    code = dr_connection_run(backend->host->duckdb, backend->connection, "BEGIN", error);
    if (code)
        dr_gate_leave(&backend->host->gate, &backend->member);
    backend->open = !code;
    backend->wrote_at = 0;
    backend->began_at = code ? 0 : dr_clock_ms();
    return code;
}

void dr_backend_rollback(struct dr_backend *backend)
{
    if (!backend->open)
        return;
    dr_gate_shield(&backend->host->gate, &backend->member);
    dr_connection_run(backend->host->duckdb, backend->connection, "ROLLBACK", NULL);
    dr_runner_clear(backend->runner);
    dr_gate_leave(&backend->host->gate, &backend->member);
    backend->open = backend->changes_schema = 0;
    backend->wrote_at = backend->began_at = 0;
}

duckrow_code dr_backend_commit(struct dr_backend *backend, duckrow_error *error)
{
    int wrote = backend->wrote_at != 0;
    if (!backend->open)
        return DUCKROW_OK;
    duckrow_code code = dr_runner_flush(backend->runner, error);
    if (!code && backend->member.cancelled)
        code = dr_fail(error, DUCKROW_BUSY, "%s", backend->member.told);
    if (code || !wrote) {
        dr_backend_rollback(backend);
        return code;
    }
    backend->waits_for = "its commit";
    code = dr_host_commit(backend->host, &backend->member, -1, &(struct dr_committing){0}, error);
    backend->waits_for = NULL;
    backend->host->served[backend->database].transactions += !code;
    if (backend->changes_schema)
        dr_statements_changed(backend->statements);
    backend->open = backend->changes_schema = 0;
    backend->wrote_at = backend->began_at = 0;
    if (code) {
        dr_runner_clear(backend->runner);
        if (dr_is_fatal(error))
            backend->host->broken = 1;
    }
    return code;
}

static void note_write(struct dr_backend *backend, const struct dr_statement *statement)
{
    if ((statement->kind != DR_KIND_READ || statement->writes) && !backend->wrote_at)
        backend->wrote_at = dr_clock_ms();
    if (statement->kind == DR_KIND_LOCAL)
        backend->own = 1;
}

void dr_backend_run(struct dr_backend *backend, struct dr_unit *unit)
{
    duckrow_error *error = &unit->error;
    *error = (duckrow_error){0};
    duckrow_code code = backend->open ? DUCKROW_OK : dr_backend_begin(backend, error);
    int schema = 0, i = 0;
    dr_buffer_reset(&unit->rows, 0);
    if (!code)
        code = dr_backend_run_begin(backend, backend->connection, error);
    for (; !code && i < unit->operations; i++) {
        note_write(backend, unit->operation[i].statement);
        schema |= unit->operation[i].statement->kind == DR_KIND_SCHEMA;
        int quick = dr_statement_is_quick(unit->operation[i].statement);
        if (!quick)
            dr_parallel_begin(&backend->host->parallel);
        code = dr_runner_run(backend->runner, unit, i, unit->operations >= APPEND_FROM, error);
        if (!quick)
            dr_parallel_end(&backend->host->parallel);
    }
    if (!code)
        code = dr_runner_flush(backend->runner, error);
    if (backend->open)
        dr_backend_run_end(backend, error);
    unit->failed = error->code ? (i ? i - 1 : 0) : -1;
    if (error->code)
        dr_backend_rollback(backend);
    else if (schema)
        backend->changes_schema = 1;
}

void dr_backend_run_alone(struct dr_backend *backend, struct dr_unit *unit)
{
    for (;;) {
        dr_backend_run(backend, unit);
        if (unit->failed < 0 && dr_backend_commit(backend, &unit->error))
            unit->failed = unit->operations;
        int lost = unit->error.code == DUCKROW_BUSY && backend->member.cancelled;
        if (unit->failed < 0 || backend->cancelled || !(dr_is_conflict(&unit->error) || lost) || dr_clock_ms() >= unit->deadline)
            return;
        backend->waits_for = "a transaction that it conflicts with";
        nanosleep(&(struct timespec){.tv_nsec = PATIENCE_MS * 1000000L}, NULL);
        backend->waits_for = NULL;
    }
}
