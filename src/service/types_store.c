/* The fast way: parameters straight into a vector. Whatever is in doubt is left to DuckDB. */
#include <math.h>

#include "types_private.h"

enum { DONE = 0, NOT_DONE = -1 };

/* One parameter, and where it goes. */
struct cell {
    const struct dr_duckdb *duckdb;
    uint32_t oid;
    int binary;
    const unsigned char *bytes;
    size_t size;
    duckdb_vector vector;
    uint64_t row;
    int target;
};

static void *place(const struct cell *cell, size_t size)
{
    return (char *)cell->duckdb->vector_get_data(cell->vector) + cell->row * size;
}

static int is_integer_oid(uint32_t oid)
{
    return oid == OID_INT2 || oid == OID_INT4 || oid == OID_INT8;
}

/* ---- integers ---- */

static int binary_integer(const struct cell *cell, int *negative, uint64_t *magnitude)
{
    size_t size = cell->oid == OID_INT2 ? 2 : cell->oid == OID_INT4 ? 4 : 8;
    if (cell->size != size || !is_integer_oid(cell->oid))
        return NOT_DONE;
    unsigned shift = 64 - 8 * (unsigned)size;
    int64_t number = (int64_t)(dr_read(cell->bytes, (int)size) << shift) >> shift;
    *negative = number < 0;
    *magnitude = number < 0 ? -(uint64_t)number : (uint64_t)number;
    return DONE;
}

/* What the value is as the type the oid says has to be right as well. */
static int fits_oid(uint32_t oid, int negative, uint64_t magnitude)
{
    uint64_t most = oid == OID_INT2 ? INT16_MAX : oid == OID_INT4 ? INT32_MAX : oid == OID_INT8 ? INT64_MAX : UINT64_MAX;
    return most == UINT64_MAX || magnitude <= most + (unsigned)negative;
}

static int get_integer(const struct cell *cell, int *negative, uint64_t *magnitude)
{
    if (cell->binary)
        return binary_integer(cell, negative, magnitude);
    if (!is_integer_oid(cell->oid) && !dr_oid_is_text(cell->oid) && cell->oid != OID_NUMERIC)
        return NOT_DONE;
    if (dr_parse_integer(cell->bytes, cell->size, negative, magnitude))
        return NOT_DONE;
    return fits_oid(cell->oid, *negative, *magnitude) ? DONE : NOT_DONE;
}

#define STORE_INTEGER(type, least, most)                                                                                         \
    do {                                                                                                                         \
        if (magnitude > (negative ? -(uint64_t)(least) : (uint64_t)(most)))                                                      \
            return NOT_DONE;                                                                                                     \
        *(type *)place(cell, sizeof(type)) = (type)(negative ? -magnitude : magnitude);                                          \
        return DONE;                                                                                                             \
    } while (0)

static int store_integer(const struct cell *cell)
{
    int negative;
    uint64_t magnitude;
    if (get_integer(cell, &negative, &magnitude))
        return NOT_DONE;
    switch (cell->target) {
    case DR_TYPE_TINYINT:
        STORE_INTEGER(int8_t, INT8_MIN, INT8_MAX);
    case DR_TYPE_SMALLINT:
        STORE_INTEGER(int16_t, INT16_MIN, INT16_MAX);
    case DR_TYPE_INTEGER:
        STORE_INTEGER(int32_t, INT32_MIN, INT32_MAX);
    case DR_TYPE_BIGINT:
        STORE_INTEGER(int64_t, INT64_MIN, INT64_MAX);
    case DR_TYPE_UTINYINT:
        STORE_INTEGER(uint8_t, 0, UINT8_MAX);
    case DR_TYPE_USMALLINT:
        STORE_INTEGER(uint16_t, 0, UINT16_MAX);
    case DR_TYPE_UINTEGER:
        STORE_INTEGER(uint32_t, 0, UINT32_MAX);
    default:
        STORE_INTEGER(uint64_t, 0, UINT64_MAX);
    }
}

/* ---- other numbers ---- */

