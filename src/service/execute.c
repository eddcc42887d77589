#include "execute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

struct dr_formats dr_formats_at(const struct dr_buffer *values, size_t at)
{
    const unsigned char *from = values->bytes + values->start + at;
    return (struct dr_formats){.count = from[0] << 8 | from[1], .codes = from + 2};
}

static int32_t offset_in(void *zone, int64_t microseconds)
{
    return dr_zone_offset(zone, microseconds);
}

struct dr_display dr_display_in(const struct dr_zone *zone)
{
    return zone && zone != dr_zone_utc() ? (struct dr_display){offset_in, (void *)zone} : (struct dr_display){NULL, NULL};
}

duckrow_code dr_connection_zone(const struct dr_duckdb *duckdb, duckdb_connection connection, const struct dr_zone *zone,
                                duckrow_error *error)
{
    char sql[128];
    /* A zone's name has no quotes. */
    snprintf(sql, sizeof sql, "SET TimeZone = '%s'", dr_zone_name(zone ? zone : dr_zone_utc()));
    return dr_connection_run(duckdb, connection, sql, error);
}

int dr_column_format(const struct dr_formats *formats, int column)
{
    int at = formats->count == 1 ? 0 : column;
    return at < formats->count ? formats->codes[2 * at + 1] : 0;
}

duckrow_code dr_bind_parameters(const struct dr_duckdb *duckdb, duckdb_prepared_statement prepared,
                                const struct dr_statement *statement, const struct dr_unit *unit, size_t at, duckrow_error *error)
{
    for (int i = 0; i < statement->parameters; i++) {
        struct dr_parameter parameter = dr_unit_parameter(unit, &at);
        duckdb_value value = NULL;
        duckrow_code code =
            dr_parameter_value(duckdb, parameter.oid, parameter.binary, parameter.bytes, parameter.size, &value, error);
        if (code == DUCKROW_USAGE) {
            duckrow_error reason = *error;
            code = dr_fail(error, DUCKROW_SQL, "Conversion Error: %s", reason.message);
        }
        if (!code && duckdb->bind_value(prepared, (idx_t)i + 1, value) != DuckDBSuccess)
            code = dr_sql_failed(error, duckdb->prepare_error(prepared));
        duckdb->destroy_value(&value);
        if (code)
            return code;
    }
    return DUCKROW_OK;
}

void dr_describe_rows(struct dr_buffer *out, const struct dr_columns *columns, const struct dr_formats *formats)
{
    size_t at = dr_message_begin(out, 'T');
    dr_buffer_u16(out, (uint16_t)columns->count);
    for (int i = 0; i < columns->count; i++) {
        if (dr_column_format(formats, i) == DR_FORMAT_EXACT)
            dr_exact_put_name(columns->types[i], columns->names[i], out);
        else
            dr_buffer_add(out, columns->names[i], strlen(columns->names[i]) + 1);
        dr_buffer_u32(out, 0); /* no table */
        dr_buffer_u16(out, 0);
        dr_buffer_u32(out, dr_type_oid(columns->types[i]));
        dr_buffer_u16(out, (uint16_t)dr_type_size(columns->types[i]));
        dr_buffer_u32(out, (uint32_t)dr_type_modifier(columns->types[i]));
        dr_buffer_u16(out, (uint16_t)dr_column_format(formats, i));
    }
    dr_message_end(out, at);
}

int64_t dr_put_rows(const struct dr_duckdb *duckdb, const struct dr_columns *columns, duckdb_data_chunk chunk, int64_t first,
                    int64_t most, const struct dr_formats *formats, const struct dr_display *display, struct dr_buffer *out,
                    const char **error)
{
    int64_t size = (int64_t)duckdb->data_chunk_get_size(chunk), end = most < size - first ? first + most : size;
    for (int64_t row = first; row < end && !*error; row++) {
        size_t at = dr_message_begin(out, 'D');
        dr_buffer_u16(out, (uint16_t)columns->count);
        for (int i = 0; i < columns->count && !*error; i++)
            *error = dr_type_put(columns->types[i], display, duckdb->data_chunk_get_vector(chunk, (idx_t)i), (uint64_t)row,
                                 dr_column_format(formats, i), out);
        dr_message_end(out, at);
    }
    return end - first;
}

