/* Files as DuckDB writes them, composed from the format that src/core/duckfile.h documents. Blocks are small: 4,096 bytes. */
#ifndef COMPOSE_H
#define COMPOSE_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/duckfile.h"

enum {
    COMPOSED_BLOCK = 4096,
    COMPOSED_PIECE = 56,
    COMPOSED_BLOCKS = 6,
    COMPOSED_SIZE = DR_HEADERS + COMPOSED_BLOCKS * COMPOSED_BLOCK
};

static inline void put_u64(unsigned char *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static inline unsigned char *composed_piece(unsigned char *image, int block, int piece)
{
    return image + DR_HEADERS + block * COMPOSED_BLOCK + 8 + piece * COMPOSED_PIECE;
}

/* Block 0 holds the metadata, `free` is the free block, the others hold data. */
static inline void compose_database(unsigned char image[COMPOSED_SIZE], uint64_t iteration, uint64_t free_block)
{
    uint64_t list[] = {UINT64_MAX, 1, free_block, 0, 1, 0, 1};
    unsigned char *header = image + (iteration % 2 ? 4096 : 8192);
    memset(image, 0, COMPOSED_SIZE);
    memcpy(image + 8, "DUCK", 4);
    put_u64(image + 12, 64);
    put_u64(header + 8, iteration);
    put_u64(header + 32, COMPOSED_BLOCKS);
    put_u64(header + 40, COMPOSED_BLOCK);
    memcpy(composed_piece(image, 0, 0), list, sizeof list);
    for (int block = 1; block < COMPOSED_BLOCKS; block++)
        memset(image + DR_HEADERS + block * COMPOSED_BLOCK, block, COMPOSED_BLOCK);
}

/* The version entry of a WAL that belongs to checkpoint `iteration`. */
static inline size_t compose_wal_version(unsigned char *at, unsigned char version, unsigned char iteration)
{
    const unsigned char entry[] = {100, 0, 98, 101, 0, version, 102, 0, 3, 1, 2, 3, 103, 0, iteration, 0xff, 0xff};
    memcpy(at, entry, sizeof entry);
    return sizeof entry;
}

static inline size_t compose_frame(unsigned char *at, unsigned char type, unsigned char value)
{
    unsigned char *entry = at + 16;
    const unsigned char bytes[] = {100, 0, type, 101, 0, value, 0xff, 0xff, 7};
    memcpy(entry, bytes, sizeof bytes);
    put_u64(at, sizeof bytes);
    put_u64(at + 8, dr_checksum(entry, sizeof bytes));
    return 16 + sizeof bytes;
}

/* An insert and its WAL_FLUSH. */
static inline size_t compose_commit(unsigned char *at, unsigned char value)
{
    size_t n = compose_frame(at, 26, value);
    return n + compose_frame(at + n, 100, 0);
}

static inline int write_file(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int written = fd >= 0 && write(fd, data, size) == (ssize_t)size;
    if (fd >= 0)
        close(fd);
    return written ? 0 : -1;
}

#endif
