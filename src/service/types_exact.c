/* Values for a DuckDB on the other side, which makes the very same values of them: result format 2 (types.h).
 *
 * A scalar is DuckDB's own text, which its cast reads back. DuckDB 1.5's casts from text to nested types lose brackets and quotes,
 * so strings inside of those are written as hexadecimal digits, and the structure around them as [a, b], {"n": a}, NULL. */
#include "types_private.h"

static void put_hex(struct dr_buffer *out, const char *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char *to = size > SIZE_MAX / 4 ? NULL : dr_buffer_reserve(out, 2 * size);
    for (size_t i = 0; to && i < size; i++) {
        to[2 * i] = (unsigned char)digits[(unsigned char)bytes[i] >> 4];
        to[2 * i + 1] = (unsigned char)digits[(unsigned char)bytes[i] & 15];
    }
    out->end += to ? 2 * size : 0;
}

/* ---- the type ---- */

static void put_quoted(struct dr_buffer *out, const char *text, char quote)
{
    dr_buffer_u8(out, (uint8_t)quote);
    for (; *text; text++) {
        if (*text == quote)
            dr_buffer_u8(out, (uint8_t)quote);
        dr_buffer_u8(out, (uint8_t)*text);
    }
    dr_buffer_u8(out, (uint8_t)quote);
}

static const char *plain_name(const struct dr_type *type)
{
    static const struct {
        int id;
        const char *name;
    } names[] = {{DR_TYPE_BOOLEAN, "BOOLEAN"},
                 {DR_TYPE_TINYINT, "TINYINT"},
                 {DR_TYPE_SMALLINT, "SMALLINT"},
                 {DR_TYPE_INTEGER, "INTEGER"},
                 {DR_TYPE_BIGINT, "BIGINT"},
                 {DR_TYPE_HUGEINT, "HUGEINT"},
                 {DR_TYPE_UTINYINT, "UTINYINT"},
                 {DR_TYPE_USMALLINT, "USMALLINT"},
                 {DR_TYPE_UINTEGER, "UINTEGER"},
                 {DR_TYPE_UBIGINT, "UBIGINT"},
                 {DR_TYPE_UHUGEINT, "UHUGEINT"},
                 {DR_TYPE_BIGNUM, "BIGNUM"},
                 {DR_TYPE_FLOAT, "FLOAT"},
                 {DR_TYPE_DOUBLE, "DOUBLE"},
                 {DR_TYPE_VARCHAR, "VARCHAR"},
                 {DR_TYPE_BLOB, "BLOB"},
                 {DR_TYPE_BIT, "BIT"},
                 {DR_TYPE_UUID, "UUID"},
                 {DR_TYPE_DATE, "DATE"},
                 {DR_TYPE_TIME, "TIME"},
                 {DR_TYPE_TIME_NS, "TIME_NS"},
                 {DR_TYPE_TIME_TZ, "TIMETZ"},
                 {DR_TYPE_TIMESTAMP, "TIMESTAMP"},
                 {DR_TYPE_TIMESTAMP_S, "TIMESTAMP_S"},
                 {DR_TYPE_TIMESTAMP_MS, "TIMESTAMP_MS"},
                 {DR_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS"},
                 {DR_TYPE_TIMESTAMP_TZ, "TIMESTAMPTZ"},
                 {DR_TYPE_TIMESTAMP_TZ_NS, "TIMESTAMPTZ_NS"},
                 {DR_TYPE_INTERVAL, "INTERVAL"},
                 {DR_TYPE_SQLNULL, "\"NULL\""}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].id == type->id)
            return type->is_json ? "JSON" : names[i].name;
    return "VARCHAR";
}

static void put_type(const struct dr_type *type, struct dr_buffer *out)
{
    int named = type->id == DR_TYPE_UNION || (type->id == DR_TYPE_STRUCT && (!type->count || *type->names[0]));
    switch (type->id) {
    case DR_TYPE_DECIMAL:
        dr_buffer_format(out, "DECIMAL(%d, %d)", (int)((type->modifier - 4) >> 16), type->scale);
        return;
    case DR_TYPE_ENUM:
        dr_buffer_text(out, "ENUM(");
        for (size_t i = 0; i < type->count; i++) {
            dr_buffer_text(out, i ? ", " : "");
            put_quoted(out, type->names[i], '\'');
        }
        dr_buffer_text(out, ")");
        return;
    case DR_TYPE_LIST:
        put_type(type->children[0], out);
        dr_buffer_text(out, "[]");
        return;
    case DR_TYPE_ARRAY:
        put_type(type->children[0], out);
        dr_buffer_format(out, "[%llu]", (unsigned long long)type->array_size);
        return;
    case DR_TYPE_MAP:
    case DR_TYPE_STRUCT:
    case DR_TYPE_UNION:
        dr_buffer_text(out, type->id == DR_TYPE_MAP ? "MAP(" : type->id == DR_TYPE_UNION ? "UNION(" : "STRUCT(");
        for (size_t i = 0; i < type->count; i++) {
            dr_buffer_text(out, i ? ", " : "");
            if (named)
                put_quoted(out, type->names[i], '"');
            dr_buffer_text(out, named ? " " : "");
            put_type(type->children[i], out);
        }
        dr_buffer_text(out, ")");
        return;
    default:
        dr_buffer_text(out, plain_name(type));
    }
}

