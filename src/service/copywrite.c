#include <string.h>

#include "copyrows.h"

static void put_null(const struct dr_copy_options *options, struct dr_buffer *out)
{
    dr_buffer_text(out, options->null);
}

/* How a byte of text is written behind a backslash; 0: as it is. */
static unsigned char escaped(unsigned char byte, unsigned char delimiter)
{
    static const char names[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\v'] = 'v', ['\f'] = 'f', ['\r'] = 'r'};
    if (byte < sizeof names && names[byte])
        return (unsigned char)names[byte];
    return byte == '\\' || byte == delimiter ? byte : 0;
}

static void put_escaped(const struct dr_copy_options *options, const unsigned char *at, size_t size, struct dr_buffer *out)
{
    const unsigned char delimiter = (unsigned char)options->delimiter, *end = at + size;
    unsigned char *start = dr_buffer_reserve(out, 2 * size), *to = start;
    if (!to)
        return;
    for (; at < end; at++) {
        unsigned char name = *at < 0x20 || *at == '\\' || *at == delimiter ? escaped(*at, delimiter) : 0;
        if (name)
            *to++ = '\\';
        *to++ = name ? name : *at;
    }
    out->end += (size_t)(to - start);
}

static int needs_quotes(const struct dr_copy_options *options, size_t column, const unsigned char *at, size_t size)
{
    const unsigned char delimiter = (unsigned char)options->delimiter, quote = (unsigned char)options->quote;
    if (size == strlen(options->null) && memcmp(at, options->null, size) == 0)
        return 1;
    if (column == 0 && size == 2 && memcmp(at, "\\.", 2) == 0)
        return 1; /* at the start of a line it could be the end-of-data marker */
    if (size == 1 && ((delimiter == '\\' && *at == '.') || (delimiter == '.' && *at == '\\')))
        return 1; /* the same, together with the delimiter */
    for (size_t i = 0; i < size; i++)
        if (at[i] == delimiter || at[i] == quote || at[i] == '\n' || at[i] == '\r')
            return 1;
    return 0;
}

static void put_quoted(const struct dr_copy_options *options, const unsigned char *at, size_t size, struct dr_buffer *out)
{
    const unsigned char quote = (unsigned char)options->quote, escape = (unsigned char)options->escape, *end = at + size;
    unsigned char *start = dr_buffer_reserve(out, 2 * size + 2), *to = start;
    if (!to)
        return;
    *to++ = quote;
    for (; at < end; at++) {
        if (*at == quote || *at == escape)
            *to++ = escape;
        *to++ = *at;
    }
    *to++ = quote;
    out->end += (size_t)(to - start);
}

static void put_csv(const struct dr_copy_options *options, size_t column, int force, const struct dr_copy_field *field,
                    struct dr_buffer *out)
{
    if (force || needs_quotes(options, column, field->bytes, field->size))
        put_quoted(options, field->bytes, field->size, out);
    else
        dr_buffer_add(out, field->bytes, field->size);
}

static void put_binary(const struct dr_copy_field *field, struct dr_buffer *out)
{
    if (field->size > INT32_MAX) {
        out->failed = 1;
        return;
    }
    dr_buffer_u32(out, field->bytes ? (uint32_t)field->size : UINT32_MAX);
    dr_buffer_add(out, field->bytes, field->size);
}

static void put_names(const struct dr_copy_options *options, const char *const *names, size_t count, struct dr_buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        struct dr_copy_field name = {.bytes = (const unsigned char *)names[i], .size = strlen(names[i])};
        if (i)
            dr_buffer_u8(out, (uint8_t)options->delimiter);
        if (options->format == DR_COPY_CSV)
            put_csv(options, i, 0, &name, out);
        else
            put_escaped(options, name.bytes, name.size, out);
    }
    dr_copy_put_end_of_row(options, out);
}

void dr_copy_put_start(const struct dr_copy_options *options, const char *const *names, size_t count, struct dr_buffer *out)
{
    if (options->format == DR_COPY_BINARY)
        dr_buffer_add(out, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0", 19);
    else if (options->header)
        put_names(options, names, count, out);
}

void dr_copy_put_row(const struct dr_copy_options *options, size_t count, struct dr_buffer *out)
{
    if (options->format == DR_COPY_BINARY)
        dr_buffer_u16(out, (uint16_t)count);
}

void dr_copy_put_text(const struct dr_copy_options *options, size_t column, const struct dr_copy_field *field,
                      struct dr_buffer *out)
{
    if (options->format == DR_COPY_BINARY) {
        put_binary(field, out);
        return;
    }
    if (column)
        dr_buffer_u8(out, (uint8_t)options->delimiter);
    if (!field->bytes)
        put_null(options, out);
    else if (options->format == DR_COPY_CSV)
        put_csv(options, column, options->force_quote_all, field, out);
    else
        put_escaped(options, field->bytes, field->size, out);
}

void dr_copy_put_end_of_row(const struct dr_copy_options *options, struct dr_buffer *out)
{
    if (options->format != DR_COPY_BINARY)
        dr_buffer_u8(out, '\n');
}

void dr_copy_put_finish(const struct dr_copy_options *options, struct dr_buffer *out)
{
    if (options->format == DR_COPY_BINARY)
        dr_buffer_u16(out, UINT16_MAX);
}
