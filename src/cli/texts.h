/* The rows of a result as text, one after the other: DuckDB turns the values into text, through duckrow_result() (relay.h).
 *
 *     dr_texts_open
 *     while (dr_texts_next(…) == 1)
 *         dr_texts_get for each column
 *     dr_texts_close */
#ifndef DR_TEXTS_H
#define DR_TEXTS_H

#include "format.h"

struct dr_texts {
    const struct dr_answer *answer;
    size_t columns;
    duckdb_prepared_statement statement;
    duckdb_result result;
    int opened;
    duckdb_data_chunk chunk;
    size_t row, rows; /* row: the current one's number in the chunk, plus 1 */
};

/* expression(type): the SQL for a column of this type, with %s where the column goes. */
duckrow_code dr_texts_open(struct dr_texts *texts, const struct dr_answer *answer, const char *(*expression)(duckdb_type),
                           duckrow_error *error);
/* *more: is there another row? */
duckrow_code dr_texts_next(struct dr_texts *texts, int *more, duckrow_error *error);
/* Bytes and length, not terminated; valid until the next row; NULL for NULL. */
const char *dr_texts_get(const struct dr_texts *texts, size_t column, size_t *length);
void dr_texts_close(struct dr_texts *texts);

/* The expression for plain text. */
const char *dr_texts_plain(duckdb_type type);

/* SQL over duckrow_result() on the side connection: "SELECT <columns> FROM duckrow_result()", allocated; NULL: out of memory.
 * names: what to call the columns; NULL: nothing. */
char *dr_texts_select(const struct dr_answer *answer, const char *(*expression)(duckdb_type), char **names);
/* Makes the side connection see the answer, with those settings that change how values look. */
void dr_texts_relay(const struct dr_answer *answer);
/* Fills in the error of a statement on the side connection; the answer's own error comes first. */
duckrow_code dr_texts_failed(const struct dr_answer *answer, const char *message, duckrow_error *error);

#endif
