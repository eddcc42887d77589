/* Rows of text from elsewhere as a table: SELECT … FROM duckrow_feed() reads them one after the other, as they come, so that DuckDB can
 * make what it likes of them.
 *
 *     dr_feed_register, once for a session
 *     session->fed = &feed;
 *     SELECT CAST(c0 AS DATE), … FROM duckrow_feed()         on session->connection
 *     session->fed = NULL; */
#ifndef DR_FEED_H
#define DR_FEED_H

#include "session.h"

struct dr_feed {
    int columns; /* c0, c1, …, each VARCHAR */
    /* The next row: `columns` values, NULL for NULL, valid until the next call. 1; 0: there is none; -1: *message says why, until then. From
     * a thread of DuckDB's, one at a time. */
    int (*next)(void *context, const char *const **values, const size_t **sizes, const char **message);
    void *context;
};

duckrow_code dr_feed_register(dr_session *session, duckrow_error *error);

#endif
