/* COPY's formats, both ways: https://www.postgresql.org/docs/15/sql-copy.html ("File Formats")
 *
 * In: bytes come in pieces that end anywhere; rows of fields come out, a field being bytes or NULL. Nothing here knows types.
 * Out: rows of texts or binary values to bytes.
 * What PostgreSQL 15 refuses is refused with its words. Whether text is UTF-8 is left to whoever stores it. */
#ifndef DR_COPYROWS_H
#define DR_COPYROWS_H

#include "buffer.h"

enum dr_copy_format { DR_COPY_TEXT, DR_COPY_CSV, DR_COPY_BINARY };
enum { DR_COPY_NULL_SIZE = 64 };
/* As many bytes may a row have, as in PostgreSQL. */
enum { DR_COPY_ROW_MAX = 0x3fffffff };

/* As given in COPY … WITH (…), PostgreSQL's defaults filled in. */
struct dr_copy_options {
    enum dr_copy_format format;
    char delimiter, quote, escape;
    int header;                   /* CSV and text: 1 skips the first line, 2 (MATCH) compares it with the columns' names */
    char null[DR_COPY_NULL_SIZE]; /* what stands for NULL: \N, or nothing in CSV */
    int force_quote_all;          /* CSV out */
};
/* Parses the statement: COPY table [(columns)] FROM STDIN | COPY {table [(columns)] | (query)} TO STDOUT, with options in
 * PostgreSQL's new and old syntax. *copy is filled in and owns its texts; after an error there is nothing to free.
 * As in PostgreSQL, STDIN and STDOUT mean the same; the direction is in FROM and TO.
 * Errors: UNSUPPORTED (0A000) for what can't be done (WHERE, ENCODING other than UTF8, FREEZE, FORCE_NULL, FORCE_NOT_NULL,
 * FORCE_QUOTE of some columns), USAGE (42601) for bad syntax, NO_MEMORY.
 * *found: 0 when this isn't COPY … STDIN/STDOUT at all: DuckDB's own COPY, for files, or what DuckDB's parser will refuse. */
struct dr_copy_statement {
    int in;         /* FROM STDIN */
    char *table;    /* as SQL, quoted as it was, without blanks: main.t; NULL for a query */
    char **columns; /* names without quotes, ended by NULL; NULL: all */
    char *query;    /* SQL of what is copied out */
    struct dr_copy_options options;
};
duckrow_code dr_copy_parse(const char *sql, int *found, struct dr_copy_statement *copy, duckrow_error *error);
void dr_copy_statement_free(struct dr_copy_statement *copy);

struct dr_copy_field {
    const unsigned char *bytes; /* NULL: SQL NULL */
    size_t size;
};
struct dr_copy_reader; /* what is kept between pieces: the rows that have not been asked for, and a part of one */
/* names, count: of the columns that are copied; they stay the caller's and must outlive the reader. NULL: no memory. */
struct dr_copy_reader *dr_copy_reader_make(const struct dr_copy_options *options, const char *const *names, size_t count);
void dr_copy_reader_free(struct dr_copy_reader *reader);
/* Adds a piece; last: there is no more (a line that isn't ended counts, a quoted field that isn't ended is an error). Ask for all
 * rows before the next piece: what isn't asked for is kept in memory. */
void dr_copy_reader_feed(struct dr_copy_reader *reader, const void *bytes, size_t size, int last);
/* The next row: 1, with as many fields as there are columns, valid until the next call; 0: needs more, or is at the end; -1: an
 * error, after which the reader can only be freed: USAGE (22P04), whose message begins with the line ("COPY, line 3: …"), or
 * NO_MEMORY. An empty line is a row of one empty field (or NULL). What follows the end-of-data marker \. is left unread. */
int dr_copy_reader_row(struct dr_copy_reader *reader, const struct dr_copy_field **fields, duckrow_error *error);
/* The line of the row that was given last, or of the error; of binary the row's number. */
int64_t dr_copy_reader_line(const struct dr_copy_reader *reader);

/* Out: start; for each row its beginning, its fields, its end; finish. `count`: of columns. put_text adds a field: text, or in
 * binary the value's bytes behind their length (what adds its length itself, dr_type_put, goes without it). */
void dr_copy_put_start(const struct dr_copy_options *options, const char *const *names, size_t count, struct dr_buffer *out);
void dr_copy_put_row(const struct dr_copy_options *options, size_t count, struct dr_buffer *out);
void dr_copy_put_text(const struct dr_copy_options *options, size_t column, const struct dr_copy_field *field,
                      struct dr_buffer *out);
void dr_copy_put_end_of_row(const struct dr_copy_options *options, struct dr_buffer *out);
void dr_copy_put_finish(const struct dr_copy_options *options, struct dr_buffer *out);

#endif
