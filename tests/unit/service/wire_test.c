#include "support.h"

#include <string.h>

#include "service/wire.h"

#define BYTES(text) text, sizeof(text) - 1

static void frames_are_whole_parts_or_bad(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t held;
        int startup;
        enum dr_framing framing;
        size_t size;
    } table[] = {
        {BYTES(""), 0, DR_FRAME_PART, 5},
        {BYTES("Q\0\0\0"), 0, DR_FRAME_PART, 5},
        {BYTES("S\0\0\0\4"), 0, DR_FRAME_WHOLE, 5},
        {BYTES("S\0\0\0\4Q"), 0, DR_FRAME_WHOLE, 5},
        {BYTES("Q\0\0\0\6x"), 0, DR_FRAME_PART, 7},
        {BYTES("Q\0\0\0\6x\0"), 0, DR_FRAME_WHOLE, 7},
        {BYTES("Q\0\0\0\3"), 0, DR_FRAME_BAD, 5},
        {BYTES("Q\0\0\1\0"), 0, DR_FRAME_PART, 257},
        {BYTES("Q\0\0\1\1"), 0, DR_FRAME_BAD, 5},
        {BYTES("Q\377\377\377\377"), 0, DR_FRAME_BAD, 5},
        {BYTES("Q\200\0\0\0"), 0, DR_FRAME_BAD, 5},
        {BYTES("\0\0\0\0\4"), 0, DR_FRAME_BAD, 5},
        {BYTES("\0\0\0"), 1, DR_FRAME_PART, 4},
        {BYTES("\0\0\0\7"), 1, DR_FRAME_BAD, 4},
        {BYTES("\0\0\0\10\4\322\26"), 1, DR_FRAME_PART, 8},
        {BYTES("\0\0\0\10\4\322\26\57"), 1, DR_FRAME_WHOLE, 8},
        {BYTES("\0\0\47\20"), 1, DR_FRAME_PART, 10000},
        {BYTES("\0\0\47\21"), 1, DR_FRAME_BAD, 4},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct dr_buffer in = {0};
        struct dr_frame frame;
        size_t size;
        /* Behind something that has been used. */
        dr_buffer_text(&in, "xyz");
        dr_buffer_add(&in, table[i].bytes, table[i].held);
        in.start += 3;
        enum dr_framing framing = dr_frame_next(&in, table[i].startup, 256, &frame, &size);
        if (framing != table[i].framing || size != table[i].size)
            fail_msg("row %zu: %d, %zu", i, framing, size);
        if (framing == DR_FRAME_WHOLE) {
            assert_int_equal(frame.type, table[i].startup ? 0 : *table[i].bytes);
            assert_int_equal(frame.end - frame.at, size - (table[i].startup ? 4 : 5));
        }
        dr_buffer_free(&in);
    }
}

static struct dr_frame frame_of(const char *bytes, size_t size)
{
    return (struct dr_frame){.at = (const unsigned char *)bytes, .end = (const unsigned char *)bytes + size};
}

static void fields_are_read_in_order(void **state)
{
    (void)state;
    struct dr_frame frame = frame_of(BYTES("\1\2\3\4\5\6\7abc\0\0xyz"));
    assert_int_equal(dr_frame_u8(&frame), 1);
    assert_int_equal(dr_frame_u16(&frame), 0x0203);
    assert_int_equal(dr_frame_u32(&frame), 0x04050607);
    assert_string_equal(dr_frame_string(&frame), "abc");
    assert_string_equal(dr_frame_string(&frame), "");
    assert_false(dr_frame_ok(&frame)); /* something is left */
    assert_memory_equal(dr_frame_bytes(&frame, 3), "xyz", 3);
    assert_true(dr_frame_ok(&frame));
    dr_frame_bytes(&frame, 0);
    assert_true(dr_frame_ok(&frame));
}

static void a_field_that_is_not_there_makes_all_bad(void **state)
{
    (void)state;
    struct dr_frame frame = frame_of(BYTES("\1"));
    assert_int_equal(dr_frame_u16(&frame), 0);
    assert_false(dr_frame_ok(&frame));
    assert_int_equal(dr_frame_u8(&frame), 0); /* not what was skipped */
    frame = frame_of(BYTES("abc"));
    assert_string_equal(dr_frame_string(&frame), "");
    assert_false(dr_frame_ok(&frame));
    frame = frame_of(BYTES("abc"));
    assert_non_null(dr_frame_bytes(&frame, SIZE_MAX));
    assert_false(dr_frame_ok(&frame));
}

#define SAYS(call, said)                                                                                                         \
    do {                                                                                                                         \
        struct dr_buffer out = {0};                                                                                              \
        call;                                                                                                                    \
        assert_int_equal(dr_buffer_size(&out), sizeof(said) - 1);                                                                \
        assert_memory_equal(out.bytes, said, sizeof(said) - 1);                                                                  \
        dr_buffer_free(&out);                                                                                                    \
    } while (0)

static void messages_are_those_of_the_protocol(void **state)
{
    (void)state;
    SAYS(dr_message_empty(&out, '1'), "1\0\0\0\4");
    SAYS(dr_message_ready(&out, 'T'), "Z\0\0\0\5T");
    SAYS(dr_message_complete(&out, "INSERT 0 1"), "C\0\0\0\17INSERT 0 1\0");
    SAYS(dr_message_parameter(&out, "TimeZone", "UTC"), "S\0\0\0\21TimeZone\0UTC\0");
    SAYS(dr_message_report(&out, 'E', "ERROR", "42601", "no", NULL, "so", 7),
         "E\0\0\0\45SERROR\0VERROR\0C42601\0Mno\0Hso\0P7\0\0");
    SAYS(dr_message_report(&out, 'N', "NOTICE", "00000", "", "more", NULL, 0),
         "N\0\0\0\44SNOTICE\0VNOTICE\0C00000\0M\0Dmore\0\0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_whole_parts_or_bad), cmocka_unit_test(fields_are_read_in_order),
        cmocka_unit_test(a_field_that_is_not_there_makes_all_bad), cmocka_unit_test(messages_are_those_of_the_protocol)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
