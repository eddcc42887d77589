#include "copyread.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void classify(struct dr_copy_reader *reader)
{
    const struct dr_copy_options *options = &reader->options;
    reader->line_class['\n'] = DR_COPY_NEWLINE;
    reader->line_class['\r'] = DR_COPY_RETURN;
    if (options->format == DR_COPY_CSV) {
        reader->line_class[(unsigned char)options->escape] = DR_COPY_ESCAPE;
        reader->line_class[(unsigned char)options->quote] = DR_COPY_QUOTE;
        reader->field_class[(unsigned char)options->quote] = DR_COPY_QUOTE;
    } else {
        reader->line_class['\\'] = DR_COPY_BACKSLASH;
        reader->field_class['\\'] = DR_COPY_BACKSLASH;
    }
    reader->field_class[(unsigned char)options->delimiter] = DR_COPY_DELIMITER;
}

struct dr_copy_reader *dr_copy_reader_make(const struct dr_copy_options *options, const char *const *names, size_t count)
{
    struct dr_copy_reader *reader = calloc(1, sizeof *reader);
    struct dr_copy_field *fields = calloc(count + 1, sizeof *fields);
    if (!reader || !fields) {
        free(reader);
        free(fields);
        return NULL;
    }
    reader->options = *options;
    reader->null_size = strlen(options->null);
    reader->usual_null = strcmp(options->null, "\\N") == 0;
    reader->names = names;
    reader->count = count;
    reader->fields = fields;
    classify(reader);
    return reader;
}

void dr_copy_reader_free(struct dr_copy_reader *reader)
{
    if (!reader)
        return;
    dr_buffer_free(&reader->in);
    free(reader->fields);
    free(reader);
}

int64_t dr_copy_reader_line(const struct dr_copy_reader *reader)
{
    return reader->line;
}

int dr_copy_reader_fail(const struct dr_copy_reader *reader, duckrow_error *error, const char *format, ...)
{
    char message[DUCKROW_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (reader->line)
        dr_fail(error, DUCKROW_USAGE, "COPY, line %lld: %s", (long long)reader->line, message);
    else
        dr_fail(error, DUCKROW_USAGE, "%s", message);
    return -1;
}

static void use_up(struct dr_copy_reader *reader)
{
    dr_buffer_use(&reader->in, reader->used);
    reader->used = 0;
}

void dr_copy_reader_feed(struct dr_copy_reader *reader, const void *bytes, size_t size, int last)
{
    use_up(reader);
    if (size && (!reader->ended || reader->options.format == DR_COPY_BINARY))
        dr_buffer_add(&reader->in, bytes, size);
    reader->last |= last;
}

static int match_header(const struct dr_copy_reader *reader, size_t found, duckrow_error *error)
{
    if (found != reader->count)
        return dr_copy_reader_fail(reader, error, "wrong number of fields in header line: got %zu, expected %zu", found,
                                   reader->count);
    for (size_t i = 0; i < reader->count; i++) {
        const struct dr_copy_field *field = &reader->fields[i];
        const char *name = reader->names[i];
        if (!field->bytes)
            return dr_copy_reader_fail(reader, error,
                                       "column name mismatch in header line field %zu: got null value (\"%s\"), expected \"%s\"",
                                       i + 1, reader->options.null, name);
        /* As DuckDB does: names are the same in any case. */
        if (field->size != strlen(name) || strncasecmp((const char *)field->bytes, name, field->size) != 0)
            return dr_copy_reader_fail(reader, error,
                                       "column name mismatch in header line field %zu: got \"%.*s\", expected \"%s\"", i + 1,
                                       (int)(field->size < 200 ? field->size : 200), (const char *)field->bytes, name);
    }
    return 0;
}

/* Goes over the header, if it is there already: 1, 0 or -1. */
static int read_header(struct dr_copy_reader *reader, duckrow_error *error)
{
    struct dr_copy_line line;
    size_t found;
    int result = dr_copy_line_next(reader, &line, error);
    if (result <= 0)
        return result;
    if (reader->options.header == 2 && (dr_copy_split(reader, &line, &found, error) || match_header(reader, found, error)))
        return -1;
    reader->begun = 1;
    use_up(reader);
    return 1;
}

static int next_line(struct dr_copy_reader *reader, duckrow_error *error)
{
    struct dr_copy_line line;
    size_t found;
    int result = 1;
    if (reader->options.header && !reader->begun)
        result = read_header(reader, error);
    if (result > 0)
        result = dr_copy_line_next(reader, &line, error);
    if (result <= 0)
        return result;
    if (dr_copy_split(reader, &line, &found, error))
        return -1;
    if (found > reader->count)
        return dr_copy_reader_fail(reader, error, "extra data after last expected column");
    if (found < reader->count)
        return dr_copy_reader_fail(reader, error, "missing data for column \"%s\"", reader->names[found]);
    return 1;
}

int dr_copy_reader_row(struct dr_copy_reader *reader, const struct dr_copy_field **fields, duckrow_error *error)
{
    use_up(reader);
    if (reader->in.failed) {
        dr_fail(error, DUCKROW_NO_MEMORY, "COPY: out of memory");
        return -1;
    }
    *fields = reader->fields;
    int result = reader->options.format == DR_COPY_BINARY ? dr_copy_binary_next(reader, error) : next_line(reader, error);
    if (result == 0 && dr_buffer_size(&reader->in) > DR_COPY_ROW_MAX)
        return dr_copy_reader_fail(reader, error, "the row is longer than %d bytes", (int)DR_COPY_ROW_MAX);
    return result;
}
