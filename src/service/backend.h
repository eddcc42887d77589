/* What a session has in the engines: its own connection in the writing one, once it needs it, its transaction there, and what it leases
 * to read. One thread at a time, but for dr_backend_cancel.
 *
 * A transaction makes the backend a member of the gate from BEGIN to its end. Whatever fails in it undoes it at once, so that nobody
 * waits for a transaction that can only be rolled back. */
#ifndef DR_BACKEND_H
#define DR_BACKEND_H

#include "runner.h"
#include "statements.h"
#include "views.h"

struct dr_cursor;

struct dr_backend {
    struct dr_host *host;
    struct dr_views *views;
    struct dr_statements *statements;
    int database;
    duckdb_connection connection; /* NULL: not needed yet */
    struct dr_runner *runner;
    struct dr_member member;
    int open; /* a transaction */
    int changes_schema; /* the open transaction does */
    struct dr_cursor *streaming; /* the one whose rows are still to come from the connection (cursor.h); NULL: none */
    int own; /* has a state of its own: everything is to run on its connection */
    atomic_llong began_at; /* of dr_clock_ms: the open transaction; 0: there is none */
    const char *_Atomic waits_for; /* static text, for who looks; NULL: for nothing */
    atomic_llong wrote_at; /* of dr_clock_ms: the open transaction's first write; 0: none yet */
    int64_t busy_timeout;
    const struct dr_zone *zone; /* of the session; NULL: UTC */
    pthread_mutex_t mutex; /* over running */
    duckdb_connection running; /* what dr_backend_cancel interrupts */
    const char *_Atomic cancelled; /* why, static text, until dr_backend_ready; NULL: it wasn't */
};

void dr_backend_init(struct dr_backend *backend, struct dr_host *host, struct dr_views *views, struct dr_statements *statements);
/* Undoes an open transaction. */
void dr_backend_free(struct dr_backend *backend);

/* Errors: BUSY, SQL, NO_MEMORY. */
duckrow_code dr_backend_begin(struct dr_backend *backend, duckrow_error *error);
duckrow_code dr_backend_commit(struct dr_backend *backend, duckrow_error *error);
void dr_backend_rollback(struct dr_backend *backend);
/* The unit's operations within the open transaction (begun where there is none), which is undone when one fails: unit->failed. */
void dr_backend_run(struct dr_backend *backend, struct dr_unit *unit);
/* The unit as a transaction of its own, again after a conflict until its deadline. */
void dr_backend_run_alone(struct dr_backend *backend, struct dr_unit *unit);

/* From any thread: ends what is running or is about to run, with `reason` in the error (static text). */
void dr_backend_cancel(struct dr_backend *backend, const char *reason);
/* DuckDB forgets an interrupt that comes before its statement has begun: to be called now and then while something is out. */
void dr_backend_remind(struct dr_backend *backend);
/* What was to be cancelled is over. */
void dr_backend_ready(struct dr_backend *backend);
/* Around calls that cancel may interrupt. `begin` fails where it was cancelled already: INTERRUPTED; `end` turns an interruption into
 * its reason, and is called in any case. */
duckrow_code dr_backend_run_begin(struct dr_backend *backend, duckdb_connection connection, duckrow_error *error);
void dr_backend_run_end(struct dr_backend *backend, duckrow_error *error);
/* Gives the own connection up, and the state that it has. */
void dr_backend_disconnect(struct dr_backend *backend);
/* Makes sure of the own connection; outside the gate. */
duckrow_code dr_backend_connect(struct dr_backend *backend, duckrow_error *error);

#endif
