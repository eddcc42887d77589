#include "support.h"

#include <stdio.h>
#include <string.h>

#include "service/copyrows.h"

/* What a statement is read as: direction, what is copied, format, delimiter, NULL's text, and what else there is. */
static void show(const struct dr_copy_statement *copy, char *to, size_t size)
{
    static const char *const formats[] = {"text", "csv", "binary"};
    const struct dr_copy_options *options = &copy->options;
    int n = snprintf(to, size, "%s %s", copy->in ? "in" : "out", copy->table ? copy->table : copy->query);
    for (char **column = copy->columns; column && *column; column++)
        n += snprintf(to + n, size - (size_t)n, "%s<%s>", column == copy->columns ? " " : "", *column);
    n += snprintf(to + n, size - (size_t)n, " %s", formats[options->format]);
    if (options->format != DR_COPY_BINARY)
        n += snprintf(to + n, size - (size_t)n, " %c [%s]", options->delimiter == '\t' ? 'T' : options->delimiter, options->null);
    if (options->format == DR_COPY_CSV)
        n += snprintf(to + n, size - (size_t)n, " %c%c", options->quote, options->escape);
    n += snprintf(to + n, size - (size_t)n, "%s%s",
                  options->header == 1   ? " header"
                  : options->header == 2 ? " match"
                                         : "",
                  options->force_quote_all ? " force" : "");
}

static void statements_are_read(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"COPY t FROM STDIN", "in t text T [\\N]"},
        {" /* c */ copy t to stdout ;; -- c", "out t text T [\\N]"},
        {"COPY t FROM STDOUT", "in t text T [\\N]"},
        {"COPY t TO STDIN WITH", "out t text T [\\N]"},
        {"COPY db . \"My Schema\".\"t\"\"q\" (a, \"B c\",d) FROM STDIN",
         "in db.\"My Schema\".\"t\"\"q\" <a><B c><d> text T [\\N]"},
        {"COPY (SELECT ')', (1) FROM t -- )\n) TO STDOUT (FORMAT csv)", "out SELECT ')', (1) FROM t -- )\n csv , [] \"\""},
        {"COPY BINARY t FROM STDIN", "in t binary"},
        {"COPY t FROM STDIN WITH BINARY", "in t binary"},
        {"COPY t FROM STDIN BINARY", "in t binary"},
        {"COPY t TO STDOUT (FORMAT 'binary')", "out t binary"},
        {"COPY t TO STDOUT WITH (FORMAT csv, HEADER, DELIMITER ';', NULL 'nil', QUOTE '''', ESCAPE '\\', ENCODING 'utf8')",
         "out t csv ; [nil] '\\ header"},
        {"COPY t TO STDOUT WITH (\"format\" CSV, header off, FORCE_QUOTE *, encoding UTF8)", "out t csv , [] \"\" force"},
        {"COPY t TO STDOUT (header 1, null 0)", "out t text T [0] header"},
        {"COPY t TO STDOUT (null NIL)", "out t text T [nil]"},
        {"COPY t FROM STDIN (FORMAT text, header match, freeze false)", "in t text T [\\N] match"},
        {"COPY t FROM STDIN (DELIMITER E'\\x01')", "in t text \1 [\\N]"},
        {"COPY t FROM STDIN WITH CSV HEADER DELIMITER ';'", "in t csv ; [] \"\" header"},
        {"COPY t FROM STDIN CSV NULL AS 'x' DELIMITER AS '|' QUOTE AS '''' ENCODING 'UTF-8'", "in t csv | [x] ''"},
        {"COPY t TO STDOUT CSV QUOTE '$' ESCAPE '^' FORCE QUOTE *", "out t csv , [] $^ force"},
        {"COPY t FROM STDIN USING DELIMITERS ','", "in t text , [\\N]"},
        {"COPY t TO STDOUT DELIMITERS ',' WITH NULL ''", "out t text , []"},
        {"COPY t FROM STDIN (NULL '123456789012345678901234567890123456789012345678901234567890123')",
         "in t text T [123456789012345678901234567890123456789012345678901234567890123]"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct dr_copy_statement copy;
        duckrow_error error = {0};
        int found;
        char shown[500];
        if (dr_copy_parse(table[i][0], &found, &copy, &error) || !found)
            fail_msg("%s: %s", table[i][0], found ? error.message : "not found");
        show(&copy, shown, sizeof shown);
        assert_string_equal(shown, table[i][1]);
        dr_copy_statement_free(&copy);
    }
}

