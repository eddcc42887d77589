/* What SQL attaches in duckrow sql, besides the database that the command names.
 *
 *     ATTACH 'runs.duckdb' AS runs (READ_ONLY)    the newest snapshot, pinned until it is detached; none possible: a shared turn
 *     ATTACH 'runs.duckdb' AS runs                the same, or with --write its turn, published and given up when it is detached
 *     DETACH runs                                 DuckDB refuses it while a transaction has work on it
 *
 * Each is a dr_work of its own around a guest of the first session, and waits as long as busy_timeout says. Two programs that take
 * two turns each in different order wait for each other until one gives up: the timeout is what ends it. */
#ifndef DR_ATTACHED_H
#define DR_ATTACHED_H

#include "engine/attach.h"
#include "work.h"

struct dr_attached;

struct dr_attachments {
    const struct dr_work *host;
    int write; /* may turns be taken to write? */
    struct dr_attached *first;
};

/* Does what the ATTACH of a file says. */
duckrow_code dr_attached_attach(struct dr_attachments *all, const struct dr_attach *statement, duckrow_error *error);
/* DuckDB has detached the database of this name: publishes and gives up what it stood for. Nothing to do where it is not ours. */
void dr_attached_detached(struct dr_attachments *all, const char *name);
/* The guard of every turn that is held to write. */
duckrow_code dr_attached_guard(struct dr_attachments *all, duckrow_error *error);
/* The name of one that is read only for want of --write and that a message of DuckDB's mentions, or NULL. */
const char *dr_attached_meant(const struct dr_attachments *all, const char *message);
/* Publishes, detaches and gives up all; with no transaction open, and before the host is closed. */
void dr_attached_end(struct dr_attachments *all);
/* Gives up what is left, after the host is closed. */
void dr_attached_close(struct dr_attachments *all);

/* What to say when what is committed could not be published. */
void dr_warn_unpublished(const duckrow_error *error);

#endif
