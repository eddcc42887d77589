/* Times and sizes: what is read, what is refused, and that what is written reads back equal. */
#include "support.h"

#include <string.h>

#include "core/units.h"

static void reads_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"10s", 10000},
                {"500ms", 500},
                {"2m", 120000},
                {"2min", 120000},
                {"1h", 3600000},
                {"7d", 604800000},
                {"0", 0},
                {"1.5", 1500},
                {"0.0006s", 1},
                {".5s", 500},
                {"9999999999s", 9999999999000}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t ms = -1;
        if (dr_parse_duration(good[i].text, &ms) || ms != good[i].ms)
            fail_msg("%s: %lld", good[i].text, (long long)ms);
    }
    static const char *const bad[] = {"", "s", ".", "-1", "+1", "1 s", "1w", "1.2.3", "1e3", "1S", "10000000000", "1,5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ms = 7;
        if (!dr_parse_duration(bad[i], &ms) || ms != 7)
            fail_msg("'%s' was taken", bad[i]);
    }
}

static void reads_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = {{"4096", 4096},
                {"0", 0},
                {"7B", 7},
                {"8MB", 8000000},
                {"1kB", 1000},
                {"1KB", 1000},
                {"64MiB", 67108864},
                {"2GB", 2000000000},
                {"3TiB", 3298534883328},
                {"9223372036854775807", INT64_MAX},
                {"1TB", 1000000000000},
                {"2GiB", 2147483648},
                {"8388607TiB", 9223370937343148032}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t bytes = -1;
        if (dr_parse_size(good[i].text, &bytes) || bytes != good[i].bytes)
            fail_msg("%s: %lld", good[i].text, (long long)bytes);
    }
    static const char *const bad[] = {"", "MB", "-1", "+1", "1 MB", "1.5GB", "1mb", "1M", "9223372036854775808", "8388608TiB"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t bytes = 7;
        if (!dr_parse_size(bad[i], &bytes) || bytes != 7)
            fail_msg("'%s' was taken", bad[i]);
    }
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(dr_write_duration(0, text), "0");
    assert_string_equal(dr_write_duration(1, text), "1ms");
    assert_string_equal(dr_write_duration(1500, text), "1500ms");
    assert_string_equal(dr_write_duration(10000, text), "10s");
    assert_string_equal(dr_write_duration(60000, text), "1min");
    assert_string_equal(dr_write_duration(90000, text), "90s");
    assert_string_equal(dr_write_duration(7200000, text), "2h");
    assert_string_equal(dr_write_duration(172800000, text), "2d");
    assert_string_equal(dr_write_duration(90000000, text), "25h");
    assert_string_equal(dr_write_size(0, text), "0");
    assert_string_equal(dr_write_size(100, text), "100B");
    assert_string_equal(dr_write_size(4096, text), "4KiB");
    assert_string_equal(dr_write_size(67108864, text), "64MiB");
    assert_string_equal(dr_write_size(8000000, text), "8MB");
    assert_string_equal(dr_write_size(INT64_MAX, text), "9223372036854775807B");
    for (int64_t value = 1; value < INT64_MAX / 7; value *= 5) {
        int64_t back = 0;
        assert_int_equal(dr_parse_size(dr_write_size(value, text), &back), 0);
        assert_int_equal(back, value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_times),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(writes_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
