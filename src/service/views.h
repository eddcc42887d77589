/* What reads outside transactions are answered from: DuckDB instances with the databases' snapshots attached read-only.
 *
 * A view is one instance and the newest snapshots at the moment it was made or refreshed. A read leases one that is as new as the last
 * publish: one that is in use already, or an idle one that is refreshed first, or a new one. So no read holds up a checkpoint, every
 * read sees every commit that was acknowledged before it, and reads that come together share a view. An idle view lets go of its
 * slots after a second, so that they can be used again. */
#ifndef DR_VIEWS_H
#define DR_VIEWS_H

#include "host.h"
#include "timezone.h"

struct dr_views;
struct dr_view;

struct dr_lease {
    struct dr_view *view; /* NULL: none */
    duckdb_connection connection;
    const struct dr_zone *zone;
    int database;
};

duckrow_code dr_views_open(struct dr_host *host, struct dr_views **views, duckrow_error *error);
void dr_views_close(struct dr_views *views);
/* A connection whose default is the given database, with times in the zone that the lease has (NULL: UTC). Errors: NO_SNAPSHOT: read in the writing engine instead; BUSY; SQL. */
duckrow_code dr_views_lease(struct dr_views *views, int database, int64_t deadline, struct dr_lease *lease, duckrow_error *error);
/* Makes sure of PostgreSQL's catalog in the leased instance. */
duckrow_code dr_views_catalog(struct dr_views *views, struct dr_lease *lease, duckrow_error *error);
/* changed: the connection has settings of its session's, and isn't for others. */
void dr_views_return(struct dr_views *views, struct dr_lease *lease, int changed);
/* To be called about each second. */
void dr_views_tidy(struct dr_views *views);

#endif
