/* A slot: one immutable copy of the database that readers open, and the files that describe it.
 *
 * snapshot/<generation>/<name>       the copy, mode 0444: a tool that forgets "read-only" is refused
 * snapshot/<generation>/<name>.wal   the commits since its checkpoint; only ever appended to
 * snapshot/<generation>/lock         readers of ours hold a read lock on it
 * snapshot/<generation>/record       struct dr_slot: what it was made from
 * snapshot/<generation>/pending      which of its blocks may differ from the database's after the next checkpoint
 * snapshot/current                   link to the generation that readers open
 * snapshot/last                      link to the one that was current when snapshots were switched off
 *
 * A slot counts only when its record's checksum fits and it says complete, in this boot: nothing here is ever fsynced. A slot is
 * marked incomplete before its first byte changes. Its folder is renamed to a new generation before it is filled again, so that
 * no path ever stands for two states. */
#ifndef DR_SLOT_H
#define DR_SLOT_H

#include "bitmap.h"
#include "db.h"
#include "duckfile.h"

enum { DR_SLOTS = 64 };
/* LEVEL: nobody's to read yet, but what `pending` leaves out can be trusted (ahead.h). */
enum { DR_SLOT_INCOMPLETE, DR_SLOT_COMPLETE, DR_SLOT_LEVEL };

struct dr_slot {
    uint64_t checksum;
    int64_t generation, sequence;
    int64_t complete; /* DR_SLOT_… */
    char boot_id[40];
    /* the database that it was made from */
    uint64_t device, inode, header; /* header: hash of the 12,288 bytes */
    int64_t iteration, blocks, block_size, wal_inode, wal_length, commits;
    /* its own files, to notice when somebody changed them */
    uint64_t file_inode, file_wal_inode;
    int64_t file_size, file_mtime_ns;
    int64_t published_at; /* calendar */
    int64_t retired;      /* dr_clock_ms when another slot became current; 0: it is current */
};

/* Which blocks of a slot may differ from the database, provided that the database has been checkpointed at most once since it had
 * the header `header` with that iteration. */
struct dr_pending {
    uint64_t header; /* dr_header_identity of it */
    int64_t iteration;
    int64_t known; /* blocks from here on may differ too: the database had no more blocks at some time since */
    struct dr_bitmap blocks;
};

duckrow_code dr_slot_path(const duckrow_db *db, int64_t generation, const char *name, char path[PATH_MAX], duckrow_error *error);
enum { DR_SLOT_NONE = -1, DR_SLOT_UNKNOWN = -2 }; /* UNKNOWN: the link that names it can't be read */
int64_t dr_slot_current(const duckrow_db *db);
/* Ascending; returns how many. */
int dr_slot_list(const duckrow_db *db, int64_t generations[DR_SLOTS]);
/* 1 when the record is there and whole, whatever it says. */
int dr_slot_read(const duckrow_db *db, int64_t generation, struct dr_slot *slot);
int dr_slot_read_fd(int fd, struct dr_slot *slot);
duckrow_code dr_slot_write(const duckrow_db *db, struct dr_slot *slot, duckrow_error *error);
/* Complete, of this boot, and its files as it left them. wal_grows: its WAL may be longer, a publisher is at work. */
int dr_slot_sound(const duckrow_db *db, const struct dr_slot *slot, int wal_grows);
/* The same, or level. */
int dr_slot_trusted(const duckrow_db *db, const struct dr_slot *slot, int wal_grows);
/* Notes the state of its own files in the record. */
int dr_slot_note_files(const duckrow_db *db, struct dr_slot *slot);

int dr_pending_read(const duckrow_db *db, int64_t generation, struct dr_pending *pending);
duckrow_code dr_pending_write(const duckrow_db *db, int64_t generation, const struct dr_pending *pending, duckrow_error *error);
/* Stands for the main header and one of the two database headers (0 or 1; -1: the active one). */
uint64_t dr_header_identity(const struct dr_header *header, int which);

/* What stock tools open: one link to `current`, so that one rename moves both. A file of the user's is left alone. */
duckrow_code dr_slot_link_read_path(const duckrow_db *db, duckrow_error *error);
void dr_slot_unlink_read_path(const duckrow_db *db);
/* Removes the slot's folder. */
void dr_slot_remove(const duckrow_db *db, int64_t generation);

#endif
