/* Staged files: rows on their way into a table, in Parquet files that everybody may put there, without a lock.
 *
 *     core.duckdb.duckrow/staging/.tmp/             files that are being written
 *                                <table>/x.parquet  whole ones, ingested in the order of their names
 *                                quarantine/<table>/, done/<table>/   what ingest took out
 *
 * The rule, for whoever does it by hand: write a file in .tmp, sync it, rename it into <table>/, with a name that ends in .parquet and
 * doesn't begin with a point. Two files of one name must not be there at a time; names made here begin with the time and never collide.
 *
 * <table> is a table's name, or schema.name; bytes in them other than letters, digits, _, - and those beyond ASCII are written %2E,
 * and so are the first letters of tables called quarantine and done.
 *
 * Killed before the rename: a file in .tmp, which dr_staging_sweep removes when it is old. After it: staged. */
#ifndef DR_STAGING_H
#define DR_STAGING_H

#include "db.h"

enum { DR_STAGING_NAME = NAME_MAX + 1 };
#define DR_STAGING_QUARANTINE "quarantine"
#define DR_STAGING_DONE "done"

/* "t", "s.t", "\"odd name\".t" as SQL has them → the folder's name. Errors: USAGE: no name of a table. */
duckrow_code dr_staging_folder(const char *table, char folder[DR_STAGING_NAME], duckrow_error *error);
/* And back, as SQL: "\"s\".\"t\"". 0: not such a folder. */
int dr_staging_table(const char *folder, char *table, size_t size);

/* For people, and good as dr_staging_folder's argument: "s.t", or as SQL where that needs quotes. */
const char *dr_staging_shown(const char *folder, char *table, size_t size);
/* A name that nobody has, and that sorts as `name` does, of which it begins with `most` bytes. Errors: IO. */
duckrow_code dr_staging_another_name(const char *name, size_t most, char other[DR_STAGING_NAME], duckrow_error *error);

/* "<folder>/staging/<format…>"; errors as of dr_db_path. */
duckrow_code dr_staging_path(const duckrow_db *db, char path[PATH_MAX], duckrow_error *error, const char *format, ...)
    DR_PRINTF(4, 5);
/* Makes staging/<name> and the folders above it, and syncs them. */
duckrow_code dr_staging_make(const duckrow_db *db, const char *name, duckrow_error *error);

/* Who a staged file is: a new one of the same name is another. */
struct dr_staged_file {
    char name[DR_STAGING_NAME];
    int64_t inode, size, modified_ns;
};
int dr_staged_file_same(const struct dr_staged_file *one, const struct dr_staged_file *other); /* besides the name */
/* The whole files of a table's folder, by name; *files is freed by the caller. Links, folders and what can't be looked at are not among
 * them. At most `most`, the first ones; *left: how many more there are. */
duckrow_code dr_staging_list(const duckrow_db *db, const char *folder, int most, struct dr_staged_file **files, int *count,
                             int *left, duckrow_error *error);
/* The tables' folders, by name; each is freed with the array, by free(). */
duckrow_code dr_staging_folders(const duckrow_db *db, char (**folders)[DR_STAGING_NAME], int *count, duckrow_error *error);
/* The same in a folder below staging. */
duckrow_code dr_staging_folders_in(const duckrow_db *db, const char *below, char (**folders)[DR_STAGING_NAME], int *count,
                                   duckrow_error *error);
/* Those of tables that have staged files or quarantined ones, each once. */
duckrow_code dr_staging_all_folders(const duckrow_db *db, char (**folders)[DR_STAGING_NAME], int *count, duckrow_error *error);
/* Adds a folder's whole files up. Begins with zeros. It neither sorts nor keeps them, so may be asked often. */
struct dr_backlog {
    int64_t files, bytes, oldest_ns; /* when the oldest was changed last */
};
duckrow_code dr_staging_count(const duckrow_db *db, const char *folder, struct dr_backlog *backlog, duckrow_error *error);
/* And those of all tables; one that can't be looked at doesn't hide the others, but is the error. */
duckrow_code dr_staging_count_all(const duckrow_db *db, struct dr_backlog *backlog, duckrow_error *error);
/* Of the oldest, by the clock; -1: there are none. */
int64_t dr_backlog_age_ms(const struct dr_backlog *backlog);
struct dr_json;
/* As members: files, bytes, oldest_seconds, null where oldest_ms is -1. */
void dr_backlog_json(struct dr_json *json, int64_t files, int64_t bytes, int64_t oldest_ms);
/* Is there any? Looks no further than the first. */
int dr_staging_any(const duckrow_db *db, const char *folder);
/* In bytes, of the whole file of that name; -1: there is none. */
int64_t dr_staging_size(const duckrow_db *db, const char *folder, const char *name);
/* Opens it to read, if it is the same file still; else *fd is -1. What is removed later stays readable through the descriptor, which
 * dr_close closes. */
duckrow_code dr_staging_open(const duckrow_db *db, const char *folder, const struct dr_staged_file *file, int *fd,
                             duckrow_error *error);
/* Is it the same file still? */
int dr_staging_same(const duckrow_db *db, const char *folder, const struct dr_staged_file *file);

/* Removes what was left in .tmp for longer than a day, and in quarantine reasons without a file. */
void dr_staging_sweep(const duckrow_db *db);
/* Removes what has been in done for so long; 0: nothing. To be called before files are put there, not after, for then a clock that jumps
 * later is noticed: files stay for all that time from then on. */
void dr_staging_sweep_done(const duckrow_db *db, int64_t keep_ms);

#endif
