#include "feed.h"

#include <stdio.h>

/* As in relay.c: a process loads one engine. */
static const struct dr_duckdb *duckdb;

static void bind(duckdb_bind_info info)
{
    const dr_session *session = duckdb->bind_get_extra_info(info);
    if (!session->fed) {
        duckdb->bind_set_error(info, "duckrow_feed() is duckrow's own: it has nothing to read now");
        return;
    }
    duckdb_logical_type type = duckdb->create_logical_type((duckdb_type)DR_TYPE_VARCHAR);
    for (int i = 0; i < session->fed->columns; i++) {
        char name[24];
        snprintf(name, sizeof name, "c%d", i);
        duckdb->bind_add_result_column(info, name, type);
    }
    duckdb->destroy_logical_type(&type);
}

static void init(duckdb_init_info info)
{
    duckdb->init_set_max_threads(info, 1);
}

static void put(duckdb_vector vector, idx_t row, const char *value, size_t size)
{
    if (value) {
        duckdb->vector_assign_string_element_len(vector, row, value, size);
        return;
    }
    duckdb->vector_ensure_validity_writable(vector);
    duckdb->vector_get_validity(vector)[row / 64] &= ~(UINT64_C(1) << row % 64);
}

static void serve(duckdb_function_info info, duckdb_data_chunk output)
{
    const dr_session *session = duckdb->function_get_extra_info(info);
    const struct dr_feed *feed = session->fed;
    const char *const *values, *message = "there is nothing to read any more";
    const size_t *sizes;
    idx_t row = 0;
    int more = feed ? 1 : -1;
    for (; more > 0 && row < duckdb->vector_size(); row++) {
        more = feed->next(feed->context, &values, &sizes, &message);
        if (more <= 0)
            break;
        for (int i = 0; i < feed->columns; i++)
            put(duckdb->data_chunk_get_vector(output, (idx_t)i), row, values[i], sizes[i]);
    }
    if (more < 0)
        duckdb->function_set_error(info, message);
    duckdb->data_chunk_set_size(output, more < 0 ? 0 : row);
}

duckrow_code dr_feed_register(dr_session *session, duckrow_error *error)
{
    duckdb = session->duckdb;
    duckdb_table_function function = duckdb->create_table_function();
    if (!function)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    duckdb->table_function_set_name(function, "duckrow_feed");
    duckdb->table_function_set_extra_info(function, session, NULL);
    duckdb->table_function_set_bind(function, bind);
    duckdb->table_function_set_init(function, init);
    duckdb->table_function_set_function(function, serve);
    duckdb_state state = duckdb->register_table_function(session->connection, function);
    duckdb->destroy_table_function(&function);
    if (state != DuckDBSuccess)
        return dr_fail(error, DUCKROW_NO_ENGINE, "DuckDB doesn't take the function duckrow_feed(); try another version of it");
    return DUCKROW_OK;
}
