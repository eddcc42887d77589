/* DuckDB's file formats, as far as publishing needs them. Nothing here writes.
 *
 * Database file (duckdb/src/include/duckdb/storage/storage_info.hpp): three headers of 4,096 bytes, then blocks. Each begins with
 * a checksum of 8 bytes.
 *     main header      8 "DUCK", 12 version u64, 20 flags u64 × 4 (bit 0 of the first: encrypted)
 *     database header  8 iteration u64, 16 meta block, 24 free list, 32 block count, 40 block size; two of them, at 4,096 and
 *                      8,192: the one with the higher iteration counts
 * A metadata block holds 64 pieces; a piece begins with a pointer to the next one (block in the low 56 bits, piece in the high
 * 8; all ones: none), then data. The free list is such a chain: u64 count, that many u64 free blocks; u64 count, that many (u64
 * block, u32 uses) of blocks that segments share; u64 count, that many (u64 metadata block, u64 pieces in use).
 *
 * A checkpoint from header H, or a bulk insert before it, writes only to blocks that are free or metadata in H, and to blocks at
 * or above H's block count (tests/process/blocks_test.py looks at this).
 *
 * WAL (duckdb/src/storage/write_ahead_log.cpp), version 2: one unframed entry with the version, then frames of u64 size, u64
 * checksum, entry. An entry is fields of u16 number and value, ended by 0xFFFF; field 100 is its type. A commit ends with a
 * frame of type 100 (WAL_FLUSH); what follows the last one was never committed. */
#ifndef DR_DUCKFILE_H
#define DR_DUCKFILE_H

#include "bitmap.h"
#include "error.h"

enum { DR_HEADERS = 12288, DR_BLOCK = 262144 };

struct dr_header {
    uint64_t hash; /* of the 12,288 bytes; 0: no file, or it is empty */
    int64_t iteration, free_list, blocks, block_size;
    int encrypted;
    unsigned char bytes[DR_HEADERS];
};

/* NOT_A_DATABASE where the bytes can't be headers. An empty file is OK with hash 0. */
duckrow_code dr_header_read(int fd, struct dr_header *header, duckrow_error *error);
int64_t dr_block_offset(const struct dr_header *header, int64_t block);

/* The blocks that are free, and those that hold metadata. NOT_A_DATABASE where the list makes no sense: look at everything then. */
duckrow_code dr_free_list_read(int fd, const struct dr_header *header, struct dr_bitmap *free, struct dr_bitmap *metadata,
                               duckrow_error *error);

struct dr_wal {
    int64_t end;         /* after the last commit's WAL_FLUSH */
    int64_t commits;     /* from the start of the look */
    int64_t iteration;   /* of the checkpoint that it belongs to; -1: it doesn't say (storage version below v1.4.0) */
    const char *unusual; /* what it holds besides ordinary inserts, updates and deletes; NULL: nothing */
};

/* Reads the WAL from `from`, 0 or the end of a commit, up to size. */
duckrow_code dr_wal_read(int fd, int64_t from, int64_t size, struct dr_wal *wal, duckrow_error *error);

/* DuckDB's checksum of a frame or block (duckdb/src/common/checksum.cpp). */
uint64_t dr_checksum(const unsigned char *data, size_t size);

#endif
