/* The extended query: Parse, Bind, Describe, Execute, Close, Flush, Sync. After an error everything up to Sync is skipped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "sqlcursor.h"

static struct dr_buffer *reply(struct dr_client *client)
{
    return &client->unit.fixed;
}

static void after_error(struct dr_client *client)
{
    client->skipping = 1;
}

static void out_of_memory(struct dr_client *client)
{
    dr_refuse(client, "53200", after_error, "out of memory");
}

static void malformed(struct dr_client *client)
{
    dr_client_fatal(client, "08P01", "invalid message format");
}

/* ---- Parse ---- */

static void parsed(struct dr_client *client)
{
    char *name = client->preparing;
    uint32_t *oids = client->preparing_oids;
    client->preparing = NULL;
    client->preparing_oids = NULL;
    if (client->error.code) {
        free(name);
        free(oids);
        dr_fail_client(client, after_error);
        return;
    }
    int count = client->made->parameters;
    uint32_t *all = calloc((size_t)count + 1, sizeof *all);
    for (int i = 0; all && i < count; i++)
        all[i] = i < client->preparing_count && oids[i] ? oids[i] : client->made->oids[i];
    free(oids);
    if (!all || !dr_prepared_make(client, name, client->parse_sql, dr_statement_get(client->made), all, count))
        out_of_memory(client);
    else
        dr_message_empty(reply(client), '1');
    free(client->parse_sql);
    client->parse_sql = NULL;
}

static int has_more_statements(const char *sql)
{
    const char *end;
    char tag[32];
    for (int i = 0;; i++) {
        enum dr_kind kind = dr_statement_kind(sql, &end, tag);
        if (kind != DR_KIND_EMPTY && i)
            return 1;
        if (*end != ';')
            return 0;
        sql = end + 1;
        i -= kind == DR_KIND_EMPTY;
    }
}

/* Without what follows the statement: its semicolon. */
static char *trimmed(const char *sql)
{
    const char *end;
    char tag[32];
    dr_statement_kind(sql, &end, tag);
    return strndup(sql, (size_t)(end - sql));
}

static void parse(struct dr_client *client, struct dr_frame *frame)
{
    const char *name = dr_frame_string(frame), *sql = dr_frame_string(frame);
    int count = dr_frame_u16(frame);
    const unsigned char *types = dr_frame_bytes(frame, 4 * (size_t)count);
    if (!dr_frame_ok(frame)) {
        malformed(client);
        return;
    }
    if (*name && dr_prepared_find(client, name)) {
        dr_refuse(client, "42P05", after_error, "prepared statement \"%s\" already exists", name);
        return;
    }
    if (has_more_statements(sql)) {
        dr_refuse(client, "42601", after_error, "cannot insert multiple commands into a prepared statement");
        return;
    }
    free(client->preparing);
    free(client->preparing_oids);
    free(client->parse_sql);
    client->preparing = strdup(name);
    client->preparing_oids = calloc((size_t)count + 1, sizeof *client->preparing_oids);
    client->preparing_count = count;
    client->parse_sql = trimmed(sql);
    if (!client->preparing || !client->preparing_oids || !client->parse_sql) {
        out_of_memory(client);
        return;
    }
    for (int i = 0; i < count; i++)
        client->preparing_oids[i] =
            (uint32_t)types[4 * i] << 24 | (uint32_t)types[4 * i + 1] << 16 | (uint32_t)types[4 * i + 2] << 8 | types[4 * i + 3];
    dr_look_up(client, client->parse_sql, parsed);
}

/* ---- Bind ---- */

static int take_parameters(struct dr_frame *frame, struct dr_unit *unit, const unsigned char *formats, int format_count,
                           const struct dr_prepared *prepared)
{
    for (int i = 0; i < prepared->parameters; i++) {
        int32_t size = (int32_t)dr_frame_u32(frame);
        int at = format_count == 1 ? 0 : i;
        struct dr_parameter parameter = {.oid = prepared->oids[i], .binary = at < format_count ? formats[2 * at + 1] : 0};
        if (size >= 0) {
            parameter.size = (size_t)size;
            parameter.bytes = dr_frame_bytes(frame, parameter.size);
        }
        if (frame->bad)
            return 0;
        dr_unit_put_parameter(unit, &parameter);
    }
    return 1;
}

