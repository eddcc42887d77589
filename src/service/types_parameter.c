/* Parameters as values to bind. */
#include <math.h>
#include <stdlib.h>

#include "types_private.h"

/* One parameter on its way. */
struct parameter {
    const struct dr_duckdb *duckdb;
    uint32_t oid;
    const unsigned char *bytes;
    size_t size;
    duckdb_value *value;
    duckrow_error *error;
};

static const char *name_of(uint32_t oid)
{
    const struct dr_oid_entry *entry = dr_oid_find(oid);
    return entry ? entry->name : "text";
}

/* How much of a text messages quote. */
static int quoted(const struct parameter *parameter)
{
    enum { MOST = 80 };
    return parameter->size < MOST ? (int)parameter->size : MOST;
}

static duckrow_code bad_text(const struct parameter *parameter)
{
    return dr_fail(parameter->error, DUCKROW_USAGE, "invalid input syntax for type %s: \"%.*s\"", name_of(parameter->oid),
                   quoted(parameter), (const char *)parameter->bytes);
}

static duckrow_code out_of_range(const struct parameter *parameter)
{
    return dr_fail(parameter->error, DUCKROW_USAGE, "value \"%.*s\" is out of range for type %s", quoted(parameter),
                   (const char *)parameter->bytes, name_of(parameter->oid));
}

static duckrow_code bad_binary(const struct parameter *parameter)
{
    return dr_fail(parameter->error, DUCKROW_USAGE, "incorrect binary data format for type %s", name_of(parameter->oid));
}

static duckrow_code done(const struct parameter *parameter, duckdb_value value)
{
    *parameter->value = value;
    return value ? DUCKROW_OK : dr_fail(parameter->error, DUCKROW_NO_MEMORY, "out of memory");
}

static duckrow_code done_text(const struct parameter *parameter)
{
    if (!dr_utf8_valid(parameter->bytes, parameter->size))
        return dr_fail(parameter->error, DUCKROW_USAGE, "invalid byte sequence for encoding \"UTF8\"");
    return done(parameter, parameter->duckdb->create_varchar_length((const char *)parameter->bytes, parameter->size));
}

/* ---- numbers ---- */

static duckrow_code done_integer(const struct parameter *parameter, int64_t number)
{
    switch (parameter->oid) {
    case OID_INT2:
        return number == (int16_t)number ? done(parameter, parameter->duckdb->create_int16((int16_t)number))
                                         : out_of_range(parameter);
    case OID_INT4:
        return number == (int32_t)number ? done(parameter, parameter->duckdb->create_int32((int32_t)number))
                                         : out_of_range(parameter);
    default:
        return done(parameter, parameter->duckdb->create_int64(number));
    }
}

static duckrow_code integer_from_text(const struct parameter *parameter)
{
    size_t plus = parameter->size > 1 && parameter->bytes[0] == '+' && parameter->bytes[1] != '-';
    int negative;
    uint64_t magnitude;
    struct dr_decimal decimal;
    if (dr_parse_integer(parameter->bytes + plus, parameter->size - plus, &negative, &magnitude))
        return dr_parse_decimal(parameter->bytes, parameter->size, &decimal) == -1 ||
                       memchr(parameter->bytes, '.', parameter->size) || memchr(parameter->bytes, 'e', parameter->size)
                   ? bad_text(parameter)
                   : out_of_range(parameter);
    if (magnitude > (uint64_t)INT64_MAX + (unsigned)negative)
        return out_of_range(parameter);
    return done_integer(parameter, (int64_t)(negative ? -magnitude : magnitude));
}

static duckrow_code integer_from_binary(const struct parameter *parameter)
{
    uint64_t number = dr_read(parameter->bytes, (int)parameter->size);
    switch (parameter->size) {
    case 2:
        return done_integer(parameter, (int16_t)number);
    case 4:
        return done_integer(parameter, parameter->oid == OID_OID ? (int64_t)number : (int32_t)number);
    default:
        return done_integer(parameter, (int64_t)number);
    }
}

static duckrow_code done_float(const struct parameter *parameter, double number)
{
    return done(parameter, parameter->oid == OID_FLOAT4 ? parameter->duckdb->create_float((float)number)
                                                        : parameter->duckdb->create_double(number));
}

