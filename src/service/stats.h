/* What the service has done and is doing, as SHOW duckrow tells it: names and numbers, times in microseconds unless the name says
 * otherwise. Counts are since the service started. */
#ifndef DR_STATS_H
#define DR_STATS_H

#include "server.h"

struct dr_stat {
    char name[64];
    int64_t value;
};
enum { DR_STATS = 256 };
/* Fills in at most DR_STATS; returns how many. Those of a database are called as it and a point: core.commits. In the loop. */
int dr_stats(struct dr_server *server, struct dr_stat *stats);

#endif
