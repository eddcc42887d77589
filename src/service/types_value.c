/* Values out of flat vectors, and the names of their types: of the types that dr_parameter_store writes. */
#include <stdio.h>

#include "types_private.h"

static const struct {
    int id;
    const char *name;
} types[] = {
    {DR_TYPE_BOOLEAN, "BOOLEAN"},     {DR_TYPE_TINYINT, "TINYINT"},     {DR_TYPE_SMALLINT, "SMALLINT"},
    {DR_TYPE_INTEGER, "INTEGER"},     {DR_TYPE_BIGINT, "BIGINT"},       {DR_TYPE_UTINYINT, "UTINYINT"},
    {DR_TYPE_USMALLINT, "USMALLINT"}, {DR_TYPE_UINTEGER, "UINTEGER"},   {DR_TYPE_UBIGINT, "UBIGINT"},
    {DR_TYPE_FLOAT, "FLOAT"},         {DR_TYPE_DOUBLE, "DOUBLE"},       {DR_TYPE_DECIMAL, "DECIMAL"},
    {DR_TYPE_DATE, "DATE"},           {DR_TYPE_TIMESTAMP, "TIMESTAMP"}, {DR_TYPE_TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE"},
    {DR_TYPE_VARCHAR, "VARCHAR"},     {DR_TYPE_BLOB, "BLOB"},           {DR_TYPE_UUID, "UUID"},
};

static int has_alias(const struct dr_duckdb *duckdb, duckdb_logical_type type)
{
    char *alias = duckdb->logical_type_get_alias(type);
    int some = alias != NULL;
    duckdb->free(alias);
    return some;
}

int dr_value_type_name(const struct dr_duckdb *duckdb, duckdb_logical_type type, char name[DR_TYPE_NAME])
{
    int id = (int)duckdb->get_type_id(type);
    if (has_alias(duckdb, type))
        return 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].id != id)
            continue;
        if (id == DR_TYPE_DECIMAL)
            snprintf(name, DR_TYPE_NAME, "DECIMAL(%d,%d)", duckdb->decimal_width(type), duckdb->decimal_scale(type));
        else
            snprintf(name, DR_TYPE_NAME, "%s", types[i].name);
        return 1;
    }
    return 0;
}

static duckdb_value signed_value(const struct dr_duckdb *duckdb, const void *data, uint64_t row, int size)
{
    return size == 1   ? duckdb->create_int16(((const int8_t *)data)[row])
           : size == 2 ? duckdb->create_int16(((const int16_t *)data)[row])
           : size == 4 ? duckdb->create_int32(((const int32_t *)data)[row])
                       : duckdb->create_int64(((const int64_t *)data)[row]);
}

static duckdb_value unsigned_value(const struct dr_duckdb *duckdb, const void *data, uint64_t row, int size)
{
    return size == 1   ? duckdb->create_int16(((const uint8_t *)data)[row])
           : size == 2 ? duckdb->create_int32(((const uint16_t *)data)[row])
           : size == 4 ? duckdb->create_int64(((const uint32_t *)data)[row])
                       : duckdb->create_hugeint((duckdb_hugeint){((const uint64_t *)data)[row], 0});
}

static duckdb_value decimal_value(const struct dr_duckdb *duckdb, duckdb_logical_type type, const void *data, uint64_t row)
{
    duckdb_decimal decimal = {.width = duckdb->decimal_width(type), .scale = duckdb->decimal_scale(type)};
    int internal = (int)duckdb->decimal_internal_type(type);
    if (internal == DR_TYPE_HUGEINT) {
        decimal.value = ((const duckdb_hugeint *)data)[row];
    } else {
        int64_t digits = internal == DR_TYPE_SMALLINT  ? ((const int16_t *)data)[row]
                         : internal == DR_TYPE_INTEGER ? ((const int32_t *)data)[row]
                                                       : ((const int64_t *)data)[row];
        decimal.value = (duckdb_hugeint){(uint64_t)digits, digits < 0 ? -1 : 0};
    }
    return duckdb->create_decimal(decimal);
}

static duckdb_value uuid_value(const struct dr_duckdb *duckdb, const void *data, uint64_t row)
{
    duckdb_hugeint stored = ((const duckdb_hugeint *)data)[row];
    return duckdb->create_uuid((duckdb_uhugeint){stored.lower, (uint64_t)stored.upper ^ UINT64_C(1) << 63});
}

duckdb_value dr_value_at(const struct dr_duckdb *duckdb, duckdb_logical_type type, duckdb_vector vector, uint64_t row)
{
    const void *data = duckdb->vector_get_data(vector);
    size_t size;
    if (!dr_row_valid(duckdb, vector, row))
        return duckdb->create_null_value();
    switch ((int)duckdb->get_type_id(type)) {
    case DR_TYPE_BOOLEAN:
        return duckdb->create_bool(((const uint8_t *)data)[row] != 0);
    case DR_TYPE_TINYINT:
        return signed_value(duckdb, data, row, 1);
    case DR_TYPE_SMALLINT:
        return signed_value(duckdb, data, row, 2);
    case DR_TYPE_INTEGER:
        return signed_value(duckdb, data, row, 4);
    case DR_TYPE_BIGINT:
        return signed_value(duckdb, data, row, 8);
    case DR_TYPE_UTINYINT:
        return unsigned_value(duckdb, data, row, 1);
    case DR_TYPE_USMALLINT:
        return unsigned_value(duckdb, data, row, 2);
    case DR_TYPE_UINTEGER:
        return unsigned_value(duckdb, data, row, 4);
    case DR_TYPE_UBIGINT:
        return unsigned_value(duckdb, data, row, 8);
    case DR_TYPE_FLOAT:
        return duckdb->create_float(((const float *)data)[row]);
    case DR_TYPE_DOUBLE:
        return duckdb->create_double(((const double *)data)[row]);
    case DR_TYPE_DECIMAL:
        return decimal_value(duckdb, type, data, row);
    case DR_TYPE_DATE:
        return duckdb->create_date(((const duckdb_date *)data)[row]);
    case DR_TYPE_TIMESTAMP:
        return duckdb->create_timestamp(((const duckdb_timestamp *)data)[row]);
    case DR_TYPE_TIMESTAMP_TZ:
        return duckdb->create_timestamp_tz(((const duckdb_timestamp *)data)[row]);
    case DR_TYPE_UUID:
        return uuid_value(duckdb, data, row);
    case DR_TYPE_VARCHAR: {
        const char *text = dr_row_string(duckdb, vector, row, &size);
        return duckdb->create_varchar_length(text, size);
    }
    case DR_TYPE_BLOB: {
        const char *bytes = dr_row_string(duckdb, vector, row, &size);
        return duckdb->create_blob((const uint8_t *)bytes, size);
    }
    default:
        return NULL;
    }
}
