/* SHOW of what is no single value:
 *
 *     SHOW ALL                 parameters: name, setting, description
 *     SHOW duckrow             figures: name, value; those of a database as its name and a point: core.commits
 *     SHOW duckrow_databases   a row for each database
 *     SHOW duckrow_sessions    a row for each session: who, since when in what state, doing and waiting for what
 *     SHOW duckrow_slots       a row for each slot of each database's snapshot, and who reads it
 *
 * All columns are text, as PostgreSQL's SHOW has them. */
#ifndef DR_SHOW_H
#define DR_SHOW_H

#include "client.h"

struct dr_show {
    const char *name;
    const char *const *columns;
    int count;
    void (*rows)(struct dr_client *client, struct dr_buffer *out);
    int in_worker; /* it looks at files and processes */
};
/* NULL: it is none of these. */
const struct dr_show *dr_show_find(const char *name);
/* A DataRow of texts; NULL: SQL NULL. */
void dr_put_texts(struct dr_buffer *out, const char *const *texts, int count);

#endif
