/* How results are written. A format is one file with one function, entered in the table of format.c. */
#ifndef DR_FORMAT_H
#define DR_FORMAT_H

#include "engine/session.h"
#include "output.h"

/* One result with rows to be written; it belongs to session->connection and is read to its end. */
struct dr_answer {
    dr_session *session;
    duckdb_result *result;
    int before; /* how many results have been written already */
};

struct dr_format {
    const char *name;
    int one_result; /* a file of this format holds exactly one */
    duckrow_code (*write)(const struct dr_answer *answer, struct dr_output *output, duckrow_error *error);
};

const struct dr_format *dr_format_find(const char *name);
/* "table, csv, …" */
const char *dr_format_names(void);

extern const struct dr_format dr_format_table, dr_format_csv, dr_format_json, dr_format_parquet, dr_format_arrow;

/* The column names, each used once: a later one of the same name gets _1, _2, … Freed with dr_names_free. NULL: out of memory. */
char **dr_names_unique(const struct dr_answer *answer);
void dr_names_free(char **names);

#endif
