#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "cli/work.h"
#include "core/os.h"
#include "engine/attach.h"
#include "engine/sqltext.h"
#include "rows.h"

enum { OPENINGS = 20 };

static duckrow_code no_memory(duckrow_error *error)
{
    return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}

static void interrupt(void *connection, void *context)
{
    struct dr_host *host = context;
    host->duckdb->interrupt(connection);
}

duckrow_code dr_host_connect_to(const struct dr_host *host, dr_session *session, int database, duckdb_connection *connection,
                                duckrow_error *error)
{
    if (host->duckdb->connect(session->database, connection) != DuckDBSuccess)
        return dr_fail(error, DUCKROW_NO_MEMORY, "DuckDB can't make a connection");
    char *sql = dr_sql_format("USE %s", host->served[database].quoted);
    duckrow_code code = sql ? dr_connection_run(host->duckdb, *connection, sql, error) : no_memory(error);
    free(sql);
    if (code)
        host->duckdb->disconnect(connection);
    return code;
}

duckrow_code dr_host_connect(struct dr_host *host, int database, duckdb_connection *connection, duckrow_error *error)
{
    return dr_host_connect_to(host, host->session, database, connection, error);
}

static duckrow_code make_catalog(const struct dr_host *host, duckdb_connection connection, duckrow_error *error)
{
    const char *const *setup = dr_catalog_setup();
    /* The first text attaches, which is nothing for a transaction; the rest is quicker in one. */
    duckrow_code code = dr_connection_run(host->duckdb, connection, setup[0], error);
    if (!code)
        code = dr_connection_run(host->duckdb, connection, "BEGIN", error);
    for (int i = 1; !code && setup[i]; i++)
        code = dr_connection_run(host->duckdb, connection, setup[i], error);
    dr_connection_run(host->duckdb, connection, code ? "ROLLBACK" : "COMMIT", NULL);
    return code;
}

duckrow_code dr_host_catalog(const struct dr_host *host, struct dr_catalog_state *state, duckdb_connection connection,
                             duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    pthread_mutex_lock(&state->mutex);
    if (!state->ready) {
        code = make_catalog(host, connection, error);
        state->ready = !code;
    }
    pthread_mutex_unlock(&state->mutex);
    return code;
}

/* ---- opening ---- */

static duckrow_code name_database(struct dr_host *host, int i, int (*interrupted)(void *), duckrow_error *error)
{
    struct dr_served *served = &host->served[i];
    const char *name = host->settings->database[i].name;
    duckrow_db_options options = DUCKROW_DB_OPTIONS_INIT;
    options.interrupted = interrupted;
    options.checkpoint_commits = INT_MAX; /* the publisher knows when */
    duckrow_code code = duckrow_db_open(host->settings->database[i].path, &options, &served->db, error);
    if (code)
        return code;
    served->name = name ? strdup(name) : dr_attach_name(duckrow_db_path(served->db));
    served->quoted = served->name ? dr_sql_quote(served->name, '"') : NULL;
    dr_fair_lock_init(&served->commit);
    if (!served->quoted)
        return dr_fail(error, DUCKROW_USAGE, "%s has no name that SQL could use: give it one, NAME=PATH",
                       duckrow_db_path(served->db));
    for (int other = 0; other < i; other++) {
        if (strcasecmp(host->served[other].name, served->name) == 0)
            return dr_fail(error, DUCKROW_USAGE, "two databases are called %s: give one another name, NAME=PATH", served->name);
        if (strcmp(duckrow_db_path(host->served[other].db), duckrow_db_path(served->db)) == 0)
            return dr_fail(error, DUCKROW_USAGE, "%s is given twice", duckrow_db_path(served->db));
    }
    return DUCKROW_OK;
}

