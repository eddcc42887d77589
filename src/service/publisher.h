/* Publishing by the service: after every commit, under the database's commit lock, before anybody is told of it.
 *
 * When to checkpoint, which is what rotates a snapshot: a snapshot opens the quicker the fewer commits its WAL holds (replaying one
 * takes 0.26 ms on 1.5 and 0.04 ms on 2.0), and a checkpoint stops commits while it lasts. So:
 *   - what readers can't take from a WAL is checkpointed at once (its committer is alone in the gate);
 *   - from DR_CHECKPOINT_LEAST commits on, where the last checkpoint was DR_CHECKPOINT_SHARE times its own duration ago;
 *   - from `checkpoint_commits` of the settings on, in any case;
 *   - where DuckDB refuses, beside older transactions, at the next commit; from four times `checkpoint_commits` on, once it has
 *     refused for as long as a transaction may last (`transaction_timeout`), whoever commits next does it alone: those older ones
 *     are ended. */
#ifndef DR_PUBLISHER_H
#define DR_PUBLISHER_H

#include "core/error.h"

enum { DR_CHECKPOINT_LEAST = 16, DR_CHECKPOINT_SHARE = 40 };
enum {
    DR_PUBLISH_NOW = 1, /* checkpoint whatever the WAL holds */
    DR_PUBLISH_DUE = 2, /* a checkpoint is due, however lately one was tried */
};

struct dr_host;

/* Under the commit lock of database i. Errors: NO_SNAPSHOT where it has none; STALE: a checkpoint is needed, and was refused; DISK_FULL,
 * IO: it failed, which may have broken the host. */
duckrow_code dr_publish(struct dr_host *host, int i, unsigned flags, duckrow_error *error);

#endif
