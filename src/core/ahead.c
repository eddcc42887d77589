#include "ahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "copy.h"
#include "rotate.h"

/* How long a stop takes, and from how much on it is worth the renaming. */
enum { PIECE = 1 << 20, LEAST_BLOCKS = 8, KEPT = 16 };

struct dr_ahead {
    pthread_mutex_t mutex; /* of copying */
    pthread_cond_t rested;
    int copying;
    atomic_int stop, active;
    int kept[KEPT], closing[KEPT]; /* descriptors of unlinked files: for the next begin; for tidy */
    int keeps, closes;
    /* While it is active: the slot, what it is made level with, and what the copy has to look at. Of dr_ahead_copy while that runs, else
     * of whoever publishes. */
    struct dr_choice choice;
    int64_t current;
    struct dr_slot slot;
    struct dr_state state;
    struct dr_candidates candidates;
    struct dr_pending pending;
    struct dr_copy copy;
    int guess, failed;
};

duckrow_code dr_ahead_open(duckrow_turn *turn, duckrow_error *error)
{
    if (!(turn->ahead = calloc(1, sizeof *turn->ahead)))
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    pthread_mutex_init(&turn->ahead->mutex, NULL);
    pthread_cond_init(&turn->ahead->rested, NULL);
    return DUCKROW_OK;
}

void dr_ahead_close(duckrow_turn *turn)
{
    if (!turn || !turn->ahead)
        return;
    dr_ahead_stop(turn);
    dr_ahead_tidy(turn);
    while (turn->ahead->keeps > 0)
        dr_close(turn->ahead->kept[--turn->ahead->keeps]);
    pthread_cond_destroy(&turn->ahead->rested);
    pthread_mutex_destroy(&turn->ahead->mutex);
    free(turn->ahead);
    turn->ahead = NULL;
}

int dr_ahead_busy(const duckrow_turn *turn)
{
    return turn->ahead && turn->ahead->active;
}

/* ---- a slot made level ---- */

/* Everything of the copy but the folder. */
static void forget(struct dr_ahead *ahead)
{
    dr_copy_close(&ahead->copy);
    dr_close(ahead->choice.lock);
    dr_candidates_free(&ahead->candidates);
    dr_bitmap_free(&ahead->pending.blocks);
    ahead->active = 0;
}

/* Is the current slot of the headers that the database has? Else a rotation is to come, and has to look for itself. */
static int is_settled(const duckrow_turn *turn, struct dr_ahead *ahead)
{
    struct dr_slot current;
    const struct dr_state *state = &ahead->state;
    ahead->current = dr_slot_current(turn->db);
    return ahead->current >= 0 && dr_slot_read(turn->db, ahead->current, &current) && dr_slot_sound(turn->db, &current, 0) &&
           dr_state_read(turn->db, turn->source->fd, &ahead->state, NULL) == DUCKROW_OK && state->header.hash &&
           !state->header.encrypted && current.device == state->device && current.inode == state->inode &&
           current.header == state->header.hash;
}

/* How many blocks the slot lacks of those that stand still. */
static int64_t count_missing(const duckrow_turn *turn, struct dr_ahead *ahead)
{
    const struct dr_header *header = &ahead->state.header;
    struct dr_copy *copy = &ahead->copy;
    int64_t missing = 0;
    int fits = ahead->choice.generation >= 0 && dr_pending_read(turn->db, ahead->choice.generation, &ahead->pending) &&
               dr_pending_fits(&ahead->pending, &ahead->choice.was, &ahead->state);
    copy->pending = fits ? &ahead->pending.blocks : NULL;
    copy->known_blocks = ahead->pending.known;
    for (int64_t block = 0; block < header->blocks; block++)
        missing += dr_copy_wants(copy, block);
    return missing;
}

/* 1: there is a slot, and enough to be copied into it; else *wait. */
static int choose(duckrow_turn *turn, struct dr_ahead *ahead, int64_t *wait)
{
    struct dr_config config;
    struct dr_bitmap *moving = &ahead->candidates.unused;
    const struct dr_state *state = &ahead->state;
    *wait = DR_AHEAD_NOTHING;
    if (turn->aside || !turn->source || dr_check_fork(turn->forks, NULL) || dr_turn_check(turn, NULL) ||
        dr_config_read(turn->db, &config, NULL) || !config.snapshots || !is_settled(turn, ahead))
        return 0;
    *wait = dr_choose_ahead(turn->db, &config, state->size, &ahead->choice);
    if (*wait)
        return 0;
    *wait = DR_AHEAD_NOTHING;
    /* Where the link could not be read for a moment, the current slot passes for one that is free. */
    if (ahead->choice.generation == ahead->current)
        return 0;
    if (dr_candidates_read(turn->source->fd, &state->header, &ahead->candidates, NULL) || !ahead->candidates.known)
        return 0;
    dr_bitmap_union(moving, &ahead->candidates.metadata);
    ahead->copy.source = turn->source->fd;
    ahead->copy.header = &state->header;
    ahead->copy.unused = ahead->copy.metadata = moving;
    return count_missing(turn, ahead) >= LEAST_BLOCKS || ahead->guess;
}

