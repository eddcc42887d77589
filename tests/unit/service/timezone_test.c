/* Offsets from UTC around the changes of the clocks, before the first and behind the last of them; names. What is expected here is
 * history and law; tests/service/test_timezones.py compares with Python's zoneinfo all over. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/timezone.h"
#include "service/types_private.h"

static void need_tzdata(void)
{
    if (!dr_zone_find("Europe/Berlin"))
        skip();
}

static int64_t at(int year, int month, int day, int hour, int minute, int second)
{
    return (dr_days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * 1000000;
}

static void check(const char *name, int64_t micros, int32_t expected)
{
    const struct dr_zone *zone = dr_zone_find(name);
    if (!zone)
        fail_msg("%s is not found", name);
    int32_t found = dr_zone_offset(zone, micros);
    if (found != expected)
        fail_msg("%s at %lld: %d, not %d", name, (long long)(micros / 1000000), found, expected);
}

static void test_transitions(void **state)
{
    (void)state;
    need_tzdata();
    /* To the second, and the microsecond before it. */
    check("Europe/Berlin", at(2024, 3, 31, 1, 0, 0) - 1, 3600);
    check("Europe/Berlin", at(2024, 3, 31, 1, 0, 0), 7200);
    check("Europe/Berlin", at(2024, 10, 27, 1, 0, 0) - 1, 7200);
    check("Europe/Berlin", at(2024, 10, 27, 1, 0, 0), 3600);
    check("America/New_York", at(2007, 3, 11, 7, 0, 0) - 1, -18000);
    check("America/New_York", at(2007, 3, 11, 7, 0, 0), -14400);
    /* Half an hour of summer time; a quarter of an hour; a day that was left out. */
    check("Australia/Lord_Howe", at(2024, 1, 1, 0, 0, 0), 39600);
    check("Australia/Lord_Howe", at(2024, 7, 1, 0, 0, 0), 37800);
    check("Asia/Kathmandu", at(2024, 1, 1, 0, 0, 0), 20700);
    check("Pacific/Apia", at(2011, 12, 30, 9, 59, 59), -36000);
    check("Pacific/Apia", at(2011, 12, 30, 10, 0, 0), 50400);
    /* Before 1970, and before clocks were set by zones. */
    check("Europe/Berlin", at(1945, 6, 1, 0, 0, 0), 10800);
    check("Europe/Berlin", at(1893, 3, 31, 0, 0, 0), 3208);
    check("Europe/Berlin", at(1, 1, 1, 0, 0, 0), 3208);
    check("America/New_York", at(1883, 1, 1, 0, 0, 0), -17762);
}

