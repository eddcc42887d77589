#include "types.h"

#include <stdlib.h>

#include "types_private.h"

enum { MOST_DIMENSIONS = 6 };

/* ---- oids ---- */

static const struct dr_oid_entry entries[] = {
    {OID_BOOL, 1000, 1, "boolean", "BOOLEAN"},
    {OID_BYTEA, 1001, -1, "bytea", "BLOB"},
    {OID_NAME, 1003, 64, "name", "VARCHAR"},
    {OID_INT8, 1016, 8, "bigint", "BIGINT"},
    {OID_INT2, 1005, 2, "smallint", "SMALLINT"},
    {OID_INT4, 1007, 4, "integer", "INTEGER"},
    {OID_TEXT, 1009, -1, "text", "VARCHAR"},
    {OID_OID, 1028, 4, "oid", "BIGINT"},
    {OID_JSON, 199, -1, "json", "VARCHAR"},
    {OID_FLOAT4, 1021, 4, "real", "FLOAT"},
    {OID_FLOAT8, 1022, 8, "double precision", "DOUBLE"},
    {OID_UNKNOWN, 0, -2, "unknown", "VARCHAR"},
    {OID_BPCHAR, 1014, -1, "character", "VARCHAR"},
    {OID_VARCHAR, 1015, -1, "character varying", "VARCHAR"},
    {OID_DATE, 1182, 4, "date", "DATE"},
    {OID_TIME, 1183, 8, "time without time zone", "TIME"},
    {OID_TIMESTAMP, 1115, 8, "timestamp without time zone", "TIMESTAMP"},
    {OID_TIMESTAMPTZ, 1185, 8, "timestamp with time zone", "TIMESTAMP WITH TIME ZONE"},
    {OID_INTERVAL, 1187, 16, "interval", "INTERVAL"},
    {OID_TIMETZ, 1270, 12, "time with time zone", "TIME WITH TIME ZONE"},
    {OID_NUMERIC, 1231, -1, "numeric", "DECIMAL"},
    {OID_UUID, 2951, 16, "uuid", "UUID"},
    {OID_JSONB, 3807, -1, "jsonb", "VARCHAR"},
};
enum { ENTRIES = sizeof entries / sizeof *entries };

const struct dr_oid_entry *dr_oid_find(uint32_t oid)
{
    for (size_t i = 0; i < ENTRIES; i++)
        if (entries[i].oid == oid)
            return &entries[i];
    return NULL;
}

uint32_t dr_oid_element(uint32_t array)
{
    for (size_t i = 0; array && i < ENTRIES; i++)
        if (entries[i].array == array)
            return entries[i].oid;
    return 0;
}

int dr_oid_is_text(uint32_t oid)
{
    return oid == OID_TEXT || oid == OID_VARCHAR || oid == OID_UNKNOWN || oid == OID_BPCHAR || oid == OID_NAME || oid == 0;
}

const char *dr_oid_duckdb_type(uint32_t oid)
{
    const struct dr_oid_entry *entry = dr_oid_find(oid);
    if (entry)
        return entry->duckdb;
    entry = dr_oid_find(dr_oid_element(oid));
    if (!entry)
        return NULL;
    static const struct {
        const char *element, *list;
    } lists[] = {{"BOOLEAN", "BOOLEAN[]"},     {"BLOB", "BLOB[]"},
                 {"VARCHAR", "VARCHAR[]"},     {"BIGINT", "BIGINT[]"},
                 {"SMALLINT", "SMALLINT[]"},   {"INTEGER", "INTEGER[]"},
                 {"FLOAT", "FLOAT[]"},         {"DOUBLE", "DOUBLE[]"},
                 {"DATE", "DATE[]"},           {"TIME", "TIME[]"},
                 {"TIMESTAMP", "TIMESTAMP[]"}, {"TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE[]"},
                 {"INTERVAL", "INTERVAL[]"},   {"TIME WITH TIME ZONE", "TIME WITH TIME ZONE[]"},
                 {"DECIMAL", "DECIMAL[]"},     {"UUID", "UUID[]"}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(lists[i].element, entry->duckdb) == 0)
            return lists[i].list;
    return NULL;
}

