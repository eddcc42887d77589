#include "runner.h"

#include <stdlib.h>

#include "appending.h"
#include "core/os.h"
#include "execute.h"

enum { SHAPES = 32 };

/* An appender that is kept for the statements of one shape. */
struct kept {
    struct dr_statement *statement;
    struct dr_appending *appending; /* NULL: this shape can't be appended */
    duckdb_prepared_statement prepared;
    uint64_t used;
    int failed; /* the appender is no good any more */
};

struct dr_runner {
    struct dr_host *host;
    duckdb_connection connection;
    int database;
    struct kept kept[SHAPES];
    uint64_t uses, attachings;
};

struct dr_runner *dr_runner_make(struct dr_host *host, duckdb_connection connection, int database)
{
    struct dr_runner *runner = calloc(1, sizeof *runner);
    if (runner) {
        runner->host = host;
        runner->connection = connection;
        runner->database = database;
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
        struct kept *kept = &runner->kept[i];
        if (kept->failed)
            forget(runner, kept);
        else if (kept->appending && dr_appending_rows(kept->appending))
            dr_appending_forget(kept->appending);
    }
}

void dr_runner_clear(struct dr_runner *runner)
{
    for (int i = 0; i < SHAPES; i++)
        if (runner->kept[i].statement)
            forget(runner, &runner->kept[i]);
}

/* What was prepared before a database was attached again is of tables that may be others now. */
static void keep_up(struct dr_runner *runner)
{
    if (runner->attachings == runner->host->attachings)
        return;
    dr_runner_clear(runner);
    runner->attachings = runner->host->attachings;
}

/* The statement's place; a new one takes the place that was not used for the longest time, but none that has rows to flush. */
static struct kept *find(struct dr_runner *runner, struct dr_statement *statement)
{
    struct kept *oldest = NULL;
    keep_up(runner);
    for (int i = 0; i < SHAPES; i++) {
        struct kept *kept = &runner->kept[i];
        if (kept->statement == statement) {
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
    oldest->used = ++runner->uses;
    duckrow_error ignored;
    if (statement->shape && !statement->unappendable &&
        dr_appending_open(runner->host->duckdb, runner->connection, runner->host->served[runner->database].name, statement->shape,
                          &oldest->appending, &ignored))
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
        kept->failed = code != DUCKROW_OK;
    }
    return code;
}

static int gather(struct kept *kept, struct dr_unit *unit, int index, duckrow_error *error)
{
    if (!kept || !kept->appending)
        return 1;
    unit->operation[index].count = 1;
    int added = dr_appending_add(kept->appending, unit, &unit->operation[index], error);
    kept->failed = added < 0;
    return added;
}

int dr_runner_gather(struct dr_runner *runner, struct dr_unit *unit, int index, duckrow_error *error)
{
    return gather(find(runner, unit->operation[index].statement), unit, index, error);
}

duckrow_code dr_runner_run(struct dr_runner *runner, struct dr_unit *unit, int index, int append, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = runner->host->duckdb;
    struct dr_operation *operation = &unit->operation[index];
    struct kept *kept = find(runner, operation->statement);
    int added = append && !operation->statement->ordered ? gather(kept, unit, index, error) : 1;
    if (added <= 0)
        return added ? error->code : DUCKROW_OK;
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

void dr_runner_free(struct dr_runner *runner)
{
    if (!runner)
        return;
    dr_runner_clear(runner);
    free(runner);
}
