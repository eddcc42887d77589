/* Parameters that are PostgreSQL arrays, as LISTs, and LISTs of LISTs for more dimensions. */
#include <stdlib.h>

#include "types_private.h"

enum { MOST_DIMENSIONS = 6 };

struct item {
    const unsigned char *bytes; /* NULL: SQL NULL */
    size_t size;
};

/* An array taken apart: its elements in order. */
struct array {
    const struct dr_duckdb *duckdb;
    uint32_t element;
    int binary;
    int dimensions;
    size_t lengths[MOST_DIMENSIONS];
    struct item *items;
    size_t count, room;
    unsigned char *scratch; /* texts without their escapes */
    duckdb_logical_type types[MOST_DIMENSIONS]; /* of what is in each dimension */
    duckrow_error *error;
};

static duckrow_code no_memory(const struct array *array)
{
    return dr_fail(array->error, DUCKROW_NO_MEMORY, "out of memory");
}

static duckrow_code malformed(const struct array *array)
{
    return dr_fail(array->error, DUCKROW_USAGE,
                   array->binary ? "incorrect binary data format for an array" : "malformed array literal");
}

static int add_item(struct array *array, const unsigned char *bytes, size_t size)
{
    if (array->count == array->room) {
        size_t room = array->room ? 2 * array->room : 16;
        struct item *items = realloc(array->items, room * sizeof *items);
        if (!items)
            return -1;
        array->items = items;
        array->room = room;
    }
    array->items[array->count++] = (struct item){bytes, size};
    return 0;
}

/* ---- taking apart ---- */

static duckrow_code split_binary(struct array *array, const unsigned char *bytes, size_t size)
{
    const unsigned char *end = bytes + size;
    if (size < 12)
        return malformed(array);
    uint64_t dimensions = dr_read(bytes, 4), total = 1;
    if (dimensions > MOST_DIMENSIONS || size < 12 + 8 * dimensions || dr_read(bytes + 8, 4) != array->element)
        return malformed(array);
    array->dimensions = (int)dimensions;
    bytes += 12;
    for (int i = 0; i < array->dimensions; i++, bytes += 8) {
        array->lengths[i] = dr_read(bytes, 4);
        total *= array->lengths[i];
        if (total > size)
            return malformed(array);
    }
    for (uint64_t i = 0; dimensions && i < total; i++) {
        if (end - bytes < 4)
            return malformed(array);
        int32_t length = (int32_t)dr_read(bytes, 4);
        bytes += 4;
        if (length < -1 || length > end - bytes)
            return malformed(array);
        if (add_item(array, length < 0 ? NULL : bytes, length < 0 ? 0 : (size_t)length))
            return no_memory(array);
        bytes += length < 0 ? 0 : length;
    }
    return bytes == end ? DUCKROW_OK : malformed(array);
}

/* Where the parser of '{…}' is. */
struct literal {
    const unsigned char *at, *end;
    unsigned char *scratch;
    int depth, deepest; /* deepest: 0 until the first closing brace says how deep elements are */
    size_t counts[MOST_DIMENSIONS + 1];
};

