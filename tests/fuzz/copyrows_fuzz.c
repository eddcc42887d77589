/* COPY's data: the second byte chooses format and number of columns. The rows are the same in any pieces, and what is written of
 * them reads back as the same. */
#include <string.h>

#include "fuzz.h"
#include "service/copyrows.h"

static const struct dr_copy_options all[] = {
    {.format = DR_COPY_TEXT, .delimiter = '\t', .null = "\\N"},
    {.format = DR_COPY_TEXT, .delimiter = '|', .null = "", .header = 1},
    {.format = DR_COPY_TEXT, .delimiter = 'F', .null = "\\x", .header = 2},
    {.format = DR_COPY_CSV, .delimiter = ',', .quote = '"', .escape = '"'},
    {.format = DR_COPY_CSV, .delimiter = ',', .quote = '"', .escape = '"', .header = 1, .force_quote_all = 1},
    {.format = DR_COPY_CSV, .delimiter = ';', .quote = '\'', .escape = '\\', .null = "x", .header = 2},
    {.format = DR_COPY_CSV, .delimiter = '\\', .quote = 'q', .escape = '.', .null = "\t"},
    {.format = DR_COPY_BINARY},
};
static const char *const names[] = {"a", "b", "c", "d"};

struct input {
    const struct dr_copy_options *options;
    size_t count;
    const uint8_t *data;
    size_t size;
};

/* 0, or -1: an error; the sum of the rows, which are also written to `copy` where there is one. */
static int read_rows(const struct input *input, uint32_t seed, uint64_t *sum, struct dr_buffer *copy)
{
    struct dr_copy_reader *reader = dr_copy_reader_make(input->options, names, input->count);
    const struct dr_copy_field *fields;
    duckrow_error error = {0};
    size_t at = 0;
    int last = 0, result = 0;
    *sum = 0;
    MUST(reader);
    while (!last && result == 0) {
        size_t piece = next_piece(&seed, input->size - at);
        last = at + piece == input->size;
        dr_copy_reader_feed(reader, input->data + at, piece, last);
        at += piece;
        while ((result = dr_copy_reader_row(reader, &fields, &error)) > 0) {
            if (copy)
                dr_copy_put_row(input->options, input->count, copy);
            for (size_t i = 0; i < input->count; i++) {
                MUST(fields[i].bytes || !fields[i].size);
                mix(sum, fields[i].bytes ? "+" : "-", 1);
                mix(sum, fields[i].bytes, fields[i].size);
                if (copy)
                    dr_copy_put_text(input->options, i, &fields[i], copy);
            }
            if (copy)
                dr_copy_put_end_of_row(input->options, copy);
        }
    }
    MUST((result < 0) == (error.code == DUCKROW_USAGE));
    if (result < 0)
        mix(sum, error.message, strlen(error.message));
    dr_copy_reader_free(reader);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct input input = {&all[data[1] & 7], 1 + (data[1] >> 3 & 3), data + 2, size - 2};
    struct dr_buffer copy = {0};
    uint64_t whole, pieces, again;
    dr_copy_put_start(input.options, names, input.count, &copy);
    int result = read_rows(&input, 0, &whole, &copy);
    MUST(read_rows(&input, data[0], &pieces, NULL) == result && pieces == whole);
    dr_copy_put_finish(input.options, &copy);
    MUST(!copy.failed);
    /* In text a value that looks like NULL's own text is read as NULL, as in PostgreSQL, if it isn't \N.
 */
    if (result == 0 && dr_buffer_size(&copy) &&
        (input.options->format != DR_COPY_TEXT || strcmp(input.options->null, "\\N") == 0)) {
        input.data = copy.bytes + copy.start;
        input.size = dr_buffer_size(&copy);
        MUST(read_rows(&input, data[0], &again, NULL) == 0 && again == whole);
    }
    dr_buffer_free(&copy);
    return 0;
}
