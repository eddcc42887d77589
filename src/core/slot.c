#include "slot.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

static const char *const files[] = {"", ".wal"};

duckrow_code dr_slot_path(const duckrow_db *db, int64_t generation, const char *name, char path[PATH_MAX], duckrow_error *error)
{
    return dr_db_path(db, path, error, "snapshot/%lld/%s", (long long)generation, name);
}

static void copy_path(const duckrow_db *db, int64_t generation, int wal, char path[PATH_MAX])
{
    dr_db_path(db, path, NULL, "snapshot/%lld/%s%s", (long long)generation, db->name, files[wal]);
}

int64_t dr_slot_current(const duckrow_db *db)
{
    char path[PATH_MAX], target[32];
    if (dr_db_path(db, path, NULL, "snapshot/current"))
        return DR_SLOT_UNKNOWN;
    ssize_t n = dr_os.readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return n < 0 && errno == ENOENT ? DR_SLOT_NONE : DR_SLOT_UNKNOWN;
    target[n] = 0;
    char *end;
    long long generation = strtoll(target, &end, 10);
    return *end || generation < 0 ? DR_SLOT_NONE : generation;
}

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int dr_slot_list(const duckrow_db *db, int64_t generations[DR_SLOTS])
{
    char path[PATH_MAX];
    DIR *folder = dr_db_path(db, path, NULL, "snapshot") ? NULL : opendir(path);
    if (!folder)
        return 0;
    int count = 0;
    for (struct dirent *entry; count < DR_SLOTS && (entry = readdir(folder));)
        if (isdigit((unsigned char)entry->d_name[0]))
            generations[count++] = atoll(entry->d_name);
    closedir(folder);
    qsort(generations, (size_t)count, sizeof *generations, by_number);
    return count;
}

/* ---- record ---- */

static uint64_t checksum(const struct dr_slot *slot)
{
    return dr_hash(&slot->generation, sizeof *slot - sizeof slot->checksum);
}

int dr_slot_read_fd(int fd, struct dr_slot *slot)
{
    /* Its writer may be at it right now. */
    for (int tries = 0; tries < 5; tries++) {
        if (dr_read_at(fd, slot, sizeof *slot, 0) == 0 && slot->checksum == checksum(slot))
            return 1;
        sched_yield();
    }
    return 0;
}

int dr_slot_read(const duckrow_db *db, int64_t generation, struct dr_slot *slot)
{
    char path[PATH_MAX];
    if (dr_slot_path(db, generation, "record", path, NULL))
        return 0;
    int fd = dr_open(path, O_RDONLY, 0);
    int read = fd >= 0 && dr_slot_read_fd(fd, slot) && slot->generation == generation;
    dr_close(fd);
    return read;
}

duckrow_code dr_slot_write(const duckrow_db *db, struct dr_slot *slot, duckrow_error *error)
{
    char path[PATH_MAX];
    duckrow_code code = dr_slot_path(db, slot->generation, "record", path, error);
    if (code)
        return code;
    int fd = dr_db_open_own(db, path);
    slot->checksum = checksum(slot);
    if (fd < 0 || dr_write_at(fd, slot, sizeof *slot, 0) < 0)
        code = dr_fail_os(error, errno, "cannot write %s", path);
    dr_close(fd);
    return code;
}

static int64_t mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* By stat only: closing a slot's file would drop the lock of a DuckDB in this process that reads it. */
int dr_slot_note_files(const duckrow_db *db, struct dr_slot *slot)
{
    char path[PATH_MAX];
    struct stat st;
    copy_path(db, slot->generation, 0, path);
    if (dr_os.stat(path, &st) < 0)
        return -1;
    slot->file_inode = st.st_ino;
    slot->file_size = st.st_size;
    slot->file_mtime_ns = mtime_ns(&st);
    copy_path(db, slot->generation, 1, path);
    slot->file_wal_inode = dr_os.stat(path, &st) == 0 ? st.st_ino : 0;
    return 0;
}

int dr_slot_trusted(const duckrow_db *db, const struct dr_slot *slot, int wal_grows)
{
    char path[PATH_MAX];
    struct stat st;
    if (slot->complete == DR_SLOT_INCOMPLETE || strncmp(slot->boot_id, dr_boot_id(), sizeof slot->boot_id))
        return 0;
    copy_path(db, slot->generation, 0, path);
    if (dr_os.stat(path, &st) < 0 || st.st_ino != slot->file_inode || st.st_size != slot->file_size ||
        mtime_ns(&st) != slot->file_mtime_ns)
        return 0;
    copy_path(db, slot->generation, 1, path);
    if (dr_os.stat(path, &st) < 0)
        return slot->wal_length == 0;
    if (slot->file_wal_inode ? st.st_ino != slot->file_wal_inode : !wal_grows)
        return 0;
    return wal_grows ? st.st_size >= slot->wal_length : st.st_size == slot->wal_length;
}

