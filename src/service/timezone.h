/* Time zones: how far from UTC the clocks of a place are at a moment, from TZif files (RFC 8536) of the system's tzdata:
 * TZDIR, else /usr/share/zoneinfo.
 *
 * A name is found in any case, as in PostgreSQL, and told as its file is called. Known without tzdata: UTC and its other names, and whole
 * hours, which are a number in PostgreSQL's SET TIME ZONE -7 (east of UTC) and Etc/GMT+7 here, as they are to DuckDB.
 *
 * What SQL does with time zones is DuckDB's, which has tzdata of its own (ICU): it is told the name. */
#ifndef DR_TIMEZONE_H
#define DR_TIMEZONE_H

#include <stdint.h>

struct dr_zone;

/* Looked up once, and kept for good; from any thread. NULL: there is none of that name. UTC is dr_zone_utc(), however it is called. */
const struct dr_zone *dr_zone_find(const char *name);
const struct dr_zone *dr_zone_utc(void);
const char *dr_zone_name(const struct dr_zone *zone);
/* Seconds east of UTC at that moment, in microseconds since 1970. zone NULL: UTC. */
int32_t dr_zone_offset(const struct dr_zone *zone, int64_t microseconds);

#endif
