/* Times and sizes as people write them, and back. What is read doesn't depend on the locale. */
#ifndef DR_UNITS_H
#define DR_UNITS_H

#include <stdint.h>

/* What a message says after a text that is none: "--timeout 5x is not understood: " DR_GIVE_A_TIME */
#define DR_GIVE_A_TIME "a time is needed, such as 10s, 500ms or 2m"
#define DR_GIVE_A_SIZE "a size is needed, such as 64MiB, 8MB or 4096"

/* "10s", "500ms", "2m" or "2min", "1h", "7d", "1.5" (seconds), to milliseconds: 0, or -1 where it is none. */
int dr_parse_duration(const char *text, int64_t *milliseconds);
/* "4096" or "4096B", kB (KB), MB, GB, TB, and KiB, MiB, GiB, TiB, whole numbers of them, to bytes: 0, or -1. */
int dr_parse_size(const char *text, int64_t *bytes);

/* In the largest unit of which it is a whole number, as the two above read it: "1min", "1500ms", "64MiB", "100B"; "0". */
const char *dr_write_duration(int64_t milliseconds, char text[32]);
const char *dr_write_size(int64_t bytes, char text[32]);

/* For people: "1.2 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
const char *dr_duration_text(int64_t milliseconds, char text[32]);

#endif
