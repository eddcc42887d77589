/* Numbers here are those of Arrow's Schema.fbs: https://github.com/apache/arrow/blob/main/format/Schema.fbs */
#include "arrow_type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { /* members of the union Type */
       T_NULL = 1,
       T_INT,
       T_FLOATING_POINT,
       T_BINARY,
       T_UTF8,
       T_BOOL,
       T_DECIMAL,
       T_DATE,
       T_TIME,
       T_TIMESTAMP,
       T_INTERVAL,
       T_LIST,
       T_STRUCT,
       T_UNION,
       T_FIXED_SIZE_BINARY,
       T_FIXED_SIZE_LIST,
       T_MAP,
       T_DURATION,
       T_LARGE_BINARY,
       T_LARGE_UTF8,
       T_LARGE_LIST,
       T_RUN_END_ENCODED,
       T_BINARY_VIEW,
       T_UTF8_VIEW,
       T_LIST_VIEW,
       T_LARGE_LIST_VIEW
};

/* Formats without parameters: the two fields are the type table's slots 0 and 1, in `a` and `b`; size 0: the slot isn't there. */
static const struct {
    const char *format;
    int type, a, a_size, b, b_size;
    enum dr_arrow_layout layout;
    size_t width;
} plain[] = {
    {"n", T_NULL, 0, 0, 0, 0, DR_ARROW_NONE, 0},
    {"b", T_BOOL, 0, 0, 0, 0, DR_ARROW_BITS, 0},
    {"c", T_INT, 8, 4, 1, 1, DR_ARROW_FIXED, 1},
    {"C", T_INT, 8, 4, 0, 1, DR_ARROW_FIXED, 1},
    {"s", T_INT, 16, 4, 1, 1, DR_ARROW_FIXED, 2},
    {"S", T_INT, 16, 4, 0, 1, DR_ARROW_FIXED, 2},
    {"i", T_INT, 32, 4, 1, 1, DR_ARROW_FIXED, 4},
    {"I", T_INT, 32, 4, 0, 1, DR_ARROW_FIXED, 4},
    {"l", T_INT, 64, 4, 1, 1, DR_ARROW_FIXED, 8},
    {"L", T_INT, 64, 4, 0, 1, DR_ARROW_FIXED, 8},
    {"e", T_FLOATING_POINT, 0, 2, 0, 0, DR_ARROW_FIXED, 2},
    {"f", T_FLOATING_POINT, 1, 2, 0, 0, DR_ARROW_FIXED, 4},
    {"g", T_FLOATING_POINT, 2, 2, 0, 0, DR_ARROW_FIXED, 8},
    {"z", T_BINARY, 0, 0, 0, 0, DR_ARROW_BINARY, 4},
    {"Z", T_LARGE_BINARY, 0, 0, 0, 0, DR_ARROW_BINARY, 8},
    {"u", T_UTF8, 0, 0, 0, 0, DR_ARROW_BINARY, 4},
    {"U", T_LARGE_UTF8, 0, 0, 0, 0, DR_ARROW_BINARY, 8},
    {"vz", T_BINARY_VIEW, 0, 0, 0, 0, DR_ARROW_VIEW, 16},
    {"vu", T_UTF8_VIEW, 0, 0, 0, 0, DR_ARROW_VIEW, 16},
    {"tdD", T_DATE, 0, 2, 0, 0, DR_ARROW_FIXED, 4},
    {"tdm", T_DATE, 1, 2, 0, 0, DR_ARROW_FIXED, 8},
    {"tts", T_TIME, 0, 2, 32, 4, DR_ARROW_FIXED, 4},
    {"ttm", T_TIME, 1, 2, 32, 4, DR_ARROW_FIXED, 4},
    {"ttu", T_TIME, 2, 2, 64, 4, DR_ARROW_FIXED, 8},
    {"ttn", T_TIME, 3, 2, 64, 4, DR_ARROW_FIXED, 8},
    {"tDs", T_DURATION, 0, 2, 0, 0, DR_ARROW_FIXED, 8},
    {"tDm", T_DURATION, 1, 2, 0, 0, DR_ARROW_FIXED, 8},
    {"tDu", T_DURATION, 2, 2, 0, 0, DR_ARROW_FIXED, 8},
    {"tDn", T_DURATION, 3, 2, 0, 0, DR_ARROW_FIXED, 8},
    {"tiM", T_INTERVAL, 0, 2, 0, 0, DR_ARROW_FIXED, 4},
    {"tiD", T_INTERVAL, 1, 2, 0, 0, DR_ARROW_FIXED, 8},
    {"tin", T_INTERVAL, 2, 2, 0, 0, DR_ARROW_FIXED, 16},
    {"+l", T_LIST, 0, 0, 0, 0, DR_ARROW_LIST, 4},
    {"+L", T_LARGE_LIST, 0, 0, 0, 0, DR_ARROW_LIST, 8},
    {"+vl", T_LIST_VIEW, 0, 0, 0, 0, DR_ARROW_LIST_VIEW, 4},
    {"+vL", T_LARGE_LIST_VIEW, 0, 0, 0, 0, DR_ARROW_LIST_VIEW, 8},
    {"+s", T_STRUCT, 0, 0, 0, 0, DR_ARROW_CHILDREN, 0},
    {"+r", T_RUN_END_ENCODED, 0, 0, 0, 0, DR_ARROW_RUNS, 0},
};
enum { PLAIN = sizeof plain / sizeof *plain };

