#include "publisher.h"

#include <string.h>

#include "core/condition.h"
#include "core/db.h"
#include "host.h"
#include "sqlstate.h"

/* The leveler has as long to make a slot level, once that has rested, before it is wanted; how soon a checkpoint that was put off is
 * tried again. */
enum { HEAD_START_MS = 20, ASK_AGAIN_MS = 50 };
/* A transaction that took as long may have written much. */
enum { LONG_MS = 200 };

/* Is a checkpoint that could wait due? */
static int is_due(const struct dr_host *host, const struct dr_served *served)
{
    /* Nobody opens a snapshot: the length of the WAL decides. */
    if (served->unpublished == DUCKROW_NO_SNAPSHOT)
        return 0;
    int64_t now = dr_clock_ms(), since = now - served->checkpointed_at;
    /* Looking for a slot isn't cheap, and none has rested yet, or none had a moment ago. */
    if (since < served->db->options.rest_ms + HEAD_START_MS || now - served->put_off_at < ASK_AGAIN_MS)
        return 0;
    return served->commits >= host->settings->checkpoint_commits ||
           (served->commits >= DR_CHECKPOINT_LEAST && since >= DR_CHECKPOINT_SHARE * served->checkpoint_ms);
}

static duckrow_code checkpoint(struct dr_host *host, int i, duckrow_error *error)
{
    struct dr_served *served = &host->served[i];
    int64_t began = dr_clock_ms();
    duckrow_code code = dr_session_checkpoint(host->guest[i], error);
    served->checkpointed_at = dr_clock_ms();
    if (!code)
        served->checkpoint_ms = served->checkpointed_at - began + 1;
    if (code && dr_is_fatal(error))
        host->broken = 1;
    served->refused_at = !code ? 0 : served->refused_at ? served->refused_at : began;
    return code;
}

/* A checkpoint that failed, and wasn't refused. */
static int is_disk_trouble(const duckrow_error *error)
{
    return error->code && (strncmp(error->message, "IO Error", 8) == 0 || dr_is_fatal(error));
}

duckrow_code dr_publish(struct dr_host *host, int i, unsigned flags, duckrow_error *error)
{
    struct dr_served *served = &host->served[i];
    duckrow_plan plan;
    duckrow_published published;
    duckrow_error reason = {0};
    int64_t began = dr_now_us();
    /* It is somebody else's for the moment, and all was published before. */
    if (!host->guest[i] || !host->guest[i]->catalog)
        return served->unpublished;
    unsigned wanted = flags & DR_PUBLISH_NOW                             ? DUCKROW_PUBLISH_CHECKPOINT
                      : (flags & DR_PUBLISH_DUE) || is_due(host, served) ? DUCKROW_PUBLISH_DUE
                                                                         : 0;
    duckrow_code code = duckrow_publish_begin(served->turn, wanted, &plan, error);
    /* It may be refused, beside older transactions. publish_end says STALE where readers can't do without it. */
    if (!code && wanted == DUCKROW_PUBLISH_DUE && !plan.checkpoint)
        served->put_off_at = dr_clock_ms();
    if (!code && plan.checkpoint)
        checkpoint(host, i, &reason);
    if (!code)
        code = duckrow_publish_end(served->turn, &published, error);
    if (wanted || plan.checkpoint)
        dr_leveler_wake(host->leveler);
    if ((code == DUCKROW_STALE || (!code && flags & DR_PUBLISH_NOW)) && is_disk_trouble(&reason))
        code = dr_fail(error, strstr(reason.message, "No space left") ? DUCKROW_DISK_FULL : DUCKROW_IO, "%s", reason.message);
    served->unpublished = code;
    if (code == DUCKROW_NO_SNAPSHOT)
        served->commits = plan.checkpoint && !reason.code ? 0 : plan.commits;
    if (code)
        return code;
    served->commits = published.rotated ? 0 : plan.commits;
    served->sequence = published.sequence;
    dr_times_add(published.rotated ? &served->rotations : &served->publishes, dr_now_us() - began);
    return DUCKROW_OK;
}

/* A set of databases, by number. */
typedef uint32_t databases;
_Static_assert(DR_DATABASES <= 32, "a database is a bit");

/* The checkpoint is overdue, and has been refused for longer than any transaction should last. */
static int is_overdue(const struct dr_host *host, const struct dr_served *served)
{
    int64_t patience = host->settings->transaction_timeout;
    return served->refused_at && patience && served->commits >= 4 * host->settings->checkpoint_commits &&
           dr_clock_ms() - served->refused_at >= patience;
}

/* Readers can't be given what was committed but by a checkpoint, or it is overdue, and it was refused: alone it isn't. */
static void publish_alone(struct dr_host *host, struct dr_member *member, databases refused, databases overdue,
                          duckrow_code *code, duckrow_error *error)
{
    duckrow_error ignored;
    dr_gate_leave(&host->gate, member);
    dr_gate_alone(&host->gate, member, INT64_MAX, host->settings->ddl_wait, &ignored);
    for (int i = 0; i < host->databases; i++) {
        if (!((refused | overdue) >> i & 1))
            continue;
        dr_fair_lock_take(&host->served[i].commit);
        duckrow_code published = dr_publish(host, i, overdue >> i & 1 ? DR_PUBLISH_DUE : 0, refused >> i & 1 ? error : &ignored);
        dr_fair_lock_release(&host->served[i].commit);
        if (published && refused >> i & 1)
            *code = published;
    }
}

/* May it have written much? Before that is committed it is nobody else's business. */
static int is_long(const struct dr_member *member, const struct dr_committing *how)
{
    return !how->run && dr_clock_ms() - member->entered_at >= LONG_MS;
}

duckrow_code dr_host_commit(struct dr_host *host, struct dr_member *member, int written, struct dr_committing *how,
                            duckrow_error *error)
{
    int first = written < 0 ? 0 : written, end = written < 0 ? host->databases : written + 1;
    duckrow_code code = DUCKROW_OK;
    for (int i = first; i < end && is_long(member, how); i++)
        dr_leveler_guess(host, i);
    for (int i = first; i < end; i++)
        dr_fair_lock_take(&host->served[i].commit);
    for (int i = first; i < end && !code; i++)
        code = duckrow_turn_guard(host->served[i].turn, error);
    /* It is shielded whatever comes: the transaction ends here. */
    if (!dr_gate_shield(&host->gate, member) && !code)
        code = dr_fail(error, DUCKROW_BUSY, "%s", member->told);
    if (!code)
        code = how->run ? how->run(how->context, error) : dr_connection_run(host->duckdb, member->connection, "COMMIT", error);
    else if (!how->run)
        dr_connection_run(host->duckdb, member->connection, "ROLLBACK", NULL);
    int committed = how->committed = !code;
    databases refused = 0, overdue = 0;
    for (int i = first; i < end && committed; i++) {
        duckrow_code published = dr_publish(host, i, 0, error);
        host->served[i].total_commits++;
        if (published == DUCKROW_STALE)
            refused |= 1U << i;
        else if (published && published != DUCKROW_NO_SNAPSHOT)
            code = published;
        else if (is_overdue(host, &host->served[i]))
            overdue |= 1U << i;
    }
    for (int i = end; i-- > first;)
        dr_fair_lock_release(&host->served[i].commit);
    if (refused || overdue)
        publish_alone(host, member, refused, overdue, &code, error);
    dr_gate_leave(&host->gate, member);
    return code;
}
