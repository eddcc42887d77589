#include "copyoptions.h"

#include <string.h>
#include <strings.h>

static const char *const names[] = {
#define NAME(name, text) text,
    DR_COPY_OPTIONS(NAME)
#undef NAME
};

enum dr_copy_option dr_copy_option_find(const char *name)
{
    for (int i = 0; i < DR_COPY_OPTION_COUNT; i++)
        if (strcasecmp(name, names[i]) == 0)
            return (enum dr_copy_option)i;
    return DR_COPY_OPTION_COUNT;
}

static duckrow_code set_format(const struct dr_copy_value *value, struct dr_copy_options *options, duckrow_error *error)
{
    if (value->kind == DR_COPY_NOT_GIVEN || strcasecmp(value->text, "text") == 0)
        options->format = DR_COPY_TEXT;
    else if (strcasecmp(value->text, "csv") == 0)
        options->format = DR_COPY_CSV;
    else if (strcasecmp(value->text, "binary") == 0)
        options->format = DR_COPY_BINARY;
    else
        return dr_fail(error, DUCKROW_USAGE, "COPY format \"%s\" not recognized", value->text);
    return DUCKROW_OK;
}

/* 1, 0, or -1: neither. */
static int boolean(const struct dr_copy_value *value)
{
    static const char *const yes[] = {"true", "on", "1"}, *const no[] = {"false", "off", "0"};
    if (value->kind != DR_COPY_VALUE)
        return value->kind == DR_COPY_NO_VALUE ? 1 : value->kind == DR_COPY_NOT_GIVEN ? 0 : -1;
    for (int i = 0; i < 3; i++) {
        if (strcasecmp(value->text, yes[i]) == 0)
            return 1;
        if (strcasecmp(value->text, no[i]) == 0)
            return 0;
    }
    return -1;
}

static duckrow_code set_header(const struct dr_copy_value *value, int in, struct dr_copy_options *options, duckrow_error *error)
{
    if (value->kind == DR_COPY_VALUE && strcasecmp(value->text, "match") == 0) {
        if (!in)
            return dr_fail(error, DUCKROW_UNSUPPORTED, "cannot use \"match\" with HEADER in COPY TO");
        options->header = 2;
        return DUCKROW_OK;
    }
    options->header = boolean(value);
    if (options->header < 0)
        return dr_fail(error, DUCKROW_USAGE, "header requires a Boolean value or \"match\"");
    return DUCKROW_OK;
}

/* One character, or `otherwise` where none is given. */
static duckrow_code set_character(const struct dr_copy_value *value, const char *name, char otherwise, char *character,
                                  duckrow_error *error)
{
    *character = otherwise;
    if (value->kind == DR_COPY_NOT_GIVEN)
        return DUCKROW_OK;
    if (strlen(value->text) != 1 || (unsigned char)*value->text >= 0x80)
        return dr_fail(error, DUCKROW_UNSUPPORTED, "COPY %s must be a single one-byte character", name);
    if (*value->text == '\n' || *value->text == '\r')
        return dr_fail(error, DUCKROW_USAGE, "COPY %s cannot be newline or carriage return", name);
    *character = *value->text;
    return DUCKROW_OK;
}

static duckrow_code set_null(const struct dr_copy_value *value, struct dr_copy_options *options, duckrow_error *error)
{
    const char *text = value->kind == DR_COPY_VALUE ? value->text : options->format == DR_COPY_CSV ? "" : "\\N";
    if (strpbrk(text, "\r\n"))
        return dr_fail(error, DUCKROW_USAGE, "COPY null representation cannot use newline or carriage return");
    if (strlen(text) >= sizeof options->null)
        return dr_fail(error, DUCKROW_UNSUPPORTED, "COPY null representation has more than %d bytes", DR_COPY_NULL_SIZE - 1);
    strcpy(options->null, text);
    return DUCKROW_OK;
}

static duckrow_code set_characters(const struct dr_copy_value *values, struct dr_copy_options *options, duckrow_error *error)
{
    int csv = options->format == DR_COPY_CSV;
    duckrow_code code =
        set_character(&values[DR_COPY_OPTION_DELIMITER], "delimiter", csv ? ',' : '\t', &options->delimiter, error);
    if (!code)
        code = set_null(&values[DR_COPY_OPTION_NULL], options, error);
    if (!code)
        code = set_character(&values[DR_COPY_OPTION_QUOTE], "quote", '"', &options->quote, error);
    if (!code)
        code = set_character(&values[DR_COPY_OPTION_ESCAPE], "escape", options->quote, &options->escape, error);
    return code;
}

