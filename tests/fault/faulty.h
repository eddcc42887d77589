/* The system's calls with the nth of them failing, with any errno, falling short, or killing the process. */
#ifndef FAULTY_H
#define FAULTY_H

#include <errno.h>
#include <signal.h>

#include "core/os.h"

enum { SHORT = -1, KILL = -2 };

static struct dr_os_table real;
static int calls, fail_at, fault;

/* 1: fail now, with errno. */
static int now(void)
{
    if (++calls != fail_at)
        return 0;
    if (fault == KILL)
        raise(SIGKILL);
    errno = fault;
    return fault > 0;
}

#define FAULTY(type, name, parameters, arguments)                                                                                \
    static type faulty_##name parameters                                                                                         \
    {                                                                                                                            \
        return now() ? -1 : real.name arguments;                                                                                 \
    }
FAULTY(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode))
FAULTY(int, stat, (const char *path, struct stat *st), (path, st))
FAULTY(int, lstat, (const char *path, struct stat *st), (path, st))
FAULTY(int, fstat, (int fd, struct stat *st), (fd, st))
FAULTY(int, ftruncate, (int fd, off_t size), (fd, size))
FAULTY(int, fchmod, (int fd, mode_t mode), (fd, mode))
FAULTY(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
FAULTY(int, mkdir, (const char *path, mode_t mode), (path, mode))
FAULTY(int, rmdir, (const char *path), (path))
FAULTY(int, unlink, (const char *path), (path))
FAULTY(int, rename, (const char *from, const char *to), (from, to))
FAULTY(int, rename_new, (const char *from, const char *to), (from, to))
FAULTY(int, symlink, (const char *target, const char *path), (target, path))
FAULTY(ssize_t, readlink, (const char *path, char *target, size_t size), (path, target, size))
FAULTY(int, clone, (int to, int from), (to, from))

static int faulty_lock(int fd, int command, struct flock *lock)
{
    /* Unlocking does not fail. */
    return now() && lock->l_type != F_UNLCK ? -1 : real.lock(fd, command, lock);
}

static int faulty_close(int fd)
{
    int failed = now();
    int result = real.close(fd);
    if (failed)
        errno = fault;
    return failed ? -1 : result;
}

static size_t shortened(size_t size)
{
    return calls == fail_at && fault == SHORT && size > 1 ? size / 2 : size;
}

static ssize_t faulty_pread(int fd, void *data, size_t size, off_t offset)
{
    return now() ? -1 : real.pread(fd, data, shortened(size), offset);
}

static ssize_t faulty_pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return now() ? -1 : real.pwrite(fd, data, shortened(size), offset);
}

static ssize_t faulty_copy_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t size)
{
    return now() ? -1 : real.copy_range(from, from_offset, to, to_offset, shortened(size));
}

FAULTY(int, space, (int fd, struct statvfs *space), (fd, space))
FAULTY(int, sync, (int fd), (fd))
FAULTY(int, write_back, (int fd), (fd))

static void arm(int n, int how)
{
    calls = 0;
    fail_at = n;
    fault = how;
    dr_os =
        (struct dr_os_table){faulty_open,   faulty_close,      faulty_pread,      faulty_pwrite,  faulty_stat,      faulty_lstat,
                             faulty_fstat,  faulty_ftruncate,  faulty_fchmod,     faulty_fchown,  faulty_mkdir,     faulty_rmdir,
                             faulty_unlink, faulty_rename,     faulty_rename_new, faulty_symlink, faulty_readlink,  faulty_lock,
                             faulty_clone,  faulty_copy_range, faulty_space,      faulty_sync,    faulty_write_back};
}

#endif
