#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "core/json.h"
#include "signals.h"

static const struct dr_command *const commands[] = {
    &dr_command_sql,    &dr_command_status,  &dr_command_hold,    &dr_command_publish, &dr_command_path,
    &dr_command_copy,   &dr_command_upgrade, &dr_command_doctor,  &dr_command_config,  &dr_command_stage,
    &dr_command_ingest, &dr_command_staging, &dr_command_version,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

int dr_report(const duckrow_error *error)
{
    fflush(stdout);
    fprintf(stderr, "duckrow: %s\n", error->message);
    if (error->code == DUCKROW_INTERRUPTED && dr_signals_received())
        return 128 + dr_signals_received();
    return duckrow_code_exit_status(error->code);
}

void dr_warn(const char *format, ...)
{
    char line[2 * DUCKROW_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fflush(stdout);
    fprintf(stderr, "duckrow: warning: %s\n", line);
}

int dr_end_printing(void)
{
    duckrow_error error;
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    int saved = errno;
    clearerr(stdout);
    if (saved == EPIPE)
        return 128 + 13;
    dr_fail_os(&error, saved ? saved : EIO, "cannot write standard output");
    return dr_report(&error);
}

int dr_print_json(struct dr_json *json)
{
    int failed = json->failed;
    if (!failed)
        puts(json->text);
    free(json->text);
    json->text = NULL;
    return failed ? duckrow_code_exit_status(DUCKROW_NO_MEMORY) : dr_end_printing();
}

static const struct dr_command *command_at(const struct dr_command *const *more, int i)
{
    if (i < COMMANDS)
        return commands[i];
    return more ? more[i - COMMANDS] : NULL;
}

static int help(const struct dr_command *const *more)
{
    const struct dr_command *command;
    puts("duckrow: many processes, one DuckDB file, no lock errors, nothing lost\n");
    for (int i = 0; (command = command_at(more, i)); i++)
        printf("  duckrow %-9s %s\n", command->name, command->summary);
    puts("\nduckrow COMMAND --help says more about each.\n\nexit status:");
#define LINE(name, code, message, status, sqlstate) printf("  %3d  %s (%s)\n", status, message, #name);
    DUCKROW_ERRORS(LINE)
#undef LINE
    puts("    1  status --fail-if: it came true; doctor: something is to be done\n"
         "  126  hold: the command can't be executed\n  127  hold: the command was not found\n"
         "  128+N  ended by signal N; 141: nobody reads the output any more\n"
         "hold ends with the status of its command.");
    return dr_end_printing();
}

static int command_help(const struct dr_command *command)
{
    printf("usage: duckrow %s\n\n%s", command->usage, command->help);
    return dr_end_printing();
}

static int is_help(const char *argument)
{
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0 || strcmp(argument, "help") == 0;
}

static int run(int argc, char **argv, const struct dr_command *const *more)
{
    const struct dr_command *command;
    duckrow_error error = {0};
    if (argc < 2) {
        dr_fail(&error, DUCKROW_USAGE, "no command given; see duckrow --help");
        return dr_report(&error);
    }
    if (is_help(argv[1]))
        return help(more);
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = (char *)"version";
    for (int i = 0; (command = command_at(more, i)); i++) {
        if (strcmp(command->name, argv[1]) != 0)
            continue;
        struct dr_options options;
        if (dr_options_parse(command, argc - 2, argv + 2, &options, &error))
            return dr_report(&error);
        return options.help ? command_help(command) : command->run(&options);
    }
    dr_fail(&error, DUCKROW_USAGE, "unknown %s %.100s; see duckrow --help", argv[1][0] == '-' ? "option" : "command", argv[1]);
    return dr_report(&error);
}

/* Where one of 0, 1, 2 is closed the next file opened would get its number, the database perhaps, and output would be written
 * into it. What is put there instead refuses to be read or written. */
static void occupy_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
            _exit(duckrow_code_exit_status(DUCKROW_IO));
}

int duckrow_main(int argc, char **argv, const struct dr_command *const *more)
{
    occupy_standard_descriptors();
    dr_signals_begin();
    int status = run(argc, argv, more);
    dr_signals_end();
    return status;
}