static duckrow_code begin(duckrow_turn *turn, struct dr_ahead *ahead)
{
    char path[PATH_MAX];
    dr_slot_describe(&ahead->slot, &ahead->state);
    ahead->slot.published_at = ahead->choice.generation < 0 ? dr_calendar_ms() : ahead->choice.was.published_at;
    duckrow_code code = dr_rotate_prepare(turn, &ahead->choice, &ahead->slot, NULL);
    if (!code)
        code = dr_slot_path(turn->db, ahead->slot.generation, turn->db->name, path, NULL);
    if (!code)
        code = dr_copy_open(&ahead->copy, turn->db, path, NULL);
    return code;
}

int64_t dr_ahead_begin(duckrow_turn *turn, int guess)
{
    struct dr_ahead *ahead = turn->ahead;
    int64_t wait;
    if (!ahead || ahead->active)
        return DR_AHEAD_NOTHING;
    for (; ahead->keeps > 0 && ahead->closes < KEPT; ahead->keeps--)
        ahead->closing[ahead->closes++] = ahead->kept[ahead->keeps - 1];
    ahead->choice = (struct dr_choice){.generation = -1, .lock = -1};
    ahead->slot = (struct dr_slot){0};
    ahead->copy = (struct dr_copy){.target = -1};
    ahead->guess = guess;
    ahead->failed = 0;
    if (!choose(turn, ahead, &wait)) {
        forget(ahead);
        return wait;
    }
    ahead->active = 1;
    if (begin(turn, ahead) == DUCKROW_OK)
        return DR_AHEAD_COPY;
    ahead->failed = 1;
    dr_ahead_end(turn);
    return DR_AHEAD_NOTHING;
}

void dr_ahead_copy(duckrow_turn *turn)
{
    struct dr_ahead *ahead = turn->ahead;
    pthread_mutex_lock(&ahead->mutex);
    int goes, more = goes = ahead->copying = ahead->active && !ahead->stop;
    pthread_mutex_unlock(&ahead->mutex);
    while (more && !ahead->stop && !ahead->failed)
        ahead->failed = dr_copy_piece(&ahead->copy, PIECE, &more, NULL) != DUCKROW_OK;
    for (int64_t next = 0; ahead->guess && goes && next >= 0 && !ahead->stop && !ahead->failed;) {
        next = dr_copy_guess(&ahead->copy, next, PIECE);
        ahead->failed = next < -1;
    }
    pthread_mutex_lock(&ahead->mutex);
    ahead->copying = 0;
    pthread_cond_broadcast(&ahead->rested);
    pthread_mutex_unlock(&ahead->mutex);
}

/* What may differ from here on: all that moves, and what was not come to. */
static duckrow_code note(const duckrow_turn *turn, struct dr_ahead *ahead)
{
    const struct dr_header *header = &ahead->state.header;
    struct dr_pending pending = {
        .header = dr_header_identity(header, -1), .iteration = header->iteration, .known = header->blocks};
    if (dr_bitmap_resize(&pending.blocks, header->blocks) < 0)
        return DUCKROW_NO_MEMORY;
    dr_bitmap_union(&pending.blocks, &ahead->candidates.unused);
    for (int64_t block = ahead->copy.next; block < header->blocks; block++)
        if (dr_copy_wants(&ahead->copy, block))
            dr_bitmap_add(&pending.blocks, block);
    duckrow_code code = dr_pending_write(turn->db, ahead->slot.generation, &pending, NULL);
    dr_bitmap_free(&pending.blocks);
    ahead->slot.complete = DR_SLOT_LEVEL;
    if (!code && dr_slot_note_files(turn->db, &ahead->slot) < 0)
        code = DUCKROW_IO;
    return code ? code : dr_slot_write(turn->db, &ahead->slot, NULL);
}

void dr_ahead_end(duckrow_turn *turn)
{
    struct dr_ahead *ahead = turn->ahead;
    struct dr_header now;
    if (!ahead || !ahead->active)
        return;
    /* With the same headers still, nothing that was copied can have changed meanwhile. */
    if (!ahead->failed && dr_header_read(turn->source->fd, &now, NULL) == DUCKROW_OK && now.hash == ahead->state.header.hash)
        note(turn, ahead);
    /* A copy that could not be made whole is worth less than its space. */
    if (ahead->failed && ahead->choice.generation < 0)
        dr_slot_remove(turn->db, ahead->slot.generation);
    forget(ahead);
}

void dr_ahead_stop(duckrow_turn *turn)
{
    struct dr_ahead *ahead = turn->ahead;
    if (!ahead)
        return;
    pthread_mutex_lock(&ahead->mutex);
    ahead->stop = 1;
    while (ahead->copying)
        pthread_cond_wait(&ahead->rested, &ahead->mutex);
    pthread_mutex_unlock(&ahead->mutex);
    dr_ahead_end(turn);
    ahead->stop = 0;
}

/* ---- unlinked files ---- */

void dr_ahead_keep(duckrow_turn *turn, const char *path)
{
    struct dr_ahead *ahead = turn->ahead;
    int fd = ahead && ahead->keeps < KEPT ? dr_open(path, O_RDONLY, 0) : -1;
    if (fd >= 0)
        ahead->kept[ahead->keeps++] = fd;
}

void dr_ahead_tidy(duckrow_turn *turn)
{
    for (struct dr_ahead *ahead = turn->ahead; ahead && ahead->closes > 0;)
        dr_close_slowly(ahead->closing[--ahead->closes]);
}
