#include "status.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "figures.h"
#include "json.h"
#include "publish.h"
#include "readers.h"
#include "staging.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static int64_t disk_space(const char *path)
{
    struct stat st;
    return dr_os.lstat(path, &st) == 0 ? (int64_t)st.st_blocks * 512 : 0;
}

static int64_t disk_space_below(const char *path, int depth)
{
    int64_t total = disk_space(path);
    DIR *folder = depth > 0 ? opendir(path) : NULL;
    if (!folder)
        return total;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char below[PATH_MAX];
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
            snprintf(below, sizeof below, "%s/%s", path, entry->d_name) < (int)sizeof below)
            total += entry->d_type == DT_DIR ? disk_space_below(below, depth - 1) : disk_space(below);
    }
    closedir(folder);
    return total;
}

static void read_slots(const duckrow_db *db, duckrow_status *status)
{
    int64_t generations[DR_SLOTS], current = dr_slot_current(db);
    int count = dr_slot_list(db, generations);
    for (int i = 0; i < count && i < COUNT(status->slot); i++) {
        duckrow_slot_status *slot = &status->slot[status->slots++];
        struct dr_slot record;
        char path[PATH_MAX];
        slot->generation = generations[i];
        slot->current = generations[i] == current;
        if (dr_slot_read(db, generations[i], &record)) {
            slot->complete = dr_slot_trusted(db, &record, 1);
            slot->published_at = record.published_at;
        }
        if (dr_db_path(db, path, NULL, "snapshot/%lld", (long long)generations[i]) == DUCKROW_OK)
            slot->bytes = disk_space_below(path, 1);
        slot->readers = dr_readers_find(db, generations[i], slot->reader, COUNT(slot->reader));
        if (slot->current && slot->complete) {
            status->generation = record.generation;
            status->sequence = record.sequence;
            status->age_ms = dr_calendar_ms() - record.published_at;
        }
    }
}

static duckrow_code read_turn(const duckrow_db *db, duckrow_status *status, duckrow_error *error)
{
    int fd;
    struct dr_queue queue;
    duckrow_code code = dr_turn_open(db, 0, &fd, error);
    if (code || fd < 0)
        return code;
    dr_turn_look(fd, &queue, status->waiter, COUNT(status->waiter));
    dr_close(fd);
    status->held = queue.held;
    status->shared = queue.shared;
    status->holder = queue.holder;
    status->waiting = queue.waiting;
    return DUCKROW_OK;
}

/* What a service has left for its clients counts while it has the turn, or has stepped aside. */
void dr_status_service(const duckrow_db *db, char *dsn, size_t size)
{
    char path[PATH_MAX];
    struct stat st;
    struct flock found;
    int turn;
    *dsn = 0;
    if (dr_turn_open(db, 0, &turn, NULL) || turn < 0)
        return;
    int serves = dr_lock_test(turn, F_RDLCK, DR_SERVE, 1, &found) > 0;
    dr_close(turn);
    if (!serves || dr_db_path(db, path, NULL, "service"))
        return;
    int fd = dr_open(path, O_RDONLY, 0);
    if (fd >= 0 && dr_os.fstat(fd, &st) == 0 && (size_t)st.st_size < size && dr_read_at(fd, dsn, (size_t)st.st_size, 0) == 0)
        dsn[st.st_size] = 0;
    dsn[strcspn(dsn, "\n")] = 0;
    dr_close(fd);
}

/* Programs with the database file itself open, besides those known to have a turn. */
static void read_strangers(duckrow_db *db, duckrow_status *status)
{
    struct dr_source *source;
    struct stat st;
    struct flock found;
    duckrow_process users[COUNT(status->stranger)];
    if (dr_source_get(db, &source, NULL) || !source)
        return;
    int locked = dr_lock_test(source->fd, F_WRLCK, 0, 0, &found) > 0;
    int count = 0;
    if (locked && !(status->held && status->shared) && dr_os.fstat(source->fd, &st) == 0)
        count = dr_file_users(&st, users, COUNT(users));
    dr_source_put(source);
    for (int i = 0; i < count; i++) {
        /* Others keep a descriptor too: only who has a lock is meant, and the lock names one. */
        int owner = found.l_pid > 0 ? users[i].pid == found.l_pid : 1;
        if (!owner || (status->held && users[i].pid == status->holder.pid))
            continue;
        snprintf(users[i].kind, sizeof users[i].kind, "stranger");
        status->stranger[status->strangers++] = users[i];
    }
}

