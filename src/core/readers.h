/* Who reads a slot: our readers lock its `lock`, stock tools have DuckDB's lock on the copy. */
#ifndef DR_READERS_H
#define DR_READERS_H

#include "process.h"
#include "slot.h"

/* Does a stock tool have the copy open, or this process? */
int dr_readers_stock(const char *path);
/* Fills in found[], as far as they can be named, and returns how many. Those who can't be named count as one with pid 0. */
int dr_readers_find(const duckrow_db *db, int64_t generation, duckrow_process *found, int most);

#endif
