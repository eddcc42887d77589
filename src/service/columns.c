#include "columns.h"

#include <stdlib.h>
#include <string.h>

static duckrow_code begin(struct dr_columns *columns, int count, duckrow_error *error)
{
    *columns = (struct dr_columns){.names = calloc((size_t)count + 1, sizeof *columns->names),
                                   .types = calloc((size_t)count + 1, sizeof *columns->types)};
    return columns->names && columns->types ? DUCKROW_OK : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}

static duckrow_code add(const struct dr_duckdb *duckdb, struct dr_columns *columns, const char *name, duckdb_logical_type type,
                        int catalog, duckrow_error *error)
{
    int i = columns->count++;
    columns->names[i] = strdup(name ? name : "?column?");
    if (!columns->names[i])
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    duckrow_code code = dr_type_make(duckdb, type, &columns->types[i], error);
    if (!code && catalog)
        dr_type_tell_oids(columns->types[i]);
    return code;
}

duckrow_code dr_columns_of_result(const struct dr_duckdb *duckdb, duckdb_result *result, int catalog, struct dr_columns *columns,
                                  duckrow_error *error)
{
    int count = (int)duckdb->column_count(result);
    duckrow_code code = begin(columns, count, error);
    for (int i = 0; !code && i < count; i++) {
        duckdb_logical_type type = duckdb->column_logical_type(result, (idx_t)i);
        code = add(duckdb, columns, duckdb->column_name(result, (idx_t)i), type, catalog, error);
        duckdb->destroy_logical_type(&type);
    }
    return code;
}

duckrow_code dr_columns_of_prepared(const struct dr_duckdb *duckdb, duckdb_prepared_statement prepared, int catalog,
                                    struct dr_columns *columns, int *unresolved, duckrow_error *error)
{
    int count = (int)duckdb->prepared_statement_column_count(prepared);
    duckrow_code code = begin(columns, count, error);
    for (int i = 0; !code && i < count; i++) {
        const char *name = duckdb->prepared_statement_column_name(prepared, (idx_t)i);
        duckdb_logical_type type = duckdb->prepared_statement_column_logical_type(prepared, (idx_t)i);
        code = add(duckdb, columns, name, type, catalog, error);
        if (!type || (int)duckdb->get_type_id(type) == DR_TYPE_INVALID)
            *unresolved = 1;
        duckdb->free((void *)name);
        duckdb->destroy_logical_type(&type);
    }
    return code;
}

int dr_columns_alike(const struct dr_columns *one, const struct dr_columns *other)
{
    int alike = one->count == other->count;
    for (int i = 0; alike && i < one->count; i++)
        alike = dr_type_oid(one->types[i]) == dr_type_oid(other->types[i]) &&
                dr_type_modifier(one->types[i]) == dr_type_modifier(other->types[i]);
    return alike;
}

void dr_columns_free(struct dr_columns *columns)
{
    for (int i = 0; i < columns->count; i++) {
        free(columns->names[i]);
        dr_type_free(columns->types[i]);
    }
    free(columns->names);
    free(columns->types);
    *columns = (struct dr_columns){.count = -1};
}
