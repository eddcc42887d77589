/* Settings of DuckDB's that a session changes are to be its own: SET x, PRAGMA x = … and RESET x would change some of them for the whole
 * instance, that is for everybody. DuckDB's SET SESSION does the one and refuses the other. */
#ifndef DR_CONFINE_H
#define DR_CONFINE_H

#include "core/error.h"

/* *confined: the statement to run instead, to be freed; NULL: the one given. Errors: PERMISSION for SET GLOBAL, NO_MEMORY. */
duckrow_code dr_confine(const char *sql, char **confined, duckrow_error *error);

#endif
