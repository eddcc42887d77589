/* Handing a database to whoever wants it for itself, `duckrow hold` or an embedded connection that is to be exclusive, and taking it
 * back. A thread of its own looks a few times a second whether somebody calls (core/turn.h), and then
 *
 *     closes the gate and waits for those inside; from `ddl_wait` on they are ended, and told why
 *     checkpoints and publishes, so that readers need nobody meanwhile
 *     detaches the database that is wanted; nothing of it is open in this process then
 *     steps aside: the turn is the other's, and this service's again when that gives it up; nobody gets in between
 *     attaches what is there then, publishes what readers don't have yet, and opens the gate
 *
 * Meanwhile reads outside transactions are answered from snapshots, as always; views look whether the other has published. Statements
 * that aren't known are looked at in views too. Everything else waits at the gate, as long as its busy_timeout says, and is told who
 * holds the database. Databases of this service that are wanted meanwhile are handed over as well.
 *
 * Connections stay as they are, and so do their temporary tables and settings: DuckDB finds a default database by its name, and
 * prepares again what it knew of an older one. What the service itself knows of the schema is forgotten. */
#ifndef DR_HANDOVER_H
#define DR_HANDOVER_H

#include "host.h"
#include "statements.h"

struct dr_handover;

duckrow_code dr_handover_open(struct dr_host *host, struct dr_statements *statements, struct dr_handover **handover,
                              duckrow_error *error);
/* The service is leaving: no more of it. What is away stays away, and who waits for it is refused. */
void dr_handover_stop(struct dr_handover *handover);
/* After it nobody may use what is away. */
void dr_handover_close(struct dr_handover *handover);

#endif
