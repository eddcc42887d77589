/* The one door to the operating system.
 *
 * Every system call that can fail in an interesting way goes through the table `dr_os`, so that a test can make the nth call
 * fail with any errno or kill the process there. What only Linux has (OFD locks, /proc, FICLONE) stays in os_linux.c.
 *
 * Descriptors are opened close-on-exec and kept in a list: a forked child inherits them, and with them the open file
 * descriptions that carry locks, so the child closes them at once, without unlocking (pthread_atfork).
 *
 * Locks are OFD locks unless a name says posix. They belong to the open file description: closing another descriptor of the
 * same file drops nothing, and two turns of one process exclude each other. */
#ifndef DR_OS_H
#define DR_OS_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "error.h"

struct dr_os_table {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*pread)(int fd, void *data, size_t size, off_t offset);
    ssize_t (*pwrite)(int fd, const void *data, size_t size, off_t offset);
    int (*stat)(const char *path, struct stat *st);
    int (*lstat)(const char *path, struct stat *st);
    int (*fstat)(int fd, struct stat *st);
    int (*ftruncate)(int fd, off_t size);
    int (*fchmod)(int fd, mode_t mode);
    int (*fchown)(int fd, uid_t user, gid_t group);
    int (*mkdir)(const char *path, mode_t mode);
    int (*rmdir)(const char *path);
    int (*unlink)(const char *path);
    int (*rename)(const char *from, const char *to);
    int (*rename_new)(const char *from,
                      const char *to); /* EEXIST where there is something; EINVAL, ENOSYS: the system can't tell */
    int (*symlink)(const char *target, const char *path);
    ssize_t (*readlink)(const char *path, char *target, size_t size);
    int (*lock)(int fd, int command, struct flock *lock);
    int (*clone)(int to, int from);
    ssize_t (*copy_range)(int from, off_t *from_offset, int to, off_t *to_offset, size_t size);
    int (*space)(int fd, struct statvfs *space);
    int (*sync)(int fd);
    int (*write_back)(int fd); /* what is in memory only is given to the disk, not more; -1 where that can't be asked for */
};
extern struct dr_os_table dr_os;

/* ---- descriptors ---- */

/* open(2) with O_CLOEXEC, entered in the list; -1 with errno. */
int dr_open(const char *path, int flags, mode_t mode);
void dr_close(int fd);
/* Of a file without locks, whose last descriptor it may be: nobody else's dr_open waits for it. */
void dr_close_slowly(int fd);
/* Whole reads and writes: 0, or -1 with errno (a read past the end is -1 with errno 0 → ENODATA). */
int dr_read_at(int fd, void *data, size_t size, int64_t offset);
int dr_write_at(int fd, const void *data, size_t size, int64_t offset);
/* What was made, renamed or removed in a folder is there to stay: 0, or -1 with errno. */
int dr_sync_folder(const char *path);
/* Counts forks seen by this process: a handle made before a fork belongs to the parent. */
unsigned dr_fork_count(void);
/* Called in the child after a fork, once its descriptors are closed. */
void dr_at_fork_child(void (*forget)(void));

/* ---- locks ---- */

/* 0 when taken; -1 with errno EAGAIN when somebody has it. length 0: to the end of the file and beyond. */
int dr_lock_try(int fd, short type, int64_t start, int64_t length);
void dr_unlock(int fd, int64_t start, int64_t length);
/* Who stands in the way of such a lock? 1 and *found, 0 for nobody, -1 with errno. found->l_pid: -1 for an OFD lock. */
int dr_lock_test(int fd, short type, int64_t start, int64_t length, struct flock *found);
int dr_posix_lock_try(int fd, short type);
void dr_posix_unlock(int fd);
/* What may end a wait: asked is called when a signal has disturbed it, and may be NULL; fd can be read, -1: none. */
struct dr_interrupt {
    int (*asked)(void *context);
    void *context;
    int fd;
};
/* Waits in the kernel until deadline (dr_clock_ms). 0 when taken; -1 with errno ETIMEDOUT or EINTR (interrupted).
 * No signal is used: a helper thread blocks in fcntl and is cancelled at the deadline. */
int dr_lock_wait(int fd, short type, int64_t start, int64_t length, int64_t deadline, const struct dr_interrupt *interrupt);

/* ---- time, machine, processes ---- */

int64_t dr_clock_ms(void);    /* since boot, including sleep; never jumps */
int64_t dr_calendar_ms(void); /* since 1970; for people */
const char *dr_boot_id(void); /* 36 characters; "" when the system doesn't say */
/* Fills in command, started and since_at (now) for a process; -1 when there is no such process or it can't be seen. */
int dr_process_describe(int64_t pid, duckrow_process *process);
char dr_process_state(int64_t pid); /* as in proc(5): 'T' is stopped; 0 when not seen */
/* Descriptors of this process on the file st, besides `except`. */
int dr_open_descriptors(const struct stat *st, int except);
/* Processes that have the file st open; returns how many were written to found[]. Sees what permissions allow. */
int dr_file_users(const struct stat *st, duckrow_process *found, int most);
/* Is fd on a file system whose locks reach other machines' processes unreliably, or not at all? Its name, or NULL. */
const char *dr_network_file_system(int fd);
/* Is this path itself mounted (a bind mount of a single file)? */
int dr_is_mount_point(const char *path);

#endif
