/* A statement run by the service, and what it gives: rows as a result of the session's own DuckDB, for the formats. */
#ifndef DR_REMOTE_SQL_H
#define DR_REMOTE_SQL_H

#include "engine/session.h"
#include "remote.h"

struct dr_remote_sink {
    duckrow_code (*rows)(void *context, duckdb_result *result, duckrow_error *error);
    duckrow_code (*changed)(void *context, unsigned long long rows, duckrow_error *error);
    void *context;
};

/* The session has duckrow_feed() (engine/feed.h). Errors: those of dr_remote_execute, and what the sink gives. */
duckrow_code dr_remote_sql(struct dr_remote *remote, dr_session *session, const char *sql, const struct dr_remote_sink *sink,
                           duckrow_error *error);

#endif
