/* DuckDB's errors as SQLSTATEs: https://www.postgresql.org/docs/15/errcodes-appendix.html
 *
 * DuckDB says its kind of error as the first words of the message ("Catalog Error: …"), the same in 1.5 and 2.0; within a kind the
 * text tells. Clients get the message without that prefix only where PostgreSQL's would say the same. */
#ifndef DR_SQLSTATE_H
#define DR_SQLSTATE_H

#include "core/error.h"

/* Why sessions are ended: 57P02 and 57P01. */
#define DR_ENDED_BROKEN "terminating connection as DuckDB has failed: the databases are opened anew, connect again"
#define DR_ENDED_LEAVING "terminating connection due to administrator command"

/* Of a failed call: by its code, and for DUCKROW_SQL by the message. Static text. */
const char *dr_sqlstate(const duckrow_error *error);
/* May the same work succeed when it is run again: a conflict with another transaction? */
int dr_is_conflict(const duckrow_error *error);
/* Is the database unusable until it is opened again? */
int dr_is_fatal(const duckrow_error *error);
/* Did a read-only database refuse it? */
int dr_is_read_only(const duckrow_error *error);

#endif