static duckrow_code take_rows(const struct dr_duckdb *duckdb, duckdb_result *result, struct dr_unit *unit,
                              struct dr_operation *operation, duckrow_error *error)
{
    struct dr_formats formats = dr_formats_at(&unit->values, operation->formats);
    const struct dr_display display = dr_display_in(operation->zone);
    const char *reason = NULL;
    duckdb_data_chunk chunk;
    struct dr_columns columns;
    duckrow_code code = dr_columns_of_result(duckdb, result, operation->statement->catalog, &columns, error);
    if (!code && !dr_columns_alike(&columns, &operation->statement->columns))
        code = dr_fail(error, DUCKROW_SQL, DR_PLAN_CHANGED);
    while (!code && !reason && (chunk = duckdb->fetch_chunk(*result))) {
        operation->count += dr_put_rows(duckdb, &columns, chunk, 0, INT64_MAX, &formats, &display, &unit->rows, &reason);
        duckdb->destroy_data_chunk(&chunk);
    }
    dr_columns_free(&columns);
    return reason ? dr_fail(error, DUCKROW_USAGE, "%s", reason) : code;
}

/* 1.5 tells how many rows CREATE TABLE … AS has written only by a row of its own. */
static int64_t count_created(const struct dr_duckdb *duckdb, duckdb_result *result, const struct dr_statement *statement)
{
    if (strcmp(statement->tag, "CREATE TABLE") != 0 || duckdb->column_count(result) != 1)
        return 0;
    duckdb_data_chunk chunk = duckdb->fetch_chunk(*result);
    duckdb_logical_type type = duckdb->column_logical_type(result, 0);
    int64_t count = 0;
    if (chunk && duckdb->data_chunk_get_size(chunk) == 1 && (int)duckdb->get_type_id(type) == DR_TYPE_BIGINT)
        count = *(const int64_t *)duckdb->vector_get_data(duckdb->data_chunk_get_vector(chunk, 0));
    duckdb->destroy_logical_type(&type);
    if (chunk)
        duckdb->destroy_data_chunk(&chunk);
    return count;
}

duckrow_code dr_execute_operation(const struct dr_duckdb *duckdb, duckdb_connection connection,
                                  duckdb_prepared_statement prepared, struct dr_unit *unit, int index, duckrow_error *error)
{
    struct dr_operation *operation = &unit->operation[index];
    struct dr_statement *statement = operation->statement;
    duckdb_prepared_statement mine = NULL;
    duckdb_result result = {0};
    duckrow_code code = DUCKROW_OK;
    if (statement->unprepared)
        return dr_connection_run(duckdb, connection, statement->sql, error);
    if (!prepared) {
        if (duckdb->prepare(connection, statement->sql, &mine) != DuckDBSuccess)
            code = dr_sql_failed(error, mine ? duckdb->prepare_error(mine) : NULL);
        prepared = mine;
    }
    if (!code)
        code = dr_bind_parameters(duckdb, prepared, statement, unit, operation->parameters, error);
    if (!code && duckdb->execute_prepared(prepared, &result) != DuckDBSuccess)
        code = dr_sql_failed(error, duckdb->result_error(&result));
    operation->rows = operation->rows_end = dr_buffer_size(&unit->rows);
    operation->count = 0;
    if (!code && statement->columns.count >= 0)
        code = take_rows(duckdb, &result, unit, operation, error);
    else if (!code)
        operation->count = (int64_t)duckdb->rows_changed(&result);
    if (!code && !operation->count && statement->columns.count < 0)
        operation->count = count_created(duckdb, &result, statement);
    operation->rows_end = dr_buffer_size(&unit->rows);
    duckdb->destroy_result(&result);
    duckdb->destroy_prepare(&mine);
    return code;
}
