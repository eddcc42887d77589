#include "publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "ahead.h"
#include "rotate.h"

/* A WAL this long is checkpointed whatever it holds: DuckDB's own default. Where no slot is at hand that can wait, but not for
 * ever: every reader replays it. */
enum { WAL_LIMIT = 16 << 20, WAL_PUT_OFF = 16 };

/* ---- state ---- */

duckrow_code dr_state_read(const duckrow_db *db, int source_fd, struct dr_state *state, duckrow_error *error)
{
    struct stat st;
    if (dr_os.fstat(source_fd, &st) < 0)
        return dr_fail_os(error, errno, "%s", db->path);
    state->device = st.st_dev;
    state->inode = st.st_ino;
    state->size = st.st_size;
    state->wal_inode = 0;
    state->wal_size = 0;
    if (dr_os.stat(db->wal, &st) == 0) {
        state->wal_inode = (int64_t)st.st_ino;
        state->wal_size = st.st_size;
    } else if (errno != ENOENT) {
        return dr_fail_os(error, errno, "%s", db->wal);
    }
    return dr_header_read(source_fd, &state->header, error);
}

static duckrow_code read_wal(const duckrow_db *db, int64_t from, int64_t size, struct dr_wal *wal, duckrow_error *error)
{
    *wal = (struct dr_wal){.end = from, .iteration = -1};
    if (size <= from)
        return DUCKROW_OK;
    int fd = dr_open(db->wal, O_RDONLY, 0);
    if (fd < 0)
        return dr_fail_access(db, errno, db->wal, error);
    /* DuckDB makes it by the umask of whoever writes first, and others have to go on with it. */
    dr_db_adopt(db, fd, 0666);
    duckrow_code code = dr_wal_read(fd, from, size, wal, error);
    dr_close(fd);
    return code;
}

/* Do the slot's base and the start of its WAL belong to the file as it is? */
static int continues(const struct dr_state *state, const struct dr_slot *slot)
{
    return slot->device == state->device && slot->inode == state->inode && slot->header == state->header.hash &&
           (slot->wal_length == 0 || (slot->wal_inode == state->wal_inode && slot->wal_length <= state->wal_size));
}

int dr_state_shown(const duckrow_db *db, const struct dr_state *state, const struct dr_slot *slot)
{
    struct dr_wal wal;
    if (!continues(state, slot))
        return 0;
    if (state->wal_size == slot->wal_length)
        return 1;
    return read_wal(db, slot->wal_length, state->wal_size, &wal, NULL) == DUCKROW_OK && !wal.unusual &&
           wal.end == slot->wal_length;
}

static int current_slot(const duckrow_db *db, struct dr_slot *slot)
{
    int64_t current = dr_slot_current(db);
    return current >= 0 && dr_slot_read(db, current, slot) && dr_slot_sound(db, slot, 0);
}

int dr_publish_is_level(const duckrow_turn *turn, const struct dr_config *config)
{
    struct dr_state state;
    struct dr_slot slot;
    if (!config->snapshots)
        return 1;
    return turn->source && dr_state_read(turn->db, turn->source->fd, &state, NULL) == DUCKROW_OK &&
           (state.header.encrypted || (current_slot(turn->db, &slot) && dr_state_shown(turn->db, &state, &slot)));
}

/* Does the file at `path` begin as the one at `other` does? */
static int same_start(const char *path, const char *other, int64_t length)
{
    char one[4096], two[sizeof one];
    size_t n = length < (int64_t)sizeof one ? (size_t)length : sizeof one;
    int first = dr_open(path, O_RDONLY, 0), second = dr_open(other, O_RDONLY, 0);
    int same = first >= 0 && second >= 0 && dr_read_at(first, one, n, 0) == 0 && dr_read_at(second, two, n, 0) == 0 &&
               !memcmp(one, two, n);
    dr_close(first);
    dr_close(second);
    return same;
}

