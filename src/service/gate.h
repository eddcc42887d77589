/* Who works in the writing engine, and how to have it alone for a moment.
 *
 * A member is inside from before its transaction begins until after it has ended. Whoever asks to be alone is outside, and closes the
 * gate behind those inside: new members wait. If they are still there after `patience`, they are told (cancelled) and interrupted.
 * Askers are served first come first served. */
#ifndef DR_GATE_H
#define DR_GATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/error.h"

struct dr_member {
    struct dr_member *next, *before;
    void *connection;     /* what interrupt gets; NULL: there is nothing to interrupt */
    const char *_Atomic *stop; /* a wait to get in ends when this isn't NULL, a reason; NULL: nobody ends it */
    atomic_int cancelled; /* whoever was alone could not wait any longer: the transaction is lost */
    const char *_Atomic told; /* why: static text. Of who asks to be alone: what others are told; NULL: DR_CANCELLED */
    int inside;
    int64_t entered_at; /* dr_clock_ms */
    int shielded; /* it is ending its transaction: nobody may interrupt that */
};
#define DR_CANCELLED_AS "the transaction was ended, as "
#define DR_CANCELLED DR_CANCELLED_AS "a change of the schema could not wait for it any longer: run it again"
#define DR_CANCELLED_FOR_HOLD DR_CANCELLED_AS "duckrow hold could not wait for it any longer: run it again"
int dr_is_cancelled(const char *message);

struct dr_gate {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    struct dr_member members; /* a ring */
    int count; /* of them */
    int closed; /* how many want to be alone, or are: nobody else gets in */
    struct dr_member *alone;
    struct dr_asker *first, **last; /* those who wait outside to be alone */
    char why[512]; /* what those are told who wait for too long; "": a usual reason */
    atomic_int refusing; /* nobody gets in any more */
    void (*interrupt)(void *connection, void *context);
    void *context;
};

void dr_gate_init(struct dr_gate *gate, void (*interrupt)(void *connection, void *context), void *context);
/* deadline: of dr_clock_ms; patience in ms, from when it is the asker's turn. Errors: BUSY; INTERRUPTED by member->stop. */
duckrow_code dr_gate_enter(struct dr_gate *gate, struct dr_member *member, int64_t deadline, duckrow_error *error);
duckrow_code dr_gate_alone(struct dr_gate *gate, struct dr_member *member, int64_t deadline, int64_t patience,
                           duckrow_error *error);
/* The member goes on on another connection, which is interrupted from here on. */
void dr_gate_use(struct dr_gate *gate, struct dr_member *member, void *connection);
/* Around COMMIT and ROLLBACK, up to leaving: an interrupted COMMIT may have committed, an interrupted ROLLBACK leaves the transaction
 * open. 0 where the member was cancelled before. */
int dr_gate_shield(struct dr_gate *gate, struct dr_member *member);
/* Those who wait to get in look at their `stop`. */
void dr_gate_wake(struct dr_gate *gate);
/* Waits until a member would get in, or be refused. 0: not until `until` (dr_clock_ms). */
int dr_gate_wait(struct dr_gate *gate, int64_t until);
/* BUSY: why somebody waits for longer than it can. */
duckrow_code dr_gate_busy(struct dr_gate *gate, duckrow_error *error);
/* Nobody may be let in again before it; whoever was alone lets the others in. Nothing where the member is not inside. */
void dr_gate_leave(struct dr_gate *gate, struct dr_member *member);

/* Why the gate is closed, for those who wait for too long; NULL: for a usual reason. refusing: and nobody need wait, it stays so. */
void dr_gate_say(struct dr_gate *gate, const char *why, int refusing);

/* A mutex that is had in the order of asking. */
struct dr_fair_lock {
    pthread_mutex_t mutex;
    pthread_cond_t turn;
    uint64_t next, serving;
};
void dr_fair_lock_init(struct dr_fair_lock *lock);
void dr_fair_lock_take(struct dr_fair_lock *lock);
void dr_fair_lock_release(struct dr_fair_lock *lock);

#endif
