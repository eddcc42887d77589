/* The service's own ingest: for each database a thread that watches its staging folder (watch.h), and takes staged files in (engine/ingest.h)
 * on a connection of its own, as a member of the gate, so that nobody waits for it longer than for anybody else's transaction.
 *
 * A file waits `ingest_interval` at most, less where `ingest_files` or `ingest_bytes` have come together; the settings are read anew before
 * each pass. What could not be taken in, for whatever reason that isn't the file's, is tried again each second.
 *
 * While the database is handed over, files wait. */
#ifndef DR_INGESTER_H
#define DR_INGESTER_H

#include "core/staging.h"
#include "host.h"

struct dr_ingester;

duckrow_code dr_ingester_open(struct dr_host *host, int database, struct dr_ingester **ingester, duckrow_error *error);
/* What runs is interrupted, and was for nothing; its files stay. */
void dr_ingester_close(struct dr_ingester *ingester);

/* What is staged now is in the table, or in quarantine, or waits for its table, when it returns. stop: as of struct dr_member. Errors: BUSY at
 * `deadline` (dr_clock_ms), INTERRUPTED, USAGE where the database's `ingest` is off. */
duckrow_code dr_ingester_catch_up(struct dr_ingester *ingester, int64_t deadline, const char *_Atomic *stop,
                                  duckrow_error *error);

/* What it did since the service started, and what was staged when it last looked, after each pass and each few seconds. */
struct dr_ingested {
    int64_t files, rows, bytes, quarantined;
    struct dr_backlog backlog;
};
/* ingester may be NULL: zeros. */
void dr_ingester_look(struct dr_ingester *ingester, struct dr_ingested *ingested);

#endif