static uint32_t scalar_oid(int id)
{
    switch (id) {
    case DR_TYPE_BOOLEAN:
        return OID_BOOL;
    case DR_TYPE_TINYINT:
    case DR_TYPE_UTINYINT:
    case DR_TYPE_SMALLINT:
        return OID_INT2;
    case DR_TYPE_USMALLINT:
    case DR_TYPE_INTEGER:
        return OID_INT4;
    case DR_TYPE_UINTEGER:
    case DR_TYPE_BIGINT:
        return OID_INT8;
    case DR_TYPE_UBIGINT:
    case DR_TYPE_HUGEINT:
    case DR_TYPE_UHUGEINT:
    case DR_TYPE_BIGNUM:
    case DR_TYPE_DECIMAL:
        return OID_NUMERIC;
    case DR_TYPE_FLOAT:
        return OID_FLOAT4;
    case DR_TYPE_DOUBLE:
        return OID_FLOAT8;
    case DR_TYPE_BLOB:
        return OID_BYTEA;
    case DR_TYPE_UUID:
        return OID_UUID;
    case DR_TYPE_DATE:
        return OID_DATE;
    case DR_TYPE_TIME:
    case DR_TYPE_TIME_NS:
        return OID_TIME;
    case DR_TYPE_TIME_TZ:
        return OID_TIMETZ;
    case DR_TYPE_TIMESTAMP:
    case DR_TYPE_TIMESTAMP_S:
    case DR_TYPE_TIMESTAMP_MS:
    case DR_TYPE_TIMESTAMP_NS:
        return OID_TIMESTAMP;
    case DR_TYPE_TIMESTAMP_TZ:
    case DR_TYPE_TIMESTAMP_TZ_NS:
        return OID_TIMESTAMPTZ;
    case DR_TYPE_INTERVAL:
        return OID_INTERVAL;
    case DR_TYPE_LIST:
    case DR_TYPE_ARRAY:
    case DR_TYPE_STRUCT:
    case DR_TYPE_MAP:
    case DR_TYPE_UNION:
    case DR_TYPE_VARIANT:
        return OID_JSON;
    default:
        return OID_TEXT;
    }
}

/* ---- making ---- */

void dr_type_free(struct dr_type *type)
{
    if (!type)
        return;
    for (size_t i = 0; i < type->count; i++) {
        if (type->children)
            dr_type_free(type->children[i]);
        if (type->names)
            free(type->names[i]);
    }
    free(type->children);
    free(type->names);
    free(type);
}

static int add_name(struct dr_type *type, size_t index, char *name)
{
    type->names[index] = name ? strdup(name) : NULL;
    if (name)
        type->duckdb->free(name);
    return type->names[index] ? 0 : -1;
}

static int make_names(struct dr_type *type, size_t count)
{
    type->count = count;
    type->names = calloc(count + 1, sizeof *type->names);
    return type->names ? 0 : -1;
}

static struct dr_type *make(const struct dr_duckdb *duckdb, duckdb_logical_type logical);

/* Takes logical. */
static int add_child(struct dr_type *type, size_t index, duckdb_logical_type logical)
{
    type->children[index] = logical ? make(type->duckdb, logical) : NULL;
    if (logical)
        type->duckdb->destroy_logical_type(&logical);
    return type->children[index] ? 0 : -1;
}

static int make_children(struct dr_type *type, size_t count)
{
    type->count = count;
    type->children = calloc(count + 1, sizeof *type->children);
    return type->children ? 0 : -1;
}

static int make_enum(struct dr_type *type, duckdb_logical_type logical)
{
    type->internal = (int)type->duckdb->enum_internal_type(logical);
    if (make_names(type, type->duckdb->enum_dictionary_size(logical)))
        return -1;
    for (size_t i = 0; i < type->count; i++)
        if (add_name(type, i, type->duckdb->enum_dictionary_value(logical, i)))
            return -1;
    return 0;
}

static int make_struct(struct dr_type *type, duckdb_logical_type logical)
{
    const struct dr_duckdb *duckdb = type->duckdb;
    int is_union = type->id == DR_TYPE_UNION;
    size_t count = is_union ? duckdb->union_type_member_count(logical) : duckdb->struct_type_child_count(logical);
    if (make_names(type, count) || make_children(type, count))
        return -1;
    for (size_t i = 0; i < count; i++) {
        char *name = is_union ? duckdb->union_type_member_name(logical, i) : duckdb->struct_type_child_name(logical, i);
        duckdb_logical_type child =
            is_union ? duckdb->union_type_member_type(logical, i) : duckdb->struct_type_child_type(logical, i);
        int failed = add_name(type, i, name);
        if (add_child(type, i, child) || failed)
            return -1;
    }
    return 0;
}

/* A column's oid is told before its rows are seen, so an array has more than one dimension only where the type rules out
 * sublists of different lengths: below the first level, all are ARRAYs. */
static void choose_array(struct dr_type *type)
{
    const struct dr_type *child = type->children[0];
    const struct dr_type *element = child->id == DR_TYPE_ARRAY && child->dimensions ? child->element : child;
    const struct dr_oid_entry *entry = dr_oid_find(element->oid);
    int dimensions = 1 + (element == child ? 0 : child->dimensions);
    int scalar = !element->count || element->id == DR_TYPE_ENUM;
    if (!scalar || element->id == DR_TYPE_VARIANT || !entry || dimensions > MOST_DIMENSIONS)
        return;
    type->dimensions = dimensions;
    type->element = element;
    type->oid = entry->array;
}