static void count_staged(const duckrow_db *db, const char *folder, duckrow_staged_status *staged, struct dr_backlog *all)
{
    struct dr_backlog backlog = {0}, aside = {0};
    char below[2 * DR_STAGING_NAME];
    snprintf(below, sizeof below, DR_STAGING_QUARANTINE "/%s", folder);
    dr_staging_count(db, folder, &backlog, NULL);
    dr_staging_count(db, below, &aside, NULL);
    dr_staging_shown(folder, staged->table, sizeof staged->table);
    staged->files = backlog.files;
    staged->bytes = backlog.bytes;
    staged->oldest_ms = dr_backlog_age_ms(&backlog);
    staged->quarantined = aside.files;
    if (backlog.files && (!all->files || backlog.oldest_ns < all->oldest_ns))
        all->oldest_ns = backlog.oldest_ns;
    all->files += backlog.files;
    all->bytes += backlog.bytes;
}

/* What can't be looked at isn't counted. */
static void read_staging(const duckrow_db *db, duckrow_status *status)
{
    char (*folders)[DR_STAGING_NAME];
    int count;
    struct dr_backlog all = {0};
    dr_staging_all_folders(db, &folders, &count, NULL);
    for (int i = 0; i < count; i++) {
        duckrow_staged_status staged = {0};
        count_staged(db, folders[i], &staged, &all);
        status->staging.quarantined += staged.quarantined;
        if ((staged.files || staged.quarantined) && status->staged_tables < COUNT(status->staged_table))
            status->staged_table[status->staged_tables++] = staged;
    }
    free(folders);
    status->staging.files = all.files;
    status->staging.bytes = all.bytes;
    status->staging.oldest_ms = dr_backlog_age_ms(&all);
}

static int is_fresh(duckrow_db *db)
{
    duckrow_snapshot *snapshot;
    duckrow_code code = duckrow_snapshot_pin(db, 0, &snapshot, NULL);
    if (code == DUCKROW_OK)
        duckrow_snapshot_unpin(snapshot);
    return code == DUCKROW_OK;
}

duckrow_code duckrow_status_read(duckrow_db *db, duckrow_status *status, duckrow_error *error)
{
    dr_error_clear(error);
    memset(status, 0, sizeof *status);
    snprintf(status->path, sizeof status->path, "%s", db->path);
    snprintf(status->read_path, sizeof status->read_path, "%s", db->read_path);
    status->generation = status->sequence = status->age_ms = -1;
    status->exists = duckrow_db_exists(db);
    struct dr_config config;
    duckrow_code code = read_turn(db, status, error);
    if (code || (code = dr_config_read(db, &config, error)))
        return code;
    dr_status_service(db, status->service, sizeof status->service);
    if (*status->service)
        status->figures = dr_figures_read(db, status->figure, COUNT(status->figure));
    status->max_slots = (int)config.max_slots;
    status->snapshots = (int)config.snapshots;
    read_slots(db, status);
    if (status->exists) {
        read_strangers(db, status);
        status->fresh = is_fresh(db);
    }
    read_staging(db, status);
    status->bytes = disk_space_below(db->folder, 4);
    return DUCKROW_OK;
}

/* ---- JSON ---- */

static void write_process(struct dr_json *json, const char *key, const duckrow_process *process)
{
    dr_json_open(json, key, '{');
    dr_json_number(json, "pid", process->pid);
    dr_json_number(json, "foreign_pid", process->foreign_pid);
    dr_json_string(json, "command", process->command);
    dr_json_string(json, "kind", process->kind);
    dr_json_number(json, "since_at", process->since_at);
    dr_json_number(json, "started", process->started);
    dr_json_close(json, '}');
}

