#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/os.h"
#include "core/space.h"
#include "signals.h"

enum { STRETCH = 64 << 20 };

void dr_folder_of(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    snprintf(folder, PATH_MAX, "%.*s", (int)(slash ? (length ? length : 1) : 1), slash ? path : ".");
}

duckrow_code dr_check_space(const char *path, int64_t bytes, duckrow_error *error)
{
    char folder[PATH_MAX], needed[32], free_space[32];
    dr_folder_of(path, folder);
    int fd = dr_open(folder, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return dr_fail_os(error, errno, "cannot use the folder %s", folder);
    int64_t left = dr_space_free(fd);
    dr_close(fd);
    if (left < 0 || left >= bytes)
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_DISK_FULL, "%s has %s free, and %s are needed: make room, nothing was changed", folder,
                   dr_space_text(left, free_space), dr_space_text(bytes, needed));
}

/* ---- what was left ---- */

/* Whoever makes it still has the lock. */
static int is_left(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int left = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (fd >= 0)
        close(fd);
    return left;
}

static int is_wal(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".wal") == 0;
}

int dr_making_leftovers(const char *target, const char *what, int count)
{
    char folder[PATH_MAX], prefix[PATH_MAX], path[PATH_MAX], wal[PATH_MAX + 8];
    const char *name = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
    int found = 0;
    dr_folder_of(target, folder);
    snprintf(prefix, sizeof prefix, "%s.duckrow-%s.", name, what);
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        const char *at = strstr(entry->d_name, prefix);
        if (!at || (*name && at != entry->d_name) || is_wal(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (!is_left(path))
            continue;
        found++;
        if (count)
            continue;
        /* The WAL first: without the file it would have no name to be found by. */
        snprintf(wal, sizeof wal, "%s.wal", path);
        unlink(wal);
        unlink(path);
    }
    if (entries)
        closedir(entries);
    return found;
}

/* ---- making ---- */

static int lock_new(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    /* Somebody who looked for leftovers may have been quicker. */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1)
        return fd;
    close(fd);
    unlink(path);
    errno = EAGAIN;
    return -1;
}

duckrow_code dr_making_open(struct dr_making *making, const char *target, const char *what, mode_t mode, int make,
                            duckrow_error *error)
{
    making->fd = -1;
    making->mode = mode & 0777;
    if (strlen(target) + 80 > PATH_MAX)
        return dr_fail(error, DUCKROW_USAGE, "the path is too long (%zu bytes): %.200s…", strlen(target), target);
    snprintf(making->target, sizeof making->target, "%s", target);
    dr_making_leftovers(target, what, 0);
    for (int i = 0; i < 100 && making->fd < 0; i++) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(making->path, sizeof making->path, "%s.duckrow-%s.%ld.%lx%09lx", target, what, (long)getpid(), (long)now.tv_sec,
                 now.tv_nsec);
        snprintf(making->wal, sizeof making->wal, "%.*s.wal", PATH_MAX - 8, making->path);
        if (!make)
            return DUCKROW_OK;
        making->fd = lock_new(making->path);
        if (making->fd < 0 && errno != EEXIST && errno != EAGAIN)
            break;
    }
    return making->fd < 0 ? dr_fail_os(error, errno, "cannot make %s", making->path) : DUCKROW_OK;
}

