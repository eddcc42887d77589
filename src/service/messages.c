#include "messages.h"

/* The end of a message. */
static duckrow_code finish(const struct dr_frame *frame, duckrow_error *error)
{
    if (frame->bad)
        return dr_fail(error, DUCKROW_USAGE, "insufficient data left in message");
    return dr_frame_ok(frame) ? DUCKROW_OK : dr_fail(error, DUCKROW_USAGE, "invalid message format");
}

static struct dr_numbers read_numbers(struct dr_frame *frame, size_t size)
{
    struct dr_numbers numbers = {.count = dr_frame_u16(frame)};
    numbers.at = dr_frame_bytes(frame, numbers.count * size);
    if (frame->bad)
        numbers.count = 0;
    return numbers;
}

/* Pairs of strings; an empty name ends them. */
static duckrow_code read_startup_parameters(struct dr_frame *frame, struct dr_startup *startup, duckrow_error *error)
{
    startup->rest = *frame;
    startup->rest.end = frame->at;
    while (*dr_frame_string(frame)) {
        dr_frame_string(frame);
        startup->rest.end = frame->at;
    }
    if (!dr_frame_ok(frame))
        return dr_fail(error, DUCKROW_USAGE, "invalid startup packet layout: expected terminator as last byte");
    return DUCKROW_OK;
}

duckrow_code dr_message_startup(struct dr_frame *frame, struct dr_startup *startup, duckrow_error *error)
{
    *startup = (struct dr_startup){.code = dr_frame_u32(frame)};
    if (startup->code >> 16 == DR_PROTOCOL_3 >> 16)
        return read_startup_parameters(frame, startup, error);
    if (startup->code == DR_CANCEL_REQUEST) {
        startup->backend = dr_frame_u32(frame);
        startup->secret = dr_frame_u32(frame);
    }
    if (startup->code == DR_CANCEL_REQUEST || startup->code == DR_SSL_REQUEST || startup->code == DR_GSS_REQUEST)
        return finish(frame, error);
    return frame->bad ? finish(frame, error) : DUCKROW_OK;
}

int dr_startup_next(struct dr_startup *startup, const char **name, const char **value)
{
    if (startup->rest.at == startup->rest.end)
        return 0;
    *name = dr_frame_string(&startup->rest);
    *value = dr_frame_string(&startup->rest);
    return 1;
}

duckrow_code dr_message_parse(struct dr_frame *frame, struct dr_parse *parse, duckrow_error *error)
{
    parse->name = dr_frame_string(frame);
    parse->sql = dr_frame_string(frame);
    parse->types = read_numbers(frame, 4);
    return finish(frame, error);
}

static uint32_t number(const unsigned char *at, size_t size)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

uint32_t dr_parse_type(const struct dr_parse *parse, size_t i)
{
    return i < parse->types.count ? number(parse->types.at + 4 * i, 4) : 0;
}

duckrow_code dr_message_bind(struct dr_frame *frame, struct dr_bind *bind, duckrow_error *error)
{
    bind->portal = dr_frame_string(frame);
    bind->statement = dr_frame_string(frame);
    bind->formats = read_numbers(frame, 2);
    bind->parameters = dr_frame_u16(frame);
    bind->rest = *frame;
    if (!frame->bad && bind->formats.count > 1 && bind->formats.count != bind->parameters)
        return dr_fail(error, DUCKROW_USAGE, "bind message has %u parameter formats but %u parameters", bind->formats.count,
                       bind->parameters);
    for (unsigned i = 0; i < bind->parameters && !frame->bad; i++) {
        uint32_t size = dr_frame_u32(frame);
        if (size != UINT32_MAX)
            dr_frame_bytes(frame, size);
    }
    bind->rest.end = frame->at;
    bind->result_formats = read_numbers(frame, 2);
    return finish(frame, error);
}

int dr_bind_next(struct dr_bind *bind, const unsigned char **bytes, size_t *size)
{
    if (bind->rest.at == bind->rest.end)
        return 0;
    uint32_t length = dr_frame_u32(&bind->rest);
    *size = length == UINT32_MAX ? 0 : length;
    *bytes = length == UINT32_MAX ? NULL : dr_frame_bytes(&bind->rest, length);
    return 1;
}

uint16_t dr_format_of(const struct dr_numbers *formats, size_t i)
{
    if (formats->count == 1)
        i = 0;
    return i < formats->count ? (uint16_t)number(formats->at + 2 * i, 2) : 0;
}

static duckrow_code read_target(struct dr_frame *frame, const char *message, struct dr_target *target, duckrow_error *error)
{
    target->kind = (char)dr_frame_u8(frame);
    target->name = dr_frame_string(frame);
    duckrow_code code = finish(frame, error);
    if (!code && target->kind != 'S' && target->kind != 'P')
        return dr_fail(error, DUCKROW_USAGE, "invalid %s message subtype %d", message, (unsigned char)target->kind);
    return code;
}

duckrow_code dr_message_describe(struct dr_frame *frame, struct dr_target *target, duckrow_error *error)
{
    return read_target(frame, "DESCRIBE", target, error);
}

duckrow_code dr_message_close(struct dr_frame *frame, struct dr_target *target, duckrow_error *error)
{
    return read_target(frame, "CLOSE", target, error);
}

duckrow_code dr_message_execute(struct dr_frame *frame, struct dr_execute *execute, duckrow_error *error)
{
    execute->portal = dr_frame_string(frame);
    execute->rows = dr_frame_u32(frame);
    /* A negative number is no limit either. */
    if (execute->rows > INT32_MAX)
        execute->rows = 0;
    return finish(frame, error);
}

duckrow_code dr_message_text(struct dr_frame *frame, const char **text, duckrow_error *error)
{
    *text = dr_frame_string(frame);
    return finish(frame, error);
}

void dr_message_data(struct dr_frame *frame, const unsigned char **bytes, size_t *size)
{
    *size = (size_t)(frame->end - frame->at);
    *bytes = frame->at;
    frame->at = frame->end;
}

duckrow_code dr_message_nothing(struct dr_frame *frame, duckrow_error *error)
{
    return finish(frame, error);
}
