/* Rows of one shape on their way into a table: gathered (rows.h), then inserted all at once by a prepared INSERT … SELECT, within the
 * connection's transaction or as one of its own. Few rows may go as lists instead, one for each column: INSERT … SELECT unnest($1), …,
 * whose plan is made in half the time, by a DuckDB that makes it each time. */
#ifndef DR_APPENDING_H
#define DR_APPENDING_H

#include "unit.h"

struct dr_appending;

/* Of a table as it is now; what is unqualified is of `catalog`. lists: for few rows. Errors: SQL: not a table whose rows can be gathered. */
duckrow_code dr_appending_open(const struct dr_duckdb *duckdb, duckdb_connection connection, const char *catalog,
                               const struct dr_shape *shape, int lists, struct dr_appending **appending, duckrow_error *error);
void dr_appending_close(struct dr_appending *appending);
/* Adds an operation's row. 0: done; 1: this row is for DuckDB's own INSERT, and nothing was added. */
int dr_appending_add(struct dr_appending *appending, const struct dr_unit *unit, const struct dr_operation *operation);
int dr_appending_rows(const struct dr_appending *appending); /* added since the last flush */
/* Inserts them. After an error they are forgotten. */
duckrow_code dr_appending_flush(struct dr_appending *appending, duckrow_error *error);
/* Forgets what was added since the last flush: the transaction is over. */
void dr_appending_forget(struct dr_appending *appending);

#endif
