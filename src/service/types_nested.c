/* Lists and structures: PostgreSQL's arrays, and JSON as to_json() writes it. */
#include "types_private.h"

struct dr_entry dr_entry_of(const struct dr_type *type, duckdb_vector vector, uint64_t row, duckdb_vector *elements)
{
    const struct dr_duckdb *duckdb = type->duckdb;
    if (type->id == DR_TYPE_ARRAY) {
        *elements = duckdb->array_vector_get_child(vector);
        return (struct dr_entry){row * type->array_size, type->array_size};
    }
    *elements = duckdb->list_vector_get_child(vector);
    return ((const struct dr_entry *)duckdb->vector_get_data(vector))[row];
}

/* ---- arrays ---- */

static const char no_null_arrays[] = "PostgreSQL's arrays have no NULL in place of a subarray: cast the column to JSON";

static int needs_quotes(const unsigned char *text, size_t size)
{
    if (!size || dr_word_is(text, size, "null"))
        return 1;
    for (size_t i = 0; i < size; i++)
        if (text[i] && strchr("\"\\{}, \t\n\r\v\f", text[i]))
            return 1;
    return 0;
}

/* Puts what the buffer has from `at` on into quotes. */
static void add_quotes(struct dr_buffer *out, size_t at)
{
    size_t size = dr_buffer_size(out) - at, escapes = 0;
    const unsigned char *text = out->bytes + out->start + at;
    for (size_t i = 0; i < size; i++)
        escapes += text[i] == '"' || text[i] == '\\';
    if (!dr_buffer_reserve(out, escapes + 2))
        return;
    unsigned char *from = out->bytes + out->start + at, *to = from + size + escapes + 2;
    *--to = '"';
    for (size_t i = size; i-- > 0;) {
        *--to = from[i];
        if (from[i] == '"' || from[i] == '\\')
            *--to = '\\';
    }
    *--to = '"';
    out->end += escapes + 2;
}

static const char *put_element_text(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector,
                                    uint64_t row, struct dr_buffer *out)
{
    if (!dr_row_valid(type->duckdb, vector, row)) {
        dr_buffer_text(out, "NULL");
        return NULL;
    }
    size_t at = dr_buffer_size(out);
    const char *message = dr_text_put(type, display, vector, row, DR_STYLE_POSTGRES, out);
    if (!message && !out->failed && needs_quotes(out->bytes + out->start + at, dr_buffer_size(out) - at))
        add_quotes(out, at);
    return message;
}

const char *dr_array_put_text(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                              struct dr_buffer *out)
{
    duckdb_vector elements;
    struct dr_entry entry = dr_entry_of(type, vector, row, &elements);
    const struct dr_type *child = type->children[0];
    const char *message = NULL;
    dr_buffer_text(out, "{");
    for (uint64_t i = 0; !message && i < entry.length; i++) {
        uint64_t at = entry.offset + i;
        if (i)
            dr_buffer_text(out, ",");
        if (child == type->element)
            message = put_element_text(child, display, elements, at, out);
        else if (!dr_row_valid(type->duckdb, elements, at))
            message = no_null_arrays;
        else
            message = dr_array_put_text(child, display, elements, at, out);
    }
    dr_buffer_text(out, "}");
    return message;
}

/* Goes down to the vector of the elements, all of which stand side by side; adds up the dimensions on the way. */
static const char *find_elements(const struct dr_type *type, duckdb_vector *vector, struct dr_entry *entry, uint64_t *lengths)
{
    for (int i = 0;; i++) {
        duckdb_vector elements;
        struct dr_entry first = dr_entry_of(type, *vector, entry->offset, &elements);
        lengths[i] = first.length;
        *entry = (struct dr_entry){first.offset, entry->length * first.length};
        *vector = elements;
        type = type->children[0];
        if (!type->dimensions)
            return NULL;
        for (uint64_t k = 0; k < entry->length; k++)
            if (!dr_row_valid(type->duckdb, elements, entry->offset + k))
                return no_null_arrays;
        if (!entry->length)
            return NULL;
    }
}