static int find_plain(const char *format)
{
    for (int i = 0; i < PLAIN; i++)
        if (strcmp(plain[i].format, format) == 0)
            return i;
    return -1;
}

/* "d:19,10" or "d:19,10,256" */
static int decimal(const char *format, int *precision, int *scale, int *bits)
{
    *bits = 128;
    return sscanf(format, "d:%d,%d,%d", precision, scale, bits) >= 2;
}

static int is(const char *format, const char *prefix)
{
    return strncmp(format, prefix, strlen(prefix)) == 0;
}

int dr_arrow_type_of(const char *format, struct dr_arrow_type *type)
{
    int found = find_plain(format), precision, scale, bits;
    if (found >= 0)
        *type = (struct dr_arrow_type){plain[found].layout, plain[found].width};
    else if (is(format, "ts"))
        *type = (struct dr_arrow_type){DR_ARROW_FIXED, 8};
    else if (decimal(format, &precision, &scale, &bits))
        *type = (struct dr_arrow_type){DR_ARROW_FIXED, (size_t)bits / 8};
    else if (is(format, "w:"))
        *type = (struct dr_arrow_type){DR_ARROW_FIXED, (size_t)atoi(format + 2)};
    else if (is(format, "+w:"))
        *type = (struct dr_arrow_type){DR_ARROW_CHILDREN, 0};
    else if (is(format, "+m"))
        *type = (struct dr_arrow_type){DR_ARROW_LIST, 4};
    else if (is(format, "+us:"))
        *type = (struct dr_arrow_type){DR_ARROW_SPARSE, 0};
    else if (is(format, "+ud:"))
        *type = (struct dr_arrow_type){DR_ARROW_DENSE, 0};
    else
        return -1;
    return 0;
}

static dr_flat_place write_timestamp(struct dr_flat *flat, const char *format)
{
    /* "tsu:Europe/Berlin" */
    static const char units[] = "smun";
    const char *unit = strchr(units, format[2]), *zone = format[2] && format[3] == ':' ? format + 4 : "";
    dr_flat_place place = *zone ? dr_flat_string(flat, zone, strlen(zone)) : 0;
    dr_flat_open(flat);
    dr_flat_reference(flat, 1, place);
    dr_flat_scalar(flat, 0, unit ? unit - units : 0, 2);
    return dr_flat_close(flat);
}

static dr_flat_place write_union(struct dr_flat *flat, const char *format)
{
    int32_t ids[128];
    size_t count = 0;
    for (const char *at = format + 4; *at && count < sizeof ids / sizeof *ids;) {
        char *end;
        ids[count++] = (int32_t)strtol(at, &end, 10);
        at = *end == ',' ? end + 1 : "";
    }
    dr_flat_place place = dr_flat_vector(flat, ids, sizeof *ids, count, 4);
    dr_flat_open(flat);
    dr_flat_reference(flat, 1, place);
    dr_flat_scalar(flat, 0, format[2] == 'd', 2);
    return dr_flat_close(flat);
}

static dr_flat_place write_numbers(struct dr_flat *flat, int a, int a_size, int b, int b_size)
{
    dr_flat_open(flat);
    if (a_size)
        dr_flat_scalar(flat, 0, a, (size_t)a_size);
    if (b_size)
        dr_flat_scalar(flat, 1, b, (size_t)b_size);
    return dr_flat_close(flat);
}

