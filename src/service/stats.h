/* What the service has done and is doing, in numbers with names: for SHOW duckrow, Prometheus, and `duckrow status`. Times are in
 * microseconds unless the name says otherwise, counts since the service started. In the loop. */
#ifndef DR_STATS_H
#define DR_STATS_H

#include "server.h"

enum { DR_STATS = 48 };
/* At most DR_STATS each; how many. */
int dr_stats_of_service(const struct dr_server *server, duckrow_figure *figures);
int dr_stats_of_database(const struct dr_server *server, int database, duckrow_figure *figures);
/* Does it only ever grow? */
int dr_stat_counts(const char *name);

/* A session as others see it. */
struct dr_session_look {
    const char *state; /* PostgreSQL's words: active, idle, idle in transaction, … */
    const char *waits_for; /* NULL: for nothing */
    int64_t state_ms, transaction_ms; /* for how long; transaction_ms -1: none is open */
};
struct dr_session_look dr_look_at(const struct dr_client *client, int64_t now);

#endif
