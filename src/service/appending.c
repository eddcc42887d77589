#include "appending.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sqltext.h"
#include "rows.h"

struct dr_appending {
    const struct dr_duckdb *duckdb;
    struct dr_rows *rows;
    int columns;                /* that have parameters: others have constants, in the statement */
    int *parameter;             /* of each */
    duckdb_logical_type *types; /* of each */
    duckdb_prepared_statement prepared;
    duckdb_prepared_statement lists; /* of few rows, where that is faster */
    size_t bytes;                    /* of all parameters, about */
};

/* Lists have at most so many rows, and values and bytes in all: they are copied several times, and the last ones stay bound. */
enum { FEW = 64, FEW_VALUES = 256, FEW_BYTES = 64 * 1024 };

/* The types of the table's columns that have parameters. */
static duckrow_code read_types(struct dr_appending *appending, duckdb_appender appender, const struct dr_shape *shape,
                               duckrow_error *error)
{
    const struct dr_duckdb *duckdb = appending->duckdb;
    for (int i = 0; shape->column && i < shape->columns; i++)
        if (duckdb->appender_add_column(appender, shape->column[i]) != DuckDBSuccess)
            return dr_fail(error, DUCKROW_SQL, "the table has no column %s", shape->column[i]);
    if ((int)duckdb->appender_column_count(appender) != shape->columns)
        return dr_fail(error, DUCKROW_SQL, "the table has another number of columns");
    appending->types = calloc((size_t)shape->columns, sizeof *appending->types);
    appending->parameter = calloc((size_t)shape->columns, sizeof *appending->parameter);
    if (!appending->types || !appending->parameter)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    for (int i = 0; i < shape->columns; i++) {
        if (shape->constant[i])
            continue;
        appending->parameter[appending->columns] = shape->parameter[i];
        appending->types[appending->columns++] = duckdb->appender_column_type(appender, (idx_t)i);
    }
    return DUCKROW_OK;
}

/* What DuckDB's appender takes is a table, and it knows the types. */
static duckrow_code look_at_table(struct dr_appending *appending, duckdb_connection connection, const char *catalog,
                                  const struct dr_shape *shape, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = appending->duckdb;
    duckdb_appender appender = NULL;
    duckrow_code code = DUCKROW_OK;
    if (duckdb->appender_create_ext(connection, shape->catalog ? shape->catalog : catalog, shape->schema ? shape->schema : "main",
                                    shape->table, &appender) != DuckDBSuccess)
        code = dr_fail(error, DUCKROW_SQL, "rows can't be appended to %s", shape->table);
    else
        code = read_types(appending, appender, shape, error);
    if (appender)
        duckdb->appender_destroy(&appender);
    return code;
}

/* ---- the statements ---- */

/* "catalog"."schema"."table" ("a", "b") */
static void put_target(struct dr_buffer *out, const char *catalog, const struct dr_shape *shape)
{
    const char *names[] = {shape->catalog ? shape->catalog : catalog, shape->schema ? shape->schema : "main", shape->table};
    for (int i = 0; i < 3 + (shape->column ? shape->columns : 0); i++) {
        char *quoted = dr_sql_quote(i < 3 ? names[i] : shape->column[i - 3], '"');
        if (quoted)
            dr_buffer_format(out, "%s%s", i == 0 ? "" : i < 3 ? "." : i == 3 ? " (" : ", ", quoted);
        else
            out->failed = 1;
        free(quoted);
    }
    if (shape->column)
        dr_buffer_format(out, ")");
}

/* What stands for the column: its place in duckrow_rows(), or a list of parameters. 0: it can't be a list. */
static int put_column(struct dr_buffer *out, const struct dr_appending *appending, int column, int lists)
{
    char type[DR_TYPE_NAME];
    if (!lists)
        dr_buffer_format(out, "c%d", column);
    else if (dr_value_type_name(appending->duckdb, appending->types[column], type))
        dr_buffer_format(out, "unnest($%d::%s[])", column + 1, type);
    else
        return 0;
    return 1;
}

/* 0: not this way. */
static int put_insert(struct dr_buffer *out, const struct dr_appending *appending, const char *catalog,
                      const struct dr_shape *shape, int lists)
{
    dr_buffer_format(out, "INSERT INTO ");
    put_target(out, catalog, shape);
    for (int i = 0, column = 0; i < shape->columns; i++) {
        dr_buffer_format(out, i ? ", " : " SELECT ");
        if (shape->constant[i])
            dr_buffer_add(out, shape->constant[i], strlen(shape->constant[i]));
        else if (!put_column(out, appending, column++, lists))
            return 0;
    }
    if (!lists)
        dr_buffer_format(out, " FROM system.main.duckrow_rows(%" PRIu64 ")", dr_rows_id(appending->rows));
    dr_buffer_add(out, "", 1);
    return 1;
}

