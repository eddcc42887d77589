#include "wire.h"

#include <string.h>

static uint32_t number(const unsigned char *at, int size)
{
    uint32_t value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

enum dr_framing dr_frame_next(const struct dr_buffer *in, int startup, size_t limit, struct dr_frame *frame, size_t *size)
{
    size_t held = dr_buffer_size(in), head = startup ? 4 : 5, least = startup ? 8 : 4;
    *size = head;
    if (held < head)
        return DR_FRAME_PART;
    const unsigned char *at = in->bytes + in->start;
    size_t length = number(at + head - 4, 4);
    if (length < least || length > (startup ? (size_t)DR_STARTUP_MAX : limit) || (!startup && !*at))
        return DR_FRAME_BAD;
    *size = head - 4 + length;
    if (held < *size)
        return DR_FRAME_PART;
    *frame = (struct dr_frame){.type = startup ? 0 : (char)*at, .at = at + head, .end = at + *size};
    return DR_FRAME_WHOLE;
}

const unsigned char *dr_frame_bytes(struct dr_frame *frame, size_t size)
{
    static const unsigned char nothing[1];
    if ((size_t)(frame->end - frame->at) < size) {
        frame->bad = 1;
        frame->at = frame->end;
        return nothing;
    }
    const unsigned char *bytes = frame->at;
    frame->at += size;
    return bytes;
}

static uint32_t take(struct dr_frame *frame, int size)
{
    const unsigned char *bytes = dr_frame_bytes(frame, (size_t)size);
    return frame->bad ? 0 : number(bytes, size);
}

uint8_t dr_frame_u8(struct dr_frame *frame)
{
    return (uint8_t)take(frame, 1);
}

uint16_t dr_frame_u16(struct dr_frame *frame)
{
    return (uint16_t)take(frame, 2);
}

uint32_t dr_frame_u32(struct dr_frame *frame)
{
    return take(frame, 4);
}

const char *dr_frame_string(struct dr_frame *frame)
{
    const unsigned char *from = frame->at;
    const unsigned char *zero = from < frame->end ? memchr(from, 0, (size_t)(frame->end - from)) : NULL;
    if (!zero) {
        frame->bad = 1;
        frame->at = frame->end;
        return "";
    }
    frame->at = zero + 1;
    return (const char *)from;
}

int dr_frame_ok(const struct dr_frame *frame)
{
    return !frame->bad && frame->at == frame->end;
}

size_t dr_message_begin(struct dr_buffer *out, char type)
{
    dr_buffer_u8(out, (uint8_t)type);
    return dr_buffer_length_begin(out);
}

void dr_message_end(struct dr_buffer *out, size_t at)
{
    dr_buffer_length_end(out, at, 4);
}

void dr_message_empty(struct dr_buffer *out, char type)
{
    dr_message_end(out, dr_message_begin(out, type));
}

void dr_message_ready(struct dr_buffer *out, char status)
{
    size_t at = dr_message_begin(out, 'Z');
    dr_buffer_u8(out, (uint8_t)status);
    dr_message_end(out, at);
}

void dr_message_complete(struct dr_buffer *out, const char *tag)
{
    size_t at = dr_message_begin(out, 'C');
    dr_buffer_add(out, tag, strlen(tag) + 1);
    dr_message_end(out, at);
}

void dr_message_parameter(struct dr_buffer *out, const char *name, const char *value)
{
    size_t at = dr_message_begin(out, 'S');
    dr_buffer_add(out, name, strlen(name) + 1);
    dr_buffer_add(out, value, strlen(value) + 1);
    dr_message_end(out, at);
}

static void field(struct dr_buffer *out, char code, const char *text)
{
    if (!text)
        return;
    dr_buffer_u8(out, (uint8_t)code);
    dr_buffer_add(out, text, strlen(text) + 1);
}

void dr_message_report(struct dr_buffer *out, char type, const char *severity, const char *sqlstate, const char *message,
                       const char *detail, const char *hint, int position)
{
    size_t at = dr_message_begin(out, type);
    field(out, 'S', severity);
    field(out, 'V', severity);
    field(out, 'C', sqlstate);
    field(out, 'M', message);
    field(out, 'D', detail);
    field(out, 'H', hint);
    if (position > 0) {
        dr_buffer_u8(out, 'P');
        dr_buffer_format(out, "%d", position);
        dr_buffer_u8(out, 0);
    }
    dr_buffer_u8(out, 0);
    dr_message_end(out, at);
}
