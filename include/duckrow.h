/* duckrow: many processes, one DuckDB file, no lock errors, nothing lost.
 *
 * This header is the contract of libduckrow, the core. The core depends on libc alone and never loads DuckDB: it decides who
 * may open a database file (the turn) and keeps the copies that readers open (the snapshot). The caller opens the file with
 * whatever DuckDB it has, in the order given here.
 *
 * To write:
 *     duckrow_db_open(path)
 *     duckrow_turn_take(EXCLUSIVE)          waits in the queue, then for strangers; from here on nobody else opens the file
 *     ATTACH or open the file, write, commit;   duckrow_turn_guard() before each commit and after each statement
 *     duckrow_publish_begin()               says whether a CHECKPOINT is needed; run it if so
 *     DETACH or close the file
 *     duckrow_publish_end()                 readers see the commits from here on
 *     duckrow_turn_release()
 *
 * To read:
 *     duckrow_db_open(path)
 *     duckrow_snapshot_pin()                DUCKROW_OK: open duckrow_snapshot_path() read-only
 *                                           DUCKROW_STALE: somebody must publish; take an exclusive turn, publish, pin again
 *                                           DUCKROW_NO_SNAPSHOT, or publishing failed: take a SHARED turn, open the file itself
 *     duckrow_snapshot_check()              still the newest commit? then what is open may be used again
 *     duckrow_snapshot_unpin()              after closing
 *
 * Ownership: every handle is the caller's and ends with its close, release or unpin. Strings that a function returns belong to
 * the handle they came from; those handed out through a `char **` are freed with duckrow_free().
 * Threads: a duckrow_db may be used from several threads; a turn or a snapshot from one at a time.
 * Fork: handles stay the parent's. In the child every call on them returns DUCKROW_FORKED, and closing them frees memory
 * without touching a lock of the parent's.
 * Times: timeouts are milliseconds, 0 tries once, negative is DUCKROW_USAGE; `*_at` are milliseconds since 1970 (UTC).
 * Errors: functions return a duckrow_code; details go into the caller's duckrow_error, which may be NULL. */
#ifndef DUCKROW_H
#define DUCKROW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUCKROW_VERSION "0.1.0"
#define DUCKROW_API __attribute__((visibility("default")))

/* Every error: name, code, message, exit status (sysexits.h where one fits), SQLSTATE. */
#define DUCKROW_ERRORS(X)                                                                                                        \
    X(OK, 0, "ok", 0, "00000")                                                                                                   \
    X(BUSY, 1, "the database is busy", 75, "55P03")                                                                              \
    X(USAGE, 2, "invalid argument", 64, "22023")                                                                                 \
    X(NOT_FOUND, 3, "no such database", 66, "58P01")                                                                             \
    X(NOT_A_DATABASE, 4, "not a DuckDB database", 65, "58030")                                                                   \
    X(PERMISSION, 5, "permission denied", 77, "42501")                                                                           \
    X(DISK_FULL, 6, "no space left", 73, "53100")                                                                                \
    X(IO, 7, "input/output error", 74, "58030")                                                                                  \
    X(STALE, 8, "the snapshot is older than the database", 75, "55000")                                                          \
    X(NO_SNAPSHOT, 9, "this database has no snapshots", 75, "0A000")                                                             \
    X(UNSUPPORTED, 10, "not supported", 78, "0A000")                                                                             \
    X(INTERRUPTED, 11, "interrupted", 130, "57014")                                                                              \
    X(FORKED, 12, "the handle belongs to the parent process", 70, "55000")                                                       \
    X(NO_ENGINE, 13, "no usable DuckDB", 69, "58000")                                                                            \
    X(SQL, 14, "SQL error", 1, "XX000")                                                                                          \
    X(READ_ONLY, 15, "the database is open read-only", 1, "25006")                                                               \
    X(NO_MEMORY, 16, "out of memory", 71, "53200")                                                                               \
    X(INTERNAL, 17, "internal error", 70, "XX000")

typedef enum duckrow_code {
#define DUCKROW_CODE(name, code, message, status, sqlstate) DUCKROW_##name = code,
    DUCKROW_ERRORS(DUCKROW_CODE)
#undef DUCKROW_CODE
} duckrow_code;

enum { DUCKROW_MESSAGE_SIZE = 1024, DUCKROW_COMMAND_SIZE = 256, DUCKROW_KIND_SIZE = 16, DUCKROW_TIMEOUT_DEFAULT = 10000 };

