/* duckrow stage: rows for a table, left beside the database without a lock. Parquet files are copied as they are, others converted by
 * DuckDB; all are written before the first is staged, so what can't be read stages nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/json.h"
#include "engine/sqltext.h"
#include "file.h"
#include "progress.h"
#include "work.h"

enum kind { PARQUET, CSV, JSON, UNKNOWN };

struct staging {
    struct dr_work work;
    const struct dr_options *options;
    duckrow_stage **stage; /* of each file */
    int count, staged;
    char **path; /* of those staged */
};

/* ---- what a file is ---- */

static enum kind kind_by_name(const char *text)
{
    static const struct {
        const char *name;
        enum kind kind;
    } names[] = {{"parquet", PARQUET}, {"csv", CSV},    {"tsv", CSV},    {"txt", CSV},
                 {"json", JSON},       {"jsonl", JSON}, {"ndjson", JSON}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(names[i].name, text) == 0)
            return names[i].kind;
    return UNKNOWN;
}

/* By its ending, before which .gz and .zst don't count. */
static enum kind kind_of(const char *file)
{
    char name[NAME_MAX + 1];
    const char *slash = strrchr(file, '/');
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : file);
    char *point = strrchr(name, '.');
    if (point && (strcasecmp(point, ".gz") == 0 || strcasecmp(point, ".zst") == 0)) {
        *point = 0;
        point = strrchr(name, '.');
    }
    return point ? kind_by_name(point + 1) : UNKNOWN;
}

static duckrow_code choose(const struct dr_options *options, const char *file, enum kind *kind, duckrow_error *error)
{
    *kind = options->format ? kind_by_name(options->format) : kind_of(file);
    if (*kind != UNKNOWN)
        return DUCKROW_OK;
    if (options->format)
        return dr_fail(error, DUCKROW_USAGE, "unknown format %.100s: choose one of parquet, csv, json", options->format);
    return dr_fail(error, DUCKROW_USAGE, "%.200s: what it holds can't be told by its name: --format parquet, csv or json", file);
}

/* ---- writing ---- */

static duckrow_code check_parquet(int fd, const char *file, const struct stat *st, duckrow_error *error)
{
    char first[4] = "", last[4] = "";
    if (S_ISREG(st->st_mode) && st->st_size >= 12 && pread(fd, first, 4, 0) == 4 && pread(fd, last, 4, st->st_size - 4) == 4 &&
        memcmp(first, "PAR1", 4) == 0 && memcmp(last, "PAR1", 4) == 0)
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_USAGE, "%.200s is no whole Parquet file: it doesn't begin and end with PAR1", file);
}

static duckrow_code copy_parquet(const char *file, const char *target, duckrow_error *error)
{
    struct stat st;
    int from = open(file, O_RDONLY | O_CLOEXEC);
    if (from < 0 || fstat(from, &st) < 0) {
        int reason = errno;
        if (from >= 0)
            close(from);
        return dr_fail_os(error, reason, "cannot open %.200s", file);
    }
    duckrow_code code = check_parquet(from, file, &st, error);
    int to = code ? -1 : open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (!code && to < 0)
        code = dr_fail_os(error, errno, "cannot make %s", target);
    if (!code)
        code = dr_copy_bytes(from, to, st.st_size, target, error);
    if (to >= 0 && close(to) < 0 && !code)
        code = dr_fail_os(error, errno, "cannot write %s", target);
    close(from);
    return code;
}

static duckrow_code convert(struct staging *staging, int i, enum kind kind, const char *target, duckrow_error *error)
{
    const char *file = staging->options->rest[i];
    struct dr_work *work = &staging->work;
    if (!work->session) {
        duckrow_code code = dr_work_open_engine(work, staging->options, error);
        if (code)
            return code;
    }
    char *from = dr_sql_quote(strcmp(file, "-") == 0 ? "/dev/stdin" : file, '\''), *to = dr_sql_quote(target, '\'');
    char *sql = from && to
                    ? dr_sql_format("COPY (FROM %s(%s)) TO %s (FORMAT parquet)", kind == CSV ? "read_csv" : "read_json", from, to)
                    : NULL;
    dr_progress *progress = dr_progress_begin(staging->options, "converting", staging->count, work->session);
    dr_progress_set(progress, i);
    duckrow_code code = sql ? dr_session_run(work->session, sql, error) : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    dr_progress_end(progress);
    free(sql);
    free(from);
    free(to);
    return code;
}