static int get_float(const struct cell *cell, int single, double *number)
{
    enum { EXACT = 24 }; /* bits that a float and a double have */
    int negative;
    uint64_t magnitude, bits;
    if (is_integer_oid(cell->oid)) {
        if (get_integer(cell, &negative, &magnitude) || magnitude > UINT64_C(1) << EXACT)
            return NOT_DONE;
        *number = negative ? -(double)magnitude : (double)magnitude;
        return DONE;
    }
    int is_float4 = cell->oid == OID_FLOAT4;
    if (!is_float4 && cell->oid != OID_FLOAT8 && !dr_oid_is_text(cell->oid))
        return NOT_DONE;
    if (!cell->binary) {
        /* A double's text is rounded twice on its way into a float. */
        if (dr_parse_float(cell->bytes, cell->size, is_float4 || (single && cell->oid != OID_FLOAT8), number))
            return NOT_DONE;
        int plain = isfinite(*number) && cell->bytes[0] != '+' && cell->bytes[0] != '.' && cell->bytes[cell->size - 1] != '.';
        return plain || !dr_oid_is_text(cell->oid) ? DONE : NOT_DONE;
    }
    if (cell->size != (is_float4 ? 4 : 8))
        return NOT_DONE;
    bits = dr_read(cell->bytes, (int)cell->size);
    if (is_float4) {
        uint32_t half = (uint32_t)bits;
        float smaller;
        memcpy(&smaller, &half, sizeof smaller);
        *number = smaller;
    } else {
        memcpy(number, &bits, sizeof *number);
    }
    return DONE;
}

static int store_float(const struct cell *cell)
{
    double number;
    if ((cell->binary && dr_oid_is_text(cell->oid)) || get_float(cell, 1, &number) ||
        (isfinite(number) && !isfinite((float)number)))
        return NOT_DONE;
    *(float *)place(cell, sizeof(float)) = (float)number;
    return DONE;
}

static int store_double(const struct cell *cell)
{
    double number;
    if ((cell->binary && dr_oid_is_text(cell->oid)) || get_float(cell, 0, &number))
        return NOT_DONE;
    *(double *)place(cell, sizeof(double)) = number;
    return DONE;
}

static int get_decimal(const struct cell *cell, struct dr_decimal *decimal)
{
    int negative;
    uint64_t magnitude;
    if (cell->binary && cell->oid == OID_NUMERIC)
        return dr_numeric_to_decimal(cell->bytes, cell->size, decimal);
    if (!cell->binary && (cell->oid == OID_NUMERIC || dr_oid_is_text(cell->oid))) {
        if (!cell->size || !(cell->bytes[0] == '-' || (cell->bytes[0] >= '0' && cell->bytes[0] <= '9')) ||
            memchr(cell->bytes, 'e', cell->size) || memchr(cell->bytes, 'E', cell->size) || cell->bytes[cell->size - 1] == '.')
            return NOT_DONE;
        return dr_parse_decimal(cell->bytes, cell->size, decimal);
    }
    if (!is_integer_oid(cell->oid) || get_integer(cell, &negative, &magnitude))
        return NOT_DONE;
    *decimal = (struct dr_decimal){.magnitude = magnitude, .negative = negative};
    return DONE;
}

/* Digits more than the column has would be rounded: not here. */
static int store_decimal(const struct cell *cell, duckdb_logical_type target)
{
    struct dr_decimal decimal;
    int width = cell->duckdb->decimal_width(target), scale = cell->duckdb->decimal_scale(target);
    if (get_decimal(cell, &decimal) || decimal.scale > scale)
        return NOT_DONE;
    dr_u128 limit = 1;
    for (int i = 0; i < width; i++)
        limit *= 10;
    for (; decimal.scale < scale; decimal.scale++) {
        if (decimal.magnitude >= limit)
            return NOT_DONE;
        decimal.magnitude *= 10;
    }
    if (decimal.magnitude >= limit)
        return NOT_DONE;
    dr_u128 number = decimal.negative ? -decimal.magnitude : decimal.magnitude;
    switch ((int)cell->duckdb->decimal_internal_type(target)) {
    case DR_TYPE_SMALLINT:
        *(int16_t *)place(cell, 2) = (int16_t)number;
        return DONE;
    case DR_TYPE_INTEGER:
        *(int32_t *)place(cell, 4) = (int32_t)number;
        return DONE;
    case DR_TYPE_BIGINT:
        *(int64_t *)place(cell, 8) = (int64_t)number;
        return DONE;
    case DR_TYPE_HUGEINT:
        *(duckdb_hugeint *)place(cell, sizeof(duckdb_hugeint)) = (duckdb_hugeint){(uint64_t)number, (int64_t)(number >> 64)};
        return DONE;
    default:
        return NOT_DONE;
    }
}

