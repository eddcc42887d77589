#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "os.h"

static int os_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags, mode);
}

static int os_lock(int fd, int command, struct flock *lock)
{
    return fcntl(fd, command, lock);
}

static int os_clone(int to, int from)
{
    return ioctl(to, FICLONE, from);
}

static int os_rename_new(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

static ssize_t os_copy_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t size)
{
    return copy_file_range(from, from_offset, to, to_offset, size, 0);
}

static int os_write_back(int fd)
{
    return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

struct dr_os_table dr_os = {
    .open = os_open,
    .close = close,
    .pread = pread,
    .pwrite = pwrite,
    .stat = stat,
    .lstat = lstat,
    .fstat = fstat,
    .ftruncate = ftruncate,
    .fchmod = fchmod,
    .fchown = fchown,
    .mkdir = mkdir,
    .rmdir = rmdir,
    .unlink = unlink,
    .rename = rename,
    .rename_new = os_rename_new,
    .symlink = symlink,
    .readlink = readlink,
    .lock = os_lock,
    .clone = os_clone,
    .copy_range = os_copy_range,
    .space = fstatvfs,
    .sync = fsync,
    .write_back = os_write_back,
};

/* ---- locks ---- */

static struct flock range(short type, int64_t start, int64_t length)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

static int lock(int fd, int command, short type, int64_t start, int64_t length)
{
    struct flock wanted = range(type, start, length);
    int result;
    do
        result = dr_os.lock(fd, command, &wanted);
    while (result < 0 && errno == EINTR);
    if (result < 0 && errno == EACCES)
        errno = EAGAIN;
    return result;
}

int dr_lock_try(int fd, short type, int64_t start, int64_t length)
{
    return lock(fd, F_OFD_SETLK, type, start, length);
}

void dr_unlock(int fd, int64_t start, int64_t length)
{
    int saved = errno;
    lock(fd, F_OFD_SETLK, F_UNLCK, start, length);
    errno = saved;
}

int dr_lock_test(int fd, short type, int64_t start, int64_t length, struct flock *found)
{
    *found = range(type, start, length);
    if (dr_os.lock(fd, F_OFD_GETLK, found) < 0)
        return -1;
    return found->l_type != F_UNLCK;
}

int dr_posix_lock_try(int fd, short type)
{
    return lock(fd, F_SETLK, type, 0, 0);
}

void dr_posix_unlock(int fd)
{
    int saved = errno;
    lock(fd, F_SETLK, F_UNLCK, 0, 0);
    errno = saved;
}

struct waiter {
    struct flock wanted;
    int fd, wake, result, error;
};

/* Blocks in the kernel for the lock. Only fcntl is a cancellation point; whatever happens after it is told. */
static void *wait_for_lock(void *argument)
{
    struct waiter *waiter = argument;
    int result = dr_os.lock(waiter->fd, F_OFD_SETLKW, &waiter->wanted);
    int error = errno, ignored;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
    waiter->result = result;
    waiter->error = error;
    uint64_t one = 1;
    while (write(waiter->wake, &one, sizeof one) < 0 && errno == EINTR) {
    }
    return NULL;
}

/* Waits for the helper. 0: it has told its result; otherwise the errno to give up with. */
static int watch_waiter(struct waiter *waiter, int64_t deadline, const struct dr_interrupt *interrupt)
{
    for (;;) {
        int64_t left = deadline - dr_clock_ms();
        if (left <= 0)
            return ETIMEDOUT;
        struct pollfd wake[] = {{.fd = waiter->wake, .events = POLLIN}, {.fd = interrupt->fd, .events = POLLIN}};
        struct timespec limit = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
        int n = ppoll(wake, 2, &limit, NULL);
        if (n > 0)
            return wake[0].revents ? 0 : EINTR;
        if (n < 0 && errno != EINTR)
            return errno;
        if (n < 0 && interrupt->asked && interrupt->asked(interrupt->context))
            return EINTR;
    }
}

int dr_lock_wait(int fd, short type, int64_t start, int64_t length, int64_t deadline, const struct dr_interrupt *interrupt)
{
    if (dr_lock_try(fd, type, start, length) == 0)
        return 0;
    if (errno != EAGAIN)
        return -1;
    if (dr_clock_ms() >= deadline) {
        errno = ETIMEDOUT;
        return -1;
    }
    struct waiter waiter = {.wanted = range(type, start, length), .fd = fd, .result = -1, .error = ETIMEDOUT};
    waiter.wake = eventfd(0, EFD_CLOEXEC);
    if (waiter.wake < 0)
        return -1;
    /* The helper must not run the program's signal handlers, nor take signals meant for its threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 * 1024);
    pthread_t helper;
    int error = pthread_create(&helper, &small, wait_for_lock, &waiter);
    pthread_attr_destroy(&small);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        close(waiter.wake);
        errno = error;
        return -1;
    }
    error = watch_waiter(&waiter, deadline, interrupt);
    if (error)
        pthread_cancel(helper);
    void *ended;
    pthread_join(helper, &ended);
    close(waiter.wake);
    if (ended == PTHREAD_CANCELED) {
        /* It may have been cancelled between the kernel's grant and the return. */
        dr_unlock(fd, start, length);
        errno = error;
        return -1;
    }
    if (waiter.result == 0 && error != EINTR)
        return 0;
    if (waiter.result == 0)
        dr_unlock(fd, start, length);
    errno = error ? error : waiter.error;
    return -1;
}

