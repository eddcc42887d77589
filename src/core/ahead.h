/* What of a rotation is done ahead, by a thread of the turn's holder, beside commits and publishes.
 *
 * Between two checkpoints the blocks that are in use and hold no metadata stand still (duckfile.h). So the slot that the next rotation
 * will fill can be made level with the last checkpoint meanwhile, and the rotation is left with what its own checkpoint writes. It is
 * also how slots that are missing are made.
 *
 *     dr_ahead_open
 *     dr_ahead_begin   chooses a slot, renames it, marks it incomplete       while nobody publishes
 *     dr_ahead_copy    its blocks                                            beside commits and publishes that don't checkpoint
 *     dr_ahead_end     notes what may differ now, marks it level             while nobody publishes
 *     … again after each rotation …
 *     dr_ahead_close
 *
 * Whoever is about to checkpoint, to rotate or to give the turn away calls dr_ahead_stop first: a copy ends within one piece, and what it
 * has done is noted. Should the headers have changed all the same, the slot stays incomplete.
 *
 * Readers never see any of it: a level slot is not complete, and `current` doesn't lead to it. Killed anywhere: the slot is incomplete, and
 * all its blocks are compared the next time.
 *
 * It also closes, when asked to and not before, files that were unlinked: the file system may take tens of milliseconds to free their
 * blocks (ext4 mounted with `discard`), which is when the last descriptor goes. The WAL is one, which DuckDB unlinks in a checkpoint. */
#ifndef DR_AHEAD_H
#define DR_AHEAD_H

#include "turn.h"

struct dr_ahead;

/* After it publishes stop what is done ahead, and leave files to dr_ahead_tidy. */
duckrow_code dr_ahead_open(duckrow_turn *turn, duckrow_error *error);
/* Nobody is in dr_ahead_copy. Also right for a turn where it wasn't opened. */
void dr_ahead_close(duckrow_turn *turn);

enum { DR_AHEAD_NOTHING = -1, DR_AHEAD_COPY = 0 };
/* guess: what a transaction has written that is about to commit, too: it can't be trusted, but comparing takes less than copying, and
 * waits for no disk.
 * Also hands what was kept to dr_ahead_tidy.
 * COPY: dr_ahead_copy and dr_ahead_end are next; NOTHING: not before another rotation; else in how many ms to ask again. */
int64_t dr_ahead_begin(duckrow_turn *turn, int guess);
void dr_ahead_copy(duckrow_turn *turn);
/* Nothing where dr_ahead_stop was faster. */
void dr_ahead_end(duckrow_turn *turn);
/* Nobody publishes meanwhile, but the caller. Returns when nothing is being copied. */
void dr_ahead_stop(duckrow_turn *turn);
/* Is a slot being made level? A rotation that can wait does. */
int dr_ahead_busy(const duckrow_turn *turn);

/* Keeps the file at path, which is about to be unlinked, open until dr_ahead_tidy. */
void dr_ahead_keep(duckrow_turn *turn, const char *path);
/* By the thread that begins, beside everything. */
void dr_ahead_tidy(duckrow_turn *turn);

#endif
