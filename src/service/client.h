/* A session of a client: protocol and state, in the loop's thread.
 *
 * Messages are worked off in order. What needs an engine is handed out: to a lane (client->unit, a small write by itself) or a worker
 * (client_start), and until it is back no further message is looked at. What to do then is client->after.
 *
 * Writes are gathered in client->unit until it is known what they are part of: until Sync they may be one transaction by themselves,
 * which the lane commits together with others'. Whatever can't wait for that (a read that must see them, Flush, too much of it) has
 * them run at once, in a transaction on the session's own connection ("settle"), and then Sync commits that.
 *
 * Of the fields marked "worker" only a task that is out writes, or the loop while none is. `out` is under the mutex. */
#ifndef DR_CLIENT_H
#define DR_CLIENT_H

#include "backend.h"
#include "cursor.h"
#include "log.h"
#include "parameters.h"
#include "server.h"
#include "wire.h"

struct dr_copying;
struct dr_literals;

struct dr_prepared {
    struct dr_prepared *next;
    char *name;
    char *sql;
    struct dr_statement *statement;
    uint32_t *oids; /* of the parameters: the client's, or else the statement's */
    int parameters;
};

struct dr_portal {
    struct dr_portal *next;
    char *name;
    struct dr_statement *statement;
    struct dr_unit bound;    /* values: the parameters, then the formats */
    size_t formats;
    struct dr_cursor cursor; /* worker */
    int finished, rows_told; /* no more rows; RowDescription was sent for it */
    int64_t told;            /* rows so far */
};

enum dr_phase { DR_PHASE_STARTUP, DR_PHASE_READY, DR_PHASE_ENDING };

struct dr_client {
    struct dr_task task; /* first: a task is its client */
    struct dr_client *next, *before, *next_finished;
    struct dr_server *server;
    uv_pipe_t pipe;
    uint32_t id, secret;
    enum dr_phase phase;
    struct dr_buffer in;
    int reading, busy, closed, skipping;
    void (*action)(struct dr_client *client); /* worker */
    void (*after)(struct dr_client *client);
    struct dr_parameters parameters, start; /* start: as the session began, for RESET */
    char shown[256]; /* for current_setting() */
    char user[64], peer[64];
    int64_t peer_pid;
    /* Statements. */
    struct dr_prepared *prepared;
    struct dr_portal *portals;
    struct dr_unit unit;
    char status;  /* 'I', 'T' (a block was begun), 'E' (it has failed) */
    int implicit; /* the open transaction ends with Sync */
    char *script; /* of a simple query; NULL: none is under way */
    size_t script_at;
    enum { DR_SCRIPT_NEXT, DR_SCRIPT_LOOKED, DR_SCRIPT_FINISHED } script_state;
    int script_parts;
    struct dr_literals *literals; /* of its statement that is under way; NULL: it has none to be parameters */
    char *preparing; /* of Parse: the name, and */
    uint32_t *preparing_oids;
    int preparing_count;
    char *parse_sql;
    struct dr_buffer again; /* a Bind that waits for its statement to be looked at */
    struct dr_copying *copy; /* that is under way (copy.h) */
    int copy_in;             /* and waits for CopyData */
    /* Timeouts, of dr_clock_ms; 0: none. */
    int64_t idle_since, running_since;
    char doing[32]; /* the statement's tag, for who looks */
    const char *lost; /* why the transaction was undone while the client was silent */
    /* The task that is out. worker */
    struct dr_backend backend;
    struct dr_portal *portal, *formats_of; /* what is read, and whose formats its rows have */
    const char *row_tag;                   /* of CommandComplete: SELECT or FETCH; MOVE: rows are not sent */
    struct dr_statement *made;
    char *making;
    int making_engine;
    int64_t most;
    duckrow_error error;
    const char *sqlstate; /* of error, where its code doesn't say; NULL: it does */
    int failed; /* the last thing done did, and it is answered */
    int answered; /* error is, already */
    const char *commit_tag;
    /* What comes after: of a whole step, of settling, of looking at a statement. */
    void (*next_step)(struct dr_client *), (*settled)(struct dr_client *), (*looked)(struct dr_client *);
    struct dr_sink sink;
    /* Output. */
    pthread_mutex_t mutex;
    pthread_cond_t drained;
    struct dr_buffer out, writing;
    int write_out; /* a write is under way */
    int64_t written_at; /* when the last one was begun or ended */
    int gone;
    uv_write_t write;
};