static duckrow_code prepare(struct dr_appending *appending, duckdb_connection connection, const char *catalog,
                            const struct dr_shape *shape, int lists, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = appending->duckdb;
    duckdb_prepared_statement *prepared = lists ? &appending->lists : &appending->prepared;
    struct dr_buffer sql = {0};
    duckrow_code code = DUCKROW_OK;
    int some = put_insert(&sql, appending, catalog, shape, lists);
    if (sql.failed)
        code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    dr_rows_open(appending->rows);
    if (!code && some && duckdb->prepare(connection, (const char *)sql.bytes + sql.start, prepared) != DuckDBSuccess)
        code = dr_sql_failed(error, *prepared ? duckdb->prepare_error(*prepared) : NULL);
    dr_rows_close(appending->rows);
    dr_buffer_free(&sql);
    return code;
}

/* ---- */

duckrow_code dr_appending_open(const struct dr_duckdb *duckdb, duckdb_connection connection, const char *catalog,
                               const struct dr_shape *shape, int lists, struct dr_appending **out, duckrow_error *error)
{
    struct dr_appending *appending = *out = calloc(1, sizeof *appending);
    if (!appending)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    appending->duckdb = duckdb;
    duckrow_code code = look_at_table(appending, connection, catalog, shape, error);
    if (!code && !(appending->rows = dr_rows_make(duckdb, appending->types, appending->columns)))
        code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    if (!code)
        code = prepare(appending, connection, catalog, shape, 0, error);
    if (!code && lists && appending->columns)
        code = prepare(appending, connection, catalog, shape, 1, error);
    if (code) {
        dr_appending_close(appending);
        *out = NULL;
    }
    return code;
}

void dr_appending_close(struct dr_appending *appending)
{
    if (!appending)
        return;
    const struct dr_duckdb *duckdb = appending->duckdb;
    duckdb->destroy_prepare(&appending->prepared);
    duckdb->destroy_prepare(&appending->lists);
    dr_rows_free(appending->rows);
    for (int i = 0; i < appending->columns; i++)
        duckdb->destroy_logical_type(&appending->types[i]);
    free(appending->types);
    free(appending->parameter);
    free(appending);
}

int dr_appending_add(struct dr_appending *appending, const struct dr_unit *unit, const struct dr_operation *operation)
{
    const struct dr_statement *statement = operation->statement;
    struct dr_parameter parameters[64];
    size_t at = operation->parameters;
    uint64_t row;
    if (statement->parameters > (int)(sizeof parameters / sizeof *parameters))
        return 1;
    const duckdb_vector *vectors = dr_rows_place(appending->rows, &row);
    if (!vectors)
        return 1;
    for (int i = 0; i < statement->parameters; i++)
        parameters[i] = dr_unit_parameter(unit, &at);
    for (int i = 0; i < appending->columns; i++) {
        const struct dr_parameter *parameter = &parameters[appending->parameter[i]];
        if (dr_parameter_store(appending->duckdb, appending->types[i], parameter->oid, parameter->binary, parameter->bytes,
                               parameter->size, vectors[i], row))
            return 1;
        appending->bytes += parameter->size;
    }
    dr_rows_keep(appending->rows);
    return 0;
}

int dr_appending_rows(const struct dr_appending *appending)
{
    return dr_rows_count(appending->rows);
}

/* ---- */

static duckdb_value column_list(const struct dr_appending *appending, int column, duckdb_vector vector, int rows)
{
    const struct dr_duckdb *duckdb = appending->duckdb;
    duckdb_value values[FEW];
    for (int row = 0; row < rows; row++)
        values[row] = dr_value_at(duckdb, appending->types[column], vector, (uint64_t)row);
    duckdb_value list = duckdb->create_list_value(appending->types[column], values, (idx_t)rows);
    for (int row = 0; row < rows; row++)
        duckdb->destroy_value(&values[row]);
    return list;
}

/* 0: they go the other way. */
static int bind_lists(const struct dr_appending *appending)
{
    const struct dr_duckdb *duckdb = appending->duckdb;
    const duckdb_vector *vectors = dr_rows_vectors(appending->rows);
    int rows = dr_rows_count(appending->rows), bound = 1;
    if (!appending->lists || !vectors || rows > FEW || rows * appending->columns > FEW_VALUES || appending->bytes > FEW_BYTES)
        return 0;
    for (int i = 0; bound && i < appending->columns; i++) {
        duckdb_value list = column_list(appending, i, vectors[i], rows);
        bound = list && duckdb->bind_value(appending->lists, (idx_t)i + 1, list) == DuckDBSuccess;
        duckdb->destroy_value(&list);
    }
    return bound;
}

duckrow_code dr_appending_flush(struct dr_appending *appending, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = appending->duckdb;
    duckdb_prepared_statement prepared = bind_lists(appending) ? appending->lists : appending->prepared;
    duckdb_result result = {0};
    duckrow_code code = DUCKROW_OK;
    dr_rows_open(appending->rows);
    if (duckdb->execute_prepared(prepared, &result) != DuckDBSuccess)
        code = dr_sql_failed(error, duckdb->result_error(&result));
    dr_rows_close(appending->rows);
    duckdb->destroy_result(&result);
    dr_appending_forget(appending);
    return code;
}

void dr_appending_forget(struct dr_appending *appending)
{
    dr_rows_clear(appending->rows);
    appending->bytes = 0;
}
