/* What the files of types.h share. */
#ifndef DR_TYPES_PRIVATE_H
#define DR_TYPES_PRIVATE_H

#include <string.h>

#include "types.h"

enum dr_oid {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_UNKNOWN = 705,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIME = 1083,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_INTERVAL = 1186,
    OID_TIMETZ = 1266,
    OID_NUMERIC = 1700,
    OID_UUID = 2950,
    OID_JSONB = 3802,
};

struct dr_oid_entry {
    uint32_t oid, array; /* array: 0 for none */
    int16_t size;
    const char *name, *duckdb; /* PostgreSQL's and DuckDB's names */
};
const struct dr_oid_entry *dr_oid_find(uint32_t oid);
uint32_t dr_oid_element(uint32_t array); /* 0: not the oid of an array */
int dr_oid_is_text(uint32_t oid);

struct dr_type {
    const struct dr_duckdb *duckdb;
    int id; /* DR_TYPE_… */
    uint32_t oid;
    int32_t modifier;
    int internal; /* of an ENUM or DECIMAL */
    int scale;
    int is_json;         /* a VARCHAR that is one */
    uint64_t array_size; /* of an ARRAY */
    size_t count;        /* of children, or of an ENUM's names */
    struct dr_type **children;
    char **names;
    int dimensions; /* of a PostgreSQL array; 0: not one */
    const struct dr_type *element;
};

typedef unsigned __int128 dr_u128;
typedef __int128 dr_i128;

enum dr_style { DR_STYLE_POSTGRES, DR_STYLE_DUCKDB };
/* Only 2.0 has it. */
enum { DR_TYPE_TIMESTAMP_TZ_NS = 42 };
enum { DR_BIGGEST_PRECISION = 38, DR_TO_2000 = 10957 /* days from 1970 */ };
#define DR_DAY_MICROS INT64_C(86400000000)
#define DR_TO_2000_MICROS (DR_TO_2000 * DR_DAY_MICROS)
/* DuckDB's infinities are these and their negatives. */
#define DR_INFINITE_DATE INT32_MAX
#define DR_INFINITE_TIMESTAMP INT64_MAX

static inline int dr_row_valid(const struct dr_duckdb *duckdb, duckdb_vector vector, uint64_t row)
{
    const uint64_t *validity = duckdb->vector_get_validity(vector);
    return !validity || (validity[row / 64] >> (row % 64) & 1);
}

static inline const char *dr_row_string(const struct dr_duckdb *duckdb, duckdb_vector vector, uint64_t row, size_t *size)
{
    const duckdb_string_t *string = (const duckdb_string_t *)duckdb->vector_get_data(vector) + row;
    *size = string->value.inlined.length;
    return *size <= sizeof string->value.inlined.inlined ? string->value.inlined.inlined : string->value.pointer.ptr;
}

/* ---- out: each returns NULL, or a message ---- */

/* The value, known not to be NULL, without a length before it. */
const char *dr_text_put(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                        enum dr_style style, struct dr_buffer *out);
const char *dr_binary_put(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                          struct dr_buffer *out);
const char *dr_json_put(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                        struct dr_buffer *out);
const char *dr_array_put_text(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                              struct dr_buffer *out);
const char *dr_array_put_binary(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                                struct dr_buffer *out);

/* Format 2: types_exact.c. */
const char *dr_exact_put(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out);

/* The elements of a LIST, MAP or ARRAY: where they are in which vector. */
struct dr_entry {
    uint64_t offset, length;
};
struct dr_entry dr_entry_of(const struct dr_type *type, duckdb_vector vector, uint64_t row, duckdb_vector *elements);

/* ---- numbers: types_number.c, types_float.c ---- */

struct dr_decimal {
    dr_u128 magnitude;
    int negative, width, scale; /* width: digits, at least the scale's */
};

