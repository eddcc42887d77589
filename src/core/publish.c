#include "publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "copy.h"

/* A WAL this long is checkpointed whatever it holds: DuckDB's own default. */
enum { WAL_LIMIT = 16 << 20 };

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
    duckrow_code code = fd < 0 ? dr_fail_os(error, errno, "%s", db->wal) : dr_wal_read(fd, from, size, wal, error);
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

int dr_publish_is_level(const duckrow_turn *turn)
{
    struct dr_state state;
    struct dr_slot slot;
    return turn->source && dr_state_read(turn->db, turn->source->fd, &state, NULL) == DUCKROW_OK &&
           (state.header.encrypted || (current_slot(turn->db, &slot) && dr_state_shown(turn->db, &state, &slot)));
}

/* ---- choosing a slot ---- */

struct choice {
    int64_t generation; /* -1: make a new one */
    int lock;           /* the descriptor that keeps readers out of it */
    struct dr_slot was;
};

static int64_t rest_left(const duckrow_db *db, const struct dr_slot *slot)
{
    if (strncmp(slot->boot_id, dr_boot_id(), sizeof slot->boot_id) || slot->retired == 0)
        return 0;
    int64_t left = slot->retired + db->options.rest_ms - dr_clock_ms();
    return left > 0 ? left : 0;
}

/* Has a stock tool the copy open? It has DuckDB's POSIX lock then. One in this process would lose it by our close(). */
static int has_stock_readers(const char *path)
{
    struct stat st;
    struct flock found;
    if (dr_os.stat(path, &st) < 0)
        return 0;
    if (dr_open_descriptors(&st, -1) > 0)
        return 1;
    int fd = dr_open(path, O_RDONLY, 0);
    int locked = fd >= 0 && dr_lock_test(fd, F_WRLCK, 0, 0, &found) > 0;
    dr_close(fd);
    return locked;
}

/* Our readers lock `lock`. */
static int lock_slot(const duckrow_db *db, int64_t generation, int *lock)
{
    char path[PATH_MAX];
    if (dr_slot_path(db, generation, "lock", path, NULL))
        return 0;
    *lock = dr_db_open_own(db, path);
    if (*lock < 0)
        return 0;
    int free = dr_lock_try(*lock, F_WRLCK, 0, 0) == 0;
    if (free && dr_slot_path(db, generation, db->name, path, NULL) == DUCKROW_OK)
        free = !has_stock_readers(path);
    if (!free)
        dr_close(*lock);
    return free;
}

/* The newest that is free and rested: it differs least. *rest: how long until one that is free may have rested; -1: none. */
static int find_free(const duckrow_db *db, struct choice *choice, int *count, int64_t *rest)
{
    int64_t generations[DR_SLOTS], current = dr_slot_current(db);
    *count = dr_slot_list(db, generations);
    *rest = -1;
    for (int i = *count; i-- > 0;) {
        if (generations[i] == current)
            continue;
        int read = dr_slot_read(db, generations[i], &choice->was);
        if (!read)
            memset(&choice->was, 0, sizeof choice->was);
        /* Changed by somebody: everything has to be compared. */
        if (read && !dr_slot_sound(db, &choice->was, 0))
            choice->was.complete = 0;
        int64_t left = read ? rest_left(db, &choice->was) : 0;
        if (!lock_slot(db, generations[i], &choice->lock))
            continue;
        if (left == 0) {
            choice->generation = generations[i];
            return 1;
        }
        dr_close(choice->lock);
        if (*rest < 0 || left < *rest)
            *rest = left;
    }
    return 0;
}

/* Where slots are only resting, waiting for one is better than another copy of everything. */
static void choose(const duckrow_db *db, struct choice *choice)
{
    int count;
    int64_t rest;
    for (;;) {
        if (find_free(db, choice, &count, &rest))
            return;
        if (count < db->options.max_slots || rest < 0)
            break;
        struct timespec pause = {.tv_sec = rest / 1000, .tv_nsec = rest % 1000 * 1000000};
        nanosleep(&pause, NULL);
    }
    choice->generation = -1;
    choice->lock = -1;
    memset(&choice->was, 0, sizeof choice->was);
}

