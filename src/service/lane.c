#include "lane.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "core/condition.h"
#include "core/os.h"
#include "runner.h"
#include "sqlstate.h"
#include "suspects.h"

enum { PATIENCE_MS = 2, LOOK_AGAIN_MS = 20 };
/* How long a group waits for others to come: this part of what the last one took, and no longer than that. */
enum { COMPANY_SHARE = 4, COMPANY_MOST_US = 200, SLACK_NS = 1000 };

struct dr_lane {
    struct dr_host *host;
    int database;
    duckdb_connection connection;
    struct dr_member member;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    struct dr_unit *first, **last;
    int64_t waiting;
    int64_t wanted;      /* so many are waited for */
    int64_t company;     /* so many are likely to come: were in the last group, or waited behind it */
    int64_t took_us;     /* the last group */
    int closing, started;
    struct dr_runner *runner;
    /* For groups of gathered rows alone. DuckDB 2.0 plans a prepared statement anew each time, and here there is nothing to optimize. */
    duckdb_connection plain;
    struct dr_runner *gatherer;
    atomic_llong groups, units, largest;
};

/* *failed: the operation, of a group of one unit. */
static duckrow_code run_units(struct dr_lane *lane, struct dr_unit *units, int count, int append, int *failed,
                              duckrow_error *error)
{
    struct dr_unit *unit = units;
    for (int i = 0; i < count; i++, unit = unit->next) {
        dr_buffer_reset(&unit->rows, 0);
        for (*failed = 0; *failed < unit->operations; (*failed)++) {
            duckrow_code code = dr_runner_run(lane->runner, unit, *failed, append, error);
            if (code)
                return code;
        }
    }
    return dr_runner_flush(lane->runner, error);
}

static void undo(struct dr_lane *lane)
{
    dr_gate_shield(&lane->host->gate, &lane->member);
    dr_connection_run(lane->host->duckdb, lane->connection, "ROLLBACK", NULL);
    dr_runner_forget(lane->runner);
}

/* Rows of one shape, all of which can be gathered: gathered, not flushed. 0: they are not that. */
static int gather(struct dr_lane *lane, struct dr_unit *units, int count)
{
    const struct dr_statement *statement = units->operations ? units->operation[0].statement : NULL;
    int all = 1;
    struct dr_unit *unit = units;
    for (int i = 0; all && i < count; i++, unit = unit->next)
        for (int k = 0; all && k < unit->operations; k++)
            all = dr_statement_same(unit->operation[k].statement, statement) && dr_runner_gather(lane->gatherer, unit, k) == 0;
    if (!all)
        dr_runner_forget(lane->gatherer);
    return all;
}

static duckrow_code flush(void *context, duckrow_error *error)
{
    struct dr_lane *lane = context;
    return dr_runner_flush(lane->gatherer, error);
}

/* Everything or nothing. append: rows may be gathered. *committed: an error is of publishing alone. */
static duckrow_code attempt(struct dr_lane *lane, struct dr_unit *units, int count, int append, int *failed, int *committed,
                            duckrow_error *error)
{
    struct dr_host *host = lane->host;
    *error = (duckrow_error){0};
    lane->member.connection = append ? lane->plain : lane->connection;
    duckrow_code code = dr_gate_enter(&host->gate, &lane->member, units->deadline, error);
    *failed = *committed = 0;
    if (code)
        return code;
    struct dr_committing how = {.context = lane};
    if (append && gather(lane, units, count)) {
        how.run = flush;
    } else {
        dr_gate_use(&host->gate, &lane->member, lane->connection);
        code = dr_connection_run(host->duckdb, lane->connection, "BEGIN", error);
    }
    if (!code && !how.run && (code = run_units(lane, units, count, append, failed, error)))
        undo(lane);
    if (!code) {
        code = dr_host_commit(host, &lane->member, lane->database, &how, error);
        *committed = how.committed;
        if (code)
            dr_runner_forget(how.run ? lane->gatherer : lane->runner);
    } else {
        if (lane->member.cancelled)
            code = dr_fail(error, DUCKROW_BUSY, "%s", lane->member.told);
        dr_gate_leave(&host->gate, &lane->member);
    }
    if (code && dr_is_fatal(error))
        host->broken = 1;
    return code;
}

/* ---- groups ---- */

static void finish(struct dr_lane *lane, struct dr_unit *unit, int failed, const duckrow_error *error)
{
    unit->failed = failed;
    lane->host->served[lane->database].transactions += failed < 0;
    if (error && failed >= 0)
        unit->error = *error;
    unit->done(unit);
}

