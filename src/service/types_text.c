/* Values as text: as PostgreSQL writes them, or as DuckDB does, for strings in JSON. */
#include "types_private.h"

static void put_blob(struct dr_buffer *out, const unsigned char *bytes, size_t size, enum dr_style style)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    if (style == DR_STYLE_POSTGRES) {
        dr_buffer_text(out, "\\x");
        unsigned char *to = size > SIZE_MAX / 4 ? NULL : dr_buffer_reserve(out, 2 * size);
        for (size_t i = 0; to && i < size; i++) {
            to[2 * i] = (unsigned char)lower[bytes[i] >> 4];
            to[2 * i + 1] = (unsigned char)lower[bytes[i] & 15];
        }
        out->end += to ? 2 * size : 0;
        return;
    }
    for (size_t i = 0; i < size; i++) {
        char escaped[4] = {'\\', 'x', upper[bytes[i] >> 4], upper[bytes[i] & 15]};
        if (bytes[i] < ' ' || bytes[i] > '~' || strchr("\\'\"", bytes[i]))
            dr_buffer_add(out, escaped, sizeof escaped);
        else
            dr_buffer_u8(out, bytes[i]);
    }
}

static void put_uuid(struct dr_buffer *out, const duckdb_hugeint *uuid)
{
    uint64_t upper = (uint64_t)uuid->upper ^ UINT64_C(1) << 63, lower = uuid->lower;
    dr_buffer_format(out, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(upper >> 32), (unsigned)(upper >> 16 & 0xffff),
                     (unsigned)(upper & 0xffff), (unsigned)(lower >> 48), (unsigned long long)(lower & 0xffffffffffff));
}

/* The first byte says how many bits of the second are not used. */
static void put_bits(struct dr_buffer *out, const unsigned char *bytes, size_t size)
{
    for (size_t i = 8 + (size_t)(size ? bytes[0] : 0); i < 8 * size; i++)
        dr_buffer_u8(out, bytes[i / 8] >> (7 - i % 8) & 1 ? '1' : '0');
}

static void put_nanoseconds(struct dr_buffer *out, int64_t nanoseconds, const int32_t *offset, enum dr_style style)
{
    if (nanoseconds == INT64_MAX || nanoseconds == -INT64_MAX) {
        dr_timestamp_put(out, nanoseconds, 0, NULL, style);
        return;
    }
    int64_t micros = nanoseconds / 1000, rest = nanoseconds % 1000;
    if (rest < 0) {
        rest += 1000;
        micros--;
    }
    dr_timestamp_put(out, micros, style == DR_STYLE_POSTGRES ? 0 : (int)rest, offset, style);
}

static void put_time(struct dr_buffer *out, int64_t micros)
{
    dr_time_put(out, (uint64_t)micros / 1000000, (uint32_t)(micros % 1000000), 6);
}

static void put_time_ns(struct dr_buffer *out, uint64_t nanoseconds, enum dr_style style)
{
    uint32_t fraction = (uint32_t)(nanoseconds % 1000000000);
    dr_time_put(out, nanoseconds / 1000000000, style == DR_STYLE_POSTGRES ? fraction / 1000 : fraction,
                style == DR_STYLE_POSTGRES ? 6 : 9);
}

static int32_t offset_at(const struct dr_display *display, int64_t micros)
{
    return display && display->offset ? display->offset(display->context, micros) : 0;
}

/* Timestamps of a coarser unit; they may lie where microseconds don't reach. */
static const char *put_scaled(struct dr_buffer *out, int64_t number, int64_t scale, enum dr_style style)
{
    if (number != INT64_MAX && number != -INT64_MAX && __builtin_mul_overflow(number, scale, &number))
        return "timestamp out of range";
    dr_timestamp_put(out, number, 0, NULL, style);
    return NULL;
}

static const char *put_temporal(const struct dr_type *type, const struct dr_display *display, const void *data, uint64_t row,
                                enum dr_style style, struct dr_buffer *out)
{
    int64_t number = 0;
    if (type->id != DR_TYPE_DATE && type->id != DR_TYPE_INTERVAL)
        number = ((const int64_t *)data)[row];
    int32_t offset;
    switch (type->id) {
    case DR_TYPE_DATE:
        dr_date_put(out, ((const int32_t *)data)[row], style);
        return NULL;
    case DR_TYPE_TIME:
        put_time(out, number);
        return NULL;
    case DR_TYPE_TIME_NS:
        put_time_ns(out, (uint64_t)number, style);
        return NULL;
    case DR_TYPE_TIME_TZ:
        put_time(out, (int64_t)((uint64_t)number >> 24));
        dr_offset_put(out, dr_time_tz_offset((duckdb_time_tz){(uint64_t)number}));
        return NULL;
    case DR_TYPE_TIMESTAMP_S:
        return put_scaled(out, number, 1000000, style);
    case DR_TYPE_TIMESTAMP_MS:
        return put_scaled(out, number, 1000, style);
    case DR_TYPE_TIMESTAMP_NS:
        put_nanoseconds(out, number, NULL, style);
        return NULL;
    case DR_TYPE_TIMESTAMP_TZ:
        offset = offset_at(display, number);
        dr_timestamp_put(out, number, 0, &offset, style);
        return NULL;
    case DR_TYPE_TIMESTAMP_TZ_NS:
        offset = offset_at(display, number / 1000);
        put_nanoseconds(out, number, &offset, style);
        return NULL;
    case DR_TYPE_INTERVAL:
        dr_interval_put(out, (const duckdb_interval *)data + row, style);
        return NULL;
    default:
        dr_timestamp_put(out, number, 0, NULL, style);
        return NULL;
    }
}