static void bind_now(struct dr_client *client, struct dr_frame *frame, const char *portal_name, struct dr_prepared *prepared)
{
    int format_count = dr_frame_u16(frame);
    const unsigned char *formats = dr_frame_bytes(frame, 2 * (size_t)format_count);
    int count = dr_frame_u16(frame);
    if (count != prepared->parameters && !frame->bad) {
        dr_refuse(client, "08P01", after_error,
                  "bind message supplies %d parameters, but prepared statement \"%.60s\" requires %d", count, prepared->name,
                  prepared->parameters);
        return;
    }
    struct dr_portal *portal = dr_portal_make(client, portal_name, prepared->statement);
    if (!portal) {
        out_of_memory(client);
        return;
    }
    int whole = take_parameters(frame, &portal->bound, formats, format_count, prepared);
    portal->formats = dr_buffer_size(&portal->bound.values);
    int results = dr_frame_u16(frame);
    const unsigned char *codes = dr_frame_bytes(frame, 2 * (size_t)results);
    if (!whole || !dr_frame_ok(frame)) {
        malformed(client);
        return;
    }
    dr_buffer_u16(&portal->bound.values, (uint16_t)results);
    dr_buffer_add(&portal->bound.values, codes, 2 * (size_t)results);
    dr_message_empty(reply(client), '2');
}

/* The schema has changed since Parse: the statement is looked at again, and then this message once more. */
static void looked_again(struct dr_client *client)
{
    struct dr_prepared *prepared = dr_prepared_find(client, client->preparing);
    if (client->error.code || !prepared || client->made->parameters != prepared->parameters) {
        if (!client->error.code)
            dr_fail(&client->error, DUCKROW_SQL, "Binder Error: cached plan must not change parameters");
        dr_fail_client(client, after_error);
        return;
    }
    dr_statement_put(prepared->statement);
    prepared->statement = dr_statement_get(client->made);
    struct dr_frame frame = {.type = 'B', .at = client->again.bytes, .end = client->again.bytes + client->again.end};
    const char *portal = dr_frame_string(&frame);
    dr_frame_string(&frame);
    bind_now(client, &frame, portal, prepared);
}

static void take_bind(struct dr_client *client, struct dr_frame *frame)
{
    const unsigned char *start = frame->at;
    const char *portal = dr_frame_string(frame), *name = dr_frame_string(frame);
    if (frame->bad) {
        malformed(client);
        return;
    }
    struct dr_prepared *prepared = dr_prepared_find(client, name);
    if (!prepared) {
        dr_refuse(client, "26000", after_error, "prepared statement \"%s\" does not exist", name);
    } else if (*portal && dr_portal_find(client, portal)) {
        dr_refuse(client, "42P03", after_error, "portal \"%s\" already exists", portal);
    } else if ((dr_kind_is_ours(prepared->statement->kind) && prepared->statement->kind != DR_KIND_DECLARE) ||
               dr_statements_current(client->server->statements, prepared->statement)) {
        bind_now(client, frame, portal, prepared);
    } else {
        free(client->preparing);
        client->preparing = strdup(name);
        dr_buffer_reset(&client->again, 0);
        dr_buffer_add(&client->again, start, (size_t)(frame->end - start));
        if (!client->preparing || client->again.failed)
            out_of_memory(client);
        else
            dr_look_up(client, prepared->sql, looked_again);
    }
}

/* ---- Describe ---- */

static void nothing_more(struct dr_client *client)
{
    if (client->failed)
        after_error(client);
}

static void describe_statement(struct dr_client *client, const char *name)
{
    struct dr_prepared *prepared = dr_prepared_find(client, name);
    struct dr_buffer *out = reply(client);
    const struct dr_formats none = {0};
    if (!prepared) {
        dr_refuse(client, "26000", after_error, "prepared statement \"%s\" does not exist", name);
        return;
    }
    size_t at = dr_message_begin(out, 't');
    dr_buffer_u16(out, (uint16_t)prepared->parameters);
    for (int i = 0; i < prepared->parameters; i++)
        dr_buffer_u32(out, prepared->oids[i]);
    dr_message_end(out, at);
    const struct dr_statement *statement = prepared->statement;
    char shown[64];
    if (statement->kind == DR_KIND_SHOW && dr_show_parse(statement->sql, shown))
        dr_describe_text(out, shown);
    else if (statement->columns >= 0)
        dr_describe_rows(out, statement->columns, statement->names, statement->types, &none);
    else
        dr_message_empty(out, 'n');
}