static dr_flat_place write_type(struct dr_flat *flat, const struct ArrowSchema *schema, int *member)
{
    const char *format = schema->format;
    int found = find_plain(format), precision, scale, bits;
    *member = 0;
    if (found >= 0) {
        *member = plain[found].type;
        return write_numbers(flat, plain[found].a, plain[found].a_size, plain[found].b, plain[found].b_size);
    }
    if (is(format, "ts")) {
        *member = T_TIMESTAMP;
        return write_timestamp(flat, format);
    }
    if (decimal(format, &precision, &scale, &bits)) {
        *member = T_DECIMAL;
        dr_flat_open(flat);
        dr_flat_scalar(flat, 0, precision, 4);
        dr_flat_scalar(flat, 1, scale, 4);
        dr_flat_scalar(flat, 2, bits, 4);
        return dr_flat_close(flat);
    }
    if (is(format, "w:") || is(format, "+w:")) {
        *member = *format == 'w' ? T_FIXED_SIZE_BINARY : T_FIXED_SIZE_LIST;
        return write_numbers(flat, atoi(strchr(format, ':') + 1), 4, 0, 0);
    }
    if (is(format, "+m")) {
        *member = T_MAP;
        return write_numbers(flat, (schema->flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0, 1, 0, 0);
    }
    if (is(format, "+us:") || is(format, "+ud:")) {
        *member = T_UNION;
        return write_union(flat, format);
    }
    return 0;
}

static int32_t take_number(const char **at)
{
    int32_t number;
    memcpy(&number, *at, sizeof number);
    *at += sizeof number;
    return number;
}

static dr_flat_place take_string(struct dr_flat *flat, const char **at)
{
    int32_t length = take_number(at);
    dr_flat_place place = dr_flat_string(flat, *at, (size_t)length);
    *at += length;
    return place;
}

/* The C interface packs metadata as a count, then keys and values, each with its length. */
static dr_flat_place write_metadata(struct dr_flat *flat, const char *metadata)
{
    enum { MOST = 32 };
    dr_flat_place pairs[MOST];
    int32_t count = metadata ? take_number(&metadata) : 0;
    for (int32_t i = 0; i < count && i < MOST; i++) {
        dr_flat_place key = take_string(flat, &metadata), value = take_string(flat, &metadata);
        dr_flat_open(flat);
        dr_flat_reference(flat, 0, key);
        dr_flat_reference(flat, 1, value);
        pairs[i] = dr_flat_close(flat);
    }
    return count > 0 ? dr_flat_references(flat, pairs, (size_t)(count < MOST ? count : MOST)) : 0;
}

struct walk {
    struct dr_flat *flat;
    int64_t dictionaries;
    const char *unknown;
};

static dr_flat_place write_fields(struct walk *walk, const struct ArrowSchema *parent);

static dr_flat_place write_dictionary(struct walk *walk, const struct ArrowSchema *schema, int64_t id)
{
    int member;
    dr_flat_place index = write_type(walk->flat, schema, &member);
    dr_flat_open(walk->flat);
    dr_flat_scalar(walk->flat, 0, id, 8);
    dr_flat_reference(walk->flat, 1, index);
    dr_flat_scalar(walk->flat, 2, (schema->flags & ARROW_FLAG_DICTIONARY_ORDERED) != 0, 1);
    return dr_flat_close(walk->flat);
}

static dr_flat_place write_field(struct walk *walk, const struct ArrowSchema *schema)
{
    struct dr_flat *flat = walk->flat;
    const char *text = schema->name ? schema->name : "";
    dr_flat_place dictionary = schema->dictionary ? write_dictionary(walk, schema, walk->dictionaries++) : 0;
    /* A field of a dictionary has the type of the dictionary's values. */
    const struct ArrowSchema *values = schema->dictionary ? schema->dictionary : schema;
    int member;
    dr_flat_place children = write_fields(walk, values);
    dr_flat_place type = write_type(flat, values, &member);
    if (!member)
        walk->unknown = values->format;
    dr_flat_place metadata = write_metadata(flat, schema->metadata);
    dr_flat_place name = dr_flat_string(flat, text, strlen(text));
    dr_flat_open(flat);
    dr_flat_reference(flat, 0, name);
    dr_flat_reference(flat, 3, type);
    dr_flat_reference(flat, 4, dictionary);
    dr_flat_reference(flat, 5, children);
    dr_flat_reference(flat, 6, metadata);
    dr_flat_scalar(flat, 1, (schema->flags & ARROW_FLAG_NULLABLE) != 0, 1);
    dr_flat_scalar(flat, 2, member, 1);
    return dr_flat_close(flat);
}

static dr_flat_place write_fields(struct walk *walk, const struct ArrowSchema *parent)
{
    dr_flat_place *fields = calloc((size_t)parent->n_children + 1, sizeof *fields);
    if (!fields) {
        walk->flat->failed = 1;
        return 0;
    }
    for (int64_t i = 0; i < parent->n_children; i++)
        fields[i] = write_field(walk, parent->children[i]);
    dr_flat_place place = dr_flat_references(walk->flat, fields, (size_t)parent->n_children);
    free(fields);
    return place;
}

dr_flat_place dr_arrow_write_schema(struct dr_flat *flat, const struct ArrowSchema *schema, const char **unknown)
{
    struct walk walk = {.flat = flat};
    dr_flat_place fields = write_fields(&walk, schema), metadata = write_metadata(flat, schema->metadata);
    *unknown = walk.unknown;
    if (walk.unknown)
        return 0;
    dr_flat_open(flat);
    dr_flat_reference(flat, 1, fields);
    dr_flat_reference(flat, 2, metadata);
    return dr_flat_close(flat);
}