static uint64_t enum_index(const struct dr_type *type, const void *data, uint64_t row)
{
    switch (type->internal) {
    case DR_TYPE_UTINYINT:
        return ((const uint8_t *)data)[row];
    case DR_TYPE_USMALLINT:
        return ((const uint16_t *)data)[row];
    default:
        return ((const uint32_t *)data)[row];
    }
}

static const char *put_nested(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                              enum dr_style style, struct dr_buffer *out)
{
    if (type->dimensions && style == DR_STYLE_POSTGRES)
        return dr_array_put_text(type, display, vector, row, out);
    return dr_json_put(type, display, vector, row, out);
}

const char *dr_text_put(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                        enum dr_style style, struct dr_buffer *out)
{
    const void *data = type->duckdb->vector_get_data(vector);
    enum dr_float_style floats = style == DR_STYLE_POSTGRES ? DR_FLOAT_POSTGRES : DR_FLOAT_DUCKDB;
    size_t size;
    const char *bytes;
    int negative;
    dr_u128 magnitude;
    switch (type->id) {
    case DR_TYPE_BOOLEAN: {
        int yes = ((const uint8_t *)data)[row];
        dr_buffer_text(out, style == DR_STYLE_POSTGRES ? (yes ? "t" : "f") : (yes ? "true" : "false"));
        return NULL;
    }
    case DR_TYPE_TINYINT:
    case DR_TYPE_SMALLINT:
    case DR_TYPE_INTEGER:
    case DR_TYPE_BIGINT:
    case DR_TYPE_UTINYINT:
    case DR_TYPE_USMALLINT:
    case DR_TYPE_UINTEGER:
    case DR_TYPE_UBIGINT:
    case DR_TYPE_HUGEINT:
    case DR_TYPE_UHUGEINT:
    case DR_TYPE_DECIMAL:
        magnitude = dr_integer_get(type, vector, row, &negative);
        dr_integer_put(out, magnitude, negative, type->scale);
        return NULL;
    case DR_TYPE_FLOAT:
        dr_float_put(out, ((const float *)data)[row], 1, floats);
        return NULL;
    case DR_TYPE_DOUBLE:
        dr_float_put(out, ((const double *)data)[row], 0, floats);
        return NULL;
    case DR_TYPE_VARCHAR:
        bytes = dr_row_string(type->duckdb, vector, row, &size);
        dr_buffer_add(out, bytes, size);
        return NULL;
    case DR_TYPE_ENUM: {
        uint64_t index = enum_index(type, data, row);
        dr_buffer_text(out, index < type->count ? type->names[index] : "");
        return NULL;
    }
    case DR_TYPE_BLOB:
        bytes = dr_row_string(type->duckdb, vector, row, &size);
        put_blob(out, (const unsigned char *)bytes, size, style);
        return NULL;
    case DR_TYPE_BIGNUM:
        bytes = dr_row_string(type->duckdb, vector, row, &size);
        dr_bignum_put(out, (const unsigned char *)bytes, size);
        return NULL;
    case DR_TYPE_BIT:
        bytes = dr_row_string(type->duckdb, vector, row, &size);
        put_bits(out, (const unsigned char *)bytes, size);
        return NULL;
    case DR_TYPE_UUID:
        put_uuid(out, (const duckdb_hugeint *)data + row);
        return NULL;
    case DR_TYPE_DATE:
    case DR_TYPE_TIME:
    case DR_TYPE_TIME_NS:
    case DR_TYPE_TIME_TZ:
    case DR_TYPE_TIMESTAMP:
    case DR_TYPE_TIMESTAMP_S:
    case DR_TYPE_TIMESTAMP_MS:
    case DR_TYPE_TIMESTAMP_NS:
    case DR_TYPE_TIMESTAMP_TZ:
    case DR_TYPE_TIMESTAMP_TZ_NS:
    case DR_TYPE_INTERVAL:
        return put_temporal(type, display, data, row, style, out);
    case DR_TYPE_LIST:
    case DR_TYPE_ARRAY:
    case DR_TYPE_STRUCT:
    case DR_TYPE_MAP:
    case DR_TYPE_UNION:
        return put_nested(type, display, vector, row, style, out);
    case DR_TYPE_VARIANT:
        return "a VARIANT can't be sent: cast it to JSON or VARCHAR";
    case DR_TYPE_GEOMETRY:
        return "a GEOMETRY can't be sent: cast it to VARCHAR or BLOB";
    default:
        return "a value of this type can't be sent: cast it to VARCHAR";
    }
}
