/* The binary format, in: signature, flags, a header extension that is skipped, rows, trailer. */
#include <string.h>

#include "copyread.h"

enum { SIGNATURE_SIZE = 11, HEADER_SIZE = SIGNATURE_SIZE + 8 };

static uint32_t number(const unsigned char *at, int size)
{
    uint32_t value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

/* 1, 0 or -1; the header has been taken off with 1. */
static int read_header(struct dr_copy_reader *reader, duckrow_error *error)
{
    size_t held = dr_buffer_size(&reader->in);
    if (held < HEADER_SIZE && !reader->last)
        return 0;
    const unsigned char *at = held ? reader->in.bytes + reader->in.start : NULL;
    if (held < SIGNATURE_SIZE || memcmp(at, "PGCOPY\n\377\r\n", SIGNATURE_SIZE) != 0)
        return dr_copy_reader_fail(reader, error, "COPY file signature not recognized");
    if (held < SIGNATURE_SIZE + 4)
        return dr_copy_reader_fail(reader, error, "invalid COPY file header (missing flags)");
    uint32_t flags = number(at + SIGNATURE_SIZE, 4);
    if (flags & 1U << 16)
        return dr_copy_reader_fail(reader, error, "invalid COPY file header (WITH OIDS)");
    if (flags >> 16)
        return dr_copy_reader_fail(reader, error, "unrecognized critical flags in COPY file header");
    if (held < HEADER_SIZE || number(at + SIGNATURE_SIZE + 4, 4) > INT32_MAX)
        return dr_copy_reader_fail(reader, error, "invalid COPY file header (missing length)");
    reader->skip = number(at + SIGNATURE_SIZE + 4, 4);
    dr_buffer_use(&reader->in, HEADER_SIZE);
    reader->begun = 1;
    return 1;
}

static int skip_extension(struct dr_copy_reader *reader, duckrow_error *error)
{
    size_t held = dr_buffer_size(&reader->in), size = held < reader->skip ? held : reader->skip;
    dr_buffer_use(&reader->in, size);
    reader->skip -= size;
    if (reader->skip && reader->last)
        return dr_copy_reader_fail(reader, error, "invalid COPY file header (wrong length)");
    return reader->skip == 0;
}

static int needs_more(const struct dr_copy_reader *reader, duckrow_error *error)
{
    return reader->last ? dr_copy_reader_fail(reader, error, "unexpected EOF in COPY data") : 0;
}

/* The field count of the next row: 1, 0 (also at the end) or -1. */
static int begin_row(struct dr_copy_reader *reader, const unsigned char *from, size_t held, duckrow_error *error)
{
    if (!held)
        return 0;
    reader->line += !reader->in_line;
    reader->in_line = 1;
    if (held < 2)
        return needs_more(reader, error);
    int count = (int16_t)number(from, 2);
    if (count == -1) {
        reader->ended = 1;
        dr_buffer_use(&reader->in, 2);
        return 0;
    }
    if (count < 0 || (size_t)count != reader->count)
        return dr_copy_reader_fail(reader, error, "row field count is %d, expected %zu", count, reader->count);
    reader->scanned = 2;
    reader->column = 0;
    return 1;
}

/* Is all of the row there? */
static int scan_fields(struct dr_copy_reader *reader, const unsigned char *from, size_t held, duckrow_error *error)
{
    for (; reader->column < reader->count; reader->column++) {
        if (held - reader->scanned < 4)
            return needs_more(reader, error);
        uint32_t size = number(from + reader->scanned, 4);
        if (size > INT32_MAX && size != UINT32_MAX)
            return dr_copy_reader_fail(reader, error, "invalid field size");
        size = size == UINT32_MAX ? 0 : size;
        if (reader->scanned + 4 + size > DR_COPY_ROW_MAX)
            return dr_copy_reader_fail(reader, error, "the row is longer than %d bytes", (int)DR_COPY_ROW_MAX);
        if (held - reader->scanned - 4 < size)
            return needs_more(reader, error);
        reader->scanned += 4 + size;
    }
    return 1;
}

static void set_fields(struct dr_copy_reader *reader, const unsigned char *at)
{
    at += 2;
    for (size_t i = 0; i < reader->count; i++) {
        uint32_t size = number(at, 4);
        at += 4;
        int is_null = size == UINT32_MAX;
        reader->fields[i] = (struct dr_copy_field){.bytes = is_null ? NULL : at, .size = is_null ? 0 : size};
        at += reader->fields[i].size;
    }
}

int dr_copy_binary_next(struct dr_copy_reader *reader, duckrow_error *error)
{
    int result = reader->begun ? 1 : read_header(reader, error);
    if (result > 0 && reader->skip)
        result = skip_extension(reader, error);
    size_t held = dr_buffer_size(&reader->in);
    const unsigned char *from = held ? reader->in.bytes + reader->in.start : NULL;
    if (result > 0 && !reader->ended && !reader->scanned)
        result = begin_row(reader, from, held, error);
    if (reader->ended && result >= 0)
        return dr_buffer_size(&reader->in) ? dr_copy_reader_fail(reader, error, "received copy data after EOF marker") : 0;
    if (result > 0)
        result = scan_fields(reader, from, held, error);
    if (result <= 0)
        return result;
    set_fields(reader, from);
    reader->used = reader->scanned;
    reader->scanned = 0;
    reader->in_line = 0;
    return 1;
}
