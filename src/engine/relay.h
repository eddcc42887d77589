/* Reading a result once more: the rows of a result on one connection become the rows of a table function on another.
 *
 * So SQL can turn any result into text, JSON or Parquet, whatever statement it came from and whatever its types, chunk by chunk
 * and without copying:
 *
 *     session->relayed = &result;                   a streaming or complete result of session->connection
 *     SELECT CAST(c0 AS VARCHAR), … FROM duckrow_result()      on session->side
 *     session->relayed = NULL;
 *
 * Columns are called c0, c1, … in the order of the result. One thread fetches, so the order of rows stays. An error of the
 * result ends the query; duckdb_result_error() of the result tells it. */
#ifndef DR_RELAY_H
#define DR_RELAY_H

#include "session.h"

duckrow_code dr_relay_register(dr_session *session, duckrow_error *error);

#endif
