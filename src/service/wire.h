/* The messages of the PostgreSQL protocol 3.0, as bytes: https://www.postgresql.org/docs/15/protocol-message-formats.html
 *
 * A frame is a type byte (none at startup), a length of four bytes that counts itself, and a body. Nothing here knows a session:
 * it takes frames out of a buffer, reads fields out of a frame, and writes what a server says. Numbers are in network byte order,
 * strings end with a 0.
 *
 * Limits: a startup packet has at most DR_STARTUP_MAX bytes (PostgreSQL's own limit), any other frame as many as the caller says.
 * What breaks them, says it is shorter than its own length field, or has the type 0, which stands for startup here, is DR_FRAME_BAD:
 * nothing after it can be understood. */
#ifndef DR_WIRE_H
#define DR_WIRE_H

#include "buffer.h"

enum { DR_STARTUP_MAX = 10000 };
enum { DR_PROTOCOL_3 = 196608, DR_CANCEL_REQUEST = 80877102, DR_SSL_REQUEST = 80877103, DR_GSS_REQUEST = 80877104 };

/* A frame, or a part of one that has been read: type, and what is left of the body. */
struct dr_frame {
    char type; /* 0: of startup */
    const unsigned char *at, *end;
    int bad; /* a field was asked for that isn't there */
};

enum dr_framing { DR_FRAME_WHOLE, DR_FRAME_PART, DR_FRAME_BAD };

/* The next frame in the buffer, if all of it is there; *size: how many bytes to use up when done with it, or, of a part, how many
 * there must be. */
enum dr_framing dr_frame_next(const struct dr_buffer *in, int startup, size_t limit, struct dr_frame *frame, size_t *size);

/* Fields. After the last one dr_frame_ok says whether all were there and nothing is left over. */
uint8_t dr_frame_u8(struct dr_frame *frame);
uint16_t dr_frame_u16(struct dr_frame *frame);
uint32_t dr_frame_u32(struct dr_frame *frame);
const char *dr_frame_string(struct dr_frame *frame); /* "" when bad */
const unsigned char *dr_frame_bytes(struct dr_frame *frame, size_t size);
int dr_frame_ok(const struct dr_frame *frame);

/* What a server says. begin and end enclose a message; the others write a whole one. */
size_t dr_message_begin(struct dr_buffer *out, char type);
void dr_message_end(struct dr_buffer *out, size_t at);
void dr_message_empty(struct dr_buffer *out, char type); /* ParseComplete and the like: no body */
void dr_message_ready(struct dr_buffer *out, char status); /* 'I', 'T' or 'E' */
void dr_message_complete(struct dr_buffer *out, const char *tag);
void dr_message_parameter(struct dr_buffer *out, const char *name, const char *value);
/* type: 'E' with severity ERROR or FATAL, or 'N' with NOTICE or WARNING. detail, hint: NULL for none; position: 0 for none. */
void dr_message_report(struct dr_buffer *out, char type, const char *severity, const char *sqlstate, const char *message,
                       const char *detail, const char *hint, int position);

#endif
