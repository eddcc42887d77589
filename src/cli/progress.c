#include "progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/condition.h"
#include "core/os.h"

enum { FIRST_MS = 300, EVERY_MS = 200 };
#define ERASE "\r\033[K"

struct dr_progress {
    const char *what;
    int64_t total;
    dr_session *session;
    atomic_llong done;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ended;
};

static void show(struct dr_progress *progress)
{
    char line[128], percent[32] = "";
    long long done = progress->done, total = progress->total > done ? progress->total : done;
    double part = progress->session ? dr_session_progress(progress->session) : -1;
    if (part >= 0)
        snprintf(percent, sizeof percent, ", %s%.0f %%", total > 1 ? "the next " : "", part);
    int length = snprintf(line, sizeof line, ERASE "%s %lld of %lld file%s%s", progress->what, done, total, total == 1 ? "" : "s",
                          percent);
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        return;
}

/* What is done in less time isn't worth a line. */
static void *run(void *context)
{
    struct dr_progress *progress = context;
    int shown = 0;
    int64_t until = dr_clock_ms() + FIRST_MS;
    pthread_mutex_lock(&progress->lock);
    while (!progress->ended) {
        if (dr_condition_wait(&progress->changed, &progress->lock, until))
            continue;
        show(progress);
        shown = 1;
        until = dr_clock_ms() + EVERY_MS;
    }
    pthread_mutex_unlock(&progress->lock);
    if (shown && write(STDERR_FILENO, ERASE, sizeof ERASE - 1) < 0)
        return NULL;
    return NULL;
}

/* Signals are for the thread that waits. */
static int start(struct dr_progress *progress)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&progress->thread, NULL, run, progress);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static int is_wanted(const struct dr_options *options)
{
    const char *terminal = getenv("TERM");
    return !options->json && isatty(STDERR_FILENO) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

static void release(struct dr_progress *progress)
{
    pthread_cond_destroy(&progress->changed);
    pthread_mutex_destroy(&progress->lock);
    free(progress);
}

dr_progress *dr_progress_begin(const struct dr_options *options, const char *what, int64_t total, dr_session *session)
{
    struct dr_progress *progress = is_wanted(options) ? calloc(1, sizeof *progress) : NULL;
    if (!progress)
        return NULL;
    progress->what = what;
    progress->total = total;
    progress->session = session;
    pthread_mutex_init(&progress->lock, NULL);
    dr_condition_init(&progress->changed);
    if (session)
        dr_session_follow(session);
    if (start(progress) == 0)
        return progress;
    release(progress);
    return NULL;
}

void dr_progress_set(dr_progress *progress, int64_t done)
{
    if (progress)
        progress->done = done;
}

void dr_progress_end(dr_progress *progress)
{
    if (!progress)
        return;
    pthread_mutex_lock(&progress->lock);
    progress->ended = 1;
    pthread_cond_signal(&progress->changed);
    pthread_mutex_unlock(&progress->lock);
    pthread_join(progress->thread, NULL);
    release(progress);
}
