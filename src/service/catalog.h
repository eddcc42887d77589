/* What psql, drivers and BI tools ask about a PostgreSQL server, answered from DuckDB.
 *
 * Each DuckDB instance gets a small hidden in-memory database (dr_catalog_setup), duckrow_catalog, which holds PostgreSQL 15's
 * pg_catalog and information_schema as views and macros over DuckDB's own lists (duckdb_tables() and so on) of the session's current
 * database. Nothing is written into the user's database, and nothing of it is seen in SHOW TABLES, SHOW ALL TABLES, SHOW DATABASES,
 * duckdb_views(), duckdb_functions().
 *
 * Statements are rewritten to use it (dr_catalog_rewrite), token by token: pg_catalog.x, and the catalog's own names where a
 * relation's or a function's name stands; 'x'::regclass and its like; OPERATOR(pg_catalog.~), COLLATE pg_catalog.default;
 * current_user, version(), pg_backend_pid(), current_setting('…'). Strings, comments and quoted names stay as they are, but for
 * what a statement about the catalog compares: patterns of ~ (found anywhere, as PostgreSQL does), '{1,2}', and 'public', which
 * means main where no schema has that name. A name of PostgreSQL's (pg_class) is PostgreSQL's, as there; any other is the user's,
 * whatever it begins with. Statements that begin with CREATE, ALTER, SET and the like are left alone: what is kept in the database
 * must not depend on us.
 *
 * Oids are hashes of names, so they are the same in every instance and after a restart. What PostgreSQL says as oid is an INTEGER
 * here. Types have PostgreSQL's oids and names, those of types.h; VARCHAR is text. The owner of everything is the role duckrow. */
#ifndef DR_CATALOG_H
#define DR_CATALOG_H

#include "core/error.h"

/* SQL to run once on each DuckDB instance, in this order, by any connection: texts of several statements, ended by NULL. Static.
 * It takes a few tenths of a second, so it is worth waiting until a rewritten statement needs it (dr_catalog_needed). */
const char *const *dr_catalog_setup(void);

struct dr_catalog_context {
    const char *user;           /* current_user */
    const char *server_version; /* "15.0 (duckrow 0.1.0, DuckDB v1.5.6)"; version() says "PostgreSQL " before it */
    int64_t backend;            /* pg_backend_pid() */
    /* What SHOW name says, for current_setting('name'); NULL where the session doesn't know it. May be NULL: knows none. */
    const char *(*setting)(void *settings, const char *name);
    void *settings;
};
/* *rewritten: NULL where sql can go to DuckDB as it is, else the text to run in its place, to be freed. sql may be several
 * statements. Errors: NO_MEMORY. */
duckrow_code dr_catalog_rewrite(const char *sql, const struct dr_catalog_context *context, char **rewritten,
                                duckrow_error *error);

/* Does this rewritten statement use what the set-up makes? version() and the like don't. */
int dr_catalog_needed(const char *rewritten);

#endif
