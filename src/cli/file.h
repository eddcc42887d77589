/* A database file in the making, beside the place where it is to stand: copy and upgrade.
 *
 *     dr_making_open      <target>.duckrow-<what>.<pid>.<time>, made and locked; what a killed process of the same kind left is removed
 *     … fill it; DuckDB may open, write and checkpoint it …
 *     dr_making_adopt     where DuckDB has made it
 *     dr_making_finish    no WAL beside it; synced; renamed to the target
 *     dr_making_close     removes what was not finished
 *
 * Killed anywhere, the target is the old one (or none) or the new one, whole; what else is left says what it is by its name. A
 * lock (flock, which DuckDB does not use) tells what is left from what is in the making, in other pid namespaces too. */
#ifndef DR_FILE_H
#define DR_FILE_H

#include <limits.h>
#include <sys/stat.h>

#include "core/error.h"

struct dr_making {
    char target[PATH_MAX], path[PATH_MAX], wal[PATH_MAX];
    mode_t mode;
    int fd;
};

/* what: "copy" or "upgrade". mode: of the file to be. make: 0 only finds the name: DuckDB takes no empty file for a database. Then
 * something else keeps others away (an exclusive turn), until dr_making_adopt. */
duckrow_code dr_making_open(struct dr_making *making, const char *target, const char *what, mode_t mode, int make,
                            duckrow_error *error);
duckrow_code dr_making_adopt(struct dr_making *making, duckrow_error *error);
/* replace: 0 refuses, with USAGE, where there is something at the target by now. */
duckrow_code dr_making_finish(struct dr_making *making, int replace, duckrow_error *error);
void dr_making_close(struct dr_making *making);

/* Removes what killed processes left on the way to the target, or to any in the folder where it ends with a slash; count: only
 * counts. Returns how many files. */
int dr_making_leftovers(const char *target, const char *what, int count);

/* The first bytes of one file into another, its holes too. A signal ends it: INTERRUPTED. */
duckrow_code dr_copy_bytes(int from, int to, int64_t length, const char *target, duckrow_error *error);

/* DISK_FULL where the folder of path has not so many bytes left. */
duckrow_code dr_check_space(const char *path, int64_t bytes, duckrow_error *error);

/* data/core.duckdb → data; core.duckdb → . */
void dr_folder_of(const char *path, char folder[PATH_MAX]);

#endif