/* ---- time and machine ---- */

static int64_t clock_in_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t dr_clock_ms(void)
{
    return clock_in_ms(CLOCK_BOOTTIME);
}

int64_t dr_calendar_ms(void)
{
    return clock_in_ms(CLOCK_REALTIME);
}

static char boot_id[40];

static void read_boot_id(void)
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file)
        return;
    if (!fgets(boot_id, sizeof boot_id, file))
        boot_id[0] = 0;
    boot_id[strcspn(boot_id, "\n")] = 0;
    fclose(file);
}

const char *dr_boot_id(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_boot_id);
    return boot_id;
}

/* ---- processes ---- */

static ssize_t read_proc(int64_t pid, const char *name, char *data, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/%s", (long long)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, data, size - 1);
    close(fd);
    if (n >= 0)
        data[n] = 0;
    return n;
}

/* The fields of /proc/PID/stat after the name, which may itself hold blanks and parentheses. */
static const char *stat_fields(int64_t pid, char *data, size_t size)
{
    if (read_proc(pid, "stat", data, size) <= 0)
        return NULL;
    char *end = strrchr(data, ')');
    return end && end[1] == ' ' ? end + 2 : NULL;
}

char dr_process_state(int64_t pid)
{
    char data[1024];
    const char *fields = stat_fields(pid, data, sizeof data);
    return fields ? *fields : 0;
}

int dr_process_describe(int64_t pid, duckrow_process *process)
{
    char data[1024];
    const char *field = stat_fields(pid, data, sizeof data);
    if (!field)
        return -1;
    for (int i = 3; i < 22 && field; i++)
        if ((field = strchr(field, ' ')))
            field++;
    process->pid = pid;
    process->started = field ? strtoll(field, NULL, 10) : 0;
    process->since_at = dr_calendar_ms();
    char line[DUCKROW_COMMAND_SIZE];
    ssize_t n = read_proc(pid, "cmdline", line, sizeof line);
    if (n <= 0) {
        n = read_proc(pid, "comm", line, sizeof line);
        if (n < 0)
            n = 0;
    }
    while (n > 0 && (line[n - 1] == 0 || line[n - 1] == '\n'))
        n--;
    for (ssize_t i = 0; i < n; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 127)
            line[i] = ' ';
    line[n] = 0;
    memcpy(process->command, line, sizeof line);
    return 0;
}

int dr_open_descriptors(const struct stat *st, int except)
{
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat other;
        int fd = atoi(entry->d_name);
        if (isdigit((unsigned char)entry->d_name[0]) && fd != except && fd != dirfd(folder) && fstat(fd, &other) == 0)
            count += other.st_dev == st->st_dev && other.st_ino == st->st_ino;
    }
    closedir(folder);
    return count;
}

static int process_has_file(const char *pid, const struct stat *st)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    int has = 0;
    for (struct dirent *entry; !has && (entry = readdir(folder));) {
        struct stat other;
        has = fstatat(dirfd(folder), entry->d_name, &other, 0) == 0 && other.st_dev == st->st_dev && other.st_ino == st->st_ino;
    }
    closedir(folder);
    return has;
}

int dr_file_users(const struct stat *st, duckrow_process *found, int most)
{
    DIR *folder = opendir("/proc");
    if (!folder)
        return 0;
    int count = 0;
    for (struct dirent *entry; count < most && (entry = readdir(folder));)
        if (isdigit((unsigned char)entry->d_name[0]) && process_has_file(entry->d_name, st))
            count += dr_process_describe(atoll(entry->d_name), &found[count]) == 0;
    closedir(folder);
    return count;
}

/* ---- file systems ---- */

const char *dr_network_file_system(int fd)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return NULL;
    switch ((unsigned long)fs.f_type) {
    case 0x6969:
        return "NFS";
    case 0x517B:
    case 0xFE534D42:
    case 0xFF534D42:
        return "SMB";
    case 0x01021997:
        return "9p";
    case 0x65735546:
        return "FUSE or virtiofs";
    case 0x5346414F:
        return "AFS";
    case 0x00C36400:
        return "Ceph";
    default:
        return NULL;
    }
}

/* Kernels before 5.8 don't tell by statx. */
static int is_listed_mount(const char *path)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file)
        return 0;
    char *line = NULL;
    size_t room = 0;
    int found = 0;
    while (!found && getline(&line, &room, file) > 0) {
        char *field = line;
        for (int i = 0; i < 4 && field; i++)
            if ((field = strchr(field, ' ')))
                field++;
        if (!field)
            continue;
        /* Blanks and the like are written as \ooo. */
        char *to = field, *from = field;
        for (; *from && *from != ' '; to++)
            if (from[0] == '\\' && isdigit((unsigned char)from[1]) && from[2] && from[3]) {
                *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
                from += 4;
            } else {
                *to = *from++;
            }
        *to = 0;
        found = strcmp(field, path) == 0;
    }
    free(line);
    fclose(file);
    return found;
}

int dr_is_mount_point(const char *path)
{
    struct statx found;
    if (statx(AT_FDCWD, path, 0, 0, &found) == 0 && found.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
        return (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    return is_listed_mount(path);
}
