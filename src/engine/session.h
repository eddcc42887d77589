/* A session: one DuckDB instance of our own with one database file attached, made to look like a stock open of that file. The
 * file is attached under the name DuckDB derives from it (core.duckdb: core), is the default database, and the in-memory database
 * that DuckDB starts with is gone: SQL sees core.main.t and nothing else.
 *
 *     dr_session_open      the instance; worth doing before the turn is taken, it needs no file
 *     dr_session_attach    the file
 *     … SQL through session->duckdb and session->connection; end every result before the next step …
 *     dr_session_checkpoint, when the plan of the publish asks for it
 *     dr_session_detach    then attach again, or
 *     dr_session_close
 *
 * Writing, no checkpoint happens but by dr_session_checkpoint or by SQL that asks for one: every threshold is out of reach.
 *
 * The connection `side` is for reading a result of `connection` once more (relay.h) and never has the file as its default.
 *
 * A guest is one more file in the instance of another session, its host, under a name of its own and never the default: what SQL
 * attached. It works through the host's side connection, so transactions of the host's don't matter to it, and ends before it. */
#ifndef DR_SESSION_H
#define DR_SESSION_H

#include "engine.h"

typedef struct dr_session {
    const struct dr_duckdb *duckdb;
    duckdb_database database;
    duckdb_connection connection, side;
    char *catalog;         /* name of the attached file's database; NULL: none attached */
    char *guest, *options; /* of a guest: the name for its database, and more options of ATTACH or NULL; else NULL */
    duckdb_result *relayed; /* what duckrow_result() reads: relay.h */
    struct dr_feed *fed;    /* what duckrow_feed() reads: feed.h */
} dr_session;

enum {
    DR_ATTACH_WRITE = 1,  /* read-write */
    DR_ATTACH_CREATE = 2, /* the file is missing: make one that both lines of DuckDB can read */
};

/* scratch: where DuckDB spills what does not fit into memory; DuckDB makes and removes it; NULL: DuckDB's own choice.
 * busy_timeout: the value of the option of that name, in milliseconds, until SQL sets it. */
duckrow_code dr_session_open(const dr_engine *engine, const char *scratch, int64_t busy_timeout, dr_session **session,
                             duckrow_error *error);
/* options: of ATTACH, as SQL, an ENCRYPTION_KEY perhaps; NULL: none. */
duckrow_code dr_session_guest(const dr_session *host, const char *name, const char *options, dr_session **guest,
                              duckrow_error *error);
/* database: how messages name the file; path may be that of a snapshot. Errors: SQL, or NOT_A_DATABASE, PERMISSION, UNSUPPORTED, BUSY, DISK_FULL where DuckDB's message tells. */
duckrow_code dr_session_attach(dr_session *session, const char *path, const char *database, unsigned flags, duckrow_error *error);
/* For an instance that writes for long, or that readers follow: no DICT_FSST from here on. Where that holds NULLs, DuckDB 1.5.6 and 2.0.0
 * replay a WAL wrongly that inserts rows into a table with an index and, in a later transaction, updates such a NULL: it is NULL again, for readers of the snapshot, and
 * for good after a crash. Strings take more room so. */
duckrow_code dr_session_no_dict_fsst(dr_session *session, duckrow_error *error);
duckrow_code dr_session_checkpoint(dr_session *session, duckrow_error *error);
/* Is the file attached, or has SQL detached it? */
int dr_session_attached(dr_session *session);
/* Nothing to do when SQL has detached the file already. */
duckrow_code dr_session_detach(dr_session *session, duckrow_error *error);
void dr_session_close(dr_session *session);

/* The value in the first column of the first row, as text to be freed; NULL in *text where there is no row. The column is a VARCHAR. */
duckrow_code dr_session_text(dr_session *session, const char *sql, char **text, duckrow_error *error);
/* "v1.4.0+": of the attached file, as DuckDB says it; to be freed. Errors: UNSUPPORTED where it doesn't. */
duckrow_code dr_session_storage_version(dr_session *session, char **version, duckrow_error *error);
/* Runs SQL whose result doesn't matter: on any connection, or the session's own. */
duckrow_code dr_connection_run(const struct dr_duckdb *duckdb, duckdb_connection connection, const char *sql,
                               duckrow_error *error);
duckrow_code dr_session_run(dr_session *session, const char *sql, duckrow_error *error);
/* current_setting('busy_timeout'), in milliseconds. */
int64_t dr_session_busy_timeout(dr_session *session);
/* Ends the running statement with an error; from a signal handler or another thread. */
void dr_session_interrupt(const dr_session *session);

/* From here on DuckDB reckons how far a statement is: in percent, from any thread; -1: it can't tell, or none runs. */
void dr_session_follow(dr_session *session);
double dr_session_progress(const dr_session *session);

/* Fills in *error from DuckDB's message: one line, without the query text it repeats. Returns DUCKROW_SQL or INTERRUPTED. */
duckrow_code dr_sql_failed(duckrow_error *error, const char *message);
/* The bytes of a string in a vector; not terminated. */
const char *dr_string(const duckdb_string_t *string, size_t *length);

#endif