static void pause_for(int milliseconds)
{
    struct timespec time = {.tv_nsec = milliseconds * 1000000L};
    nanosleep(&time, NULL);
}

/* append: with what can be gathered, first. */
static void run_one(struct dr_lane *lane, struct dr_unit *unit, int append)
{
    duckrow_error error = {0};
    int failed, committed;
    while (attempt(lane, unit, 1, append, &failed, &committed, &error)) {
        int again = dr_is_conflict(&error) || lane->member.cancelled;
        /* Of a single row it is told at once. Of several it is found by running them one by one. */
        if (unit->operations == 1 && strncmp(error.message, "Constraint Error", 16) == 0)
            append = 0;
        if (!committed && unit->stop && *unit->stop)
            dr_fail(&error, DUCKROW_INTERRUPTED, "%s", *unit->stop);
        if (committed || error.code == DUCKROW_INTERRUPTED || (!again && !append) || dr_clock_ms() >= unit->deadline) {
            finish(lane, unit, committed ? unit->operations : failed, &error);
            return;
        }
        append = 0;
        if (again)
            pause_for(PATIENCE_MS);
    }
    finish(lane, unit, -1, NULL);
}

/* Takes the units that have the key out of the list. */
static struct dr_unit *take_suspects(struct dr_unit **units, int *count, const struct dr_key *key)
{
    struct dr_unit *suspects = NULL, **last = &suspects, **at = units;
    for (int i = *count; i > 0; i--) {
        struct dr_unit *unit = *at;
        if (!dr_unit_has_key(unit, key)) {
            at = &unit->next;
            continue;
        }
        *at = unit->next;
        unit->next = NULL;
        *last = unit;
        last = &unit->next;
        (*count)--;
    }
    return suspects;
}

static void run_each(struct dr_lane *lane, struct dr_unit *units)
{
    while (units) {
        struct dr_unit *next = units->next;
        run_one(lane, units, 0);
        units = next;
    }
}

static void run_group(struct dr_lane *lane, struct dr_unit *units, int count)
{
    duckrow_error error = {0};
    struct dr_key key;
    int failed, committed = 0;
    duckrow_code code = DUCKROW_OK; /* error may hold what was no failure */
    while (count > 1 && (code = attempt(lane, units, count, 1, &failed, &committed, &error)) && !committed) {
        struct dr_unit *suspects = dr_key_parse(error.message, &key) ? take_suspects(&units, &count, &key) : NULL;
        if (suspects) {
            run_each(lane, suspects);
            continue;
        }
        struct dr_unit *half = units;
        for (int i = 0; i < count / 2; i++)
            half = half->next;
        run_group(lane, units, count / 2);
        units = half;
        count -= count / 2;
    }
    if (count == 1) {
        run_one(lane, units, 1);
        return;
    }
    for (int i = 0; i < count; i++) {
        struct dr_unit *next = units->next;
        /* Committed, but readers can't see it: each is told so. */
        finish(lane, units, code ? units->operations : -1, &error);
        units = next;
    }
}

/* While the gate is closed: takes out who can't wait any longer. */
static void sweep(struct dr_lane *lane)
{
    struct dr_unit *over = NULL;
    int64_t now = dr_clock_ms();
    pthread_mutex_lock(&lane->mutex);
    struct dr_unit **at = &lane->first;
    while (*at) {
        struct dr_unit *unit = *at;
        if (now < unit->deadline && !(unit->stop && *unit->stop)) {
            at = &unit->next;
            continue;
        }
        *at = unit->next;
        unit->next = over;
        over = unit;
        lane->waiting--;
    }
    lane->last = at;
    pthread_mutex_unlock(&lane->mutex);
    while (over) {
        struct dr_unit *next = over->next;
        duckrow_error error = {0};
        if (over->stop && *over->stop)
            dr_fail(&error, DUCKROW_INTERRUPTED, "%s", *over->stop);
        else
            dr_gate_busy(&lane->host->gate, &error);
        finish(lane, over, 0, &error);
        over = next;
    }
}

/* A group costs about the same whether few are in it or many, and who was in the last one often comes back at once. The mutex is held. */
static void wait_for_company(struct dr_lane *lane)
{
    int64_t most = lane->took_us / COMPANY_SHARE < COMPANY_MOST_US ? lane->took_us / COMPANY_SHARE : COMPANY_MOST_US;
    int64_t until = dr_now_us() + most;
    lane->wanted = lane->company;
    while (lane->waiting < lane->wanted && !lane->closing)
        if (!dr_condition_wait_us(&lane->arrived, &lane->mutex, until))
            break;
}

