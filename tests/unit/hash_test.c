#include "support.h"

#include "core/bitmap.h"
#include "core/hash.h"

static void every_byte_and_the_length_count(void **state)
{
    (void)state;
    unsigned char data[40] = {0};
    for (size_t size = 0; size < sizeof data; size++) {
        uint64_t hash = dr_hash(data, size);
        assert_int_not_equal(hash, dr_hash(data, size + 1));
        for (size_t i = 0; i < size; i++) {
            data[i] ^= 0x80;
            assert_int_not_equal(hash, dr_hash(data, size));
            data[i] ^= 0x80;
        }
    }
}

static void the_order_of_words_counts(void **state)
{
    (void)state;
    assert_int_not_equal(dr_hash("aaaaaaaabbbbbbbb", 16), dr_hash("bbbbbbbbaaaaaaaa", 16));
}

static void bitmap_keeps_what_is_added(void **state)
{
    (void)state;
    struct dr_bitmap set = {0}, other = {0};
    assert_false(dr_bitmap_has(&set, 0));
    assert_int_equal(dr_bitmap_resize(&set, 1), 0);
    dr_bitmap_add(&set, 0);
    assert_int_equal(dr_bitmap_resize(&set, 200), 0);
    assert_int_equal(dr_bitmap_resize(&set, 3), 0);
    assert_int_equal(set.bits, 200);
    dr_bitmap_add(&set, 63);
    dr_bitmap_add(&set, 199);
    assert_int_equal(dr_bitmap_resize(&other, 65), 0);
    dr_bitmap_add(&other, 64);
    dr_bitmap_union(&set, &other);
    for (int i = 0; i < 300; i++)
        assert_int_equal(dr_bitmap_has(&set, i), i == 0 || i == 63 || i == 64 || i == 199);
    dr_bitmap_free(&set);
    dr_bitmap_free(&other);
    assert_null(set.words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte_and_the_length_count),
                                       cmocka_unit_test(the_order_of_words_counts), cmocka_unit_test(bitmap_keeps_what_is_added)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