/* ---- client.c ---- */
void dr_client_accept(struct dr_server *server, uv_stream_t *listener);
/* Goes on with what was received. */
void dr_client_step(struct dr_client *client);
/* Writes what is in `out`. */
void dr_client_flush(struct dr_client *client);
/* Ends the session: at once, or after what is in `out`. */
void dr_client_end(struct dr_client *client);
/* At once, whatever the client hasn't taken yet. */
void dr_client_drop(struct dr_client *client);
/* Is there something that it has not taken for so long? */
int dr_client_is_stuck(struct dr_client *client, int64_t milliseconds);
void dr_client_fatal(struct dr_client *client, const char *sqlstate, const char *message);
/* Hands `action` to a worker, then calls `after` in the loop. */
void dr_client_start(struct dr_client *client, void (*action)(struct dr_client *), void (*after)(struct dr_client *));
/* Adds bytes to `out`, in the loop. */
void dr_client_put(struct dr_client *client, const struct dr_buffer *bytes);
void dr_client_tick(struct dr_client *client, int64_t now);
void dr_client_log(struct dr_client *client, enum dr_log_level level, const char *message);

/* ---- perform.c: one statement, whichever way it came ---- */

/* Runs the portal's statement: into the unit, or at once. most: rows; INT64_MAX: all. describe: with RowDescription. Calls `next` in
 * the loop when it may go on; client->failed tells whether it failed (and was answered). */
void dr_perform(struct dr_client *client, struct dr_portal *portal, int64_t most, int describe, void (*next)(struct dr_client *));
/* What has been gathered is run and answered now; then `next`. */
void dr_settle(struct dr_client *client, void (*next)(struct dr_client *));
/* What has been gathered is committed, by itself or with the transaction that it is part of; answers all but ReadyForQuery. */
void dr_finish_unit(struct dr_client *client, void (*next)(struct dr_client *));
/* Looks at a statement: client->made, or client->error; then `next`. */
void dr_look_up(struct dr_client *client, const char *sql, void (*next)(struct dr_client *));
/* An error: answers, and undoes an open transaction; then `next`. */
void dr_fail_client(struct dr_client *client, void (*next)(struct dr_client *));
/* The same with an error of the protocol's. */
void dr_refuse(struct dr_client *client, const char *sqlstate, void (*next)(struct dr_client *), const char *format, ...)
    DR_PRINTF(4, 5);
/* Answers with client->error, which is not part of a unit. */
void dr_put_error(struct dr_client *client);

/* Runs a read so far that its columns are known, and describes them. */
void dr_describe_by_running(struct dr_client *client, struct dr_portal *portal, void (*next)(struct dr_client *));
/* RowDescription of columns of text; of what SHOW answers (0: not a SHOW of ours). */
void dr_describe_texts(struct dr_buffer *out, const char *const *names, int count);
int dr_describe_show(struct dr_buffer *out, const char *sql);

/* ---- portals.c: what Parse and Bind leave behind ---- */
struct dr_portal *dr_portal_make(struct dr_client *client, const char *name,
                                 struct dr_statement *statement); /* in place of an older one */
struct dr_portal *dr_portal_find(struct dr_client *client, const char *name);
void dr_portal_close(struct dr_client *client, const char *name);
void dr_portals_close_named(struct dr_client *client); /* what CLOSE ALL means */
void dr_portals_free_all(struct dr_client *client);
void dr_portals_free_unused(struct dr_client *client); /* all but the memory of the unnamed one */
void dr_portals_close_cursors(struct dr_client *client);
int dr_portals_are_open(const struct dr_client *client);
/* In place of an older one; takes name, oids and statement over. NULL: no memory. */
struct dr_prepared *dr_prepared_make(struct dr_client *client, char *name, const char *sql, struct dr_statement *statement,
                                     uint32_t *oids, int count);
struct dr_prepared *dr_prepared_find(struct dr_client *client, const char *name);
void dr_prepared_close(struct dr_client *client, const char *name); /* NULL: all */

/* ---- startup.c, simple.c, extended.c: the messages ---- */
void dr_startup(struct dr_client *client, struct dr_frame *frame);
void dr_query(struct dr_client *client, struct dr_frame *frame);
void dr_script_step(struct dr_client *client);
void dr_extended(struct dr_client *client, struct dr_frame *frame);

#endif