static int is_space(unsigned char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static void skip_space(struct literal *literal)
{
    while (literal->at < literal->end && is_space(*literal->at))
        literal->at++;
}

/* An element, in quotes or without. */
static int read_item(struct array *array, struct literal *literal)
{
    unsigned char *start = literal->scratch, *to = start, *kept = start;
    int quoted = *literal->at == '"', closed = !quoted, escaped = 0;
    literal->at += quoted;
    for (; literal->at < literal->end; literal->at++) {
        unsigned char byte = *literal->at;
        if (byte == '\\') {
            if (++literal->at == literal->end)
                return -1;
            escaped = 1;
            *to++ = *literal->at;
            kept = to;
            continue;
        }
        if (quoted && byte == '"') {
            literal->at++;
            closed = 1;
            break;
        }
        if (!quoted && (byte == ',' || byte == '}'))
            break;
        if (!quoted && (byte == '"' || byte == '{'))
            return -1;
        *to++ = byte;
        if (quoted || !is_space(byte))
            kept = to;
    }
    size_t size = (size_t)(kept - start);
    literal->scratch = to;
    if (!closed || (!quoted && !size))
        return -1;
    int null = !quoted && !escaped && dr_word_is(start, size, "null");
    return add_item(array, null ? NULL : start, size);
}

/* The length of a dimension has to be the same everywhere. */
static int close_brace(struct array *array, struct literal *literal)
{
    int level = --literal->depth;
    size_t count = literal->counts[level];
    if (!literal->deepest) {
        literal->deepest = level + 1;
        for (int i = 0; i <= level; i++)
            array->lengths[i] = 0;
    }
    if (!array->lengths[level])
        array->lengths[level] = count;
    return count && array->lengths[level] == count ? 0 : -1;
}

static int open_brace(struct literal *literal)
{
    if (literal->depth == (literal->deepest ? literal->deepest : MOST_DIMENSIONS))
        return -1;
    if (literal->depth)
        literal->counts[literal->depth - 1]++;
    literal->counts[literal->depth++] = 0;
    return 0;
}

static int read_element(struct array *array, struct literal *literal)
{
    if (*literal->at == '{') {
        literal->at++;
        return open_brace(literal);
    }
    if (!literal->deepest)
        literal->deepest = literal->depth;
    if (literal->depth != literal->deepest)
        return -1;
    literal->counts[literal->depth - 1]++;
    return read_item(array, literal);
}

/* After an element: what ends it, and the comma before the next one. */
static int read_ends(struct array *array, struct literal *literal)
{
    for (;;) {
        skip_space(literal);
        if (literal->at == literal->end)
            return literal->depth ? -1 : 0;
        unsigned char byte = *literal->at++;
        if (byte == '}' && literal->depth) {
            if (close_brace(array, literal))
                return -1;
            continue;
        }
        return byte == ',' && literal->depth ? 0 : -1;
    }
}

static int read_literal(struct array *array, struct literal *literal)
{
    skip_space(literal);
    if (literal->at == literal->end || *literal->at != '{')
        return -1;
    do {
        skip_space(literal);
        if (literal->at == literal->end)
            return -1;
        int opens = *literal->at == '{';
        if (read_element(array, literal) || (!opens && read_ends(array, literal)))
            return -1;
    } while (literal->depth);
    array->dimensions = literal->deepest;
    return 0;
}

static int is_empty(const unsigned char *bytes, size_t size)
{
    struct literal literal = {.at = bytes, .end = bytes + size};
    for (const char *wanted = "{}"; *wanted; wanted++) {
        skip_space(&literal);
        if (literal.at == literal.end || *literal.at++ != (unsigned char)*wanted)
            return 0;
    }
    skip_space(&literal);
    return literal.at == literal.end;
}

static duckrow_code split_text(struct array *array, const unsigned char *bytes, size_t size)
{
    if (is_empty(bytes, size))
        return DUCKROW_OK;
    array->scratch = malloc(size + 1);
    if (!array->scratch)
        return no_memory(array);
    struct literal literal = {.at = bytes, .end = bytes + size, .scratch = array->scratch};
    return read_literal(array, &literal) ? malformed(array) : DUCKROW_OK;
}

/* ---- the types ---- */

static int element_id(uint32_t element)
{
    static const struct {
        uint32_t oid;
        int id;
    } ids[] = {{OID_BOOL, DR_TYPE_BOOLEAN},        {OID_INT2, DR_TYPE_SMALLINT},
               {OID_INT4, DR_TYPE_INTEGER},        {OID_INT8, DR_TYPE_BIGINT},
               {OID_OID, DR_TYPE_BIGINT},          {OID_FLOAT4, DR_TYPE_FLOAT},
               {OID_FLOAT8, DR_TYPE_DOUBLE},       {OID_BYTEA, DR_TYPE_BLOB},
               {OID_UUID, DR_TYPE_UUID},           {OID_DATE, DR_TYPE_DATE},
               {OID_TIME, DR_TYPE_TIME},           {OID_TIMETZ, DR_TYPE_TIME_TZ},
               {OID_TIMESTAMP, DR_TYPE_TIMESTAMP}, {OID_TIMESTAMPTZ, DR_TYPE_TIMESTAMP_TZ},
               {OID_INTERVAL, DR_TYPE_INTERVAL}};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (ids[i].oid == element)
            return ids[i].id;
    return DR_TYPE_VARCHAR;
}

/* One element's digits; the text of a binary one is put into `text`. */
static int item_decimal(const struct array *array, const struct item *item, struct dr_buffer *text, struct dr_decimal *decimal)
{
    if (!array->binary)
        return dr_parse_decimal(item->bytes, item->size, decimal);
    dr_buffer_reset(text, SIZE_MAX);
    if (dr_numeric_to_text(item->bytes, item->size, text) || text->failed)
        return -1;
    return dr_parse_decimal(text->bytes, dr_buffer_size(text), decimal);
}

/* The DECIMAL that holds them all, or VARCHAR where there is none. */
static duckdb_logical_type numeric_type(const struct array *array, int *scale)
{
    struct dr_buffer text = {0};
    int whole = 1, fits = 1;
    *scale = 0;
    for (size_t i = 0; fits && i < array->count; i++) {
        struct dr_decimal decimal;
        if (!array->items[i].bytes)
            continue;
        fits = item_decimal(array, &array->items[i], &text, &decimal) == 0;
        if (fits && decimal.width - decimal.scale > whole)
            whole = decimal.width - decimal.scale;
        if (fits && decimal.scale > *scale)
            *scale = decimal.scale;
    }
    dr_buffer_free(&text);
    if (!fits || whole + *scale > DR_BIGGEST_PRECISION)
        return array->duckdb->create_logical_type((duckdb_type)DR_TYPE_VARCHAR);
    return array->duckdb->create_decimal_type((uint8_t)(whole + *scale), (uint8_t)*scale);
}

static int type_is(const struct array *array, duckdb_logical_type type, int id)
{
    return (int)array->duckdb->get_type_id(type) == id;
}

/* ---- the values ---- */

static duckrow_code numeric_item(const struct array *array, duckdb_logical_type type, const struct item *item,
                                 duckdb_value *value)
{
    struct dr_buffer text = {0};
    duckrow_code code = DUCKROW_OK;
    struct dr_decimal decimal;
    if (type_is(array, type, DR_TYPE_DECIMAL)) {
        item_decimal(array, item, &text, &decimal);
        for (int scale = array->duckdb->decimal_scale(type); decimal.scale < scale; decimal.scale++)
            decimal.magnitude *= 10;
        dr_u128 bits = decimal.negative ? -decimal.magnitude : decimal.magnitude;
        *value = array->duckdb->create_decimal((duckdb_decimal){
            array->duckdb->decimal_width(type), (uint8_t)decimal.scale, {(uint64_t)bits, (int64_t)(bits >> 64)}});
    } else if (!array->binary) {
        code = dr_parameter_value(array->duckdb, OID_TEXT, 0, item->bytes, item->size, value, array->error);
    } else if (dr_numeric_to_text(item->bytes, item->size, &text)) {
        code = malformed(array);
    } else {
        code = text.failed
                   ? no_memory(array)
                   : dr_parameter_value(array->duckdb, OID_TEXT, 0, text.bytes, dr_buffer_size(&text), value, array->error);
    }
    dr_buffer_free(&text);
    return code;
}

static duckrow_code item_value(const struct array *array, const struct item *item, duckdb_value *value)
{
    duckdb_logical_type type = array->types[array->dimensions - 1];
    if (!item->bytes) {
        *value = array->duckdb->create_null_value();
        return *value ? DUCKROW_OK : no_memory(array);
    }
    if (array->element == OID_NUMERIC)
        return numeric_item(array, type, item, value);
    duckrow_code code =
        dr_parameter_value(array->duckdb, array->element, array->binary, item->bytes, item->size, value, array->error);
    if (!code && (int)array->duckdb->get_type_id(array->duckdb->get_value_type(*value)) != element_id(array->element)) {
        /* Alone, it would be DuckDB's to cast; among others it has to be of their type. */
        array->duckdb->destroy_value(value);
        code = dr_fail(array->error, DUCKROW_USAGE, "invalid input syntax for type %s: \"%.*s\"",
                       dr_oid_find(array->element)->name, (int)(item->size < 80 ? item->size : 80), (const char *)item->bytes);
    }
    return code;
}

static duckrow_code build(const struct array *array, int level, size_t *next, duckdb_value *value)
{
    size_t length = array->lengths[level], made = 0;
    duckdb_value *values = calloc(length + 1, sizeof *values);
    duckrow_code code = values ? DUCKROW_OK : no_memory(array);
    while (!code && made < length) {
        if (level + 1 == array->dimensions)
            code = item_value(array, &array->items[(*next)++], &values[made]);
        else
            code = build(array, level + 1, next, &values[made]);
        made += !code;
    }
    if (!code) {
        *value = array->duckdb->create_list_value(array->types[level], values, length);
        code = *value ? DUCKROW_OK : no_memory(array);
    }
    for (size_t i = 0; i < made; i++)
        array->duckdb->destroy_value(&values[i]);
    free(values);
    return code;
}

static duckrow_code make_types(struct array *array)
{
    int scale, last = array->dimensions - 1;
    array->types[last] = array->element == OID_NUMERIC
                             ? numeric_type(array, &scale)
                             : array->duckdb->create_logical_type((duckdb_type)element_id(array->element));
    for (int i = last; i-- > 0 && array->types[i + 1];)
        array->types[i] = array->duckdb->create_list_type(array->types[i + 1]);
    return array->types[0] ? DUCKROW_OK : no_memory(array);
}

/* Moments without an offset are read in the session's time zone, which DuckDB knows: then all are texts to it. */
static int needs_zone(const struct array *array)
{
    struct dr_moment moment;
    if (array->binary || array->element != OID_TIMESTAMPTZ)
        return 0;
    for (size_t i = 0; i < array->count; i++)
        if (array->items[i].bytes &&
            (dr_parse_moment(array->items[i].bytes, array->items[i].size, &moment) || !(moment.has_offset || moment.infinite)))
            return 1;
    return 0;
}

duckrow_code dr_array_value(const struct dr_duckdb *duckdb, uint32_t element, int binary, const unsigned char *bytes, size_t size,
                            duckdb_value *value, duckrow_error *error)
{
    struct array array = {.duckdb = duckdb, .element = element, .binary = binary, .error = error};
    duckrow_code code = binary ? split_binary(&array, bytes, size) : split_text(&array, bytes, size);
    if (!code && !array.dimensions)
        array.dimensions = 1;
    if (!code && needs_zone(&array))
        array.element = OID_TEXT;
    if (!code)
        code = make_types(&array);
    size_t next = 0;
    if (!code)
        code = build(&array, 0, &next, value);
    for (int i = 0; i < MOST_DIMENSIONS; i++)
        if (array.types[i])
            duckdb->destroy_logical_type(&array.types[i]);
    free(array.items);
    free(array.scratch);
    return code;
}
