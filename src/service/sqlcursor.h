/* Cursors in SQL, which DuckDB doesn't have: https://www.postgresql.org/docs/15/sql-declare.html and sql-fetch, sql-move, sql-close.
 *
 * DECLARE name CURSOR FOR query makes a portal of that name, FETCH and MOVE take rows from it, forwards only. A cursor lives until its
 * transaction ends, as one WITHOUT HOLD does. */
#ifndef DR_SQLCURSOR_H
#define DR_SQLCURSOR_H

#include <stdint.h>

struct dr_declare {
    char name[64];
    const char *query; /* within the statement; NULL: it is not understood */
    int holds, scrolls;
};
void dr_declare_parse(const char *sql, struct dr_declare *declare);

struct dr_fetch {
    char name[64]; /* empty: it is not understood */
    int move, backwards;
    int64_t count; /* INT64_MAX: all */
};
void dr_fetch_parse(const char *sql, struct dr_fetch *fetch);

/* CLOSE name | ALL: the name, "" for ALL. 0: it is not understood. */
int dr_close_parse(const char *sql, char name[64]);

#endif
