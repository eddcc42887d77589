/* duckrow status: who uses a database, and how new its snapshot is. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "core/figures.h"
#include "core/space.h"
#include "core/units.h"
#include "failif.h"
#include "file.h"
#include "signals.h"
#include "width.h"

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A command line is another program's text. */
static void print_command(FILE *out, const char *command)
{
    size_t columns, length = 0;
    while (command[length])
        length++;
    char *visible = dr_width_visible(command, length, &columns);
    fprintf(out, " (%s)", visible ? visible : "?");
    free(visible);
}

static void print_process(FILE *out, const duckrow_process *process, int with_kind, int with_time)
{
    char text[32];
    if (process->pid)
        fprintf(out, "%lld", (long long)process->pid);
    else if (process->foreign_pid)
        fprintf(out, "%lld in another container", (long long)process->foreign_pid);
    else
        fprintf(out, "a process that can't be seen");
    if (process->command[0])
        print_command(out, process->command);
    if (with_kind && process->kind[0])
        fprintf(out, ", %s", process->kind);
    if (with_time && process->since_at > 0)
        fprintf(out, ", for %s", dr_duration_text(now_ms() - process->since_at, text));
}

/* ---- the service's figures ---- */

static int64_t figure(const duckrow_status *status, const char *name)
{
    int64_t value = dr_figure_of(status->figure, status->figures, name);
    return value < 0 ? 0 : value;
}

/* "46 us", "4.1 ms", "1.20 s" */
static const char *microseconds(int64_t us, char text[32])
{
    if (us < 1000)
        snprintf(text, 32, "%lld us", (long long)us);
    else if (us < 1000000)
        snprintf(text, 32, "%.1f ms", (double)us / 1000);
    else
        snprintf(text, 32, "%.2f s", (double)us / 1000000);
    return text;
}

static void print_sessions(FILE *out, const duckrow_status *status)
{
    char text[32];
    int64_t open = figure(status, "transactions_open"), waiting = figure(status, "sessions_waiting");
    fprintf(out, "sessions   %lld: %lld busy", (long long)figure(status, "sessions"), (long long)figure(status, "sessions_busy"));
    if (waiting)
        fprintf(out, " (%lld waiting)", (long long)waiting);
    fprintf(out, ", %lld in a transaction", (long long)open);
    if (open)
        fprintf(out, ", the longest for %s: session %lld of process %lld",
                dr_duration_text(figure(status, "longest_transaction_ms"), text),
                (long long)figure(status, "longest_transaction_session"), (long long)figure(status, "longest_transaction_pid"));
    fprintf(out, "\n");
}

static void print_work(FILE *out, const duckrow_status *status)
{
    char p50[32], p99[32];
    int64_t groups = figure(status, "lane_groups"), rotations = figure(status, "rotations");
    fprintf(out, "writes     %lld transactions/s in %lld commits/s, %lld so far; %lld waiting",
            (long long)figure(status, "transactions_per_second"), (long long)figure(status, "commits_per_second"),
            (long long)figure(status, "transactions"), (long long)figure(status, "lane_waiting"));
    if (groups)
        fprintf(out, "; groups of %.1f, %lld at most", (double)figure(status, "lane_units") / (double)groups,
                (long long)figure(status, "lane_largest_group"));
    fprintf(out, "\npublish    %s, p99 %s", microseconds(figure(status, "publish_p50"), p50),
            microseconds(figure(status, "publish_p99"), p99));
    if (rotations)
        fprintf(out, "; with a checkpoint %s, p99 %s, %lld of them", microseconds(figure(status, "rotation_p50"), p50),
                microseconds(figure(status, "rotation_p99"), p99), (long long)rotations);
    fprintf(out, "\nwal        %s in %lld commits\n", dr_space_text(figure(status, "wal_bytes"), p50),
            (long long)figure(status, "wal_commits"));
}

static void print_service(FILE *out, const duckrow_status *status)
{
    enum { SILENT_MS = 5000 };
    char text[32];
    int64_t age = now_ms() - figure(status, "at");
    fprintf(out, "service    %s", status->service);
    if (!status->figures) {
        fprintf(out, "\n");
        return;
    }
    fprintf(out, ", up for %s\n", dr_duration_text(figure(status, "at") - figure(status, "started_at"), text));
    if (age >= SILENT_MS)
        fprintf(out, "silent     for %s: it is stopped, or too busy; what follows is as old\n", dr_duration_text(age, text));
    print_sessions(out, status);
    print_work(out, status);
}

/* ---- what the files tell ---- */

