#include "copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/os.h"
#include "engine/sqltext.h"
#include "messages.h"

enum { BINARY_ONE = 1 };

struct dr_copying {
    struct dr_copy_statement copy;
    struct dr_copy_reader *reader;
    struct dr_statement *insert, *select; /* what a row is, what the columns are of */
    int64_t rows;
    int ending; /* CopyDone has come */
    dr_step next;
};

void dr_copy_abandon(struct dr_client *client)
{
    struct dr_copying *copying = client->copy;
    if (!copying)
        return;
    dr_copy_reader_free(copying->reader);
    dr_copy_statement_free(&copying->copy);
    dr_statement_put(copying->insert);
    dr_statement_put(copying->select);
    free(copying);
    client->copy = NULL;
    client->copy_in = 0;
}

static void fail(struct dr_client *client)
{
    dr_step next = client->copy->next;
    dr_copy_abandon(client);
    dr_fail_client(client, next);
}

/* ---- texts ---- */

/* "a", "b" */
static char *column_list(char *const *names)
{
    char *list = strdup("");
    for (int i = 0; list && names[i]; i++) {
        char *quoted = dr_sql_quote(names[i], '"');
        char *longer = quoted ? dr_sql_format("%s%s%s", list, i ? ", " : "", quoted) : NULL;
        free(quoted);
        free(list);
        list = longer;
    }
    return list;
}

static char *select_text(const struct dr_copy_statement *copy)
{
    if (copy->query)
        return strdup(copy->query);
    char *columns = copy->columns ? column_list(copy->columns) : strdup("*");
    char *sql = columns ? dr_sql_format("SELECT %s FROM %s", columns, copy->table) : NULL;
    free(columns);
    return sql;
}

static char *insert_text(const struct dr_copy_statement *copy, const struct dr_statement *select)
{
    char *columns = column_list(select->columns.names), *values = strdup("");
    for (int i = 0; values && i < select->columns.count; i++) {
        char *longer = dr_sql_format("%s%s$%d", values, i ? ", " : "", i + 1);
        free(values);
        values = longer;
    }
    char *sql = columns && values ? dr_sql_format("INSERT INTO %s (%s) VALUES (%s)", copy->table, columns, values) : NULL;
    free(columns);
    free(values);
    return sql;
}

/* CopyInResponse, CopyOutResponse. */
static void respond(struct dr_client *client, char type, const struct dr_copying *copying)
{
    struct dr_buffer *out = dr_reply(client);
    int binary = copying->copy.options.format == DR_COPY_BINARY;
    size_t at = dr_message_begin(out, type);
    dr_buffer_u8(out, (uint8_t)binary);
    dr_buffer_u16(out, (uint16_t)copying->select->columns.count);
    for (int i = 0; i < copying->select->columns.count; i++)
        dr_buffer_u16(out, (uint16_t)binary);
    dr_message_end(out, at);
}

/* ---- in ---- */

static void pump(struct dr_client *client);

static void settled(struct dr_client *client)
{
    if (client->failed) {
        /* Answered already; the client goes on sending until it sees it. */
        dr_step next = client->copy->next;
        dr_copy_abandon(client);
        dr_go_on(client, next);
        return;
    }
    pump(client);
}

static int add_row(struct dr_client *client, const struct dr_copy_field *fields)
{
    struct dr_copying *copying = client->copy;
    struct dr_unit *unit = &client->unit;
    int binary = copying->copy.options.format == DR_COPY_BINARY;
    struct dr_operation *operation = dr_unit_add(unit, dr_statement_get(copying->insert));
    if (!operation)
        return 0;
    for (int i = 0; i < copying->insert->parameters; i++)
        dr_unit_put_parameter(
            unit, &(struct dr_parameter){
                      .bytes = fields[i].bytes, .size = fields[i].size, .oid = copying->insert->oids[i], .binary = binary});
    operation->silent = 1;
    operation->zone = client->parameters.zone;
    operation->formats = dr_buffer_size(&unit->values);
    dr_buffer_u16(&unit->values, 0);
    copying->rows++;
    return !unit->values.failed;
}

static void finish(struct dr_client *client)
{
    struct dr_copying *copying = client->copy;
    dr_step next = copying->next;
    char tag[64];
    snprintf(tag, sizeof tag, "COPY %lld", (long long)copying->rows);
    dr_copy_abandon(client);
    dr_complete(client, tag);
    dr_go_on(client, next);
}

