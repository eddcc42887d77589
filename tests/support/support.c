#include "support.h"

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 256 };

static char *folders[MOST];
static pid_t children[MOST];
static pid_t owner;

int scaled(int full, int brief)
{
    const char *soak = getenv("DUCKROW_SOAK");
    return soak && *soak && strcmp(soak, "0") ? full : brief;
}

/* ---- the end of the test program ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(path);
}

static void clean_up(void)
{
    if (getpid() != owner)
        return;
    for (int i = 0; i < MOST; i++)
        if (children[i] > 0 && kill(children[i], SIGKILL) == 0)
            waitpid(children[i], NULL, 0);
    for (int i = 0; i < MOST && folders[i]; i++)
        nftw(folders[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void clean_up_later(void)
{
    if (owner)
        return;
    owner = getpid();
    atexit(clean_up);
}

/* ---- folders ---- */

const char *temp_folder(void)
{
    clean_up_later();
    const char *base = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/duckrow-test-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(path))
        fail_msg("cannot make %s", path);
    for (int i = 0; i < MOST; i++)
        if (!folders[i])
            return folders[i] = strdup(path);
    fail_msg("more than %d folders", MOST);
    return NULL;
}

static int remove_below(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)type;
    return walk->level ? remove(path) : 0;
}

void empty_folder(const char *folder)
{
    if (nftw(folder, remove_below, 16, FTW_DEPTH | FTW_PHYS))
        fail_msg("cannot empty %s", folder);
}

const char *path_in(const char *folder, const char *name)
{
    static char paths[8][4096];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* ---- time ---- */

int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* ---- children ---- */

child child_start(int (*body)(int channel, void *context), void *context)
{
    clean_up_later();
    int ends[2], slot = 0;
    while (slot < MOST && children[slot])
        slot++;
    if (slot == MOST || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        fail_msg("cannot start a child");
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        close(ends[0]);
        _exit(body(ends[1], context));
    }
    close(ends[1]);
    if (pid < 0)
        fail_msg("cannot fork");
    children[slot] = pid;
    return (child){pid, ends[0]};
}

void child_signal(const child *c, int signal)
{
    if (c->pid > 0)
        kill(c->pid, signal);
}

int child_wait(child *c, int ms)
{
    int status = 0;
    pid_t ended = 0;
    for (int64_t until = clock_ms() + ms; (ended = waitpid(c->pid, &status, WNOHANG)) == 0 && clock_ms() <= until;)
        sleep_ms(1);
    if (ended == 0)
        fail_msg("process %d has not ended within %d ms", (int)c->pid, ms);
    for (int i = 0; i < MOST; i++)
        if (children[i] == c->pid)
            children[i] = 0;
    close(c->channel);
    *c = (child){0, -1};
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int channel_send(int channel, char what)
{
    return send(channel, &what, 1, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

int channel_receive(int channel, int ms)
{
    char what;
    struct pollfd ready = {.fd = channel, .events = POLLIN};
    return poll(&ready, 1, ms) == 1 && recv(channel, &what, 1, 0) == 1 ? (unsigned char)what : -1;
}