duckrow_code dr_publish_check_wal(const duckrow_turn *turn, duckrow_error *error)
{
    const duckrow_db *db = turn->db;
    struct dr_state state;
    struct dr_slot slot;
    struct stat st;
    char path[PATH_MAX];
    if (!turn->source || dr_os.stat(db->wal, &st) < 0 || st.st_size == 0)
        return DUCKROW_OK;
    if (!dr_may_use(db->wal, turn->mode == DUCKROW_EXCLUSIVE))
        return dr_fail_access(db, EACCES, db->wal, error);
    int64_t current = dr_slot_current(db);
    if (current < 0 || !dr_slot_read(db, current, &slot) || slot.wal_length == 0 || slot.wal_inode != (int64_t)st.st_ino ||
        slot.wal_length > st.st_size || dr_state_read(db, turn->source->fd, &state, NULL) ||
        (slot.device == state.device && slot.inode == state.inode) || slot.header == state.header.hash ||
        dr_db_path(db, path, NULL, "snapshot/%lld/%s.wal", (long long)current, db->name) ||
        !same_start(db->wal, path, slot.wal_length))
        return DUCKROW_OK;
    return dr_fail(
        error, DUCKROW_IO,
        "%s was replaced, but %s is still that of the file before, with %lld commit%s: put that file back, or move the "
        "WAL away if you can do without them",
        db->path, db->wal, (long long)slot.commits, slot.commits == 1 ? "" : "s");
}

/* ---- public ---- */

static duckrow_code check_turn(duckrow_turn *turn, struct dr_config *config, duckrow_error *error)
{
    dr_error_clear(error);
    duckrow_code code = dr_check_fork(turn->forks, error);
    if (code)
        return code;
    if (turn->mode != DUCKROW_EXCLUSIVE)
        return dr_fail(error, DUCKROW_USAGE, "publishing needs an exclusive turn");
    if ((code = dr_turn_check(turn, error)) || (code = dr_turn_find_source(turn, error)))
        return code;
    return dr_config_read(turn->db, config, error);
}

static duckrow_code read_state(duckrow_turn *turn, struct dr_state *state, duckrow_error *error)
{
    duckrow_code code = dr_state_read(turn->db, turn->source->fd, state, error);
    if (code == DUCKROW_OK)
        code = dr_turn_check_header(turn, &state->header, error);
    if (code == DUCKROW_OK && state->header.encrypted) {
        dr_turn_set_level(turn);
        return dr_fail(error, DUCKROW_NO_SNAPSHOT, "%s is encrypted: readers share turns instead of reading a snapshot",
                       turn->db->path);
    }
    return code;
}

/* A rotation that can wait does so while no slot is at hand, or no space. */
static int can_rotate(const duckrow_turn *turn, const struct dr_config *config, const struct dr_state *state, int pressing)
{
    return !config->snapshots ||
           (!dr_ahead_busy(turn) && dr_choose_possible(turn->db, config, state->size + state->wal_size, pressing));
}

/* What publishing starts from. */
struct dr_seen {
    struct dr_config config;
    struct dr_state state;
    struct dr_slot slot;
    struct dr_wal wal;
    int sound, append; /* the slot is whole; the WAL goes on where its ends, and wal is what follows */
    int fresh;         /* a plan without a checkpoint was made of it, and its publish_end is still to come */
};

/* Without a slot the WAL is read from where it was read up to the last time. */
static duckrow_code read_on(duckrow_turn *turn, struct dr_seen *seen, duckrow_error *error)
{
    const struct dr_seen *last = turn->seen;
    const struct dr_state *state = &seen->state;
    int goes_on = last && last->state.header.hash == state->header.hash && last->state.wal_inode == state->wal_inode &&
                  last->wal.end <= state->wal_size;
    struct dr_wal before = goes_on ? last->wal : (struct dr_wal){0};
    duckrow_code code = read_wal(turn->db, before.end, state->wal_size, &seen->wal, error);
    seen->wal.commits += before.commits;
    if (goes_on)
        seen->wal.iteration = before.iteration;
    if (before.unusual)
        seen->wal.unusual = before.unusual;
    return code;
}

static duckrow_code look(duckrow_turn *turn, struct dr_seen *seen, duckrow_error *error)
{
    duckrow_code code = check_turn(turn, &seen->config, error);
    if (code || !turn->source || (code = read_state(turn, &seen->state, error)))
        return code;
    if (!seen->config.snapshots)
        return read_on(turn, seen, error);
    seen->sound = current_slot(turn->db, &seen->slot);
    seen->append = seen->sound && continues(&seen->state, &seen->slot);
    return read_wal(turn->db, seen->append ? seen->slot.wal_length : 0, seen->state.wal_size, &seen->wal, error);
}