/* Is a slot at hand for a rotation that could wait? A third copy of everything only for a WAL that has grown long. */
static int any_free(const duckrow_db *db, int commits)
{
    struct choice choice;
    int count;
    int64_t rest;
    if (find_free(db, &choice, &count, &rest)) {
        dr_close(choice.lock);
        return 1;
    }
    return count < (commits >= 2 * db->options.checkpoint_commits ? db->options.max_slots : 2);
}

/* ---- rotating ---- */

static int64_t next_generation(const duckrow_db *db)
{
    int64_t generations[DR_SLOTS];
    int count = dr_slot_list(db, generations);
    return count ? generations[count - 1] + 1 : 1;
}

/* The folder under its new name, marked incomplete, without a WAL. */
static duckrow_code prepare_folder(const duckrow_db *db, struct choice *choice, struct dr_slot *slot, duckrow_error *error)
{
    char from[PATH_MAX], to[PATH_MAX], path[PATH_MAX];
    slot->generation = next_generation(db);
    duckrow_code code = dr_db_path(db, to, error, "snapshot/%lld", (long long)slot->generation);
    if (code)
        return code;
    if (choice->generation < 0) {
        if (dr_os.mkdir(to, 0777) < 0)
            return dr_fail_os(error, errno, "cannot make %s", to);
        int fd = dr_open(to, O_RDONLY | O_DIRECTORY, 0);
        if (fd >= 0)
            dr_db_adopt(db, fd, 0777);
        dr_close(fd);
        dr_slot_path(db, slot->generation, "lock", path, error);
        choice->lock = dr_db_open_own(db, path);
        if (choice->lock < 0 || dr_lock_try(choice->lock, F_WRLCK, 0, 0) < 0)
            return dr_fail_os(error, errno, "cannot lock %s", path);
        return dr_slot_write(db, slot, error);
    }
    struct dr_slot old = choice->was;
    old.generation = choice->generation;
    old.complete = 0;
    if ((code = dr_slot_write(db, &old, error)) ||
        (code = dr_db_path(db, from, error, "snapshot/%lld", (long long)choice->generation)))
        return code;
    if (dr_os.rename(from, to) < 0)
        return dr_fail_os(error, errno, "cannot rename %s", from);
    dr_db_path(db, path, error, "snapshot/%lld/%s.wal", (long long)slot->generation, db->name);
    if (dr_os.unlink(path) < 0 && errno != ENOENT)
        return dr_fail_os(error, errno, "cannot remove %s", path);
    return DUCKROW_OK;
}

/* Fills target with what the file's next checkpoint may write. An unreadable free list: *known is 0. */
static duckrow_code read_candidates(int source, const struct dr_header *header, struct dr_bitmap *free_blocks,
                                    struct dr_bitmap *metadata, int *known, duckrow_error *error)
{
    duckrow_code code = dr_free_list_read(source, header, free_blocks, metadata, error);
    *known = code == DUCKROW_OK;
    return code == DUCKROW_NOT_A_DATABASE ? DUCKROW_OK : code;
}

/* May the slot's pending set be trusted for the file as it is? */
static int pending_fits(const struct dr_pending *pending, const struct dr_slot *was, const struct dr_state *state)
{
    if (!was->complete || was->device != state->device || was->inode != state->inode ||
        was->block_size != state->header.block_size)
        return 0;
    int64_t steps = state->header.iteration - pending->iteration;
    return (steps == 0 || steps == 1) &&
           (pending->header == dr_header_identity(&state->header, 0) || pending->header == dr_header_identity(&state->header, 1));
}

