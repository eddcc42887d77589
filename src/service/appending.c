#include "appending.h"

#include <stdlib.h>
#include <string.h>

#include "engine/sqltext.h"

struct dr_appending {
    const struct dr_duckdb *duckdb;
    duckdb_appender appender;
    duckdb_data_chunk chunk;
    int columns, rows, total, size; /* rows in the chunk, all since the last flush, the chunk's size */
    int *parameter;                 /* of each column */
    duckdb_logical_type *types;
    duckdb_vector *vectors;
    duckdb_connection connection;
    char *insert; /* for few rows; NULL: they are appended as well */
    duckdb_prepared_statement prepared;
};

/* So few rows are inserted. */
enum { FEW = 64 };

/* The appender leaves out what kind of error it is, which clients are told by. */
static duckrow_code failed(const struct dr_appending *appending, duckrow_error *error)
{
    static const char prefix[] = "Failed to append: ";
    duckdb_error_data data = appending->duckdb->appender_error_data(appending->appender);
    const char *message = appending->duckdb->error_data_message(data), *kind = NULL;
    char *worded = NULL;
    if (message && strncmp(message, prefix, sizeof prefix - 1) == 0) {
        const char *rest = message + sizeof prefix - 1;
        kind = strstr(rest, "onflict") ? "TransactionContext Error" : strstr(rest, "onstraint") ? "Constraint Error" : NULL;
        worded = kind ? dr_sql_format("%s: %s", kind, rest) : NULL;
    }
    duckrow_code code = dr_sql_failed(error, worded ? worded : message);
    free(worded);
    appending->duckdb->destroy_error_data(&data);
    return code;
}

static void point_at_vectors(struct dr_appending *appending)
{
    for (int i = 0; i < appending->columns; i++)
        appending->vectors[i] = appending->duckdb->data_chunk_get_vector(appending->chunk, (idx_t)i);
}

static duckrow_code make_chunk(struct dr_appending *appending, const struct dr_shape *shape, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = appending->duckdb;
    appending->columns = (int)duckdb->appender_column_count(appending->appender);
    if (appending->columns != shape->columns)
        return dr_fail(error, DUCKROW_SQL, "the table has another number of columns");
    size_t count = (size_t)appending->columns;
    appending->types = calloc(count, sizeof *appending->types);
    appending->vectors = calloc(count, sizeof *appending->vectors);
    appending->parameter = calloc(count, sizeof *appending->parameter);
    if (!appending->types || !appending->vectors || !appending->parameter)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        appending->types[i] = duckdb->appender_column_type(appending->appender, i);
        appending->parameter[i] = shape->parameter[i];
    }
    appending->chunk = duckdb->create_data_chunk(appending->types, count);
    appending->size = (int)duckdb->vector_size();
    if (!appending->chunk)
        return dr_fail(error, DUCKROW_SQL, "the table has columns that can't be appended to");
    point_at_vectors(appending);
    return DUCKROW_OK;
}

/* "catalog"."schema"."table" ("a", "b") */
static char *target_text(const char *catalog, const char *schema, const struct dr_shape *shape)
{
    char *parts[3] = {dr_sql_quote(catalog, '"'), dr_sql_quote(schema, '"'), dr_sql_quote(shape->table, '"')};
    char *text = parts[0] && parts[1] && parts[2] ? dr_sql_format("%s.%s.%s", parts[0], parts[1], parts[2]) : NULL;
    for (int i = 0; i < 3; i++)
        free(parts[i]);
    for (int i = 0; text && shape->column && i < shape->columns; i++) {
        char *quoted = dr_sql_quote(shape->column[i], '"');
        char *longer =
            quoted ? dr_sql_format("%s%s%s%s", text, i ? ", " : " (", quoted, i + 1 < shape->columns ? "" : ")") : NULL;
        free(quoted);
        free(text);
        text = longer;
    }
    return text;
}

/* NULL where a column's type isn't one of dr_value_at's. */
static char *insert_text(const struct dr_appending *appending, const char *catalog, const char *schema,
                         const struct dr_shape *shape)
{
    char *target = target_text(catalog, schema, shape);
    char *text = target ? dr_sql_format("INSERT INTO %s SELECT ", target) : NULL;
    free(target);
    for (int i = 0; text && i < appending->columns; i++) {
        char name[DR_TYPE_NAME], *longer = NULL;
        if (dr_value_type_name(appending->duckdb, appending->types[i], name))
            longer = dr_sql_format("%s%sunnest($%d::%s[])", text, i ? ", " : "", i + 1, name);
        free(text);
        text = longer;
    }
    return text;
}

duckrow_code dr_appending_open(const struct dr_duckdb *duckdb, duckdb_connection connection, const char *catalog,
                               const struct dr_shape *shape, struct dr_appending **out, duckrow_error *error)
{
    struct dr_appending *appending = *out = calloc(1, sizeof *appending);
    if (!appending)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    appending->duckdb = duckdb;
    appending->connection = connection;
    const char *schema = shape->schema ? shape->schema : "main";
    catalog = shape->catalog ? shape->catalog : catalog;
    duckrow_code code = DUCKROW_OK;
    if (duckdb->appender_create_ext(connection, catalog, schema, shape->table, &appending->appender) != DuckDBSuccess)
        code = failed(appending, error);
    for (int i = 0; !code && shape->column && i < shape->columns; i++)
        if (duckdb->appender_add_column(appending->appender, shape->column[i]) != DuckDBSuccess)
            code = failed(appending, error);
    if (!code)
        code = make_chunk(appending, shape, error);
    if (!code)
        appending->insert = insert_text(appending, catalog, schema, shape);
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
    for (int i = 0; appending->types && i < appending->columns; i++)
        duckdb->destroy_logical_type(&appending->types[i]);
    if (appending->chunk)
        duckdb->destroy_data_chunk(&appending->chunk);
    if (appending->appender) {
        duckdb->appender_clear(appending->appender);
        duckdb->appender_destroy(&appending->appender);
    }
    duckdb->destroy_prepare(&appending->prepared);
    free(appending->insert);
    free(appending->types);
    free(appending->vectors);
    free(appending->parameter);
    free(appending);
}

