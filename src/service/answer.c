/* What the service answers itself: settings, cursors, checkpoints, and what it refuses. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/os.h"
#include "show.h"
#include "sqlcursor.h"
#include "steps.h"

static void perform_set(struct dr_client *client, struct dr_portal *portal, dr_step next)
{
    struct dr_set_statement set;
    duckrow_code code = DUCKROW_OK;
    dr_set_parse(portal->statement->sql, &set);
    if (set.what == DR_SET_RESET_ALL) {
        dr_perform_reset_all(client, next);
        return;
    }
    if (set.what == DR_SET_ONE)
        code = dr_parameters_set(&client->parameters, set.name, set.value, dr_reply(client), &client->error);
    else if (set.what == DR_SET_RESET)
        dr_parameters_reset(&client->parameters, &client->start, set.name, dr_reply(client));
    client->backend.busy_timeout = client->parameters.busy_timeout;
    client->backend.zone = client->parameters.zone;
    if (code == DUCKROW_NOT_FOUND) {
        dr_refuse(client, "55P02", next, "parameter \"%s\" cannot be changed", set.name);
        return;
    }
    if (code) {
        dr_fail_client(client, next);
        return;
    }
    dr_complete(client, portal->statement->tag);
    dr_go_on(client, next);
}

void dr_describe_texts(struct dr_buffer *out, const char *const *names, int count)
{
    enum { TEXT = 25 };
    size_t at = dr_message_begin(out, 'T');
    dr_buffer_u16(out, (uint16_t)count);
    for (int i = 0; i < count; i++) {
        dr_buffer_add(out, names[i], strlen(names[i]) + 1);
        dr_buffer_u32(out, 0);
        dr_buffer_u16(out, 0);
        dr_buffer_u32(out, TEXT);
        dr_buffer_u16(out, (uint16_t)-1);
        dr_buffer_u32(out, (uint32_t)-1);
        dr_buffer_u16(out, 0);
    }
    dr_message_end(out, at);
}

int dr_describe_show(struct dr_buffer *out, const char *sql)
{
    char name[64];
    const char *one = name;
    if (!dr_show_parse(sql, name))
        return 0;
    const struct dr_show *show = dr_show_find(name);
    if (show)
        dr_describe_texts(out, show->columns, show->count);
    else
        dr_describe_texts(out, &one, 1);
    return 1;
}

static const struct dr_show *show_of(const struct dr_portal *portal)
{
    char name[64];
    dr_show_parse(portal->statement->sql, name);
    return dr_show_find(name);
}

static void do_show(struct dr_client *client)
{
    client->error = (duckrow_error){0};
    show_of(client->portal)->rows(client, dr_reply(client));
}

static void after_show(struct dr_client *client)
{
    dr_step next = dr_take_next(client);
    if (client->error.code) {
        dr_fail_client(client, next);
        return;
    }
    dr_complete(client, "SHOW");
    dr_go_on(client, next);
}

static void perform_show(struct dr_client *client, struct dr_portal *portal, int describe, dr_step next)
{
    char name[64], value[256];
    const char *text = value;
    const struct dr_show *show = show_of(portal);
    if (describe)
        dr_describe_show(dr_reply(client), portal->statement->sql);
    client->next_step = next;
    client->portal = portal;
    if (show && show->in_worker) {
        dr_client_start(client, do_show, after_show);
        return;
    }
    client->error = (duckrow_error){0};
    dr_show_parse(portal->statement->sql, name);
    if (show) {
        show->rows(client, dr_reply(client));
    } else {
        dr_parameters_show(&client->parameters, name, value);
        dr_put_texts(dr_reply(client), &text, 1);
    }
    after_show(client);
}

static void perform_declare(struct dr_client *client, struct dr_portal *portal, dr_step next)
{
    struct dr_declare declare;
    dr_declare_parse(portal->statement->sql, &declare);
    if (declare.holds || declare.scrolls) {
        dr_refuse(client, "0A000", next, "cursors WITH HOLD, and those that SCROLL backwards, are not supported");
        return;
    }
    if (client->status != 'T') {
        dr_refuse(client, "25P01", next, "DECLARE CURSOR can only be used in transaction blocks");
        return;
    }
    if (dr_portal_find(client, declare.name)) {
        dr_refuse(client, "42P03", next, "cursor \"%s\" already exists", declare.name);
        return;
    }
    struct dr_portal *cursor = dr_portal_make(client, declare.name, portal->statement->inner);
    if (cursor) {
        const struct dr_buffer *from = &portal->bound.values;
        dr_buffer_add(&cursor->bound.values, from->bytes + from->start, dr_buffer_size(from));
        cursor->formats = portal->formats;
    }
    if (!cursor || cursor->bound.values.failed) {
        dr_out_of_memory(client, next);
        return;
    }
    /* What it shows is what there is now, whenever it is fetched. */
    portal->rows_told = 1;
    dr_read_portal(client, cursor, portal, 0, "DECLARE CURSOR", next);
}

