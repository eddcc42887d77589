/* A client's bytes: frames cut out of a stream, and every field of every message. The second byte: does it begin with startup? */
#include <string.h>

#include "fuzz.h"
#include "service/messages.h"

enum { LIMIT = 4096 };

static void mix_text(uint64_t *sum, const char *text)
{
    mix(sum, text, strlen(text));
}

static void mix_numbers(uint64_t *sum, const struct dr_numbers *numbers, size_t size)
{
    mix(sum, numbers->at, numbers->count * size);
}

static duckrow_code read_startup(struct dr_frame *frame, uint64_t *sum, duckrow_error *error)
{
    struct dr_startup startup;
    const char *name, *value;
    duckrow_code code = dr_message_startup(frame, &startup, error);
    mix(sum, &startup.code, sizeof startup.code);
    while (!code && dr_startup_next(&startup, &name, &value)) {
        MUST(*name);
        mix_text(sum, name);
        mix_text(sum, value);
    }
    return code;
}

static duckrow_code read_parse(struct dr_frame *frame, uint64_t *sum, duckrow_error *error)
{
    struct dr_parse parse;
    duckrow_code code = dr_message_parse(frame, &parse, error);
    if (code)
        return code;
    mix_text(sum, parse.name);
    mix_text(sum, parse.sql);
    mix_numbers(sum, &parse.types, 4);
    for (size_t i = 0; i <= parse.types.count; i++)
        dr_parse_type(&parse, i);
    return code;
}

static duckrow_code read_bind(struct dr_frame *frame, uint64_t *sum, duckrow_error *error)
{
    struct dr_bind bind;
    const unsigned char *bytes;
    size_t size, count = 0;
    duckrow_code code = dr_message_bind(frame, &bind, error);
    if (code)
        return code;
    mix_text(sum, bind.portal);
    mix_text(sum, bind.statement);
    mix_numbers(sum, &bind.result_formats, 2);
    while (dr_bind_next(&bind, &bytes, &size)) {
        MUST(bytes || !size);
        dr_format_of(&bind.formats, count++);
        mix(sum, bytes, size);
    }
    MUST(count == bind.parameters && dr_frame_ok(&bind.rest));
    return code;
}

static duckrow_code read_target(struct dr_frame *frame, uint64_t *sum, duckrow_error *error)
{
    struct dr_target target;
    duckrow_code code = frame->type == 'D' ? dr_message_describe(frame, &target, error) : dr_message_close(frame, &target, error);
    if (!code)
        mix_text(sum, target.name);
    return code;
}

static duckrow_code read_execute(struct dr_frame *frame, uint64_t *sum, duckrow_error *error)
{
    struct dr_execute execute;
    duckrow_code code = dr_message_execute(frame, &execute, error);
    if (!code)
        mix_text(sum, execute.portal);
    return code;
}

static duckrow_code read_frame(struct dr_frame *frame, uint64_t *sum, duckrow_error *error)
{
    const char *text;
    const unsigned char *bytes;
    size_t size;
    duckrow_code code = DUCKROW_OK;
    switch (frame->type) {
    case 0:
        return read_startup(frame, sum, error);
    case 'P':
        return read_parse(frame, sum, error);
    case 'B':
        return read_bind(frame, sum, error);
    case 'D':
    case 'C':
        return read_target(frame, sum, error);
    case 'E':
        return read_execute(frame, sum, error);
    case 'Q': /* Query */
    case 'f': /* CopyFail */
    case 'p': /* Password */
        code = dr_message_text(frame, &text, error);
        if (!code)
            mix_text(sum, text);
        return code;
    case 'd': /* CopyData */
        dr_message_data(frame, &bytes, &size);
        mix(sum, bytes, size);
        return code;
    default: /* Flush, Sync, CopyDone, Terminate */
        return dr_message_nothing(frame, error);
    }
}

static uint64_t read_stream(const uint8_t *data, size_t size, int startup, uint32_t seed)
{
    struct dr_buffer in = {0};
    uint64_t sum = 0;
    enum dr_framing framing = DR_FRAME_PART;
    for (size_t at = 0; at < size && framing != DR_FRAME_BAD;) {
        size_t piece = next_piece(&seed, size - at), used;
        struct dr_frame frame;
        dr_buffer_add(&in, data + at, piece);
        at += piece;
        while ((framing = dr_frame_next(&in, startup, LIMIT, &frame, &used)) == DR_FRAME_WHOLE) {
            duckrow_error error = {0};
            duckrow_code code = read_frame(&frame, &sum, &error);
            MUST(!code || (code == DUCKROW_USAGE && *error.message));
            MUST(code || startup || dr_frame_ok(&frame));
            mix(&sum, error.message, strlen(error.message));
            startup = 0;
            dr_buffer_use(&in, used);
        }
        MUST(framing == DR_FRAME_BAD || used > dr_buffer_size(&in));
    }
    dr_buffer_free(&in);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    int startup = data[1] & 1;
    MUST(read_stream(data + 2, size - 2, startup, 0) == read_stream(data + 2, size - 2, startup, data[0]));
    return 0;
}