static void print_turn(FILE *out, const duckrow_status *status)
{
    fprintf(out, "turn       ");
    if (!status->held)
        fprintf(out, "free\n");
    else if (status->shared)
        fprintf(out, "shared by readers\n");
    else {
        fprintf(out, "held by ");
        print_process(out, &status->holder, 1, 1);
        fprintf(out, "\n");
    }
    if (*status->service)
        print_service(out, status);
    int named = status->waiting < 64 ? status->waiting : 64;
    for (int i = 0; i < named; i++) {
        fprintf(out, i ? "           " : "waiting    ");
        print_process(out, &status->waiter[i], 1, 1);
        fprintf(out, "\n");
    }
    if (status->waiting > named)
        fprintf(out, "           and %d more\n", status->waiting - named);
}

static void print_snapshot(FILE *out, const duckrow_status *status)
{
    char text[32];
    if (status->generation < 0) {
        fprintf(out, "snapshot   %s\n", status->snapshots ? "none" : "off");
        return;
    }
    fprintf(out, "snapshot   %s, generation %lld, sequence %lld", status->fresh ? "fresh" : "stale",
            (long long)status->generation, (long long)status->sequence);
    if (status->age_ms >= 0)
        fprintf(out, ", published %s ago", dr_duration_text(status->age_ms, text));
    fprintf(out, "\nread path  %s\n", status->read_path);
}

static void print_slot(FILE *out, const duckrow_slot_status *slot)
{
    char age[32], bytes[32];
    fprintf(out, "slot       %lld%s%s, published %s ago, %s, ", (long long)slot->generation, slot->current ? ", current" : "",
            slot->complete ? "" : ", incomplete", dr_duration_text(now_ms() - slot->published_at, age),
            dr_space_text(slot->bytes, bytes));
    if (!slot->readers)
        fprintf(out, "no readers");
    for (int i = 0; i < slot->readers; i++) {
        fprintf(out, i ? ", " : "read by ");
        print_process(out, &slot->reader[i], 0, 0);
    }
    fprintf(out, "\n");
}

static void print_disk(FILE *out, const duckrow_status *status)
{
    char all[32], each[32];
    int64_t largest = 0;
    for (int i = 0; i < status->slots; i++)
        largest = status->slot[i].bytes > largest ? status->slot[i].bytes : largest;
    fprintf(out, "disk       %s", dr_space_text(status->bytes, all));
    if (status->slots)
        fprintf(out, ": %d slot%s of %s at most", status->slots, status->slots > 1 ? "s" : "", dr_space_text(largest, each));
    fprintf(out, "; max_slots = %d, snapshots = %s\n", status->max_slots, status->snapshots ? "on" : "off");
}

static void print_staging(FILE *out, const duckrow_status *status)
{
    char bytes[32], age[32];
    const duckrow_staged_status *staging = &status->staging;
    int64_t rate = figure(status, "ingested_rows_per_second");
    if (!staging->files && !staging->quarantined && !rate)
        return;
    fprintf(out, "staging    %lld file%s", (long long)staging->files, staging->files == 1 ? "" : "s");
    if (staging->files)
        fprintf(out, ", %s, the oldest for %s", dr_space_text(staging->bytes, bytes), dr_duration_text(staging->oldest_ms, age));
    if (rate)
        fprintf(out, "; %lld rows/s taken in", (long long)rate);
    if (staging->quarantined)
        fprintf(out, "; %lld in quarantine: see duckrow staging list", (long long)staging->quarantined);
    fprintf(out, "\n");
}

static void print(FILE *out, const duckrow_status *status)
{
    fprintf(out, "database   %s%s\n", status->path, status->exists ? "" : " (missing)");
    print_turn(out, status);
    print_snapshot(out, status);
    for (int i = 0; i < status->slots; i++)
        print_slot(out, &status->slot[i]);
    for (int i = 0; i < status->strangers; i++) {
        fprintf(out, "stranger   ");
        print_process(out, &status->stranger[i], 0, 0);
        fprintf(out, " uses the file without duckrow\n");
    }
    print_staging(out, status);
    print_disk(out, status);
}

/* One line names the first that came true. */
static duckrow_code check_limits(const struct dr_options *options, const duckrow_status *status, duckrow_error *error)
{
    char text[256];
    for (int i = 0; i < DR_FAIL_IFS && options->fail_if[i]; i++)
        if (dr_fail_if_true(options->fail_if[i], status, text))
            return dr_fail(error, DUCKROW_SQL, "%s: %s (--fail-if %.100s)", status->path, text, options->fail_if[i]);
    return DUCKROW_OK;
}

static duckrow_code check_expressions(const struct dr_options *options, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    for (int i = 0; !code && i < DR_FAIL_IFS && options->fail_if[i]; i++)
        code = dr_fail_if_check(options->fail_if[i], error);
    return code;
}

static duckrow_code look(const struct dr_options *options, duckrow_db *db, duckrow_status *status, duckrow_error *error)
{
    char *json = NULL;
    duckrow_code code = options->json ? duckrow_status_json(db, &json, error) : DUCKROW_OK;
    if (!code && (!options->json || options->fail_if[0]))
        code = duckrow_status_read(db, status, error);
    if (!code && options->json)
        puts(json);
    else if (!code && !options->fail_if[0])
        print(stdout, status);
    duckrow_free(json);
    return code ? code : check_limits(options, status, error);
}

