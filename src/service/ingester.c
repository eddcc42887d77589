#include "ingester.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/condition.h"
#include "core/os.h"
#include "engine/ingest.h"
#include "log.h"
#include "sqlstate.h"
#include "watch.h"

/* How often it looks for itself; how soon it tries again; how often whoever waits looks whether it should. */
enum { SWEEP_MS = 5000, AGAIN_MS = 1000, LOOK_MS = 100, SWEEPS_PER_TIDY = 720 };
/* So much is worth all threads. */
enum { LONG_BYTES = 4 << 20 };

struct dr_ingester {
    struct dr_host *host;
    int database;
    pthread_t thread;
    int started, ended;
    duckdb_connection connection; /* NULL: not needed yet */
    struct dr_member member;
    const char *_Atomic stop; /* why; NULL: go on */
    struct dr_ingest ingest;
    uv_loop_t loop;
    uv_timer_t due, sweep;
    uv_async_t asked;
    struct dr_watch *watch;
    /* Of the thread: what has come together for the next pass, and the settings it goes by. */
    int64_t files, bytes;
    struct dr_config config;
    int sweeps;
    char told[DUCKROW_MESSAGE_SIZE]; /* what went wrong the last time */
    pthread_mutex_t mutex;
    pthread_cond_t passed; /* a pass is over, or the thread */
    int64_t asks, served; /* of those who want to catch up */
    duckrow_error failure; /* of the last pass */
    struct dr_ingested total; /* under the mutex, but for the thread */
};

static const struct dr_log_about *about(const struct dr_ingester *ingester, struct dr_log_about *place)
{
    *place = (struct dr_log_about){.database = ingester->host->served[ingester->database].name};
    return place;
}

static struct dr_served *served(const struct dr_ingester *ingester)
{
    return &ingester->host->served[ingester->database];
}

/* ---- transactions ---- */

static duckrow_code have_connection(struct dr_ingester *ingester, duckrow_error *error)
{
    if (ingester->connection)
        return DUCKROW_OK;
    duckdb_connection connection;
    duckrow_code code = dr_host_connect(ingester->host, ingester->database, &connection, error);
    if (code)
        return code;
    pthread_mutex_lock(&ingester->mutex);
    ingester->member.connection = ingester->ingest.connection = ingester->connection = connection;
    pthread_mutex_unlock(&ingester->mutex);
    return code;
}

static duckrow_code begin(void *context, duckrow_error *error)
{
    struct dr_ingester *ingester = context;
    struct dr_host *host = ingester->host;
    duckrow_code code = dr_gate_enter(&host->gate, &ingester->member, dr_clock_ms() + host->settings->busy_timeout, error);
    if (code)
        return code;
    code = have_connection(ingester, error);
    if (!code)
        code = dr_connection_run(host->duckdb, ingester->connection, "BEGIN", error);
    if (code)
        dr_gate_leave(&host->gate, &ingester->member);
    return code;
}

static void rollback(void *context)
{
    struct dr_ingester *ingester = context;
    dr_gate_shield(&ingester->host->gate, &ingester->member);
    dr_connection_run(ingester->host->duckdb, ingester->connection, "ROLLBACK", NULL);
    dr_gate_leave(&ingester->host->gate, &ingester->member);
}

static duckrow_code commit(void *context, int *committed, duckrow_error *error)
{
    struct dr_ingester *ingester = context;
    struct dr_committing how = {0};
    duckrow_code code = dr_host_commit(ingester->host, &ingester->member, ingester->database, &how, error);
    *committed = how.committed;
    if (code && dr_is_fatal(error))
        ingester->host->broken = 1;
    return code;
}

/* ---- a pass ---- */

