/* The lane: one thread that runs the small writes of all sessions, and commits them in groups.
 *
 * While a group is being committed others arrive; they are the next one. Within a group, units are independent of each other: inserts
 * of one shape are gathered and run as one, other statements one by one, and one COMMIT and one publish serve all. A session has at
 * most one unit in the queue, so a session that floods gets no more of a group than one that asks once.
 *
 * A group of rows of one shape, the usual case, needs no BEGIN and no COMMIT: the statement that inserts it is a transaction of its own.
 *
 * When a group fails DuckDB says why, but not for whom. Where it names a key (suspects.h), the units that have it are taken out and
 * run one by one, and the others tried again; else the group is halved, until each unit is either committed or has failed by itself.
 * Nobody is answered before its own part is committed and published.
 *
 * A conflict with a transaction outside the lane is tried again until the unit's deadline. */
#ifndef DR_LANE_H
#define DR_LANE_H

#include "host.h"
#include "unit.h"

struct dr_lane;

duckrow_code dr_lane_open(struct dr_host *host, int database, struct dr_lane **lane, duckrow_error *error);
/* After the last unit is done. */
void dr_lane_close(struct dr_lane *lane);
/* unit->done is called in the lane's thread. */
void dr_lane_put(struct dr_lane *lane, struct dr_unit *unit);

struct dr_lane_status {
    int64_t waiting, groups, units, largest;
};
void dr_lane_look(struct dr_lane *lane, struct dr_lane_status *status);

#endif
