/* Finding the service of a database. */
#ifndef DR_STATUS_H
#define DR_STATUS_H

#include "db.h"

/* What clients of the service connect to, a libpq connection string; "" where no service has the turn, or has stepped aside. */
void dr_status_service(const duckrow_db *db, char *dsn, size_t size);

#endif