static void note(struct dr_ingester *ingester)
{
    const struct dr_ingest *ingest = &ingester->ingest;
    const struct dr_ingested before = ingester->total;
    struct dr_log_about place;
    long long refused = ingest->quarantined - before.quarantined, files = ingest->files - before.files;
    if (refused > 0)
        dr_log(DR_LOG_WARNING, about(ingester, &place), "%lld staged file%s refused: see duckrow staging list", refused,
               refused == 1 ? " was" : "s were");
    if (files > 0)
        dr_log(DR_LOG_DEBUG, about(ingester, &place), "%lld staged file%s taken in, %lld rows", files,
               files == 1 ? " was" : "s were", (long long)(ingest->rows - before.rows));
    pthread_mutex_lock(&ingester->mutex);
    ingester->total.files = ingest->files;
    ingester->total.rows = ingest->rows;
    ingester->total.bytes = ingest->bytes;
    ingester->total.quarantined = ingest->quarantined;
    pthread_mutex_unlock(&ingester->mutex);
}

/* Once for each reason. */
static void tell(struct dr_ingester *ingester, duckrow_code code, const duckrow_error *error)
{
    struct dr_log_about place;
    const char *message = code && code != DUCKROW_INTERRUPTED && !ingester->stop ? error->message : "";
    if (*message && strcmp(message, ingester->told))
        dr_log(DR_LOG_WARNING, about(ingester, &place), "staged files wait: %s", message);
    snprintf(ingester->told, sizeof ingester->told, "%s", message);
}

/* What can't be read leaves it as it was. */
static duckrow_code read_config(struct dr_ingester *ingester, duckrow_error *error)
{
    struct dr_config config;
    duckrow_code code = dr_config_read(served(ingester)->db, &config, error);
    if (!code)
        ingester->config = config;
    return code;
}

static duckrow_code passes(struct dr_ingester *ingester, duckrow_error *error)
{
    struct dr_host *host = ingester->host;
    int64_t bytes = ingester->bytes;
    int long_one = bytes >= LONG_BYTES, more = 1;
    duckrow_code code = DUCKROW_OK;
    ingester->ingest.rules = dr_ingest_rules(&ingester->config);
    ingester->files = ingester->bytes = 0;
    if (long_one)
        dr_parallel_begin(&host->parallel);
    while (!code && more && !ingester->stop && !host->broken && !served(ingester)->away)
        code = dr_ingest_pass(&ingester->ingest, &more, error);
    if (long_one)
        dr_parallel_end(&host->parallel);
    return code || !more ? code : dr_fail(error, DUCKROW_BUSY, "staged files can't be taken in at the moment");
}

static void again_in(struct dr_ingester *ingester, int64_t milliseconds);
static int look(struct dr_ingester *ingester);

static void pass(uv_timer_t *timer)
{
    struct dr_ingester *ingester = timer->data;
    duckrow_error error = {0};
    if (ingester->stop || ingester->host->broken)
        return;
    if (served(ingester)->away) {
        again_in(ingester, LOOK_MS);
        return;
    }
    pthread_mutex_lock(&ingester->mutex);
    int64_t asks = ingester->asks;
    pthread_mutex_unlock(&ingester->mutex);
    duckrow_code code = read_config(ingester, &error);
    if (!code && ingester->config.ingest)
        code = passes(ingester, &error);
    note(ingester);
    tell(ingester, code, &error);
    pthread_mutex_lock(&ingester->mutex);
    ingester->served = asks;
    ingester->failure = error;
    pthread_cond_broadcast(&ingester->passed);
    pthread_mutex_unlock(&ingester->mutex);
    int some = look(ingester);
    if (code && some)
        again_in(ingester, AGAIN_MS);
}

/* ---- when ---- */

/* Not later than that; sooner, if it was to be. */
static void again_in(struct dr_ingester *ingester, int64_t milliseconds)
{
    uv_update_time(&ingester->loop);
    if (!uv_is_active((uv_handle_t *)&ingester->due) || uv_timer_get_due_in(&ingester->due) > (uint64_t)milliseconds)
        uv_timer_start(&ingester->due, pass, (uint64_t)milliseconds, 0);
}

