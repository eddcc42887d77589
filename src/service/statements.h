/* The statements that the service knows, by their text: looked at once, by DuckDB too, and then shared by all sessions.
 *
 * A table of a fixed size where a newer one takes the place of an older one with the same hash; whoever still uses that keeps it.
 * What depends on the schema is made anew when that has changed (dr_statements_changed). A statement that a session's own state
 * bears on, its temporary tables or its open transaction, is made for that session alone and not kept. */
#ifndef DR_STATEMENTS_H
#define DR_STATEMENTS_H

#include "catalog.h"
#include "host.h"
#include "statement.h"
#include "views.h"

struct dr_statements;

duckrow_code dr_statements_open(struct dr_host *host, struct dr_statements **statements, duckrow_error *error);
void dr_statements_close(struct dr_statements *statements);
/* One that is known, to be put back with dr_statement_put; NULL. database: the session's, by its number. */
struct dr_statement *dr_statements_find(struct dr_statements *statements, const char *sql, int database);
/* One made anew. own: the session's own connection, to look at it there (in an open transaction, that must not wait at the gate, or with
 * a state of its own); NULL: the service's, or a view where the gate may be closed for long. shared: nothing of the session's bears on it, and it is kept for all. engine: SET, SHOW and
 * PRAGMA are for DuckDB to answer. Errors: SQL, BUSY, NO_MEMORY. */
struct dr_look {
    const char *sql;
    int database, engine, shared;
    duckdb_connection own;
    int inside; /* own is in a transaction, which an attempt that fails would end */
    int64_t busy_timeout;
    const char *_Atomic *stop; /* as a member's */
    struct dr_views *views; /* NULL: none */
};
duckrow_code dr_statements_make(struct dr_statements *statements, const struct dr_look *look,
                                const struct dr_catalog_context *context, struct dr_statement **made, duckrow_error *error);
/* Makes sure of PostgreSQL's catalog in the writing engine, for which every database has to be there. */
duckrow_code dr_statements_catalog(struct dr_statements *statements, duckrow_error *error);
/* The schema has changed. */
void dr_statements_changed(struct dr_statements *statements);
int dr_statements_current(struct dr_statements *statements, const struct dr_statement *statement);

#endif
