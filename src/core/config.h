/* Settings of one database: <database>.duckrow/config, a text file for people.
 *
 *     # a comment
 *     max_slots = 3       copies of the database that are kept at most: 2 to 32. Where nobody has set it, a rotation that cannot
 *                         be put off may make another one, so that what stock tools open is never old
 *     snapshots = on      off: no copies; readers share turns
 *     ingest = on                 a running service takes staged files in (core/staging.h)
 *     ingest_interval = 1s        and lets none wait for longer; 10ms at least
 *     ingest_files = 4096         files in one transaction at most: 1 to 100000
 *     ingest_bytes = 1GiB         bytes of them at most, but for a file that is larger alone
 *     ingest_create = off         on: tables that don't exist are made
 *     ingest_add_columns = off    on: columns that a table lacks are added
 *     ingest_keep = off           on: ingested files stay in staging/done; a time, such as 7d: for so long
 *
 * A line that is neither is an error that names file and line: nothing is guessed. A setting that is not there has its default.
 * It is read anew whenever it counts, and replaced by rename under an exclusive turn. */
#ifndef DR_CONFIG_H
#define DR_CONFIG_H

#include "db.h"

enum { DR_SETTINGS = 9 };

struct dr_config {
    int64_t max_slots, snapshots;
    int64_t ingest, ingest_interval_ms, ingest_files, ingest_bytes, ingest_create, ingest_add_columns;
    int64_t ingest_keep; /* for how many milliseconds; 0: not, DR_KEEP: for good */
    int holds;           /* max_slots was set: it holds even where readers have to share turns then */
};
#define DR_KEEP INT64_MAX

/* Of setting 0 to DR_SETTINGS - 1. */
const char *dr_config_name(int setting);
const char *dr_config_value(const struct dr_config *config, int setting, char text[32]);
struct dr_json;
/* Each as a member: switches as true or false, numbers and sizes as numbers, times as text. */
void dr_config_json(const struct dr_config *config, struct dr_json *json);
/* -1: there is none of that name. */
int dr_config_find(const char *name);

/* max_slots is that of the options where they have one. Errors: USAGE, PERMISSION, IO. */
duckrow_code dr_config_read(const duckrow_db *db, struct dr_config *config, duckrow_error *error);
/* Writes one setting, and leaves comments and other lines as they are. Errors: USAGE, PERMISSION, IO, DISK_FULL. */
duckrow_code dr_config_write(const duckrow_db *db, const char *name, const char *value, duckrow_error *error);
/* NO_SNAPSHOT, saying that they are off and how to have them. */
duckrow_code dr_config_no_snapshots(const duckrow_db *db, duckrow_error *error);

#endif
