/* Within the reader of COPY's formats: what its parts share.
 *
 * A row is read in two steps: where does it end (copyline.c, and copybinary.c), which can stop at any byte and go on with the next
 * piece; then, with all of it there, its fields (copyfields.c), in place. So a row that comes in many pieces is looked at once. */
#ifndef DR_COPYREAD_H
#define DR_COPYREAD_H

#include "copyrows.h"

/* How the lines end, as the first one has it. */
enum dr_copy_ending { DR_COPY_END_UNKNOWN, DR_COPY_END_NL, DR_COPY_END_CR, DR_COPY_END_CRNL };
/* What a byte is, for the line and for the field: 0 is nothing but data. */
enum dr_copy_class {
    DR_COPY_PLAIN,
    DR_COPY_NEWLINE,
    DR_COPY_RETURN,
    DR_COPY_BACKSLASH,
    DR_COPY_QUOTE,
    DR_COPY_ESCAPE,
    DR_COPY_DELIMITER
};

struct dr_copy_reader {
    struct dr_copy_options options;
    size_t null_size;
    int usual_null; /* \N stands for NULL */
    const char *const *names;
    size_t count;
    struct dr_copy_field *fields;
    struct dr_buffer in;
    size_t used;    /* bytes at the start of `in`: of the row that was given last */
    size_t scanned; /* bytes of the row behind them that have been looked at */
    int last;       /* nothing more will come */
    int ended;      /* the end-of-data marker, or the trailer, was read */
    int begun;      /* the header was read */
    int64_t line;
    /* Lines */
    unsigned char line_class[256], field_class[256];
    enum dr_copy_ending ending;
    int in_line, in_quote, after_escape;
    /* Binary */
    size_t skip;   /* bytes of the header's extension that are still to come */
    size_t column; /* the first one that was not looked at */
};

struct dr_copy_line {
    unsigned char *at, *end; /* without what ends it */
};

/* -1, with the message behind "COPY, line 3: ". */
int dr_copy_reader_fail(const struct dr_copy_reader *reader, duckrow_error *error, const char *format, ...) DR_PRINTF(3, 4);

/* Both: 1, 0 or -1 as dr_copy_reader_row; what was found is in `used`. */
int dr_copy_line_next(struct dr_copy_reader *reader, struct dr_copy_line *line, duckrow_error *error);
int dr_copy_binary_next(struct dr_copy_reader *reader, duckrow_error *error);
/* Fields of a line; those that there are columns for are kept. *found: how many there are. 0, or -1: an error. */
int dr_copy_split(struct dr_copy_reader *reader, const struct dr_copy_line *line, size_t *found, duckrow_error *error);

#endif
