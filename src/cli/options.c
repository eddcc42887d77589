#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "core/units.h"
#include "format.h"

static duckrow_code read_timeout(const char *text, int64_t *milliseconds, duckrow_error *error)
{
    if (!dr_parse_duration(text, milliseconds))
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_USAGE, "--timeout %.100s is %s: " DR_GIVE_A_TIME, text,
                   *text == '-' ? "negative" : "not understood");
}

/* --watch [SECONDS] */
static duckrow_code read_watch(const char *text, int64_t *milliseconds, duckrow_error *error)
{
    *milliseconds = 1000;
    if (text && (dr_parse_duration(text, milliseconds) || *milliseconds < 10))
        return dr_fail(error, DUCKROW_USAGE, "--watch %.100s is not understood: " DR_GIVE_A_TIME, text);
    return DUCKROW_OK;
}

/* How long between two looks; a database may be called 5, but not be given as that. */
static int is_number(const char *text)
{
    return text && *text && strspn(text, "0123456789.") == strlen(text);
}

struct flag {
    const char *name;
    unsigned takes;
    size_t offset;
    int has_value;
};

/* The value of --timeout is checked as it is read, so it has no place of its own. */
static const struct flag flags[] = {
    {"--write", DR_TAKES_WRITE, offsetof(struct dr_options, write), 0},
    {"--exclusive", DR_TAKES_WRITE, offsetof(struct dr_options, exclusive), 0},
    {"--json", DR_TAKES_JSON, offsetof(struct dr_options, json), 0},
    {"--help", 0, offsetof(struct dr_options, help), 0},
    {"-h", 0, offsetof(struct dr_options, help), 0},
    {"--timeout", DR_TAKES_TIMEOUT, 0, 1},
    {"--format", DR_TAKES_FORMAT, offsetof(struct dr_options, format), 1},
    {"--format", DR_TAKES_FILES, offsetof(struct dr_options, format), 1},
    {"--output", DR_TAKES_FORMAT, offsetof(struct dr_options, output), 1},
    {"--file", DR_TAKES_FORMAT, offsetof(struct dr_options, file), 1},
    {"--force", DR_TAKES_TARGET, offsetof(struct dr_options, force), 0},
    {"--storage-version", DR_TAKES_STORAGE_VERSION, offsetof(struct dr_options, storage_version), 1},
    {"--fail-if", DR_TAKES_FAIL_IF, offsetof(struct dr_options, fail_if), 1},
    {"--watch", DR_TAKES_WATCH, 0, 0},
    {"--create", DR_TAKES_INGEST, offsetof(struct dr_options, create), 0},
    {"--add-columns", DR_TAKES_INGEST, offsetof(struct dr_options, add_columns), 0},
    {"--keep", DR_TAKES_INGEST, offsetof(struct dr_options, keep), 0},
    {"--all", DR_TAKES_STAGING, offsetof(struct dr_options, all), 0},
    {"--engine", DR_TAKES_ENGINE, offsetof(struct dr_options, engine), 1},
};

/* Reads the flag at arguments[*at], and its value, which may be the next argument. */
static duckrow_code read_flag(const struct dr_command *command, int count, char **arguments, int *at, struct dr_options *options,
                              duckrow_error *error)
{
    char *argument = arguments[*at], *value = strchr(argument, '=');
    size_t length = value ? (size_t)(value++ - argument) : strlen(argument);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const struct flag *flag = &flags[i];
        if (strlen(flag->name) != length || memcmp(flag->name, argument, length) || (flag->takes & ~command->takes))
            continue;
        if (flag->takes == DR_TAKES_WATCH)
            return read_watch(value || *at + 1 == count || !is_number(arguments[*at + 1]) ? value : arguments[++*at],
                              &options->watch_ms, error);
        if (!flag->has_value && value)
            return dr_fail(error, DUCKROW_USAGE, "%s takes no value; see duckrow %s --help", flag->name, command->name);
        if (!flag->has_value) {
            *(int *)((char *)options + flag->offset) = 1;
            return DUCKROW_OK;
        }
        if (!value && *at + 1 < count)
            value = arguments[++*at];
        if (!value)
            return dr_fail(error, DUCKROW_USAGE, "%s needs a value; see duckrow %s --help", flag->name, command->name);
        if (flag->takes == DR_TAKES_TIMEOUT)
            return read_timeout(value, &options->timeout_ms, error);
        const char **place = (const char **)((char *)options + flag->offset);
        for (int i = 0; flag->takes == DR_TAKES_FAIL_IF && *place; place++)
            if (++i == DR_FAIL_IFS)
                return dr_fail(error, DUCKROW_USAGE, "%s may be given %d times", flag->name, DR_FAIL_IFS);
        *place = value;
        return DUCKROW_OK;
    }
    return dr_fail(error, DUCKROW_USAGE, "unknown option %.100s; see duckrow %s --help", argument, command->name);
}

