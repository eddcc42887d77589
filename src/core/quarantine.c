#include "quarantine.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "access.h"

duckrow_code dr_quarantine_folders(const duckrow_db *db, char (**folders)[DR_STAGING_NAME], int *count, duckrow_error *error)
{
    return dr_staging_folders_in(db, DR_STAGING_QUARANTINE, folders, count, error);
}

static duckrow_code path_of(const duckrow_db *db, char path[PATH_MAX], const char *folder, const char *name, const char *ending,
                            duckrow_error *error)
{
    return dr_staging_path(db, path, error, DR_STAGING_QUARANTINE "/%s/%s%s", folder, name, ending);
}

duckrow_code dr_quarantine_list(const duckrow_db *db, const char *folder, struct dr_staged_file **files, int *count,
                                duckrow_error *error)
{
    char below[2 * DR_STAGING_NAME];
    int left;
    snprintf(below, sizeof below, DR_STAGING_QUARANTINE "/%s", folder);
    return dr_staging_list(db, below, INT_MAX, files, count, &left, error);
}

void dr_quarantine_reason(const duckrow_db *db, const char *folder, const char *name, char *reason, size_t size,
                          int64_t *since_ms)
{
    char path[PATH_MAX];
    struct stat st;
    *reason = 0;
    *since_ms = 0;
    int fd = path_of(db, path, folder, name, ".error", NULL) ? -1 : dr_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0)
        return;
    ssize_t length = dr_os.fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? dr_os.pread(fd, reason, size - 1, 0) : -1;
    dr_close(fd);
    if (length < 0)
        return;
    reason[length] = 0;
    /* "<name>: <reason>": a name may have lines of its own. */
    size_t n = strlen(name);
    if (strncmp(reason, name, n) == 0 && strncmp(reason + n, ": ", 2) == 0)
        memmove(reason, reason + n + 2, (size_t)length - n - 1);
    reason[strcspn(reason, "\n")] = 0;
    *since_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

/* A reason that stays is no failure: it is swept away. */
static void remove_reason(const duckrow_db *db, const char *folder, const char *name)
{
    char path[PATH_MAX];
    if (!path_of(db, path, folder, name, ".error", NULL))
        dr_os.unlink(path);
}

/* Between a look and a rename somebody may stage a file of that name: only the system can do both. Where it can't, or there is one, the name
 * is one that nobody has. */
duckrow_code dr_quarantine_retry(const duckrow_db *db, const char *folder, const char *name, int *gone, duckrow_error *error)
{
    char from[PATH_MAX], to[PATH_MAX], other[DR_STAGING_NAME];
    *gone = 0;
    duckrow_code code = dr_staging_make(db, folder, error);
    if (!code)
        code = path_of(db, from, folder, name, "", error);
    if (!code)
        code = dr_staging_path(db, to, error, "%s/%s", folder, name);
    if (code)
        return code;
    int moved = dr_os.rename_new(from, to);
    if (moved < 0 && (errno == EEXIST || errno == EINVAL || errno == ENOSYS)) {
        code = dr_staging_another_name(name, strlen(name), other, error);
        if (!code)
            code = dr_staging_path(db, to, error, "%s/%s", folder, other);
        if (code)
            return code;
        moved = dr_os.rename(from, to);
    }
    if (moved < 0) {
        *gone = errno == ENOENT;
        return *gone ? DUCKROW_OK : dr_fail_access(db, errno, from, error);
    }
    remove_reason(db, folder, name);
    return DUCKROW_OK;
}

duckrow_code dr_quarantine_drop(const duckrow_db *db, const char *folder, const char *name, int *gone, duckrow_error *error)
{
    char path[PATH_MAX];
    *gone = 0;
    duckrow_code code = path_of(db, path, folder, name, "", error);
    if (!code && dr_os.unlink(path) < 0) {
        *gone = errno == ENOENT;
        return *gone ? DUCKROW_OK : dr_fail_access(db, errno, path, error);
    }
    if (!code)
        remove_reason(db, folder, name);
    return code;
}
