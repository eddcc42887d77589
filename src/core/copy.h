/* Copying blocks: the slow part of a rotation. Content is compared, never checksums: DuckDB's ignore the order of 8-byte words. */
#ifndef DR_COPY_H
#define DR_COPY_H

#include "db.h"
#include "duckfile.h"

struct dr_copy {
    int source, target;
    const struct dr_header *header; /* the source's, as it is now */
    const struct dr_bitmap *unused; /* blocks that are free now; NULL: not known, take all as used */
    const struct dr_bitmap *metadata; /* looked at always */
    const struct dr_bitmap *pending; /* blocks below known_blocks that may differ; NULL: any may */
    int64_t known_blocks;
    int empty; /* the target is new: nothing to compare with */
    int64_t next; /* the block that is to be looked at next */
    int64_t compared, copied, bytes;
    unsigned char *buffers;
};

/* Opens or makes the slot's file at path. It stays mode 0444: only this descriptor may write. */
duckrow_code dr_copy_open(struct dr_copy *copy, const duckrow_db *db, const char *path, duckrow_error *error);
duckrow_code dr_copy_blocks(struct dr_copy *copy, duckrow_error *error);
/* Goes on for about that many bytes. *more: there are more blocks. */
duckrow_code dr_copy_piece(struct dr_copy *copy, int64_t bytes, int *more, duckrow_error *error);
/* Blocks from `from` on that standing still can't be expected of, free ones and those behind the end, as far as their checksums say that
 * they differ, which is no proof of the others: about that many bytes. Returns where to go on; -1: there are no more; -2: a failure. */
int64_t dr_copy_guess(struct dr_copy *copy, int64_t from, int64_t bytes);
/* Is the block one that has to be looked at? */
int dr_copy_wants(const struct dr_copy *copy, int64_t block);
/* Last: they make the blocks count. */
duckrow_code dr_copy_headers(struct dr_copy *copy, duckrow_error *error);
void dr_copy_close(struct dr_copy *copy);
/* Bytes start to end of one file into another, at the same place. */
duckrow_code dr_copy_range(int from, int to, int64_t start, int64_t end, const char *path, duckrow_error *error);

#endif
