/* Staged files that ingest couldn't take in: staging/quarantine/<table>/<name>, with the reason in <name>.error beside it.
 *
 * They go back, or go, by names alone, beside whoever ingests: no lock. The file moves first and its reason goes after, so what is killed in
 * between leaves a reason without a file, which dr_staging_sweep removes. */
#ifndef DR_QUARANTINE_H
#define DR_QUARANTINE_H

#include "staging.h"

/* The tables' folders that have some, by name; freed with the array. */
duckrow_code dr_quarantine_folders(const duckrow_db *db, char (**folders)[DR_STAGING_NAME], int *count, duckrow_error *error);
/* Of one table, by name; freed with free(). */
duckrow_code dr_quarantine_list(const duckrow_db *db, const char *folder, struct dr_staged_file **files, int *count,
                                duckrow_error *error);
/* The first line of a file's reason, without its name; "" where there is none. *since_ms: when it was put there, by the clock of then; 0. */
void dr_quarantine_reason(const duckrow_db *db, const char *folder, const char *name, char *reason, size_t size,
                          int64_t *since_ms);

/* Back to where it was staged; under another name, which sorts as this one does, where there is a file of that. *gone: it was no longer
 * there. */
duckrow_code dr_quarantine_retry(const duckrow_db *db, const char *folder, const char *name, int *gone, duckrow_error *error);
duckrow_code dr_quarantine_drop(const duckrow_db *db, const char *folder, const char *name, int *gone, duckrow_error *error);

#endif
