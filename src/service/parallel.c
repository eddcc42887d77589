#include "parallel.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/os.h"

/* Changing it costs about half a millisecond. */
enum { LINGER_MS = 200 };

static void set_threads(struct dr_parallel *parallel, int count)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SET threads = %d", count);
    if (dr_connection_run(parallel->duckdb, parallel->connection, sql, NULL) == DUCKROW_OK)
        parallel->raised = count > 1;
}

duckrow_code dr_parallel_open(struct dr_parallel *parallel, dr_session *session, duckrow_error *error)
{
    char *most = NULL;
    *parallel = (struct dr_parallel){.duckdb = session->duckdb};
    pthread_mutex_init(&parallel->mutex, NULL);
    duckrow_code code = dr_session_text(session, "SELECT current_setting('threads')::VARCHAR", &most, error);
    parallel->most = most ? atoi(most) : 1;
    free(most);
    if (code || parallel->most < 2)
        return code;
    if (session->duckdb->connect(session->database, &parallel->connection) != DuckDBSuccess)
        return dr_fail(error, DUCKROW_NO_MEMORY, "DuckDB can't make a connection");
    set_threads(parallel, 1);
    return DUCKROW_OK;
}

void dr_parallel_close(struct dr_parallel *parallel)
{
    if (parallel->connection)
        parallel->duckdb->disconnect(&parallel->connection);
}

void dr_parallel_begin(struct dr_parallel *parallel)
{
    if (!parallel->connection)
        return;
    pthread_mutex_lock(&parallel->mutex);
    parallel->users++;
    if (!parallel->raised)
        set_threads(parallel, parallel->most);
    pthread_mutex_unlock(&parallel->mutex);
}

void dr_parallel_end(struct dr_parallel *parallel)
{
    if (!parallel->connection)
        return;
    pthread_mutex_lock(&parallel->mutex);
    parallel->users--;
    parallel->ended_at = dr_clock_ms();
    pthread_mutex_unlock(&parallel->mutex);
}

void dr_parallel_tidy(struct dr_parallel *parallel)
{
    if (!parallel->connection)
        return;
    pthread_mutex_lock(&parallel->mutex);
    if (parallel->raised && !parallel->users && dr_clock_ms() - parallel->ended_at >= LINGER_MS)
        set_threads(parallel, 1);
    pthread_mutex_unlock(&parallel->mutex);
}
