/* A unit: what a session wants done as one transaction, all or nothing: a statement in a simple query, or a pipeline up to Sync.
 *
 * It is a list of operations, each a statement with its parameters, and of bytes to answer in between. Who runs it, the lane or a
 * worker, fills in each operation's result; the answer is put together at the end, when it is known whether it was committed. */
#ifndef DR_UNIT_H
#define DR_UNIT_H

#include "buffer.h"
#include "statement.h"
#include "timezone.h"

struct dr_operation {
    struct dr_statement *statement; /* NULL: only bytes to answer */
    size_t parameters;              /* where they begin in unit->values: each is put there by dr_unit_put_parameter */
    size_t formats;                 /* where the results' format codes begin in unit->values: a count (u16), codes (u16) */
    size_t fixed, fixed_end;        /* unit->fixed: what is answered before the result */
    size_t rows, rows_end;          /* unit->rows: DataRow messages */
    int64_t count;                  /* rows returned or changed */
    const struct dr_zone *zone;     /* of the session; NULL: UTC */
    int silent;                     /* it has no CommandComplete of its own: a row of COPY */
};

struct dr_unit {
    struct dr_unit *next;           /* in a queue */
    struct dr_operation *operation;
    int operations, capacity;
    struct dr_buffer values, fixed, rows;
    size_t weight;                  /* rows to append, about */
    int database;                   /* that all of it writes; -1: not known, or several */
    int schema;                     /* some of it may change what a later statement means: DDL, temporary tables */
    int plain;                      /* all of it are inserts with a shape */
    int64_t deadline;               /* of dr_clock_ms: when waiting for others has lasted long enough */
    const char *_Atomic *stop;      /* a reason to wait no longer, once it isn't NULL; may be NULL */
    /* The result. */
    int failed;                     /* the operation that failed, -1: none; operations: the COMMIT */
    duckrow_error error;
    void (*done)(struct dr_unit *unit);
    void *owner;
};

void dr_unit_reset(struct dr_unit *unit); /* empty, with the memory of a small one kept */
void dr_unit_free(struct dr_unit *unit);
/* A new operation, whose parameters and formats the caller adds to unit->values next; NULL: no memory. It takes the statement over. */
struct dr_operation *dr_unit_add(struct dr_unit *unit, struct dr_statement *statement);
/* Is it more than should be gathered before it is run? */
int dr_unit_is_long(const struct dr_unit *unit);
/* Bytes to answer before the next operation's result, or at the end, may be added to unit->fixed at any time. */

/* A parameter: read one after the other, from operation->parameters on. */
struct dr_parameter {
    const unsigned char *bytes; /* NULL: SQL NULL */
    size_t size;
    uint32_t oid;
    int binary;
};
void dr_unit_put_parameter(struct dr_unit *unit, const struct dr_parameter *parameter);
struct dr_parameter dr_unit_parameter(const struct dr_unit *unit, size_t *at);

/* Puts the answer together: all of it, or up to the operation that failed, and then the error (without ReadyForQuery). */
void dr_unit_answer(const struct dr_unit *unit, struct dr_buffer *out);
/* "INSERT 0 5": a tag with its count, where it has one. */
void dr_complete_tag(const struct dr_statement *statement, int64_t count, char tag[64]);

#endif
