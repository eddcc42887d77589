/* What rotations would do under the commit lock, done ahead by a thread of its own (core/ahead.h): the slot that is next is made level
 * after each rotation, slots that are missing are made, and what checkpoints unlink is closed. Of the commit lock it takes what a
 * publish does, twice for each rotation. */
#ifndef DR_LEVELER_H
#define DR_LEVELER_H

#include "core/error.h"

struct dr_host;
struct dr_leveler;

duckrow_code dr_leveler_open(struct dr_host *host, struct dr_leveler **leveler, duckrow_error *error);
/* After it everything is done when it is needed. */
void dr_leveler_close(struct dr_leveler *leveler);
/* A checkpoint was tried, or a slot found missing. NULL: nothing. */
void dr_leveler_wake(struct dr_leveler *leveler);
/* A transaction is about to commit that may have written much: its blocks go to the disk and into the next slot. No lock is held. */
void dr_leveler_guess(struct dr_host *host, int i);
/* Database i is about to be given away. */
void dr_leveler_stop(struct dr_host *host, int i);

#endif