static struct dr_portal *find_cursor(struct dr_client *client, const char *name, dr_step next)
{
    struct dr_portal *cursor = *name ? dr_portal_find(client, name) : NULL;
    if (!cursor)
        dr_refuse(client, "34000", next, "cursor \"%s\" does not exist", name);
    return cursor;
}

static void perform_fetch(struct dr_client *client, struct dr_portal *portal, int describe, dr_step next)
{
    struct dr_fetch fetch;
    char tag[64];
    dr_fetch_parse(portal->statement->sql, &fetch);
    if (fetch.backwards) {
        dr_refuse(client, "0A000", next, "cursors go forwards only: FETCH [FORWARD] count FROM name");
        return;
    }
    struct dr_portal *cursor = find_cursor(client, fetch.name, next);
    if (!cursor)
        return;
    portal->rows_told = !describe;
    portal->told = 0;
    if (cursor->finished || !fetch.count) {
        if (describe && !fetch.move)
            dr_describe_rows(dr_reply(client), &cursor->statement->columns, &(struct dr_formats){0});
        snprintf(tag, sizeof tag, "%s 0", fetch.move ? "MOVE" : "FETCH");
        dr_complete(client, tag);
        dr_go_on(client, next);
        return;
    }
    dr_read_portal(client, cursor, portal, fetch.count, fetch.move ? "MOVE" : "FETCH", next);
}

static void perform_close(struct dr_client *client, struct dr_portal *portal, dr_step next)
{
    char name[64];
    if (!dr_close_parse(portal->statement->sql, name)) {
        dr_refuse(client, "42601", next, "syntax error in CLOSE: CLOSE name, or CLOSE ALL");
        return;
    }
    if (*name && !find_cursor(client, name, next))
        return;
    if (*name)
        dr_portal_close(client, name);
    else
        dr_portals_close_named(client);
    dr_complete(client, *name ? "CLOSE CURSOR" : "CLOSE CURSOR ALL");
    dr_go_on(client, next);
}

static void do_checkpoint(struct dr_client *client)
{
    struct dr_host *host = client->backend.host;
    struct dr_member member = {.connection = NULL};
    client->error = (duckrow_error){0};
    if (dr_gate_alone(&host->gate, &member, dr_clock_ms() + client->backend.busy_timeout, host->settings->ddl_wait,
                      &client->error))
        return;
    dr_fair_lock_take(&host->served[client->backend.database].commit);
    duckrow_code code = dr_publish(host, client->backend.database, DR_PUBLISH_NOW, &client->error);
    dr_fair_lock_release(&host->served[client->backend.database].commit);
    dr_gate_leave(&host->gate, &member);
    if (code == DUCKROW_NO_SNAPSHOT)
        client->error = (duckrow_error){0};
}

static void after_checkpoint(struct dr_client *client)
{
    if (client->error.code) {
        dr_fail_client(client, dr_take_next(client));
        return;
    }
    dr_complete(client, "CHECKPOINT");
    dr_go_on(client, dr_take_next(client));
}

void dr_perform_own(struct dr_client *client, struct dr_portal *portal, int describe, dr_step next)
{
    const struct dr_statement *statement = portal->statement;
    switch (statement->kind) {
    case DR_KIND_SET:
        perform_set(client, portal, next);
        return;
    case DR_KIND_SHOW:
        perform_show(client, portal, describe, next);
        return;
    case DR_KIND_DECLARE:
        perform_declare(client, portal, next);
        return;
    case DR_KIND_FETCH:
        perform_fetch(client, portal, describe, next);
        return;
    case DR_KIND_CLOSE:
        perform_close(client, portal, next);
        return;
    case DR_KIND_CHECKPOINT:
        client->next_step = next;
        if (client->status == 'T' || client->unit.operations)
            dr_refuse(client, "25001", dr_take_next(client), "CHECKPOINT cannot run inside a transaction block");
        else
            dr_client_start(client, do_checkpoint, after_checkpoint);
        return;
    case DR_KIND_DISCARD:
        dr_perform_discard(client, statement->sql, next);
        return;
    case DR_KIND_DEALLOCATE:
        dr_perform_deallocate(client, statement->sql, next);
        return;
    case DR_KIND_NOTHING:
        dr_complete(client, statement->tag);
        dr_go_on(client, next);
        return;
    case DR_KIND_SAVEPOINT:
        dr_refuse(client, "0A000", next, "savepoints are not supported: DuckDB has none");
        return;
    case DR_KIND_REFUSED:
        dr_refuse(
            client, "0A000", next,
            "ATTACH and DETACH are for the service to do: start it with the database, or take the file with exclusive=True");
        return;
    default:
        dr_refuse(client, "0A000", next, "this statement is not supported by the service");
    }
}