/* Soon, as there are files. */
static void soon(struct dr_ingester *ingester)
{
    int enough = ingester->files >= ingester->config.ingest_files || ingester->bytes >= ingester->config.ingest_bytes;
    again_in(ingester, enough ? 0 : ingester->config.ingest_interval_ms);
}

/* What is there, however it came. 0: nothing, as far as it can be seen. */
static int look(struct dr_ingester *ingester)
{
    struct dr_backlog found = {0};
    dr_staging_count_all(served(ingester)->db, &found, NULL);
    ingester->files = found.files;
    ingester->bytes = found.bytes;
    pthread_mutex_lock(&ingester->mutex);
    ingester->total.backlog = found;
    pthread_mutex_unlock(&ingester->mutex);
    return found.files > 0;
}

static void appeared(void *context, const char *folder, const char *name)
{
    struct dr_ingester *ingester = context;
    int64_t bytes;
    if (!name) {
        if (look(ingester))
            soon(ingester);
        return;
    }
    if ((bytes = dr_staging_size(served(ingester)->db, folder, name)) < 0)
        return;
    ingester->files++;
    ingester->bytes += bytes;
    soon(ingester);
}

static void on_sweep(uv_timer_t *timer)
{
    struct dr_ingester *ingester = timer->data;
    duckrow_error error = {0};
    duckrow_code code = read_config(ingester, &error);
    if (code)
        tell(ingester, code, &error);
    dr_watch_renew(ingester->watch);
    if (!ingester->sweeps-- && !served(ingester)->away) {
        dr_staging_sweep(served(ingester)->db);
        if (ingester->config.ingest_keep != DR_KEEP)
            dr_staging_sweep_done(served(ingester)->db, ingester->config.ingest_keep);
        ingester->sweeps = SWEEPS_PER_TIDY;
    }
    uv_update_time(&ingester->loop);
    if (!uv_is_active((uv_handle_t *)&ingester->due) && look(ingester))
        again_in(ingester, 0);
}

static void on_asked(uv_async_t *asked)
{
    struct dr_ingester *ingester = asked->data;
    if (ingester->stop) {
        dr_watch_close(ingester->watch);
        ingester->watch = NULL;
        uv_close((uv_handle_t *)&ingester->due, NULL);
        uv_close((uv_handle_t *)&ingester->sweep, NULL);
        uv_close((uv_handle_t *)asked, NULL);
        return;
    }
    again_in(ingester, 0);
}

static void *work(void *argument)
{
    struct dr_ingester *ingester = argument;
    uv_run(&ingester->loop, UV_RUN_DEFAULT);
    pthread_mutex_lock(&ingester->mutex);
    ingester->ended = 1;
    pthread_cond_broadcast(&ingester->passed);
    pthread_mutex_unlock(&ingester->mutex);
    return NULL;
}

/* ---- others ---- */

static int is_backlog(const struct dr_ingester *ingester)
{
    char (*folders)[DR_STAGING_NAME];
    int count, some = 0;
    if (dr_staging_folders(served(ingester)->db, &folders, &count, NULL))
        return 1;
    for (int i = 0; !some && i < count; i++)
        some = dr_staging_any(served(ingester)->db, folders[i]);
    free(folders);
    return some;
}

/* The mutex is held. */
static duckrow_code wait_for_pass(struct dr_ingester *ingester, int64_t ask, int64_t deadline, const char *_Atomic *stop,
                                  duckrow_error *error)
{
    while (ingester->served < ask) {
        int64_t now = dr_clock_ms();
        if (*stop)
            return dr_fail(error, DUCKROW_INTERRUPTED, "%s", *stop);
        if (now >= deadline)
            return dr_fail(error, DUCKROW_BUSY,
                           "what is staged was not taken in before the timeout: try again, or read without it");
        dr_condition_wait(&ingester->passed, &ingester->mutex, now + LOOK_MS < deadline ? now + LOOK_MS : deadline);
    }
    *error = ingester->failure;
    return error->code;
}