static duckrow_code float_from_text(const struct parameter *parameter)
{
    double number;
    switch (dr_parse_float(parameter->bytes, parameter->size, parameter->oid == OID_FLOAT4, &number)) {
    case 0:
        return done_float(parameter, number);
    case -2:
        return out_of_range(parameter);
    default:
        return bad_text(parameter);
    }
}

static duckrow_code float_from_binary(const struct parameter *parameter)
{
    if (parameter->oid == OID_FLOAT4) {
        uint32_t bits = (uint32_t)dr_read(parameter->bytes, 4);
        float number;
        memcpy(&number, &bits, sizeof number);
        return done(parameter, parameter->duckdb->create_float(number));
    }
    uint64_t bits = dr_read(parameter->bytes, 8);
    double number;
    memcpy(&number, &bits, sizeof number);
    return done_float(parameter, number);
}

/* A DECIMAL of its own width and scale; what has more digits goes on as text, what is no number as a DOUBLE. */
static duckrow_code numeric_from_text(const struct parameter *parameter)
{
    struct dr_decimal decimal;
    double number;
    switch (dr_parse_decimal(parameter->bytes, parameter->size, &decimal)) {
    case 0:
        break;
    case -2:
        return done_text(parameter);
    default:
        if (dr_parse_float(parameter->bytes, parameter->size, 0, &number))
            return bad_text(parameter);
        return done(parameter, parameter->duckdb->create_double(number));
    }
    /* As DuckDB reads 0.5: with a digit before the point, which its text would be without otherwise. */
    decimal.width += decimal.width == decimal.scale && decimal.width < DR_BIGGEST_PRECISION;
    dr_u128 bits = decimal.negative ? -decimal.magnitude : decimal.magnitude;
    duckdb_hugeint huge = {(uint64_t)bits, (int64_t)(bits >> 64)};
    return done(parameter,
                parameter->duckdb->create_decimal((duckdb_decimal){(uint8_t)decimal.width, (uint8_t)decimal.scale, huge}));
}

static duckrow_code numeric_from_binary(const struct parameter *parameter)
{
    struct dr_buffer text = {0};
    duckrow_code code;
    if (dr_numeric_to_text(parameter->bytes, parameter->size, &text)) {
        code = bad_binary(parameter);
    } else if (text.failed) {
        code = dr_fail(parameter->error, DUCKROW_NO_MEMORY, "out of memory");
    } else {
        struct parameter again = *parameter;
        again.bytes = text.bytes + text.start;
        again.size = dr_buffer_size(&text);
        code = numeric_from_text(&again);
    }
    dr_buffer_free(&text);
    return code;
}

/* ---- dates and times ---- */

/* What isn't ISO is for DuckDB to understand, and a time without a zone for the session's. */
static duckrow_code moment_from_text(const struct parameter *parameter)
{
    const struct dr_duckdb *duckdb = parameter->duckdb;
    struct dr_moment moment;
    int64_t micros = 0;
    if (dr_parse_moment(parameter->bytes, parameter->size, &moment))
        return done_text(parameter);
    if (moment.infinite)
        micros = moment.infinite * DR_INFINITE_TIMESTAMP;
    else if (__builtin_mul_overflow(moment.days, DR_DAY_MICROS, &micros) ||
             __builtin_add_overflow(micros, moment.micros, &micros) || micros < -DR_INFINITE_TIMESTAMP + DR_DAY_MICROS ||
             micros > DR_INFINITE_TIMESTAMP - DR_DAY_MICROS)
        return parameter->oid == OID_DATE && !moment.has_time ? done(parameter, duckdb->create_date((duckdb_date){moment.days}))
                                                              : done_text(parameter);
    switch (parameter->oid) {
    case OID_DATE:
        if (moment.infinite)
            return done(parameter, duckdb->create_date((duckdb_date){moment.infinite * DR_INFINITE_DATE}));
        if (moment.has_date)
            return done(parameter, duckdb->create_date((duckdb_date){moment.days}));
        break;
    case OID_TIMESTAMP:
        if (moment.has_date)
            return done(parameter, duckdb->create_timestamp((duckdb_timestamp){micros}));
        break;
    case OID_TIMESTAMPTZ:
        if (moment.has_date && (moment.has_offset || moment.infinite))
            return done(parameter, duckdb->create_timestamp_tz((duckdb_timestamp){micros - (int64_t)moment.offset * 1000000}));
        break;
    case OID_TIME:
        if (!moment.has_date)
            return done(parameter, duckdb->create_time((duckdb_time){moment.micros}));
        break;
    default:
        if (!moment.has_date && moment.has_offset)
            return done(parameter, duckdb->create_time_tz_value(dr_time_tz_make(moment.micros, moment.offset)));
        break;
    }
    return done_text(parameter);
}

