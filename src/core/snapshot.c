#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "config.h"
#include "process.h"
#include "publish.h"

struct duckrow_snapshot {
    duckrow_db *db;
    int64_t generation, sequence, published_at;
    int lock;              /* read lock on the slot's `lock`; its inode tells this slot from one of the same number elsewhere */
    ino_t lock_inode;
    int record;            /* the slot's record, kept open for checks */
    int turn;              /* the turn file, to see who holds the turn; -1: none yet */
    struct dr_source *source;
    char path[PATH_MAX];
    unsigned forks;
};

/* ---- is it the newest? ---- */

/* OK: the slot shows all that is committed. STALE: it doesn't. BUSY: the turn's holder is still finding out. */
static duckrow_code compare(duckrow_snapshot *snapshot, const struct dr_slot *slot, duckrow_error *error)
{
    duckrow_db *db = snapshot->db;
    struct dr_state state;
    duckrow_code code = dr_state_read(db, snapshot->source->fd, &state, error);
    /* While a checkpoint is being written the headers may be read half. */
    if (code == DUCKROW_OK && state.header.encrypted)
        return dr_fail(error, DUCKROW_NO_SNAPSHOT, "%s is encrypted: readers share turns instead of reading a snapshot",
                       db->path);
    if (code == DUCKROW_OK && dr_state_shown(db, &state, slot))
        return DUCKROW_OK;
    if (code && code != DUCKROW_NOT_A_DATABASE)
        return code;
    /* Somebody has written. If it is the holder of the turn, and its snapshot was level when it began, what it has not published it
     * has not acknowledged. */
    if (snapshot->turn < 0 && (code = dr_turn_open(db, 0, &snapshot->turn, error)))
        return code;
    int explained = snapshot->turn < 0 ? 0 : dr_turn_explains(snapshot->turn);
    /* A file that somebody put in its place is not the holder's doing, nor is an older one written over it. */
    int replaced = slot->device != state.device || slot->inode != state.inode || state.header.iteration < slot->iteration;
    if (explained > 0 && !replaced)
        return DUCKROW_OK;
    return explained < 0 ? DUCKROW_BUSY : dr_fail(error, DUCKROW_STALE, "the snapshot of %s is older than the file", db->path);
}

/* Are the slot's files as its publisher left them, or is one appending right now? */
static duckrow_code sound(duckrow_snapshot *snapshot, const struct dr_slot *slot, duckrow_error *error)
{
    if (dr_slot_sound(snapshot->db, slot, 0))
        return DUCKROW_OK;
    duckrow_code code = snapshot->turn < 0 ? dr_turn_open(snapshot->db, 0, &snapshot->turn, error) : DUCKROW_OK;
    if (code)
        return code;
    if (snapshot->turn >= 0 && dr_turn_explains(snapshot->turn) && dr_slot_sound(snapshot->db, slot, 1))
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_STALE, "the snapshot of %s was changed, or is of another boot", snapshot->db->path);
}

static int is_current(const duckrow_snapshot *snapshot)
{
    char path[PATH_MAX];
    struct stat st;
    return dr_slot_current(snapshot->db) == snapshot->generation &&
           dr_slot_path(snapshot->db, snapshot->generation, "lock", path, NULL) == DUCKROW_OK && dr_os.stat(path, &st) == 0 &&
           st.st_ino == snapshot->lock_inode;
}

/* The same, and nothing was published or given up while we looked. AGAIN: something was. */
enum { AGAIN = 1000 };

static int look(duckrow_snapshot *snapshot, struct dr_slot *slot, duckrow_error *error)
{
    if (!dr_slot_read_fd(snapshot->record, slot) || slot->generation != snapshot->generation)
        return AGAIN;
    duckrow_code code = sound(snapshot, slot, error);
    if (code == DUCKROW_OK)
        code = compare(snapshot, slot, error);
    if (code != DUCKROW_OK && code != DUCKROW_STALE && code != DUCKROW_BUSY)
        return (int)code;
    struct dr_slot now;
    if (!is_current(snapshot) || !dr_slot_read_fd(snapshot->record, &now))
        return AGAIN;
    return code == DUCKROW_STALE && now.sequence != slot->sequence ? AGAIN : (int)code;
}

/* ---- pinning ---- */

static void drop(duckrow_snapshot *snapshot)
{
    if (snapshot->lock >= 0)
        dr_unlock(snapshot->lock, 0, 0);
    dr_close(snapshot->lock);
    dr_close(snapshot->record);
    dr_close(snapshot->turn);
    dr_source_put(snapshot->source);
    snapshot->lock = snapshot->record = snapshot->turn = -1;
    snapshot->source = NULL;
}

/* Locks the slot that is current. AGAIN: it was being replaced. */
static int pin_current(duckrow_snapshot *snapshot, duckrow_error *error)
{
    duckrow_db *db = snapshot->db;
    char path[PATH_MAX];
    struct stat st;
    /* The folder may have a format of another duckrow. */
    duckrow_code code = dr_turn_open(db, 0, &snapshot->turn, error);
    if (code)
        return (int)code;
    snapshot->generation = dr_slot_current(db);
    if (snapshot->generation < 0)
        return dr_fail(error, DUCKROW_STALE, "%s has no snapshot yet", db->path);
    if ((code = dr_slot_path(db, snapshot->generation, "lock", path, error)))
        return (int)code;
    snapshot->lock = dr_open(path, O_RDONLY, 0);
    if (snapshot->lock >= 0 && dr_os.fstat(snapshot->lock, &st) == 0 && dr_lock_try(snapshot->lock, F_RDLCK, 0, 0) == 0) {
        snapshot->lock_inode = st.st_ino;
        dr_slot_path(db, snapshot->generation, "record", path, error);
        snapshot->record = dr_open(path, O_RDONLY, 0);
        if (snapshot->record >= 0 && is_current(snapshot))
            return (int)dr_slot_path(db, snapshot->generation, db->name, snapshot->path, error);
    }
    if (errno == EACCES || errno == EPERM || errno == EMFILE || errno == ENFILE)
        return (int)dr_fail_access(db, errno, path, error);
    return dr_slot_current(db) == snapshot->generation && errno == ENOENT
               ? (int)dr_fail(error, DUCKROW_STALE, "the snapshot of %s is incomplete", db->path)
               : AGAIN;
}

