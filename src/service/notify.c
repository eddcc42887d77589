#include "notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or @ and a name that is in no file system. The length of *address, 0 where it is neither. */
static socklen_t address_of(const char *name, struct sockaddr_un *address)
{
    size_t n = strlen(name);
    if ((*name != '/' && *name != '@') || n >= sizeof address->sun_path)
        return 0;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, n);
    if (*name == '@')
        address->sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*name == '/'));
}

static int tell(const char *state, int flags)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    if (!name || !*name)
        return 0;
    socklen_t length = address_of(name, &address);
    if (!length) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    ssize_t n = sendto(fd, state, strlen(state), MSG_NOSIGNAL | flags, (struct sockaddr *)&address, length);
    int saved = errno;
    close(fd);
    errno = saved;
    return n < 0 ? -1 : 1;
}

int dr_notify(const char *state)
{
    return tell(state, 0);
}

int dr_notify_status(const char *format, ...)
{
    char state[DUCKROW_MESSAGE_SIZE] = "STATUS=";
    size_t n = strlen(state);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(state + n, sizeof state - n, format, arguments);
    va_end(arguments);
    for (char *c = state; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    return tell(state, MSG_DONTWAIT);
}
