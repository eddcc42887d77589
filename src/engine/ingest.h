/* Staged files (core/staging.h) into their tables, each once.
 *
 * Rows and an entry in the ledger, duckrow.ingested in the database itself, commit together; only then the file goes. Killed in between,
 * the file is known by its entry the next time (name, inode, size, time of change), and just goes. An entry goes when its file is gone
 * for good: its folder is synced.
 *
 * Files of one table with the same columns are one INSERT … SELECT, by the columns' names: a column that they lack takes its default. One
 * that fails is done again in halves, until what is wrong is one file: it goes to staging/quarantine/<table>/, with the reason beside
 * it in <name>.error, and the others go in. */
#ifndef DR_INGEST_H
#define DR_INGEST_H

#include "core/config.h"
#include "core/staging.h"
#include "session.h"

struct dr_ingest_rules {
    int create;      /* a table that doesn't exist is made with the columns of its first file; else its files wait */
    int add_columns; /* a column that the table lacks is added; else such a file is quarantined */
    int keep;        /* files go to staging/done/<table>/<date>/; else they are removed */
    int64_t keep_ms; /* and dr_staging_sweep_done removes them after so long; 0: never */
    int most_files;  /* in one transaction */
    int64_t most_bytes; /* and so many bytes, but at least one file */
};
/* As the database's settings say (core/config.h). Errors: USAGE, PERMISSION, IO. */
struct dr_ingest_rules dr_ingest_rules(const struct dr_config *config);

struct dr_ingest {
    const struct dr_duckdb *duckdb;
    duckdb_connection connection; /* in no transaction */
    const duckrow_db *db;
    char *catalog; /* the database as SQL names it, quoted */
    struct dr_ingest_rules rules;
    /* One transaction, also to look at something: begin; then commit, which also publishes, or rollback. commit may fail with the
     * transaction committed, and says so. */
    duckrow_code (*begin)(void *context, duckrow_error *error);
    duckrow_code (*commit)(void *context, int *committed, duckrow_error *error);
    void (*rollback)(void *context);
    void *context;
    /* What it did. */
    int64_t files, bytes, rows, quarantined, waiting; /* waiting: of tables that don't exist, in the last pass */
};

/* One batch of each table. *more: there are files for another pass. Errors are those of the database and the folders; a file's own are
 * in quarantine. */
duckrow_code dr_ingest_pass(struct dr_ingest *ingest, int *more, duckrow_error *error);

#endif
