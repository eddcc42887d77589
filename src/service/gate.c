#include "gate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/os.h"

struct dr_asker {
    struct dr_asker *next;
};

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void dr_gate_init(struct dr_gate *gate, void (*interrupt)(void *connection, void *context), void *context)
{
    *gate = (struct dr_gate){.interrupt = interrupt, .context = context};
    pthread_mutex_init(&gate->mutex, NULL);
    init_condition(&gate->moved);
    gate->members.next = gate->members.before = &gate->members;
    gate->last = &gate->first;
}

/* Waits for a change, until `until` of dr_clock_ms at most. dr_clock_ms counts sleep of the machine, the condition doesn't, so what
 * is left is asked each time. 0: it is past. */
static int wait_until(struct dr_gate *gate, int64_t until)
{
    int64_t left = until - dr_clock_ms();
    if (left <= 0)
        return 0;
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += left / 1000;
    at.tv_nsec += left % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&gate->moved, &gate->mutex, &at);
    return 1;
}

static void put_in(struct dr_gate *gate, struct dr_member *member)
{
    member->cancelled = 0;
    member->inside = 1;
    member->before = gate->members.before;
    member->next = &gate->members;
    member->before->next = member;
    gate->members.before = member;
    gate->count++;
}

int dr_is_cancelled(const char *message)
{
    return strncmp(message, DR_CANCELLED_AS, sizeof DR_CANCELLED_AS - 1) == 0;
}

static duckrow_code waited(const struct dr_gate *gate, duckrow_error *error)
{
    if (gate->refusing)
        return dr_fail(error, DUCKROW_BUSY, "%s", gate->why);
    if (*gate->why)
        return dr_fail(error, DUCKROW_BUSY, "%s for longer than busy_timeout", gate->why);
    return dr_fail(error, DUCKROW_BUSY, "the schema is being changed, or a checkpoint made, for longer than busy_timeout");
}

void dr_gate_say(struct dr_gate *gate, const char *why, int refusing)
{
    pthread_mutex_lock(&gate->mutex);
    snprintf(gate->why, sizeof gate->why, "%s", why ? why : "");
    gate->refusing = refusing;
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->mutex);
}

int dr_gate_wait(struct dr_gate *gate, int64_t until, duckrow_error *error)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->closed && !gate->refusing && wait_until(gate, until)) {
    }
    int closed = gate->closed || gate->refusing;
    waited(gate, error);
    pthread_mutex_unlock(&gate->mutex);
    return !closed;
}

duckrow_code dr_gate_enter(struct dr_gate *gate, struct dr_member *member, int64_t deadline, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    pthread_mutex_lock(&gate->mutex);
    while (!code && (gate->closed || gate->refusing))
        if (gate->refusing || !wait_until(gate, deadline))
            code = waited(gate, error);
    if (!code)
        put_in(gate, member);
    pthread_mutex_unlock(&gate->mutex);
    return code;
}

static void press(struct dr_gate *gate, const char *told)
{
    for (struct dr_member *each = gate->members.next; each != &gate->members; each = each->next) {
        each->told = told ? told : DR_CANCELLED;
        each->cancelled = 1;
        if (each->connection)
            gate->interrupt(each->connection, gate->context);
    }
}

static void leave_queue(struct dr_gate *gate, struct dr_asker *asker)
{
    struct dr_asker **at = &gate->first;
    while (*at != asker)
        at = &(*at)->next;
    *at = asker->next;
    if (!*at)
        gate->last = at;
}

duckrow_code dr_gate_alone(struct dr_gate *gate, struct dr_member *member, int64_t deadline, int64_t patience,
                           duckrow_error *error)
{
    /* An interrupt that comes between two statements is lost to DuckDB, so it is repeated. */
    enum { AGAIN_MS = 50 };
    struct dr_asker asker = {NULL};
    duckrow_code code = DUCKROW_OK;
    pthread_mutex_lock(&gate->mutex);
    gate->closed++;
    *gate->last = &asker;
    gate->last = &asker.next;
    while (!code && (gate->first != &asker || gate->alone))
        if (!wait_until(gate, deadline))
            code = *gate->why ? waited(gate, error)
                              : dr_fail(error, DUCKROW_BUSY, "other changes of the schema take longer than busy_timeout");
    for (int64_t until = dr_clock_ms() + patience; !code && gate->count;) {
        if (wait_until(gate, until))
            continue;
        press(gate, member->told);
        until = dr_clock_ms() + AGAIN_MS;
    }
    leave_queue(gate, &asker);
    if (code) {
        gate->closed--;
    } else {
        put_in(gate, member);
        gate->alone = member;
    }
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->mutex);
    return code;
}

void dr_gate_leave(struct dr_gate *gate, struct dr_member *member)
{
    pthread_mutex_lock(&gate->mutex);
    if (member->inside) {
        member->before->next = member->next;
        member->next->before = member->before;
        gate->count--;
        if (gate->alone == member) {
            gate->alone = NULL;
            gate->closed--;
        }
        pthread_cond_broadcast(&gate->moved);
    }
    member->inside = 0;
    pthread_mutex_unlock(&gate->mutex);
}

void dr_fair_lock_init(struct dr_fair_lock *lock)
{
    *lock = (struct dr_fair_lock){0};
    pthread_mutex_init(&lock->mutex, NULL);
    pthread_cond_init(&lock->turn, NULL);
}

void dr_fair_lock_take(struct dr_fair_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
    uint64_t ticket = lock->next++;
    while (lock->serving != ticket)
        pthread_cond_wait(&lock->turn, &lock->mutex);
    pthread_mutex_unlock(&lock->mutex);
}

void dr_fair_lock_release(struct dr_fair_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
    lock->serving++;
    pthread_cond_broadcast(&lock->turn);
    pthread_mutex_unlock(&lock->mutex);
}
