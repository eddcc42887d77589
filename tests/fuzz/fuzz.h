/* What fuzz targets share. The first byte of an input says where the pieces end that the rest is fed in. */
#ifndef DUCKROW_FUZZ_H
#define DUCKROW_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold. */
#define MUST(condition)                                                                                                          \
    do {                                                                                                                         \
        if (!(condition))                                                                                                        \
            abort();                                                                                                             \
    } while (0)

/* The size of the next piece, of `left` bytes; seed 0: all of them. */
static inline size_t next_piece(uint32_t *seed, size_t left)
{
    if (!*seed)
        return left;
    *seed = *seed * 1664525 + 1013904223 + 1;
    size_t size = *seed >> 16 & (*seed >> 28 ? 7 : 63);
    return size < left ? size : left;
}

/* What was read, in one number. */
static inline void mix(uint64_t *sum, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    *sum = (*sum ^ size) * 0x100000001b3;
    for (size_t i = 0; i < size; i++)
        *sum = (*sum ^ at[i]) * 0x100000001b3;
}

#endif