static void write_processes(struct dr_json *json, const char *key, const duckrow_process *processes, int count)
{
    dr_json_open(json, key, '[');
    for (int i = 0; i < count; i++)
        write_process(json, NULL, &processes[i]);
    dr_json_close(json, ']');
}

static void write_counts(struct dr_json *json, const duckrow_staged_status *staged)
{
    dr_backlog_json(json, staged->files, staged->bytes, staged->oldest_ms);
    dr_json_number(json, "quarantined", staged->quarantined);
}

static void write_staging(struct dr_json *json, const duckrow_status *status)
{
    dr_json_open(json, "staging", '{');
    write_counts(json, &status->staging);
    dr_json_open(json, "tables", '{');
    for (int i = 0; i < status->staged_tables; i++) {
        dr_json_open(json, status->staged_table[i].table, '{');
        write_counts(json, &status->staged_table[i]);
        dr_json_close(json, '}');
    }
    dr_json_close(json, '}');
    dr_json_close(json, '}');
}

static void write_slot(struct dr_json *json, const duckrow_slot_status *slot)
{
    dr_json_open(json, NULL, '{');
    dr_json_number(json, "generation", slot->generation);
    dr_json_bool(json, "current", slot->current);
    dr_json_bool(json, "complete", slot->complete);
    dr_json_number(json, "published_at", slot->published_at);
    dr_json_number(json, "bytes", slot->bytes);
    write_processes(json, "readers", slot->reader, slot->readers);
    dr_json_close(json, '}');
}

duckrow_code duckrow_status_json(duckrow_db *db, char **text, duckrow_error *error)
{
    *text = NULL;
    duckrow_status *status = malloc(sizeof *status);
    if (!status)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    duckrow_code code = duckrow_status_read(db, status, error);
    if (code == DUCKROW_OK) {
        struct dr_json json = {0};
        dr_json_open(&json, NULL, '{');
        dr_json_string(&json, "path", status->path);
        dr_json_string(&json, "read_path", status->read_path);
        dr_json_bool(&json, "exists", status->exists);
        dr_json_bool(&json, "held", status->held);
        dr_json_bool(&json, "shared", status->shared);
        if (status->held && !status->shared)
            write_process(&json, "holder", &status->holder);
        else
            dr_json_null(&json, "holder");
        dr_json_number(&json, "waiting", status->waiting);
        write_processes(&json, "waiters", status->waiter,
                        status->waiting < COUNT(status->waiter) ? status->waiting : COUNT(status->waiter));
        dr_json_bool(&json, "fresh", status->fresh);
        dr_json_number(&json, "generation", status->generation);
        dr_json_number(&json, "sequence", status->sequence);
        dr_json_number(&json, "age_ms", status->age_ms);
        dr_json_open(&json, "slots", '[');
        for (int i = 0; i < status->slots; i++)
            write_slot(&json, &status->slot[i]);
        dr_json_close(&json, ']');
        write_processes(&json, "strangers", status->stranger, status->strangers);
        dr_json_number(&json, "bytes", status->bytes);
        dr_json_number(&json, "max_slots", status->max_slots);
        dr_json_bool(&json, "snapshots", status->snapshots);
        if (*status->service) {
            dr_json_open(&json, "service", '{');
            dr_json_string(&json, "dsn", status->service);
            for (int i = 0; i < status->figures; i++)
                dr_json_number(&json, status->figure[i].name, status->figure[i].value);
            dr_json_close(&json, '}');
        } else {
            dr_json_null(&json, "service");
        }
        write_staging(&json, status);
        dr_json_close(&json, '}');
        *text = json.text;
        if (json.failed) {
            free(json.text);
            *text = NULL;
            code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
        }
    }
    free(status);
    return code;
}
