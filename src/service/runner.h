/* Running the operations of units on one connection, within its transaction: rows of one shape are gathered and inserted together, other
 * statements prepared once and run one by one, in the order in which they stand. */
#ifndef DR_RUNNER_H
#define DR_RUNNER_H

#include "host.h"
#include "unit.h"

struct dr_runner;

/* database: what unqualified names are of, by its number. NULL: no memory. */
struct dr_runner *dr_runner_make(struct dr_host *host, duckdb_connection connection, int database);
void dr_runner_free(struct dr_runner *runner);
/* Runs operation `index` of the unit. append: its row may wait until dr_runner_flush, or until something else is run; then
 * an error of that comes later. */
duckrow_code dr_runner_run(struct dr_runner *runner, struct dr_unit *unit, int index, int append, duckrow_error *error);
/* Gathers the row of a statement that has a shape. 0: done; 1: this one can't be gathered. */
int dr_runner_gather(struct dr_runner *runner, struct dr_unit *unit, int index);
/* Has the connection read and show times in that zone, if it doesn't already; rows that wait are flushed before. run and gather do it. */
duckrow_code dr_runner_zone(struct dr_runner *runner, const struct dr_zone *zone, duckrow_error *error);
duckrow_code dr_runner_flush(struct dr_runner *runner, duckrow_error *error);
/* The transaction was undone: forgets its rows. */
void dr_runner_forget(struct dr_runner *runner);
/* Forgets all: what the transaction made of the schema is undone too. */
void dr_runner_clear(struct dr_runner *runner);

#endif
