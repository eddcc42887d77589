/* What a session leaves behind, and makes as it was: RESET ALL, DISCARD, DEALLOCATE.
 *
 * Settings, temporary objects and statements prepared in SQL are kept by DuckDB, with the session's own connection. DuckDB has no
 * words for all of them at once, so it is asked for their names, and each is reset, dropped or deallocated. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/os.h"
#include "engine/sqltext.h"
#include "engine/tokens.h"
#include "sqlstate.h"
#include "steps.h"
#include "types_private.h"

/* ---- statements that DuckDB puts together ---- */

struct texts {
    char **text;
    int count;
};

static void free_texts(struct texts *texts)
{
    for (int i = 0; i < texts->count; i++)
        free(texts->text[i]);
    free(texts->text);
}

static int add_text(struct texts *texts, const char *text, size_t size)
{
    char **grown = realloc(texts->text, ((size_t)texts->count + 1) * sizeof *grown);
    if (!grown)
        return 0;
    texts->text = grown;
    grown[texts->count] = strndup(text, size);
    return grown[texts->count] && ++texts->count;
}

/* The texts that a query answers with, which has one column without NULLs. */
static duckrow_code ask(const struct dr_duckdb *duckdb, duckdb_connection connection, const char *sql, struct texts *texts,
                        duckrow_error *error)
{
    duckdb_result result = {0};
    duckdb_data_chunk chunk;
    duckrow_code code = DUCKROW_OK;
    size_t size;
    if (duckdb->query(connection, sql, &result) != DuckDBSuccess)
        code = dr_sql_failed(error, duckdb->result_error(&result));
    while (!code && (chunk = duckdb->fetch_chunk(result))) {
        for (idx_t row = 0; !code && row < duckdb->data_chunk_get_size(chunk); row++) {
            const char *text = dr_row_string(duckdb, duckdb->data_chunk_get_vector(chunk, 0), row, &size);
            if (!add_text(texts, text, size))
                code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
        }
        duckdb->destroy_data_chunk(&chunk);
    }
    duckdb->destroy_result(&result);
    return code;
}

static int is_among(const struct texts *texts, const char *text)
{
    for (int i = 0; i < texts->count; i++)
        if (strcmp(texts->text[i], text) == 0)
            return 1;
    return 0;
}

/* Runs what `sql` answers with. What another depends on can't be dropped before that, so those that fail are tried again while it
 * helps. *count: how many there were. */
static duckrow_code run_texts(struct dr_backend *backend, const char *sql, int *count, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = backend->host->duckdb;
    struct texts texts = {0};
    duckrow_code code = ask(duckdb, backend->connection, sql, &texts, error);
    int left = *count = texts.count, before;
    if (!code)
        do {
            before = left;
            left = 0;
            for (int i = 0; i < before; i++)
                if (dr_connection_run(duckdb, backend->connection, texts.text[i], NULL)) {
                    char *again = texts.text[i];
                    texts.text[i] = texts.text[left];
                    texts.text[left++] = again;
                }
        } while (left && left < before);
    if (left)
        code = dr_connection_run(duckdb, backend->connection, texts.text[0], error);
    free_texts(&texts);
    return code;
}

/* Each setting as the statement that makes it so. The time zone is set before what runs. */
static const char settings_sql[] =
    "SELECT CASE WHEN coalesce(value, '') = '' THEN 'RESET ' || name"
    " ELSE 'SET ' || name || ' = ''' || replace(value, '''', '''''') || '''' END FROM duckdb_settings() WHERE name <> 'TimeZone'";

#define NAMED(name) "'\"' || replace(" name ", '\"', '\"\"') || '\"'"
#define DROP(kind, name, from)                                                                                                   \
    "SELECT 'DROP " kind                                                                                                         \
    " IF EXISTS temp.' || " NAMED("schema_name") " || '.' || " NAMED(name) " FROM " from                                         \
                                                                           " WHERE database_name = 'temp' AND NOT internal"
#define MACROS(kind, type)                                                                                                       \
    "SELECT DISTINCT 'DROP " kind " IF EXISTS temp.' || " NAMED("schema_name") " || '.' || " NAMED(                              \
        "function_name") " FROM duckdb_functions() WHERE database_name = 'temp' AND NOT internal AND function_type = '" type "'"

