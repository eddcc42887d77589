#include "gate.h"

#include <stdio.h>
#include <string.h>

#include "core/condition.h"
#include "core/os.h"

struct dr_asker {
    struct dr_asker *next;
};

void dr_gate_init(struct dr_gate *gate, void (*interrupt)(void *connection, void *context), void *context)
{
    *gate = (struct dr_gate){.interrupt = interrupt, .context = context};
    pthread_mutex_init(&gate->mutex, NULL);
    dr_condition_init(&gate->moved);
    gate->members.next = gate->members.before = &gate->members;
    gate->last = &gate->first;
}

static void put_in(struct dr_gate *gate, struct dr_member *member)
{
    member->cancelled = 0;
    member->shielded = 0;
    member->inside = 1;
    member->entered_at = dr_clock_ms();
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

void dr_gate_say(struct dr_gate *gate, const char *why, int refusing)
{
    pthread_mutex_lock(&gate->mutex);
    snprintf(gate->why, sizeof gate->why, "%s", why ? why : "");
    gate->refusing = refusing;
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->mutex);
}

/* The mutex is held. */
static duckrow_code busy(const struct dr_gate *gate, duckrow_error *error)
{
    if (*gate->why)
        return dr_fail(error, DUCKROW_BUSY, gate->refusing ? "%s" : "%s for longer than busy_timeout", gate->why);
    return dr_fail(error, DUCKROW_BUSY, "the schema is being changed, or a checkpoint made, for longer than busy_timeout");
}

duckrow_code dr_gate_busy(struct dr_gate *gate, duckrow_error *error)
{
    pthread_mutex_lock(&gate->mutex);
    busy(gate, error);
    pthread_mutex_unlock(&gate->mutex);
    return DUCKROW_BUSY;
}

duckrow_code dr_gate_enter(struct dr_gate *gate, struct dr_member *member, int64_t deadline, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    pthread_mutex_lock(&gate->mutex);
    while (!code && (gate->closed || gate->refusing)) {
        const char *stop = member->stop ? *member->stop : NULL;
        if (stop)
            code = dr_fail(error, DUCKROW_INTERRUPTED, "%s", stop);
        else if (gate->refusing || !dr_condition_wait(&gate->moved, &gate->mutex, deadline))
            code = busy(gate, error);
    }
    if (!code)
        put_in(gate, member);
    pthread_mutex_unlock(&gate->mutex);
    return code;
}

static void press(struct dr_gate *gate, const char *told)
{
    for (struct dr_member *each = gate->members.next; each != &gate->members; each = each->next) {
        if (each->shielded)
            continue;
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
        if (!dr_condition_wait(&gate->moved, &gate->mutex, deadline))
            code = *gate->why ? busy(gate, error)
                              : dr_fail(error, DUCKROW_BUSY, "other changes of the schema take longer than busy_timeout");
    for (int64_t until = dr_clock_ms() + patience; !code && gate->count;) {
        if (dr_condition_wait(&gate->moved, &gate->mutex, until))
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

void dr_gate_use(struct dr_gate *gate, struct dr_member *member, void *connection)
{
    pthread_mutex_lock(&gate->mutex);
    member->connection = connection;
    pthread_mutex_unlock(&gate->mutex);
}

int dr_gate_shield(struct dr_gate *gate, struct dr_member *member)
{
    pthread_mutex_lock(&gate->mutex);
    member->shielded = 1;
    int cancelled = member->cancelled;
    pthread_mutex_unlock(&gate->mutex);
    return !cancelled;
}

void dr_gate_wake(struct dr_gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->mutex);
}

int dr_gate_wait(struct dr_gate *gate, int64_t until)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->closed && !gate->refusing && dr_condition_wait(&gate->moved, &gate->mutex, until)) {
    }
    int open = !gate->closed || gate->refusing;
    pthread_mutex_unlock(&gate->mutex);
    return open;
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