static duckrow_code date_from_binary(const struct parameter *parameter)
{
    int32_t from_2000 = (int32_t)dr_read(parameter->bytes, 4);
    int64_t days = (int64_t)from_2000 + DR_TO_2000;
    if (from_2000 == INT32_MAX || from_2000 == INT32_MIN)
        days = from_2000 > 0 ? DR_INFINITE_DATE : -DR_INFINITE_DATE;
    else if (days >= DR_INFINITE_DATE)
        return dr_fail(parameter->error, DUCKROW_USAGE, "date out of range");
    return done(parameter, parameter->duckdb->create_date((duckdb_date){(int32_t)days}));
}

static duckrow_code timestamp_from_binary(const struct parameter *parameter)
{
    int64_t from_2000 = (int64_t)dr_read(parameter->bytes, 8), micros;
    if (from_2000 == INT64_MAX || from_2000 == INT64_MIN)
        micros = from_2000 > 0 ? DR_INFINITE_TIMESTAMP : -DR_INFINITE_TIMESTAMP;
    else if (__builtin_add_overflow(from_2000, DR_TO_2000_MICROS, &micros) || micros == DR_INFINITE_TIMESTAMP)
        return dr_fail(parameter->error, DUCKROW_USAGE, "timestamp out of range");
    return done(parameter, parameter->oid == OID_TIMESTAMP ? parameter->duckdb->create_timestamp((duckdb_timestamp){micros})
                                                           : parameter->duckdb->create_timestamp_tz((duckdb_timestamp){micros}));
}

static duckrow_code time_from_binary(const struct parameter *parameter)
{
    enum { BEYOND = 16 * 60 * 60 };
    uint64_t micros = dr_read(parameter->bytes, 8);
    if (micros > DR_DAY_MICROS)
        return dr_fail(parameter->error, DUCKROW_USAGE, "time out of range");
    if (parameter->oid == OID_TIME)
        return done(parameter, parameter->duckdb->create_time((duckdb_time){(int64_t)micros}));
    int32_t west = (int32_t)dr_read(parameter->bytes + 8, 4);
    if (west <= -BEYOND || west >= BEYOND)
        return dr_fail(parameter->error, DUCKROW_USAGE, "time zone displacement out of range");
    return done(parameter, parameter->duckdb->create_time_tz_value(dr_time_tz_make((int64_t)micros, -west)));
}

static duckrow_code interval_from_binary(const struct parameter *parameter)
{
    duckdb_interval interval = {.micros = (int64_t)dr_read(parameter->bytes, 8),
                                .days = (int32_t)dr_read(parameter->bytes + 8, 4),
                                .months = (int32_t)dr_read(parameter->bytes + 12, 4)};
    return done(parameter, parameter->duckdb->create_interval(interval));
}

/* ---- others ---- */

