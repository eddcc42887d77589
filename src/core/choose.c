#include "choose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "readers.h"
#include "space.h"

enum { PATIENCE_MS = 1000, STEP_MS = 20, MOST_SLOTS = 32 };

/* What a look at all slots found. */
struct look {
    int count;
    int64_t rest;     /* how long until one that is free may have rested; -1: there is none */
    int64_t patience; /* how long one that is read is worth waiting for */
};

/* How long ago, at most, it was current; INT64_MAX for another boot's. */
static int64_t retired_for(const struct dr_slot *slot)
{
    if (strncmp(slot->boot_id, dr_boot_id(), sizeof slot->boot_id) || slot->retired == 0)
        return INT64_MAX;
    return dr_clock_ms() - slot->retired;
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
        free = !dr_readers_stock(path);
    if (!free)
        dr_close(*lock);
    return free;
}

/* The newest that is free and rested: 1. Otherwise *look says what may come. */
static int find_free(const duckrow_db *db, struct dr_choice *choice, struct look *look)
{
    int64_t generations[DR_SLOTS], current = dr_slot_current(db);
    *look = (struct look){.count = dr_slot_list(db, generations), .rest = -1};
    /* Any of them may be current. */
    if (current == DR_SLOT_UNKNOWN)
        return 0;
    for (int i = look->count; i-- > 0;) {
        if (generations[i] == current)
            continue;
        int read = dr_slot_read(db, generations[i], &choice->was);
        if (!read)
            memset(&choice->was, 0, sizeof choice->was);
        /* Changed by somebody: everything has to be compared. */
        if (read && !dr_slot_trusted(db, &choice->was, 0))
            choice->was.complete = DR_SLOT_INCOMPLETE;
        int64_t since = read ? retired_for(&choice->was) : INT64_MAX;
        if (!lock_slot(db, generations[i], &choice->lock)) {
            if (since < PATIENCE_MS && PATIENCE_MS - since > look->patience)
                look->patience = PATIENCE_MS - since;
            continue;
        }
        if (since >= db->options.rest_ms) {
            choice->generation = generations[i];
            return 1;
        }
        dr_close(choice->lock);
        if (look->rest < 0 || db->options.rest_ms - since < look->rest)
            look->rest = db->options.rest_ms - since;
    }
    return 0;
}

static duckrow_code slots_in_use(const duckrow_db *db, const struct dr_config *config, duckrow_error *error)
{
    enum { NAMED = 16, SHOWN = 4 };
    int64_t generations[DR_SLOTS], current = dr_slot_current(db);
    duckrow_process readers[NAMED], one[NAMED];
    char text[SHOWN * (DR_NAME_SIZE + 2) + 32] = "", name[DR_NAME_SIZE];
    int slots = dr_slot_list(db, generations), count = 0;
    for (int i = 0; i < slots; i++) {
        int here = generations[i] == current ? 0 : dr_readers_find(db, generations[i], one, NAMED);
        for (int k = 0; k < here && count < NAMED; k++) {
            int known = 0;
            for (int j = 0; j < count; j++)
                known |= one[k].pid && readers[j].pid == one[k].pid;
            if (!known)
                readers[count++] = one[k];
        }
    }
    for (int i = 0; i < count && i < SHOWN; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s%.100s", i ? ", " : "", dr_process_name(&readers[i], name));
    }
    if (count > SHOWN)
        snprintf(text + strlen(text), sizeof text - strlen(text), " and %d more", count - SHOWN);
    duckrow_code code =
        dr_fail(error, DUCKROW_DISK_FULL,
                "no slot is free for the new snapshot of %.200s: %s read older ones, and max_slots is %lld; close "
                "them or let them refresh, or allow another copy: duckrow config %.150s max_slots %lld",
                db->path, count ? text : "processes that have left", (long long)config->max_slots, db->path,
                (long long)config->max_slots + 1);
    if (error && count)
        error->holder = readers[0];
    return code;
}

duckrow_code dr_choose(const duckrow_db *db, const struct dr_config *config, struct dr_choice *choice, duckrow_error *error)
{
    for (;;) {
        struct look look;
        if (find_free(db, choice, &look))
            return DUCKROW_OK;
        if (look.count < config->max_slots)
            break;
        int64_t pause = look.rest;
        if (look.patience > 0 && (pause < 0 || pause > STEP_MS))
            pause = STEP_MS;
        if (pause < 0 && !config->holds && look.count < MOST_SLOTS)
            break;
        if (pause < 0)
            return slots_in_use(db, config, error);
        struct timespec time = {.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000};
        nanosleep(&time, NULL);
    }
    *choice = (struct dr_choice){.generation = -1, .lock = -1};
    return DUCKROW_OK;
}

int dr_choose_possible(const duckrow_db *db, const struct dr_config *config, int64_t bytes, int pressing)
{
    struct dr_choice choice;
    struct look look;
    if (find_free(db, &choice, &look)) {
        dr_close(choice.lock);
        return dr_space_enough(db, bytes - choice.was.file_size);
    }
    return look.count < (pressing ? config->max_slots : 2) && dr_space_enough(db, bytes);
}

int64_t dr_choose_ahead(const duckrow_db *db, const struct dr_config *config, int64_t bytes, struct dr_choice *choice)
{
    struct look look;
    if (find_free(db, choice, &look))
        return 0;
    if (look.rest >= 0)
        return look.rest;
    *choice = (struct dr_choice){.generation = -1, .lock = -1};
    return look.count < config->max_slots && dr_space_enough(db, bytes) ? 0 : -1;
}

void dr_choose_trim(const duckrow_db *db, const struct dr_config *config)
{
    struct dr_choice choice;
    struct look look;
    /* The newest free one stays for the next rotation; find_free returns it, so only a surplus is ever removed. */
    while (find_free(db, &choice, &look)) {
        if (look.count > config->max_slots)
            dr_slot_remove(db, choice.generation);
        dr_close(choice.lock);
        if (look.count <= config->max_slots)
            return;
    }
}

/* `last` keeps the number of the one that was current, for the next to be higher. */
static int64_t last(const duckrow_db *db)
{
    char path[PATH_MAX], target[32];
    ssize_t n = dr_db_path(db, path, NULL, "snapshot/last") ? -1 : dr_os.readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return 0;
    target[n] = 0;
    return atoll(target);
}

int64_t dr_choose_next(const duckrow_db *db)
{
    int64_t generations[DR_SLOTS], highest = last(db);
    int count = dr_slot_list(db, generations);
    if (count && generations[count - 1] > highest)
        highest = generations[count - 1];
    return highest + 1;
}

void dr_choose_retire(const duckrow_db *db)
{
    char current[PATH_MAX], kept[PATH_MAX];
    struct dr_choice choice;
    struct look look;
    struct dr_slot slot;
    int64_t generation = dr_slot_current(db);
    dr_slot_unlink_read_path(db);
    if (generation >= 0 && dr_db_path(db, current, NULL, "snapshot/current") == DUCKROW_OK &&
        dr_db_path(db, kept, NULL, "snapshot/last") == DUCKROW_OK && dr_os.rename(current, kept) == 0 &&
        dr_slot_read(db, generation, &slot)) {
        slot.retired = dr_clock_ms();
        dr_slot_write(db, &slot, NULL);
    }
    while (find_free(db, &choice, &look)) {
        int64_t before = look.count;
        dr_slot_remove(db, choice.generation);
        dr_close(choice.lock);
        int64_t generations[DR_SLOTS];
        if (dr_slot_list(db, generations) >= before)
            return;
    }
}