static duckrow_code find_source(duckrow_snapshot *snapshot, duckrow_error *error)
{
    duckrow_code code = dr_source_get(snapshot->db, &snapshot->source, error);
    if (code == DUCKROW_OK && !snapshot->source)
        return dr_fail(error, DUCKROW_NOT_FOUND, "%s does not exist", snapshot->db->path);
    return code;
}

/* The holder of the turn has LEVEL locked until its snapshot is as new as what it found. */
static duckrow_code wait_for_level(const duckrow_snapshot *snapshot, int64_t deadline, duckrow_error *error)
{
    const duckrow_db *db = snapshot->db;
    if (dr_lock_wait(snapshot->turn, F_RDLCK, DR_LEVEL, 1, deadline, &db->interrupt) == 0) {
        dr_unlock(snapshot->turn, DR_LEVEL, 1);
        return DUCKROW_OK;
    }
    if (errno == EINTR)
        return dr_fail(error, DUCKROW_INTERRUPTED, "interrupted while waiting for %s", db->path);
    if (errno != ETIMEDOUT)
        return dr_fail_os(error, errno, "cannot lock %s/turn", db->folder);
    struct dr_queue queue;
    char who[DR_NAME_SIZE];
    dr_turn_look(snapshot->turn, &queue, NULL, 0);
    dr_fail(error, DUCKROW_BUSY, "%s is busy: %s has not brought the snapshot up to date yet", db->path,
            dr_process_name(&queue.holder, who));
    if (error)
        error->holder = queue.holder;
    return DUCKROW_BUSY;
}

duckrow_code duckrow_snapshot_pin(duckrow_db *db, int64_t timeout_ms, duckrow_snapshot **pinned, duckrow_error *error)
{
    dr_error_clear(error);
    *pinned = NULL;
    if (timeout_ms < 0)
        return dr_fail(error, DUCKROW_USAGE, "the timeout must be 0 or more, not %.3g s", (double)timeout_ms / 1000);
    duckrow_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    snapshot->db = db;
    snapshot->forks = dr_fork_count();
    snapshot->lock = snapshot->record = snapshot->turn = -1;
    int64_t asked = dr_clock_ms(), deadline = timeout_ms > INT64_MAX - asked ? INT64_MAX : asked + timeout_ms;
    int code = AGAIN;
    for (int tries = 0; code == AGAIN; tries++) {
        struct dr_slot slot;
        drop(snapshot);
        if (tries > 1000) {
            code = (int)dr_fail(error, DUCKROW_STALE, "the snapshot of %s does not settle", db->path);
            break;
        }
        if (tries)
            sched_yield();
        errno = 0;
        struct dr_config config;
        code = (int)dr_config_read(db, &config, error);
        if (code == DUCKROW_OK && !config.snapshots)
            code = (int)dr_config_no_snapshots(db, error);
        if (code == DUCKROW_OK)
            code = (int)find_source(snapshot, error);
        if (code == DUCKROW_OK)
            code = pin_current(snapshot, error);
        if (code == DUCKROW_OK)
            code = look(snapshot, &slot, error);
        if (code == DUCKROW_BUSY && (code = (int)wait_for_level(snapshot, deadline, error)) == DUCKROW_OK)
            code = AGAIN;
        if (code == DUCKROW_OK) {
            snapshot->sequence = slot.sequence;
            snapshot->published_at = slot.published_at;
        }
    }
    if (code != DUCKROW_OK) {
        drop(snapshot);
        free(snapshot);
        return (duckrow_code)code;
    }
    *pinned = snapshot;
    return DUCKROW_OK;
}

duckrow_code duckrow_snapshot_check(duckrow_snapshot *snapshot, duckrow_error *error)
{
    dr_error_clear(error);
    struct dr_slot slot;
    struct stat st;
    duckrow_code code = dr_check_fork(snapshot->forks, error);
    if (code)
        return code;
    int moved =
        dr_os.stat(snapshot->db->path, &st) < 0 || st.st_ino != snapshot->source->inode || st.st_dev != snapshot->source->device;
    if (moved || !is_current(snapshot) || look(snapshot, &slot, error) != DUCKROW_OK || slot.sequence != snapshot->sequence)
        return dr_fail(error, DUCKROW_STALE, "%s has a newer snapshot", snapshot->db->path);
    return DUCKROW_OK;
}

const char *duckrow_snapshot_path(const duckrow_snapshot *snapshot)
{
    return snapshot->path;
}

int64_t duckrow_snapshot_generation(const duckrow_snapshot *snapshot)
{
    return snapshot->generation;
}

int64_t duckrow_snapshot_sequence(const duckrow_snapshot *snapshot)
{
    return snapshot->sequence;
}

int64_t duckrow_snapshot_published_at(const duckrow_snapshot *snapshot)
{
    return snapshot->published_at;
}

void duckrow_snapshot_unpin(duckrow_snapshot *snapshot)
{
    if (!snapshot)
        return;
    if (snapshot->forks == dr_fork_count())
        drop(snapshot);
    free(snapshot);
}