/* ---- dates and times ---- */

static int get_moment(const struct cell *cell, uint32_t oid, struct dr_moment *moment)
{
    if (cell->binary || (cell->oid != oid && !dr_oid_is_text(cell->oid)))
        return NOT_DONE;
    return dr_parse_moment(cell->bytes, cell->size, moment) || !moment->plain || !moment->has_date ? NOT_DONE : DONE;
}

/* A Date of JavaScript, say, on its way into a column without a time zone. Whatever DuckDB makes of other offsets, it can't matter here. */
static int has_other_offset(const struct dr_moment *moment)
{
    return moment->has_offset && moment->offset;
}

static int store_date(const struct cell *cell)
{
    struct dr_moment moment;
    int64_t days;
    if (cell->binary && cell->oid == OID_DATE && cell->size == 4) {
        int32_t from_2000 = (int32_t)dr_read(cell->bytes, 4);
        days = (int64_t)from_2000 + DR_TO_2000;
        if (from_2000 == INT32_MIN || days >= DR_INFINITE_DATE)
            return NOT_DONE;
    } else if (get_moment(cell, OID_DATE, &moment) || has_other_offset(&moment) || moment.micros >= DR_DAY_MICROS) {
        return NOT_DONE;
    } else {
        days = moment.days;
    }
    *(int32_t *)place(cell, 4) = (int32_t)days;
    return DONE;
}

static int store_timestamp(const struct cell *cell)
{
    uint32_t oid = cell->target == DR_TYPE_TIMESTAMP ? OID_TIMESTAMP : OID_TIMESTAMPTZ;
    struct dr_moment moment;
    int64_t micros;
    if (cell->binary && cell->oid == oid && cell->size == 8) {
        int64_t from_2000 = (int64_t)dr_read(cell->bytes, 8);
        if (from_2000 == INT64_MIN || __builtin_add_overflow(from_2000, DR_TO_2000_MICROS, &micros) || micros == INT64_MAX)
            return NOT_DONE;
    } else if (get_moment(cell, oid, &moment) || (oid == OID_TIMESTAMPTZ ? !moment.has_offset : has_other_offset(&moment))) {
        return NOT_DONE;
    } else {
        micros = moment.days * DR_DAY_MICROS + moment.micros - (int64_t)moment.offset * 1000000;
    }
    *(int64_t *)place(cell, 8) = micros;
    return DONE;
}

/* ---- others ---- */

static int store_bool(const struct cell *cell)
{
    int yes;
    if (cell->binary) {
        if (cell->oid != OID_BOOL || cell->size != 1)
            return NOT_DONE;
        yes = cell->bytes[0] != 0;
    } else if (cell->oid != OID_BOOL && !dr_oid_is_text(cell->oid)) {
        return NOT_DONE;
    } else {
        yes = (cell->size == 1 && cell->bytes[0] == 't') || (cell->size == 4 && memcmp(cell->bytes, "true", 4) == 0);
        if (!yes && !(cell->size == 1 && cell->bytes[0] == 'f') && !(cell->size == 5 && memcmp(cell->bytes, "false", 5) == 0))
            return NOT_DONE;
    }
    *(uint8_t *)place(cell, 1) = (uint8_t)yes;
    return DONE;
}

