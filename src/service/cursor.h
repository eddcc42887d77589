/* Rows of one read, as they are wanted: all at once, or so many at a time. In the session's open transaction or its own state it runs
 * on the session's connection, otherwise on a leased snapshot. */
#ifndef DR_CURSOR_H
#define DR_CURSOR_H

#include "backend.h"
#include "execute.h"

struct dr_cursor {
    int open;
    int on_own; /* it reads on the session's connection, in a transaction that was open or is this cursor's alone */
    int transaction;
    struct dr_lease lease;
    duckdb_prepared_statement prepared;
    duckdb_result result;
    duckdb_data_chunk chunk;
    int64_t row; /* of the chunk: the next to tell */
    struct {
        duckdb_data_chunk *chunk;
        int count, at, capacity;
        int64_t values;
    } kept; /* all that was to come, once dr_cursor_keep was there */
    int is_kept;
    struct dr_columns columns;
};

/* Where bytes go. 0: go on; else stop: the client is gone, or doesn't read and others can't wait. */
struct dr_sink {
    int (*send)(struct dr_sink *sink, struct dr_buffer *bytes);
    void *context;
};

/* unit, at: the parameters. Errors: SQL, BUSY, … and READ_ONLY: the statement writes after all; run it as one that does. */
duckrow_code dr_cursor_open(struct dr_cursor *cursor, struct dr_backend *backend, struct dr_statement *statement,
                            const struct dr_unit *unit, size_t at, duckrow_error *error);
/* At most `most` rows as DataRows. *count: how many; *end: there are no more. */
duckrow_code dr_cursor_fetch(struct dr_cursor *cursor, struct dr_backend *backend, int64_t most, const struct dr_formats *formats,
                             const struct dr_display *display, struct dr_sink *sink, int64_t *count, int *end,
                             duckrow_error *error);
/* Before anything else runs on the session's own connection: DuckDB gives up the rows that a cursor there has not fetched yet, so they
 * are fetched and kept in memory. Errors: NO_MEMORY, where they are too many; SQL: what the rest fails with. */
duckrow_code dr_cursor_keep(struct dr_backend *backend, duckrow_error *error);
void dr_cursor_close(struct dr_cursor *cursor, struct dr_backend *backend);

#endif