/* Takes the rows that have come; what is too much to gather is run in between. */
static void pump(struct dr_client *client)
{
    struct dr_copying *copying = client->copy;
    const struct dr_copy_field *fields;
    int found = 0;
    while (!dr_unit_is_long(&client->unit) && (found = dr_copy_reader_row(copying->reader, &fields, &client->error)) > 0) {
        if (!add_row(client, fields)) {
            dr_fail(&client->error, DUCKROW_NO_MEMORY, "out of memory");
            found = -1;
            break;
        }
    }
    if (found < 0) {
        client->sqlstate = client->error.code == DUCKROW_USAGE ? "22P04" : NULL;
        fail(client);
    } else if (found > 0 || dr_unit_is_long(&client->unit)) {
        dr_settle(client, settled);
    } else if (copying->ending) {
        finish(client);
    }
}

void dr_copy_message(struct dr_client *client, struct dr_frame *frame)
{
    struct dr_copying *copying = client->copy;
    const unsigned char *bytes;
    const char *reason;
    size_t size;
    switch (frame->type) {
    case 'd':
        dr_message_data(frame, &bytes, &size);
        dr_copy_reader_feed(copying->reader, bytes, size, 0);
        pump(client);
        return;
    case 'c':
        copying->ending = 1;
        dr_copy_reader_feed(copying->reader, "", 0, 1);
        pump(client);
        return;
    case 'f':
        if (dr_message_text(frame, &reason, &client->error)) {
            dr_client_fatal(client, "08P01", client->error.message);
            return;
        }
        dr_fail(&client->error, DUCKROW_INTERRUPTED, "COPY from stdin failed: %.500s", reason);
        fail(client);
        return;
    case 'H':
    case 'S':
        return;
    default:
        dr_fail(&client->error, DUCKROW_USAGE, "unexpected message type 0x%02X during COPY from stdin", frame->type);
        client->sqlstate = "08P01";
        fail(client);
    }
}

static void insert_looked_up(struct dr_client *client)
{
    struct dr_copying *copying = client->copy;
    if (client->error.code) {
        fail(client);
        return;
    }
    copying->insert = dr_statement_get(client->made);
    copying->reader = dr_copy_reader_make(&copying->copy.options, (const char *const *)copying->select->columns.names,
                                          (size_t)copying->select->columns.count);
    if (!copying->reader) {
        dr_fail(&client->error, DUCKROW_NO_MEMORY, "out of memory");
        fail(client);
        return;
    }
    respond(client, 'G', copying);
    dr_put_reply(client);
    client->copy_in = 1;
}

/* What came before is out of the way: rows are gathered from here on. */
static void ready_for_rows(struct dr_client *client)
{
    struct dr_copying *copying = client->copy;
    if (client->failed) {
        dr_step next = copying->next;
        dr_copy_abandon(client);
        dr_go_on(client, next);
        return;
    }
    char *sql = insert_text(&copying->copy, copying->select);
    if (!sql) {
        dr_fail(&client->error, DUCKROW_NO_MEMORY, "out of memory");
        fail(client);
        return;
    }
    dr_look_up(client, sql, insert_looked_up);
    free(sql);
}

/* ---- out ---- */

static const char *put_row(struct dr_client *client, duckdb_data_chunk chunk, uint64_t row, struct dr_buffer *out)
{
    const struct dr_duckdb *duckdb = client->backend.host->duckdb;
    const struct dr_copy_options *options = &client->copy->copy.options;
    const struct dr_display display = dr_display_in(client->backend.zone);
    struct dr_cursor *cursor = &client->portal->cursor;
    struct dr_buffer text = {0};
    const char *reason = NULL;
    dr_copy_put_row(options, (size_t)cursor->columns.count, out);
    for (int i = 0; !reason && i < cursor->columns.count; i++) {
        duckdb_vector vector = duckdb->data_chunk_get_vector(chunk, (idx_t)i);
        if (options->format == DR_COPY_BINARY) {
            reason = dr_type_put(cursor->columns.types[i], &display, vector, row, BINARY_ONE, out);
            continue;
        }
        text.start = text.end = 0;
        int some = dr_type_put_text(cursor->columns.types[i], &display, vector, row, &text);
        struct dr_copy_field field = {some ? (text.bytes ? text.bytes : (const unsigned char *)"") : NULL, dr_buffer_size(&text)};
        dr_copy_put_text(options, (size_t)i, &field, out);
    }
    dr_copy_put_end_of_row(options, out);
    dr_buffer_free(&text);
    return reason;
}

static int put_piece(struct dr_client *client, struct dr_buffer *data, struct dr_buffer *out)
{
    size_t at = dr_message_begin(out, 'd');
    dr_buffer_add(out, data->bytes + data->start, dr_buffer_size(data));
    dr_message_end(out, at);
    dr_buffer_reset(data, SIZE_MAX);
    return client->sink.send(&client->sink, out);
}

