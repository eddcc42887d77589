/* What of pg_catalog and information_schema is made by catalog_*.c: the rewriting knows it by these lists, and a test compares them
 * with what the set-up makes. */
#ifndef DR_CATALOG_NAMES_H
#define DR_CATALOG_NAMES_H

#include <stddef.h>

/* The database of an instance in which all of it is. Hidden: SHOW DATABASES, SHOW ALL TABLES, duckdb_views() and duckdb_functions()
 * don't list it. */
#define DR_CATALOG "duckrow_catalog"

enum dr_catalog_kind {
    DR_CATALOG_NONE,
    DR_CATALOG_RELATION, /* a view or table */
    DR_CATALOG_ROLES, /* a table macro that wants the session's user */
    DR_CATALOG_INFORMATION, /* a view of information_schema */
    DR_CATALOG_FUNCTION, /* a macro */
    DR_CATALOG_CONTEXT, /* a function whose value is the session's: version(), pg_backend_pid(), current_setting() */
    DR_CATALOG_NAMED, /* a function of DuckDB's whose column has the function's name in PostgreSQL */
    DR_CATALOG_KEYWORD /* current_user and the like */
};

/* Of a name in any case, `length` bytes. information: of information_schema, else of pg_catalog. */
enum dr_catalog_kind dr_catalog_kind(const char *name, size_t length, int information);

/* The set-up's parts, each several statements. */
extern const char dr_catalog_types[], dr_catalog_objects[], dr_catalog_relations[], dr_catalog_fixed[], dr_catalog_empty[],
    dr_catalog_macros[], dr_catalog_lookups[], dr_catalog_information[];

#endif