static int make_parts(struct dr_type *type, duckdb_logical_type logical)
{
    const struct dr_duckdb *duckdb = type->duckdb;
    switch (type->id) {
    case DR_TYPE_ENUM:
        return make_enum(type, logical);
    case DR_TYPE_STRUCT:
    case DR_TYPE_UNION:
        return make_struct(type, logical);
    case DR_TYPE_MAP:
        return make_children(type, 2) || add_child(type, 0, duckdb->map_type_key_type(logical)) ||
               add_child(type, 1, duckdb->map_type_value_type(logical));
    case DR_TYPE_LIST:
        if (make_children(type, 1) || add_child(type, 0, duckdb->list_type_child_type(logical)))
            return -1;
        choose_array(type);
        return 0;
    case DR_TYPE_ARRAY:
        type->array_size = duckdb->array_type_array_size(logical);
        if (make_children(type, 1) || add_child(type, 0, duckdb->array_type_child_type(logical)))
            return -1;
        choose_array(type);
        return 0;
    default:
        return 0;
    }
}

static int is_json(const struct dr_duckdb *duckdb, duckdb_logical_type logical)
{
    char *alias = duckdb->logical_type_get_alias(logical);
    int json = alias && strcmp(alias, "JSON") == 0;
    if (alias)
        duckdb->free(alias);
    return json;
}

static struct dr_type *make(const struct dr_duckdb *duckdb, duckdb_logical_type logical)
{
    struct dr_type *type = calloc(1, sizeof *type);
    if (!type)
        return NULL;
    type->duckdb = duckdb;
    type->id = (int)duckdb->get_type_id(logical);
    type->oid = scalar_oid(type->id);
    type->modifier = -1;
    if (type->id == DR_TYPE_DECIMAL) {
        type->internal = (int)duckdb->decimal_internal_type(logical);
        type->scale = duckdb->decimal_scale(logical);
        type->modifier = (duckdb->decimal_width(logical) << 16 | type->scale) + 4;
    } else if (type->id == DR_TYPE_VARCHAR && is_json(duckdb, logical)) {
        type->is_json = 1;
        type->oid = OID_JSON;
    }
    if (make_parts(type, logical)) {
        dr_type_free(type);
        return NULL;
    }
    return type;
}

duckrow_code dr_type_make(const struct dr_duckdb *duckdb, duckdb_logical_type type, struct dr_type **made, duckrow_error *error)
{
    *made = make(duckdb, type);
    return *made ? DUCKROW_OK : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}

uint32_t dr_oid_of(const struct dr_duckdb *duckdb, duckdb_logical_type logical)
{
    int id = (int)duckdb->get_type_id(logical);
    if (id == DR_TYPE_VARCHAR)
        return is_json(duckdb, logical) ? OID_JSON : OID_TEXT;
    if (id != DR_TYPE_LIST && id != DR_TYPE_ARRAY)
        return scalar_oid(id);
    struct dr_type *type = make(duckdb, logical);
    uint32_t oid = type ? type->oid : OID_TEXT;
    dr_type_free(type);
    return oid;
}

uint32_t dr_type_oid(const struct dr_type *type)
{
    return type->oid;
}

int16_t dr_type_size(const struct dr_type *type)
{
    const struct dr_oid_entry *entry = dr_oid_find(type->oid);
    return entry ? entry->size : -1;
}

int32_t dr_type_modifier(const struct dr_type *type)
{
    return type->dimensions ? type->element->modifier : type->modifier;
}

/* ---- putting ---- */

const char *dr_type_put(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                        int binary, struct dr_buffer *out)
{
    if (!dr_row_valid(type->duckdb, vector, row)) {
        dr_buffer_u32(out, UINT32_MAX);
        return NULL;
    }
    size_t at = dr_buffer_length_begin(out);
    const char *message = binary == DR_FORMAT_EXACT ? dr_exact_put(type, vector, row, out)
                          : binary                  ? dr_binary_put(type, display, vector, row, out)
                                                    : dr_text_put(type, display, vector, row, DR_STYLE_POSTGRES, out);
    dr_buffer_length_end(out, at, 0);
    return message;
}

int dr_type_put_text(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                     struct dr_buffer *out)
{
    if (!dr_row_valid(type->duckdb, vector, row))
        return 0;
    return dr_text_put(type, display, vector, row, DR_STYLE_POSTGRES, out) ? -1 : 1;
}

void dr_type_tell_oids(struct dr_type *type)
{
    if (type->dimensions != 1 || type->element->oid != OID_INT4)
        return;
    type->oid = dr_oid_find(OID_OID)->array;
    for (size_t i = 0; i < type->count; i++)
        type->children[i]->oid = OID_OID;
}