/* A process that holds or waits for something. pid 0: not to be seen from here (another container), or not known. */
typedef struct duckrow_process {
    int64_t pid;
    int64_t foreign_pid;                /* of one in another pid namespace (a container): its number there; else 0 */
    int64_t started;                    /* start time in clock ticks after boot (proc(5), stat field 22): tells a reused pid */
    int64_t since_at;                   /* when it took the turn, or began to wait */
    char kind[DUCKROW_KIND_SIZE];       /* "write", "read", "hold", "publish", "upgrade", "stranger" */
    char command[DUCKROW_COMMAND_SIZE]; /* its command line, cut to fit */
} duckrow_process;

typedef struct duckrow_error {
    duckrow_code code;
    int os_errno;                       /* errno of the failing call, or 0 */
    int waiting;                        /* BUSY: how many waited in the queue, this call included */
    int64_t waited_ms;                  /* BUSY: how long this call waited */
    duckrow_process holder;             /* BUSY: who holds the turn or the file, or blocks the queue */
    char message[DUCKROW_MESSAGE_SIZE]; /* one line, complete, says what to do */
} duckrow_error;

DUCKROW_API const char *duckrow_version(void);
/* "DUCKROW_BUSY" and so on; the message of the list; the exit status; the SQLSTATE. NULL or 70 for an unknown code. */
DUCKROW_API const char *duckrow_code_name(duckrow_code code);
DUCKROW_API const char *duckrow_code_message(duckrow_code code);
DUCKROW_API int duckrow_code_exit_status(duckrow_code code);
DUCKROW_API const char *duckrow_code_sqlstate(duckrow_code code);
DUCKROW_API void duckrow_free(void *memory);

/* ---- database ---------------------------------------------------------------------------------------------------------- */

typedef struct duckrow_db duckrow_db;

enum {
    DUCKROW_MUST_EXIST = 1,       /* a missing file is DUCKROW_NOT_FOUND */
    DUCKROW_NETWORK_FS = 2,       /* go on although the file system's locks are not to be trusted */
};

typedef struct duckrow_db_options {
    uint32_t flags;               /* DUCKROW_MUST_EXIST | … */
    int max_slots;                /* copies kept at most, 2 or more; 0: what the database's config says */
    int rest_ms;                  /* how long a slot that stock tools may be opening is left alone after its last use */
    int checkpoint_commits;       /* commits left in the WAL before a publish asks for a checkpoint */
    const char *command;          /* how to name this process; NULL: its command line */
    int (*interrupted)(void *);   /* called when a wait was disturbed by a signal: non-zero ends it; may be NULL */
    void *context;                /* for interrupted */
    int interrupt_fd;             /* once it can be read (an eventfd, a pipe), waits end as INTERRUPTED; -1: none */
} duckrow_db_options;
#define DUCKROW_DB_OPTIONS_INIT {0, 0, 200, 16, NULL, NULL, NULL, -1}

/* Names the database at path and checks that it can be one: a regular file that starts as DuckDB's do, or a missing one in an
 * existing folder. Opens nothing that DuckDB could mind. options may be NULL.
 * Errors: NOT_FOUND, NOT_A_DATABASE, PERMISSION, UNSUPPORTED (network file system, hard links, mount point), USAGE, IO. */
DUCKROW_API duckrow_code duckrow_db_open(const char *path, const duckrow_db_options *options, duckrow_db **db,
                                         duckrow_error *error);
DUCKROW_API void duckrow_db_close(duckrow_db *db);
DUCKROW_API const char *duckrow_db_path(const duckrow_db *db);      /* absolute, links resolved */
DUCKROW_API const char *duckrow_db_read_path(const duckrow_db *db); /* what stock tools open: core.read.duckdb */
DUCKROW_API const char *duckrow_db_folder(const duckrow_db *db);    /* core.duckdb.duckrow */
DUCKROW_API int duckrow_db_exists(const duckrow_db *db);            /* is there a file now? */

/* ---- turn -------------------------------------------------------------------------------------------------------------- */

typedef struct duckrow_turn duckrow_turn;
typedef enum duckrow_turn_mode { DUCKROW_EXCLUSIVE, DUCKROW_SHARED } duckrow_turn_mode;

/* Waits, first come first served, for the right to open the file: read-write (EXCLUSIVE, one process) or read-only (SHARED).
 * Then waits, within the same timeout, for programs that use the file without duckrow, and keeps them out.
 * kind is recorded ("write", "hold", …); a service steps aside for "hold", and for nothing else.
 * Errors: BUSY with holder, waiting and waited_ms; INTERRUPTED; PERMISSION; IO. */