/* A VARCHAR with a name of its own, JSON, has a cast of its own. */
static int store_varchar(const struct cell *cell, duckdb_logical_type target)
{
    char *alias;
    if ((!dr_oid_is_text(cell->oid) && cell->oid != OID_JSON) || !dr_utf8_valid(cell->bytes, cell->size))
        return NOT_DONE;
    alias = cell->duckdb->logical_type_get_alias(target);
    if (alias) {
        cell->duckdb->free(alias);
        return NOT_DONE;
    }
    cell->duckdb->vector_assign_string_element_len(cell->vector, cell->row, (const char *)cell->bytes, cell->size);
    return DONE;
}

static int store_blob(const struct cell *cell)
{
    enum { MOST = 4096 }; /* what is decoded here, on the stack */
    unsigned char bytes[MOST];
    const unsigned char *from = cell->bytes;
    size_t length = cell->size;
    if (cell->oid != OID_BYTEA)
        return NOT_DONE;
    if (!cell->binary) {
        if (cell->size > MOST || dr_parse_bytea(cell->bytes, cell->size, bytes, &length))
            return NOT_DONE;
        from = bytes;
    }
    cell->duckdb->vector_assign_string_element_len(cell->vector, cell->row, (const char *)from, length);
    return DONE;
}

static int store_uuid(const struct cell *cell)
{
    duckdb_uhugeint uuid;
    if (cell->binary) {
        if (cell->oid != OID_UUID || cell->size != 16)
            return NOT_DONE;
        uuid.upper = dr_read(cell->bytes, 8);
        uuid.lower = dr_read(cell->bytes + 8, 8);
    } else if ((cell->oid != OID_UUID && !dr_oid_is_text(cell->oid)) || dr_parse_uuid(cell->bytes, cell->size, &uuid)) {
        return NOT_DONE;
    }
    *(duckdb_hugeint *)place(cell, sizeof(duckdb_hugeint)) =
        (duckdb_hugeint){uuid.lower, (int64_t)(uuid.upper ^ UINT64_C(1) << 63)};
    return DONE;
}

static int store(const struct cell *cell, duckdb_logical_type target)
{
    switch (cell->target) {
    case DR_TYPE_BOOLEAN:
        return store_bool(cell);
    case DR_TYPE_TINYINT:
    case DR_TYPE_SMALLINT:
    case DR_TYPE_INTEGER:
    case DR_TYPE_BIGINT:
    case DR_TYPE_UTINYINT:
    case DR_TYPE_USMALLINT:
    case DR_TYPE_UINTEGER:
    case DR_TYPE_UBIGINT:
        return store_integer(cell);
    case DR_TYPE_FLOAT:
        return store_float(cell);
    case DR_TYPE_DOUBLE:
        return store_double(cell);
    case DR_TYPE_DECIMAL:
        return store_decimal(cell, target);
    case DR_TYPE_DATE:
        return store_date(cell);
    case DR_TYPE_TIMESTAMP:
    case DR_TYPE_TIMESTAMP_TZ:
        return store_timestamp(cell);
    case DR_TYPE_VARCHAR:
        return store_varchar(cell, target);
    case DR_TYPE_BLOB:
        return store_blob(cell);
    case DR_TYPE_UUID:
        return store_uuid(cell);
    default:
        return NOT_DONE;
    }
}

static int store_null(const struct cell *cell)
{
    if (cell->target == DR_TYPE_LIST || cell->target == DR_TYPE_ARRAY || cell->target == DR_TYPE_STRUCT ||
        cell->target == DR_TYPE_MAP || cell->target == DR_TYPE_UNION || cell->target == DR_TYPE_VARIANT)
        return NOT_DONE;
    cell->duckdb->vector_ensure_validity_writable(cell->vector);
    cell->duckdb->vector_get_validity(cell->vector)[cell->row / 64] &= ~(UINT64_C(1) << (cell->row % 64));
    return DONE;
}

int dr_parameter_store(const struct dr_duckdb *duckdb, duckdb_logical_type target, uint32_t oid, int binary,
                       const unsigned char *bytes, size_t size, duckdb_vector vector, uint64_t row)
{
    struct cell cell = {duckdb, oid, binary, bytes, size, vector, row, (int)duckdb->get_type_id(target)};
    return bytes ? store(&cell, target) : store_null(&cell);
}