static void test_for_ever(void **state)
{
    (void)state;
    need_tzdata();
    check("Europe/Berlin", at(2500, 3, 28, 1, 0, 0) - 1, 3600);
    check("Europe/Berlin", at(2500, 3, 28, 1, 0, 0), 7200);
    check("Europe/Berlin", at(2500, 10, 31, 1, 0, 0) - 1, 7200);
    check("Europe/Berlin", at(2500, 10, 31, 1, 0, 0), 3600);
    /* Summer in the south is over the new year. */
    check("Australia/Sydney", at(2499, 12, 31, 13, 0, 0), 39600);
    check("Australia/Sydney", at(2500, 1, 1, 13, 0, 0), 39600);
    check("Australia/Sydney", at(2500, 7, 1, 0, 0, 0), 36000);
    check("Asia/Kolkata", at(2500, 7, 1, 0, 0, 0), 19800);
    /* Winter time that is below the standard one. */
    check("Europe/Dublin", at(2500, 1, 1, 0, 0, 0), 0);
    check("Europe/Dublin", at(2500, 7, 1, 0, 0, 0), 3600);
    /* Leap years: 2096 has 29 days in February, 2100 hasn't. */
    check("America/New_York", at(2096, 3, 11, 7, 0, 0), -14400);
    check("America/New_York", at(2100, 3, 14, 6, 59, 59), -18000);
    check("America/New_York", at(2100, 3, 14, 7, 0, 0), -14400);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *told; /* NULL: unknown */
    } cases[] = {
        {"UTC", "UTC"},
        {"utc", "UTC"},
        {"Etc/UTC", "UTC"},
        {"GMT", "UTC"},
        {"zulu", "UTC"},
        {"0", "UTC"},
        {"-7", "Etc/GMT+7"},
        {"+5", "Etc/GMT-5"},
        {"14", "Etc/GMT-14"},
        {"Etc/GMT+7", "Etc/GMT+7"},
        {"etc/gmt-3", "Etc/GMT-3"},
        {"15", NULL},
        {"5.5", NULL},
        {"", NULL},
        {"/", NULL},
        {".", NULL},
        {"..", NULL},
        {"../passwd", NULL},
        {"Europe/../etc", NULL},
        {"Europe", NULL},
        {"Europe/", NULL},
        {"/Europe/Berlin", NULL},
        {"Europe//Berlin", NULL},
        {"posix/Europe/Berlin", NULL},
        {"right/UTC", NULL},
        {"Mars/Olympus", NULL},
        {"tzdata.zi", NULL},
        {"zone.tab", NULL},
        {"leapseconds", NULL},
        {"Etc/GMT+99", NULL},
        {"Etc/GMT5", NULL},
        {"'; DROP", NULL},
        {"a very long name that is no zone at all and is longer than there is room for", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dr_zone *zone = dr_zone_find(cases[i].name);
        if (!zone != !cases[i].told || (zone && strcmp(dr_zone_name(zone), cases[i].told)))
            fail_msg("%s: %s", cases[i].name, zone ? dr_zone_name(zone) : "unknown");
    }
    assert_ptr_equal(dr_zone_find("UTC"), dr_zone_utc());
    check("-7", at(2024, 1, 1, 0, 0, 0), -25200);
    assert_int_equal(dr_zone_offset(NULL, 0), 0);
    assert_int_equal(dr_zone_offset(dr_zone_utc(), INT64_MAX), 0);
}

static void test_case(void **state)
{
    (void)state;
    need_tzdata();
    const struct dr_zone *zone = dr_zone_find("eUROPE/bERLIN");
    assert_ptr_equal(zone, dr_zone_find("Europe/Berlin"));
    assert_string_equal(dr_zone_name(zone), "Europe/Berlin");
    assert_string_equal(dr_zone_name(dr_zone_find("america/argentina/buenos_aires")), "America/Argentina/Buenos_Aires");
}

/* ---- files that are none ---- */

static void put(const char *folder, const char *name, const void *bytes, size_t size)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* Version 2: an empty first part, then `times` transitions, an hour each, and the footer. */
static size_t compose(unsigned char *out, int times, int types, int index, const char *footer)
{
    unsigned char header[44] = "TZif2";
    size_t size = 0;
    memcpy(out, header, sizeof header);
    size += sizeof header;
    header[35] = (unsigned char)times;
    header[39] = (unsigned char)types;
    header[43] = 4;
    memcpy(out + size, header, sizeof header);
    size += sizeof header;
    for (int i = 0; i < times; i++) {
        memset(out + size, 0, 8);
        out[size + 7] = (unsigned char)i;
        size += 8;
    }
    memset(out + size, index, (size_t)times);
    size += (size_t)times;
    memset(out + size, 0, (size_t)types * 6);
    size += (size_t)types * 6;
    memcpy(out + size, "ABC", 4);
    size += 4;
    return size + (size_t)sprintf((char *)out + size, "\n%s\n", footer);
}

