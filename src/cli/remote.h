/* A client of the service: the PostgreSQL protocol, as far as duckrow sql needs it, over its Unix socket.
 *
 *     dr_remote_open
 *     dr_remote_execute            one statement; what its rows are
 *     while (dr_remote_row(…) == 1)
 *     dr_remote_finish             its tag
 *     dr_remote_close
 *
 * Values come in the service's result format 2 (service/types.h): text of DuckDB's, with the type before the column's name. A signal
 * (signals.h) has what is running cancelled, whose error then ends the statement. What the service has to say besides goes to
 * dr_warn. */
#ifndef DR_REMOTE_H
#define DR_REMOTE_H

#include "core/error.h"

struct dr_remote;

/* What comes back of a statement. */
struct dr_remote_columns {
    int count;   /* -1: no rows */
    char **name;
    char **type; /* as DuckDB names it; NULL: VARCHAR */
};
void dr_remote_columns_free(struct dr_remote_columns *columns);

/* dsn: as the service has left it. busy_timeout: of the session, in milliseconds. Errors: NOT_FOUND: nobody is there, or it is leaving;
 * those that the service gives. */
duckrow_code dr_remote_open(const char *dsn, int64_t busy_timeout, struct dr_remote **remote, duckrow_error *error);
void dr_remote_close(struct dr_remote *remote);
/* Errors: by SQLSTATE, the core's code that has it; SQL; IO: the service has gone, and whether the statement was done is not known. */
duckrow_code dr_remote_execute(struct dr_remote *remote, const char *sql, struct dr_remote_columns *columns,
                               duckrow_error *error);
/* 1: values and sizes, valid until the next call; 0: no more; -1: error. */
int dr_remote_row(struct dr_remote *remote, const char *const **values, const size_t **sizes, duckrow_error *error);
/* tag: "INSERT 0 5"; "" where there is none. */
duckrow_code dr_remote_finish(struct dr_remote *remote, char tag[64], duckrow_error *error);
/* Is a transaction open, or one that has failed? */
int dr_remote_in_transaction(const struct dr_remote *remote);

#endif