/* In the order of the paths, so that two services that share databases can't each wait for the other. */
static duckrow_code take_turns(struct dr_host *host, duckrow_error *error)
{
    int order[DR_DATABASES];
    for (int i = 0; i < host->databases; i++) {
        int at = i;
        for (; at > 0 && strcmp(duckrow_db_path(host->served[order[at - 1]].db), duckrow_db_path(host->served[i].db)) > 0; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (int i = 0; i < host->databases; i++) {
        struct dr_served *served = &host->served[order[i]];
        duckrow_code code =
            duckrow_turn_take(served->db, DUCKROW_EXCLUSIVE, "serve", host->settings->busy_timeout, &served->turn, error);
        if (code)
            return code;
    }
    return DUCKROW_OK;
}

duckrow_code dr_host_detach(struct dr_host *host, int i, duckrow_error *error)
{
    return dr_session_detach(host->guest[i], error);
}

duckrow_code dr_host_attach(struct dr_host *host, int i, duckrow_error *error)
{
    struct dr_served *served = &host->served[i];
    const char *path = duckrow_db_path(served->db);
    duckrow_code code = DUCKROW_OK;
    if (!host->guest[i])
        code = dr_session_guest(host->session, served->name, NULL, &host->guest[i], error);
    for (int tries = 0; !code && tries < OPENINGS; tries++) {
        unsigned flags = DR_ATTACH_WRITE | (duckrow_db_exists(served->db) ? 0 : DR_ATTACH_CREATE);
        code = dr_session_attach(host->guest[i], path, path, flags, error);
        if (code || !duckrow_turn_moved(served->turn))
            return code;
        code = dr_session_detach(host->guest[i], error);
    }
    return code ? code : dr_fail(error, DUCKROW_BUSY, "%s keeps changing although this process has the turn", path);
}

static duckrow_code set_limits(const struct dr_settings *settings, dr_session *session, duckrow_error *error)
{
    char sql[128];
    duckrow_code code = DUCKROW_OK;
    if (settings->threads) {
        snprintf(sql, sizeof sql, "SET threads = %lld", (long long)settings->threads);
        code = dr_session_run(session, sql, error);
    }
    if (!code && settings->memory_limit) {
        snprintf(sql, sizeof sql, "SET memory_limit = '%lld B'", (long long)settings->memory_limit);
        code = dr_session_run(session, sql, error);
    }
    return code;
}

duckrow_code dr_host_instance(const struct dr_host *host, dr_session **session, duckrow_error *error)
{
    char scratch[PATH_MAX];
    int named = dr_work_scratch(host->served[0].db, scratch, sizeof scratch);
    duckrow_code code = dr_session_open(host->engine, named ? scratch : NULL, host->settings->busy_timeout, session, error);
    /* Not the system's time zone: sessions say which they want. One without ICU knows none. */
    if (!code)
        dr_session_run(*session, "SET GLOBAL TimeZone = 'UTC'", NULL);
    return code ? code : set_limits(host->settings, *session, error);
}

static duckrow_code open_engine(struct dr_host *host, duckrow_error *error)
{
    duckrow_code code = dr_host_instance(host, &host->session, error);
    if (!code)
        code = dr_session_no_dict_fsst(host->session, error);
    if (!code)
        code = dr_rows_register(host->duckdb, host->session->connection, error);
    for (int i = 0; !code && i < host->databases; i++)
        code = dr_host_attach(host, i, error);
    return code ? code : dr_parallel_open(&host->parallel, host->session, error);
}

duckrow_code dr_host_open(struct dr_host *host, const struct dr_settings *settings, int (*interrupted)(void *),
                          duckrow_error *error)
{
    *host = (struct dr_host){.settings = settings};
    dr_gate_init(&host->gate, interrupt, host);
    pthread_mutex_init(&host->catalog.mutex, NULL);
    const char *engine = *settings->engine ? settings->engine : NULL;
    duckrow_code code = dr_engine_load(engine, &host->engine, error);
    if (code)
        return code;
    host->duckdb = &host->engine->duckdb;
    host->plans_anew = strncmp(host->duckdb->library_version(), "v1.", 3) != 0;
    for (; !code && host->databases < settings->databases; host->databases++)
        code = name_database(host, host->databases, interrupted, error);
    if (!code)
        code = take_turns(host, error);
    if (!code)
        code = open_engine(host, error);
    /* Whatever was in the WAL, a stranger's commits perhaps: readers get it checkpointed. */
    for (int i = 0; !code && i < host->databases; i++) {
        code = dr_publish(host, i, DR_PUBLISH_NOW, error);
        if (code == DUCKROW_NO_SNAPSHOT)
            code = DUCKROW_OK;
    }
    return code ? code : dr_leveler_open(host, &host->leveler, error);
}

void dr_host_close(struct dr_host *host)
{
    duckrow_error ignored;
    dr_leveler_close(host->leveler);
    host->leveler = NULL;
    for (int i = 0; i < host->databases && host->session && host->served[i].turn; i++)
        dr_publish(host, i, DR_PUBLISH_NOW, &ignored);
    dr_parallel_close(&host->parallel);
    for (int i = 0; i < DR_DATABASES; i++)
        dr_session_close(host->guest[i]);
    dr_session_close(host->session);
    for (int i = 0; i < host->databases; i++) {
        if (host->served[i].turn)
            duckrow_turn_release(host->served[i].turn);
        if (host->served[i].db)
            duckrow_db_close(host->served[i].db);
        free(host->served[i].name);
        free(host->served[i].quoted);
    }
    dr_engine_free(host->engine);
    *host = (struct dr_host){0};
}