/* Its rows are those of the cursor that it names. */
static void describe_fetch(struct dr_client *client, const struct dr_statement *statement, const struct dr_formats *formats)
{
    struct dr_fetch fetch;
    dr_fetch_parse(statement->sql, &fetch);
    const struct dr_portal *cursor = *fetch.name ? dr_portal_find(client, fetch.name) : NULL;
    if (cursor && !fetch.move)
        dr_describe_rows(reply(client), cursor->statement->columns, cursor->statement->names, cursor->statement->types, formats);
    else
        dr_message_empty(reply(client), 'n');
}

static void describe_portal(struct dr_client *client, const char *name)
{
    struct dr_portal *portal = dr_portal_find(client, name);
    if (!portal) {
        dr_refuse(client, "34000", after_error, "portal \"%s\" does not exist", name);
        return;
    }
    const struct dr_statement *statement = portal->statement;
    struct dr_formats formats = dr_formats_at(&portal->bound.values, portal->formats);
    char shown[64];
    if (statement->kind == DR_KIND_READ && statement->unresolved && !statement->writes && client->status != 'E' && !client->lost)
        dr_describe_by_running(client, portal, nothing_more);
    else if (statement->kind == DR_KIND_SHOW && dr_show_parse(statement->sql, shown))
        dr_describe_text(reply(client), shown);
    else if (statement->kind == DR_KIND_FETCH)
        describe_fetch(client, statement, &formats);
    else if (statement->columns >= 0)
        dr_describe_rows(reply(client), statement->columns, statement->names, statement->types, &formats);
    else
        dr_message_empty(reply(client), 'n');
}

/* ---- the others ---- */

static void execute(struct dr_client *client, struct dr_frame *frame)
{
    const char *name = dr_frame_string(frame);
    int32_t most = (int32_t)dr_frame_u32(frame);
    if (!dr_frame_ok(frame)) {
        malformed(client);
        return;
    }
    struct dr_portal *portal = dr_portal_find(client, name);
    if (!portal)
        dr_refuse(client, "34000", after_error, "portal \"%s\" does not exist", name);
    else
        dr_perform(client, portal, most > 0 ? most : INT64_MAX, 0, nothing_more);
}

static void synced(struct dr_client *client)
{
    client->skipping = client->failed = 0;
    if (client->status == 'I')
        dr_portals_free_unused(client);
    struct dr_buffer out = {0};
    dr_message_ready(&out, client->status);
    dr_client_put(client, &out);
    dr_buffer_free(&out);
}

static void flushed(struct dr_client *client)
{
    if (client->failed)
        after_error(client);
}

void dr_extended(struct dr_client *client, struct dr_frame *frame)
{
    if (frame->type == 'S') {
        /* What failed is answered, and undone. */
        if (client->skipping)
            dr_settle(client, synced);
        else
            dr_finish_unit(client, synced);
        return;
    }
    if (client->skipping)
        return;
    client->failed = 0;
    switch (frame->type) {
    case 'P':
        parse(client, frame);
        return;
    case 'B':
        take_bind(client, frame);
        return;
    case 'D':
    case 'C': {
        uint8_t what = dr_frame_u8(frame);
        const char *name = dr_frame_string(frame);
        if (!dr_frame_ok(frame) || (what != 'S' && what != 'P')) {
            malformed(client);
        } else if (frame->type == 'D') {
            if (what == 'S')
                describe_statement(client, name);
            else
                describe_portal(client, name);
        } else {
            if (what == 'S')
                dr_prepared_close(client, name);
            else
                dr_portal_close(client, name);
            dr_message_empty(reply(client), '3');
        }
        return;
    }
    case 'E':
        execute(client, frame);
        return;
    case 'H':
        dr_settle(client, flushed);
        return;
    case 'd': /* what is left of a COPY that has failed */
    case 'c':
    case 'f':
        return;
    default:
        dr_client_fatal(client, "08P01", "invalid frontend message type");
    }
}
