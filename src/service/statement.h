/* One SQL statement as the service sees it: what it is, what to tell clients about it, and how it may be run. Made once from the
 * text and shared between sessions (statements.h keeps them); never changed after that, but for what is learned about its cost. */
#ifndef DR_STATEMENT_H
#define DR_STATEMENT_H

#include <stdatomic.h>
#include <string.h>

#include "columns.h"
#include "engine/session.h"

enum dr_kind {
    DR_KIND_EMPTY,
    DR_KIND_READ,   /* rows, and nothing changes: a snapshot answers it */
    DR_KIND_WRITE,  /* INSERT, UPDATE, DELETE, MERGE */
    DR_KIND_SCHEMA, /* may change more than rows: alone in the gate when it commits */
    DR_KIND_LOCAL,  /* changes what only this connection has: a temporary table, a setting, a prepared statement */
    /* What the service does itself. */
    DR_KIND_BEGIN,
    DR_KIND_COMMIT,
    DR_KIND_ROLLBACK,
    DR_KIND_SAVEPOINT,
    DR_KIND_SET,
    DR_KIND_SHOW,
    DR_KIND_COPY,
    DR_KIND_DECLARE,
    DR_KIND_FETCH,
    DR_KIND_CLOSE,
    DR_KIND_DEALLOCATE,
    DR_KIND_DISCARD,
    DR_KIND_CHECKPOINT,
    DR_KIND_NOTHING, /* what is answered with its tag alone: LISTEN, UNLISTEN */
    DR_KIND_REFUSED, /* ATTACH, DETACH and what else would harm the service */
};

/* INSERT INTO table [(columns)] VALUES (…), each value a parameter, or what needs no row (a literal, now(), nextval('s'), …), and one a
 * parameter at least: its rows can be gathered (appending.h). */
struct dr_shape {
    char *catalog, *schema, *table; /* without quotes; catalog, schema: NULL where not said */
    int columns, values; /* as many */
    char **column;   /* NULL: the table's, in order */
    int *parameter;  /* of each column, from 0; -1: it has a constant */
    char **constant; /* as SQL; NULL: a parameter */
};

struct dr_statement {
    atomic_int users;
    enum dr_kind kind;
    char *sql;      /* for DuckDB */
    char tag[32];   /* of CommandComplete, without counts: INSERT 0, UPDATE, CREATE TABLE */
    int parameters;
    uint32_t *oids; /* of the parameters, as clients are told */
    struct dr_columns columns; /* of its rows */
    int catalog;    /* it needs dr_host_catalog */
    int unprepared; /* DuckDB is given its text: it can't prepare every ALTER … DEFAULT */
    int unresolved; /* the columns' types depend on the parameters' */
    struct dr_statement *inner; /* of DECLARE: the query */
    int database;   /* the number of the database that it writes; -1: not known */
    struct dr_shape *shape;
    int ordered; /* rows of the shape may need what was written right before: its table has foreign keys */
    atomic_int unappendable; /* it was tried, and its table doesn't take gathered rows */
    uint64_t schema;   /* what the schema's number was when this was made */
    atomic_int writes; /* it was taken for a read, but a read-only database refused it */
    atomic_int cost;   /* how long it took lately, in microseconds; 0: not run yet */
};

/* Is it known to be quick? One row of a shape is, in any case. */
enum { DR_QUICK_US = 5000 };
static inline int dr_statement_is_quick(const struct dr_statement *statement)
{
    return statement->shape || (statement->cost && statement->cost <= DR_QUICK_US);
}

/* Do both mean the same? Sessions may each have their own of one text, which was made for them at the same time, or has been forgotten
 * meanwhile. */
static inline int dr_statement_same(const struct dr_statement *one, const struct dr_statement *other)
{
    return one == other || (one && other && one->schema == other->schema && one->database == other->database &&
                            !one->shape == !other->shape && strcmp(one->sql, other->sql) == 0);
}

/* It took so long: of the last runs, the last counts half. */
static inline void dr_statement_took(struct dr_statement *statement, int64_t milliseconds)
{
    int took = milliseconds < 1000000 ? (int)milliseconds * 1000 + 1 : 1000000000;
    statement->cost = statement->cost ? (statement->cost + took) / 2 : took;
}

/* Does the service answer it itself? Of SET, SHOW and COPY only some; the caller knows. */
static inline int dr_kind_is_ours(enum dr_kind kind)
{
    return kind == DR_KIND_EMPTY || kind >= DR_KIND_BEGIN;
}

/* What the text alone tells. *end: behind the statement, at its semicolon or the end of the text. */
enum dr_kind dr_statement_kind(const char *sql, const char **end, char tag[32]);
/* The shape, or NULL where it has none, or no memory. */
struct dr_shape *dr_shape_parse(const char *sql);
void dr_shape_free(struct dr_shape *shape);

void dr_statement_put(struct dr_statement *statement);
static inline struct dr_statement *dr_statement_get(struct dr_statement *statement)
{
    atomic_fetch_add(&statement->users, 1);
    return statement;
}

#endif
