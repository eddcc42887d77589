/* File events of a database's staging folder, in a loop of libuv's: which whole files appear in the tables' folders. Events get lost
 * (a queue that overflows, a network file system), so the owner looks for itself now and then, too. */
#ifndef DR_WATCH_H
#define DR_WATCH_H

#include <uv.h>

#include "core/staging.h"

struct dr_watch;

/* appeared: a file of that name may be there now; NULL: somewhere. The first dr_watch_renew begins. Errors: NO_MEMORY. */
duckrow_code dr_watch_open(uv_loop_t *loop, const duckrow_db *db,
                           void (*appeared)(void *context, const char *folder, const char *name), void *context,
                           struct dr_watch **watch, duckrow_error *error);
/* Watches the folders that it doesn't watch yet, and forgets those that are gone; the one above them is made. 1: there were new ones, in
 * which files may be. */
int dr_watch_renew(struct dr_watch *watch);
/* The loop has to run once more before it is freed. */
void dr_watch_close(struct dr_watch *watch);

#endif
