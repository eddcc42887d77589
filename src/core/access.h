/* What keeps this user from a file, and which command changes it. */
#ifndef DR_ACCESS_H
#define DR_ACCESS_H

#include "db.h"

/* dr_fail_os, "cannot open <path>"; where permissions are the reason, the line names the file or folder that refuses, whose it is,
 * and the chmod or chgrp that lets in whoever the database lets in. */
duckrow_code dr_fail_access(const duckrow_db *db, int os_errno, const char *path, duckrow_error *error);
/* May this user read the file, and write it? By its effective ids. */
int dr_may_use(const char *path, int write);

#endif