static const char temporary_sql[] = DROP("VIEW", "view_name", "duckdb_views()") " UNION ALL " DROP(
    "TABLE", "table_name",
    "duckdb_tables()") " UNION ALL "
                       "SELECT 'DROP SEQUENCE IF EXISTS temp.' || " NAMED("schema_name") " || '.' || " NAMED(
                           "sequence_name") " FROM duckdb_sequences() WHERE database_name = 'temp' UNION "
                                            "ALL " DROP("TYPE", "type_name", "duckdb_types()") " UNION ALL " MACROS(
                                                "MACRO", "macro") " UNION"
                                                                  " ALL"
                                                                  " " MACROS("MACRO TABLE", "table_macro");

static const char prepared_sql[] = "SELECT 'DEALLOCATE ' || " NAMED("name") " FROM duckdb_prepared_statements()";

/* ---- on the session's own connection ---- */

/* What DuckDB does there by itself is a transaction, in memory alone: a member of the gate all the same. */
static duckrow_code enter(struct dr_backend *backend, duckrow_error *error)
{
    if (dr_cursor_keep(backend, error))
        return error->code;
    return backend->open ? DUCKROW_OK
                         : dr_gate_enter(&backend->host->gate, &backend->member, dr_clock_ms() + backend->busy_timeout, error);
}

static void leave(struct dr_backend *backend)
{
    if (!backend->open)
        dr_gate_leave(&backend->host->gate, &backend->member);
}

/* What is otherwise than on a connection that was just made. */
static void do_reset(struct dr_client *client)
{
    struct dr_backend *backend = &client->backend;
    const struct dr_duckdb *duckdb = backend->host->duckdb;
    duckdb_connection fresh = NULL;
    struct texts now = {0}, then = {0};
    duckrow_error *error = &client->error;
    if (enter(backend, error))
        return;
    if (!dr_host_connect(backend->host, backend->database, &fresh, error) && !ask(duckdb, fresh, settings_sql, &then, error) &&
        !ask(duckdb, backend->connection, settings_sql, &now, error))
        for (int i = 0; i < then.count; i++)
            if (!is_among(&now, then.text[i]))
                dr_connection_run(duckdb, backend->connection, then.text[i], NULL);
    if (fresh)
        duckdb->disconnect(&fresh);
    leave(backend);
    free_texts(&now);
    free_texts(&then);
}

static void do_drop_temporary(struct dr_client *client)
{
    struct dr_backend *backend = &client->backend;
    int count;
    /* In a block it is undone with it. */
    if (client->status == 'T' && !backend->open && dr_backend_begin(backend, &client->error))
        return;
    if (enter(backend, &client->error))
        return;
    if (!run_texts(backend, temporary_sql, &count, &client->error) && count && backend->open) {
        backend->changes_schema = 1;
        if (!backend->wrote_at)
            backend->wrote_at = dr_clock_ms();
    }
    leave(backend);
}

/* client->making: the one to deallocate; NULL: all. DuckDB takes a name that there isn't, too. */
static void do_deallocate(struct dr_client *client)
{
    char *name = client->making ? dr_sql_quote(client->making, '\'') : NULL;
    char *sql =
        dr_sql_format("%s%s%s%s", prepared_sql, name ? " WHERE lower(name) = lower(" : "", name ? name : "", name ? ")" : "");
    int count;
    if (!sql || (client->making && !name)) {
        dr_fail(&client->error, DUCKROW_NO_MEMORY, "out of memory");
    } else if (!enter(&client->backend, &client->error)) {
        if (!run_texts(&client->backend, sql, &count, &client->error) && name && !count) {
            dr_fail(&client->error, DUCKROW_USAGE, "prepared statement \"%s\" does not exist", client->making);
            client->sqlstate = "26000";
        }
        leave(&client->backend);
    }
    free(name);
    free(sql);
}

/* ---- RESET ALL ---- */

static void after_all(struct dr_client *client)
{
    dr_step next = dr_take_next(client);
    free(client->making);
    client->making = NULL;
    if (client->error.code) {
        dr_fail_client(client, next);
        return;
    }
    dr_complete(client, client->commit_tag);
    client->commit_tag = NULL;
    dr_go_on(client, next);
}

/* What was gathered has been run, so that it comes before. */
static void reset_now(struct dr_client *client)
{
    client->error = (duckrow_error){0};
    if (client->failed) {
        dr_go_on(client, dr_take_next(client));
        return;
    }
    dr_parameters_reset(&client->parameters, &client->start, NULL, dr_reply(client));
    client->backend.busy_timeout = client->parameters.busy_timeout;
    client->backend.zone = client->parameters.zone;
    client->commit_tag = "RESET";
    if (client->backend.own && client->backend.connection)
        dr_client_start(client, do_reset, after_all);
    else
        after_all(client);
}

void dr_perform_reset_all(struct dr_client *client, dr_step next)
{
    client->next_step = next;
    dr_settle(client, reset_now);
}

