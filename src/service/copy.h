/* COPY between a client and a table or query.
 *
 * In: each row is an operation, an INSERT of its fields, gathered in the session's unit as other writes are; so rows reach the table
 * by the gathering of rows, and small copies commit with others' writes. Out: a read whose rows are told in COPY's formats. */
#ifndef DR_COPY_H
#define DR_COPY_H

#include "copyrows.h"
#include "steps.h"

/* Begins the COPY of the portal's statement; `next` when it is over. */
void dr_perform_copy(struct dr_client *client, struct dr_portal *portal, dr_step next);
/* CopyData, CopyDone, CopyFail while client->copy is there. */
void dr_copy_message(struct dr_client *client, struct dr_frame *frame);
/* Forgets a COPY that is under way. */
void dr_copy_abandon(struct dr_client *client);

#endif