static duckrow_code copy_blocks(const duckrow_db *db, int source, const struct dr_state *state, const struct choice *choice,
                                const struct dr_slot *slot, const struct dr_bitmap *free_blocks, const struct dr_bitmap *metadata,
                                duckrow_published *published, duckrow_error *error)
{
    struct dr_pending pending = {0};
    struct dr_copy copy = {.source = source, .target = -1, .header = &state->header, .unused = free_blocks, .metadata = metadata};
    if (choice->generation >= 0 && dr_pending_read(db, slot->generation, &pending) &&
        pending_fits(&pending, &choice->was, state)) {
        copy.pending = &pending.blocks;
        copy.known_blocks = pending.known;
    }
    char path[PATH_MAX];
    duckrow_code code = dr_slot_path(db, slot->generation, db->name, path, error);
    if (code == DUCKROW_OK)
        code = dr_copy_open(&copy, db, path, error);
    if (code == DUCKROW_OK)
        code = dr_copy_blocks(&copy, error);
    if (code == DUCKROW_OK)
        code = dr_copy_headers(&copy, error);
    dr_copy_close(&copy);
    published->compared += copy.compared;
    published->copied += copy.copied;
    published->bytes += copy.bytes;
    dr_bitmap_free(&pending.blocks);
    return code;
}

static duckrow_code flip(const duckrow_db *db, int64_t generation, duckrow_error *error)
{
    char next[PATH_MAX], current[PATH_MAX], target[32];
    snprintf(target, sizeof target, "%lld", (long long)generation);
    duckrow_code code = dr_db_path(db, next, error, "snapshot/.next");
    if (code || (code = dr_db_path(db, current, error, "snapshot/current")))
        return code;
    dr_os.unlink(next);
    if (dr_os.symlink(target, next) < 0 || dr_os.rename(next, current) < 0)
        return dr_fail_os(error, errno, "cannot make %s", current);
    return DUCKROW_OK;
}

/* What stock tools open: one link to `current`, so that one rename moves both. A file of the user's is left alone. */
static duckrow_code link_read_path(const duckrow_db *db, duckrow_error *error)
{
    char target[PATH_MAX + 64], now[PATH_MAX];
    snprintf(target, sizeof target, "%s.duckrow/snapshot/current/%s", db->name, db->name);
    ssize_t n = dr_os.readlink(db->read_path, now, sizeof now - 1);
    if (n == (ssize_t)strlen(target) && !memcmp(now, target, (size_t)n))
        return DUCKROW_OK;
    if (n > 0)
        dr_os.unlink(db->read_path);
    if (dr_os.symlink(target, db->read_path) < 0 && errno != EEXIST)
        return dr_fail_os(error, errno, "cannot make %s", db->read_path);
    return DUCKROW_OK;
}

/* After the flip: the one that was current begins its rest, and each slot learns what the next checkpoint may change. A failure
 * here costs a full comparison later, nothing else. */
static void note_pending(const duckrow_db *db, const struct dr_state *state, int64_t current, int64_t before,
                         const struct dr_bitmap *candidates, int known)
{
    int64_t generations[DR_SLOTS];
    int count = dr_slot_list(db, generations);
    for (int i = 0; i < count; i++) {
        struct dr_pending pending = {0};
        struct dr_slot slot;
        if (!dr_slot_read(db, generations[i], &slot))
            continue;
        if (generations[i] == before && slot.retired == 0) {
            slot.retired = dr_clock_ms();
            dr_slot_write(db, &slot, NULL);
        }
        int fresh = generations[i] == current;
        int fits = known && (fresh || (dr_pending_read(db, generations[i], &pending) && pending_fits(&pending, &slot, state)));
        if (fits && dr_bitmap_resize(&pending.blocks, candidates->bits) == 0) {
            dr_bitmap_union(&pending.blocks, candidates);
            pending.header = dr_header_identity(&state->header, -1);
            pending.iteration = state->header.iteration;
            if (fresh || pending.known > state->header.blocks)
                pending.known = state->header.blocks;
            dr_pending_write(db, generations[i], &pending, NULL);
        }
        dr_bitmap_free(&pending.blocks);
    }
}

