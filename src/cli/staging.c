/* duckrow staging: what waits to be ingested, and what couldn't be. It moves names and nothing else, so it needs no lock and no engine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/json.h"
#include "core/quarantine.h"
#include "core/space.h"
#include "core/units.h"
#include "width.h"
#include "work.h"

enum { REASON_SIZE = 512, TABLE_SIZE = 2 * DR_STAGING_NAME + 16 };

struct staging {
    const duckrow_db *db;
    const struct dr_options *options;
    char (*folders)[DR_STAGING_NAME]; /* that it is about */
    int count;
    int64_t files; /* that were moved or removed */
};

/* The tables that are meant: all that have a folder, or the one that was given. */
static duckrow_code find_folders(struct staging *staging, duckrow_error *error)
{
    if (!staging->options->name)
        return dr_staging_all_folders(staging->db, &staging->folders, &staging->count, error);
    staging->count = 1;
    if (!(staging->folders = calloc(1, sizeof *staging->folders)))
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    return dr_staging_folder(staging->options->name, *staging->folders, error);
}

/* ---- list ---- */

/* Names are whoever staged them's. Padded to so many columns. */
static void print_text(const char *text, size_t wide)
{
    size_t columns = 0;
    char *visible = dr_width_visible(text, strlen(text), &columns);
    printf("%s%*s", visible ? visible : "?", columns < wide ? (int)(wide - columns) : 0, "");
    free(visible);
}

static size_t width_of(const char *text, size_t widest)
{
    size_t columns = 0;
    free(dr_width_visible(text, strlen(text), &columns));
    return columns > widest ? columns : widest;
}

static duckrow_code print_tables(const struct staging *staging, duckrow_error *error)
{
    char table[TABLE_SIZE], bytes[32], age[32];
    size_t wide = 5;
    for (int i = 0; i < staging->count; i++)
        wide = width_of(dr_staging_shown(staging->folders[i], table, sizeof table), wide);
    printf("%-*s  %8s  %10s  %s\n", (int)wide, "table", "files", "size", "oldest");
    for (int i = 0; i < staging->count; i++) {
        struct dr_backlog backlog = {0};
        duckrow_code code = dr_staging_count(staging->db, staging->folders[i], &backlog, error);
        if (code)
            return code;
        print_text(dr_staging_shown(staging->folders[i], table, sizeof table), wide);
        printf("  %8lld  %10s  %s\n", (long long)backlog.files, dr_space_text(backlog.bytes, bytes),
               backlog.files ? dr_duration_text(dr_backlog_age_ms(&backlog), age) : "-");
    }
    return DUCKROW_OK;
}

static void print_quarantined(const struct staging *staging, const char *folder, const struct dr_staged_file *file)
{
    char reason[REASON_SIZE], table[TABLE_SIZE], bytes[32], when[32] = "?";
    int64_t since;
    dr_quarantine_reason(staging->db, folder, file->name, reason, sizeof reason, &since);
    time_t seconds = (time_t)(since / 1000);
    if (since)
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime(&seconds));
    printf("\n");
    print_text(dr_staging_shown(folder, table, sizeof table), 0);
    printf(" ");
    print_text(file->name, 0);
    printf(": %s, in quarantine since %s\n  ", dr_space_text(file->size, bytes), when);
    print_text(*reason ? reason : "no reason was left", 0);
    printf("\n");
}

/* Calls `take` for each file in quarantine that is meant; where a name was given and there is no such file that is an error. */
static duckrow_code each_quarantined(struct staging *staging, duckrow_error *error,
                                     duckrow_code (*take)(struct staging *, const char *, const struct dr_staged_file *, void *,
                                                          duckrow_error *),
                                     void *context)
{
    const char *wanted = staging->options->value;
    duckrow_code code = DUCKROW_OK;
    int matched = 0;
    for (int i = 0; !code && i < staging->count; i++) {
        struct dr_staged_file *files = NULL;
        int count = 0;
        code = dr_quarantine_list(staging->db, staging->folders[i], &files, &count, error);
        for (int k = 0; !code && k < count; k++)
            if (!wanted || strcmp(wanted, files[k].name) == 0) {
                matched = 1;
                code = take(staging, staging->folders[i], &files[k], context, error);
            }
        free(files);
    }
    if (!code && wanted && !matched)
        code = dr_fail(error, DUCKROW_NOT_FOUND, "there is no %.200s in quarantine for %.200s: see duckrow staging list %s",
                       wanted, staging->options->name, staging->db->path);
    return code;
}

static duckrow_code show(struct staging *staging, const char *folder, const struct dr_staged_file *file, void *context,
                         duckrow_error *error)
{
    (void)context, (void)error;
    print_quarantined(staging, folder, file);
    return DUCKROW_OK;
}

static duckrow_code add_json(struct staging *staging, const char *folder, const struct dr_staged_file *file, void *context,
                             duckrow_error *error)
{
    (void)error;
    struct dr_json *json = context;
    char reason[REASON_SIZE], table[TABLE_SIZE];
    int64_t since;
    dr_quarantine_reason(staging->db, folder, file->name, reason, sizeof reason, &since);
    dr_json_open(json, NULL, '{');
    dr_json_string(json, "table", dr_staging_shown(folder, table, sizeof table));
    dr_json_string(json, "file", file->name);
    dr_json_number(json, "bytes", file->size);
    dr_json_number(json, "since_at", since);
    dr_json_string(json, "reason", reason);
    dr_json_close(json, '}');
    return DUCKROW_OK;
}

