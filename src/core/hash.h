/* A 64-bit hash of a few kilobytes: for noticing changes, not against an adversary. */
#ifndef DR_HASH_H
#define DR_HASH_H

#include <stdint.h>
#include <string.h>

static inline uint64_t dr_hash(const void *data, size_t size)
{
    const unsigned char *at = data;
    uint64_t hash = 0x9e3779b97f4a7c15u ^ size;
    for (; size; at += 8, size -= size < 8 ? size : 8) {
        uint64_t word = 0;
        memcpy(&word, at, size < 8 ? size : 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return hash;
}

#endif
