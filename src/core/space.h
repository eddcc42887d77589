/* Disk space: is there room for another copy, and for those who write besides? */
#ifndef DR_SPACE_H
#define DR_SPACE_H

#include "db.h"

/* Bytes that are free for this user on the file system of fd; -1: it doesn't say. */
int64_t dr_space_free(int fd);
/* What is to stay free when `bytes` more are used: a tenth of them, 1 MiB at least and 1 GiB at most. */
int64_t dr_space_margin(int64_t bytes);
/* Is there room for `bytes` more on the file system of the database's folder? */
int dr_space_enough(const duckrow_db *db, int64_t bytes);
/* The same on that of fd: OK, or DISK_FULL with a line that says how much is needed and how much is free. */
duckrow_code dr_space_check(const duckrow_db *db, int fd, int64_t bytes, duckrow_error *error);
/* "1.2 GiB" */
const char *dr_space_text(int64_t bytes, char text[32]);

#endif
