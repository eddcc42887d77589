#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "service/copyrows.h"

static const char *const names[] = {"a", "b", "c", "d"};

static const struct dr_copy_options text = {.format = DR_COPY_TEXT, .delimiter = '\t', .null = "\\N"};
static const struct dr_copy_options headed = {.format = DR_COPY_TEXT, .delimiter = '\t', .null = "\\N", .header = 1};
static const struct dr_copy_options odd = {.format = DR_COPY_TEXT, .delimiter = '|', .null = "\\"};
static const struct dr_copy_options odd_null = {.format = DR_COPY_TEXT, .delimiter = '\t', .null = "\\Nil"};
static const struct dr_copy_options csv = {.format = DR_COPY_CSV, .delimiter = ',', .quote = '"', .escape = '"'};
static const struct dr_copy_options csv_headed = {
    .format = DR_COPY_CSV, .delimiter = ',', .quote = '"', .escape = '"', .header = 1};
static const struct dr_copy_options csv_match = {
    .format = DR_COPY_CSV, .delimiter = ',', .quote = '"', .escape = '"', .header = 2};
static const struct dr_copy_options csv_odd = {
    .format = DR_COPY_CSV, .delimiter = ';', .quote = '\'', .escape = '\\', .null = "x"};
static const struct dr_copy_options binary = {.format = DR_COPY_BINARY};

#define HEADER "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define CASE(options, count, bytes, rows) {&options, count, bytes, sizeof(bytes) - 1, rows}

