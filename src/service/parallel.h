/* How many threads the writing engine has: one while it only does what is quick, all it may have while something long is running.
 * With more than one, DuckDB wakes another for each small statement, which costs a third to a half of the commits per second. */
#ifndef DR_PARALLEL_H
#define DR_PARALLEL_H

#include <pthread.h>

#include "engine/session.h"

struct dr_parallel {
    const struct dr_duckdb *duckdb;
    duckdb_connection connection; /* NULL: the number stays as it is */
    pthread_mutex_t mutex;
    int most, users, raised;
    int64_t ended_at; /* of the last long one, in dr_clock_ms */
};

/* session: the instance, within its limits already. Errors: SQL, NO_MEMORY. */
duckrow_code dr_parallel_open(struct dr_parallel *parallel, dr_session *session, duckrow_error *error);
void dr_parallel_close(struct dr_parallel *parallel);
/* Around what may be long. */
void dr_parallel_begin(struct dr_parallel *parallel);
void dr_parallel_end(struct dr_parallel *parallel);
/* Now and then: goes back to one thread, once nothing long has run for a while. */
void dr_parallel_tidy(struct dr_parallel *parallel);

#endif