static void test_broken_files(void **state)
{
    (void)state;
    unsigned char bytes[1024];
    const char *folder = temp_folder();
    setenv("TZDIR", folder, 1);
    size_t size = compose(bytes, 2, 1, 0, "ABC-1");
    put(folder, "Good", bytes, size);
    check("Good", at(2024, 1, 1, 0, 0, 0), 3600);
    check("Good", 0, 0);
    put(folder, "Without", bytes, compose(bytes, 0, 1, 0, ""));
    check("Without", at(2024, 1, 1, 0, 0, 0), 0);
    put(folder, "Index", bytes, compose(bytes, 2, 1, 1, "ABC-1"));
    assert_null(dr_zone_find("Index"));
    put(folder, "Types", bytes, compose(bytes, 0, 0, 0, "ABC-1"));
    assert_null(dr_zone_find("Types"));
    put(folder, "Empty", bytes, 0);
    assert_null(dr_zone_find("Empty"));
    /* Wherever it ends, but for the last byte. */
    size = compose(bytes, 2, 1, 0, "ABC-1DEF,M3.5.0,M10.5.0/3");
    for (size_t i = 0; i < size; i++) {
        char name[32];
        snprintf(name, sizeof name, "Cut%zu", i);
        put(folder, name, bytes, i);
        assert_null(dr_zone_find(name));
    }
    static const char *const rules[] = {"AB-1",
                                        "ABC",
                                        "ABC-1DEF",
                                        "ABC-1DEF,M3.5.0",
                                        "ABC-1DEF,M0.1.0,M3.1.0",
                                        "ABC-1DEF,M13.1.0,M3.1.0",
                                        "ABC-1DEF,M3.6.0,M3.1.0",
                                        "ABC-1DEF,M3.1.7,M3.1.0",
                                        "ABC-1x",
                                        "ABC-999",
                                        "<ABC-1",
                                        "ABC-1DEF,J366,J1",
                                        "ABC-1DEF,M3.5.0,M10.5.0/200"};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        char name[32];
        snprintf(name, sizeof name, "Rule%zu", i);
        put(folder, name, bytes, compose(bytes, 0, 1, 0, rules[i]));
        if (dr_zone_find(name))
            fail_msg("%s is no rule", rules[i]);
    }
    /* Days by their number, with and without leap days; times beyond the day. */
    put(folder, "Julian", bytes, compose(bytes, 0, 1, 0, "ABC0DEF,J60/0,J70/0"));
    check("Julian", at(2024, 3, 1, 0, 0, 0) - 1, 0);
    check("Julian", at(2024, 3, 1, 0, 0, 0), 3600);
    check("Julian", at(2023, 3, 1, 0, 0, 0), 3600);
    put(folder, "OfYear", bytes, compose(bytes, 0, 1, 0, "<+00>0<+02>-2,59/0,69/0"));
    check("OfYear", at(2024, 2, 29, 0, 0, 0), 7200);
    check("OfYear", at(2024, 2, 29, 0, 0, 0) - 1, 0);
    check("OfYear", at(2023, 3, 1, 0, 0, 0), 7200);
    check("OfYear", at(2023, 3, 1, 0, 0, 0) - 1, 0);
    put(folder, "Beyond", bytes, compose(bytes, 0, 1, 0, "EET-2EEST,M3.4.4/50,M10.4.4/50"));
    check("Beyond", at(2100, 3, 27, 0, 0, 0) - 1, 7200);
    check("Beyond", at(2100, 3, 27, 0, 0, 0), 10800);
    /* Without tzdata. */
    setenv("TZDIR", "/nonexistent", 1);
    assert_null(dr_zone_find("Europe/Paris"));
    assert_ptr_equal(dr_zone_find("Etc/UCT"), dr_zone_utc());
    assert_string_equal(dr_zone_name(dr_zone_find("3")), "Etc/GMT-3");
    unsetenv("TZDIR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_transitions), cmocka_unit_test(test_for_ever),
                                       cmocka_unit_test(test_names), cmocka_unit_test(test_case),
                                       cmocka_unit_test(test_broken_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