static duckrow_code hand_over(struct dr_appending *appending, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = appending->duckdb;
    if (!appending->rows)
        return DUCKROW_OK;
    duckdb->data_chunk_set_size(appending->chunk, (idx_t)appending->rows);
    appending->rows = 0;
    duckdb_state state = duckdb->append_data_chunk(appending->appender, appending->chunk);
    duckrow_code code = state == DuckDBSuccess ? DUCKROW_OK : failed(appending, error);
    duckdb->data_chunk_reset(appending->chunk);
    point_at_vectors(appending);
    return code;
}

/* A NULL may have been there before. */
static void set_valid(const struct dr_duckdb *duckdb, duckdb_vector vector, int row)
{
    uint64_t *validity = duckdb->vector_get_validity(vector);
    if (validity)
        validity[row / 64] |= 1ULL << (row % 64);
}

int dr_appending_add(struct dr_appending *appending, const struct dr_unit *unit, const struct dr_operation *operation,
                     duckrow_error *error)
{
    const struct dr_duckdb *duckdb = appending->duckdb;
    const struct dr_statement *statement = operation->statement;
    struct dr_parameter parameters[64];
    size_t at = operation->parameters;
    if (statement->parameters > (int)(sizeof parameters / sizeof *parameters))
        return 1;
    for (int i = 0; i < statement->parameters; i++)
        parameters[i] = dr_unit_parameter(unit, &at);
    if (appending->rows == appending->size && hand_over(appending, error))
        return -1;
    for (int i = 0; i < appending->columns; i++) {
        const struct dr_parameter *parameter = &parameters[appending->parameter[i]];
        set_valid(duckdb, appending->vectors[i], appending->rows);
        if (dr_parameter_store(duckdb, appending->types[i], parameter->oid, parameter->binary, parameter->bytes, parameter->size,
                               appending->vectors[i], (uint64_t)appending->rows))
            return 1;
    }
    appending->rows++;
    appending->total++;
    return 0;
}

int dr_appending_rows(const struct dr_appending *appending)
{
    return appending->total;
}

/* ---- few rows ---- */

static duckdb_value column_list(const struct dr_appending *appending, int column)
{
    const struct dr_duckdb *duckdb = appending->duckdb;
    duckdb_value values[FEW], list;
    for (int row = 0; row < appending->rows; row++)
        values[row] = dr_value_at(duckdb, appending->types[column], appending->vectors[column], (uint64_t)row);
    list = duckdb->create_list_value(appending->types[column], values, (idx_t)appending->rows);
    for (int row = 0; row < appending->rows; row++)
        duckdb->destroy_value(&values[row]);
    return list;
}

/* All that was added is in the chunk, and few. 0: they can't be inserted this way. */
static int prepare_insert(struct dr_appending *appending)
{
    if (!appending->prepared &&
        appending->duckdb->prepare(appending->connection, appending->insert, &appending->prepared) != DuckDBSuccess) {
        appending->duckdb->destroy_prepare(&appending->prepared);
        free(appending->insert);
        appending->insert = NULL;
        return 0;
    }
    for (int i = 0; i < appending->columns; i++) {
        duckdb_value list = column_list(appending, i);
        int bound = list && appending->duckdb->bind_value(appending->prepared, (idx_t)i + 1, list) == DuckDBSuccess;
        appending->duckdb->destroy_value(&list);
        if (!bound)
            return 0;
    }
    return 1;
}

static duckrow_code insert(struct dr_appending *appending, duckrow_error *error)
{
    duckdb_result result = {0};
    duckrow_code code = DUCKROW_OK;
    if (appending->duckdb->execute_prepared(appending->prepared, &result) != DuckDBSuccess)
        code = dr_sql_failed(error, appending->duckdb->result_error(&result));
    appending->duckdb->destroy_result(&result);
    appending->rows = appending->total = 0;
    appending->duckdb->data_chunk_reset(appending->chunk);
    point_at_vectors(appending);
    return code;
}

/* ---- */

duckrow_code dr_appending_flush(struct dr_appending *appending, duckrow_error *error)
{
    if (appending->insert && appending->rows && appending->rows == appending->total && appending->rows <= FEW &&
        prepare_insert(appending))
        return insert(appending, error);
    duckrow_code code = hand_over(appending, error);
    appending->total = 0;
    if (!code && appending->duckdb->appender_flush(appending->appender) != DuckDBSuccess)
        code = failed(appending, error);
    return code;
}

void dr_appending_forget(struct dr_appending *appending)
{
    appending->rows = appending->total = 0;
    appending->duckdb->data_chunk_reset(appending->chunk);
    point_at_vectors(appending);
    appending->duckdb->appender_clear(appending->appender);
}