static void put_array_header(const struct dr_type *type, duckdb_vector elements, struct dr_entry entry, const uint64_t *lengths,
                             struct dr_buffer *out)
{
    uint32_t nulls = 0;
    for (uint64_t i = 0; i < entry.length && !nulls; i++)
        nulls = !dr_row_valid(type->duckdb, elements, entry.offset + i);
    dr_buffer_u32(out, entry.length ? (uint32_t)type->dimensions : 0);
    dr_buffer_u32(out, nulls);
    dr_buffer_u32(out, type->element->oid);
    for (int i = 0; entry.length && i < type->dimensions; i++) {
        dr_buffer_u32(out, (uint32_t)lengths[i]);
        dr_buffer_u32(out, 1);
    }
}

const char *dr_array_put_binary(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                                struct dr_buffer *out)
{
    struct dr_entry entry = {row, 1};
    uint64_t lengths[8] = {0};
    const char *message = find_elements(type, &vector, &entry, lengths);
    if (message)
        return message;
    put_array_header(type, vector, entry, lengths, out);
    for (uint64_t i = 0; !message && i < entry.length; i++)
        message = dr_type_put(type->element, display, vector, entry.offset + i, 1, out);
    return message;
}

/* ---- JSON ---- */

/* Makes a JSON string of what the buffer has from `at` on. */
static void make_string(struct dr_buffer *out, size_t at)
{
    struct dr_buffer text = {0};
    if (out->failed)
        return;
    dr_buffer_add(&text, out->bytes + out->start + at, dr_buffer_size(out) - at);
    out->end -= dr_buffer_size(out) - at;
    dr_buffer_text(out, "\"");
    for (size_t i = text.start; i < text.end; i++) {
        static const char letters[] = "btn?fr"; /* from 8 on */
        unsigned char byte = text.bytes[i];
        if (byte == '"' || byte == '\\') {
            dr_buffer_u8(out, '\\');
            dr_buffer_u8(out, byte);
        } else if (byte >= 8 && byte <= 13 && byte != 11) {
            dr_buffer_u8(out, '\\');
            dr_buffer_u8(out, (uint8_t)letters[byte - 8]);
        } else if (byte < ' ') {
            dr_buffer_format(out, "\\u%04X", (unsigned)byte);
        } else {
            dr_buffer_u8(out, byte);
        }
    }
    dr_buffer_text(out, "\"");
    out->failed |= text.failed;
    dr_buffer_free(&text);
}

static void put_name(struct dr_buffer *out, const char *name)
{
    size_t at = dr_buffer_size(out);
    dr_buffer_text(out, name);
    make_string(out, at);
    dr_buffer_text(out, ":");
}

static const char *put_json_or_null(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector,
                                    uint64_t row, struct dr_buffer *out)
{
    if (dr_row_valid(type->duckdb, vector, row))
        return dr_json_put(type, display, vector, row, out);
    dr_buffer_text(out, "null");
    return NULL;
}

static const char *put_list(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                            struct dr_buffer *out)
{
    duckdb_vector elements;
    struct dr_entry entry = dr_entry_of(type, vector, row, &elements);
    const char *message = NULL;
    dr_buffer_text(out, "[");
    for (uint64_t i = 0; !message && i < entry.length; i++) {
        if (i)
            dr_buffer_text(out, ",");
        message = put_json_or_null(type->children[0], display, elements, entry.offset + i, out);
    }
    dr_buffer_text(out, "]");
    return message;
}

/* A structure without names, of row(), is a list. */
static const char *put_struct(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                              struct dr_buffer *out)
{
    int named = !type->count || *type->names[0];
    const char *message = NULL;
    dr_buffer_text(out, named ? "{" : "[");
    for (size_t i = 0; !message && i < type->count; i++) {
        if (i)
            dr_buffer_text(out, ",");
        if (named)
            put_name(out, type->names[i]);
        message = put_json_or_null(type->children[i], display, type->duckdb->struct_vector_get_child(vector, i), row, out);
    }
    dr_buffer_text(out, named ? "}" : "]");
    return message;
}