/* 0: none will come. */
static int wait_for_units(struct dr_lane *lane)
{
    pthread_mutex_lock(&lane->mutex);
    lane->wanted = 1;
    while (!lane->first && !lane->closing)
        pthread_cond_wait(&lane->arrived, &lane->mutex);
    if (lane->waiting < lane->company)
        wait_for_company(lane);
    int some = lane->first != NULL;
    pthread_mutex_unlock(&lane->mutex);
    return some;
}

/* The next group, in order of arrival. */
static struct dr_unit *take_group(struct dr_lane *lane, int *count)
{
    size_t weight = 0;
    pthread_mutex_lock(&lane->mutex);
    struct dr_unit *units = lane->first, **end = &lane->first;
    for (*count = 0; *end; (*count)++) {
        weight += (*end)->weight;
        if (*count && weight > (size_t)lane->host->settings->group_rows)
            break;
        end = &(*end)->next;
    }
    lane->first = *end;
    if (*end)
        *end = NULL;
    if (!lane->first)
        lane->last = &lane->first;
    lane->waiting -= *count;
    pthread_mutex_unlock(&lane->mutex);
    return units;
}

static void *work(void *argument)
{
    struct dr_lane *lane = argument;
    int count;
    prctl(PR_SET_TIMERSLACK, SLACK_NS);
    while (wait_for_units(lane)) {
        while (!dr_gate_wait(&lane->host->gate, dr_clock_ms() + LOOK_AGAIN_MS))
            sweep(lane);
        struct dr_unit *units = take_group(lane, &count);
        if (!units)
            continue;
        lane->groups++;
        lane->units += count;
        if (count > lane->largest)
            lane->largest = count;
        int64_t began = dr_now_us();
        run_group(lane, units, count);
        pthread_mutex_lock(&lane->mutex);
        lane->took_us = dr_now_us() - began;
        lane->company = count + lane->waiting;
        if (lane->company > lane->host->settings->group_rows)
            lane->company = lane->host->settings->group_rows;
        pthread_mutex_unlock(&lane->mutex);
    }
    return NULL;
}

/* ---- */

duckrow_code dr_lane_open(struct dr_host *host, int database, struct dr_lane **out, duckrow_error *error)
{
    struct dr_lane *lane = *out = calloc(1, sizeof *lane);
    if (!lane)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    lane->host = host;
    lane->database = database;
    lane->last = &lane->first;
    pthread_mutex_init(&lane->mutex, NULL);
    dr_condition_init(&lane->arrived);
    duckrow_code code = dr_host_connect(host, database, &lane->connection, error);
    if (!code)
        code = dr_host_connect(host, database, &lane->plain, error);
    if (!code)
        code = dr_connection_run(host->duckdb, lane->plain, "PRAGMA disable_optimizer", error);
    if (!code && (!(lane->runner = dr_runner_make(host, lane->connection, database)) ||
                  !(lane->gatherer = dr_runner_make(host, lane->plain, database))))
        code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    if (!code && pthread_create(&lane->thread, NULL, work, lane))
        code = dr_fail(error, DUCKROW_NO_MEMORY, "cannot start a thread");
    lane->started = !code;
    return code;
}

void dr_lane_put(struct dr_lane *lane, struct dr_unit *unit)
{
    unit->next = NULL;
    pthread_mutex_lock(&lane->mutex);
    *lane->last = unit;
    lane->last = &unit->next;
    if (++lane->waiting >= lane->wanted)
        pthread_cond_signal(&lane->arrived);
    pthread_mutex_unlock(&lane->mutex);
}

void dr_lane_look(struct dr_lane *lane, struct dr_lane_status *status)
{
    pthread_mutex_lock(&lane->mutex);
    *status = (struct dr_lane_status){lane->waiting, lane->groups, lane->units, lane->largest};
    pthread_mutex_unlock(&lane->mutex);
}

void dr_lane_close(struct dr_lane *lane)
{
    if (!lane)
        return;
    pthread_mutex_lock(&lane->mutex);
    lane->closing = 1;
    pthread_cond_signal(&lane->arrived);
    pthread_mutex_unlock(&lane->mutex);
    if (lane->started)
        pthread_join(lane->thread, NULL);
    dr_runner_free(lane->runner);
    dr_runner_free(lane->gatherer);
    lane->host->duckdb->disconnect(&lane->connection);
    lane->host->duckdb->disconnect(&lane->plain);
    free(lane);
}
