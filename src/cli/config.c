/* duckrow config: the settings of one database. */
#include <stdio.h>
#include <time.h>

#include "core/choose.h"
#include "core/json.h"
#include "core/readers.h"
#include "work.h"

static int print_json(const struct dr_config *config)
{
    struct dr_json json = {0};
    dr_json_open(&json, NULL, '{');
    dr_config_json(config, &json);
    dr_json_close(&json, '}');
    return dr_print_json(&json);
}

static int print(const struct dr_options *options, const struct dr_config *config)
{
    char value[32];
    if (options->json)
        return print_json(config);
    for (int i = 0; i < DR_SETTINGS; i++)
        if (!options->name)
            printf("%s = %s\n", dr_config_name(i), dr_config_value(config, i, value));
        else if (dr_config_find(options->name) == i)
            puts(dr_config_value(config, i, value));
    return dr_end_printing();
}

/* With the setting's effect on what is there: copies that are too many go, but for those that are read. */
static void apply(const struct dr_work *work, const struct dr_config *config)
{
    if (config->snapshots) {
        dr_choose_trim(work->db, config);
        return;
    }
    dr_choose_retire(work->db);
    /* The one that was current has to rest: a stock tool may be opening it. */
    struct timespec rest = {.tv_sec = work->db->options.rest_ms / 1000,
                            .tv_nsec = work->db->options.rest_ms % 1000 * 1000000 + 1};
    nanosleep(&rest, NULL);
    dr_choose_retire(work->db);
    int64_t generations[DR_SLOTS];
    int count = dr_slot_list(work->db, generations);
    for (int i = 0; i < count; i++) {
        duckrow_process reader[1];
        char name[DR_NAME_SIZE];
        if (dr_readers_find(work->db, generations[i], reader, 1))
            dr_warn("slot %lld is still read by %s; the first to write after that removes it", (long long)generations[i],
                    dr_process_name(reader, name));
    }
}

static duckrow_code set(struct dr_work *work, const struct dr_options *options, duckrow_error *error)
{
    struct dr_config config;
    duckrow_code code = dr_work_take(work, dr_work_kind(work, "config"), error);
    if (!code)
        code = dr_config_write(work->db, options->name, options->value, error);
    if (!code)
        code = dr_config_read(work->db, &config, error);
    if (!code)
        apply(work, &config);
    duckrow_turn_release(work->turn);
    work->turn = NULL;
    return code;
}

static int run_config(const struct dr_options *options)
{
    struct dr_work work;
    struct dr_config config;
    duckrow_error error = {0};
    duckrow_code code = dr_work_open_database(&work, options, DUCKROW_MUST_EXIST, &error);
    if (!code && options->name && dr_config_find(options->name) < 0)
        code = dr_fail(&error, DUCKROW_USAGE, "there is no setting %.60s; see duckrow config --help", options->name);
    if (!code && options->value)
        code = set(&work, options, &error);
    else if (!code)
        code = dr_config_read(work.db, &config, &error);
    dr_work_close(&work);
    if (code)
        return dr_report(&error);
    return options->value ? dr_end_printing() : print(options, &config);
}

const struct dr_command dr_command_config = {
    "config",
    "config [--json] [--timeout 10s] DB [NAME [VALUE]]",
    "show or set how many copies a database may have, and how staged files are taken in",
    "Prints the database's settings, or the one called NAME, or sets it: under a turn, so it waits for whoever writes; a "
    "service\n"
    "steps aside for it. They are lines in DB.duckrow/config.\n"
    "\n"
    "  max_slots   how many copies readers and writers may have between them, 2 to 32; default 3. With all of them read, the "
    "next\n"
    "              change of the schema is not published, and readers share turns, until one is free\n"
    "  snapshots   on, or off: no copies; readers share turns, and wait for writers. There is no read path then\n"
    "  ingest              on, or off: a running service leaves staged files alone\n"
    "  ingest_interval     how long a staged file waits at most until it is taken in; default 1s\n"
    "  ingest_files        how many in one transaction at most, 1 to 100000; default 4096\n"
    "  ingest_bytes        how many bytes of them at most, but for a file that is larger; default 1GiB\n"
    "  ingest_create       off, or on: tables that don't exist are made, with the columns of their first file\n"
    "  ingest_add_columns  off, or on: columns that a table lacks are added\n"
    "  ingest_keep         off, or on: ingested files go to staging/done/<table>/<date> and stay; or for how long, such as 7d\n"
    "\n"
    "  --json          print one object\n"
    "  --timeout TIME  how long to wait: 10s, 500ms, 2m, 1.5 (seconds); default 10s\n",
    DR_TAKES_JSON | DR_TAKES_TIMEOUT | DR_TAKES_DATABASE | DR_TAKES_SETTING,
    run_config,
};
