#include "handover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/os.h"
#include "core/process.h"
#include "core/turn.h"
#include "log.h"
#include "notify.h"

/* How often to look; how long to wait for files to be closed; how long not to hand over again after it did not go well. */
enum { LOOK_MS = 100, CLOSING_MS = 1000, REST_MS = 10000 };

struct dr_handover {
    struct dr_host *host;
    struct dr_statements *statements;
    pthread_t thread;
    int started;
    atomic_int stopping;
    struct away {
        int64_t since, rest_until; /* of dr_clock_ms: away since; not to be handed over before */
        int64_t failing_since;
        char who[DR_NAME_SIZE];
    } database[DR_DATABASES];
};

static void pause_for(int milliseconds)
{
    nanosleep(&(struct timespec){.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L}, NULL);
}

static const struct dr_log_about *about(const struct dr_handover *handover, int i, struct dr_log_about *place)
{
    *place = (struct dr_log_about){.database = handover->host->served[i].name};
    return place;
}

static int is_wanted(const struct dr_handover *handover, int i)
{
    const struct dr_served *served = &handover->host->served[i];
    return !served->away && dr_turn_called(served->turn) && dr_clock_ms() >= handover->database[i].rest_until;
}

static int any_wanted(const struct dr_handover *handover)
{
    for (int i = 0; i < handover->host->databases; i++)
        if (is_wanted(handover, i))
            return 1;
    return 0;
}

static int any_away(const struct dr_handover *handover)
{
    for (int i = 0; i < handover->host->databases; i++)
        if (handover->host->served[i].away)
            return 1;
    return 0;
}

/* ---- handing over ---- */

static void publish(struct dr_handover *handover, int i, unsigned flags)
{
    struct dr_host *host = handover->host;
    struct dr_log_about place;
    duckrow_error error;
    dr_fair_lock_take(&host->served[i].commit);
    duckrow_code code = dr_publish(host, i, flags, &error);
    dr_fair_lock_release(&host->served[i].commit);
    if (code && code != DUCKROW_NO_SNAPSHOT)
        dr_log(DR_LOG_WARNING, about(handover, i, &place), "readers wait for writers, as the snapshot could not be renewed: %s",
               error.message);
}

/* For a moment something may be in the way that was about to be closed. Else all is opened anew, or the service ends with this. */
static void fail(struct dr_handover *handover, int i, const duckrow_error *error)
{
    struct away *database = &handover->database[i];
    struct dr_log_about place;
    int64_t now = dr_clock_ms();
    if (!database->failing_since)
        database->failing_since = now;
    if (now - database->failing_since < CLOSING_MS) {
        pause_for(LOOK_MS);
        return;
    }
    dr_log(DR_LOG_ERROR, about(handover, i, &place), "cannot open it again: %s", error->message);
    handover->host->broken = 1;
}

/* Nothing of the file may be open when the turn is given up: a result that a session is about to drop may be. DuckDB 2.0 closes files
 * in another of its threads. */
static duckrow_code close_files(struct dr_handover *handover, int i, duckrow_error *error)
{
    struct dr_host *host = handover->host;
    duckrow_turn *turn = host->served[i].turn;
    dr_parallel_begin(&host->parallel);
    duckrow_code code = dr_host_detach(host, i, error);
    int64_t until = dr_clock_ms() + CLOSING_MS;
    while (!code && duckrow_turn_open_files(turn) > 0) {
        if (dr_clock_ms() >= until)
            code = dr_fail(error, DUCKROW_INTERNAL, "DuckDB keeps the file open");
        else
            pause_for(10);
    }
    dr_parallel_end(&host->parallel);
    return code;
}

static void note(struct dr_handover *handover, int i, const duckrow_process *holder)
{
    struct dr_served *served = &handover->host->served[i];
    struct dr_log_about place;
    char who[DR_NAME_SIZE];
    served->held_by = holder->pid;
    dr_process_name(holder, who);
    if (strcmp(who, handover->database[i].who) == 0)
        return;
    snprintf(handover->database[i].who, sizeof handover->database[i].who, "%s", who);
    dr_log(DR_LOG_INFO, about(handover, i, &place), "handed over to %s", who);
    dr_notify_status("%s is handed over to %s", served->name, who);
}

/* Another hold may have followed the one it was handed to. */
static void note_holder(struct dr_handover *handover, int i)
{
    const duckrow_turn *turn = handover->host->served[i].turn;
    duckrow_process holder;
    if (turn->aside && dr_turn_holder(turn, &holder))
        note(handover, i, &holder);
}

/* What clients are told who waited in vain. */
static void tell_holder(struct dr_handover *handover, int i, const duckrow_error *busy)
{
    const struct dr_served *served = &handover->host->served[i];
    char why[DUCKROW_MESSAGE_SIZE], who[DR_NAME_SIZE];
    if (served->turn->aside)
        snprintf(why, sizeof why, "%s has been held by %s", served->name,
                 *handover->database[i].who ? handover->database[i].who : "another process");
    else
        snprintf(why, sizeof why, "%s has been used by %s, which a hold has left,", served->name,
                 dr_process_name(&busy->holder, who));
    dr_gate_say(&handover->host->gate, why, 0);
}