void dr_exact_put_name(const struct dr_type *type, const char *name, struct dr_buffer *out)
{
    struct dr_buffer described = {0};
    put_type(type, &described);
    dr_buffer_format(out, "%zu:", dr_buffer_size(&described));
    dr_buffer_add(out, described.bytes + described.start, dr_buffer_size(&described));
    dr_buffer_add(out, name, strlen(name) + 1);
    out->failed |= described.failed;
    dr_buffer_free(&described);
}

/* ---- the value ---- */

static const char *put_inner(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out);

static const char *put_elements(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out)
{
    duckdb_vector elements;
    struct dr_entry entry = dr_entry_of(type, vector, row, &elements);
    const char *message = NULL;
    dr_buffer_text(out, "[");
    for (uint64_t i = 0; !message && i < entry.length; i++) {
        dr_buffer_text(out, i ? ", " : "");
        message = put_inner(type->children[0], elements, entry.offset + i, out);
    }
    dr_buffer_text(out, "]");
    return message;
}

/* A member of a structure, by its number: names may hold anything. */
static const char *put_member(const struct dr_type *type, size_t index, duckdb_vector vector, uint64_t row, struct dr_buffer *out)
{
    dr_buffer_format(out, "%sf%zu: ", index ? ", " : "", index);
    return put_inner(type, vector, row, out);
}

static const char *put_struct(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out)
{
    const char *message = NULL;
    dr_buffer_text(out, "{");
    for (size_t i = 0; !message && i < type->count; i++)
        message = put_member(type->children[i], i, type->duckdb->struct_vector_get_child(vector, i), row, out);
    dr_buffer_text(out, "}");
    return message;
}

/* As {"k": [keys], "v": [values]}. */
static const char *put_map(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out)
{
    duckdb_vector elements;
    struct dr_entry entry = dr_entry_of(type, vector, row, &elements);
    const char *message = NULL;
    for (size_t part = 0; part < 2 && !message; part++) {
        duckdb_vector half = type->duckdb->struct_vector_get_child(elements, part);
        dr_buffer_text(out, part ? ", v: [" : "{k: [");
        for (uint64_t i = 0; !message && i < entry.length; i++) {
            dr_buffer_text(out, i ? ", " : "");
            message = put_inner(type->children[part], half, entry.offset + i, out);
        }
        dr_buffer_text(out, "]");
    }
    dr_buffer_text(out, "}");
    return message;
}

/* As {"t": which, "f0": …, …}: all members, of which one isn't NULL. */
static const char *put_union(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out)
{
    const struct dr_duckdb *duckdb = type->duckdb;
    uint8_t tag = ((const uint8_t *)duckdb->vector_get_data(duckdb->struct_vector_get_child(vector, 0)))[row];
    const char *message = NULL;
    dr_buffer_format(out, "{t: %u", tag);
    for (size_t i = 0; !message && i < type->count; i++) {
        duckdb_vector member = duckdb->struct_vector_get_child(vector, i + 1);
        dr_buffer_format(out, ", f%zu: ", i);
        if (i == tag)
            message = put_inner(type->children[i], member, row, out);
        else
            dr_buffer_text(out, "NULL");
    }
    dr_buffer_text(out, "}");
    return message;
}

static const char *put_nested(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out)
{
    switch (type->id) {
    case DR_TYPE_STRUCT:
        return put_struct(type, vector, row, out);
    case DR_TYPE_MAP:
        return put_map(type, vector, row, out);
    case DR_TYPE_UNION:
        return put_union(type, vector, row, out);
    default:
        return put_elements(type, vector, row, out);
    }
}

static int is_nested(const struct dr_type *type)
{
    return type->id == DR_TYPE_LIST || type->id == DR_TYPE_ARRAY || type->id == DR_TYPE_STRUCT || type->id == DR_TYPE_MAP ||
           type->id == DR_TYPE_UNION;
}

static const char *put_scalar(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out)
{
    const struct dr_display utc = {NULL, NULL};
    return dr_text_put(type, &utc, vector, row, DR_STYLE_DUCKDB, out);
}

/* Within a nested value: strings in hexadecimal digits, everything in quotes. */
static const char *put_inner(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out)
{
    size_t size;
    const char *bytes, *message = NULL;
    if (!dr_row_valid(type->duckdb, vector, row)) {
        dr_buffer_text(out, "NULL");
        return NULL;
    }
    if (is_nested(type))
        return put_nested(type, vector, row, out);
    dr_buffer_text(out, "\"");
    if (type->id == DR_TYPE_VARCHAR || type->id == DR_TYPE_BLOB) {
        bytes = dr_row_string(type->duckdb, vector, row, &size);
        put_hex(out, bytes, size);
    } else if (type->id == DR_TYPE_ENUM) {
        struct dr_buffer text = {0};
        message = put_scalar(type, vector, row, &text);
        put_hex(out, (const char *)text.bytes + text.start, dr_buffer_size(&text));
        out->failed |= text.failed;
        dr_buffer_free(&text);
    } else {
        message = put_scalar(type, vector, row, out);
    }
    dr_buffer_text(out, "\"");
    return message;
}

const char *dr_exact_put(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out)
{
    return is_nested(type) ? put_nested(type, vector, row, out) : put_scalar(type, vector, row, out);
}