static void drop_surplus(const duckrow_db *db)
{
    struct choice choice;
    int count;
    int64_t rest;
    /* The newest free one stays for the next rotation; find_free returns it, so only a surplus is ever removed. */
    while (find_free(db, &choice, &count, &rest)) {
        if (count > db->options.max_slots)
            dr_slot_remove(db, choice.generation);
        dr_close(choice.lock);
        if (count <= db->options.max_slots)
            return;
    }
}

static duckrow_code copy_wal(const duckrow_db *db, struct dr_slot *slot, int64_t end, duckrow_published *published,
                             duckrow_error *error)
{
    char path[PATH_MAX];
    if (end == slot->wal_length)
        return DUCKROW_OK;
    duckrow_code code = dr_db_path(db, path, error, "snapshot/%lld/%s.wal", (long long)slot->generation, db->name);
    if (code)
        return code;
    int from = dr_open(db->wal, O_RDONLY, 0), to = -1;
    if (from < 0) {
        code = dr_fail_os(error, errno, "cannot open %s", db->wal);
    } else {
        /* One that readers have must be gone on with, never made anew. */
        to = slot->wal_length ? dr_open(path, O_RDWR, 0) : dr_db_open_own(db, path);
        code = to < 0 ? dr_fail_os(error, errno, "cannot open %s", path)
                      : dr_copy_range(from, to, slot->wal_length, end, path, error);
    }
    dr_close(from);
    dr_close(to);
    published->bytes += end - slot->wal_length;
    return code;
}

static void describe(struct dr_slot *slot, const struct dr_state *state)
{
    slot->device = state->device;
    slot->inode = state->inode;
    slot->header = state->header.hash;
    slot->iteration = state->header.iteration;
    slot->blocks = state->header.blocks;
    slot->block_size = state->header.block_size;
    snprintf(slot->boot_id, sizeof slot->boot_id, "%s", dr_boot_id());
}

static duckrow_code complete(const duckrow_db *db, struct dr_slot *slot, const struct dr_state *state, const struct dr_wal *wal,
                             int64_t commits, duckrow_error *error)
{
    slot->wal_inode = wal->end ? state->wal_inode : 0;
    slot->wal_length = wal->end;
    slot->commits = commits;
    slot->sequence++;
    slot->published_at = dr_calendar_ms();
    slot->complete = 1;
    if (dr_slot_note_files(db, slot) < 0)
        return dr_fail_os(error, errno, "cannot look at the snapshot");
    return dr_slot_write(db, slot, error);
}

static duckrow_code rotate(duckrow_turn *turn, const struct dr_state *state, const struct dr_wal *wal, int64_t sequence,
                           duckrow_published *published, duckrow_error *error)
{
    duckrow_db *db = turn->db;
    struct choice choice;
    struct dr_slot slot = {.sequence = sequence};
    struct dr_bitmap free_blocks = {0}, metadata = {0};
    int known;
    int64_t before = dr_slot_current(db);
    duckrow_code code = read_candidates(turn->source->fd, &state->header, &free_blocks, &metadata, &known, error);
    if (code == DUCKROW_OK) {
        choose(db, &choice);
        describe(&slot, state);
        code = prepare_folder(db, &choice, &slot, error);
        if (code == DUCKROW_OK)
            code = copy_blocks(db, turn->source->fd, state, &choice, &slot, known ? &free_blocks : NULL, &metadata, published,
                               error);
        if (code == DUCKROW_OK)
            code = copy_wal(db, &slot, wal->end, published, error);
        if (code == DUCKROW_OK)
            code = complete(db, &slot, state, wal, wal->commits, error);
        if (code == DUCKROW_OK)
            code = flip(db, slot.generation, error);
        /* A copy that could not be made whole is worth less than its space. */
        if (code && choice.generation < 0)
            dr_slot_remove(db, slot.generation);
        dr_close(choice.lock);
    }
    if (code == DUCKROW_OK) {
        if (known)
            dr_bitmap_union(&free_blocks, &metadata);
        note_pending(db, state, slot.generation, before, &free_blocks, known);
        drop_surplus(db);
        published->generation = slot.generation;
        published->sequence = slot.sequence;
        published->rotated = 1;
    }
    dr_bitmap_free(&free_blocks);
    dr_bitmap_free(&metadata);
    return code;
}

