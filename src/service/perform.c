#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"
#include "core/os.h"
#include "sqlcursor.h"
#include "sqlstate.h"

/* A unit longer than this is run as it comes; a write that took longer lately doesn't go into the lane. */
enum { MOST_OPERATIONS = 10000, MOST_BYTES = 8 << 20, LANE_COST_US = 5000 };

/* ---- answers ---- */

/* Bytes of the protocol that come after what has been gathered. */
static struct dr_buffer *reply(struct dr_client *client)
{
    return &client->unit.fixed;
}

static void complete(struct dr_client *client, const char *tag)
{
    dr_message_complete(reply(client), tag);
}

static void notice(struct dr_client *client, const char *sqlstate, const char *message)
{
    dr_message_report(reply(client), 'N', "WARNING", sqlstate, message, NULL, NULL, 0);
}

void dr_put_error(struct dr_client *client)
{
    const char *sqlstate = client->sqlstate ? client->sqlstate : dr_sqlstate(&client->error);
    if (strcmp(client->error.message, DR_CANCELLED) == 0)
        sqlstate = "40001";
    client->sqlstate = NULL;
    dr_message_report(reply(client), 'E', "ERROR", sqlstate, client->error.message, NULL, NULL, 0);
}

/* What has been gathered is bytes alone: out with them. */
static void put_reply(struct dr_client *client)
{
    dr_client_put(client, &client->unit.fixed);
    dr_unit_reset(&client->unit);
}

static void go_on(struct dr_client *client, void (*next)(struct dr_client *))
{
    if (next)
        next(client);
}

/* ---- errors ---- */

typedef void (*step)(struct dr_client *client);

static step take_next(struct dr_client *client)
{
    step next = client->next_step;
    client->next_step = NULL;
    return next;
}

static void do_rollback(struct dr_client *client)
{
    dr_portals_close_cursors(client);
    dr_backend_rollback(&client->backend);
}

static void after_failure(struct dr_client *client)
{
    go_on(client, take_next(client));
}

/* The failure is answered; what is open is undone at once, so that nobody waits for it. */
static void undo(struct dr_client *client, void (*next)(struct dr_client *))
{
    client->failed = 1;
    client->implicit = 0;
    if (client->status == 'T')
        client->status = 'E';
    if (!client->backend.open && !dr_portals_are_open(client)) {
        go_on(client, next);
        return;
    }
    client->next_step = next;
    dr_client_start(client, do_rollback, after_failure);
}

static void after_settled_for_error(struct dr_client *client)
{
    if (!client->failed)
        dr_put_error(client);
    put_reply(client);
    undo(client, take_next(client));
}

void dr_fail_client(struct dr_client *client, void (*next)(struct dr_client *))
{
    /* The client is silent: it is told at its next statement. */
    if (client->lost && !next) {
        undo(client, NULL);
        return;
    }
    if (!client->unit.operations) {
        dr_put_error(client);
        put_reply(client);
        undo(client, next);
        return;
    }
    /* What came before is answered first, as it would be if it had been run at once. */
    client->next_step = next;
    dr_settle(client, after_settled_for_error);
}

void dr_refuse(struct dr_client *client, const char *sqlstate, step next, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    client->error = (duckrow_error){.code = DUCKROW_USAGE};
    vsnprintf(client->error.message, sizeof client->error.message, format, arguments);
    va_end(arguments);
    client->sqlstate = sqlstate;
    dr_fail_client(client, next);
}

static void out_of_memory(struct dr_client *client, step next)
{
    dr_refuse(client, "53200", next, "out of memory");
}

/* ---- settling and committing ---- */

static void do_settle(struct dr_client *client)
{
    dr_backend_run(&client->backend, &client->unit);
}

static void answer_unit(struct dr_client *client)
{
    struct dr_buffer out = {0};
    dr_unit_answer(&client->unit, &out);
    dr_client_put(client, &out);
    dr_buffer_free(&out);
    client->failed = client->unit.failed >= 0;
    dr_unit_reset(&client->unit);
}

