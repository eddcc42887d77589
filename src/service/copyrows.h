/* COPY's formats, both ways: https://www.postgresql.org/docs/15/sql-copy.html ("File Formats")
 *
 * In: bytes come in pieces that end anywhere; rows of fields come out, a field being bytes or NULL. Nothing here knows types.
 * Out: rows of texts or binary values to bytes. */
#ifndef DR_COPYROWS_H
#define DR_COPYROWS_H

#include "buffer.h"

enum dr_copy_format { DR_COPY_TEXT, DR_COPY_CSV, DR_COPY_BINARY };

/* As given in COPY … WITH (…), PostgreSQL's defaults filled in. */
struct dr_copy_options {
    enum dr_copy_format format;
    char delimiter, quote, escape;
    int header;           /* CSV and text: 1 skips the first line, 2 (MATCH) leaves checking to the caller */
    char null[64];        /* what stands for NULL: \N, or nothing in CSV */
    int force_quote_all;  /* CSV out */
};
/* Parses the statement: COPY table [(columns)] FROM STDIN | COPY {table [(columns)] | (query)} TO STDOUT, with options in
 * PostgreSQL's new and old syntax. *copy is filled in and owns its texts.
 * Errors: UNSUPPORTED (0A000) for what can't be done (WHERE, ENCODING other than UTF8, FREEZE), USAGE (42601) for bad syntax.
 * *found: 0 when this isn't COPY … STDIN/STDOUT at all: DuckDB's own COPY, for files. */
struct dr_copy_statement {
    int in; /* FROM STDIN */
    char *table;    /* as SQL, quoted as it was: main.t; NULL for a query */
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
struct dr_copy_reader; /* what is kept between pieces */
struct dr_copy_reader *dr_copy_reader_make(const struct dr_copy_options *options); /* NULL: no memory */
void dr_copy_reader_free(struct dr_copy_reader *reader);
/* Adds a piece; last: there is no more (a line that isn't ended counts, a quoted field that isn't ended is an error). */
void dr_copy_reader_feed(struct dr_copy_reader *reader, const void *bytes, size_t size, int last);
/* The next row: 1, with *count fields that are valid until the next call; 0: needs more, or is at the end; -1: an error, which says
 * the line number, as PostgreSQL does. An empty line is a row of one empty field (or NULL). */
int dr_copy_reader_row(struct dr_copy_reader *reader, const struct dr_copy_field **fields, size_t *count, duckrow_error *error);
int64_t dr_copy_reader_line(const struct dr_copy_reader *reader);

/* Out. Text and CSV: begin a row, add fields, end it. Binary: header, rows, trailer. */
void dr_copy_put_start(const struct dr_copy_options *options, const char *const *names, size_t count, struct dr_buffer *out);
void dr_copy_put_text(const struct dr_copy_options *options, size_t column, const struct dr_copy_field *field,
                      struct dr_buffer *out);
void dr_copy_put_end_of_row(const struct dr_copy_options *options, struct dr_buffer *out);
void dr_copy_put_finish(const struct dr_copy_options *options, struct dr_buffer *out);

#endif
