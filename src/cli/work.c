#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/db.h"
#include "core/duckfile.h"
#include "core/status.h"
#include "file.h"
#include "signals.h"

enum { OPENINGS = 20, REFRESHES = 3, GLANCE_MS = 250 };

int64_t dr_work_left(const struct dr_work *work)
{
    int64_t left = work->started + work->timeout_ms - dr_clock_ms();
    return left > 0 ? left : 0;
}

static int interrupted(void *context)
{
    (void)context;
    return dr_signals_received();
}

/* Where DuckDB spills: beside the database as a stock open does, if we may, but a folder of our own. DuckDB removes what it finds
 * in it at the end, and another process's files must not be among that. */
int dr_work_scratch(const duckrow_db *db, char *path, size_t size)
{
    const char *database = db ? duckrow_db_path(db) : "/", *temporary = getenv("TMPDIR");
    char folder[PATH_MAX];
    dr_folder_of(database, folder);
    int beside = db && access(folder, W_OK) == 0;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int length = beside ? snprintf(path, size, "%s.tmp.", database)
                        : snprintf(path, size, "%s/duckrow.tmp.", temporary && *temporary ? temporary : "/tmp");
    if (length < 0 || (size_t)length >= size)
        return 0;
    int more = snprintf(path + length, size - (size_t)length, "%ld.%lx%09lx", (long)getpid(), (long)now.tv_sec, now.tv_nsec);
    return more > 0 && (size_t)(length + more) < size;
}

duckrow_code dr_work_open_database(struct dr_work *work, const struct dr_options *options, uint32_t flags, duckrow_error *error)
{
    memset(work, 0, sizeof *work);
    work->timeout_ms = options->timeout_ms;
    work->started = dr_clock_ms();
    duckrow_db_options db_options = DUCKROW_DB_OPTIONS_INIT;
    db_options.flags = flags;
    db_options.interrupted = interrupted;
    return duckrow_db_open(options->database, &db_options, &work->db, error);
}

duckrow_code dr_work_open_engine(struct dr_work *work, const struct dr_options *options, duckrow_error *error)
{
    char scratch[PATH_MAX];
    duckrow_code code = dr_engine_load(options->engine, &work->engine, error);
    if (!code)
        code = dr_session_open(work->engine, dr_work_scratch(work->db, scratch, sizeof scratch) ? scratch : NULL,
                               work->timeout_ms, &work->session, error);
    if (!code)
        dr_signals_watch(work->session);
    return code;
}

duckrow_code dr_work_open(struct dr_work *work, const struct dr_options *options, uint32_t flags, duckrow_error *error)
{
    int in_memory = strcmp(options->database, ":memory:") == 0;
    duckrow_code code = DUCKROW_OK;
    if (in_memory)
        *work = (struct dr_work){.timeout_ms = options->timeout_ms};
    else
        code = dr_work_open_database(work, options, flags, error);
    if (!code)
        code = dr_work_open_engine(work, options, error);
    /* Waiting begins here; loading the engine doesn't count. */
    work->started = dr_clock_ms();
    return code;
}

void dr_work_close(struct dr_work *work)
{
    dr_signals_watch(NULL);
    dr_session_close(work->session);
    work->session = NULL;
    if (work->snapshot)
        duckrow_snapshot_unpin(work->snapshot);
    if (work->turn)
        duckrow_turn_release(work->turn);
    if (work->db)
        duckrow_db_close(work->db);
    dr_engine_free(work->engine);
    memset(work, 0, sizeof *work);
}

int dr_work_encrypted(const struct dr_work *work)
{
    struct dr_source *source;
    struct dr_header header;
    if (dr_source_get(work->db, &source, NULL) || !source)
        return 0;
    int encrypted = dr_header_read(source->fd, &header, NULL) == DUCKROW_OK && header.encrypted;
    dr_source_put(source);
    return encrypted;
}

/* ---- writing and publishing ---- */

const char *dr_work_kind(const struct dr_work *work, const char *kind)
{
    char dsn[4352];
    dr_status_service(work->db, dsn, sizeof dsn);
    return *dsn ? "hold" : kind;
}

duckrow_code dr_work_take(struct dr_work *work, const char *kind, duckrow_error *error)
{
    return duckrow_turn_take(work->db, DUCKROW_EXCLUSIVE, kind, dr_work_left(work), &work->turn, error);
}

/* Attaches under the turn, again and again while the headers that DuckDB read may be older than its lock. */
static duckrow_code attach(struct dr_work *work, unsigned flags, duckrow_error *error)
{
    duckrow_code code = dr_session_no_dict_fsst(work->session, error);
    if (code)
        return code;
    for (int i = 0; i < OPENINGS; i++) {
        code = dr_session_attach(work->session, duckrow_db_path(work->db), duckrow_db_path(work->db), flags, error);
        if (code || !duckrow_turn_moved(work->turn))
            return code;
        code = dr_session_detach(work->session, error);
        if (code)
            return code;
    }
    return dr_fail(error, DUCKROW_BUSY,
                   "%s keeps changing although this process has the turn: something writes to it without locks",
                   duckrow_db_path(work->db));
}