static void after_settle(struct dr_client *client)
{
    answer_unit(client);
    if (client->failed && client->status == 'T')
        client->status = 'E';
    client->implicit = !client->failed && client->status == 'I';
    step next = client->settled;
    client->settled = NULL;
    next(client);
}

void dr_settle(struct dr_client *client, void (*next)(struct dr_client *))
{
    if (!client->unit.operations) {
        put_reply(client);
        next(client);
        return;
    }
    client->unit.deadline = dr_clock_ms() + client->backend.busy_timeout;
    client->settled = next;
    dr_client_start(client, do_settle, after_settle);
}

static void do_commit(struct dr_client *client)
{
    dr_portals_close_cursors(client);
    client->error = (duckrow_error){0};
    dr_backend_commit(&client->backend, &client->error);
}

static void after_commit(struct dr_client *client)
{
    client->implicit = 0;
    dr_portals_close_named(client);
    if (client->error.code) {
        client->failed = 1;
        dr_put_error(client);
    } else if (client->commit_tag) {
        complete(client, client->commit_tag);
    }
    client->commit_tag = NULL;
    put_reply(client);
    go_on(client, take_next(client));
}

/* tag: CommandComplete to answer with; NULL: none. */
static void commit(struct dr_client *client, const char *tag)
{
    client->commit_tag = tag;
    dr_client_start(client, do_commit, after_commit);
}

static void commit_implicit(struct dr_client *client)
{
    if (client->failed)
        go_on(client, take_next(client));
    else
        commit(client, NULL);
}

static void after_unit(struct dr_client *client)
{
    answer_unit(client);
    go_on(client, take_next(client));
}

static void unit_done(struct dr_unit *unit)
{
    struct dr_client *client = unit->owner;
    dr_server_finished(client->server, client);
}

static void do_unit(struct dr_client *client)
{
    dr_backend_run_alone(&client->backend, &client->unit);
}

/* Only what is known to be quick goes into the lane. */
static int is_for_lane(const struct dr_client *client)
{
    const struct dr_unit *unit = &client->unit;
    if (unit->database < 0 || client->backend.own || unit->operations > client->server->settings->group_rows)
        return 0;
    for (int i = 0; i < unit->operations && !unit->plain; i++) {
        const struct dr_statement *statement = unit->operation[i].statement;
        if (!statement->shape && (!statement->cost || statement->cost > LANE_COST_US))
            return 0;
    }
    return 1;
}

void dr_finish_unit(struct dr_client *client, void (*next)(struct dr_client *))
{
    struct dr_unit *unit = &client->unit;
    if (client->status != 'I' || (!unit->operations && !client->implicit)) {
        dr_settle(client, next);
        return;
    }
    client->next_step = next;
    if (client->implicit) {
        dr_settle(client, commit_implicit);
        return;
    }
    unit->deadline = dr_clock_ms() + client->backend.busy_timeout;
    if (is_for_lane(client)) {
        unit->owner = client;
        unit->done = unit_done;
        client->busy = 1;
        client->after = after_unit;
        client->running_since = dr_clock_ms();
        dr_lane_put(client->server->lane[unit->database], unit);
    } else {
        dr_client_start(client, do_unit, after_unit);
    }
}

/* ---- looking at statements ---- */

static struct dr_catalog_context context_of(const struct dr_client *client)
{
    return (struct dr_catalog_context){.database = client->server->host.served[client->backend.database].name,
                                       .user = client->user,
                                       .server_version = client->server->version,
                                       .backend = client->id};
}

