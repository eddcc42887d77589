/* The simple query: one text, perhaps of several statements, which are one transaction unless they say otherwise. */
#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "statement_literals.h"
#include "steps.h"

/* The portal that the statements of a script go through; no client can name it. */
#define PORTAL "\001"

void dr_query(struct dr_client *client, struct dr_frame *frame)
{
    const char *sql;
    duckrow_error error;
    if (dr_message_text(frame, &sql, &error)) {
        dr_client_fatal(client, "08P01", error.message);
        return;
    }
    client->script = strdup(sql);
    client->script_at = 0;
    client->script_parts = 0;
    client->script_state = DR_SCRIPT_NEXT;
    client->skipping = client->failed = 0;
    if (!client->script)
        dr_client_fatal(client, "53200", "out of memory");
}

static void forget_literals(struct dr_client *client)
{
    dr_literals_free(client->literals);
    client->literals = NULL;
}

static void finish(struct dr_client *client)
{
    free(client->script);
    client->script = NULL;
    forget_literals(client);
    dr_portal_close(client, PORTAL);
    dr_put_ready(client);
}

static void finished(struct dr_client *client)
{
    client->script_state = DR_SCRIPT_FINISHED;
}

static void performed(struct dr_client *client)
{
    if (client->failed)
        finished(client);
    else
        client->script_state = DR_SCRIPT_NEXT;
}

static void looked(struct dr_client *client)
{
    client->script_state = DR_SCRIPT_LOOKED;
}

/* What can't be a statement with parameters is looked at as it came. */
static void literals_looked(struct dr_client *client)
{
    const struct dr_statement *made = client->error.code ? NULL : client->made;
    if (client->answered || (made && made->kind == DR_KIND_WRITE && made->parameters == client->literals->count)) {
        looked(client);
        return;
    }
    char *original = client->literals->original;
    client->literals->original = NULL;
    forget_literals(client);
    dr_look_up(client, original, looked);
    free(original);
}

static void run_statement(struct dr_client *client)
{
    if (client->error.code) {
        dr_fail_client(client, finished);
        return;
    }
    struct dr_portal *portal = dr_portal_make(client, PORTAL, client->made);
    if (portal && client->literals) {
        dr_literals_put(client->literals, client->made, &portal->bound);
        portal->formats = dr_buffer_size(&portal->bound.values);
        forget_literals(client);
    } else if (!portal || client->made->parameters) {
        dr_fail(&client->error, portal ? DUCKROW_USAGE : DUCKROW_NO_MEMORY, "%s",
                portal ? "a simple query can't have parameters" : "out of memory");
        dr_fail_client(client, finished);
        return;
    }
    dr_buffer_u16(&portal->bound.values, 0);
    if (portal->bound.values.failed) {
        dr_out_of_memory(client, finished);
        return;
    }
    dr_perform(client, portal, INT64_MAX, 1, performed);
}

static void next_statement(struct dr_client *client)
{
    const char *end, *sql = client->script + client->script_at;
    char tag[32];
    enum dr_kind kind = dr_statement_kind(sql, &end, tag);
    int more = *end == ';';
    if (kind == DR_KIND_EMPTY && more) {
        client->script_at = (size_t)(end + 1 - client->script);
        return;
    }
    if (kind == DR_KIND_EMPTY) {
        if (!client->script_parts)
            dr_message_empty(&client->unit.fixed, 'I');
        dr_finish_unit(client, finished);
        return;
    }
    client->script_parts++;
    char *part = strndup(sql, (size_t)(end - sql));
    client->script_at = (size_t)(end + more - client->script);
    if (!part) {
        dr_client_fatal(client, "53200", "out of memory");
        return;
    }
    forget_literals(client);
    if (kind == DR_KIND_WRITE)
        client->literals = dr_literals_parse(part);
    if (client->literals)
        dr_look_up(client, client->literals->sql, literals_looked);
    else
        dr_look_up(client, part, looked);
    free(part);
}

void dr_script_step(struct dr_client *client)
{
    if (client->script_state == DR_SCRIPT_NEXT)
        next_statement(client);
    else if (client->script_state == DR_SCRIPT_LOOKED)
        run_statement(client);
    else
        finish(client);
}