/* What doesn't go together. */
static duckrow_code check_characters(const struct dr_copy_options *options, duckrow_error *error)
{
    int csv = options->format == DR_COPY_CSV;
    if (!csv && strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", options->delimiter))
        return dr_fail(error, DUCKROW_USAGE, "COPY delimiter cannot be \"%c\"", options->delimiter);
    if (csv && options->delimiter == options->quote)
        return dr_fail(error, DUCKROW_USAGE, "COPY delimiter and quote must be different");
    if (strchr(options->null, options->delimiter))
        return dr_fail(error, DUCKROW_UNSUPPORTED, "COPY delimiter must not appear in the NULL specification");
    if (csv && strchr(options->null, options->quote))
        return dr_fail(error, DUCKROW_UNSUPPORTED, "CSV quote character must not appear in the NULL specification");
    return DUCKROW_OK;
}

static duckrow_code check_format(const struct dr_copy_value *values, const struct dr_copy_options *options, int in,
                                 duckrow_error *error)
{
    static const struct {
        enum dr_copy_option option;
        const char *name;
        int in, out; /* allowed in this direction */
    } csv_only[] = {
        {DR_COPY_OPTION_QUOTE, "quote", 1, 1},
        {DR_COPY_OPTION_ESCAPE, "escape", 1, 1},
        {DR_COPY_OPTION_FORCE_QUOTE, "force quote", 0, 1},
        {DR_COPY_OPTION_FORCE_NOT_NULL, "force not null", 1, 0},
        {DR_COPY_OPTION_FORCE_NULL, "force null", 1, 0},
    };
    if (options->format == DR_COPY_BINARY) {
        if (values[DR_COPY_OPTION_DELIMITER].kind)
            return dr_fail(error, DUCKROW_USAGE, "cannot specify DELIMITER in BINARY mode");
        if (values[DR_COPY_OPTION_NULL].kind)
            return dr_fail(error, DUCKROW_USAGE, "cannot specify NULL in BINARY mode");
        if (options->header)
            return dr_fail(error, DUCKROW_UNSUPPORTED, "cannot specify HEADER in BINARY mode");
    }
    for (size_t i = 0; i < sizeof csv_only / sizeof *csv_only; i++) {
        if (!values[csv_only[i].option].kind)
            continue;
        if (options->format != DR_COPY_CSV)
            return dr_fail(error, DUCKROW_UNSUPPORTED, "COPY %s available only in CSV mode", csv_only[i].name);
        if (!(in ? csv_only[i].in : csv_only[i].out))
            return dr_fail(error, DUCKROW_UNSUPPORTED, "COPY %s only available using COPY %s", csv_only[i].name,
                           in ? "TO" : "FROM");
    }
    return DUCKROW_OK;
}

static duckrow_code check_unsupported(const struct dr_copy_value *values, struct dr_copy_options *options, duckrow_error *error)
{
    static const char *const utf8[] = {"utf8", "utf-8", "utf_8", "unicode"};
    const struct dr_copy_value *encoding = &values[DR_COPY_OPTION_ENCODING];
    const struct dr_copy_value *force = &values[DR_COPY_OPTION_FORCE_QUOTE];
    int known = encoding->kind == DR_COPY_NOT_GIVEN;
    for (size_t i = 0; !known && i < sizeof utf8 / sizeof *utf8; i++)
        known = strcasecmp(encoding->text, utf8[i]) == 0;
    if (!known)
        return dr_fail(error, DUCKROW_UNSUPPORTED, "COPY encoding \"%s\" is not supported: only UTF8 is", encoding->text);
    if (boolean(&values[DR_COPY_OPTION_FREEZE]) < 0)
        return dr_fail(error, DUCKROW_USAGE, "freeze requires a Boolean value");
    if (boolean(&values[DR_COPY_OPTION_FREEZE]))
        return dr_fail(error, DUCKROW_UNSUPPORTED, "COPY FREEZE is not supported");
    if (values[DR_COPY_OPTION_FORCE_NULL].kind || values[DR_COPY_OPTION_FORCE_NOT_NULL].kind)
        return dr_fail(error, DUCKROW_UNSUPPORTED, "COPY FORCE_NULL and FORCE_NOT_NULL are not supported");
    if (force->kind == DR_COPY_LIST)
        return dr_fail(error, DUCKROW_UNSUPPORTED, "COPY FORCE_QUOTE of some columns is not supported: use FORCE_QUOTE *");
    options->force_quote_all = force->kind == DR_COPY_STAR;
    return DUCKROW_OK;
}

/* Has every option a value of its kind? */
static duckrow_code check_kinds(const struct dr_copy_value *values, duckrow_error *error)
{
    for (int i = 0; i < DR_COPY_OPTION_COUNT; i++) {
        int list = i == DR_COPY_OPTION_FORCE_QUOTE || i == DR_COPY_OPTION_FORCE_NULL || i == DR_COPY_OPTION_FORCE_NOT_NULL;
        enum dr_copy_value_kind kind = values[i].kind;
        if (kind == DR_COPY_NOT_GIVEN || i == DR_COPY_OPTION_HEADER || i == DR_COPY_OPTION_FREEZE)
            continue;
        if (list && kind != DR_COPY_LIST && !(kind == DR_COPY_STAR && i == DR_COPY_OPTION_FORCE_QUOTE))
            return dr_fail(error, DUCKROW_USAGE, "argument to option \"%s\" must be a list of column names", names[i]);
        if (!list && kind != DR_COPY_VALUE)
            return dr_fail(error, DUCKROW_USAGE, "%s requires a parameter", names[i]);
    }
    return DUCKROW_OK;
}

duckrow_code dr_copy_options_set(const struct dr_copy_value values[DR_COPY_OPTION_COUNT], int in, struct dr_copy_options *options,
                                 duckrow_error *error)
{
    duckrow_code code = check_kinds(values, error);
    if (!code)
        code = set_format(&values[DR_COPY_OPTION_FORMAT], options, error);
    if (!code)
        code = set_header(&values[DR_COPY_OPTION_HEADER], in, options, error);
    if (!code)
        code = check_format(values, options, in, error);
    if (!code)
        code = set_characters(values, options, error);
    if (!code)
        code = check_characters(options, error);
    if (!code)
        code = check_unsupported(values, options, error);
    return code;
}
