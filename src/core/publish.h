/* Publishing: making the current slot show what is committed in the database file.
 *
 * Whoever publishes holds an exclusive turn, and no statement or transaction is open: the file and its WAL stand still.
 *
 *   append    the file's headers are the slot's, and the WAL goes on where the slot's ends, with nothing but inserts, updates and
 *             deletes: copy the WAL's new commits behind the slot's. Readers that open meanwhile ignore an unfinished last one.
 *   rotate    otherwise, bring another slot up to the file and make it current:
 *             choose one that nobody uses and that has rested; mark it incomplete; rename it to its new generation; remove its WAL;
 *             copy the blocks that may differ and are in use; the headers; the WAL; mark it complete; flip `current`.
 *             A rotation needs a WAL without anything unusual: plan->checkpoint asks for a checkpoint before.
 *
 * Killed anywhere: before the flip the old slot is current, and its record no longer fits the file, so readers know. After the
 * flip all is done but `pending`, which then doesn't fit the file's headers at the next rotation, so everything is compared. */
#ifndef DR_PUBLISH_H
#define DR_PUBLISH_H

#include "config.h"
#include "slot.h"
#include "turn.h"

/* The database file as it stands. */
struct dr_state {
    struct dr_header header;
    uint64_t device, inode;
    int64_t wal_inode, size, wal_size;
};

duckrow_code dr_state_read(const duckrow_db *db, int source_fd, struct dr_state *state, duckrow_error *error);
/* Is the slot as new as the file? An unfinished commit at the WAL's end doesn't count. */
int dr_state_shown(const duckrow_db *db, const struct dr_state *state, const struct dr_slot *slot);
/* Is the current slot as new as the file that the turn found? Then readers need not wait for this turn. */
int dr_publish_is_level(const duckrow_turn *turn, const struct dr_config *config);
/* May this user use the WAL, and is it this file's? One that a slot shows to belong to a file that was at this path before is not:
 * DuckDB would refuse the pair or, below storage version v1.4.0, replay it. */
duckrow_code dr_publish_check_wal(const duckrow_turn *turn, duckrow_error *error);

#endif
