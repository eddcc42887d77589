/* Performing one statement: reading, gathering writes; the rest is handed on. */
#include <stdio.h>
#include <string.h>

#include "copy.h"
#include "core/os.h"
#include "sqlstate.h"

/* ---- reading ---- */

static int drop(struct dr_sink *sink, struct dr_buffer *bytes)
{
    (void)sink;
    dr_buffer_reset(bytes, SIZE_MAX);
    return 0;
}

/* The rows would come as others than what Describe has said of the statement, whose columns hang on its parameters: as text that can
 * be read, in binary it can't. */
static int is_told_otherwise(const struct dr_portal *portal, const struct dr_formats *formats)
{
    const struct dr_columns *told = &portal->statement->columns, *found = &portal->cursor.columns;
    if (!portal->statement->unresolved || told->count != found->count)
        return 0;
    for (int i = 0; i < found->count; i++)
        if (dr_column_format(formats, i) == 1 && dr_type_oid(found->types[i]) != dr_type_oid(told->types[i]))
            return 1;
    return 0;
}

/* The schema has changed since the client was told the columns. */
static int is_of_another_schema(const struct dr_portal *portal)
{
    const struct dr_columns *told = &portal->statement->columns;
    return told->count >= 0 && !portal->statement->unresolved && !dr_columns_alike(told, &portal->cursor.columns);
}

/* Opens the portal's cursor, where it isn't open, and sends what is asked of it. */
static void read_rows(struct dr_client *client)
{
    struct dr_portal *portal = client->portal;
    struct dr_backend *backend = &client->backend;
    struct dr_portal *asker = client->formats_of;
    struct dr_formats formats = dr_formats_at(&asker->bound.values, asker->formats);
    const struct dr_display display = dr_display_in(backend->zone);
    struct dr_sink nowhere = {drop, NULL}, *sink = strcmp(client->row_tag, "MOVE") == 0 ? &nowhere : &client->sink;
    duckrow_error *error = &client->error;
    int64_t count = 0;
    int fresh = !portal->cursor.open;
    if (fresh && dr_cursor_open(&portal->cursor, backend, portal->statement, &portal->bound, 0, error))
        return;
    if (fresh && asker->rows_told && is_of_another_schema(portal)) {
        dr_fail(error, DUCKROW_SQL, DR_PLAN_CHANGED);
        dr_cursor_close(&portal->cursor, backend);
        return;
    }
    if (fresh && asker == portal && asker->rows_told && is_told_otherwise(portal, &formats)) {
        dr_cursor_close(&portal->cursor, backend);
        dr_fail(error, DUCKROW_SQL, DR_PLAN_CHANGED);
        return;
    }
    if (!asker->rows_told) {
        struct dr_buffer out = {0};
        dr_describe_rows(&out, &portal->cursor.columns, &formats);
        sink->send(sink, &out);
        dr_buffer_free(&out);
        asker->rows_told = 1;
    }
    if (client->most)
        dr_cursor_fetch(&portal->cursor, backend, client->most, &formats, &display, sink, &count, &portal->finished, error);
    asker->told += count;
    if (portal->finished || error->code)
        dr_cursor_close(&portal->cursor, backend);
}

/* Outside a transaction: in one, a read sees what was there when it began. */
static int catch_up(struct dr_client *client)
{
    const struct dr_backend *backend = &client->backend;
    if (strcmp(client->parameters.staged, "on") != 0 || client->portal->cursor.open || client->status != 'I' || backend->open)
        return 1;
    duckrow_code code = dr_ingester_catch_up(client->server->ingester[backend->database], dr_clock_ms() + backend->busy_timeout,
                                             &client->backend.cancelled, &client->error);
    if (code == DUCKROW_USAGE)
        client->sqlstate = "55000";
    return !code;
}

static void do_read(struct dr_client *client)
{
    struct dr_backend *backend = &client->backend;
    struct dr_statement *statement = client->portal->statement;
    client->error = (duckrow_error){0};
    if (!catch_up(client))
        return;
    if (!client->portal->cursor.open && client->status == 'T' && !backend->open && dr_backend_begin(backend, &client->error))
        return;
    /* Snapshots have instances of their own. */
    int here = backend->open || backend->own, parallel = here && !dr_statement_is_quick(statement);
    int64_t began = dr_clock_ms();
    if (parallel)
        dr_parallel_begin(&backend->host->parallel);
    read_rows(client);
    if (parallel)
        dr_parallel_end(&backend->host->parallel);
    if (here)
        dr_statement_took(statement, dr_clock_ms() - began);
}

static void add_operation(struct dr_client *client, struct dr_portal *portal, int describe, dr_step next);

