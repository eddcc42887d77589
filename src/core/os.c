#include "os.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Descriptors that a forked child must close. Guarded by `guard`, which fork() takes so that the child finds it consistent. */
static struct {
    pthread_mutex_t guard;
    int *fds;
    size_t count, room;
    unsigned forks;
    void (*forget[4])(void);
    size_t forgets;
} opened = {.guard = PTHREAD_MUTEX_INITIALIZER};

static void before_fork(void)
{
    pthread_mutex_lock(&opened.guard);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&opened.guard);
}

static void after_fork_in_child(void)
{
    for (size_t i = 0; i < opened.count; i++)
        close(opened.fds[i]);
    opened.count = 0;
    opened.forks++;
    pthread_mutex_unlock(&opened.guard);
    for (size_t i = 0; i < opened.forgets; i++)
        opened.forget[i]();
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static pthread_once_t watched = PTHREAD_ONCE_INIT;

void dr_at_fork_child(void (*forget)(void))
{
    pthread_once(&watched, watch_forks);
    pthread_mutex_lock(&opened.guard);
    if (opened.forgets < sizeof opened.forget / sizeof *opened.forget)
        opened.forget[opened.forgets++] = forget;
    pthread_mutex_unlock(&opened.guard);
}

unsigned dr_fork_count(void)
{
    return opened.forks;
}

int dr_open(const char *path, int flags, mode_t mode)
{
    pthread_once(&watched, watch_forks);
    pthread_mutex_lock(&opened.guard);
    int fd = -1;
    if (opened.count == opened.room) {
        size_t room = opened.room ? opened.room * 2 : 32;
        int *fds = realloc(opened.fds, room * sizeof *fds);
        if (!fds) {
            pthread_mutex_unlock(&opened.guard);
            errno = ENOMEM;
            return -1;
        }
        opened.fds = fds;
        opened.room = room;
    }
    do
        fd = dr_os.open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    if (fd >= 0)
        opened.fds[opened.count++] = fd;
    int saved = errno;
    pthread_mutex_unlock(&opened.guard);
    errno = saved;
    return fd;
}

static void strike_out(int fd)
{
    for (size_t i = opened.count; i-- > 0;)
        if (opened.fds[i] == fd) {
            opened.fds[i] = opened.fds[--opened.count];
            break;
        }
}

int dr_sync_folder(const char *path)
{
    int fd = dr_open(path, O_RDONLY | O_DIRECTORY, 0);
    int result = fd < 0 ? -1 : dr_os.sync(fd);
    dr_close(fd);
    return result;
}

void dr_close_slowly(int fd)
{
    pthread_mutex_lock(&opened.guard);
    strike_out(fd);
    pthread_mutex_unlock(&opened.guard);
    dr_os.close(fd);
}

void dr_close(int fd)
{
    if (fd < 0)
        return;
    int saved = errno;
    pthread_mutex_lock(&opened.guard);
    strike_out(fd);
    dr_os.close(fd);
    pthread_mutex_unlock(&opened.guard);
    errno = saved;
}

int dr_read_at(int fd, void *data, size_t size, int64_t offset)
{
    char *to = data;
    while (size) {
        ssize_t n = dr_os.pread(fd, to, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENODATA;
        if (n <= 0)
            return -1;
        to += n;
        size -= (size_t)n;
        offset += n;
    }
    return 0;
}

int dr_write_at(int fd, const void *data, size_t size, int64_t offset)
{
    const char *from = data;
    while (size) {
        ssize_t n = dr_os.pwrite(fd, from, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return -1;
        from += n;
        size -= (size_t)n;
        offset += n;
    }
    return 0;
}