static duckrow_code bool_from_text(const struct parameter *parameter)
{
    static const struct {
        const char *word;
        int yes;
    } words[] = {{"t", 1}, {"true", 1},  {"y", 1}, {"yes", 1}, {"on", 1},  {"1", 1},
                 {"f", 0}, {"false", 0}, {"n", 0}, {"no", 0},  {"off", 0}, {"0", 0}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (dr_word_is(parameter->bytes, parameter->size, words[i].word))
            return done(parameter, parameter->duckdb->create_bool(words[i].yes));
    return bad_text(parameter);
}

static duckrow_code bytea_from_text(const struct parameter *parameter)
{
    unsigned char *bytes = malloc(parameter->size + 1);
    size_t length;
    duckrow_code code;
    if (!bytes)
        return dr_fail(parameter->error, DUCKROW_NO_MEMORY, "out of memory");
    if (dr_parse_bytea(parameter->bytes, parameter->size, bytes, &length))
        code = bad_text(parameter);
    else
        code = done(parameter, parameter->duckdb->create_blob(bytes, length));
    free(bytes);
    return code;
}

static duckrow_code uuid_from_text(const struct parameter *parameter)
{
    duckdb_uhugeint uuid;
    unsigned char dashed[36];
    size_t digits = 0;
    /* PostgreSQL takes other dashes, and braces. */
    for (size_t i = 0; i < parameter->size && digits < sizeof dashed; i++) {
        int brace = (i == 0 && parameter->bytes[i] == '{') || (i + 1 == parameter->size && parameter->bytes[i] == '}');
        if (parameter->bytes[i] == '-' || brace)
            continue;
        if (digits == 8 || digits == 13 || digits == 18 || digits == 23)
            dashed[digits++] = '-';
        dashed[digits++] = parameter->bytes[i];
        if (digits == sizeof dashed && i + 2 < parameter->size)
            return bad_text(parameter);
    }
    if (dr_parse_uuid(dashed, digits, &uuid))
        return bad_text(parameter);
    return done(parameter, parameter->duckdb->create_uuid(uuid));
}

static duckrow_code from_text(const struct parameter *parameter)
{
    duckdb_interval interval;
    switch (parameter->oid) {
    case OID_BOOL:
        return bool_from_text(parameter);
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_OID:
        return integer_from_text(parameter);
    case OID_FLOAT4:
    case OID_FLOAT8:
        return float_from_text(parameter);
    case OID_NUMERIC:
        return numeric_from_text(parameter);
    case OID_BYTEA:
        return bytea_from_text(parameter);
    case OID_UUID:
        return uuid_from_text(parameter);
    case OID_DATE:
    case OID_TIME:
    case OID_TIMETZ:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
        return moment_from_text(parameter);
    case OID_INTERVAL:
        if (dr_parse_interval(parameter->bytes, parameter->size, &interval) == 0)
            return done(parameter, parameter->duckdb->create_interval(interval));
        return done_text(parameter);
    default:
        return done_text(parameter);
    }
}

static duckrow_code from_binary(const struct parameter *parameter)
{
    const struct dr_oid_entry *entry = dr_oid_find(parameter->oid);
    if (entry && entry->size > 0 && parameter->oid != OID_NAME && parameter->size != (size_t)entry->size)
        return bad_binary(parameter);
    struct parameter rest = *parameter;
    switch (parameter->oid) {
    case OID_BOOL:
        return done(parameter, parameter->duckdb->create_bool(parameter->bytes[0] != 0));
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_OID:
        return integer_from_binary(parameter);
    case OID_FLOAT4:
    case OID_FLOAT8:
        return float_from_binary(parameter);
    case OID_NUMERIC:
        return numeric_from_binary(parameter);
    case OID_BYTEA:
        return done(parameter, parameter->duckdb->create_blob(parameter->bytes, parameter->size));
    case OID_UUID:
        return done(parameter, parameter->duckdb->create_uuid((duckdb_uhugeint){.upper = dr_read(parameter->bytes, 8),
                                                                                .lower = dr_read(parameter->bytes + 8, 8)}));
    case OID_DATE:
        return date_from_binary(parameter);
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
        return timestamp_from_binary(parameter);
    case OID_TIME:
    case OID_TIMETZ:
        return time_from_binary(parameter);
    case OID_INTERVAL:
        return interval_from_binary(parameter);
    case OID_JSONB: /* behind a version */
        if (!parameter->size || parameter->bytes[0] != 1)
            return bad_binary(parameter);
        rest.bytes++;
        rest.size--;
        return done_text(&rest);
    default:
        if (!entry && parameter->oid)
            return dr_fail(parameter->error, DUCKROW_USAGE, "no binary input function available for type %u",
                           (unsigned)parameter->oid);
        return done_text(parameter);
    }
}

static int is_space(unsigned char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Space around a value of another type than text is no part of it. */
static void trim(struct parameter *parameter)
{
    for (; parameter->size && is_space(parameter->bytes[0]); parameter->size--)
        parameter->bytes++;
    while (parameter->size && is_space(parameter->bytes[parameter->size - 1]))
        parameter->size--;
}

duckrow_code dr_parameter_value(const struct dr_duckdb *duckdb, uint32_t oid, int binary, const unsigned char *bytes, size_t size,
                                duckdb_value *value, duckrow_error *error)
{
    struct parameter parameter = {duckdb, oid, bytes, size, value, error};
    *value = NULL;
    if (!bytes)
        return done(&parameter, duckdb->create_null_value());
    uint32_t element = dr_oid_element(oid);
    if (element)
        return dr_array_value(duckdb, element, binary, bytes, size, value, error);
    if (binary)
        return from_binary(&parameter);
    if (!dr_oid_is_text(oid) && oid != OID_BYTEA)
        trim(&parameter);
    return from_text(&parameter);
}
