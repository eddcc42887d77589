/* The duckrow program: what its files share.
 *
 * A subcommand is one file with one run function, entered in the table of main.c; a layer above gives its own to duckrow_main. It
 * gets the parsed options, prints what it has to say to standard output, and returns its exit status. Errors go to standard error as
 * one line, "duckrow: message", and the exit status follows from the code (DUCKROW_ERRORS); a process that a signal ends returns
 * 128 + the signal's number. */
#ifndef DR_CLI_H
#define DR_CLI_H

#include <stdint.h>

#include "core/error.h"

enum { DR_FAIL_IFS = 16 };

struct dr_options {
    int write, exclusive, json, help, force, create, add_columns, keep, all;
    int64_t timeout_ms, watch_ms; /* watch_ms 0: once */
    const char *format, *output, *engine, *file;
    const char *database, *sql, *target, *storage_version;
    const char *verb;                 /* what to do: before the database */
    const char *name, *value;         /* of a setting; of a table, and a file */
    const char *fail_if[DR_FAIL_IFS]; /* ended by NULL, or full */
    char **child; /* of hold: the command, ended by NULL */
    char **rest;  /* with DR_TAKES_RAW: all arguments, ended by NULL; with DR_TAKES_FILES: the files */
    int rest_count;
};

enum { /* the options and arguments that a subcommand takes */
       DR_TAKES_WRITE = 1, /* and --exclusive */
       DR_TAKES_JSON = 2,
       DR_TAKES_TIMEOUT = 4,
       DR_TAKES_FORMAT = 8, /* and --output and --file */
       DR_TAKES_ENGINE = 16,
       DR_TAKES_DATABASE = 32,
       DR_TAKES_SQL = 64,
       DR_TAKES_CHILD = 128,
       DR_TAKES_TARGET = 256, /* and --force */
       DR_TAKES_STORAGE_VERSION = 512,
       DR_TAKES_FAIL_IF = 1024,
       DR_TAKES_SETTING = 2048, /* a name, and a value */
       DR_TAKES_WATCH = 8192,
       DR_TAKES_INGEST = 32768, /* --create, --add-columns, --keep */
       DR_TAKES_FILES = 16384, /* a name and files (rest), and --format */
       DR_TAKES_STAGING = 65536, /* a verb, and --all */
       DR_TAKES_RAW = 4096,     /* alone: the command reads its arguments itself, --help too */
};

struct dr_command {
    const char *name, *usage, *summary, *help;
    unsigned takes;
    int (*run)(const struct dr_options *options);
};

/* Runs the program; what the executable's main() and the script that pip installs call. more: further subcommands, ended by NULL;
 * may be NULL. */
DUCKROW_API int duckrow_main(int argc, char **argv, const struct dr_command *const *more);

extern const struct dr_command dr_command_sql, dr_command_status, dr_command_hold, dr_command_publish, dr_command_path,
    dr_command_copy, dr_command_upgrade, dr_command_doctor, dr_command_config, dr_command_stage, dr_command_ingest,
    dr_command_staging, dr_command_version;

/* Fills in options from the arguments behind the subcommand's name. Errors: USAGE. */
duckrow_code dr_options_parse(const struct dr_command *command, int count, char **arguments, struct dr_options *options,
                              duckrow_error *error);

/* Prints the error as duckrow's line and returns the exit status. */
int dr_report(const duckrow_error *error);
/* Prints a line about something that went wrong without making the command fail. */
void dr_warn(const char *format, ...) DR_PRINTF(1, 2);
/* Ends a subcommand that printed through stdio: 0, or the report of what kept it from being written. */
int dr_end_printing(void);
struct dr_json;
/* Prints a finished JSON text as a line, frees it, and ends the subcommand as dr_end_printing does. */
int dr_print_json(struct dr_json *json);

#endif
