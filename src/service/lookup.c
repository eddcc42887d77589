/* Looking at a statement: in the loop where the service knows it already, else in a worker. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "copyrows.h"
#include "core/os.h"
#include "show.h"
#include "steps.h"

static const char *show_setting(void *settings, const char *name)
{
    struct dr_client *client = settings;
    return dr_parameters_show(&client->parameters, name, client->shown) ? client->shown : NULL;
}

static struct dr_catalog_context context_of(struct dr_client *client)
{
    return (struct dr_catalog_context){.user = client->user,
                                       .server_version = client->server->version,
                                       .backend = client->id,
                                       .setting = show_setting,
                                       .settings = client};
}

/* Without an engine: what the service answers itself. */
static void make_ours(struct dr_client *client)
{
    struct dr_catalog_context context = context_of(client);
    struct dr_look look = {.sql = client->making, .database = client->backend.database, .shared = 1};
    client->error = (duckrow_error){0};
    dr_statements_make(client->backend.statements, &look, &context, &client->made, &client->error);
}

static void make(struct dr_client *client)
{
    struct dr_backend *backend = &client->backend;
    struct dr_catalog_context context = context_of(client);
    struct dr_look look = {.sql = client->making,
                           .database = backend->database,
                           .engine = client->making_engine,
                           .shared = !backend->own && !backend->changes_schema,
                           .busy_timeout = backend->busy_timeout,
                           .stop = &backend->cancelled,
                           .views = backend->views};
    if (backend->own || backend->open)
        look.own = backend->connection;
    look.inside = backend->open;
    if (look.own && dr_cursor_keep(backend, &client->error))
        return;
    if (!dr_backend_run_begin(backend, look.own, &client->error))
        dr_statements_make(backend->statements, &look, &context, &client->made, &client->error);
    dr_backend_run_end(backend, &client->error);
}

/* In a worker. On the session's own connection, in no transaction, DuckDB looks at the catalog as for everybody else: as a member. */
static void do_look_up(struct dr_client *client)
{
    struct dr_backend *backend = &client->backend;
    struct dr_gate *gate = &backend->host->gate;
    int enter = backend->own && !backend->open;
    client->error = (duckrow_error){0};
    if (enter && (dr_backend_connect(backend, &client->error) ||
                  dr_gate_enter(gate, &backend->member, dr_clock_ms() + backend->busy_timeout, &client->error)))
        return;
    make(client);
    if (enter)
        dr_gate_leave(gate, &backend->member);
}

static void after_look_up(struct dr_client *client)
{
    free(client->making);
    client->making = NULL;
    dr_step next = client->looked;
    client->looked = NULL;
    next(client);
}

/* COPY to or from the client; that of files is DuckDB's. What is badly said is refused when it is performed. */
static int is_ours_to_copy(const char *sql)
{
    struct dr_copy_statement copy;
    duckrow_error ignored;
    int found = 0;
    if (dr_copy_parse(sql, &found, &copy, &ignored))
        return 1;
    if (found)
        dr_copy_statement_free(&copy);
    return found;
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
        return !dr_show_parse(sql, name) || (!dr_show_find(name) && !dr_parameters_show(&client->parameters, name, value));
    return kind == DR_KIND_COPY && !is_ours_to_copy(sql);
}

/* What was gathered before it has been run: now it can be looked at. Where that failed, it was answered. */
static void look_up_after_all(struct dr_client *client)
{
    dr_step next = client->looked;
    char *sql = client->making;
    client->making = NULL;
    client->looked = NULL;
    if (client->failed) {
        client->answered = 1;
        dr_fail(&client->error, DUCKROW_SQL, "what came before has failed");
        next(client);
    } else {
        dr_look_up(client, sql, next);
    }
    free(sql);
}

void dr_look_up(struct dr_client *client, const char *sql, dr_step next)
{
    struct dr_backend *backend = &client->backend;
    const char *end;
    char tag[32];
    dr_statement_put(client->made);
    client->made = NULL;
    client->error = (duckrow_error){0};
    /* While a database is handed over, what is known may be of a schema that readers no longer see. */
    if (!backend->own && !backend->changes_schema && !client->unit.schema && !backend->host->handing &&
        (client->made = dr_statements_find(backend->statements, sql, backend->database))) {
        next(client);
        return;
    }
    enum dr_kind kind = dr_statement_kind(sql, &end, tag);
    client->making = strdup(sql);
    if (!client->making) {
        dr_fail(&client->error, DUCKROW_NO_MEMORY, "out of memory");
        next(client);
        return;
    }
    /* What was gathered may change what the statement means; and one that can't be prepared ends the transaction it is looked at in. */
    if (client->unit.schema || (backend->open && client->unit.operations)) {
        client->looked = next;
        dr_settle(client, look_up_after_all);
        return;
    }
    client->making_engine = is_for_engine(client, kind, sql);
    client->looked = next;
    if (dr_kind_is_ours(kind) && kind != DR_KIND_DECLARE && !client->making_engine) {
        make_ours(client);
        after_look_up(client);
    } else {
        dr_client_start(client, do_look_up, after_look_up);
    }
}
