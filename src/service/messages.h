/* What a client says: the bodies of its messages, field by field, as
 * https://www.postgresql.org/docs/15/protocol-message-formats.html has them.
 *
 * Each function reads one frame, whose type the caller has looked at, into a struct that points into the frame: nothing is copied
 * and nothing allocated, so no count that a client claims costs memory. It is valid as long as the frame's bytes are. What has
 * been read is whole: every count has been compared with what is there, and nothing is left over.
 * Errors: USAGE, with PostgreSQL's message, for 08P01 (protocol violation). */
#ifndef DR_MESSAGES_H
#define DR_MESSAGES_H

#include "wire.h"

/* Numbers of two or four bytes, in network byte order. */
struct dr_numbers {
    const unsigned char *at;
    uint16_t count;
};

struct dr_startup {
    uint32_t code;            /* DR_PROTOCOL_3 and its minor versions, DR_CANCEL_REQUEST, … */
    struct dr_frame rest;     /* of a protocol version: parameters that dr_startup_next has not given yet */
    uint32_t backend, secret; /* of DR_CANCEL_REQUEST */
};
/* Codes other than protocol 3's, CANCEL, SSL and GSS are read without their body: PROTOCOL_3's major version tells. */
duckrow_code dr_message_startup(struct dr_frame *frame, struct dr_startup *startup, duckrow_error *error);
/* The next parameter: 1; 0: there are no more. */
int dr_startup_next(struct dr_startup *startup, const char **name, const char **value);

struct dr_parse {
    const char *name, *sql;
    struct dr_numbers types;
};
duckrow_code dr_message_parse(struct dr_frame *frame, struct dr_parse *parse, duckrow_error *error);
/* The oid of parameter i, counted from 0; 0 where it was left to the server. */
uint32_t dr_parse_type(const struct dr_parse *parse, size_t i);

struct dr_bind {
    const char *portal, *statement;
    struct dr_numbers formats, result_formats;
    uint16_t parameters;
    struct dr_frame rest; /* the parameters that dr_bind_next has not given yet */
};
/* A list of formats has none, one for all, or one for each; of the results' formats the caller checks the number. */
duckrow_code dr_message_bind(struct dr_frame *frame, struct dr_bind *bind, duckrow_error *error);
/* The next parameter: 1, with bytes NULL for SQL NULL; 0: there are no more. */
int dr_bind_next(struct dr_bind *bind, const unsigned char **bytes, size_t *size);
/* The format of value i: 0 text, 1 binary, anything else is not known. */
uint16_t dr_format_of(const struct dr_numbers *formats, size_t i);

struct dr_target { /* of Describe and Close */
    char kind;     /* 'S': statement, 'P': portal */
    const char *name;
};
duckrow_code dr_message_describe(struct dr_frame *frame, struct dr_target *target, duckrow_error *error);
duckrow_code dr_message_close(struct dr_frame *frame, struct dr_target *target, duckrow_error *error);

struct dr_execute {
    const char *portal;
    uint32_t rows; /* at most; 0: all */
};
duckrow_code dr_message_execute(struct dr_frame *frame, struct dr_execute *execute, duckrow_error *error);

/* Query, CopyFail, PasswordMessage. */
duckrow_code dr_message_text(struct dr_frame *frame, const char **text, duckrow_error *error);
/* CopyData. */
void dr_message_data(struct dr_frame *frame, const unsigned char **bytes, size_t *size);
/* Flush, Sync, CopyDone, Terminate. */
duckrow_code dr_message_nothing(struct dr_frame *frame, duckrow_error *error);

#endif