static void do_look_up(struct dr_client *client)
{
    struct dr_backend *backend = &client->backend;
    struct dr_catalog_context context = context_of(client);
    struct dr_look look = {.sql = client->making,
                           .database = backend->database,
                           .engine = client->making_engine,
                           .shared = !backend->own && !backend->changes_schema};
    client->error = (duckrow_error){0};
    if (backend->own && dr_backend_connect(backend, &client->error))
        return;
    if (backend->own || backend->open)
        look.own = backend->connection;
    dr_backend_run_begin(backend, look.own);
    dr_statements_make(backend->statements, &look, &context, &client->made, &client->error);
    dr_backend_run_end(backend, &client->error);
}

static void after_look_up(struct dr_client *client)
{
    free(client->making);
    client->making = NULL;
    step next = client->looked;
    client->looked = NULL;
    next(client);
}

static int is_dangerous(const char *name)
{
    static const char *const names[] = {"checkpoint_threshold",
                                        "wal_autocheckpoint",
                                        "auto_checkpoint_skip_wal_threshold",
                                        "wal_autocheckpoint_entries",
                                        "checkpoint_on_detach",
                                        "access_mode",
                                        "threads",
                                        "memory_limit",
                                        "max_memory",
                                        "temp_directory"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return 1;
    return 0;
}

static int sets_danger(const char *sql)
{
    struct dr_set_statement set;
    dr_set_parse(sql, &set);
    return (set.what == DR_SET_ONE || set.what == DR_SET_RESET) && is_dangerous(set.name);
}

static int is_for_engine(const struct dr_client *client, enum dr_kind kind, const char *sql)
{
    struct dr_set_statement set;
    char name[64], value[256];
    if (kind == DR_KIND_SET) {
        dr_set_parse(sql, &set);
        return set.what == DR_SET_OTHER || ((set.what == DR_SET_ONE || set.what == DR_SET_RESET) &&
                                            !dr_parameters_show(&client->parameters, set.name, value));
    }
    if (kind == DR_KIND_SHOW)
        return !dr_show_parse(sql, name) || !dr_parameters_show(&client->parameters, name, value);
    return kind == DR_KIND_COPY;
}

void dr_look_up(struct dr_client *client, const char *sql, void (*next)(struct dr_client *))
{
    struct dr_backend *backend = &client->backend;
    const char *end;
    char tag[32];
    dr_statement_put(client->made);
    client->made = NULL;
    client->error = (duckrow_error){0};
    if (!backend->own && !backend->changes_schema &&
        (client->made = dr_statements_find(backend->statements, sql, backend->database))) {
        next(client);
        return;
    }
    enum dr_kind kind = dr_statement_kind(sql, &end, tag);
    if (kind == DR_KIND_SET && sets_danger(sql)) {
        dr_fail(&client->error, DUCKROW_PERMISSION, "this setting is the service's: it can't be changed by a session");
        next(client);
        return;
    }
    client->making = strdup(sql);
    if (!client->making) {
        dr_fail(&client->error, DUCKROW_NO_MEMORY, "out of memory");
        next(client);
        return;
    }
    client->making_engine = is_for_engine(client, kind, sql);
    client->looked = next;
    if (dr_kind_is_ours(kind) && kind != DR_KIND_DECLARE && !client->making_engine) {
        do_look_up(client);
        after_look_up(client);
    } else {
        dr_client_start(client, do_look_up, after_look_up);
    }
}

/* ---- reading ---- */

static int drop(struct dr_sink *sink, struct dr_buffer *bytes)
{
    (void)sink;
    dr_buffer_reset(bytes, SIZE_MAX);
    return 0;
}

static void do_read(struct dr_client *client)
{
    struct dr_portal *portal = client->portal;
    struct dr_backend *backend = &client->backend;
    struct dr_portal *asker = client->formats_of;
    struct dr_formats formats = dr_formats_at(&asker->bound.values, asker->formats);
    const struct dr_display display = {NULL, NULL};
    struct dr_sink nowhere = {drop, NULL}, *sink = strcmp(client->row_tag, "MOVE") == 0 ? &nowhere : &client->sink;
    duckrow_error *error = &client->error;
    int64_t count = 0;
    *error = (duckrow_error){0};
    if (!portal->cursor.open) {
        if (client->status == 'T' && !backend->open && dr_backend_begin(backend, error))
            return;
        if (dr_cursor_open(&portal->cursor, backend, portal->statement, &portal->bound, 0, error))
            return;
    }
    if (!asker->rows_told) {
        struct dr_buffer out = {0};
        dr_describe_rows(&out, portal->cursor.columns, portal->cursor.names, portal->cursor.types, &formats);
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

static void add_operation(struct dr_client *client, struct dr_portal *portal, int describe, void (*next)(struct dr_client *));

static void after_read(struct dr_client *client)
{
    struct dr_portal *portal = client->portal;
    step next = take_next(client);
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
        go_on(client, next);
        return;
    }
    if (portal->finished || client->formats_of != portal) {
        snprintf(tag, sizeof tag, "%s %lld", client->row_tag, (long long)client->formats_of->told);
        complete(client, tag);
    } else {
        dr_message_empty(reply(client), 's');
    }
    put_reply(client);
    go_on(client, next);
}

static void read_now(struct dr_client *client)
{
    if (client->failed)
        go_on(client, take_next(client));
    else
        dr_client_start(client, do_read, after_read);
}

static void read_portal(struct dr_client *client, struct dr_portal *portal, struct dr_portal *asker, int64_t most,
                        const char *tag, step next)
{
    client->portal = portal;
    client->formats_of = asker;
    client->row_tag = tag;
    client->most = most;
    client->next_step = next;
    dr_settle(client, read_now);
}

static void perform_read(struct dr_client *client, struct dr_portal *portal, int64_t most, int describe,
                         void (*next)(struct dr_client *))
{
    if (portal->finished) {
        complete(client, "SELECT 0");
        go_on(client, next);
        return;
    }
    portal->rows_told |= !describe;
    read_portal(client, portal, portal, most, portal->statement->tag, next);
}

void dr_describe_by_running(struct dr_client *client, struct dr_portal *portal, void (*next)(struct dr_client *))
{
    read_portal(client, portal, portal, 0, "SELECT", next);
}

/* ---- writing ---- */

static void after_early_settle(struct dr_client *client)
{
    go_on(client, take_next(client));
}

static void add_operation(struct dr_client *client, struct dr_portal *portal, int describe, void (*next)(struct dr_client *))
{
    struct dr_unit *unit = &client->unit;
    struct dr_statement *statement = portal->statement;
    struct dr_formats formats = dr_formats_at(&portal->bound.values, portal->formats);
    if (describe && statement->columns >= 0)
        dr_describe_rows(&unit->fixed, statement->columns, statement->names, statement->types, &formats);
    struct dr_operation *operation = dr_unit_add(unit, dr_statement_get(statement));
    if (!operation) {
        out_of_memory(client, next);
        return;
    }
    operation->formats = operation->parameters + portal->formats;
    dr_buffer_add(&unit->values, portal->bound.values.bytes + portal->bound.values.start, dr_buffer_size(&portal->bound.values));
    if (unit->values.failed || unit->fixed.failed) {
        out_of_memory(client, next);
    } else if (unit->operations >= MOST_OPERATIONS || dr_buffer_size(&unit->values) >= MOST_BYTES) {
        client->next_step = next;
        dr_settle(client, after_early_settle);
    } else {
        go_on(client, next);
    }
}

/* ---- transactions ---- */

static void begin_block(struct dr_client *client)
{
    if (!client->failed) {
        client->status = 'T';
        client->implicit = 0;
        complete(client, "BEGIN");
    }
    go_on(client, take_next(client));
}

static void end_block(struct dr_client *client)
{
    if (client->failed) {
        /* What came before COMMIT failed, and was answered. */
        go_on(client, take_next(client));
        return;
    }
    client->status = 'I';
    commit(client, "COMMIT");
}

static void after_rollback(struct dr_client *client)
{
    dr_portals_close_named(client);
    complete(client, "ROLLBACK");
    put_reply(client);
    go_on(client, take_next(client));
}

static void abandon_block(struct dr_client *client)
{
    client->failed = 0;
    client->status = 'I';
    client->implicit = 0;
    dr_client_start(client, do_rollback, after_rollback);
}

static void perform_transaction(struct dr_client *client, enum dr_kind kind, void (*next)(struct dr_client *))
{
    int open = client->status != 'I' || client->implicit || client->unit.operations;
    client->next_step = next;
    if (kind == DR_KIND_BEGIN) {
        if (client->status == 'T')
            notice(client, "25001", "there is already a transaction in progress");
        dr_settle(client, begin_block);
        return;
    }
    if (!open) {
        notice(client, "25P01", "there is no transaction in progress");
        complete(client, kind == DR_KIND_COMMIT ? "COMMIT" : "ROLLBACK");
        go_on(client, take_next(client));
    } else if (kind == DR_KIND_COMMIT && client->status != 'E') {
        dr_settle(client, end_block);
    } else {
        client->lost = NULL;
        dr_settle(client, abandon_block);
    }
}

/* ---- what the service answers itself ---- */

static void perform_set(struct dr_client *client, struct dr_portal *portal, void (*next)(struct dr_client *))
{
    struct dr_set_statement set;
    duckrow_code code = DUCKROW_OK;
    char value[256];
    dr_set_parse(portal->statement->sql, &set);
    if (set.what == DR_SET_ONE) {
        code = dr_parameters_set(&client->parameters, set.name, set.value, reply(client), &client->error);
        client->backend.busy_timeout = client->parameters.busy_timeout;
    } else if (set.what == DR_SET_RESET_ALL || set.what == DR_SET_RESET) {
        struct dr_parameters fresh;
        dr_parameters_init(&fresh, client->server->settings);
        if (set.what == DR_SET_RESET && dr_parameters_show(&fresh, set.name, value))
            code = dr_parameters_set(&client->parameters, set.name, value, reply(client), &client->error);
        client->backend.busy_timeout = client->parameters.busy_timeout;
    }
    if (code) {
        if (code == DUCKROW_NOT_FOUND)
            dr_fail(&client->error, DUCKROW_USAGE, "parameter \"%s\" cannot be changed", set.name);
        dr_fail_client(client, next);
        return;
    }
    complete(client, portal->statement->tag);
    go_on(client, next);
}

static void perform_show(struct dr_client *client, struct dr_portal *portal, int describe, void (*next)(struct dr_client *))
{
    char name[64], value[256];
    struct dr_buffer *out = reply(client);
    dr_show_parse(portal->statement->sql, name);
    dr_parameters_show(&client->parameters, name, value);
    if (describe)
        dr_describe_text(out, name);
    size_t at = dr_message_begin(out, 'D');
    dr_buffer_u16(out, 1);
    dr_buffer_u32(out, (uint32_t)strlen(value));
    dr_buffer_text(out, value);
    dr_message_end(out, at);
    complete(client, "SHOW");
    go_on(client, next);
}

void dr_describe_text(struct dr_buffer *out, const char *name)
{
    enum { TEXT = 25 };
    size_t at = dr_message_begin(out, 'T');
    dr_buffer_u16(out, 1);
    dr_buffer_add(out, name, strlen(name) + 1);
    dr_buffer_u32(out, 0);
    dr_buffer_u16(out, 0);
    dr_buffer_u32(out, TEXT);
    dr_buffer_u16(out, (uint16_t)-1);
    dr_buffer_u32(out, (uint32_t)-1);
    dr_buffer_u16(out, 0);
    dr_message_end(out, at);
}

static void perform_declare(struct dr_client *client, struct dr_portal *portal, step next)
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
        out_of_memory(client, next);
        return;
    }
    complete(client, "DECLARE CURSOR");
    go_on(client, next);
}