duckrow_code dr_work_attach(struct dr_work *work, duckrow_error *error)
{
    return attach(work, DR_ATTACH_WRITE | (duckrow_db_exists(work->db) ? 0 : DR_ATTACH_CREATE), error);
}

duckrow_code dr_work_publish(struct dr_work *work, int detach, struct dr_outcome *outcome, duckrow_error *error)
{
    struct dr_outcome ignored;
    if (!outcome)
        outcome = &ignored;
    memset(outcome, 0, sizeof *outcome);
    duckrow_code code = duckrow_publish_begin(work->turn, 0, &outcome->plan, error);
    if (!code && outcome->plan.checkpoint && !dr_session_attached(work->session))
        code = dr_work_attach(work, error);
    if (!code && outcome->plan.checkpoint)
        code = dr_session_checkpoint(work->session, error);
    if (detach) {
        duckrow_error other = {0};
        if (dr_session_detach(work->session, &other) && !code)
            code = dr_fail(error, other.code, "%s", other.message);
    }
    return code ? code : duckrow_publish_end(work->turn, &outcome->published, error);
}

void dr_work_release(struct dr_work *work)
{
    duckrow_error ignored;
    if (!work->turn)
        return;
    /* What DETACH leaves open, closing the instance closes: of a guest, that of its host, and until then it keeps its turn. */
    if (work->session && (dr_session_detach(work->session, &ignored) || duckrow_turn_open_files(work->turn) > 0)) {
        if (work->session->guest)
            return;
        dr_signals_watch(NULL);
        dr_session_close(work->session);
        work->session = NULL;
    }
    duckrow_turn_release(work->turn);
    work->turn = NULL;
}

duckrow_code dr_work_refresh(struct dr_work *work, struct dr_outcome *outcome, duckrow_error *error)
{
    if (dr_work_encrypted(work))
        return dr_fail(error, DUCKROW_NO_SNAPSHOT, "%s is encrypted: it has no snapshot, and readers share turns",
                       duckrow_db_path(work->db));
    duckrow_code code = dr_work_take(work, "publish", error);
    if (!code)
        code = dr_work_attach(work, error);
    if (!code)
        code = dr_work_publish(work, 1, outcome, error);
    dr_work_release(work);
    if (!code && !work->session)
        code = dr_fail(error, DUCKROW_INTERNAL, "DuckDB kept %s open; try again", duckrow_db_path(work->db));
    return code;
}

/* ---- reading ---- */

/* dr_work_refresh that waits no longer than limit. */
static duckrow_code refresh_within(struct dr_work *work, int64_t limit, duckrow_error *error)
{
    int64_t timeout = work->timeout_ms, left = dr_work_left(work);
    if (limit < left)
        work->timeout_ms -= left - limit;
    duckrow_code code = dr_work_refresh(work, NULL, error);
    work->timeout_ms = timeout;
    return code;
}

static duckrow_code share(struct dr_work *work, int64_t timeout, duckrow_error *error)
{
    duckrow_code code = duckrow_turn_take(work->db, DUCKROW_SHARED, "read", timeout, &work->turn, error);
    return code || work->bare ? code : attach(work, 0, error);
}

static duckrow_code pin(struct dr_work *work, int64_t timeout, duckrow_error *error)
{
    duckrow_code code = duckrow_snapshot_pin(work->db, timeout, &work->snapshot, error);
    if (code || work->bare)
        return code;
    return dr_session_attach(work->session, duckrow_snapshot_path(work->snapshot), duckrow_db_path(work->db), 0, error);
}

/* Where the snapshot is stale it is made new, which takes an exclusive turn. A program without duckrow that only reads would be in
 * the way of that, but not of a shared turn; so before the long wait for the one there is a short one, and a try of the other. */
duckrow_code dr_work_read(struct dr_work *work, duckrow_error *error)
{
    int64_t limit = GLANCE_MS;
    for (int refreshed = 0; refreshed < REFRESHES;) {
        duckrow_code code = pin(work, dr_work_left(work), error);
        if (code == DUCKROW_NO_SNAPSHOT || code == DUCKROW_PERMISSION)
            break;
        if (code != DUCKROW_STALE)
            return code;
        code = refresh_within(work, limit, error);
        if (code == DUCKROW_INTERRUPTED || !work->session)
            return code;
        if (code == DUCKROW_OK) {
            refreshed++;
            continue;
        }
        if (code != DUCKROW_BUSY)
            break;
        duckrow_error other = {0};
        if (pin(work, 0, &other) == DUCKROW_OK || share(work, 0, &other) == DUCKROW_OK)
            return DUCKROW_OK;
        if (work->turn || work->snapshot) {
            *error = other;
            return other.code;
        }
        if (dr_work_left(work) == 0)
            return code;
        limit = work->timeout_ms;
    }
    return share(work, dr_work_left(work), error);
}
