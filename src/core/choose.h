/* Which slot a rotation fills, and when slots are made and removed.
 *
 * One that nobody reads and that has rested, the newest first: it differs least. Otherwise a new one, while there are fewer than
 * max_slots and there is space. At max_slots, one that is only resting is waited for, and so are readers of one that was current
 * less than a second ago, for they may be brief. Then there is none: the error names who reads the slots. */
#ifndef DR_CHOOSE_H
#define DR_CHOOSE_H

#include "config.h"
#include "slot.h"

struct dr_choice {
    int64_t generation; /* -1: make a new one */
    int lock;           /* the descriptor that keeps readers out of it; -1: a new one's is still to be made */
    struct dr_slot was; /* its record; not complete where its content is not known */
};

/* Errors: DISK_FULL, with the first reader of the slots as holder. */
duckrow_code dr_choose(const duckrow_db *db, const struct dr_config *config, struct dr_choice *choice, duckrow_error *error);
/* Is a slot at hand, and space, for a rotation that could wait? bytes: what the database has. One more than two only where it is
 * `pressing`. */
int dr_choose_possible(const duckrow_db *db, const struct dr_config *config, int64_t bytes, int pressing);
/* The slot that the next rotation will want: 0, and *choice, a new one perhaps. Else how many ms until one has rested; -1: there is none.
 * bytes: what the database has. */
int64_t dr_choose_ahead(const duckrow_db *db, const struct dr_config *config, int64_t bytes, struct dr_choice *choice);
/* Removes those that are more than max_slots and that nobody uses. */
void dr_choose_trim(const duckrow_db *db, const struct dr_config *config);
/* Ends snapshots: nothing is current any more, the link for stock tools goes, and so do the slots that nobody uses and that have
 * rested. Those left are for the next call. */
void dr_choose_retire(const duckrow_db *db);
/* The number of the next slot: higher than any that there was. */
int64_t dr_choose_next(const duckrow_db *db);

#endif
