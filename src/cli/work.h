/* What the subcommands do with a database, in the order that duckrow.h asks for: reading a snapshot or, where there can be none,
 * the file itself; writing; making the snapshot level. */
#ifndef DR_WORK_H
#define DR_WORK_H

#include "cli.h"
#include "engine/session.h"

struct dr_work {
    duckrow_db *db;
    dr_engine *engine; /* NULL for a guest session: its host's is used */
    dr_session *session;
    int bare; /* dr_work_read finds what is to be read, and leaves it to the caller to open it */
    duckrow_turn *turn;
    duckrow_snapshot *snapshot;
    int64_t started, timeout_ms; /* of the waiting, all in all; busy_timeout may change it before it begins */
};

/* What a publish did. */
struct dr_outcome {
    duckrow_plan plan;
    duckrow_published published;
};

/* Where DuckDB is to spill: "<database>.tmp.…" beside the database as a stock open does, if we may, else in the temporary folder.
 * db: NULL for none. 0: the path is too long. */
int dr_work_scratch(const duckrow_db *db, char *path, size_t size);
/* Names the database. flags: DUCKROW_MUST_EXIST or 0. */
duckrow_code dr_work_open_database(struct dr_work *work, const struct dr_options *options, uint32_t flags, duckrow_error *error);
/* Loads the engine and opens an instance of it. */
duckrow_code dr_work_open_engine(struct dr_work *work, const struct dr_options *options, duckrow_error *error);
/* Both: all that can be done before waiting. :memory: has no database, only an engine. */
duckrow_code dr_work_open(struct dr_work *work, const struct dr_options *options, uint32_t flags, duckrow_error *error);
/* Ends everything that is still open. */
void dr_work_close(struct dr_work *work);
/* What is left of the timeout, not less than 0. */
int64_t dr_work_left(const struct dr_work *work);

/* Has the file DuckDB's mark of an encrypted one? */
int dr_work_encrypted(const struct dr_work *work);
/* Attaches what is to be read: the snapshot, made new first where it is stale, or else the file itself under a shared turn. */
duckrow_code dr_work_read(struct dr_work *work, duckrow_error *error);

/* What to call the work, so that a service gives its turn up, which it does for a "hold" alone. */
const char *dr_work_kind(const struct dr_work *work, const char *kind);
/* Takes an exclusive turn. */
duckrow_code dr_work_take(struct dr_work *work, const char *kind, duckrow_error *error);
/* Attaches the file read-write; under an exclusive turn. */
duckrow_code dr_work_attach(struct dr_work *work, duckrow_error *error);
/* Publishes; under an exclusive turn, with nothing open in the engine. Attaches the file where a checkpoint needs it.
 * detach: and leave the file alone from then on; otherwise it stays attached. */
duckrow_code dr_work_publish(struct dr_work *work, int detach, struct dr_outcome *outcome, duckrow_error *error);
/* Closes the file and gives the turn up. */
void dr_work_release(struct dr_work *work);

/* Makes the snapshot as new as the file: turn, attach, publish, release. */
duckrow_code dr_work_refresh(struct dr_work *work, struct dr_outcome *outcome, duckrow_error *error);

#endif
