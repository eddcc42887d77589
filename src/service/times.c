#include "times.h"

/* The first DR_TIMES_EXACT are a microsecond wide; then the three bits below the highest choose one of its doubling. */
static int bucket_of(int64_t us)
{
    if (us < DR_TIMES_EXACT)
        return us < 0 ? 0 : (int)us;
    int doubling = 63 - __builtin_clzll((uint64_t)us) - 3;
    int bucket = 8 * doubling + (int)(us >> doubling);
    return bucket < DR_TIMES_BUCKETS ? bucket : DR_TIMES_BUCKETS - 1;
}

/* The longest time in it. */
static int64_t end_of(int bucket)
{
    if (bucket < DR_TIMES_EXACT)
        return bucket;
    int doubling = bucket / 8 - 1;
    return ((int64_t)(bucket % 8 + 9) << doubling) - 1;
}

void dr_times_add(struct dr_times *times, int64_t us)
{
    times->bucket[bucket_of(us)]++;
    times->count++;
    times->sum += us;
    if (us > times->longest)
        times->longest = us;
}

int64_t dr_times_at(const struct dr_times *times, int permille)
{
    int64_t counts[DR_TIMES_BUCKETS], total = 0, seen = 0, longest = times->longest;
    for (int i = 0; i < DR_TIMES_BUCKETS; i++)
        total += counts[i] = times->bucket[i];
    for (int i = 0; total && i < DR_TIMES_BUCKETS; i++) {
        seen += counts[i];
        if (seen * 1000 >= total * permille)
            return end_of(i) < longest ? end_of(i) : longest;
    }
    return 0;
}

int64_t dr_times_mean(const struct dr_times *times)
{
    int64_t count = times->count;
    return count ? times->sum / count : 0;
}