static void hand_over(struct dr_handover *handover, int i)
{
    struct dr_served *served = &handover->host->served[i];
    struct dr_log_about place;
    duckrow_error error = {0};
    publish(handover, i, DR_PUBLISH_NOW);
    served->away = 1;
    dr_leveler_stop(handover->host, i);
    handover->database[i].since = dr_clock_ms();
    *handover->database[i].who = 0;
    duckrow_code code = close_files(handover, i, &error);
    duckrow_process caller;
    int called = !code && dr_turn_called(served->turn) && dr_turn_caller(served->turn, &caller);
    if (called)
        code = dr_turn_step_aside(served->turn, &error);
    if (!code) {
        if (called)
            note(handover, i, &caller);
        tell_holder(handover, i, &error);
        return;
    }
    handover->database[i].rest_until = dr_clock_ms() + REST_MS;
    dr_log(DR_LOG_WARNING, about(handover, i, &place), "cannot be handed over: %s", error.message);
}

/* ---- taking back ---- */

static void come_back(struct dr_handover *handover, int i)
{
    struct dr_host *host = handover->host;
    struct dr_served *served = &host->served[i];
    struct away *database = &handover->database[i];
    struct dr_log_about place;
    duckrow_error error;
    duckrow_code code = dr_turn_come_back(served->turn, LOOK_MS, &error);
    if (code == DUCKROW_BUSY) {
        note_holder(handover, i);
        tell_holder(handover, i, &error);
        return;
    }
    if (!code)
        code = dr_host_attach(host, i, &error);
    if (code) {
        fail(handover, i, &error);
        return;
    }
    publish(handover, i, duckrow_turn_level(served->turn) ? 0 : DR_PUBLISH_NOW);
    served->held_by = 0;
    served->away = 0;
    database->failing_since = 0;
    if (*database->who) {
        dr_log(DR_LOG_INFO, about(handover, i, &place), "taken back from %s after %.1f s", database->who,
               (double)(dr_clock_ms() - database->since) / 1000);
        dr_notify_status("serving");
    }
}

/* ---- the thread ---- */

/* Alone at the gate. */
static void give_and_take(struct dr_handover *handover)
{
    struct dr_host *host = handover->host;
    do {
        for (int i = 0; i < host->databases && !handover->stopping; i++) {
            if (is_wanted(handover, i))
                hand_over(handover, i);
            else if (host->served[i].away)
                come_back(handover, i);
        }
    } while (any_away(handover) && !handover->stopping && !host->broken);
    if (any_away(handover))
        dr_gate_say(&host->gate, host->broken ? "DuckDB has failed, and the databases are opened anew" : "the service is leaving",
                    1);
}

static void serve(struct dr_handover *handover)
{
    struct dr_host *host = handover->host;
    struct dr_member alone = {.told = DR_CANCELLED_FOR_HOLD};
    duckrow_error ignored;
    /* What psql asks then needs it, and it can't be made without the database. */
    dr_statements_catalog(handover->statements, &ignored);
    host->handing = 1;
    dr_gate_say(&host->gate, "duckrow hold has been waiting to be handed the database", 0);
    dr_gate_alone(&host->gate, &alone, INT64_MAX, host->settings->ddl_wait, &ignored);
    give_and_take(handover);
    if (!any_away(handover)) {
        host->handing = 0;
        dr_gate_say(&host->gate, NULL, 0);
    }
    dr_statements_changed(handover->statements);
    dr_gate_leave(&host->gate, &alone);
}

static void *watch(void *argument)
{
    struct dr_handover *handover = argument;
    while (!handover->stopping) {
        pause_for(LOOK_MS);
        if (!handover->stopping && !handover->host->broken && any_wanted(handover))
            serve(handover);
    }
    return NULL;
}

duckrow_code dr_handover_open(struct dr_host *host, struct dr_statements *statements, struct dr_handover **out,
                              duckrow_error *error)
{
    struct dr_handover *handover = *out = calloc(1, sizeof *handover);
    if (!handover)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    handover->host = host;
    handover->statements = statements;
    handover->started = pthread_create(&handover->thread, NULL, watch, handover) == 0;
    return handover->started ? DUCKROW_OK : dr_fail(error, DUCKROW_NO_MEMORY, "cannot start a thread");
}

void dr_handover_stop(struct dr_handover *handover)
{
    if (handover)
        handover->stopping = 1;
}

void dr_handover_close(struct dr_handover *handover)
{
    if (!handover)
        return;
    handover->stopping = 1;
    if (handover->started)
        pthread_join(handover->thread, NULL);
    free(handover);
}
