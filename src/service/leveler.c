#include "leveler.h"

#include <stdlib.h>
#include <time.h>

#include "core/ahead.h"
#include "core/condition.h"
#include "host.h"

struct dr_leveler {
    struct dr_host *host;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    int started, stopping, woken;
    pthread_mutex_t levels; /* one at a time */
    int64_t due[DR_DATABASES]; /* the thread's own */
};

/* `levels` is held. Returns as dr_ahead_begin. */
static int64_t level(struct dr_leveler *leveler, int i, int guess)
{
    struct dr_served *served = &leveler->host->served[i];
    dr_fair_lock_take(&served->commit);
    int64_t wait = served->away ? DR_AHEAD_NOTHING : dr_ahead_begin(served->turn, guess);
    dr_fair_lock_release(&served->commit);
    if (wait == DR_AHEAD_COPY) {
        dr_ahead_copy(served->turn);
        dr_fair_lock_take(&served->commit);
        dr_ahead_end(served->turn);
        dr_fair_lock_release(&served->commit);
    }
    dr_ahead_tidy(served->turn);
    return wait;
}

/* Waits until there is something to do. 0: for the service is leaving. */
static int rest(struct dr_leveler *leveler)
{
    int64_t until = INT64_MAX;
    for (int i = 0; i < leveler->host->databases; i++)
        until = leveler->due[i] < until ? leveler->due[i] : until;
    pthread_mutex_lock(&leveler->mutex);
    while (!leveler->stopping && !leveler->woken) {
        if (until == INT64_MAX)
            pthread_cond_wait(&leveler->moved, &leveler->mutex);
        else if (!dr_condition_wait(&leveler->moved, &leveler->mutex, until))
            break;
    }
    for (int i = 0; i < leveler->host->databases && leveler->woken; i++)
        leveler->due[i] = 0;
    leveler->woken = 0;
    int goes_on = !leveler->stopping;
    pthread_mutex_unlock(&leveler->mutex);
    return goes_on;
}

static void *work(void *argument)
{
    struct dr_leveler *leveler = argument;
    while (rest(leveler)) {
        for (int i = 0; i < leveler->host->databases; i++) {
            if (leveler->due[i] > dr_clock_ms())
                continue;
            pthread_mutex_lock(&leveler->levels);
            int64_t wait = level(leveler, i, 0);
            pthread_mutex_unlock(&leveler->levels);
            leveler->due[i] = wait > 0 ? dr_clock_ms() + wait : INT64_MAX;
        }
    }
    return NULL;
}

duckrow_code dr_leveler_open(struct dr_host *host, struct dr_leveler **out, duckrow_error *error)
{
    struct dr_leveler *leveler = *out = calloc(1, sizeof *leveler);
    duckrow_code code = leveler ? DUCKROW_OK : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    if (code)
        return code;
    leveler->host = host;
    pthread_mutex_init(&leveler->mutex, NULL);
    pthread_mutex_init(&leveler->levels, NULL);
    dr_condition_init(&leveler->moved);
    for (int i = 0; i < host->databases && !code; i++)
        code = dr_ahead_open(host->served[i].turn, error);
    leveler->started = !code && pthread_create(&leveler->thread, NULL, work, leveler) == 0;
    return code || leveler->started ? code : dr_fail(error, DUCKROW_NO_MEMORY, "cannot start a thread");
}

void dr_leveler_close(struct dr_leveler *leveler)
{
    if (!leveler)
        return;
    pthread_mutex_lock(&leveler->mutex);
    leveler->stopping = 1;
    pthread_cond_signal(&leveler->moved);
    pthread_mutex_unlock(&leveler->mutex);
    for (int i = 0; i < leveler->host->databases; i++)
        dr_leveler_stop(leveler->host, i);
    if (leveler->started)
        pthread_join(leveler->thread, NULL);
    for (int i = 0; i < leveler->host->databases; i++)
        dr_ahead_close(leveler->host->served[i].turn);
    pthread_mutex_destroy(&leveler->mutex);
    pthread_mutex_destroy(&leveler->levels);
    pthread_cond_destroy(&leveler->moved);
    free(leveler);
}

/* A slot that is being made may take long, and whoever wants to be alone at the gate waits for this transaction. */
static int take_levels(struct dr_leveler *leveler)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    return pthread_mutex_timedlock(&leveler->levels, &until) == 0;
}

void dr_leveler_guess(struct dr_host *host, int i)
{
    const struct duckrow_turn *turn = host->served[i].turn;
    if (!host->leveler || !turn->source)
        return;
    /* Or COMMIT would have the disk take all of it while everybody waits. */
    dr_os.write_back(turn->source->fd);
    if (!take_levels(host->leveler))
        return;
    int64_t wait = level(host->leveler, i, 1);
    if (wait > 0 && wait <= turn->db->options.rest_ms) {
        nanosleep(&(struct timespec){.tv_nsec = wait * 1000000}, NULL);
        level(host->leveler, i, 1);
    }
    pthread_mutex_unlock(&host->leveler->levels);
}

void dr_leveler_wake(struct dr_leveler *leveler)
{
    if (!leveler)
        return;
    pthread_mutex_lock(&leveler->mutex);
    leveler->woken = 1;
    pthread_cond_signal(&leveler->moved);
    pthread_mutex_unlock(&leveler->mutex);
}

void dr_leveler_stop(struct dr_host *host, int i)
{
    struct dr_served *served = &host->served[i];
    if (!served->turn)
        return;
    dr_fair_lock_take(&served->commit);
    dr_ahead_stop(served->turn);
    dr_fair_lock_release(&served->commit);
}
