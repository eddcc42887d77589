#include "relay.h"

#include <stdio.h>

static void bind(duckdb_bind_info info);
static void init(duckdb_init_info info);
static void serve(duckdb_function_info info, duckdb_data_chunk output);

/* The callbacks are told nothing but the extra info, and that must be asked for through the engine: one of them is enough, for a
 * process loads one engine. */
static const struct dr_duckdb *duckdb;

static void bind(duckdb_bind_info info)
{
    const dr_session *session = duckdb->bind_get_extra_info(info);
    if (!session->relayed) {
        duckdb->bind_set_error(info, "duckrow_result() is duckrow's own: it has nothing to read now");
        return;
    }
    for (idx_t i = 0; i < duckdb->column_count(session->relayed); i++) {
        char name[24];
        snprintf(name, sizeof name, "c%llu", (unsigned long long)i);
        duckdb_logical_type type = duckdb->column_logical_type(session->relayed, i);
        duckdb->bind_add_result_column(info, name, type);
        duckdb->destroy_logical_type(&type);
    }
}

static void init(duckdb_init_info info)
{
    duckdb->init_set_max_threads(info, 1);
}

static void serve(duckdb_function_info info, duckdb_data_chunk output)
{
    const dr_session *session = duckdb->function_get_extra_info(info);
    if (!session->relayed) {
        duckdb->function_set_error(info, "duckrow_result() has nothing to read any more");
        return;
    }
    duckdb_data_chunk chunk = duckdb->fetch_chunk(*session->relayed);
    if (!chunk) {
        const char *reason = duckdb->result_error(session->relayed);
        if (reason && *reason)
            duckdb->function_set_error(info, reason);
        duckdb->data_chunk_set_size(output, 0);
        return;
    }
    for (idx_t i = 0; i < duckdb->column_count(session->relayed); i++)
        duckdb->vector_reference_vector(duckdb->data_chunk_get_vector(output, i), duckdb->data_chunk_get_vector(chunk, i));
    duckdb->data_chunk_set_size(output, duckdb->data_chunk_get_size(chunk));
    duckdb->destroy_data_chunk(&chunk);
}

duckrow_code dr_relay_register(dr_session *session, duckrow_error *error)
{
    duckdb = session->duckdb;
    duckdb_table_function function = duckdb->create_table_function();
    if (!function)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    duckdb->table_function_set_name(function, "duckrow_result");
    duckdb->table_function_set_extra_info(function, session, NULL);
    duckdb->table_function_set_bind(function, bind);
    duckdb->table_function_set_init(function, init);
    duckdb->table_function_set_function(function, serve);
    duckdb_state state = duckdb->register_table_function(session->side, function);
    duckdb->destroy_table_function(&function);
    if (state != DuckDBSuccess)
        return dr_fail(error, DUCKROW_NO_ENGINE, "DuckDB doesn't take the function duckrow_result(); try another version of it");
    return DUCKROW_OK;
}