duckrow_code dr_ingester_catch_up(struct dr_ingester *ingester, int64_t deadline, const char *_Atomic *stop, duckrow_error *error)
{
    struct dr_config config;
    if (!is_backlog(ingester))
        return DUCKROW_OK;
    duckrow_code code = dr_config_read(served(ingester)->db, &config, error);
    if (!code && !config.ingest)
        code = dr_fail(error, DUCKROW_USAGE, "what is staged for %s can't be read here, as its setting ingest is off",
                       served(ingester)->name);
    if (code)
        return code;
    pthread_mutex_lock(&ingester->mutex);
    int64_t ask = ++ingester->asks;
    uv_async_send(&ingester->asked);
    code = wait_for_pass(ingester, ask, deadline, stop, error);
    pthread_mutex_unlock(&ingester->mutex);
    return code;
}

void dr_ingester_look(struct dr_ingester *ingester, struct dr_ingested *ingested)
{
    *ingested = (struct dr_ingested){0};
    if (!ingester)
        return;
    pthread_mutex_lock(&ingester->mutex);
    *ingested = ingester->total;
    pthread_mutex_unlock(&ingester->mutex);
}

/* ---- */

static duckrow_code start(struct dr_ingester *ingester, duckrow_error *error)
{
    duckrow_code code = dr_config_read(served(ingester)->db, &ingester->config, error);
    if (!code)
        code = dr_watch_open(&ingester->loop, served(ingester)->db, appeared, ingester, &ingester->watch, error);
    if (code)
        return code;
    uv_timer_start(&ingester->sweep, on_sweep, 0, SWEEP_MS);
    ingester->started = pthread_create(&ingester->thread, NULL, work, ingester) == 0;
    return ingester->started ? DUCKROW_OK : dr_fail(error, DUCKROW_NO_MEMORY, "cannot start a thread");
}

duckrow_code dr_ingester_open(struct dr_host *host, int database, struct dr_ingester **out, duckrow_error *error)
{
    struct dr_ingester *ingester = *out = calloc(1, sizeof *ingester);
    if (!ingester)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    ingester->host = host;
    ingester->database = database;
    ingester->member.stop = &ingester->stop;
    ingester->ingest = (struct dr_ingest){.duckdb = host->duckdb,
                                          .db = host->served[database].db,
                                          .catalog = host->served[database].quoted,
                                          .begin = begin,
                                          .commit = commit,
                                          .rollback = rollback,
                                          .context = ingester};
    pthread_mutex_init(&ingester->mutex, NULL);
    dr_condition_init(&ingester->passed);
    uv_loop_init(&ingester->loop);
    uv_timer_init(&ingester->loop, &ingester->due);
    uv_timer_init(&ingester->loop, &ingester->sweep);
    uv_async_init(&ingester->loop, &ingester->asked, on_asked);
    ingester->due.data = ingester->sweep.data = ingester->asked.data = ingester;
    return start(ingester, error);
}

/* DuckDB forgets an interrupt that comes before its statement has begun. */
static void end_thread(struct dr_ingester *ingester)
{
    pthread_mutex_lock(&ingester->mutex);
    while (!ingester->ended) {
        if (ingester->connection)
            ingester->host->duckdb->interrupt(ingester->connection);
        dr_condition_wait(&ingester->passed, &ingester->mutex, dr_clock_ms() + LOOK_MS);
    }
    pthread_mutex_unlock(&ingester->mutex);
    pthread_join(ingester->thread, NULL);
}

void dr_ingester_close(struct dr_ingester *ingester)
{
    if (!ingester)
        return;
    ingester->stop = "the service is leaving";
    dr_gate_wake(&ingester->host->gate);
    uv_async_send(&ingester->asked);
    if (ingester->started)
        end_thread(ingester);
    else
        uv_run(&ingester->loop, UV_RUN_DEFAULT);
    uv_loop_close(&ingester->loop);
    if (ingester->connection)
        ingester->host->duckdb->disconnect(&ingester->connection);
    pthread_mutex_destroy(&ingester->mutex);
    pthread_cond_destroy(&ingester->passed);
    free(ingester);
}
