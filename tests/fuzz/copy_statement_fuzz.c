/* The statement COPY; what is found is complete, and its options are such that a reader can work with them. */
#include <string.h>

#include "fuzz.h"
#include "service/copyrows.h"

static void use_options(const struct dr_copy_options *options, const char *sql)
{
    static const char *const names[] = {"a"};
    const struct dr_copy_field *fields;
    struct dr_copy_reader *reader = dr_copy_reader_make(options, names, 1);
    MUST(reader);
    dr_copy_reader_feed(reader, sql, strlen(sql), 1);
    while (dr_copy_reader_row(reader, &fields, NULL) > 0)
        ;
    dr_copy_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dr_copy_statement copy;
    duckrow_error error = {0};
    int found;
    char *sql = malloc(size + 1);
    MUST(sql);
    memcpy(sql, data, size);
    sql[size] = 0;
    duckrow_code code = dr_copy_parse(sql, &found, &copy, &error);
    MUST(!code || (*error.message && found));
    if (!code && found) {
        MUST(!copy.table != !copy.query && !(copy.in && copy.query) && !(copy.query && copy.columns));
        MUST(copy.options.format == DR_COPY_BINARY || copy.options.delimiter);
        use_options(&copy.options, sql);
        dr_copy_statement_free(&copy);
    }
    MUST(!copy.table && !copy.query && !copy.columns);
    free(sql);
    return 0;
}