static void others_are_left_to_duckdb(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",
        "SELECT 1",
        "/* no end",
        "COPY",
        "COPY /* no end",
        "COPY t",
        "COPY t FROM 'file.csv'",
        "COPY t TO 'x.parquet'",
        "COPY (SELECT 1) TO 'x.parquet' (FORMAT parquet)",
        "COPY FROM DATABASE a TO b",
        "COPY t FROM PROGRAM 'cat'",
        "COPY (SELECT 1) FROM STDIN",
        "COPY (SELECT 'x TO STDOUT",
        "COPY (SELECT (1) TO STDOUT",
        "COPY (SELECT 1; TO STDOUT",
        "COPY t () FROM STDIN",
        "COPY t (a b) FROM STDIN",
        "COPY t. FROM STDIN",
        "COPY t FROM \"stdin\"",
        "COPYx t FROM STDIN",
        "COPY BINARY (SELECT 1) TO STDOUT",
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct dr_copy_statement copy;
        int found = 1;
        assert_int_equal(dr_copy_parse(table[i], &found, &copy, NULL), DUCKROW_OK);
        if (found)
            fail_msg("found: %s", table[i]);
        assert_null(copy.table);
        assert_null(copy.query);
    }
}

#define LONG "1234567890123456789012345678901234567890123456789012345678901234"

