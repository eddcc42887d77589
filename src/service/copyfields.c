/* The fields of a line of text or CSV, which are freed of escapes and quotes where they stand: they only get shorter. */
#include <ctype.h>
#include <string.h>

#include "copyread.h"

static void set_field(const struct dr_copy_reader *reader, struct dr_copy_field *field, const unsigned char *at, size_t size)
{
    int is_null = size == reader->null_size && memcmp(at, reader->options.null, size) == 0;
    field->bytes = is_null ? NULL : at;
    field->size = is_null ? 0 : size;
}

static int hex_value(unsigned char byte)
{
    return isdigit(byte) ? byte - '0' : (byte | 0x20) - 'a' + 10;
}

/* From behind the backslash; returns where it goes on. */
static const unsigned char *unescape(const unsigned char *at, const unsigned char *end, unsigned char *to)
{
    static const char names['v' + 1] = {['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t', ['v'] = '\v'};
    int value = 0;
    if (*at == 'x' && at + 1 < end && isxdigit(at[1])) {
        const unsigned char *most = end - at > 3 ? at + 3 : end;
        for (at++; at < most && isxdigit(*at); at++)
            value = value * 16 + hex_value(*at);
        *to = (unsigned char)value;
        return at;
    }
    if (*at >= '0' && *at <= '7') {
        const unsigned char *most = end - at > 3 ? at + 3 : end;
        for (; at < most && *at >= '0' && *at <= '7'; at++)
            value = value * 8 + *at - '0';
        *to = (unsigned char)value;
        return at;
    }
    *to = *at < sizeof names && names[*at] ? (unsigned char)names[*at] : *at;
    return at + 1;
}

/* The field that has a backslash at `at`. What stands for NULL is compared with the field as it came, so its start is kept. */
static unsigned char *escaped_field(const struct dr_copy_reader *reader, unsigned char *start, unsigned char *at,
                                    unsigned char *end, struct dr_copy_field *field)
{
    const unsigned char delimiter = (unsigned char)reader->options.delimiter;
    unsigned char raw[DR_COPY_NULL_SIZE], *to = at;
    size_t kept = (size_t)(end - start) < sizeof raw ? (size_t)(end - start) : sizeof raw, size;
    memcpy(raw, start, kept);
    while (at < end && *at != delimiter) {
        if (*at != '\\')
            *to++ = *at++;
        else if (at + 1 < end)
            at += unescape(at + 1, end, to++) - at;
        else
            break; /* a backslash that ends the line is nothing */
    }
    size = (size_t)(at - start);
    if (size == reader->null_size && memcmp(raw, reader->options.null, size) == 0)
        *field = (struct dr_copy_field){0};
    else
        *field = (struct dr_copy_field){.bytes = start, .size = (size_t)(to - start)};
    return at < end && *at == delimiter ? at : end;
}

/* \N, and nothing else, where that stands for NULL. */
static int is_usual_null(const struct dr_copy_reader *reader, const unsigned char *at, const unsigned char *end)
{
    return reader->usual_null && end - at >= 2 && at[1] == 'N' &&
           (end - at == 2 || at[2] == (unsigned char)reader->options.delimiter);
}

static unsigned char *text_field(const struct dr_copy_reader *reader, unsigned char *at, unsigned char *end,
                                 struct dr_copy_field *field)
{
    unsigned char *start = at;
    while (at < end && !reader->field_class[*at])
        at++;
    if (at < end && *at == '\\' && at == start && is_usual_null(reader, at, end)) {
        *field = (struct dr_copy_field){0};
        return at + 2;
    }
    if (at < end && *at == '\\')
        return escaped_field(reader, start, at, end, field);
    set_field(reader, field, start, (size_t)(at - start));
    return at;
}

static unsigned char *move(unsigned char *to, const unsigned char *from, size_t size)
{
    if (to != from)
        memmove(to, from, size);
    return to + size;
}

/* The field that has a quote at `at`; it may have more of them, with parts without quotes between. NULL: one has no end. */
static unsigned char *quoted_field(const struct dr_copy_reader *reader, unsigned char *start, unsigned char *at,
                                   unsigned char *end, struct dr_copy_field *field)
{
    const unsigned char quote = (unsigned char)reader->options.quote, escape = (unsigned char)reader->options.escape;
    unsigned char *to = at, *run;
    int inside = 0;
    if (at == start)
        start = to = at + 1; /* nothing needs to be moved, mostly */
    for (;;) {
        run = at;
        if (inside) {
            while (at < end && *at != quote && *at != escape)
                at++;
        } else {
            while (at < end && !reader->field_class[*at])
                at++;
        }
        to = move(to, run, (size_t)(at - run));
        if (at == end || (!inside && *at != quote))
            break;
        unsigned char byte = *at++;
        if (!inside)
            inside = 1;
        else if (byte == escape && at < end && (*at == escape || *at == quote))
            *to++ = *at++;
        else if (byte == quote)
            inside = 0;
        else
            *to++ = byte;
    }
    *field = (struct dr_copy_field){.bytes = start, .size = (size_t)(to - start)};
    return inside ? NULL : at;
}

static unsigned char *csv_field(const struct dr_copy_reader *reader, unsigned char *at, unsigned char *end,
                                struct dr_copy_field *field)
{
    unsigned char *start = at;
    while (at < end && !reader->field_class[*at])
        at++;
    if (at < end && reader->field_class[*at] == DR_COPY_QUOTE)
        return quoted_field(reader, start, at, end, field);
    set_field(reader, field, start, (size_t)(at - start));
    return at;
}

int dr_copy_split(struct dr_copy_reader *reader, const struct dr_copy_line *line, size_t *found, duckrow_error *error)
{
    const int csv = reader->options.format == DR_COPY_CSV;
    struct dr_copy_field *field = reader->fields, *spare = reader->fields + reader->count;
    unsigned char *at = line->at, *end = line->end;
    size_t count = 0;
    for (;; at++) {
        at = csv ? csv_field(reader, at, end, field) : text_field(reader, at, end, field);
        if (!at)
            return dr_copy_reader_fail(reader, error, "unterminated CSV quoted field");
        count++;
        field += field < spare;
        if (at == end)
            break;
    }
    *found = count;
    return 0;
}
