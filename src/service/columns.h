/* The columns of rows: what they are called, and how they travel. */
#ifndef DR_COLUMNS_H
#define DR_COLUMNS_H

#include "types.h"

struct dr_columns {
    int count; /* -1: there are no rows */
    char **names;
    struct dr_type **types;
};

/* catalog: the rows are of PostgreSQL's catalog (dr_type_tell_oids). What was learned before an error is freed all the same, with
 * dr_columns_free. Errors: NO_MEMORY. */
duckrow_code dr_columns_of_result(const struct dr_duckdb *duckdb, duckdb_result *result, int catalog, struct dr_columns *columns,
                                  duckrow_error *error);
/* *unresolved is set where a type depends on a parameter's. */
duckrow_code dr_columns_of_prepared(const struct dr_duckdb *duckdb, duckdb_prepared_statement prepared, int catalog,
                                    struct dr_columns *columns, int *unresolved, duckrow_error *error);
/* Do they travel alike? Names don't matter. */
int dr_columns_alike(const struct dr_columns *one, const struct dr_columns *other);
void dr_columns_free(struct dr_columns *columns);

#endif