static duckrow_code write_one(struct staging *staging, int i, duckrow_error *error)
{
    const char *file = staging->options->rest[i];
    enum kind kind;
    duckrow_code code = choose(staging->options, file, &kind, error);
    if (!code && kind == PARQUET && strcmp(file, "-") == 0)
        code = dr_fail(error, DUCKROW_USAGE, "a Parquet file can't be read from standard input: it is read from its end");
    if (!code)
        code = duckrow_stage_begin(staging->work.db, staging->options->name, &staging->stage[i], error);
    if (code)
        return code;
    const char *target = duckrow_stage_path(staging->stage[i]);
    return kind == PARQUET ? copy_parquet(file, target, error) : convert(staging, i, kind, target, error);
}

/* ---- the subcommand ---- */

static duckrow_code stage_all(struct staging *staging, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    for (int i = 0; !code && i < staging->count; i++)
        code = write_one(staging, i, error);
    for (int i = 0; !code && i < staging->count; i++) {
        duckrow_stage *stage = staging->stage[i];
        staging->stage[i] = NULL;
        code = duckrow_stage_commit(stage, &staging->path[i], error);
        staging->staged += !code;
    }
    for (int i = 0; i < staging->count; i++)
        duckrow_stage_abandon(staging->stage[i]);
    return code;
}

static int print(const struct staging *staging)
{
    if (!staging->options->json) {
        for (int i = 0; i < staging->staged; i++)
            puts(staging->path[i]);
        return dr_end_printing();
    }
    struct dr_json json = {0};
    dr_json_open(&json, NULL, '{');
    dr_json_open(&json, "staged", '[');
    for (int i = 0; i < staging->staged; i++)
        dr_json_string(&json, NULL, staging->path[i]);
    dr_json_close(&json, ']');
    dr_json_close(&json, '}');
    return dr_print_json(&json);
}

static int run_stage(const struct dr_options *options)
{
    struct staging staging = {.options = options, .count = options->rest_count};
    duckrow_error error = {0};
    staging.stage = calloc((size_t)staging.count + 1, sizeof *staging.stage);
    staging.path = calloc((size_t)staging.count + 1, sizeof *staging.path);
    duckrow_code code = staging.stage && staging.path ? dr_work_open_database(&staging.work, options, 0, &error)
                                                      : dr_fail(&error, DUCKROW_NO_MEMORY, "out of memory");
    if (!code)
        code = stage_all(&staging, &error);
    /* Who has to stage the others again must know which. */
    int status = code && !staging.staged ? 0 : print(&staging);
    if (code)
        status = dr_report(&error);
    dr_work_close(&staging.work);
    for (int i = 0; i < staging.staged; i++)
        duckrow_free(staging.path[i]);
    free(staging.path);
    free(staging.stage);
    return status;
}

const struct dr_command dr_command_stage = {
    "stage",
    "stage [--format parquet|csv|json] [--json] [--engine FILE] DB TABLE FILE…",
    "leave rows for a table, without a lock",
    "Leaves the rows of each file beside the database, from where its writer takes them into the table, each file once: the "
    "service by\n"
    "itself, or duckrow ingest. It needs no lock, no service, and no database yet. TABLE is a name, or schema.name.\n"
    "\n"
    "Parquet files are copied as they are. CSV and JSON (lines, or an array) are converted by DuckDB; - is standard input.\n"
    "Prints the path of each file that is staged. Nothing is staged where a file can't be read.\n"
    "\n"
    "  --format FORMAT  what the files hold: parquet, csv or json; without it their names tell\n"
    "  --json           as {\"staged\": [path, …]}\n"
    "  --engine FILE    the DuckDB to convert with\n",
    DR_TAKES_DATABASE | DR_TAKES_FILES | DR_TAKES_JSON | DR_TAKES_ENGINE,
    run_stage,
};