static duckrow_code check(const struct dr_command *command, const struct dr_options *options, duckrow_error *error)
{
    if ((command->takes & DR_TAKES_DATABASE) && (!options->database || !*options->database))
        return dr_fail(error, DUCKROW_USAGE, "no database given: duckrow %s", command->usage);
    if (options->database && !(command->takes & DR_TAKES_SQL) && strcmp(options->database, ":memory:") == 0)
        return dr_fail(error, DUCKROW_USAGE, ":memory: is no file: only duckrow sql takes it");
    if ((command->takes & DR_TAKES_TARGET) && (!options->target || !*options->target))
        return dr_fail(error, DUCKROW_USAGE, "no target given: duckrow %s", command->usage);
    if ((command->takes & DR_TAKES_CHILD) && (!options->child || !*options->child))
        return dr_fail(error, DUCKROW_USAGE, "no command given: duckrow %s", command->usage);
    if ((command->takes & DR_TAKES_FILES) && (!options->name || !options->rest_count))
        return dr_fail(error, DUCKROW_USAGE, "no %s given: duckrow %s", options->name ? "file" : "table", command->usage);
    if (options->format && (command->takes & DR_TAKES_FORMAT) && !dr_format_find(options->format))
        return dr_fail(error, DUCKROW_USAGE, "unknown format %.100s: choose one of %s", options->format, dr_format_names());
    if (options->watch_ms && options->fail_if[0])
        return dr_fail(error, DUCKROW_USAGE, "--watch and --fail-if don't go together");
    if (options->file && options->sql)
        return dr_fail(error, DUCKROW_USAGE, "SQL comes from the argument or from --file, not from both");
    return DUCKROW_OK;
}

/* A lone - is a file, and SQL may begin with a comment: -- like this. */
static int is_flag(const char *argument)
{
    const char *name = argument + 1 + (argument[0] == '-' && argument[1] == '-');
    return argument[0] == '-' && *name && (name == argument + 1 || isalpha((unsigned char)*name));
}

duckrow_code dr_options_parse(const struct dr_command *command, int count, char **arguments, struct dr_options *options,
                              duckrow_error *error)
{
    *options = (struct dr_options){.timeout_ms = DUCKROW_TIMEOUT_DEFAULT};
    int plain = 0;
    if (command->takes & DR_TAKES_RAW) {
        options->rest = arguments;
        options->rest_count = count;
        return DUCKROW_OK;
    }
    for (int i = 0; i < count; i++) {
        if (!plain && strcmp(arguments[i], "--") == 0) {
            plain = 1;
            if (command->takes & DR_TAKES_CHILD) {
                options->child = arguments + i + 1;
                break;
            }
        } else if (!plain && is_flag(arguments[i])) {
            duckrow_code code = read_flag(command, count, arguments, &i, options, error);
            if (code)
                return code;
        } else if ((command->takes & DR_TAKES_STAGING) && !options->verb) {
            options->verb = arguments[i];
        } else if ((command->takes & DR_TAKES_DATABASE) && !options->database) {
            options->database = arguments[i];
        } else if ((command->takes & DR_TAKES_SQL) && !options->sql) {
            options->sql = arguments[i];
        } else if ((command->takes & DR_TAKES_SETTING) && !options->name) {
            options->name = arguments[i];
        } else if ((command->takes & DR_TAKES_SETTING) && !options->value) {
            options->value = arguments[i];
        } else if ((command->takes & DR_TAKES_TARGET) && !options->target) {
            options->target = arguments[i];
        } else if ((command->takes & DR_TAKES_FILES) && !options->name) {
            options->name = arguments[i];
        } else if (command->takes & DR_TAKES_FILES) {
            /* In the places of arguments that were read already, which go to theirs: whoever made the list frees it. */
            char *file = arguments[i];
            arguments[i] = arguments[options->rest_count];
            arguments[options->rest_count++] = file;
            options->rest = arguments;
        } else if (command->takes & DR_TAKES_CHILD) {
            return dr_fail(error, DUCKROW_USAGE, "put -- before the command: duckrow %s", command->usage);
        } else {
            return dr_fail(error, DUCKROW_USAGE, "unexpected argument %.100s; see duckrow %s --help", arguments[i],
                           command->name);
        }
    }
    return options->help ? DUCKROW_OK : check(command, options, error);
}
