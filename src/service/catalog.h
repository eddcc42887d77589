/* What psql, drivers and BI tools ask about a PostgreSQL server, answered from DuckDB.
 *
 * DuckDB has much of pg_catalog and information_schema itself. What is missing is made up in two ways, both on the SQL text:
 *  - macros and views that each connection gets (dr_catalog_setup): format_type, pg_get_userbyid, pg_table_is_visible, …
 *  - rewriting, token by token, of what DuckDB's parser or catalog doesn't know (dr_catalog_rewrite): OPERATOR(pg_catalog.~),
 *    COLLATE pg_catalog.default, 'x'::regclass, pg_catalog.foo(…) of our own macros, whole queries of psql's where nothing else
 *    helps (\d TABLE, \l), recognised by their shape and not by a version's exact text.
 * A statement that asks nothing of the kind is left alone, and telling so is cheap: one pass over the text. */
#ifndef DR_CATALOG_H
#define DR_CATALOG_H

#include "core/error.h"

/* SQL to run once on a new connection of the service (macros as TEMP, so that nothing is written into the database). Several
 * statements, separated by ";". Static. */
const char *dr_catalog_setup(void);

struct dr_catalog_context {
    const char *database, *user; /* current_database() of the session, current_user */
    const char *server_version;  /* "15.0 (duckrow 0.1.0, DuckDB v1.5.6)" */
    int64_t backend;             /* pg_backend_pid() */
};
/* *rewritten: NULL where sql can go to DuckDB as it is, else the text to run in its place, to be freed. Errors: NO_MEMORY. */
duckrow_code dr_catalog_rewrite(const char *sql, const struct dr_catalog_context *context, char **rewritten,
                                duckrow_error *error);

#endif
