/* duckrow serve: the command. What it does is the server's (server.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "log.h"
#include "server.h"

static int help(void)
{
    char *list = dr_settings_help();
    printf("usage: duckrow %s\n\n%s", dr_command_serve.usage, dr_command_serve.help);
    fputs(list ? list : "", stdout);
    free(list);
    return dr_end_printing();
}

/* Says what would be served; opens nothing. */
static int check(const struct dr_settings *settings)
{
    for (int i = 0; i < settings->databases; i++)
        printf("%s = %s\n", settings->database[i].name, settings->database[i].path);
    return dr_end_printing();
}

static int run_serve(const struct dr_options *options)
{
    struct dr_settings settings;
    struct dr_serve_arguments found = {0};
    duckrow_error error = {0};
    int status = 0;
    duckrow_code code = dr_settings_begin(&settings, &error);
    if (!code)
        code = dr_settings_arguments(&settings, options->rest_count, options->rest, &found, &error);
    if (!code && !found.help)
        code = dr_settings_check(&settings, &error);
    if (!code && found.help) {
        status = help();
    } else if (!code && found.check) {
        status = check(&settings);
    } else if (!code) {
        dr_log_begin((enum dr_log_level)dr_log_level_named(settings.log_level), strcmp(settings.log_format, "json") == 0);
        code = dr_server_run(&settings, &error);
    }
    dr_settings_free(&settings);
    return code ? dr_report(&error) : status;
}

const struct dr_command dr_command_serve = {
    "serve",
    "serve [--config FILE] [--check] [SETTINGS] [NAME=]DB...",
    "serve databases to many clients over the PostgreSQL protocol",
    "Becomes the one writer of the databases: takes their turns, and runs what clients send over the PostgreSQL protocol on a "
    "Unix\n"
    "socket. Small writes of all clients commit in groups; each is published before it is acknowledged, so that readers see it.\n"
    "SIGTERM lets sessions end what they are at, checkpoints, publishes and leaves; a second one hurries.\n"
    "\n"
    "  --config FILE   settings and databases from a file: [service] and [databases], name = value\n"
    "  --check         read the settings, say what would be served, and leave\n"
    "\n"
    "settings, as flags or in the file (there with _ or -):\n",
    DR_TAKES_RAW,
    run_serve,
};