/* An integer, or a DECIMAL's digits, of any of DuckDB's types but BIGNUM. */
dr_u128 dr_integer_get(const struct dr_type *type, duckdb_vector vector, uint64_t row, int *negative);
void dr_integer_put(struct dr_buffer *out, dr_u128 magnitude, int negative, int scale);
void dr_bignum_put(struct dr_buffer *out, const unsigned char *bytes, size_t size);
/* Turns decimal text ([-]digits[.digits]) at the end of the buffer, from `at` on, into PostgreSQL's binary numeric. */
const char *dr_numeric_from_text(struct dr_buffer *out, size_t at);
/* The other way; 0, or -1 for what isn't a numeric. */
int dr_numeric_to_text(const unsigned char *bytes, size_t size, struct dr_buffer *out);
/* The same into a number, without its width; -1 for what doesn't fit into 38 digits, too. */
int dr_numeric_to_decimal(const unsigned char *bytes, size_t size, struct dr_decimal *decimal);

enum dr_float_style { DR_FLOAT_POSTGRES, DR_FLOAT_DUCKDB, DR_FLOAT_JSON };
void dr_float_put(struct dr_buffer *out, double number, int single, enum dr_float_style style);

/* ---- times: types_time.c ---- */

void dr_date_put(struct dr_buffer *out, int32_t days, enum dr_style style);
/* fraction: of a second, in units of 10^-digits. */
void dr_time_put(struct dr_buffer *out, uint64_t seconds, uint32_t fraction, int digits);
void dr_offset_put(struct dr_buffer *out, int32_t seconds);
/* nanoseconds: 0 to 999, beyond the microseconds; offset NULL: none to be shown. */
void dr_timestamp_put(struct dr_buffer *out, int64_t micros, int nanoseconds, const int32_t *offset, enum dr_style style);
void dr_interval_put(struct dr_buffer *out, const duckdb_interval *interval, enum dr_style style);
int32_t dr_time_tz_offset(duckdb_time_tz time); /* seconds east */
duckdb_time_tz dr_time_tz_make(int64_t micros, int32_t offset);
int64_t dr_days_of(int64_t year, int month, int day);
void dr_civil_of(int64_t days, int64_t *year, int *month, int *day);

/* ---- in: parsers of text; 0, or -1 for what isn't one: types_parse.c, types_parse_time.c ---- */

/* [+-]digits[.digits][e[+-]digits] of up to 38 digits; -2: is a number but doesn't fit. */
int dr_parse_decimal(const unsigned char *bytes, size_t size, struct dr_decimal *decimal);
/* [-]digits */
int dr_parse_integer(const unsigned char *bytes, size_t size, int *negative, uint64_t *magnitude);
int dr_parse_float(const unsigned char *bytes, size_t size, int single, double *number);
int dr_parse_uuid(const unsigned char *bytes, size_t size, duckdb_uhugeint *uuid);
/* into: room for `size` bytes. */
int dr_parse_bytea(const unsigned char *bytes, size_t size, unsigned char *into, size_t *length);

struct dr_moment {
    int32_t days;
    int64_t micros; /* of the day */
    int32_t offset; /* seconds east */
    int has_date, has_time, has_offset;
    int infinite; /* -1, 1 */
    int plain;    /* written so that DuckDB's casts understand exactly the same */
};
/* A date, time or timestamp in ISO's way, with or without a time zone. */
int dr_parse_moment(const unsigned char *bytes, size_t size, struct dr_moment *moment);
int dr_parse_interval(const unsigned char *bytes, size_t size, duckdb_interval *interval);
int dr_utf8_valid(const unsigned char *bytes, size_t size); /* and no byte 0 */

static inline uint64_t dr_read(const unsigned char *bytes, int size)
{
    uint64_t number = 0;
    for (int i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

static inline int dr_word_is(const unsigned char *bytes, size_t size, const char *word)
{
    if (strlen(word) != size)
        return 0;
    for (size_t i = 0; i < size; i++)
        if ((bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] + 32 : bytes[i]) != word[i])
            return 0;
    return 1;
}

/* ---- in: values ---- */

/* A PostgreSQL array as a LIST of `element`s. */
duckrow_code dr_array_value(const struct dr_duckdb *duckdb, uint32_t element, int binary, const unsigned char *bytes, size_t size,
                            duckdb_value *value, duckrow_error *error);

#endif