/* ---- public ---- */

static duckrow_code check_turn(duckrow_turn *turn, duckrow_error *error)
{
    dr_error_clear(error);
    duckrow_code code = dr_check_fork(turn->forks, error);
    if (code)
        return code;
    if (turn->mode != DUCKROW_EXCLUSIVE)
        return dr_fail(error, DUCKROW_USAGE, "publishing needs an exclusive turn");
    return dr_turn_find_source(turn, error);
}

static duckrow_code read_state(duckrow_turn *turn, struct dr_state *state, duckrow_error *error)
{
    duckrow_code code = dr_state_read(turn->db, turn->source->fd, state, error);
    if (code == DUCKROW_OK && state->header.encrypted) {
        dr_turn_set_level(turn);
        return dr_fail(error, DUCKROW_NO_SNAPSHOT, "%s is encrypted: readers share turns instead of reading a snapshot",
                       turn->db->path);
    }
    return code;
}

duckrow_code duckrow_publish_begin(duckrow_turn *turn, uint32_t flags, duckrow_plan *plan, duckrow_error *error)
{
    *plan = (duckrow_plan){0};
    struct dr_state state;
    struct dr_slot slot;
    struct dr_wal wal;
    duckrow_code code = check_turn(turn, error);
    if (code || !turn->source || (code = read_state(turn, &state, error)))
        return code;
    int append = current_slot(turn->db, &slot) && continues(&state, &slot);
    if ((code = read_wal(turn->db, append ? slot.wal_length : 0, state.wal_size, &wal, error)))
        return code;
    plan->commits = (int)((append ? slot.commits : 0) + wal.commits);
    if (wal.unusual)
        plan->reason = wal.unusual;
    else if (wal.end > 0 && flags & DUCKROW_PUBLISH_CHECKPOINT)
        plan->reason = "asked for";
    else if (wal.end > WAL_LIMIT)
        plan->reason = "the WAL is long";
    else if (plan->commits >= turn->db->options.checkpoint_commits && any_free(turn->db, plan->commits))
        plan->reason = "the WAL holds enough commits";
    plan->checkpoint = plan->reason != NULL;
    return DUCKROW_OK;
}

duckrow_code duckrow_publish_end(duckrow_turn *turn, duckrow_published *result, duckrow_error *error)
{
    duckrow_published ignored, *published = result ? result : &ignored;
    *published = (duckrow_published){0};
    struct dr_state state;
    struct dr_slot slot;
    struct dr_wal wal;
    duckrow_code code = check_turn(turn, error);
    if (code || !turn->source || (code = read_state(turn, &state, error)) || state.header.hash == 0)
        return code;
    int sound = current_slot(turn->db, &slot), append = sound && continues(&state, &slot);
    if ((code = read_wal(turn->db, append ? slot.wal_length : 0, state.wal_size, &wal, error)))
        return code;
    if (wal.unusual)
        return dr_fail(error, DUCKROW_STALE,
                       "%s has not been checkpointed, and its WAL holds %s: readers have to wait for their turn", turn->db->path,
                       wal.unusual);
    if (append) {
        published->generation = slot.generation;
        if (wal.end > slot.wal_length && (code = copy_wal(turn->db, &slot, wal.end, published, error)) == DUCKROW_OK)
            code = complete(turn->db, &slot, &state, &wal, slot.commits + wal.commits, error);
        published->sequence = slot.sequence;
        /* Another user's slot, which we may replace but not write. */
        append = code != DUCKROW_PERMISSION;
        if (!append && (code = read_wal(turn->db, 0, state.wal_size, &wal, error)))
            return code;
    }
    if (!append)
        code = rotate(turn, &state, &wal, sound ? slot.sequence : dr_calendar_ms(), published, error);
    if (code)
        return code;
    dr_turn_set_level(turn);
    return link_read_path(turn->db, error);
}