/* Looks, or goes by what publish_begin saw: nothing may have happened since but a checkpoint, which would show in the WAL. */
static duckrow_code look_again(duckrow_turn *turn, struct dr_seen *seen, duckrow_error *error)
{
    struct stat st;
    int fresh = turn->seen && turn->seen->fresh;
    if (fresh)
        turn->seen->fresh = 0;
    if (!fresh || dr_check_fork(turn->forks, NULL) || dr_os.stat(turn->db->wal, &st) < 0 ||
        (int64_t)st.st_ino != turn->seen->state.wal_inode || st.st_size != turn->seen->state.wal_size)
        return look(turn, seen, error);
    *seen = *turn->seen;
    dr_error_clear(error);
    return DUCKROW_OK;
}

static void remember(duckrow_turn *turn, const struct dr_seen *seen, int fresh)
{
    if (!turn->seen && !(turn->seen = malloc(sizeof *turn->seen)))
        return;
    *turn->seen = *seen;
    turn->seen->fresh = fresh;
}

duckrow_code duckrow_publish_begin(duckrow_turn *turn, uint32_t flags, duckrow_plan *plan, duckrow_error *error)
{
    *plan = (duckrow_plan){0};
    struct dr_seen seen = {0};
    duckrow_code code = look(turn, &seen, error);
    if (code || !turn->source)
        return code;
    const struct dr_wal *wal = &seen.wal;
    int append = seen.append && seen.config.snapshots;
    plan->commits = (int)((append ? seen.slot.commits : 0) + wal->commits);
    if (wal->unusual)
        plan->reason = wal->unusual;
    else if (wal->end > 0 && flags & DUCKROW_PUBLISH_CHECKPOINT)
        plan->reason = "asked for";
    else if (wal->end > (int64_t)WAL_LIMIT * WAL_PUT_OFF ||
             (wal->end > WAL_LIMIT && can_rotate(turn, &seen.config, &seen.state, 1)))
        plan->reason = "the WAL is long";
    else if (wal->end > 0 && flags & DUCKROW_PUBLISH_DUE && can_rotate(turn, &seen.config, &seen.state, 1))
        plan->reason = "it is due";
    else if (plan->commits >= turn->db->options.checkpoint_commits &&
             can_rotate(turn, &seen.config, &seen.state, plan->commits >= 2 * turn->db->options.checkpoint_commits))
        plan->reason = "the WAL holds enough commits";
    plan->checkpoint = plan->reason != NULL;
    plan->required = wal->unusual != NULL;
    remember(turn, &seen, !plan->checkpoint);
    if (plan->checkpoint) {
        dr_ahead_stop(turn);
        dr_ahead_keep(turn, turn->db->wal);
    }
    return DUCKROW_OK;
}

duckrow_code duckrow_publish_end(duckrow_turn *turn, duckrow_published *result, duckrow_error *error)
{
    duckrow_published ignored, *published = result ? result : &ignored;
    *published = (duckrow_published){0};
    struct dr_seen seen = {0};
    duckrow_code code = look_again(turn, &seen, error);
    if (code || !turn->source || seen.state.header.hash == 0)
        return code;
    if (!seen.config.snapshots) {
        dr_choose_retire(turn->db);
        dr_turn_set_level(turn);
        return dr_config_no_snapshots(turn->db, error);
    }
    struct dr_slot *slot = &seen.slot;
    struct dr_wal *wal = &seen.wal;
    if (wal->unusual)
        return dr_fail(error, DUCKROW_STALE,
                       "%s has not been checkpointed, and its WAL holds %s: readers have to wait for their turn", turn->db->path,
                       wal->unusual);
    int append = seen.append;
    if (append) {
        published->generation = slot->generation;
        if (wal->end > slot->wal_length && (code = dr_slot_copy_wal(turn->db, slot, wal->end, published, error)) == DUCKROW_OK)
            code = dr_slot_complete(turn->db, slot, &seen.state, wal, slot->commits + wal->commits, error);
        published->sequence = slot->sequence;
        /* Another user's slot, which we may replace but not write. */
        append = code != DUCKROW_PERMISSION;
        if (!append && (code = read_wal(turn->db, 0, seen.state.wal_size, wal, error)))
            return code;
    }
    if (!append)
        code = dr_rotate(turn, &seen.config, &seen.state, wal, seen.sound ? slot->sequence : dr_calendar_ms(), published, error);
    if (code)
        return code;
    dr_turn_set_level(turn);
    return dr_slot_link_read_path(turn->db, error);
}
