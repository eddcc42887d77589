/* A set of block numbers. */
#ifndef DR_BITMAP_H
#define DR_BITMAP_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct dr_bitmap {
    uint64_t *words;
    int64_t bits; /* numbers below this can be in it */
};

static inline int64_t dr_bitmap_words(int64_t bits)
{
    return (bits + 63) / 64;
}

/* Room for numbers below bits; those already in stay. -1 when out of memory. */
static inline int dr_bitmap_resize(struct dr_bitmap *set, int64_t bits)
{
    int64_t before = dr_bitmap_words(set->bits), after = dr_bitmap_words(bits);
    if (bits <= set->bits)
        return 0;
    uint64_t *words = realloc(set->words, (size_t)after * sizeof *words);
    if (!words)
        return -1;
    memset(words + before, 0, (size_t)(after - before) * sizeof *words);
    set->words = words;
    set->bits = bits;
    return 0;
}

static inline void dr_bitmap_free(struct dr_bitmap *set)
{
    free(set->words);
    set->words = NULL;
    set->bits = 0;
}

static inline int dr_bitmap_has(const struct dr_bitmap *set, int64_t number)
{
    return number < set->bits && set->words[number / 64] >> number % 64 & 1;
}

static inline void dr_bitmap_add(struct dr_bitmap *set, int64_t number)
{
    set->words[number / 64] |= (uint64_t)1 << number % 64;
}

/* Adds all of `other`, which must fit. */
static inline void dr_bitmap_union(struct dr_bitmap *set, const struct dr_bitmap *other)
{
    for (int64_t i = 0; i < dr_bitmap_words(other->bits); i++)
        set->words[i] |= other->words[i];
}

#endif