duckrow_code dr_making_adopt(struct dr_making *making, duckrow_error *error)
{
    making->fd = open(making->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (making->fd < 0 || flock(making->fd, LOCK_EX | LOCK_NB) < 0)
        return dr_fail_os(error, errno, "cannot lock %s", making->path);
    return DUCKROW_OK;
}

static duckrow_code check_wal(const struct dr_making *making, duckrow_error *error)
{
    struct stat st;
    if (stat(making->wal, &st) == 0 && st.st_size > 0)
        return dr_fail(error, DUCKROW_INTERNAL, "DuckDB left a WAL beside %s: it did not take the checkpoint", making->path);
    if (unlink(making->wal) < 0 && errno != ENOENT)
        return dr_fail_os(error, errno, "cannot remove %s", making->wal);
    return DUCKROW_OK;
}

static duckrow_code sync_folder(const char *target, duckrow_error *error)
{
    char folder[PATH_MAX];
    dr_folder_of(target, folder);
    /* Some file systems don't sync folders. */
    int failed = dr_sync_folder(folder) < 0 && errno != EINVAL;
    return failed ? dr_fail_os(error, errno, "cannot sync the folder %s", folder) : DUCKROW_OK;
}

/* Without replacing: in one step where the file system can. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (link(from, to) < 0)
        return -1;
    return unlink(from);
}

/* Where somebody removed it, DuckDB has made an empty one in its place. */
static duckrow_code check_same(const struct dr_making *making, duckrow_error *error)
{
    struct stat named, opened;
    if (stat(making->path, &named) == 0 && fstat(making->fd, &opened) == 0 && named.st_ino == opened.st_ino &&
        named.st_dev == opened.st_dev)
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_IO, "%s was removed or replaced meanwhile: try again", making->path);
}

duckrow_code dr_making_finish(struct dr_making *making, int replace, duckrow_error *error)
{
    duckrow_code code = check_same(making, error);
    if (!code)
        code = check_wal(making, error);
    if (code)
        return code;
    if (fchmod(making->fd, making->mode) < 0)
        return dr_fail_os(error, errno, "cannot set the mode of %s", making->path);
    if (fsync(making->fd) < 0)
        return dr_fail_os(error, errno, "cannot sync %s", making->path);
    if ((replace ? rename(making->path, making->target) : rename_new(making->path, making->target)) < 0)
        return errno == EEXIST ? dr_fail(error, DUCKROW_USAGE, "%s exists: --force replaces it", making->target)
                               : dr_fail_os(error, errno, "cannot rename %s to %s", making->path, making->target);
    making->path[0] = 0;
    return sync_folder(making->target, error);
}

void dr_making_close(struct dr_making *making)
{
    if (making->path[0]) {
        unlink(making->wal);
        unlink(making->path);
    }
    if (making->fd >= 0)
        close(making->fd);
    making->path[0] = 0;
    making->fd = -1;
}

/* ---- bytes ---- */

static duckrow_code copy_stretch(int from, int to, off_t start, off_t end, const char *target, duckrow_error *error)
{
    off_t in = start, out = start;
    while (in < end) {
        if (dr_signals_received())
            return dr_fail(error, DUCKROW_INTERRUPTED, "interrupted");
        off_t stop = end - in < STRETCH ? end : in + STRETCH;
        ssize_t n = dr_os.copy_range(from, &in, to, &out, (size_t)(stop - in));
        if (n > 0 || (n < 0 && errno == EINTR))
            continue;
        if (n < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
            return dr_fail_os(error, errno, "cannot write %s", target);
        char buffer[65536];
        size_t size = stop - in < (off_t)sizeof buffer ? (size_t)(stop - in) : sizeof buffer;
        if (dr_read_at(from, buffer, size, in) < 0)
            return dr_fail_os(error, errno, "cannot read the database");
        if (dr_write_at(to, buffer, size, out) < 0)
            return dr_fail_os(error, errno, "cannot write %s", target);
        in += (off_t)size;
        out += (off_t)size;
    }
    return DUCKROW_OK;
}

/* Holes stay holes: blocks that are free are not in the snapshot. */
duckrow_code dr_copy_bytes(int from, int to, int64_t length, const char *target, duckrow_error *error)
{
    off_t data = 0, hole = 0;
    if (dr_os.ftruncate(to, length) < 0)
        return dr_fail_os(error, errno, "cannot write %s", target);
    while (hole < length && (data = lseek(from, hole, SEEK_DATA)) >= 0 && data < length) {
        hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0 || hole > length)
            hole = length;
        duckrow_code code = copy_stretch(from, to, data, hole, target, error);
        if (code)
            return code;
    }
    if (data < 0 && errno != ENXIO)
        return copy_stretch(from, to, hole, length, target, error);
    return DUCKROW_OK;
}
