/* A database: its paths, its folder, and the one descriptor that this process keeps on the file.
 *
 * POSIX locks belong to a process and an inode, and any close() of the file drops them all, DuckDB's included. So the file is
 * opened once, by dr_source_get, and that descriptor is shared by all handles of the process and not closed while anybody in
 * the process may have a POSIX lock on it. */
#ifndef DR_DB_H
#define DR_DB_H

#include <limits.h>

#include "os.h"

struct duckrow_db {
    char path[PATH_MAX];      /* of the database file, absolute, links resolved */
    char wal[PATH_MAX];
    char folder[PATH_MAX];    /* path + ".duckrow" */
    char read_path[PATH_MAX]; /* core.read.duckdb */
    char name[NAME_MAX + 1];  /* the file's own name */
    duckrow_db_options options;
    struct dr_interrupt interrupt;
    char command[DUCKROW_COMMAND_SIZE];
    unsigned forks;
};

/* The kept descriptor. Counts are of this process's turns that have a POSIX lock through it. */
struct dr_source {
    struct dr_source *next;
    dev_t device;
    ino_t inode;
    int fd, writable, users, exclusive, shared;
};

/* Finds or opens the descriptor of the file that db->path names now. *source is NULL, with DUCKROW_OK, when there is none. */
duckrow_code dr_source_get(const duckrow_db *db, struct dr_source **source, duckrow_error *error);
void dr_source_put(struct dr_source *source);
/* POSIX locks through the kept descriptor, counted: the process keeps the strongest that one of its turns needs. */
int dr_source_lock(struct dr_source *source, short type);
void dr_source_unlock(struct dr_source *source, short type);

/* Makes .duckrow, with the database's mode and owner. */
duckrow_code dr_db_make_folder(const duckrow_db *db, duckrow_error *error);
duckrow_code dr_db_make_one_folder(const duckrow_db *db, const char *path, duckrow_error *error);
/* Gives a file or folder that we made the database's mode, within `allowed`, and, if we may, its owner. 0777: a folder. */
void dr_db_adopt(const duckrow_db *db, int fd, mode_t allowed);
/* Opens a file of ours to read and write; makes it where there is none, or only one of another user's in a folder that we may
 * write. -1 with errno. */
int dr_db_open_own(const duckrow_db *db, const char *path);
/* Writes "<folder>/<format…>" to path; DUCKROW_USAGE when it gets too long. */
duckrow_code dr_db_path(const duckrow_db *db, char path[PATH_MAX], duckrow_error *error, const char *format, ...) DR_PRINTF(4, 5);
/* UNSUPPORTED: the file has several names. */
duckrow_code dr_db_fail_links(const char *path, const struct stat *st, duckrow_error *error);
duckrow_code dr_check_fork(unsigned forks, duckrow_error *error);

#endif