/* A message for each row, as PostgreSQL does it, and clients expect of CSV. */
static void put_rows(struct dr_client *client, struct dr_buffer *data, struct dr_buffer *out)
{
    const struct dr_duckdb *duckdb = client->backend.host->duckdb;
    struct dr_cursor *cursor = &client->portal->cursor;
    const char *reason = NULL;
    int stopped = 0;
    while (!reason && !stopped) {
        duckdb_data_chunk chunk = duckdb->fetch_chunk(cursor->result);
        if (!chunk)
            break;
        uint64_t count = duckdb->data_chunk_get_size(chunk);
        for (uint64_t row = 0; row < count && !reason && !stopped; row++) {
            reason = put_row(client, chunk, row, data);
            stopped = put_piece(client, data, out);
            client->copy->rows++;
        }
        duckdb->destroy_data_chunk(&chunk);
    }
    const char *failed = duckdb->result_error(&cursor->result);
    if (reason)
        dr_fail(&client->error, DUCKROW_USAGE, "%s", reason);
    else if (failed && *failed)
        dr_sql_failed(&client->error, failed);
    else if (stopped)
        dr_fail(&client->error, DUCKROW_INTERRUPTED, "the client does not take its result");
}

static void do_copy_out(struct dr_client *client)
{
    struct dr_backend *backend = &client->backend;
    struct dr_copying *copying = client->copy;
    struct dr_cursor *cursor = &client->portal->cursor;
    struct dr_buffer data = {0}, out = {0};
    client->error = (duckrow_error){0};
    if (client->status == 'T' && !backend->open && dr_backend_begin(backend, &client->error))
        return;
    if (dr_cursor_open(cursor, backend, copying->select, &client->portal->bound, 0, &client->error))
        return;
    dr_copy_put_start(&copying->copy.options, (const char *const *)cursor->columns.names, (size_t)cursor->columns.count, &data);
    /* As PostgreSQL does: a line of names goes by itself, the header of binary with the first row. */
    if (copying->copy.options.format != DR_COPY_BINARY && dr_buffer_size(&data))
        put_piece(client, &data, &out);
    if (!dr_backend_run_begin(backend, cursor->on_own ? backend->connection : cursor->lease.connection, &client->error))
        put_rows(client, &data, &out);
    dr_copy_put_finish(&copying->copy.options, &data);
    if (!client->error.code && dr_buffer_size(&data))
        put_piece(client, &data, &out);
    dr_backend_run_end(backend, &client->error);
    dr_cursor_close(cursor, backend);
    dr_buffer_free(&data);
    dr_buffer_free(&out);
}

static void copied_out(struct dr_client *client)
{
    if (client->error.code) {
        fail(client);
        return;
    }
    dr_message_empty(dr_reply(client), 'c');
    finish(client);
}

static void ready_to_send(struct dr_client *client)
{
    if (client->failed) {
        dr_step next = client->copy->next;
        dr_copy_abandon(client);
        dr_go_on(client, next);
        return;
    }
    respond(client, 'H', client->copy);
    dr_put_reply(client);
    dr_client_start(client, do_copy_out, copied_out);
}

/* ---- both ---- */

static void select_looked_up(struct dr_client *client)
{
    struct dr_copying *copying = client->copy;
    if (!client->error.code && client->made->kind != DR_KIND_READ) {
        client->sqlstate = "0A000";
        dr_fail(&client->error, DUCKROW_UNSUPPORTED, "COPY query must be a SELECT");
    }
    if (client->error.code) {
        fail(client);
        return;
    }
    copying->select = dr_statement_get(client->made);
    dr_settle(client, copying->copy.in ? ready_for_rows : ready_to_send);
}

void dr_perform_copy(struct dr_client *client, struct dr_portal *portal, dr_step next)
{
    int found;
    struct dr_copying *copying = client->copy = calloc(1, sizeof *copying);
    if (!copying) {
        dr_out_of_memory(client, next);
        return;
    }
    copying->next = next;
    client->portal = portal;
    client->error = (duckrow_error){0};
    if (dr_copy_parse(portal->statement->sql, &found, &copying->copy, &client->error)) {
        client->sqlstate = client->error.code == DUCKROW_USAGE ? "42601" : NULL;
        fail(client);
        return;
    }
    char *sql = select_text(&copying->copy);
    if (!sql) {
        dr_fail(&client->error, DUCKROW_NO_MEMORY, "out of memory");
        fail(client);
        return;
    }
    dr_look_up(client, sql, select_looked_up);
    free(sql);
}
