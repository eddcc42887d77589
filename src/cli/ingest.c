/* duckrow ingest: staged files into their tables, under a turn of its own; a service steps aside for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "engine/ingest.h"
#include "engine/sqltext.h"
#include "progress.h"
#include "signals.h"
#include "work.h"

struct run {
    const struct dr_options *options;
    struct dr_work work;
    struct dr_ingest ingest;
    int64_t backlog; /* files that there were */
    dr_progress *progress;
    int64_t swept; /* when what is old was removed last */
};
enum { SWEEP_MS = 60 * 1000 };

/* ---- transactions ---- */

static duckrow_code begin(void *context, duckrow_error *error)
{
    struct run *run = context;
    dr_progress_set(run->progress, run->ingest.files + run->ingest.quarantined);
    return dr_session_run(run->work.session, "BEGIN", error);
}

static void rollback(void *context)
{
    struct run *run = context;
    dr_session_run(run->work.session, "ROLLBACK", NULL);
}

static duckrow_code commit(void *context, int *committed, duckrow_error *error)
{
    struct run *run = context;
    *committed = 0;
    duckrow_code code = duckrow_turn_guard(run->work.turn, error);
    if (code)
        rollback(run);
    else
        code = dr_session_run(run->work.session, "COMMIT", error);
    if (code)
        return code;
    *committed = 1;
    code = dr_work_publish(&run->work, 0, NULL, error);
    return code == DUCKROW_NO_SNAPSHOT ? DUCKROW_OK : code;
}

/* ---- one time ---- */

/* 1: there are files; 0: none; -1: a failure. */
static int is_backlog(struct run *run, duckrow_error *error)
{
    struct dr_backlog backlog = {0};
    duckrow_code code = dr_staging_count_all(run->work.db, &backlog, error);
    run->backlog = backlog.files;
    return code ? -1 : backlog.files > 0;
}

/* Read anew each time, as settings are. What is old goes first. */
static duckrow_code prepare(struct run *run, duckrow_error *error)
{
    struct dr_ingest_rules *rules = &run->ingest.rules;
    struct dr_config config;
    duckrow_code code = dr_config_read(run->work.db, &config, error);
    if (code)
        return code;
    *rules = dr_ingest_rules(&config);
    rules->create |= run->options->create;
    rules->add_columns |= run->options->add_columns;
    rules->keep |= run->options->keep;
    if (!run->swept || dr_clock_ms() - run->swept > SWEEP_MS) {
        dr_staging_sweep(run->work.db);
        dr_staging_sweep_done(run->work.db, rules->keep_ms);
        run->swept = dr_clock_ms();
    }
    return DUCKROW_OK;
}

static duckrow_code passes(struct run *run, duckrow_error *error)
{
    struct dr_work *work = &run->work;
    struct dr_ingest *ingest = &run->ingest;
    ingest->duckdb = work->session->duckdb;
    ingest->connection = work->session->connection;
    ingest->db = work->db;
    ingest->catalog = dr_sql_quote(work->session->catalog, '"');
    duckrow_code code = ingest->catalog ? DUCKROW_OK : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    run->progress = dr_progress_begin(run->options, "ingesting", run->backlog, work->session);
    for (int more = 1; !code && more && !dr_signals_received();)
        code = dr_ingest_pass(ingest, &more, error);
    dr_progress_end(run->progress);
    run->progress = NULL;
    free(ingest->catalog);
    ingest->catalog = NULL;
    return code;
}

static duckrow_code ingest_now(struct run *run, duckrow_error *error)
{
    struct dr_work *work = &run->work;
    duckrow_code code = DUCKROW_OK;
    work->started = dr_clock_ms();
    if (!work->session)
        code = dr_work_open_engine(work, run->options, error);
    if (!code)
        code = dr_work_take(work, dr_work_kind(work, "ingest"), error);
    if (!code)
        code = dr_work_attach(work, error);
    if (!code)
        code = passes(run, error);
    dr_work_release(work);
    return code;
}

