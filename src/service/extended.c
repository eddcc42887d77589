/* The extended query: Parse, Bind, Describe, Execute, Close, Flush, Sync. After an error everything up to Sync is skipped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "sqlcursor.h"
#include "steps.h"

static void after_error(struct dr_client *client)
{
    client->skipping = 1;
}

/* A message that can't be understood ends the session: nor can what follows it. */
static void malformed(struct dr_client *client, const duckrow_error *error)
{
    dr_client_fatal(client, "08P01", error->message);
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
        dr_out_of_memory(client, after_error);
    else
        dr_message_empty(dr_reply(client), '1');
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

static void take_parse(struct dr_client *client, struct dr_frame *frame)
{
    struct dr_parse parse;
    duckrow_error error;
    if (dr_message_parse(frame, &parse, &error)) {
        malformed(client, &error);
        return;
    }
    const char *name = parse.name, *sql = parse.sql;
    int count = parse.types.count;
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
        dr_out_of_memory(client, after_error);
        return;
    }
    for (int i = 0; i < count; i++)
        client->preparing_oids[i] = dr_parse_type(&parse, (size_t)i);
    dr_look_up(client, client->parse_sql, parsed);
}

/* ---- Bind ---- */

static void bind_now(struct dr_client *client, struct dr_bind *bind, struct dr_prepared *prepared)
{
    if (bind->parameters != prepared->parameters) {
        dr_refuse(client, "08P01", after_error,
                  "bind message supplies %d parameters, but prepared statement \"%.60s\" requires %d", bind->parameters,
                  prepared->name, prepared->parameters);
        return;
    }
    struct dr_portal *portal = dr_portal_make(client, bind->portal, prepared->statement);
    if (!portal) {
        dr_out_of_memory(client, after_error);
        return;
    }
    struct dr_buffer *values = &portal->bound.values;
    struct dr_parameter parameter;
    for (size_t i = 0; dr_bind_next(bind, &parameter.bytes, &parameter.size); i++) {
        parameter.oid = prepared->oids[i];
        parameter.binary = dr_format_of(&bind->formats, i) == 1;
        dr_unit_put_parameter(&portal->bound, &parameter);
    }
    portal->formats = dr_buffer_size(values);
    dr_buffer_u16(values, bind->result_formats.count);
    dr_buffer_add(values, bind->result_formats.at, 2 * (size_t)bind->result_formats.count);
    if (values->failed)
        dr_out_of_memory(client, after_error);
    else
        dr_message_empty(dr_reply(client), '2');
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
    /* The client may go by what it was told of the rows. */
    if (!dr_columns_alike(&prepared->statement->columns, &client->made->columns)) {
        dr_refuse(client, "0A000", after_error, DR_PLAN_CHANGED);
        return;
    }
    dr_statement_put(prepared->statement);
    prepared->statement = dr_statement_get(client->made);
    struct dr_frame frame = {.type = 'B', .at = client->again.bytes, .end = client->again.bytes + client->again.end};
    struct dr_bind bind;
    if (dr_message_bind(&frame, &bind, &client->error))
        malformed(client, &client->error);
    else
        bind_now(client, &bind, prepared);
}

static void take_bind(struct dr_client *client, struct dr_frame *frame)
{
    const unsigned char *start = frame->at;
    struct dr_bind bind;
    duckrow_error error;
    if (dr_message_bind(frame, &bind, &error)) {
        malformed(client, &error);
        return;
    }
    const char *name = bind.statement;
    struct dr_prepared *prepared = dr_prepared_find(client, name);
    if (!prepared) {
        dr_refuse(client, "26000", after_error, "prepared statement \"%s\" does not exist", name);
    } else if (*bind.portal && dr_portal_find(client, bind.portal)) {
        dr_refuse(client, "42P03", after_error, "portal \"%s\" already exists", bind.portal);
    } else if ((dr_kind_is_ours(prepared->statement->kind) && prepared->statement->kind != DR_KIND_DECLARE) ||
               dr_statements_current(client->server->statements, prepared->statement)) {
        bind_now(client, &bind, prepared);
    } else {
        free(client->preparing);
        client->preparing = strdup(name);
        dr_buffer_reset(&client->again, 0);
        dr_buffer_add(&client->again, start, (size_t)(frame->end - start));
        if (!client->preparing || client->again.failed)
            dr_out_of_memory(client, after_error);
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
    struct dr_buffer *out = dr_reply(client);
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
    if (statement->kind == DR_KIND_SHOW && dr_describe_show(out, statement->sql))
        return;
    if (statement->columns.count >= 0)
        dr_describe_rows(out, &statement->columns, &none);
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
        dr_describe_rows(dr_reply(client), &cursor->statement->columns, formats);
    else
        dr_message_empty(dr_reply(client), 'n');
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
    if (statement->kind == DR_KIND_READ && statement->unresolved && !statement->writes && client->status != 'E' && !client->lost)
        dr_describe_by_running(client, portal, nothing_more);
    else if (statement->kind == DR_KIND_SHOW && dr_describe_show(dr_reply(client), statement->sql))
        return;
    else if (statement->kind == DR_KIND_FETCH)
        describe_fetch(client, statement, &formats);
    else if (statement->columns.count >= 0)
        dr_describe_rows(dr_reply(client), &statement->columns, &formats);
    else
        dr_message_empty(dr_reply(client), 'n');
}

/* ---- the others ---- */

static void execute(struct dr_client *client, struct dr_frame *frame)
{
    struct dr_execute execute;
    duckrow_error error;
    if (dr_message_execute(frame, &execute, &error)) {
        malformed(client, &error);
        return;
    }
    struct dr_portal *portal = dr_portal_find(client, execute.portal);
    if (!portal)
        dr_refuse(client, "34000", after_error, "portal \"%s\" does not exist", execute.portal);
    else
        dr_perform(client, portal, execute.rows ? execute.rows : INT64_MAX, 0, nothing_more);
}

static void describe_or_close(struct dr_client *client, struct dr_frame *frame)
{
    struct dr_target target;
    duckrow_error error;
    int describe = frame->type == 'D';
    if (describe ? dr_message_describe(frame, &target, &error) : dr_message_close(frame, &target, &error)) {
        malformed(client, &error);
    } else if (describe && target.kind == 'S') {
        describe_statement(client, target.name);
    } else if (describe) {
        describe_portal(client, target.name);
    } else {
        if (target.kind == 'S')
            dr_prepared_close(client, target.name);
        else
            dr_portal_close(client, target.name);
        dr_message_empty(dr_reply(client), '3');
    }
}

static void synced(struct dr_client *client)
{
    client->skipping = client->failed = 0;
    if (client->status == 'I')
        dr_portals_free_unused(client);
    dr_put_ready(client);
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
        take_parse(client, frame);
        return;
    case 'B':
        take_bind(client, frame);
        return;
    case 'D':
    case 'C':
        describe_or_close(client, frame);
        return;
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
