#include "runner.h"

#include <stdlib.h>

#include "appending.h"
#include "core/os.h"
#include "execute.h"

enum { SHAPES = 32 };

/* What is kept for a statement. */
struct kept {
    struct dr_statement *statement;
    struct dr_appending *appending; /* NULL: its rows can't be gathered */
    duckdb_prepared_statement prepared;
    const struct dr_zone *zone; /* what it was prepared in, which constants and defaults may hang on */
    uint64_t used;
};

struct dr_runner {
    struct dr_host *host;
    duckdb_connection connection;
    int database;
    const struct dr_zone *zone; /* of the connection */
    struct kept kept[SHAPES];
    uint64_t uses;
};

struct dr_runner *dr_runner_make(struct dr_host *host, duckdb_connection connection, int database)
{
    struct dr_runner *runner = calloc(1, sizeof *runner);
    if (runner) {
        runner->host = host;
        runner->connection = connection;
        runner->database = database;
        runner->zone = dr_zone_utc();
    }
    return runner;
}

/* ---- what is kept for a statement ---- */

static void forget(struct dr_runner *runner, struct kept *kept)
{
    dr_appending_close(kept->appending);
    runner->host->duckdb->destroy_prepare(&kept->prepared);
    dr_statement_put(kept->statement);
    *kept = (struct kept){0};
}

void dr_runner_forget(struct dr_runner *runner)
{
    for (int i = 0; i < SHAPES; i++) {
        struct dr_appending *appending = runner->kept[i].appending;
        if (appending && dr_appending_rows(appending))
            dr_appending_forget(appending);
    }
}

/* The statement's place; a new one takes the place that was not used for the longest time, but none that has rows to flush. */
static struct kept *find(struct dr_runner *runner, struct dr_statement *statement)
{
    struct kept *oldest = NULL;
    for (int i = 0; i < SHAPES; i++) {
        struct kept *kept = &runner->kept[i];
        if (kept->zone == runner->zone && dr_statement_same(kept->statement, statement)) {
            kept->used = ++runner->uses;
            return kept;
        }
        if ((!kept->appending || !dr_appending_rows(kept->appending)) && (!oldest || kept->used < oldest->used))
            oldest = kept;
    }
    if (!oldest)
        return NULL;
    if (oldest->statement)
        forget(runner, oldest);
    oldest->statement = dr_statement_get(statement);
    oldest->zone = runner->zone;
    oldest->used = ++runner->uses;
    duckrow_error ignored;
    if (statement->shape && !statement->unappendable &&
        dr_appending_open(runner->host->duckdb, runner->connection, runner->host->served[runner->database].name, statement->shape,
                          runner->host->plans_anew, &oldest->appending, &ignored))
        statement->unappendable = 1;
    return oldest;
}

/* ---- running ---- */

duckrow_code dr_runner_flush(struct dr_runner *runner, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    for (int i = 0; !code && i < SHAPES; i++) {
        struct kept *kept = &runner->kept[i];
        if (!kept->appending || !dr_appending_rows(kept->appending))
            continue;
        code = dr_appending_flush(kept->appending, error);
    }
    return code;
}

duckrow_code dr_runner_zone(struct dr_runner *runner, const struct dr_zone *zone, duckrow_error *error)
{
    zone = zone ? zone : dr_zone_utc();
    if (zone == runner->zone)
        return DUCKROW_OK;
    duckrow_code code = dr_runner_flush(runner, error);
    if (!code)
        code = dr_connection_zone(runner->host->duckdb, runner->connection, zone, error);
    if (!code)
        runner->zone = zone;
    return code;
}

static int has_rows(const struct dr_runner *runner)
{
    for (int i = 0; i < SHAPES; i++)
        if (runner->kept[i].appending && dr_appending_rows(runner->kept[i].appending))
            return 1;
    return 0;
}

static int gather(struct kept *kept, struct dr_unit *unit, int index)
{
    if (!kept || !kept->appending)
        return 1;
    unit->operation[index].count = 1;
    return dr_appending_add(kept->appending, unit, &unit->operation[index]);
}

int dr_runner_gather(struct dr_runner *runner, struct dr_unit *unit, int index)
{
    const struct dr_operation *operation = &unit->operation[index];
    const struct dr_zone *zone = operation->zone ? operation->zone : dr_zone_utc();
    duckrow_error ignored;
    /* Rows that wait are flushed by whoever asks for that. */
    if (zone != runner->zone && (has_rows(runner) || dr_runner_zone(runner, zone, &ignored)))
        return 1;
    return gather(find(runner, operation->statement), unit, index);
}

duckrow_code dr_runner_run(struct dr_runner *runner, struct dr_unit *unit, int index, int append, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = runner->host->duckdb;
    struct dr_operation *operation = &unit->operation[index];
    if (dr_runner_zone(runner, operation->zone, error))
        return error->code;
    struct kept *kept = find(runner, operation->statement);
    if (append && !operation->statement->ordered && gather(kept, unit, index) == 0)
        return DUCKROW_OK;
    duckrow_code code = dr_runner_flush(runner, error);
    if (code)
        return code;
    if (kept && !kept->prepared && !operation->statement->unprepared &&
        duckdb->prepare(runner->connection, operation->statement->sql, &kept->prepared) != DuckDBSuccess) {
        code = dr_sql_failed(error, kept->prepared ? duckdb->prepare_error(kept->prepared) : NULL);
        duckdb->destroy_prepare(&kept->prepared);
        return code;
    }
    int64_t began = dr_clock_ms();
    code = dr_execute_operation(duckdb, runner->connection, kept ? kept->prepared : NULL, unit, index, error);
    dr_statement_took(operation->statement, dr_clock_ms() - began);
    return code;
}

void dr_runner_clear(struct dr_runner *runner)
{
    for (int i = 0; i < SHAPES; i++)
        if (runner->kept[i].statement)
            forget(runner, &runner->kept[i]);
}

void dr_runner_free(struct dr_runner *runner)
{
    if (!runner)
        return;
    dr_runner_clear(runner);
    free(runner);
}
