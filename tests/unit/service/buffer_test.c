#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "service/buffer.h"

static void keeps_what_is_added_until_it_is_used(void **state)
{
    (void)state;
    struct dr_buffer buffer = {0};
    unsigned added = 0, used = 0;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        unsigned char bytes[700];
        size_t size = (size_t)rand() % sizeof bytes;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)(added++ % 251);
        dr_buffer_add(&buffer, bytes, size);
        size = dr_buffer_size(&buffer) ? (size_t)rand() % (dr_buffer_size(&buffer) + 1) : 0;
        for (size_t i = 0; i < size; i++)
            assert_int_equal(buffer.bytes[buffer.start + i], used++ % 251);
        dr_buffer_use(&buffer, size);
        assert_int_equal(dr_buffer_size(&buffer), added - used);
    }
    /* Memory follows what is held, not what came through. */
    assert_in_range(buffer.capacity, 1, 1 << 20);
    dr_buffer_free(&buffer);
}

static void numbers_are_in_network_order(void **state)
{
    (void)state;
    struct dr_buffer buffer = {0};
    dr_buffer_u8(&buffer, 0x01);
    dr_buffer_u16(&buffer, 0x0203);
    dr_buffer_u32(&buffer, 0x04050607);
    dr_buffer_u64(&buffer, 0x08090a0b0c0d0e0f);
    dr_buffer_format(&buffer, "%s=%d", "x", 42);
    dr_buffer_text(&buffer, "!");
    dr_buffer_text(&buffer, "");
    assert_int_equal(dr_buffer_size(&buffer), 20);
    assert_memory_equal(buffer.bytes, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17x=42!", 20);
    dr_buffer_free(&buffer);
}

static void lengths_are_filled_in_behind_used_bytes(void **state)
{
    (void)state;
    struct dr_buffer buffer = {0};
    dr_buffer_text(&buffer, "gone");
    dr_buffer_text(&buffer, "ab");
    dr_buffer_use(&buffer, 4);
    size_t outer = dr_buffer_length_begin(&buffer), inner = dr_buffer_length_begin(&buffer);
    for (int i = 0; i < 300; i++)
        dr_buffer_text(&buffer, "x");
    dr_buffer_length_end(&buffer, inner, 0);
    dr_buffer_length_end(&buffer, outer, 4);
    assert_int_equal(dr_buffer_size(&buffer), 310);
    assert_memory_equal(buffer.bytes + buffer.start, "ab\0\0\1\64\0\0\1\54x", 11);
    dr_buffer_free(&buffer);
}

static void remembers_that_there_was_no_memory(void **state)
{
    (void)state;
    struct dr_buffer buffer = {0};
    dr_buffer_text(&buffer, "ab");
    size_t at = dr_buffer_length_begin(&buffer);
    assert_null(dr_buffer_reserve(&buffer, SIZE_MAX - 1));
    assert_true(buffer.failed);
    dr_buffer_text(&buffer, "dropped");
    dr_buffer_format(&buffer, "dropped");
    dr_buffer_length_end(&buffer, at, 4);
    assert_int_equal(dr_buffer_size(&buffer), 6);
    dr_buffer_reset(&buffer, 1 << 20);
    assert_false(buffer.failed);
    assert_int_equal(dr_buffer_size(&buffer), 0);
    assert_int_not_equal(buffer.capacity, 0);
    dr_buffer_text(&buffer, "c");
    assert_memory_equal(buffer.bytes, "c", 1);
    dr_buffer_reset(&buffer, 0);
    assert_null(buffer.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_is_added_until_it_is_used), cmocka_unit_test(numbers_are_in_network_order),
        cmocka_unit_test(lengths_are_filled_in_behind_used_bytes), cmocka_unit_test(remembers_that_there_was_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