int dr_slot_sound(const duckrow_db *db, const struct dr_slot *slot, int wal_grows)
{
    return slot->complete == DR_SLOT_COMPLETE && dr_slot_trusted(db, slot, wal_grows);
}

/* ---- pending ---- */

struct pending_file {
    uint64_t checksum, header;
    int64_t iteration, known, blocks;
};

static uint64_t pending_checksum(const struct pending_file *head, const struct dr_bitmap *blocks)
{
    return dr_hash(&head->header, sizeof *head - sizeof head->checksum) ^
           dr_hash(blocks->words, (size_t)dr_bitmap_words(head->blocks) * sizeof *blocks->words);
}

int dr_pending_read(const duckrow_db *db, int64_t generation, struct dr_pending *pending)
{
    char path[PATH_MAX];
    struct pending_file head;
    *pending = (struct dr_pending){0};
    if (dr_slot_path(db, generation, "pending", path, NULL))
        return 0;
    int fd = dr_open(path, O_RDONLY, 0), whole = 0;
    if (fd >= 0 && dr_read_at(fd, &head, sizeof head, 0) == 0 && head.blocks >= 0 && head.blocks < (int64_t)1 << 40 &&
        dr_bitmap_resize(&pending->blocks, head.blocks) == 0 &&
        dr_read_at(fd, pending->blocks.words, (size_t)dr_bitmap_words(head.blocks) * 8, sizeof head) == 0 &&
        head.checksum == pending_checksum(&head, &pending->blocks)) {
        pending->header = head.header;
        pending->iteration = head.iteration;
        pending->known = head.known;
        whole = 1;
    }
    dr_close(fd);
    if (!whole)
        dr_bitmap_free(&pending->blocks);
    return whole;
}

duckrow_code dr_pending_write(const duckrow_db *db, int64_t generation, const struct dr_pending *pending, duckrow_error *error)
{
    char path[PATH_MAX];
    duckrow_code code = dr_slot_path(db, generation, "pending", path, error);
    if (code)
        return code;
    struct pending_file head = {
        .header = pending->header, .iteration = pending->iteration, .known = pending->known, .blocks = pending->blocks.bits};
    head.checksum = pending_checksum(&head, &pending->blocks);
    int fd = dr_db_open_own(db, path);
    if (fd < 0 || dr_write_at(fd, &head, sizeof head, 0) < 0 ||
        dr_write_at(fd, pending->blocks.words, (size_t)dr_bitmap_words(head.blocks) * 8, sizeof head) < 0)
        code = dr_fail_os(error, errno, "cannot write %s", path);
    dr_close(fd);
    return code;
}

uint64_t dr_header_identity(const struct dr_header *header, int which)
{
    int64_t first, second;
    memcpy(&first, header->bytes + 4096 + 8, sizeof first);
    memcpy(&second, header->bytes + 8192 + 8, sizeof second);
    if (which < 0)
        which = first > second ? 0 : 1;
    return dr_hash(header->bytes, 4096) ^ dr_hash(header->bytes + 4096 * (which + 1), 4096);
}

static int read_path_is_ours(const duckrow_db *db, char target[PATH_MAX + 64])
{
    char now[PATH_MAX];
    snprintf(target, PATH_MAX + 64, "%s.duckrow/snapshot/current/%s", db->name, db->name);
    ssize_t n = dr_os.readlink(db->read_path, now, sizeof now - 1);
    return n == (ssize_t)strlen(target) && !memcmp(now, target, (size_t)n) ? 1 : n > 0 ? -1 : 0;
}

duckrow_code dr_slot_link_read_path(const duckrow_db *db, duckrow_error *error)
{
    char target[PATH_MAX + 64];
    int ours = read_path_is_ours(db, target);
    if (ours > 0)
        return DUCKROW_OK;
    if (ours < 0)
        dr_os.unlink(db->read_path);
    if (dr_os.symlink(target, db->read_path) < 0 && errno != EEXIST)
        return dr_fail_os(error, errno, "cannot make %s", db->read_path);
    return DUCKROW_OK;
}

void dr_slot_unlink_read_path(const duckrow_db *db)
{
    char target[PATH_MAX + 64];
    if (read_path_is_ours(db, target) > 0)
        dr_os.unlink(db->read_path);
}

void dr_slot_remove(const duckrow_db *db, int64_t generation)
{
    static const char *const own[] = {"record", "pending", "lock"};
    char path[PATH_MAX];
    for (int wal = 0; wal < 2; wal++) {
        copy_path(db, generation, wal, path);
        dr_os.unlink(path);
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (dr_slot_path(db, generation, own[i], path, NULL) == DUCKROW_OK)
            dr_os.unlink(path);
    if (dr_db_path(db, path, NULL, "snapshot/%lld", (long long)generation) == DUCKROW_OK)
        dr_os.rmdir(path);
}