/* ---- the subcommand ---- */

static void tell(const struct run *run, int once)
{
    const struct dr_ingest *ingest = &run->ingest;
    if (!once && !ingest->files && !ingest->quarantined)
        return;
    if (run->options->json) {
        struct dr_json json = {0};
        dr_json_open(&json, NULL, '{');
        dr_json_number(&json, "files", ingest->files);
        dr_json_number(&json, "quarantined", ingest->quarantined);
        dr_json_number(&json, "waiting", ingest->waiting);
        dr_json_close(&json, '}');
        dr_print_json(&json);
    } else {
        printf("%lld file%s ingested", (long long)ingest->files, ingest->files == 1 ? "" : "s");
        if (ingest->quarantined)
            printf(", %lld in quarantine: %s/staging/quarantine", (long long)ingest->quarantined,
                   duckrow_db_folder(run->work.db));
        if (ingest->waiting)
            printf(", %lld wait for their tables to be made", (long long)ingest->waiting);
        putchar('\n');
    }
    fflush(stdout);
}

/* A database that is held for long is no reason to end. */
static duckrow_code watch(struct run *run, duckrow_error *error)
{
    while (!dr_signals_received()) {
        duckrow_code code = prepare(run, error);
        int backlog = code ? 0 : is_backlog(run, error);
        code = backlog < 0 ? error->code : code;
        run->ingest.files = run->ingest.quarantined = 0;
        if (backlog > 0)
            code = ingest_now(run, error);
        tell(run, 0);
        if (code == DUCKROW_BUSY)
            dr_warn("%s", error->message);
        else if (code)
            return code;
        dr_signals_wait(run->options->watch_ms);
    }
    return DUCKROW_OK;
}

static int run_ingest(const struct dr_options *options)
{
    struct run run = {.options = options};
    duckrow_error error = {0};
    run.ingest = (struct dr_ingest){.begin = begin, .commit = commit, .rollback = rollback, .context = &run};
    duckrow_code code = dr_work_open_database(&run.work, options, 0, &error);
    int backlog = 0;
    if (!code && !options->watch_ms)
        code = prepare(&run, &error);
    if (!code && options->watch_ms)
        code = watch(&run, &error);
    else if (!code && (backlog = is_backlog(&run, &error)) < 0)
        code = error.code;
    else if (!code && backlog)
        code = ingest_now(&run, &error);
    if (!options->watch_ms && !code)
        tell(&run, 1);
    dr_work_close(&run.work);
    if (code)
        return dr_report(&error);
    return dr_signals_received() && !options->watch_ms ? 128 + dr_signals_received() : dr_end_printing();
}

const struct dr_command dr_command_ingest = {
    "ingest",
    "ingest [--watch [SECONDS]] [--create] [--add-columns] [--keep] [--json] [--timeout 10s] [--engine FILE] DB",
    "take staged files into their tables",
    "Takes what was staged (duckrow stage) into its tables, each file once, whenever this or anything else was killed. A running "
    "service\n"
    "steps aside for it.\n"
    "\n"
    "Columns go by their names; those that a file lacks take their defaults. A file that doesn't fit goes to staging/quarantine "
    "in the\n"
    "database's folder, with the reason beside it; the others go in. Files of a table that doesn't exist wait.\n"
    "\n"
    "  --watch [SECONDS]  look for files so often (1), and go on until it is ended\n"
    "  --create           make a table that doesn't exist, with the columns of its first file\n"
    "  --add-columns      add columns that a table lacks\n"
    "  --keep             move ingested files to staging/done/<table>/<date> instead of removing them\n"
    "  --timeout 10s      how long to wait for the turn\n",
    DR_TAKES_DATABASE | DR_TAKES_WATCH | DR_TAKES_INGEST | DR_TAKES_JSON | DR_TAKES_TIMEOUT | DR_TAKES_ENGINE,
    run_ingest,
};