static duckrow_code list_json(struct staging *staging, duckrow_error *error)
{
    struct dr_json json = {0};
    char table[TABLE_SIZE];
    duckrow_code code = DUCKROW_OK;
    dr_json_open(&json, NULL, '{');
    dr_json_open(&json, "tables", '{');
    for (int i = 0; !code && i < staging->count; i++) {
        struct dr_backlog backlog = {0};
        code = dr_staging_count(staging->db, staging->folders[i], &backlog, error);
        dr_json_open(&json, dr_staging_shown(staging->folders[i], table, sizeof table), '{');
        dr_backlog_json(&json, backlog.files, backlog.bytes, dr_backlog_age_ms(&backlog));
        dr_json_close(&json, '}');
    }
    dr_json_close(&json, '}');
    dr_json_open(&json, "quarantine", '[');
    if (!code)
        code = each_quarantined(staging, error, add_json, &json);
    dr_json_close(&json, ']');
    dr_json_close(&json, '}');
    if (!code && json.failed)
        code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    if (code)
        free(json.text);
    else
        dr_print_json(&json);
    return code;
}

static duckrow_code list(struct staging *staging, duckrow_error *error)
{
    if (staging->options->json)
        return list_json(staging, error);
    duckrow_code code = print_tables(staging, error);
    return code ? code : each_quarantined(staging, error, show, NULL);
}

/* ---- retry, drop ---- */

typedef duckrow_code (*change)(const duckrow_db *db, const char *folder, const char *name, int *gone, duckrow_error *error);

static duckrow_code change_one(struct staging *staging, const char *folder, const struct dr_staged_file *file, void *context,
                               duckrow_error *error)
{
    int gone;
    duckrow_code code = (*(const change *)context)(staging->db, folder, file->name, &gone, error);
    staging->files += !code && !gone;
    return code;
}

/* Says how many, also where it stopped. */
static duckrow_code change_all(struct staging *staging, change change, const char *key, const char *what, duckrow_error *error)
{
    duckrow_code code = each_quarantined(staging, error, change_one, &change);
    if (code && !staging->files)
        return code;
    if (staging->options->json) {
        struct dr_json json = {0};
        dr_json_open(&json, NULL, '{');
        dr_json_number(&json, key, staging->files);
        dr_json_close(&json, '}');
        dr_print_json(&json);
    } else {
        printf("%lld file%s %s\n", (long long)staging->files, staging->files == 1 ? "" : "s", what);
    }
    return code;
}

/* ---- the subcommand ---- */

static duckrow_code run(struct staging *staging, duckrow_error *error)
{
    const struct dr_options *options = staging->options;
    int lists = strcmp(options->verb, "list") == 0, retries = strcmp(options->verb, "retry") == 0;
    if (!lists && !retries && strcmp(options->verb, "drop") != 0)
        return dr_fail(error, DUCKROW_USAGE, "unknown action %.100s: choose list, retry or drop", options->verb);
    if (options->all && options->name)
        return dr_fail(error, DUCKROW_USAGE, "--all and a table don't go together");
    if (!lists && !retries && !options->name && !options->all)
        return dr_fail(error, DUCKROW_USAGE, "whose files are to be dropped? Give a table, or --all");
    duckrow_code code = find_folders(staging, error);
    if (code)
        return code;
    if (lists)
        return list(staging, error);
    return retries ? change_all(staging, dr_quarantine_retry, "retried", "staged again", error)
                   : change_all(staging, dr_quarantine_drop, "dropped", "dropped", error);
}

static int run_staging(const struct dr_options *options)
{
    struct dr_work work;
    duckrow_error error = {0};
    duckrow_code code = dr_work_open_database(&work, options, 0, &error);
    struct staging staging = {.db = work.db, .options = options};
    if (!code)
        code = run(&staging, &error);
    free(staging.folders);
    dr_work_close(&work);
    return code ? dr_report(&error) : dr_end_printing();
}

const struct dr_command dr_command_staging = {
    "staging",
    "staging [--json] [--all] list|retry|drop DB [TABLE [FILE]]",
    "what waits to be ingested, and what couldn't be",
    "list   how many files of each table wait to be ingested; and those in quarantine, which didn't fit, with the reason\n"
    "retry  stages files in quarantine again: all, a table's, or one\n"
    "drop   deletes files in quarantine: a table's, or one\n"
    "\n"
    "TABLE is a name, or schema.name. Nothing waits, and a running service or duckrow ingest may go on meanwhile.\n"
    "\n"
    "  --all   drop those of all tables\n"
    "  --json  list: {\"tables\": {table: {files, bytes, oldest_seconds}}, \"quarantine\": [{table, file, bytes, since_at, "
    "reason}]};\n"
    "          retry: {\"retried\": files}; drop: {\"dropped\": files}\n",
    DR_TAKES_DATABASE | DR_TAKES_STAGING | DR_TAKES_SETTING | DR_TAKES_JSON,
    run_staging,
};