static struct dr_portal *find_cursor(struct dr_client *client, const char *name, step next)
{
    struct dr_portal *cursor = *name ? dr_portal_find(client, name) : NULL;
    if (!cursor)
        dr_refuse(client, "34000", next, "cursor \"%s\" does not exist", name);
    return cursor;
}

static void perform_fetch(struct dr_client *client, struct dr_portal *portal, int describe, step next)
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
            dr_describe_rows(reply(client), cursor->statement->columns, cursor->statement->names, cursor->statement->types,
                             &(struct dr_formats){0});
        snprintf(tag, sizeof tag, "%s 0", fetch.move ? "MOVE" : "FETCH");
        complete(client, tag);
        go_on(client, next);
        return;
    }
    read_portal(client, cursor, portal, fetch.count, fetch.move ? "MOVE" : "FETCH", next);
}

static void perform_close(struct dr_client *client, struct dr_portal *portal, step next)
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
    complete(client, *name ? "CLOSE CURSOR" : "CLOSE CURSOR ALL");
    go_on(client, next);
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
        dr_fail_client(client, take_next(client));
        return;
    }
    complete(client, "CHECKPOINT");
    go_on(client, take_next(client));
}

static void do_discard(struct dr_client *client)
{
    struct dr_backend *backend = &client->backend;
    dr_portals_close_cursors(client);
    dr_backend_rollback(backend);
    dr_backend_disconnect(backend);
}

