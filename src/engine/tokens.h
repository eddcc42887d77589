/* The tokens of SQL text, as far as both lines of DuckDB agree on them: enough to tell where a statement ends, and to read the simple
 * ones that duckrow must understand before DuckDB gets them.
 *
 *     WORD    letters, digits, _, $ and everything beyond ASCII      NAME    "…", "" inside stands for "
 *     STRING  '…', E'…', $tag$…$tag$                                 NUMBER  digits, . and _ (a minus is a SIGN)
 *     SIGN    any other character                                    END     of the text, or a semicolon
 *     UNCLEAR a token whose meaning is not certain (an escape that is not known, a number with letters): it ends where it ends
 *     BROKEN  a quote or comment without an end: nothing can be said of what follows
 *
 * Comments nest. x'00' is a word and a string. */
#ifndef DR_TOKENS_H
#define DR_TOKENS_H

enum dr_token {
    DR_TOKEN_END,
    DR_TOKEN_WORD,
    DR_TOKEN_NAME,
    DR_TOKEN_STRING,
    DR_TOKEN_NUMBER,
    DR_TOKEN_SIGN,
    DR_TOKEN_UNCLEAR,
    DR_TOKEN_BROKEN
};

struct dr_tokens {
    enum dr_token kind; /* of the current token */
    const char *start; /* where it begins */
    const char *at; /* behind it; at the semicolon or the zero for END */
    char *text; /* what it means, without quotes; of WORD, NAME, STRING and NUMBER, where there is memory for it */
    char *memory; /* for all texts: twice as long as what is read and some more; NULL: no texts */
};

/* Memory for the texts of all tokens of a text, to be freed; NULL: there is none. */
char *dr_tokens_memory(const char *sql);
/* To the first token of the text. */
void dr_tokens_begin(struct dr_tokens *tokens, const char *sql, char *memory);
void dr_tokens_next(struct dr_tokens *tokens);
/* Is it this word, in any case? take: then go on to the next token. */
int dr_tokens_is_word(const struct dr_tokens *tokens, const char *word);
int dr_tokens_take_word(struct dr_tokens *tokens, const char *word);
int dr_tokens_take_sign(struct dr_tokens *tokens, char sign);
/* Steps over semicolons: is there nothing else? */
int dr_tokens_at_end(struct dr_tokens *tokens);

/* The end of the statement that begins at sql: its semicolon, or the end of the text. NULL: it can't be told. */
const char *dr_statement_end(const char *sql);

#endif
