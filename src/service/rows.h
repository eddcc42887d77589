/* Rows that the service has gathered, as a table of the writing engine:
 *
 *     INSERT INTO t SELECT c0, c1, … FROM system.main.duckrow_rows(id)
 *
 * Prepared once, run for each batch: no value passes through SQL's text or parameters, and no plan is made anew. On this way DuckDB
 * needs 25 us for a row and 45 for 256, where the appender, which plans an INSERT for each flush, needs 200 and 300, and lists of
 * parameters (unnest) 37 and 174; COMMIT not counted.
 *
 * id is a random number that only the owner knows, and rows are only given while the owner runs such a statement: others who call the
 * function are refused. One thread owns them. */
#ifndef DR_ROWS_H
#define DR_ROWS_H

#include "engine/session.h"

struct dr_rows;

/* Once for each engine, by any connection of it. */
duckrow_code dr_rows_register(const struct dr_duckdb *duckdb, duckdb_connection connection, duckrow_error *error);

/* None yet, of columns c0, c1, … of these types, which are the caller's and must stay; a column at least. NULL: no memory. */
struct dr_rows *dr_rows_make(const struct dr_duckdb *duckdb, duckdb_logical_type *types, int columns);
void dr_rows_free(struct dr_rows *rows);
uint64_t dr_rows_id(const struct dr_rows *rows);

/* The place of a new row: its vectors, NULL where there is no memory, and *row in them, valid in each. Whoever does not fill it calls
 * nothing more; who does, dr_rows_keep. */
const duckdb_vector *dr_rows_place(struct dr_rows *rows, uint64_t *row);
void dr_rows_keep(struct dr_rows *rows);
int dr_rows_count(const struct dr_rows *rows);
/* Where they are, a vector for each column; NULL: in several, or nowhere. */
const duckdb_vector *dr_rows_vectors(const struct dr_rows *rows);
/* Between them the function may be called with the id. */
void dr_rows_open(struct dr_rows *rows);
void dr_rows_close(struct dr_rows *rows);
void dr_rows_clear(struct dr_rows *rows);

#endif
