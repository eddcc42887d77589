/* SQL text as a list of tokens, each with what is to stand before it, in its place and behind it. What is between tokens, and every
 * token that nothing is said of, stays as it is, byte by byte. */
#ifndef DR_CATALOG_REWRITE_H
#define DR_CATALOG_REWRITE_H

#include "catalog.h"
#include "engine/tokens.h"

struct dr_piece {
    enum dr_token kind;
    const char *start, *end, *text; /* text as in dr_tokens */
    int match; /* of a bracket, parenthesis: the other one; else -1 */
    int relation; /* a function that stands for a relation: FROM generate_series(…) */
    char *before, *instead, *after; /* NULL: nothing, itself, nothing */
};

struct dr_rewriting {
    const struct dr_catalog_context *context;
    struct dr_piece *pieces; /* the last one is an END */
    int count;
    int first, last; /* of the statement at hand: last is its END */
    int concerned; /* the statement is about the catalog */
    int changed, failed;
};

/* The clause that a parenthesis, or a statement, is in at the moment. */
enum dr_clause { DR_CLAUSE_NONE, DR_CLAUSE_LIST, DR_CLAUSE_FROM, DR_CLAUSE_OTHER };
struct dr_place {
    enum dr_clause clause;
    int relation; /* a relation's name is next */
    int item; /* first token of the select list's item */
    int depth; /* parentheses around */
};

/* Edits. Further text goes before what is before already, and behind what is behind. */
void dr_piece_before(struct dr_rewriting *rewriting, int at, const char *text);
void dr_piece_after(struct dr_rewriting *rewriting, int at, const char *text);
void dr_piece_instead(struct dr_rewriting *rewriting, int at, const char *text);
void dr_piece_literal(struct dr_rewriting *rewriting, int at, const char *text); /* instead, as '…' */
void dr_pieces_drop(struct dr_rewriting *rewriting, int first, int last);

/* Looks. Any index is allowed: outside the statement there is nothing. */
const struct dr_piece *dr_piece(const struct dr_rewriting *rewriting, int at);
int dr_piece_is_word(const struct dr_rewriting *rewriting, int at, const char *word);
int dr_piece_is_name(const struct dr_rewriting *rewriting, int at); /* WORD or "…" */
int dr_piece_is(const struct dr_rewriting *rewriting, int at, const char *name); /* a WORD or "…" of that name */
int dr_piece_is_sign(const struct dr_rewriting *rewriting, int at, char sign);
/* Gives the tokens first to last a column name, if they are an item of the select list and have none. */
void dr_piece_column(struct dr_rewriting *rewriting, const struct dr_place *place, int first, int last, const char *name);

/* The steps. catalog_places.c walks through a statement; catalog_casts.c does the rest. */
void dr_catalog_places(struct dr_rewriting *rewriting);
/* at: of "::", or of CAST. */
void dr_catalog_cast(struct dr_rewriting *rewriting, const struct dr_place *place, int at);
void dr_catalog_cast_call(struct dr_rewriting *rewriting, const struct dr_place *place, int at);
/* OPERATOR(…) and COLLATE pg_catalog.…, which only PostgreSQL's own tools say. */
void dr_catalog_operators(struct dr_rewriting *rewriting);
/* In a statement about the catalog: what PostgreSQL reads differently. */
void dr_catalog_dialect(struct dr_rewriting *rewriting);

#endif