/* ---- DISCARD ---- */

static void do_discard_all(struct dr_client *client)
{
    dr_portals_close_cursors(client);
    dr_backend_disconnect(&client->backend);
}

static void after_discard_all(struct dr_client *client)
{
    dr_portals_free_all(client);
    dr_prepared_close(client, NULL);
    dr_parameters_reset(&client->parameters, &client->start, NULL, dr_reply(client));
    client->backend.busy_timeout = client->parameters.busy_timeout;
    client->backend.zone = client->parameters.zone;
    dr_complete(client, "DISCARD ALL");
    dr_go_on(client, dr_take_next(client));
}

static void drop_temporary_now(struct dr_client *client)
{
    client->error = (duckrow_error){0};
    if (client->failed) {
        dr_go_on(client, dr_take_next(client));
        return;
    }
    client->commit_tag = "DISCARD TEMP";
    if (client->backend.own && client->backend.connection)
        dr_client_start(client, do_drop_temporary, after_all);
    else
        after_all(client);
}

void dr_perform_discard(struct dr_client *client, const char *sql, dr_step next)
{
    struct dr_tokens tokens;
    dr_tokens_begin(&tokens, sql, NULL);
    dr_tokens_take_word(&tokens, "DISCARD");
    if (dr_tokens_take_word(&tokens, "ALL")) {
        if (client->status == 'T' || client->implicit || client->unit.operations) {
            dr_refuse(client, "25001", next, "DISCARD ALL cannot run inside a transaction block");
            return;
        }
        client->next_step = next;
        dr_client_start(client, do_discard_all, after_discard_all);
    } else if (dr_tokens_take_word(&tokens, "TEMP") || dr_tokens_take_word(&tokens, "TEMPORARY")) {
        client->next_step = next;
        dr_settle(client, drop_temporary_now);
    } else if (dr_tokens_is_word(&tokens, "PLANS") || dr_tokens_is_word(&tokens, "SEQUENCES")) {
        /* Plans are made anew where the schema has changed; what a sequence gave last is told by currval all the same. */
        dr_complete(client, dr_tokens_is_word(&tokens, "PLANS") ? "DISCARD PLANS" : "DISCARD SEQUENCES");
        dr_go_on(client, next);
    } else {
        dr_refuse(client, "42601", next, "syntax error in DISCARD: DISCARD { ALL | PLANS | SEQUENCES | TEMP }");
    }
}

/* ---- DEALLOCATE ---- */

static void deallocate_now(struct dr_client *client)
{
    client->error = (duckrow_error){0};
    if (client->failed)
        dr_go_on(client, dr_take_next(client));
    else
        dr_client_start(client, do_deallocate, after_all);
}

/* What SQL has prepared is DuckDB's, on the session's own connection. */
static void deallocate_in_engine(struct dr_client *client, const char *name, const char *tag, dr_step next)
{
    free(client->making);
    client->making = name ? strdup(name) : NULL;
    if (name && !client->making) {
        dr_out_of_memory(client, next);
        return;
    }
    client->commit_tag = tag;
    client->next_step = next;
    dr_settle(client, deallocate_now);
}

void dr_perform_deallocate(struct dr_client *client, const char *sql, dr_step next)
{
    struct dr_tokens tokens;
    char *memory = dr_tokens_memory(sql);
    if (!memory) {
        dr_out_of_memory(client, next);
        return;
    }
    dr_tokens_begin(&tokens, sql, memory);
    dr_tokens_take_word(&tokens, "DEALLOCATE");
    dr_tokens_take_word(&tokens, "PREPARE");
    int all = dr_tokens_is_word(&tokens, "ALL"), engine = client->backend.own || client->unit.operations;
    const char *name = tokens.kind == DR_TOKEN_WORD || tokens.kind == DR_TOKEN_NAME ? tokens.text : NULL;
    const char *tag = all ? "DEALLOCATE ALL" : "DEALLOCATE";
    int found = !all && name && dr_prepared_find(client, name);
    if (found || all)
        dr_prepared_close(client, all ? NULL : name);
    if (!name) {
        dr_refuse(client, "42601", next, "syntax error in DEALLOCATE: DEALLOCATE { name | ALL }");
    } else if (engine && !found) {
        deallocate_in_engine(client, all ? NULL : name, tag, next);
    } else if (found || all) {
        dr_complete(client, tag);
        dr_go_on(client, next);
    } else {
        dr_refuse(client, "26000", next, "prepared statement \"%s\" does not exist", name);
    }
    free(memory);
}
