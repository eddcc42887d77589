/* How long something took, over and over: counts in buckets, eight to a doubling, so that percentiles are told within a tenth.
 * One thread at a time adds; anybody may read. */
#ifndef DR_TIMES_H
#define DR_TIMES_H

#include <stdatomic.h>
#include <stdint.h>

enum { DR_TIMES_EXACT = 16, DR_TIMES_BUCKETS = DR_TIMES_EXACT + 8 * 32 /* up to 2^36 us, 19 hours */ };

struct dr_times {
    atomic_llong count, sum, longest;
    atomic_llong bucket[DR_TIMES_BUCKETS];
};

void dr_times_add(struct dr_times *times, int64_t us);
/* The time that so many of a thousand did not exceed; 0 where there is none yet. */
int64_t dr_times_at(const struct dr_times *times, int permille);
int64_t dr_times_mean(const struct dr_times *times);

#endif