/* Columns, what comes in, and the rows as `show` has them. What PostgreSQL 15 does with it is the same, but for the line's place. */
static const struct {
    const struct dr_copy_options *options;
    size_t count;
    const char *bytes;
    size_t size;
    const char *rows;
} table[] = {
    CASE(text, 2, "", ""),
    CASE(text, 2, "1\ta\n2\tb", "<1><a>\n<2><b>\n"),
    CASE(text, 2, "1\ta\r\n2\tb\r\n", "<1><a>\n<2><b>\n"),
    CASE(text, 2, "1\ta\r2\tb\r", "<1><a>\n<2><b>\n"),
    CASE(text, 2, "\t\n\t\\N", "<><>\n<>NULL\n"),
    CASE(text, 1, "\n\\N\n\\\\N\nN\n\\Nx\n", "<>\nNULL\n<\\N>\n<N>\n<Nx>\n"),
    CASE(text, 2, "\\x4a\\112\\b\\q\\x\t\\xg\\7\\1234\n", "<JJ\bqx><xg\aS4>\n"),
    CASE(text, 1, "a\\fb\\nc\\rd\\te\\vf\\\tg\\x4\n", "<a\fb\nc\rd\te\vf\tg\4>\n"),
    CASE(text, 2, "a\\\nb\tc\\", "<a\nb><c>\n"),
    CASE(text, 2, "1\ta\n\\.\nignored", "<1><a>\n"),
    CASE(text, 2, "1\ta\n2\tb\\.\nignored", "<1><a>\n<2><b>\n"),
    CASE(text, 2, "1\ta\r\n\\.\r\nignored", "<1><a>\n"),
    CASE(text, 1, "a\r\\.\r", "<a>\n"),
    CASE(text, 2, "1\ta\n\\.", "<1><a>\nCOPY, line 2: end-of-copy marker corrupt"),
    CASE(text, 2, "1\ta\n\\.x\n", "<1><a>\nCOPY, line 2: end-of-copy marker corrupt"),
    CASE(text, 2, "1\ta\r\n\\.\rx", "<1><a>\nCOPY, line 2: end-of-copy marker corrupt"),
    CASE(text, 2, "1\ta\r\n\\.\n", "<1><a>\nCOPY, line 2: end-of-copy marker does not match previous newline style"),
    CASE(text, 2, "1\ta\n\\.\r\n", "<1><a>\nCOPY, line 2: end-of-copy marker does not match previous newline style"),
    CASE(text, 2, "1\ta\r\n2\tb\n", "<1><a>\nCOPY, line 2: literal newline found in data (use \"\\n\" to represent newline)"),
    CASE(text, 2, "1\ta\n2\tb\r\n",
         "<1><a>\nCOPY, line 2: literal carriage return found in data (use \"\\r\" to represent carriage return)"),
    CASE(text, 1, "a\r\nb\rc\r\n",
         "<a>\nCOPY, line 2: literal carriage return found in data (use \"\\r\" to represent carriage return)"),
    CASE(text, 2, "1\n", "COPY, line 1: missing data for column \"b\""),
    CASE(text, 2, "1\t2\n\n", "<1><2>\nCOPY, line 2: missing data for column \"b\""),
    CASE(text, 2, "1\t2\t3\n", "COPY, line 1: extra data after last expected column"),
    CASE(headed, 2, "any\n1\t2\n", "<1><2>\n"),
    CASE(headed, 2, "any", ""),
    CASE(headed, 2, "\\.\n1\t2\n", ""),
    CASE(odd, 2, "\\|b|c\na|\\\n", "<|b><c>\n<a><\n>\n"),

    CASE(odd_null, 2, "\\Nil\t\\N\nNil\t\\Nile\n", "NULL<N>\n<Nil><Nile>\n"),

    CASE(csv, 2, "1,\"a\nb\"\n2,\"c\"\"d\"e\n", "<1><a\nb>\n<2><c\"de>\n"),
    CASE(csv, 2, "1,\n\"\",\"\"\n,", "<1>NULL\n<><>\nNULLNULL\n"),
    CASE(csv, 1, "\n\"a,b\"\"\"\nc\"d\"\"e\"f\"g,\"", "NULL\n<a,b\">\n<cd\"efg,>\n"),
    CASE(csv, 1, "\\N\na\\b\n\\\n", "<\\N>\n<a\\b>\n<\\>\n"),
    CASE(csv, 2, "1,a\n\\.\nignored", "<1><a>\n"),
    CASE(csv, 2, "1,a\n\\.,b\n", "<1><a>\n<\\.><b>\n"),
    CASE(csv, 1, "a\n\\.", "<a>\n<\\.>\n"),
    CASE(csv, 1, "\\", "<\\>\n"),
    CASE(csv, 1, "\"\n\\.\n\"\n", "<\n\\.\n>\n"),
    CASE(csv, 2, "1,a\r\n\"x\ny\",b\r\n\\.\r\n", "<1><a>\n<x\ny><b>\n"),
    CASE(csv, 2, "1,\"a\n", "COPY, line 2: unterminated CSV quoted field"),
    CASE(csv, 2, "1,\"a\nb\nc\"\n2\n", "<1><a\nb\nc>\nCOPY, line 4: missing data for column \"b\""),
    CASE(csv, 2, "1,a\r\n2,b\n",
         "<1><a>\nCOPY, line 2: unquoted newline found in data (use quoted CSV field to represent newline)"),
    CASE(csv, 2, "1,a\n2,b\r\n",
         "<1><a>\nCOPY, line 2: unquoted carriage return found in data (use quoted CSV field to represent carriage return)"),
    CASE(csv, 2, "1,a\n\\.\r\n", "<1><a>\nCOPY, line 2: end-of-copy marker does not match previous newline style"),
    CASE(csv_headed, 2, "\"a\nb\",c\n1,2\n3\n", "<1><2>\nCOPY, line 4: missing data for column \"b\""),
    CASE(csv_match, 2, "a,\"B\"\n1,2\n", "<1><2>\n"),
    CASE(csv_match, 2, "a,c\n1,2\n", "COPY, line 1: column name mismatch in header line field 2: got \"c\", expected \"b\""),
    CASE(csv_match, 2, "a\n", "COPY, line 1: wrong number of fields in header line: got 1, expected 2"),
    CASE(csv_match, 2, "a,b,c\n", "COPY, line 1: wrong number of fields in header line: got 3, expected 2"),
    CASE(csv_match, 2, "a,\n",
         "COPY, line 1: column name mismatch in header line field 2: got null value (\"\"), expected \"b\""),
    CASE(csv_odd, 1, "'\\\\'\n'b\\\\\\''\n'c\\d'\n", "<\\>\n<b\\'>\n<c\\d>\n"),
    CASE(csv_odd, 3, "x;'x';'a\\'b\\\\c\\d;'\n'\\\\';'\\'';\\'e'\n", "NULL<x><a'b\\c\\d;>\n<\\><'><\\e>\n"),

    CASE(binary, 2, "", "COPY file signature not recognized"),
    CASE(binary, 2, "PGCOPY\n\377\n\n\0\0\0\0\0\0\0\0\0\0", "COPY file signature not recognized"),
    CASE(binary, 2, "PGCOPY\n\377\r\n\0\0\0", "invalid COPY file header (missing flags)"),
    CASE(binary, 2, "PGCOPY\n\377\r\n\0\0\1\0\0\0\0\0\0", "invalid COPY file header (WITH OIDS)"),
    CASE(binary, 2, "PGCOPY\n\377\r\n\0\0\2\0\0\0\0\0\0", "unrecognized critical flags in COPY file header"),
    CASE(binary, 2, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0", "invalid COPY file header (missing length)"),
    CASE(binary, 2, "PGCOPY\n\377\r\n\0\0\0\0\0\377\0\0\0", "invalid COPY file header (missing length)"),
    CASE(binary, 2, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\5xx", "invalid COPY file header (wrong length)"),
    CASE(binary, 1, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\2zz\0\1\0\0\0\1a\377\377", "<a>\n"),
    CASE(binary, 2, HEADER, ""),
    CASE(binary, 2, HEADER "\377\377", ""),
    CASE(binary, 2, HEADER "\0\2\0\0\0\3a\nb\377\377\377\377\0\2\0\0\0\0\0\0\0\1\\", "<a\nb>NULL\n<><\\>\n"),
    CASE(binary, 1, HEADER "\0\1\0\0\0\1a\377\377z", "<a>\nCOPY, line 2: received copy data after EOF marker"),
    CASE(binary, 2, HEADER "\0\3", "COPY, line 1: row field count is 3, expected 2"),
    CASE(binary, 2, HEADER "\377\376", "COPY, line 1: row field count is -2, expected 2"),
    CASE(binary, 1, HEADER "\0\1\0\0\0\1a\0", "<a>\nCOPY, line 2: unexpected EOF in COPY data"),
    CASE(binary, 2, HEADER "\0\2\0\0\0\1", "COPY, line 1: unexpected EOF in COPY data"),
    CASE(binary, 2, HEADER "\0\2\0\0\0\1a\0\0", "COPY, line 1: unexpected EOF in COPY data"),
    CASE(binary, 2, HEADER "\0\2\377\377\377\360", "COPY, line 1: invalid field size"),
    CASE(binary, 2, HEADER "\0\2\177\377\377\377", "COPY, line 1: the row is longer than 1073741823 bytes"),
};

/* Takes what rows there are and shows them; 0 after an error. */
static int show(struct dr_copy_reader *reader, size_t count, struct dr_buffer *shown)
{
    const struct dr_copy_field *fields;
    duckrow_error error = {0};
    int result;
    while ((result = dr_copy_reader_row(reader, &fields, &error)) > 0) {
        for (size_t i = 0; i < count; i++) {
            dr_buffer_text(shown, fields[i].bytes ? "<" : "NULL");
            dr_buffer_add(shown, fields[i].bytes, fields[i].size);
            dr_buffer_text(shown, fields[i].bytes ? ">" : "");
        }
        dr_buffer_text(shown, "\n");
    }
    if (result < 0) {
        assert_int_equal(error.code, DUCKROW_USAGE);
        dr_buffer_text(shown, error.message);
    }
    return result == 0;
}

/* Feeds pieces of `piece` bytes, or, with 0, of random sizes; the last may be empty. */
static char *read_in_pieces(size_t row, size_t piece)
{
    struct dr_copy_reader *reader = dr_copy_reader_make(table[row].options, names, table[row].count);
    struct dr_buffer shown = {0};
    size_t at = 0;
    int last = 0;
    while (!last) {
        size_t left = table[row].size - at, size = piece ? piece : (size_t)rand() % 8;
        size = size < left ? size : left;
        last = at + size == table[row].size && rand() % 2;
        /* A copy of the exact size, so that a sanitizer sees a step beyond it. */
        char *copy = malloc(size + 1);
        memcpy(copy, table[row].bytes + at, size);
        dr_copy_reader_feed(reader, copy, size, last);
        free(copy);
        at += size;
        if (!show(reader, table[row].count, &shown))
            break;
    }
    dr_buffer_u8(&shown, 0);
    dr_copy_reader_free(reader);
    return (char *)shown.bytes;
}

static void rows_are_the_same_in_any_pieces(void **state)
{
    (void)state;
    srand(1);
    for (size_t row = 0; row < sizeof table / sizeof *table; row++) {
        for (size_t piece = 0; piece < 40; piece++) {
            char *shown = read_in_pieces(row, piece == 1 ? 1000 : piece == 2 ? 1 : 0);
            if (strcmp(shown, table[row].rows) != 0)
                fail_msg("row %zu, way %zu: %s\nis read as:\n%s\ninstead of:\n%s", row, piece, table[row].bytes, shown,
                         table[row].rows);
            free(shown);
        }
    }
}

/* ---- out ---- */

#define VALUE(bytes) {(const unsigned char *)bytes, sizeof(bytes) - 1}
static const struct dr_copy_field values[][4] = {
    {VALUE("a\b\f\n\r\t\v\1\\x"), {0}, VALUE(""), VALUE("\\N")},
    {VALUE("\\."), VALUE("a,b;c|d"), VALUE("it's \"x\""), VALUE("x")},
    {{0}, {0}, {0}, {0}},
    {VALUE(""), VALUE(""), VALUE(""), VALUE("\\\\''\"\"")},
    {VALUE("plain"), VALUE("\r"), VALUE("\n"), VALUE("\xc3\xa4\xe2\x82\xac")},
};
enum { ROWS = sizeof values / sizeof *values };

static void write_rows(const struct dr_copy_options *options, size_t count, struct dr_buffer *out)
{
    dr_copy_put_start(options, names, count, out);
    for (size_t row = 0; row < ROWS; row++) {
        dr_copy_put_row(options, count, out);
        for (size_t i = 0; i < count; i++)
            dr_copy_put_text(options, i, &values[row][i], out);
        dr_copy_put_end_of_row(options, out);
    }
    dr_copy_put_finish(options, out);
    assert_false(out->failed);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct dr_copy_options forced = csv, all[] = {text, headed, csv, csv_headed, csv_match, csv_odd, binary, csv};
    forced.force_quote_all = 1;
    all[7] = forced;
    for (size_t which = 0; which < sizeof all / sizeof *all; which++) {
        for (size_t count = 1; count <= 4; count++) {
            struct dr_buffer out = {0};
            const struct dr_copy_field *fields;
            duckrow_error error = {0};
            write_rows(&all[which], count, &out);
            struct dr_copy_reader *reader = dr_copy_reader_make(&all[which], names, count);
            dr_copy_reader_feed(reader, out.bytes + out.start, dr_buffer_size(&out), 1);
            for (size_t row = 0; row < ROWS; row++) {
                if (dr_copy_reader_row(reader, &fields, &error) != 1)
                    fail_msg("options %zu, row %zu: %s", which, row, error.message);
                for (size_t i = 0; i < count; i++) {
                    assert_int_equal(!fields[i].bytes, !values[row][i].bytes);
                    assert_int_equal(fields[i].size, values[row][i].size);
                    if (fields[i].size)
                        assert_memory_equal(fields[i].bytes, values[row][i].bytes, fields[i].size);
                }
            }
            assert_int_equal(dr_copy_reader_row(reader, &fields, &error), 0);
            dr_copy_reader_free(reader);
            dr_buffer_free(&out);
        }
    }
}

/* What PostgreSQL 15 writes for the same rows. */
static void is_written_as_postgresql_does(void **state)
{
    (void)state;
    struct dr_copy_options forced = csv_odd;
    forced.force_quote_all = 1;
    forced.header = 1;
    const struct {
        const struct dr_copy_options *options;
        const char *bytes;
    } written[] = {
        {&headed, "a\tb\tc\td\na\\b\\f\\n\\r\\t\\v\1\\\\x\t\\N\t\t\\\\N\n\\\\.\ta,b;c|d\tit's \"x\"\tx\n\\N\t\\N\t\\N\t\\N\n"
                  "\t\t\t\\\\\\\\''\"\"\nplain\t\\r\t\\n\t\xc3\xa4\xe2\x82\xac\n"},
        {&csv_headed, "a,b,c,d\n\"a\b\f\n\r\t\v\1\\x\",,\"\",\\N\n\"\\.\",\"a,b;c|d\",\"it's \"\"x\"\"\",x\n,,,\n"
                      "\"\",\"\",\"\",\"\\\\''\"\"\"\"\"\nplain,\"\r\",\"\n\",\xc3\xa4\xe2\x82\xac\n"},
        {&forced, "a;b;c;d\n'a\b\f\n\r\t\v\1\\\\x';x;'';'\\\\N'\n'\\\\.';'a,b;c|d';'it\\'s \"x\"';'x'\nx;x;x;x\n"
                  "'';'';'';'\\\\\\\\\\'\\'\"\"'\n'plain';'\r';'\n';'\xc3\xa4\xe2\x82\xac'\n"},
    };
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        struct dr_buffer out = {0};
        write_rows(written[i].options, 4, &out);
        dr_buffer_u8(&out, 0);
        assert_string_equal((const char *)out.bytes, written[i].bytes);
        dr_buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_the_same_in_any_pieces),
                                       cmocka_unit_test(what_was_written_is_read),
                                       cmocka_unit_test(is_written_as_postgresql_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
