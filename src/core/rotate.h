/* Bringing a slot up to the database and making it current: the steps of publish.h's `rotate`, and those that a slot made level ahead
 * (ahead.h) shares with it. All under the exclusive turn; dr_rotate with the file standing still. */
#ifndef DR_ROTATE_H
#define DR_ROTATE_H

#include "choose.h"
#include "publish.h"

/* What a checkpoint from the header may write to, besides the blocks beyond its end. known: 0 where the free list can't be read. */
struct dr_candidates {
    struct dr_bitmap unused, metadata;
    int known;
};
duckrow_code dr_candidates_read(int source, const struct dr_header *header, struct dr_candidates *candidates,
                                duckrow_error *error);
void dr_candidates_free(struct dr_candidates *candidates);

/* The folder under a new number (slot->generation), marked incomplete, without a WAL; a new one where none was chosen. */
duckrow_code dr_rotate_prepare(duckrow_turn *turn, struct dr_choice *choice, struct dr_slot *slot, duckrow_error *error);
/* May the slot's pending set be trusted for the file as it is? */
int dr_pending_fits(const struct dr_pending *pending, const struct dr_slot *was, const struct dr_state *state);
/* Enters in the record what the slot is made from. */
void dr_slot_describe(struct dr_slot *slot, const struct dr_state *state);
/* The record of a slot that shows the state, its WAL up to wal->end included. */
duckrow_code dr_slot_complete(const duckrow_db *db, struct dr_slot *slot, const struct dr_state *state, const struct dr_wal *wal,
                              int64_t commits, duckrow_error *error);
/* The database's WAL, from where the slot's ends up to `end`. */
duckrow_code dr_slot_copy_wal(const duckrow_db *db, struct dr_slot *slot, int64_t end, duckrow_published *published,
                              duckrow_error *error);

/* sequence: of the publish before. */
duckrow_code dr_rotate(duckrow_turn *turn, const struct dr_config *config, const struct dr_state *state, const struct dr_wal *wal,
                       int64_t sequence, duckrow_published *published, duckrow_error *error);

#endif
