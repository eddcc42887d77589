/* How the parts of a session go on after each other: helpers of settle.c, lookup.c, perform.c, answer.c, copy.c.
 *
 * A step is called in the loop when the one before it is done, at once or after a task. A step that a task stands in for is kept in
 * client->next_step meanwhile; there is one at a time. */
#ifndef DR_STEPS_H
#define DR_STEPS_H

#include "client.h"

typedef void (*dr_step)(struct dr_client *client);

static inline void dr_go_on(struct dr_client *client, dr_step next)
{
    if (next)
        next(client);
}

static inline dr_step dr_take_next(struct dr_client *client)
{
    dr_step next = client->next_step;
    client->next_step = NULL;
    return next;
}

/* Bytes of the protocol that come after what has been gathered. */
static inline struct dr_buffer *dr_reply(struct dr_client *client)
{
    return &client->unit.fixed;
}

static inline void dr_complete(struct dr_client *client, const char *tag)
{
    dr_message_complete(dr_reply(client), tag);
}

/* What has been gathered is bytes alone: out with them. */
void dr_put_reply(struct dr_client *client);
/* ReadyForQuery. */
void dr_put_ready(struct dr_client *client);
/* Was a transaction undone while the client was silent? Then it is told now, and 1 returned: `next` is called. */
int dr_tell_lost(struct dr_client *client, dr_step next);
void dr_out_of_memory(struct dr_client *client, dr_step next);
/* BEGIN, COMMIT, ROLLBACK. */
void dr_perform_transaction(struct dr_client *client, enum dr_kind kind, dr_step next);
/* Rows of a portal, as another asks for them: with its formats, told on its account. tag: SELECT, FETCH; MOVE sends none. most 0: it is
 * opened alone, by Describe or DECLARE. */
void dr_read_portal(struct dr_client *client, struct dr_portal *portal, struct dr_portal *asker, int64_t most, const char *tag,
                    dr_step next);
/* What the service answers itself. */
void dr_perform_own(struct dr_client *client, struct dr_portal *portal, int describe, dr_step next);
/* discard.c: RESET ALL, DISCARD, DEALLOCATE. */
void dr_perform_reset_all(struct dr_client *client, dr_step next);
void dr_perform_discard(struct dr_client *client, const char *sql, dr_step next);
void dr_perform_deallocate(struct dr_client *client, const char *sql, dr_step next);

#endif
