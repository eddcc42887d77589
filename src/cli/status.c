/* duckrow status: who uses a database, and how new its snapshot is. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli.h"
#include "core/space.h"
#include "failif.h"
#include "file.h"
#include "width.h"

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "1.2 s", "3 min 20 s", "2 h 5 min", "3 d 4 h" */
static const char *duration(int64_t ms, char text[32])
{
    long long seconds = ms > 0 ? ms / 1000 : 0;
    if (seconds < 60)
        snprintf(text, 32, "%.1f s", ms > 0 ? (double)ms / 1000 : 0.0);
    else if (seconds < 3600)
        snprintf(text, 32, "%lld min %lld s", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        snprintf(text, 32, "%lld h %lld min", seconds / 3600, seconds / 60 % 60);
    else
        snprintf(text, 32, "%lld d %lld h", seconds / 86400, seconds / 3600 % 24);
    return text;
}

/* A command line is another program's text. */
static void print_command(const char *command)
{
    size_t columns, length = 0;
    while (command[length])
        length++;
    char *visible = dr_width_visible(command, length, &columns);
    printf(" (%s)", visible ? visible : "?");
    free(visible);
}

static void print_process(const duckrow_process *process, int with_kind, int with_time)
{
    char text[32];
    if (process->pid)
        printf("%lld", (long long)process->pid);
    else if (process->foreign_pid)
        printf("%lld in another container", (long long)process->foreign_pid);
    else
        printf("a process that can't be seen");
    if (process->command[0])
        print_command(process->command);
    if (with_kind && process->kind[0])
        printf(", %s", process->kind);
    if (with_time && process->since_at > 0)
        printf(", for %s", duration(now_ms() - process->since_at, text));
}

static void print_turn(const duckrow_status *status)
{
    printf("turn       ");
    if (!status->held)
        printf("free\n");
    else if (status->shared)
        printf("shared by readers\n");
    else {
        printf("held by ");
        print_process(&status->holder, 1, 1);
        printf("\n");
    }
    if (*status->service)
        printf("service    %s\n", status->service);
    int named = status->waiting < 64 ? status->waiting : 64;
    for (int i = 0; i < named; i++) {
        printf(i ? "           " : "waiting    ");
        print_process(&status->waiter[i], 1, 1);
        printf("\n");
    }
    if (status->waiting > named)
        printf("           and %d more\n", status->waiting - named);
}

static void print_snapshot(const duckrow_status *status)
{
    char text[32];
    if (status->generation < 0) {
        printf("snapshot   %s\n", status->snapshots ? "none" : "off");
        return;
    }
    printf("snapshot   %s, generation %lld, sequence %lld", status->fresh ? "fresh" : "stale", (long long)status->generation,
           (long long)status->sequence);
    if (status->age_ms >= 0)
        printf(", published %s ago", duration(status->age_ms, text));
    printf("\nread path  %s\n", status->read_path);
}

static void print_slot(const duckrow_slot_status *slot)
{
    char age[32], bytes[32];
    printf("slot       %lld%s%s, published %s ago, %s, ", (long long)slot->generation, slot->current ? ", current" : "",
           slot->complete ? "" : ", incomplete", duration(now_ms() - slot->published_at, age), dr_space_text(slot->bytes, bytes));
    if (!slot->readers)
        printf("no readers");
    for (int i = 0; i < slot->readers; i++) {
        printf(i ? ", " : "read by ");
        print_process(&slot->reader[i], 0, 0);
    }
    printf("\n");
}

static void print_disk(const duckrow_status *status)
{
    char all[32], each[32];
    int64_t largest = 0;
    for (int i = 0; i < status->slots; i++)
        largest = status->slot[i].bytes > largest ? status->slot[i].bytes : largest;
    printf("disk       %s", dr_space_text(status->bytes, all));
    if (status->slots)
        printf(": %d slot%s of %s at most", status->slots, status->slots > 1 ? "s" : "", dr_space_text(largest, each));
    printf("; max_slots = %d, snapshots = %s\n", status->max_slots, status->snapshots ? "on" : "off");
}

static void print(const duckrow_status *status)
{
    printf("database   %s%s\n", status->path, status->exists ? "" : " (missing)");
    print_turn(status);
    print_snapshot(status);
    for (int i = 0; i < status->slots; i++)
        print_slot(&status->slot[i]);
    for (int i = 0; i < status->strangers; i++) {
        printf("stranger   ");
        print_process(&status->stranger[i], 0, 0);
        printf(" uses the file without duckrow\n");
    }
    print_disk(status);
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
        print(status);
    duckrow_free(json);
    return code ? code : check_limits(options, status, error);
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
        code = look(options, db, status, &error);
    free(status);
    if (db)
        duckrow_db_close(db);
    return code ? dr_report(&error) : dr_end_printing();
}

const struct dr_command dr_command_status = {
    "status",
    "status [--json] [--fail-if EXPRESSION]... DB",
    "show who uses a database, and how new its snapshot is",
    "Shows who holds the turn and who waits for it, the slots of the snapshot and their readers, and programs that use the file\n"
    "without duckrow. Waits for nothing and changes nothing.\n"
    "\n"
    "  --json                one object, with the fields of duckrow_status in duckrow.h\n"
    "  --fail-if EXPRESSION  for monitoring: says nothing, but where this is true ends with 1 and a line that says why. Several\n"
    "                        may be given; comparisons are > >= < <= = !=\n"
    "                          age>60s        since the last publish (no snapshot: always)\n"
    "                          stale>60s      the same, only while the snapshot is older than the file\n"
    "                          held>30s       the turn has been held for so long; held=yes\n"
    "                          waited>30s     the longest wait; waiting>5: how many wait\n"
    "                          strangers>0    programs that use the file without duckrow; readers>20; slots>4\n"
    "                          bytes>10GB     what the .duckrow folder costs\n"
    "                          fresh=no       the snapshot is older than the file; exists=no\n",
    DR_TAKES_JSON | DR_TAKES_FAIL_IF | DR_TAKES_DATABASE,
    run_status,
};
