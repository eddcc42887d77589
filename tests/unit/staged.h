/* What is below a database's staging folder: paths, files, whether they are there. Include it after support.h and compose.h. */
#ifndef STAGED_H
#define STAGED_H

#include <string.h>
#include <sys/stat.h>

#include "core/staging.h"

static duckrow_db *db;
static duckrow_error error;

__attribute__((unused)) static const char *in(const char *name)
{
    static char path[4][PATH_MAX];
    static int next;
    next = (next + 1) % 4;
    assert_int_equal(dr_staging_path(db, path[next], &error, "%s", name), DUCKROW_OK);
    return path[next];
}

__attribute__((unused)) static void put(const char *name, const char *text)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", name);
    *strrchr(folder, '/') = 0;
    assert_int_equal(dr_staging_make(db, folder, &error), DUCKROW_OK);
    assert_int_equal(write_file(in(name), text, strlen(text)), 0);
}

__attribute__((unused)) static int is_there(const char *name)
{
    struct stat st;
    return lstat(in(name), &st) == 0;
}

#endif