static void errors_are_those_of_postgresql(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *message;
        duckrow_code code;
    } table[] = {
        {"COPY t FROM STDIN WHERE a = 1", "COPY FROM … WHERE is not supported", DUCKROW_UNSUPPORTED},
        {"COPY t FROM STDIN (ENCODING latin1)", "COPY encoding \"latin1\" is not supported: only UTF8 is", DUCKROW_UNSUPPORTED},
        {"COPY t FROM STDIN FREEZE", "COPY FREEZE is not supported", DUCKROW_UNSUPPORTED},
        {"COPY t FROM STDIN (FORMAT csv, FORCE_NULL (a, b))", "COPY FORCE_NULL and FORCE_NOT_NULL are not supported",
         DUCKROW_UNSUPPORTED},
        {"COPY t FROM STDIN CSV FORCE NOT NULL a, b", "COPY FORCE_NULL and FORCE_NOT_NULL are not supported",
         DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (FORMAT csv, FORCE_QUOTE (a))", "COPY FORCE_QUOTE of some columns is not supported: use FORCE_QUOTE *",
         DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (NULL '" LONG "')", "COPY null representation has more than 63 bytes", DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (FORCE_QUOTE *)", "COPY force quote available only in CSV mode", DUCKROW_UNSUPPORTED},
        {"COPY t FROM STDIN CSV FORCE QUOTE *", "COPY force quote only available using COPY TO", DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT CSV FORCE NULL a", "COPY force null only available using COPY FROM", DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (FORMAT csv, HEADER match)", "cannot use \"match\" with HEADER in COPY TO", DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (DELIMITER 'ab')", "COPY delimiter must be a single one-byte character", DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (DELIMITER '')", "COPY delimiter must be a single one-byte character", DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (DELIMITER '\xc3')", "COPY delimiter must be a single one-byte character", DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (DELIMITER '\n')", "COPY delimiter cannot be newline or carriage return", DUCKROW_USAGE},
        {"COPY t TO STDOUT (DELIMITER a)", "COPY delimiter cannot be \"a\"", DUCKROW_USAGE},
        {"COPY t TO STDOUT (FORMAT csv, QUOTE ',')", "COPY delimiter and quote must be different", DUCKROW_USAGE},
        {"COPY t TO STDOUT (QUOTE ',')", "COPY quote available only in CSV mode", DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (ESCAPE ',')", "COPY escape available only in CSV mode", DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (NULL 'a\nb')", "COPY null representation cannot use newline or carriage return", DUCKROW_USAGE},
        {"COPY t TO STDOUT (NULL 'a\tb')", "COPY delimiter must not appear in the NULL specification", DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (FORMAT csv, NULL 'a\"')", "CSV quote character must not appear in the NULL specification",
         DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (FORMAT binary, HEADER)", "cannot specify HEADER in BINARY mode", DUCKROW_UNSUPPORTED},
        {"COPY t TO STDOUT (FORMAT binary, DELIMITER ',')", "cannot specify DELIMITER in BINARY mode", DUCKROW_USAGE},
        {"COPY BINARY t TO STDOUT NULL ','", "cannot specify NULL in BINARY mode", DUCKROW_USAGE},
        {"COPY t TO STDOUT (FORMAT csv, FORMAT csv)", "conflicting or redundant options", DUCKROW_USAGE},
        {"COPY BINARY t TO STDOUT CSV", "conflicting or redundant options", DUCKROW_USAGE},
        {"COPY t TO STDOUT (FORMAT xml)", "COPY format \"xml\" not recognized", DUCKROW_USAGE},
        {"COPY t TO STDOUT (foo)", "option \"foo\" not recognized", DUCKROW_USAGE},
        {"COPY t TO STDOUT (HEADER 3)", "header requires a Boolean value or \"match\"", DUCKROW_USAGE},
        {"COPY t TO STDOUT (DELIMITER)", "delimiter requires a parameter", DUCKROW_USAGE},
        {"COPY t TO STDOUT (FORMAT csv, FORCE_QUOTE x)", "argument to option \"force_quote\" must be a list of column names",
         DUCKROW_USAGE},
        {"COPY t TO STDOUT ()", "syntax error at or near \")\"", DUCKROW_USAGE},
        {"COPY t TO STDOUT (FORMAT csv", "syntax error at end of input", DUCKROW_USAGE},
        {"COPY t TO STDOUT (FORMAT csv) x", "syntax error at or near \"x\"", DUCKROW_USAGE},
        {"COPY t TO STDOUT CSV DELIMITER x", "syntax error at or near \"x\"", DUCKROW_USAGE},
        {"COPY t TO STDOUT CSV FORCE NOT a", "syntax error at or near \"a\"", DUCKROW_USAGE},
        {"COPY (SELECT 1) TO STDOUT WHERE true", "syntax error at or near \"WHERE\"", DUCKROW_USAGE},
        {"COPY (SELECT 1) TO STDOUT DELIMITERS ','", "syntax error at or near \"DELIMITERS\"", DUCKROW_USAGE},
        {"COPY t TO STDOUT USING x", "syntax error at or near \"x\"", DUCKROW_USAGE},
        {"COPY t TO STDOUT (NULL 'x", "unterminated quoted string or comment", DUCKROW_USAGE},
        {"COPY t TO STDOUT; SELECT 1", "syntax error at or near \"SELECT\"", DUCKROW_USAGE},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct dr_copy_statement copy;
        duckrow_error error = {0};
        int found;
        duckrow_code code = dr_copy_parse(table[i].sql, &found, &copy, &error);
        if (code != table[i].code || strcmp(error.message, table[i].message) != 0)
            fail_msg("%s: %d %s", table[i].sql, code, error.message);
        assert_true(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(statements_are_read), cmocka_unit_test(others_are_left_to_duckdb),
                                       cmocka_unit_test(errors_are_those_of_postgresql)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
