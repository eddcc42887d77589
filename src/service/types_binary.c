/* Values in PostgreSQL's binary formats. */
#include "types_private.h"

static const char *put_date(struct dr_buffer *out, int32_t days)
{
    int64_t from_2000 = (int64_t)days - DR_TO_2000;
    if (days == DR_INFINITE_DATE || days == -DR_INFINITE_DATE)
        from_2000 = days > 0 ? INT32_MAX : INT32_MIN;
    else if (from_2000 <= INT32_MIN)
        return "date out of range";
    dr_buffer_u32(out, (uint32_t)(int32_t)from_2000);
    return NULL;
}

static const char *put_timestamp(struct dr_buffer *out, int64_t micros)
{
    int64_t from_2000;
    if (micros == DR_INFINITE_TIMESTAMP || micros == -DR_INFINITE_TIMESTAMP)
        from_2000 = micros > 0 ? INT64_MAX : INT64_MIN;
    else if (__builtin_sub_overflow(micros, DR_TO_2000_MICROS, &from_2000) || from_2000 == INT64_MIN)
        return "timestamp out of range";
    dr_buffer_u64(out, (uint64_t)from_2000);
    return NULL;
}

static const char *put_scaled(struct dr_buffer *out, int64_t number, int64_t scale)
{
    if (number != INT64_MAX && number != -INT64_MAX && __builtin_mul_overflow(number, scale, &number))
        return "timestamp out of range";
    return put_timestamp(out, number);
}

static const char *put_nanoseconds(struct dr_buffer *out, int64_t nanoseconds)
{
    if (nanoseconds == INT64_MAX || nanoseconds == -INT64_MAX)
        return put_timestamp(out, nanoseconds);
    return put_timestamp(out, nanoseconds / 1000 - (nanoseconds % 1000 < 0));
}

static void put_time_tz(struct dr_buffer *out, uint64_t bits)
{
    dr_buffer_u64(out, bits >> 24);
    dr_buffer_u32(out, (uint32_t)-dr_time_tz_offset((duckdb_time_tz){bits}));
}

static const char *put_temporal(const struct dr_type *type, const void *data, uint64_t row, struct dr_buffer *out)
{
    if (type->id == DR_TYPE_DATE)
        return put_date(out, ((const int32_t *)data)[row]);
    if (type->id == DR_TYPE_INTERVAL) {
        const duckdb_interval *interval = (const duckdb_interval *)data + row;
        dr_buffer_u64(out, (uint64_t)interval->micros);
        dr_buffer_u32(out, (uint32_t)interval->days);
        dr_buffer_u32(out, (uint32_t)interval->months);
        return NULL;
    }
    int64_t number = ((const int64_t *)data)[row];
    switch (type->id) {
    case DR_TYPE_TIME:
        dr_buffer_u64(out, (uint64_t)number);
        return NULL;
    case DR_TYPE_TIME_NS:
        dr_buffer_u64(out, (uint64_t)number / 1000);
        return NULL;
    case DR_TYPE_TIME_TZ:
        put_time_tz(out, (uint64_t)number);
        return NULL;
    case DR_TYPE_TIMESTAMP_S:
        return put_scaled(out, number, 1000000);
    case DR_TYPE_TIMESTAMP_MS:
        return put_scaled(out, number, 1000);
    case DR_TYPE_TIMESTAMP_NS:
    case DR_TYPE_TIMESTAMP_TZ_NS:
        return put_nanoseconds(out, number);
    default:
        return put_timestamp(out, number);
    }
}

static void put_integer(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out)
{
    int negative;
    uint64_t number = (uint64_t)dr_integer_get(type, vector, row, &negative);
    if (negative)
        number = -number;
    if (type->oid == OID_INT2)
        dr_buffer_u16(out, (uint16_t)number);
    else if (type->oid == OID_INT4 || type->oid == OID_OID)
        dr_buffer_u32(out, (uint32_t)number);
    else
        dr_buffer_u64(out, number);
}

static const char *put_numeric(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                               struct dr_buffer *out)
{
    size_t at = dr_buffer_size(out);
    const char *message = dr_text_put(type, display, vector, row, DR_STYLE_POSTGRES, out);
    return message ? message : dr_numeric_from_text(out, at);
}

const char *dr_binary_put(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                          struct dr_buffer *out)
{
    const void *data = type->duckdb->vector_get_data(vector);
    size_t size;
    const char *bytes;
    if (type->dimensions)
        return dr_array_put_binary(type, display, vector, row, out);
    switch (type->oid) {
    case OID_BOOL:
        dr_buffer_u8(out, ((const uint8_t *)data)[row] != 0);
        return NULL;
    case OID_INT2:
    case OID_INT4:
    case OID_OID:
    case OID_INT8:
        put_integer(type, vector, row, out);
        return NULL;
    case OID_NUMERIC:
        return put_numeric(type, display, vector, row, out);
    case OID_FLOAT4: {
        uint32_t bits;
        memcpy(&bits, (const float *)data + row, sizeof bits);
        dr_buffer_u32(out, bits);
        return NULL;
    }
    case OID_FLOAT8:
        dr_buffer_u64(out, ((const uint64_t *)data)[row]);
        return NULL;
    case OID_BYTEA:
        bytes = dr_row_string(type->duckdb, vector, row, &size);
        dr_buffer_add(out, bytes, size);
        return NULL;
    case OID_UUID: {
        const duckdb_hugeint *uuid = (const duckdb_hugeint *)data + row;
        dr_buffer_u64(out, (uint64_t)uuid->upper ^ UINT64_C(1) << 63);
        dr_buffer_u64(out, uuid->lower);
        return NULL;
    }
    case OID_DATE:
    case OID_TIME:
    case OID_TIMETZ:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
    case OID_INTERVAL:
        return put_temporal(type, data, row, out);
    default:
        return dr_text_put(type, display, vector, row, DR_STYLE_POSTGRES, out);
    }
}
