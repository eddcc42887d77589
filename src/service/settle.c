/* Errors, and what makes gathered work happen: settling, committing, the transaction block. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/os.h"
#include "sqlstate.h"
#include "steps.h"

void dr_put_error(struct dr_client *client)
{
    const char *sqlstate = client->sqlstate ? client->sqlstate : dr_sqlstate(&client->error);
    client->sqlstate = NULL;
    dr_message_report(dr_reply(client), 'E', "ERROR", sqlstate, client->error.message, NULL, NULL, 0);
}

/* What has been gathered is bytes alone: out with them. */
void dr_put_reply(struct dr_client *client)
{
    dr_client_put(client, &client->unit.fixed);
    dr_unit_reset(&client->unit);
}

void dr_put_ready(struct dr_client *client)
{
    struct dr_buffer out = {0};
    dr_backend_ready(&client->backend);
    dr_message_ready(&out, client->status);
    dr_client_put(client, &out);
    dr_buffer_free(&out);
}

/* ---- errors ---- */

static void do_rollback(struct dr_client *client)
{
    dr_portals_close_cursors(client);
    dr_backend_rollback(&client->backend);
}

static void after_failure(struct dr_client *client)
{
    dr_go_on(client, dr_take_next(client));
}

/* The failure is answered; what is open is undone at once, so that nobody waits for it. */
static void undo(struct dr_client *client, dr_step next)
{
    client->failed = 1;
    client->implicit = 0;
    if (client->status == 'T')
        client->status = 'E';
    if (!client->backend.open && !dr_portals_are_open(client)) {
        dr_go_on(client, next);
        return;
    }
    client->next_step = next;
    dr_client_start(client, do_rollback, after_failure);
}

static void after_settled_for_error(struct dr_client *client)
{
    if (!client->failed)
        dr_put_error(client);
    dr_put_reply(client);
    undo(client, dr_take_next(client));
}

void dr_fail_client(struct dr_client *client, dr_step next)
{
    if (client->answered) {
        client->answered = 0;
        undo(client, next);
        return;
    }
    /* The client is silent: it is told at its next statement. */
    if (client->lost && !next) {
        undo(client, NULL);
        return;
    }
    if (!client->unit.operations) {
        dr_put_error(client);
        dr_put_reply(client);
        undo(client, next);
        return;
    }
    /* What came before is answered first, as it would be if it had been run at once. */
    client->next_step = next;
    dr_settle(client, after_settled_for_error);
}

void dr_refuse(struct dr_client *client, const char *sqlstate, dr_step next, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    client->error = (duckrow_error){.code = DUCKROW_USAGE};
    vsnprintf(client->error.message, sizeof client->error.message, format, arguments);
    va_end(arguments);
    client->sqlstate = sqlstate;
    dr_fail_client(client, next);
}

void dr_out_of_memory(struct dr_client *client, dr_step next)
{
    dr_refuse(client, "53200", next, "out of memory");
}

/* ---- settling and committing ---- */

static void do_settle(struct dr_client *client)
{
    struct dr_unit *unit = &client->unit;
    unit->error = (duckrow_error){0};
    if (dr_cursor_keep(&client->backend, &unit->error)) {
        unit->failed = 0;
        dr_backend_rollback(&client->backend);
        return;
    }
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
    dr_step next = client->settled;
    client->settled = NULL;
    next(client);
}

void dr_settle(struct dr_client *client, dr_step next)
{
    if (!client->unit.operations) {
        dr_put_reply(client);
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
        dr_complete(client, client->commit_tag);
    }
    client->commit_tag = NULL;
    dr_put_reply(client);
    dr_go_on(client, dr_take_next(client));
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
        dr_go_on(client, dr_take_next(client));
    else
        commit(client, NULL);
}

static void after_unit(struct dr_client *client)
{
    answer_unit(client);
    dr_go_on(client, dr_take_next(client));
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
        if (!dr_statement_is_quick(unit->operation[i].statement))
            return 0;
    }
    return 1;
}

/* The transaction was undone while the client was silent, and it has not been told. */
int dr_tell_lost(struct dr_client *client, dr_step next)
{
    const char *lost = client->lost;
    client->lost = NULL;
    if (lost)
        dr_refuse(client, dr_is_cancelled(lost) ? "40001" : "25P03", next, "%s", lost);
    return lost != NULL;
}

void dr_finish_unit(struct dr_client *client, dr_step next)
{
    struct dr_unit *unit = &client->unit;
    /* A block goes on, as one that has failed; what was to end here is gone. */
    if (client->status == 'I' && dr_tell_lost(client, next))
        return;
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
        unit->stop = &client->backend.cancelled;
        client->busy = 1;
        client->after = after_unit;
        client->running_since = dr_clock_ms();
        client->backend.waits_for = "the lane";
        dr_lane_put(client->server->lane[unit->database], unit);
    } else {
        dr_client_start(client, do_unit, after_unit);
    }
}

/* ---- transactions ---- */

static void notice(struct dr_client *client, const char *sqlstate, const char *message)
{
    dr_message_report(dr_reply(client), 'N', "WARNING", sqlstate, message, NULL, NULL, 0);
}

static void begin_block(struct dr_client *client)
{
    if (!client->failed) {
        client->status = 'T';
        client->implicit = 0;
        dr_complete(client, "BEGIN");
    }
    dr_go_on(client, dr_take_next(client));
}

static void end_block(struct dr_client *client)
{
    if (client->failed) {
        /* What came before COMMIT failed, and was answered. */
        dr_go_on(client, dr_take_next(client));
        return;
    }
    client->status = 'I';
    commit(client, "COMMIT");
}

static void after_rollback(struct dr_client *client)
{
    dr_portals_close_named(client);
    dr_complete(client, "ROLLBACK");
    dr_put_reply(client);
    dr_go_on(client, dr_take_next(client));
}

static void abandon_block(struct dr_client *client)
{
    client->failed = 0;
    client->status = 'I';
    client->implicit = 0;
    dr_client_start(client, do_rollback, after_rollback);
}

void dr_perform_transaction(struct dr_client *client, enum dr_kind kind, dr_step next)
{
    int open = client->status != 'I' || client->implicit || client->unit.operations;
    client->next_step = next;
    if (kind == DR_KIND_BEGIN) {
        if (client->status == 'T')
            notice(client, "25001", "there is already a transaction in progress");
        dr_settle(client, begin_block);
        return;
    }
    if (kind == DR_KIND_ROLLBACK)
        client->lost = NULL;
    if (!open) {
        notice(client, "25P01", "there is no transaction in progress");
        dr_complete(client, kind == DR_KIND_COMMIT ? "COMMIT" : "ROLLBACK");
        dr_go_on(client, dr_take_next(client));
    } else if (kind == DR_KIND_COMMIT && client->status != 'E') {
        dr_settle(client, end_block);
    } else {
        dr_settle(client, abandon_block);
    }
}
