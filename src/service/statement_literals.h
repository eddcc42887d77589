/* INSERT INTO t [(columns)] VALUES (1, 'a', -2.5, NULL, true): a row of plain literals, as the row of parameters that it could be. Programs
 * that put their values into the text would have each text looked at by DuckDB, and run by itself; so all of them are one statement, whose
 * rows are gathered as those of programs with parameters are.
 *
 * Only what means exactly the same is taken: whole numbers of up to 18 digits, numbers with a point of up to 30, '…', NULL, true,
 * false, and a minus before a number. Everything else (E'…', casts, expressions, DEFAULT, several rows, RETURNING, ON CONFLICT) is left
 * to DuckDB as it is. */
#ifndef DR_STATEMENT_LITERALS_H
#define DR_STATEMENT_LITERALS_H

#include "unit.h"

struct dr_literal {
    enum { DR_LITERAL_NULL, DR_LITERAL_TEXT, DR_LITERAL_INTEGER, DR_LITERAL_DECIMAL, DR_LITERAL_TRUTH } kind;
    const char *text; /* without quotes */
    size_t size;
};

struct dr_literals {
    char *sql; /* … VALUES ($1, $2) */
    char *original; /* the statement as it came */
    int count;
    struct dr_literal *literal;
    char *memory; /* of the texts */
};

/* NULL: the statement is none of these, or there is no memory. */
struct dr_literals *dr_literals_parse(const char *sql);
void dr_literals_free(struct dr_literals *literals);
/* Puts them as parameters. statement: made of literals->sql; its parameters' types choose among those that mean the same. */
void dr_literals_put(const struct dr_literals *literals, const struct dr_statement *statement, struct dr_unit *unit);

#endif