static void after_discard(struct dr_client *client)
{
    dr_portals_free_all(client);
    complete(client, client->error.code ? "ROLLBACK" : "DISCARD ALL");
    put_reply(client);
    go_on(client, take_next(client));
}

void dr_perform(struct dr_client *client, struct dr_portal *portal, int64_t most, int describe, void (*next)(struct dr_client *))
{
    struct dr_statement *statement = portal->statement;
    enum dr_kind kind = statement->kind;
    client->failed = 0;
    int ends = kind == DR_KIND_COMMIT || kind == DR_KIND_ROLLBACK;
    if (client->lost && !ends) {
        const char *lost = client->lost;
        client->lost = NULL;
        dr_refuse(client, strcmp(lost, DR_CANCELLED) ? "25P03" : "40001", next, "%s", lost);
        return;
    }
    if (client->status == 'E' && !ends && kind != DR_KIND_EMPTY) {
        dr_refuse(client, "25P02", next, "current transaction is aborted, commands ignored until end of transaction block");
        return;
    }
    switch (kind) {
    case DR_KIND_EMPTY:
        dr_message_empty(reply(client), 'I');
        go_on(client, next);
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
        perform_transaction(client, kind, next);
        return;
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
            dr_refuse(client, "25001", take_next(client), "CHECKPOINT cannot run inside a transaction block");
        else
            dr_client_start(client, do_checkpoint, after_checkpoint);
        return;
    case DR_KIND_DISCARD:
        client->next_step = next;
        client->error = (duckrow_error){0};
        dr_client_start(client, do_discard, after_discard);
        return;
    case DR_KIND_NOTHING:
        complete(client, statement->tag);
        go_on(client, next);
        return;
    case DR_KIND_DEALLOCATE:
        if (!dr_deallocate(client, statement->sql)) {
            dr_refuse(client, "26000", next, "prepared statement does not exist");
            return;
        }
        complete(client, "DEALLOCATE");
        go_on(client, next);
        return;
    case DR_KIND_SAVEPOINT:
        dr_refuse(client, "0A000", next, "savepoints are not supported: DuckDB has none");
        return;
    case DR_KIND_REFUSED:
        fail(client, DUCKROW_UNSUPPORTED,
             "ATTACH and DETACH are for the service to do: start it with the database, or take the file with exclusive=True",
             next);
        return;
    default:
        dr_refuse(client, "0A000", next, "this statement is not supported by the service");
    }
}
