/* How far work is, for who waits at a terminal: a line on standard error that a thread of its own rewrites, and erases at the end.
 *
 *     ingesting 4096 of 20000 files, the next 37 %
 *
 * The percentage is DuckDB's, of the statement that runs on a session. Where standard error is no terminal, or the output is for programs,
 * all of this does nothing. */
#ifndef DR_PROGRESS_H
#define DR_PROGRESS_H

#include "cli.h"
#include "engine/session.h"

typedef struct dr_progress dr_progress;

/* what: "ingesting". The session must stay open until the end; NULL: there is none. NULL where nothing is to be shown. */
dr_progress *dr_progress_begin(const struct dr_options *options, const char *what, int64_t total, dr_session *session);
/* So many are done, of as many as were told, or more. */
void dr_progress_set(dr_progress *progress, int64_t done);
void dr_progress_end(dr_progress *progress);

#endif