DUCKROW_API duckrow_code duckrow_turn_take(duckrow_db *db, duckrow_turn_mode mode, const char *kind, int64_t timeout_ms,
                                           duckrow_turn **turn, duckrow_error *error);
/* Takes the POSIX lock on the database file again: any close() of that file in this process drops DuckDB's own. Cheap.
 * BUSY when a stranger got in between; IO when the file was removed or replaced, so that what is written now would be lost. */
DUCKROW_API duckrow_code duckrow_turn_guard(duckrow_turn *turn, duckrow_error *error);
/* Lets other programs, a child that has the turn lent to it, open the file; then keeps them out again, after waiting for them. */
DUCKROW_API duckrow_code duckrow_turn_lend(duckrow_turn *turn, duckrow_error *error);
DUCKROW_API duckrow_code duckrow_turn_reclaim(duckrow_turn *turn, int64_t timeout_ms, duckrow_error *error);
/* Have the database's headers changed since the turn was taken? To be asked after DuckDB has opened the file: DuckDB 2.0 reads
 * them before it locks, so if they have, close without writing and open again. */
DUCKROW_API int duckrow_turn_moved(duckrow_turn *turn);
/* How many descriptors on the database file this process has besides duckrow's own. The turn must not be released before 0. */
DUCKROW_API int duckrow_turn_open_files(duckrow_turn *turn);
/* Is the snapshot as new as the file was when the turn was taken, or published since? Until then readers wait. */
DUCKROW_API int duckrow_turn_level(const duckrow_turn *turn);
/* How many wait in the queue behind this turn. A few fcntl calls and nothing else: for a holder that asks often. Readers that may
 * not write the folder, or that only wait for the snapshot, are not in the queue. */
DUCKROW_API int duckrow_turn_wanted(const duckrow_turn *turn);
/* Gives the turn up and frees it. In a forked child it only frees. */
DUCKROW_API void duckrow_turn_release(duckrow_turn *turn);

/* ---- publish ----------------------------------------------------------------------------------------------------------- */

enum {
    DUCKROW_PUBLISH_CHECKPOINT = 1, /* ask for a checkpoint whatever the WAL holds */
    DUCKROW_PUBLISH_DUE = 2,        /* ask for one if a slot and space are at hand */
};

typedef struct duckrow_plan {
    int checkpoint;               /* run CHECKPOINT before duckrow_publish_end() */
    int required;                 /* and it can't be put off: readers can't take what the WAL holds */
    int commits;                  /* commits in the WAL */
    const char *reason;           /* why a checkpoint is wanted: static text */
} duckrow_plan;

typedef struct duckrow_published {
    int64_t generation;           /* of the slot that is current now */
    int64_t sequence;             /* grows by one with each publish that changed anything */
    int rotated;                  /* another slot became current */
    int64_t bytes;                /* written into the slot */
    int64_t compared;             /* blocks looked at */
    int64_t copied;               /* blocks written */
} duckrow_published;

/* Both under an exclusive turn, with no statement and no transaction open in the engine. begin reads the WAL's new frames: only
 * ordinary inserts, updates and deletes may reach readers through a WAL, everything else wants a checkpoint (plan->checkpoint).
 * end may be called with the file open or closed. After a failure readers find the old snapshot stale and share turns.
 * Errors: DISK_FULL: no space for a copy, or all max_slots are read, by error->holder among others; PERMISSION; NO_SNAPSHOT where
 * the database can't have one (encrypted) or, from end, is to have none; STALE: the folder was removed, or, from end, the file
 * changed in a way that needs a checkpoint first; IO: also where the file was replaced, and what was committed is not in it. */
DUCKROW_API duckrow_code duckrow_publish_begin(duckrow_turn *turn, uint32_t flags, duckrow_plan *plan, duckrow_error *error);
DUCKROW_API duckrow_code duckrow_publish_end(duckrow_turn *turn, duckrow_published *published, duckrow_error *error);

/* ---- snapshot ---------------------------------------------------------------------------------------------------------- */

typedef struct duckrow_snapshot duckrow_snapshot;

/* Pins the current slot: while it is pinned its files stay. Waits, up to timeout_ms, only for a writer that is bringing the
 * snapshot up to what it found. Errors: STALE, NO_SNAPSHOT (see the top), BUSY, PERMISSION, IO. */
DUCKROW_API duckrow_code duckrow_snapshot_pin(duckrow_db *db, int64_t timeout_ms, duckrow_snapshot **snapshot,
                                              duckrow_error *error);
