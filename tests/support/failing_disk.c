/* LD_PRELOAD: writes to some files fail while a file is there that says so.
 *
 * FAILING_DISK names that file. It holds a line, "CALL PATTERN ERRNO": CALL is write, sync or truncate, PATTERN (fnmatch) says which
 * files are meant, ERRNO is a number. An empty file, or none: all goes well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static int is_meant(int fd, const char *pattern)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    path[size < 0 ? 0 : size] = 0;
    return fnmatch(pattern, path, 0) == 0;
}

/* 0: it goes well; else errno. */
static int fails(int fd, const char *call)
{
    char text[256] = "", wanted[32], pattern[128];
    int number;
    const char *path = getenv("FAILING_DISK");
    int control = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (control < 0)
        return 0;
    ssize_t size = read(control, text, sizeof text - 1);
    close(control);
    if (size <= 0 || sscanf(text, "%31s %127s %d", wanted, pattern, &number) != 3)
        return 0;
    return strcmp(wanted, call) == 0 && is_meant(fd, pattern) ? number : 0;
}

#define FAILING(type, name, call, parameters, arguments, ...)                                                                    \
    type name parameters                                                                                                         \
    {                                                                                                                            \
        int number = fails(fd, call);                                                                                            \
        if (number) {                                                                                                            \
            errno = number;                                                                                                      \
            return -1;                                                                                                           \
        }                                                                                                                        \
        return REAL(type, #name, __VA_ARGS__) arguments;                                                                         \
    }
FAILING(ssize_t, write, "write", (int fd, const void *data, size_t size), (fd, data, size), int, const void *, size_t)
FAILING(ssize_t, pwrite, "write", (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), int, const void *,
        size_t, off_t)
FAILING(ssize_t, pwrite64, "write", (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), int, const void *,
        size_t, off64_t)
FAILING(int, fsync, "sync", (int fd), (fd), int)
FAILING(int, fdatasync, "sync", (int fd), (fd), int)
FAILING(int, ftruncate, "truncate", (int fd, off_t size), (fd, size), int, off_t)
FAILING(int, ftruncate64, "truncate", (int fd, off64_t size), (fd, size), int, off64_t)