/* ---- again and again ---- */

/* The other screen, without a cursor, and lines cut at its edge instead of wrapped. */
#define SCREEN_BEGIN "\033[?1049h\033[?25l\033[?7l"
#define SCREEN_END "\033[?7h\033[?25h\033[?1049l"

/* In one write, each line over the one before it, so that nothing flickers. */
static duckrow_code print_over(duckrow_db *db, duckrow_status *status, int64_t every_ms, duckrow_error *error)
{
    char *text = NULL, moment[32];
    size_t size = 0;
    time_t now = time(NULL);
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    strftime(moment, sizeof moment, "%Y-%m-%d %H:%M:%S", localtime(&now));
    fprintf(out, "%s, every %.3g s\n\n", moment, (double)every_ms / 1000);
    duckrow_code code = duckrow_status_read(db, status, error);
    if (!code)
        print(out, status);
    fclose(out);
    for (char *at = text, *line; !code && text && (line = strchr(at, '\n')); at = line + 1)
        printf("%s%.*s\033[K\n", at == text ? "\033[H" : "", (int)(line - at), at);
    printf("\033[J");
    free(text);
    return code;
}

static duckrow_code watch(const struct dr_options *options, duckrow_db *db, duckrow_status *status, duckrow_error *error)
{
    int screen = isatty(STDOUT_FILENO) && !options->json;
    duckrow_code code = DUCKROW_OK;
    dr_signals_begin();
    if (screen)
        printf(SCREEN_BEGIN);
    while (!code && !ferror(stdout) && !dr_signals_received()) {
        code = screen ? print_over(db, status, options->watch_ms, error) : look(options, db, status, error);
        if (!screen && !options->json)
            printf("\n");
        fflush(stdout);
        dr_signals_wait(options->watch_ms);
    }
    if (screen)
        printf(SCREEN_END);
    fflush(stdout);
    int ended_by = dr_signals_received();
    dr_signals_end();
    /* ^C is how one leaves. */
    if (!code && ended_by && ended_by != SIGINT)
        code = dr_fail(error, DUCKROW_INTERRUPTED, "interrupted");
    return code;
}

static int run_status(const struct dr_options *options)
{
    duckrow_error error = {0};
    duckrow_db_options db_options = DUCKROW_DB_OPTIONS_INIT;
    db_options.flags = DUCKROW_MUST_EXIST;
    duckrow_db *db = NULL;
    duckrow_status *status = calloc(1, sizeof *status);
    duckrow_code code = status ? check_expressions(options, &error) : dr_fail(&error, DUCKROW_NO_MEMORY, "out of memory");
    if (!code)
        code = duckrow_db_open(options->database, &db_options, &db, &error);
    if (!code)
        code = options->watch_ms ? watch(options, db, status, &error) : look(options, db, status, &error);
    free(status);
    if (db)
        duckrow_db_close(db);
    return code ? dr_report(&error) : dr_end_printing();
}

const struct dr_command dr_command_status = {
    "status",
    "status [--json] [--watch [SECONDS]] [--fail-if EXPRESSION]... DB",
    "show who uses a database, and how new its snapshot is",
    "Shows who holds the turn and who waits for it, the slots of the snapshot and their readers, and programs that use the file\n"
    "without duckrow; of a service what it leaves there about itself each second. Waits for nothing and changes nothing.\n"
    "\n"
    "  --json                one object, with the fields of duckrow_status in duckrow.h; figures of the service in .service\n"
    "  --watch [SECONDS]     shows it again every second, or so many, until ^C; with --json, or not at a terminal, one after the "
    "other\n"
    "  --fail-if EXPRESSION  for monitoring: says nothing, but where this is true ends with 1 and a line that says why. Several\n"
    "                        may be given; comparisons are > >= < <= = !=\n"
    "                          age>60s        since the last publish (no snapshot: always)\n"
    "                          stale>60s      the same, only while the snapshot is older than the file\n"
    "                          held>30s       the turn has been held for so long; held=yes\n"
    "                          waited>30s     the longest wait; waiting>5: how many wait\n"
    "                          strangers>0    programs that use the file without duckrow; readers>20; slots>4\n"
    "                          bytes>10GB     what the .duckrow folder costs\n"
    "                          staged>60s     the oldest staged file waits for so long; backlog>1000: how many wait\n"
    "                          quarantined>0  staged files that didn't fit\n"
    "                          fresh=no       the snapshot is older than the file; exists=no\n",
    DR_TAKES_JSON | DR_TAKES_WATCH | DR_TAKES_FAIL_IF | DR_TAKES_DATABASE,
    run_status,
};
