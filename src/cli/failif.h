/* What monitoring asks of a status: "age>60s", "waiting>=5", "held>30s", "strangers>0", "bytes>10GB", "fresh=no".
 *
 *     age        time since the last publish; without a snapshot, without end
 *     stale      the same while the snapshot is older than the file; 0 while it is fresh
 *     held       for how long the turn has been held; 0: free, or shared by readers
 *     waited     for how long the first of those who wait has
 *     staged     for how long the oldest staged file has waited
 *     waiting, strangers, slots, readers, backlog, quarantined     how many; backlog: staged files
 *     bytes      what the .duckrow folder costs: 500MB, 10GiB
 *     fresh, exists, held                    = or != yes or no
 *
 * Comparisons: > >= < <= = !=. */
#ifndef DR_FAILIF_H
#define DR_FAILIF_H

#include "cli.h"

/* USAGE where it is not understood. */
duckrow_code dr_fail_if_check(const char *expression, duckrow_error *error);
/* Does it come true? Then *text, 256 bytes, says what is: "age is 75 s". */
int dr_fail_if_true(const char *expression, const duckrow_status *status, char *text);

#endif
