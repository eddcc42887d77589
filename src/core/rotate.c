#include "rotate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ahead.h"
#include "copy.h"

duckrow_code dr_rotate_prepare(duckrow_turn *turn, struct dr_choice *choice, struct dr_slot *slot, duckrow_error *error)
{
    const duckrow_db *db = turn->db;
    char from[PATH_MAX], to[PATH_MAX], path[PATH_MAX];
    slot->generation = dr_choose_next(db);
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
    old.complete = DR_SLOT_INCOMPLETE;
    if ((code = dr_slot_write(db, &old, error)) ||
        (code = dr_db_path(db, from, error, "snapshot/%lld", (long long)choice->generation)))
        return code;
    if (dr_os.rename(from, to) < 0)
        return dr_fail_os(error, errno, "cannot rename %s", from);
    dr_db_path(db, path, error, "snapshot/%lld/%s.wal", (long long)slot->generation, db->name);
    dr_ahead_keep(turn, path);
    if (dr_os.unlink(path) < 0 && errno != ENOENT)
        return dr_fail_os(error, errno, "cannot remove %s", path);
    return DUCKROW_OK;
}

duckrow_code dr_candidates_read(int source, const struct dr_header *header, struct dr_candidates *candidates,
                                duckrow_error *error)
{
    duckrow_code code = dr_free_list_read(source, header, &candidates->unused, &candidates->metadata, error);
    candidates->known = code == DUCKROW_OK;
    return code == DUCKROW_NOT_A_DATABASE ? DUCKROW_OK : code;
}

void dr_candidates_free(struct dr_candidates *candidates)
{
    dr_bitmap_free(&candidates->unused);
    dr_bitmap_free(&candidates->metadata);
}

int dr_pending_fits(const struct dr_pending *pending, const struct dr_slot *was, const struct dr_state *state)
{
    if (!was->complete || was->device != state->device || was->inode != state->inode ||
        was->block_size != state->header.block_size)
        return 0;
    int64_t steps = state->header.iteration - pending->iteration;
    return (steps == 0 || steps == 1) &&
           (pending->header == dr_header_identity(&state->header, 0) || pending->header == dr_header_identity(&state->header, 1));
}

static duckrow_code copy_blocks(const duckrow_db *db, int source, const struct dr_state *state, const struct dr_choice *choice,
                                const struct dr_slot *slot, const struct dr_candidates *candidates, duckrow_published *published,
                                duckrow_error *error)
{
    struct dr_pending pending = {0};
    struct dr_copy copy = {.source = source,
                           .target = -1,
                           .header = &state->header,
                           .unused = candidates->known ? &candidates->unused : NULL,
                           .metadata = &candidates->metadata};
    if (choice->generation >= 0 && dr_pending_read(db, slot->generation, &pending) &&
        dr_pending_fits(&pending, &choice->was, state)) {
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
        int fits = known && (fresh || (dr_pending_read(db, generations[i], &pending) && dr_pending_fits(&pending, &slot, state)));
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

duckrow_code dr_slot_copy_wal(const duckrow_db *db, struct dr_slot *slot, int64_t end, duckrow_published *published,
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

void dr_slot_describe(struct dr_slot *slot, const struct dr_state *state)
{
    slot->device = state->device;
    slot->inode = state->inode;
    slot->header = state->header.hash;
    slot->iteration = state->header.iteration;
    slot->blocks = state->header.blocks;
    slot->block_size = state->header.block_size;
    snprintf(slot->boot_id, sizeof slot->boot_id, "%s", dr_boot_id());
}

duckrow_code dr_slot_complete(const duckrow_db *db, struct dr_slot *slot, const struct dr_state *state, const struct dr_wal *wal,
                              int64_t commits, duckrow_error *error)
{
    slot->wal_inode = wal->end ? state->wal_inode : 0;
    slot->wal_length = wal->end;
    slot->commits = commits;
    slot->sequence++;
    slot->published_at = dr_calendar_ms();
    slot->complete = DR_SLOT_COMPLETE;
    if (dr_slot_note_files(db, slot) < 0)
        return dr_fail_os(error, errno, "cannot look at the snapshot");
    return dr_slot_write(db, slot, error);
}

duckrow_code dr_rotate(duckrow_turn *turn, const struct dr_config *config, const struct dr_state *state, const struct dr_wal *wal,
                       int64_t sequence, duckrow_published *published, duckrow_error *error)
{
    duckrow_db *db = turn->db;
    struct dr_choice choice;
    struct dr_slot slot = {.sequence = sequence};
    struct dr_candidates candidates = {0};
    int64_t before = dr_slot_current(db);
    dr_ahead_stop(turn);
    duckrow_code code = dr_choose(db, config, &choice, error);
    if (code)
        return code;
    code = dr_candidates_read(turn->source->fd, &state->header, &candidates, error);
    if (code == DUCKROW_OK) {
        dr_slot_describe(&slot, state);
        code = dr_rotate_prepare(turn, &choice, &slot, error);
        if (code == DUCKROW_OK)
            code = copy_blocks(db, turn->source->fd, state, &choice, &slot, &candidates, published, error);
        if (code == DUCKROW_OK)
            code = dr_slot_copy_wal(db, &slot, wal->end, published, error);
        if (code == DUCKROW_OK)
            code = dr_slot_complete(db, &slot, state, wal, wal->commits, error);
        if (code == DUCKROW_OK)
            code = flip(db, slot.generation, error);
        /* A copy that could not be made whole is worth less than its space. */
        if (code && choice.generation < 0)
            dr_slot_remove(db, slot.generation);
    }
    dr_close(choice.lock);
    if (code == DUCKROW_OK) {
        if (candidates.known)
            dr_bitmap_union(&candidates.unused, &candidates.metadata);
        note_pending(db, state, slot.generation, before, &candidates.unused, candidates.known);
        dr_choose_trim(db, config);
        published->generation = slot.generation;
        published->sequence = slot.sequence;
        published->rotated = 1;
    }
    dr_candidates_free(&candidates);
    return code;
}