static const char *put_map(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                           struct dr_buffer *out)
{
    duckdb_vector elements;
    struct dr_entry entry = dr_entry_of(type, vector, row, &elements);
    duckdb_vector keys = type->duckdb->struct_vector_get_child(elements, 0);
    duckdb_vector values = type->duckdb->struct_vector_get_child(elements, 1);
    const char *message = NULL;
    dr_buffer_text(out, "{");
    for (uint64_t i = 0; !message && i < entry.length; i++) {
        if (i)
            dr_buffer_text(out, ",");
        size_t at = dr_buffer_size(out);
        message = dr_text_put(type->children[0], display, keys, entry.offset + i, DR_STYLE_DUCKDB, out);
        make_string(out, at);
        dr_buffer_text(out, ":");
        if (!message)
            message = put_json_or_null(type->children[1], display, values, entry.offset + i, out);
    }
    dr_buffer_text(out, "}");
    return message;
}

static const char *put_union(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                             struct dr_buffer *out)
{
    const struct dr_duckdb *duckdb = type->duckdb;
    uint8_t tag = ((const uint8_t *)duckdb->vector_get_data(duckdb->struct_vector_get_child(vector, 0)))[row];
    if (tag >= type->count)
        return "a UNION has no such member";
    dr_buffer_text(out, "{");
    put_name(out, type->names[tag]);
    const char *message =
        put_json_or_null(type->children[tag], display, duckdb->struct_vector_get_child(vector, tag + 1u), row, out);
    dr_buffer_text(out, "}");
    return message;
}

/* Without the space between its parts. */
static void put_json_text(struct dr_buffer *out, const char *text, size_t size)
{
    int string = 0;
    for (size_t i = 0; i < size; i++) {
        if (!string && strchr(" \t\n\r", text[i]))
            continue;
        if (text[i] == '"')
            string = !string;
        dr_buffer_u8(out, (uint8_t)text[i]);
        if (string && text[i] == '\\' && i + 1 < size)
            dr_buffer_u8(out, (uint8_t)text[++i]);
    }
}

/* A DECIMAL of up to 15 digits goes through a double. */
static void put_decimal(const struct dr_type *type, duckdb_vector vector, uint64_t row, struct dr_buffer *out)
{
    enum { MOST_DIGITS = 15 };
    int negative, width = (type->modifier - 4) >> 16;
    dr_u128 magnitude = dr_integer_get(type, vector, row, &negative);
    if (width > MOST_DIGITS) {
        dr_integer_put(out, magnitude, negative, type->scale);
        return;
    }
    double number = (double)(int64_t)magnitude, power = 1;
    for (int i = 0; i < type->scale; i++)
        power *= 10;
    dr_float_put(out, (negative ? -number : number) / power, 0, DR_FLOAT_JSON);
}

const char *dr_json_put(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                        struct dr_buffer *out)
{
    const void *data = type->duckdb->vector_get_data(vector);
    size_t at = dr_buffer_size(out), size;
    const char *message;
    switch (type->id) {
    case DR_TYPE_LIST:
    case DR_TYPE_ARRAY:
        return put_list(type, display, vector, row, out);
    case DR_TYPE_STRUCT:
        return put_struct(type, display, vector, row, out);
    case DR_TYPE_MAP:
        return put_map(type, display, vector, row, out);
    case DR_TYPE_UNION:
        return put_union(type, display, vector, row, out);
    case DR_TYPE_FLOAT:
        dr_float_put(out, ((const float *)data)[row], 0, DR_FLOAT_JSON);
        return NULL;
    case DR_TYPE_DOUBLE:
        dr_float_put(out, ((const double *)data)[row], 0, DR_FLOAT_JSON);
        return NULL;
    case DR_TYPE_DECIMAL:
        put_decimal(type, vector, row, out);
        return NULL;
    case DR_TYPE_BOOLEAN:
        return dr_text_put(type, display, vector, row, DR_STYLE_DUCKDB, out);
    case DR_TYPE_VARCHAR:
        if (type->is_json) {
            const char *text = dr_row_string(type->duckdb, vector, row, &size);
            put_json_text(out, text, size);
            return NULL;
        }
        break;
    default:
        break;
    }
    message = dr_text_put(type, display, vector, row, DR_STYLE_DUCKDB, out);
    int number = type->oid == OID_INT2 || type->oid == OID_INT4 || type->oid == OID_INT8 || type->oid == OID_NUMERIC;
    if (!number)
        make_string(out, at);
    return message;
}
