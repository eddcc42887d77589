/* Values between DuckDB and the PostgreSQL protocol: https://www.postgresql.org/docs/15/protocol-overview.html#PROTOCOL-FORMAT-CODES
 *
 * DuckDB                          PostgreSQL (oid)              text, and binary where it isn't plain
 * BOOLEAN                         bool (16)                     t, f
 * TINYINT, UTINYINT, SMALLINT     int2 (21)
 * USMALLINT, INTEGER              int4 (23)
 * UINTEGER, BIGINT                int8 (20)
 * UBIGINT, HUGEINT, UHUGEINT, BIGNUM, DECIMAL   numeric (1700)  DECIMAL(p, s) with modifier (p << 16 | s) + 4
 * FLOAT, DOUBLE                   float4 (700), float8 (701)    shortest text that reads back equal; NaN, Infinity
 * VARCHAR, ENUM, BIT and what is not listed   text (25)         DuckDB's own text (BIT: varbit is not used)
 * JSON (VARCHAR with that alias)  json (114)
 * BLOB                            bytea (17)                    \x0a0b
 * UUID                            uuid (2950)
 * DATE                            date (1082)                   ISO; infinity; "0044-03-15 BC"
 * TIME, TIME_NS; TIME_TZ          time (1083); timetz (1266)    _NS is cut to microseconds
 * TIMESTAMP (_S, _MS, _NS)        timestamp (1114)              microseconds; _NS is cut to them
 * TIMESTAMP_TZ                    timestamptz (1184)            in the session's time zone, given as a string for the offset
 * INTERVAL                        interval (1186)               postgres style
 * LIST, ARRAY of the above        _type (1000, 1005, …)         {1,NULL,"a b"}
 * ARRAYs in a LIST or an ARRAY    the same                      {{1,2},{3,4}}: their lengths are the type's; no NULL for one of them
 * other LISTs of LISTs            json (114)                    as to_json() says it: the oid is told before the rows are seen, and
 *                                                               any of them may be ragged, which PostgreSQL's arrays can't be
 * STRUCT, MAP, UNION; lists of them   json (114)                as to_json() says it, but for: structures without names, [1,"a"] as
 *                                                               of 2.0; numbers and escapes in a JSON stay as they are; nested keys
 *                                                               of a MAP are written as JSON
 * VARIANT; GEOMETRY               json (114); text (25)         can't be told: the message says what to cast it to
 *
 * A result may be asked for in format 2, which is duckrow's own: values that DuckDB on the other side makes the same values of, and
 * column names with the type before them, "14:DECIMAL(10, 2)price" (the type's length, a colon, the type, the name). A scalar is
 * DuckDB's own text. Nested values are text of simpler types: a LIST or ARRAY [a, b], a STRUCT {f0: a, f1: b}, a MAP {k: [a], v: [b]},
 * a UNION {t: 1, f0: NULL, f1: a}; within them VARCHAR, BLOB and ENUM are hexadecimal digits, and all scalars in quotes.
 *
 * A parameter comes with an oid, 0 where the client leaves it to the server; then the caller passes the oid it told the client. */
#ifndef DR_TYPES_H
#define DR_TYPES_H

#include "buffer.h"
#include "engine/functions.h"

struct dr_type; /* one column: a DuckDB type, and how it travels */

/* type stays the caller's. Errors: NO_MEMORY. */
duckrow_code dr_type_make(const struct dr_duckdb *duckdb, duckdb_logical_type type, struct dr_type **made, duckrow_error *error);
void dr_type_free(struct dr_type *type);
uint32_t dr_type_oid(const struct dr_type *type);
int16_t dr_type_size(const struct dr_type *type); /* as in RowDescription; -1: varies */
int32_t dr_type_modifier(const struct dr_type *type); /* -1: none */

/* An INTEGER[] of PostgreSQL's catalog is told as oid[], for drivers know that without asking the catalog about it. */
void dr_type_tell_oids(struct dr_type *type);

/* How the session wants to see values. */
struct dr_display {
    /* Seconds east of UTC at this moment (microseconds since 1970); may be NULL: UTC. */
    int32_t (*offset)(void *context, int64_t microseconds);
    void *context;
};

enum { DR_FORMAT_EXACT = 2 };
/* The name of a column for it, and the 0 behind it. */
void dr_exact_put_name(const struct dr_type *type, const char *name, struct dr_buffer *out);

/* Adds the length (four bytes, -1 for NULL) and the value in row `row` of the vector. binary: the format, 0 to 2. Returns NULL, or a message
 * to give where the value can't be told in the format (a date beyond what PostgreSQL's binary can hold); what has been added by
 * then has no meaning. */
const char *dr_type_put(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                        int binary, struct dr_buffer *out);
/* The same without the length, as text only, for COPY: 1; 0 for NULL (nothing added); -1 where dr_type_put would return a message. */
int dr_type_put_text(const struct dr_type *type, const struct dr_display *display, duckdb_vector vector, uint64_t row,
                     struct dr_buffer *out);

/* The oid by which a DuckDB type (of a parameter, as the planner found it) is told to clients. */
uint32_t dr_oid_of(const struct dr_duckdb *duckdb, duckdb_logical_type type);
/* DuckDB's name for the type of an oid, for SQL: "INTEGER", "INTEGER[]"; NULL for unknown ones. */
const char *dr_oid_duckdb_type(uint32_t oid);

/* A parameter as a value to bind. bytes NULL: SQL NULL. Text and, in the text format, unknown oids are bound as VARCHAR, which
 * DuckDB casts; so are json and jsonb; dates, times and intervals that aren't written as ISO or PostgreSQL do; timestamptz without
 * an offset, for the session's time zone counts; and numeric of more than 38 digits. Other numeric is a DECIMAL of its own width
 * and scale; NaN and infinities are DOUBLE. As in PostgreSQL, an offset behind a timestamp without time zone is ignored. Arrays are
 * LISTs, one in another for each dimension. value is NULL after an error.
 * Errors: USAGE, with a message like PostgreSQL's ('invalid input syntax for type integer: "x"'), for 22P02 or 22P03. */
duckrow_code dr_parameter_value(const struct dr_duckdb *duckdb, uint32_t oid, int binary, const unsigned char *bytes, size_t size,
                                duckdb_value *value, duckrow_error *error);

/* The fast way for rows that are gathered: writes a parameter into row `row` of a flat vector of DuckDB type `target`, one of BOOLEAN, the
 * integers up to BIGINT and UBIGINT, FLOAT, DOUBLE, VARCHAR, BLOB, DATE, TIMESTAMP, TIMESTAMP_TZ, UUID, DECIMAL. 0: done. Anything
 * else (another type, a value that doesn't fit, syntax in doubt): not done, nothing written, and the caller takes the long way,
 * which gives DuckDB's own result or error. So what is done here must be what `INSERT … VALUES ($1)` would do. */
int dr_parameter_store(const struct dr_duckdb *duckdb, duckdb_logical_type target, uint32_t oid, int binary,
                       const unsigned char *bytes, size_t size, duckdb_vector vector, uint64_t row);

/* The other way, for those types: the value in row `row` of a flat vector, to be destroyed; NULL for other types. */
duckdb_value dr_value_at(const struct dr_duckdb *duckdb, duckdb_logical_type type, duckdb_vector vector, uint64_t row);
/* What SQL calls the type. 0 for other types, and for those with a name of their own. */
enum { DR_TYPE_NAME = 32 };
int dr_value_type_name(const struct dr_duckdb *duckdb, duckdb_logical_type type, char name[DR_TYPE_NAME]);

#endif
