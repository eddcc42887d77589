/* Statements run by the service, one by one, and what they give: rows as a result of the session's own DuckDB, for the formats. */
#ifndef DR_REMOTE_SQL_H
#define DR_REMOTE_SQL_H

#include "engine/session.h"
#include "remote.h"

struct dr_remote_sink {
    duckrow_code (*rows)(void *context, duckdb_result *result, duckrow_error *error);
    duckrow_code (*changed)(void *context, unsigned long long rows, duckrow_error *error);
    duckrow_code (*end)(void *context, duckrow_error *error); /* after the last, before what is open is committed */
    void *context;
};

/* All statements of the text but the first `skip`. A transaction that is open at the end is committed; after an error it ends with the
 * session. Errors: those of dr_remote_execute, and what the sink gives; UNSUPPORTED: ATTACH and DETACH. */
duckrow_code dr_remote_script(struct dr_remote *remote, dr_session *session, const char *sql, size_t skip,
                              const struct dr_remote_sink *sink, duckrow_error *error);

#endif