static void after_read(struct dr_client *client)
{
    struct dr_portal *portal = client->portal;
    dr_step next = dr_take_next(client);
    char tag[64];
    if (dr_is_read_only(&client->error)) {
        portal->statement->writes = 1;
        add_operation(client, portal, !portal->rows_told, next);
        return;
    }
    if (client->error.code) {
        dr_fail_client(client, next);
        return;
    }
    if (!client->most) {
        if (portal != client->formats_of)
            dr_complete(client, client->row_tag);
        dr_go_on(client, next);
        return;
    }
    if (portal->finished || client->formats_of != portal) {
        snprintf(tag, sizeof tag, "%s %lld", client->row_tag, (long long)client->formats_of->told);
        dr_complete(client, tag);
    } else {
        dr_message_empty(dr_reply(client), 's');
    }
    dr_put_reply(client);
    dr_go_on(client, next);
}

static void read_now(struct dr_client *client)
{
    if (client->failed)
        dr_go_on(client, dr_take_next(client));
    else
        dr_client_start(client, do_read, after_read);
}

void dr_read_portal(struct dr_client *client, struct dr_portal *portal, struct dr_portal *asker, int64_t most, const char *tag,
                    dr_step next)
{
    client->portal = portal;
    client->formats_of = asker;
    client->row_tag = tag;
    client->most = most;
    client->next_step = next;
    dr_settle(client, read_now);
}

static void perform_read(struct dr_client *client, struct dr_portal *portal, int64_t most, int describe, dr_step next)
{
    if (portal->finished) {
        dr_complete(client, "SELECT 0");
        dr_go_on(client, next);
        return;
    }
    portal->rows_told |= !describe;
    dr_read_portal(client, portal, portal, most, portal->statement->tag, next);
}

void dr_describe_by_running(struct dr_client *client, struct dr_portal *portal, dr_step next)
{
    dr_read_portal(client, portal, portal, 0, "SELECT", next);
}

/* ---- writing ---- */

static void after_early_settle(struct dr_client *client)
{
    dr_go_on(client, dr_take_next(client));
}

static void add_operation(struct dr_client *client, struct dr_portal *portal, int describe, dr_step next)
{
    struct dr_unit *unit = &client->unit;
    struct dr_statement *statement = portal->statement;
    struct dr_formats formats = dr_formats_at(&portal->bound.values, portal->formats);
    if (describe && statement->columns.count >= 0)
        dr_describe_rows(&unit->fixed, &statement->columns, &formats);
    struct dr_operation *operation = dr_unit_add(unit, dr_statement_get(statement));
    if (!operation) {
        dr_out_of_memory(client, next);
        return;
    }
    operation->formats = operation->parameters + portal->formats;
    operation->zone = client->parameters.zone;
    dr_buffer_add(&unit->values, portal->bound.values.bytes + portal->bound.values.start, dr_buffer_size(&portal->bound.values));
    if (unit->values.failed || unit->fixed.failed) {
        dr_out_of_memory(client, next);
    } else if (dr_unit_is_long(unit)) {
        client->next_step = next;
        dr_settle(client, after_early_settle);
    } else {
        dr_go_on(client, next);
    }
}

void dr_perform(struct dr_client *client, struct dr_portal *portal, int64_t most, int describe, dr_step next)
{
    struct dr_statement *statement = portal->statement;
    enum dr_kind kind = statement->kind;
    client->failed = 0;
    memcpy(client->doing, statement->tag, sizeof client->doing);
    int ends = kind == DR_KIND_COMMIT || kind == DR_KIND_ROLLBACK;
    /* A COMMIT of what is lost ends the block, but with an error: drivers don't look whether its tag is ROLLBACK. */
    if (client->lost && kind == DR_KIND_COMMIT)
        client->status = 'I';
    if (kind != DR_KIND_ROLLBACK && dr_tell_lost(client, next))
        return;
    if (client->status == 'E' && !ends && kind != DR_KIND_EMPTY) {
        dr_refuse(client, "25P02", next, "current transaction is aborted, commands ignored until end of transaction block");
        return;
    }
    switch (kind) {
    case DR_KIND_EMPTY:
        dr_message_empty(dr_reply(client), 'I');
        dr_go_on(client, next);
        return;
    case DR_KIND_READ:
        if (statement->writes)
            add_operation(client, portal, describe, next);
        else
            perform_read(client, portal, most, describe, next);
        return;
    case DR_KIND_WRITE:
    case DR_KIND_SCHEMA:
    case DR_KIND_LOCAL:
        add_operation(client, portal, describe, next);
        return;
    case DR_KIND_BEGIN:
    case DR_KIND_COMMIT:
    case DR_KIND_ROLLBACK:
        dr_perform_transaction(client, kind, next);
        return;
    case DR_KIND_COPY:
        dr_perform_copy(client, portal, next);
        return;
    default:
        dr_perform_own(client, portal, describe, next);
    }
}
