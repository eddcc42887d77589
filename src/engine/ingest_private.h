/* What the parts of ingest share.
 *
 *     ingest.c          passes, tables, and groups of files that are alike: what is tried in which transaction
 *     ingest_ledger.c   the ledger
 *     ingest_columns.c  what columns files have
 *     ingest_files.c    files that go away
 *     ingest_sql.c      running SQL
 */
#ifndef DR_INGEST_PRIVATE_H
#define DR_INGEST_PRIVATE_H

#include "ingest.h"

/* A table's files. */
struct dr_batch {
    struct dr_ingest *ingest;
    const char *folder;
    char table[2 * DR_STAGING_NAME + 8]; /* as SQL, without the catalog */
    struct dr_staged_file *files;
    int count;
    char **signature; /* of each file: its columns; NULL: it can't be read */
    char *known;      /* of each file: it has an entry in the ledger, so its rows are in the table */
    int entries, gone_count; /* those of the folder; those of them whose file is gone, until they are taken out */
    char *gone;              /* the latter, as SQL: 'a', 'b' */
};

static inline duckrow_code dr_ingest_no_memory(duckrow_error *error)
{
    return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}

/* ---- SQL: `sql` is freed; NULL is out of memory ---- */

duckrow_code dr_ingest_run(const struct dr_ingest *ingest, duckrow_error *error, char *sql);
/* And how many rows it changed. */
duckrow_code dr_ingest_change(const struct dr_ingest *ingest, int64_t *rows, duckrow_error *error, char *sql);
/* As a transaction of its own. */
duckrow_code dr_ingest_transact(const struct dr_ingest *ingest, duckrow_error *error, char *sql);
/* Calls `row` for each row of a result whose columns are VARCHAR, with terminated texts, NULL for NULL. */
typedef duckrow_code (*dr_take_row)(void *context, char **values, duckrow_error *error);
duckrow_code dr_ingest_query(const struct dr_ingest *ingest, int columns, dr_take_row row, void *context, duckrow_error *error,
                             char *sql);
/* ['…', '…']: the paths of those files that are chosen. NULL: out of memory. */
char *dr_ingest_paths(const struct dr_batch *batch, const int *chosen, int count);
/* Grows a text; both are freed where it fails. */
char *dr_ingest_append(char *text, char *more);
/* The file of that name, by its number; -1: it isn't in the batch. */
int dr_ingest_index(const struct dr_batch *batch, const char *name);
/* Is it the file that is wrong? */
int dr_ingest_blames_file(const duckrow_error *error);
/* Is there such a table? */
duckrow_code dr_ingest_exists(const struct dr_ingest *ingest, const char *table, int *found, duckrow_error *error);

/* ---- the ledger ---- */

/* In a transaction of its own where there is none yet. */
duckrow_code dr_ledger_make(struct dr_ingest *ingest, duckrow_error *error);
/* Fills in known and gone. Those removed files can't come back after it: their folder is synced. */
duckrow_code dr_ledger_read(struct dr_batch *batch, duckrow_error *error);
/* In the rows' transaction. */
duckrow_code dr_ledger_enter(const struct dr_batch *batch, const int *chosen, int count, duckrow_error *error);
/* Takes out what is gone; before others are entered. */
duckrow_code dr_ledger_prune(const struct dr_batch *batch, duckrow_error *error);

/* ---- columns ---- */

/* Of all chosen files; those that can't be read go to quarantine. */
duckrow_code dr_ingest_signatures(struct dr_batch *batch, const int *chosen, int count, duckrow_error *error);

/* Of a file: the names, and what of them the table lacks, as SQL. */
struct dr_ingest_columns {
    char *list, *missing; /* NULL: none */
    char *add;            /* the statements that add those; NULL: none */
};
duckrow_code dr_ingest_read_columns(const struct dr_batch *batch, int file, struct dr_ingest_columns *columns,
                                    duckrow_error *error);
void dr_ingest_free_columns(struct dr_ingest_columns *columns);

/* ---- files that go away ---- */

/* Its rows are in the table. */
duckrow_code dr_ingest_put_away(const struct dr_batch *batch, const struct dr_staged_file *file, duckrow_error *error);
duckrow_code dr_ingest_quarantine(const struct dr_batch *batch, const struct dr_staged_file *file, const char *reason,
                                  duckrow_error *error);
/* DuckDB takes such a name for a pattern, which other files fit too, and knows no way to say that it is none: it gets another, which sorts
 * as before, and its turn in the next pass. */
duckrow_code dr_ingest_rename_patterns(struct dr_batch *batch, int *renamed, duckrow_error *error);

#endif