/* OK: nothing was committed since duckrow_snapshot_pin() or _mark(). STALE: there is something newer, or may be. */
DUCKROW_API duckrow_code duckrow_snapshot_check(duckrow_snapshot *snapshot, duckrow_error *error);
DUCKROW_API const char *duckrow_snapshot_path(const duckrow_snapshot *snapshot);
DUCKROW_API int64_t duckrow_snapshot_generation(const duckrow_snapshot *snapshot);
DUCKROW_API int64_t duckrow_snapshot_sequence(const duckrow_snapshot *snapshot);
/* When the publish was that this snapshot showed when it was pinned. */
DUCKROW_API int64_t duckrow_snapshot_published_at(const duckrow_snapshot *snapshot);
DUCKROW_API void duckrow_snapshot_unpin(duckrow_snapshot *snapshot);

/* ---- staging ----------------------------------------------------------------------------------------------------------- */

/* Rows on their way into a table, as a Parquet file that anybody may leave beside the database: no lock, no turn, no service, no
 * database even. Whoever writes the database ingests each file once ("duckrow ingest", or the service).
 *
 *     duckrow_stage_begin()                 write a Parquet file to duckrow_stage_path(), with whatever can
 *     duckrow_stage_commit()                from here on it is staged, whatever happens
 *
 * table: a name, or schema.name, as in SQL. */
typedef struct duckrow_stage duckrow_stage;

/* Errors: USAGE: no name of a table; PERMISSION, DISK_FULL, IO. */
DUCKROW_API duckrow_code duckrow_stage_begin(duckrow_db *db, const char *table, duckrow_stage **stage, duckrow_error *error);
DUCKROW_API const char *duckrow_stage_path(const duckrow_stage *stage);
/* Syncs the file, gives it its name, syncs that, and frees the handle, whatever is returned. *name, where it isn't NULL, is the staged
 * file's path, and freed with duckrow_free(). An error: it is not staged, and gone. USAGE: nothing was written there. */
DUCKROW_API duckrow_code duckrow_stage_commit(duckrow_stage *stage, char **name, duckrow_error *error);
/* Removes what was written, and frees the handle. */
DUCKROW_API void duckrow_stage_abandon(duckrow_stage *stage);

/* ---- status ------------------------------------------------------------------------------------------------------------ */

typedef struct duckrow_slot_status {
    int64_t generation, published_at, bytes; /* bytes: disk space in use */
    int current, complete;
    int readers;                  /* how many of reader[] are filled in; a lock whose owner can't be named counts with pid 0 */
    duckrow_process reader[16];
} duckrow_slot_status;

typedef struct duckrow_figure {
    char name[40];
    int64_t value;
} duckrow_figure;

typedef struct duckrow_staged_status {
    char table[528];              /* as SQL has it, or s.t where that is as good */
    int64_t files, bytes;         /* staged, not yet ingested */
    int64_t oldest_ms;            /* age of the oldest, by its time of change; -1: none */
    int64_t quarantined;          /* files that couldn't be taken in */
} duckrow_staged_status;

typedef struct duckrow_status {
    char path[4096], read_path[4096];
    int exists, held, shared;     /* is the turn held; by readers sharing it */
    duckrow_process holder;       /* when held and not shared */
    int waiting;
    duckrow_process waiter[64];
    int fresh;                    /* is the current slot as new as the file, or explained by the turn's holder */
    int64_t generation, sequence, age_ms; /* of the current slot; -1: none; age: since its last publish */
    int slots;
    duckrow_slot_status slot[32];
    int strangers;                /* programs that have the database file open without duckrow */
    duckrow_process stranger[16];
    int64_t bytes;                /* what the .duckrow folder costs on disk */
    int max_slots, snapshots; /* settings: copies kept at most; are there to be any */
    char service[4352];       /* how to reach the service that has the turn: a libpq connection string; "": none has */
    int figures; /* what that service says of itself and of this database: those of SHOW duckrow, by their names, as it */
    duckrow_figure figure[96]; /* has last left them: "at", the first, says when (ms since 1970). None: they can't be read */
    duckrow_staged_status staging; /* of all tables; its table is "" */
    int staged_tables;             /* how many of staged_table[] are filled in: those with files, by name */
    duckrow_staged_status staged_table[64];
} duckrow_status;

/* A look from outside: takes no turn, waits for nothing, writes nothing. */
DUCKROW_API duckrow_code duckrow_status_read(duckrow_db *db, duckrow_status *status, duckrow_error *error);
/* The same as JSON, one object; keys as the fields above. *json is freed with duckrow_free(). */
DUCKROW_API duckrow_code duckrow_status_json(duckrow_db *db, char **json, duckrow_error *error);

#ifdef __cplusplus
}
#endif
#endif
