/* Running one statement with parameters on a connection, and its rows as DataRow messages. */
#ifndef DR_EXECUTE_H
#define DR_EXECUTE_H

#include "host.h"
#include "unit.h"

#define DR_PLAN_CHANGED "cached plan must not change result type"

/* The format of each result column: none given, one for all, or one for each. */
struct dr_formats {
    int count;
    const unsigned char *codes; /* u16 each, network order */
};
struct dr_formats dr_formats_at(const struct dr_buffer *values, size_t at);
int dr_column_format(const struct dr_formats *formats, int column);

/* How values are shown in a zone; NULL: UTC. */
struct dr_display dr_display_in(const struct dr_zone *zone);
/* Has DuckDB read and show times on a connection in that zone. Errors: SQL. */
duckrow_code dr_connection_zone(const struct dr_duckdb *duckdb, duckdb_connection connection, const struct dr_zone *zone,
                                duckrow_error *error);

/* The parameters at `at` in unit->values, bound to a prepared statement. Errors: USAGE (syntax), SQL. */
duckrow_code dr_bind_parameters(const struct dr_duckdb *duckdb, duckdb_prepared_statement prepared,
                                const struct dr_statement *statement, const struct dr_unit *unit, size_t at,
                                duckrow_error *error);
/* RowDescription. */
void dr_describe_rows(struct dr_buffer *out, const struct dr_columns *columns, const struct dr_formats *formats);
/* A chunk's rows from `first` on, at most `most`, as DataRows; returns how many. *error: a value that can't be told. */
int64_t dr_put_rows(const struct dr_duckdb *duckdb, const struct dr_columns *columns, duckdb_data_chunk chunk, int64_t first,
                    int64_t most, const struct dr_formats *formats, const struct dr_display *display, struct dr_buffer *out,
                    const char **error);
/* Runs an operation whose result is small or none: counts, and rows of RETURNING into unit->rows. Errors: SQL, also DR_PLAN_CHANGED where
 * the rows are no longer what the statement tells of them. */
duckrow_code dr_execute_operation(const struct dr_duckdb *duckdb, duckdb_connection connection,
                                  duckdb_prepared_statement prepared, struct dr_unit *unit, int index, duckrow_error *error);

#endif
