/* Types of parameters that DuckDB leaves open until they are bound, as PostgreSQL would tell them: clients send what they are told.
 *
 *     i / $1::INTEGER    what the statement casts it to
 *     i + $1             the type of what stands beside it, as PostgreSQL has it
 *     abs($1), ts + $1   the first type that works, numbers first
 *     $1                 text
 *
 * DuckDB is asked by preparing the statement with NULLs of types in the places of the parameters; its messages name the function that
 * has no match, and the types of its other arguments. Where nothing helps a parameter stays text. */
#ifndef DR_INFER_H
#define DR_INFER_H

#include "engine/functions.h"

/* oids: of all parameters, as DuckDB knows them after prepare; those that it doesn't know are filled in. Where it doesn't know the
 * columns either, returns a statement that does, to be destroyed; NULL: `prepared` does, or there is none. */
duckdb_prepared_statement dr_infer(const struct dr_duckdb *duckdb, duckdb_connection connection, const char *sql,
                                   duckdb_prepared_statement prepared, uint32_t *oids);
/* What such a statement calls a column, as the one that runs will. */
void dr_infer_name(char *name);

#endif
