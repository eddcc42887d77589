/* The writing engine: one DuckDB instance with every database of the service attached read-write, each under its turn.
 *
 * Three rules are kept here, whoever works in the instance:
 *
 *  - Nothing begins a transaction without being a member of the gate, and nothing commits but through dr_host_commit. So the gate
 *    can hold new transactions back, wait for the others and, past a limit, end them, which is what a checkpoint needs that may
 *    not be put off: DuckDB refuses to checkpoint beside an older transaction that somebody else's update or DDL outdated.
 *  - A commit and its publishing are one step under the database's commit lock, first come first served: the WAL's length is
 *    never read while a COMMIT is in flight, and whoever is acknowledged has been published.
 *  - A commit that readers can't take from a WAL (DDL, anything but plain rows) is checkpointed and rotated before it is
 *    acknowledged: at once where DuckDB lets us, else by its committer when it has the engine alone; and what others commit in
 *    between is not acknowledged before that either.
 *
 * Order of locks: the gate, then a commit lock, then the core's. Nobody asks to be alone while holding a commit lock, for members end
 * by committing. */
#ifndef DR_HOST_H
#define DR_HOST_H

#include <stdatomic.h>

#include "engine/session.h"
#include "gate.h"
#include "leveler.h"
#include "parallel.h"
#include "publisher.h"
#include "settings.h"
#include "times.h"

/* One database file. */
struct dr_served {
    char *name, *quoted; /* as SQL names it */
    duckrow_db *db;
    duckrow_turn *turn;
    struct dr_fair_lock commit;
    /* Under the commit lock, but for what is atomic, which anybody may read. */
    atomic_int commits;        /* in the WAL since the last checkpoint */
    int64_t checkpointed_at, checkpoint_ms;
    int64_t put_off_at;        /* when no slot was at hand for a checkpoint that is due (dr_clock_ms) */
    int64_t refused_at;        /* when DuckDB first refused the checkpoint that is due (dr_clock_ms); 0: it didn't */
    atomic_int unpublished;    /* a duckrow_code: why readers can't be given the newest state; OK: they can */
    atomic_llong sequence;     /* of the last publish; what views compare */
    atomic_int away;           /* not attached: it is somebody's to whom the service has handed it (handover.h) */
    atomic_llong held_by;      /* that process; 0: not known */
    atomic_llong total_commits, transactions; /* of clients: a commit may be of many */
    struct dr_times publishes, rotations; /* how long commits stood still for each */
};

/* Once for each instance: what statements about PostgreSQL's catalog need (catalog.h). The first caller waits for it, and so do others. */
struct dr_catalog_state {
    pthread_mutex_t mutex;
    int ready;
};

struct dr_host {
    const struct dr_settings *settings;
    dr_engine *engine;
    const struct dr_duckdb *duckdb;
    int plans_anew;            /* a prepared statement each time it is run, as DuckDB 2 does; DuckDB 1 keeps the plan */
    dr_session *session;       /* the instance, and its own connection */
    dr_session *guest[DR_DATABASES];
    int databases;
    struct dr_served served[DR_DATABASES];
    struct dr_gate gate;
    struct dr_catalog_state catalog;
    struct dr_parallel parallel;
    struct dr_leveler *leveler;
    atomic_int broken;         /* DuckDB has invalidated a database: reopen */
    atomic_int handing; /* the gate is closed, perhaps for long, as a database is handed to somebody: read from snapshots */
};

/* Takes the turns, in the order of the paths, and attaches the files. Errors: those of the core and the engine. */
duckrow_code dr_host_open(struct dr_host *host, const struct dr_settings *settings, int (*interrupted)(void *),
                          duckrow_error *error);
/* Checkpoints, publishes, gives the turns up. Nobody is a member any more. */
void dr_host_close(struct dr_host *host);

/* Closes the file of database i, and opens it again, another one perhaps, or a new one. Alone at the gate; opening, under its turn. */
duckrow_code dr_host_detach(struct dr_host *host, int i, duckrow_error *error);
duckrow_code dr_host_attach(struct dr_host *host, int i, duckrow_error *error);

/* A DuckDB instance within the limits of the settings, with no database yet. *session is the caller's, after an error too. */
duckrow_code dr_host_instance(const struct dr_host *host, dr_session **session, duckrow_error *error);
/* A connection whose default is the database of that number: of the writing engine, or of another instance with the same databases.
 * Errors: SQL, NO_MEMORY. */
duckrow_code dr_host_connect(struct dr_host *host, int database, duckdb_connection *connection, duckrow_error *error);
duckrow_code dr_host_connect_to(const struct dr_host *host, dr_session *session, int database, duckdb_connection *connection,
                                duckrow_error *error);

/* Makes sure of it, by any connection of the instance that is in no transaction. */
duckrow_code dr_host_catalog(const struct dr_host *host, struct dr_catalog_state *state, duckdb_connection connection,
                             duckrow_error *error);

/* Commits on the member's connection, publishes, and leaves the gate, whatever is returned. written: the number of the database that was
 * written; -1: any. How to commit: COMMIT, or what `run` does, which begins and ends a transaction of its own.
 * Errors: SQL where committing fails; DISK_FULL, IO, … where it is committed, but can't be published. */
struct dr_committing {
    duckrow_code (*run)(void *context, duckrow_error *error); /* NULL: COMMIT */
    void *context;
    int committed; /* set: it is committed, whatever is returned, and must not be done again */
};
duckrow_code dr_host_commit(struct dr_host *host, struct dr_member *member, int written, struct dr_committing *how,
                            duckrow_error *error);

#endif
