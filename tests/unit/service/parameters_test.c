/* What SET, SHOW, RESET and PRAGMA say, and what becomes of it: timeouts with units and their ceiling, values that are refused,
 * ParameterStatus. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "service/parameters.h"

static struct dr_settings settings;
static struct dr_parameters parameters;
static duckrow_error error;

static int begin(void **state)
{
    (void)state;
    assert_int_equal(dr_settings_begin(&settings, &error), DUCKROW_OK);
    dr_parameters_init(&parameters, &settings);
    error = (duckrow_error){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    dr_settings_free(&settings);
    return 0;
}

/* ---- statements ---- */

static void test_set_parse(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int what;
        const char *name, *value;
    } cases[] = {
        {"SET a = 1", DR_SET_ONE, "a", "1"},
        {"SET a TO 1", DR_SET_ONE, "a", "1"},
        {"set session A to 'b c';", DR_SET_ONE, "A", "b c"},
        {"SET LOCAL \"a b\" = 'it''s'", DR_SET_ONE, "a b", "it's"},
        {"SET a = -5", DR_SET_ONE, "a", "-5"},
        {"SET /* x */ a /* = */ = on -- off", DR_SET_ONE, "a", "on"},
        {"SET DateStyle = ISO, MDY", DR_SET_ONE, "DateStyle", "ISO,MDY"},
        {"SET TIME ZONE 'UTC'", DR_SET_ONE, "TimeZone", "UTC"},
        {"SET LOCAL TIME ZONE UTC", DR_SET_ONE, "TimeZone", "UTC"},
        {"SET TimeZone = 'default'", DR_SET_ONE, "TimeZone", "default"},
        {"SET a = DEFAULT", DR_SET_RESET, "a", ""},
        {"SET a TO default;", DR_SET_RESET, "a", ""},
        {"SET a = default, b", DR_SET_ONE, "a", "default,b"},
        {"SET TIME ZONE LOCAL", DR_SET_RESET, "TimeZone", ""},
        {"SET SESSION AUTHORIZATION DEFAULT", DR_SET_RESET, "session_authorization", ""},
        {"SET ROLE none", DR_SET_ONE, "role", "none"},
        {"SET role = none", DR_SET_ONE, "role", "none"},
        {"RESET TIME ZONE", DR_SET_RESET, "TimeZone", ""},
        {"RESET SESSION AUTHORIZATION", DR_SET_RESET, "session_authorization", ""},
        {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", DR_SET_TRANSACTION, "", ""},
        {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", DR_SET_TRANSACTION, "", ""},
        {"RESET a", DR_SET_RESET, "a", ""},
        {"reset all", DR_SET_RESET_ALL, "all", ""},
        {"PRAGMA busy_timeout=5000", DR_SET_ONE, "busy_timeout", "5000"},
        {"PRAGMA busy_timeout = '5s'", DR_SET_ONE, "busy_timeout", "5s"},
        {"PRAGMA database_list", DR_SET_OTHER, NULL, NULL},
        {"PRAGMA table_info('t')", DR_SET_OTHER, NULL, NULL},
        {"SET a", DR_SET_OTHER, NULL, NULL},
        {"SET 'a' = 1", DR_SET_OTHER, NULL, NULL},
        {"SET TIME a", DR_SET_OTHER, NULL, NULL},
        {"SET", DR_SET_OTHER, NULL, NULL},
        {"SET a = 'no end", DR_SET_OTHER, NULL, NULL},
        {"SELECT 1", DR_SET_OTHER, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dr_set_statement set;
        dr_set_parse(cases[i].sql, &set);
        if ((int)set.what != cases[i].what ||
            (cases[i].name && (strcmp(set.name, cases[i].name) || strcmp(set.value, cases[i].value))))
            fail_msg("%s: %d \"%s\" \"%s\"", cases[i].sql, (int)set.what, set.name, set.value);
    }
}

static void test_show_parse(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"SHOW a", "a"},
        {"show \"A b\";", "A b"},
        {"SHOW TIME ZONE", "TimeZone"},
        {"SHOW TRANSACTION ISOLATION LEVEL", "transaction_isolation"},
        {"SHOW ALL", "ALL"},
        {"SHOW", NULL},
        {"SHOW TABLES FROM x", NULL},
        {"SHOW a b", NULL},
        {"SELECT a", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        int understood = dr_show_parse(cases[i][0], name);
        if (!understood != !cases[i][1] || (understood && strcmp(name, cases[i][1])))
            fail_msg("%s: %d \"%s\"", cases[i][0], understood, name);
    }
}

/* Longer than there is room for: cut, not beyond. */
static void test_long_texts(void **state)
{
    (void)state;
    char sql[2048], name[64];
    struct dr_set_statement set;
    snprintf(sql, sizeof sql, "SET %0200d = %0600d", 0, 0);
    memset(sql + 4, 'n', 200);
    dr_set_parse(sql, &set);
    assert_int_equal(set.what, DR_SET_ONE);
    assert_int_equal(strlen(set.name), sizeof set.name - 1);
    assert_int_equal(strlen(set.value), sizeof set.value - 1);
    snprintf(sql, sizeof sql, "SHOW %0200d", 0);
    memset(sql + 5, 'n', 200);
    assert_int_equal(dr_show_parse(sql, name), 1);
    assert_int_equal(strlen(name), 63);
}

/* ---- values ---- */

static duckrow_code set(const char *name, const char *value)
{
    error = (duckrow_error){0};
    return dr_parameters_set(&parameters, name, value, NULL, &error);
}

static void shows(const char *name, const char *expected)
{
    char value[256];
    if (!dr_parameters_show(&parameters, name, value))
        fail_msg("%s is not known", name);
    assert_string_equal(value, expected);
}

static void test_timeouts(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t milliseconds; /* -1: refused */
    } cases[] = {
        {"0", 0},      {"250", 250},      {"1.5s", 1500}, {"2s", 2000}, {"500ms", 500}, {"2 min", 120000}, {"1h", 3600000},
        {"3000us", 3}, {"0.01d", 864000}, {"", -1},       {"soon", -1}, {"-1", -1},     {"5 weeks", -1},   {"1 s s", -1},
        {"nan", -1},   {"inf", -1},       {"1e300", -1},  {"s", -1},    {"10S", -1},
    };
    settings.timeout_ceiling = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parameters.statement_timeout = -7;
        duckrow_code code = set("statement_timeout", cases[i].value);
        int64_t found = parameters.statement_timeout;
        if (code ? code != DUCKROW_USAGE || cases[i].milliseconds >= 0 || found != -7 : found != cases[i].milliseconds)
            fail_msg("%s: %s %lld", cases[i].value, duckrow_code_name(code), (long long)found);
        if (code)
            assert_non_null(strstr(error.message, "statement_timeout"));
    }
}

static void test_each_timeout(void **state)
{
    (void)state;
    assert_int_equal(set("busy_timeout", "1s"), DUCKROW_OK);
    assert_int_equal(parameters.busy_timeout, 1000);
    assert_int_equal(set("LOCK_TIMEOUT", "2s"), DUCKROW_OK);
    assert_int_equal(parameters.busy_timeout, 2000);
    shows("busy_timeout", "2s");
    assert_int_equal(set("transaction_timeout", "3s"), DUCKROW_OK);
    assert_int_equal(parameters.transaction_timeout, 3000);
    assert_int_equal(set("idle_in_transaction_session_timeout", "4s"), DUCKROW_OK);
    assert_int_equal(parameters.idle_timeout, 4000);
    assert_int_equal(parameters.statement_timeout, settings.statement_timeout);
}

/* The largest unit of which it is a whole number, as PostgreSQL does. */
static void test_timeouts_are_shown_in_units(void **state)
{
    (void)state;
    static const struct {
        int64_t milliseconds;
        const char *shown;
    } cases[] = {{0, "0"},        {500, "500ms"},     {7000, "7s"},     {7001, "7001ms"},  {60000, "1min"},  {90000, "90s"},
                 {3600000, "1h"}, {5400000, "90min"}, {86400000, "1d"}, {90000000, "25h"}, {172800000, "2d"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parameters.statement_timeout = cases[i].milliseconds;
        shows("statement_timeout", cases[i].shown);
    }
}

/* None is more than the ceiling, but for waiting, where 0 is not to wait, and where it is what the service gives. */
static void test_ceiling(void **state)
{
    (void)state;
    settings.timeout_ceiling = 60000;
    assert_int_equal(set("statement_timeout", "2min"), DUCKROW_OK);
    assert_int_equal(parameters.statement_timeout, 60000);
    assert_int_equal(set("statement_timeout", "0"), DUCKROW_OK);
    assert_int_equal(parameters.statement_timeout, 0);
    assert_int_equal(set("idle_in_transaction_session_timeout", "0"), DUCKROW_OK);
    assert_int_equal(parameters.idle_timeout, 60000);
    assert_int_equal(set("busy_timeout", "0"), DUCKROW_OK);
    assert_int_equal(parameters.busy_timeout, 0);
    assert_int_equal(set("busy_timeout", "1h"), DUCKROW_OK);
    assert_int_equal(parameters.busy_timeout, 60000);
}

static void test_fixed(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        duckrow_code code;
    } cases[] = {
        {"client_encoding", "UTF8", DUCKROW_OK},
        {"client_encoding", "utf-8", DUCKROW_OK},
        {"client_encoding", "'utf-8'", DUCKROW_OK},
        {"CLIENT_ENCODING", "unicode", DUCKROW_OK},
        {"client_encoding", "LATIN1", DUCKROW_UNSUPPORTED},
        {"client_encoding", "utf", DUCKROW_UNSUPPORTED},
        {"client_encoding", "", DUCKROW_UNSUPPORTED},
        {"datestyle", "ISO, MDY", DUCKROW_OK},
        {"datestyle", "ISO,MDY", DUCKROW_OK},
        {"DateStyle", "iso", DUCKROW_OK},
        {"DateStyle", "German", DUCKROW_UNSUPPORTED},
        {"IntervalStyle", "postgres", DUCKROW_OK},
        {"IntervalStyle", "iso_8601", DUCKROW_UNSUPPORTED},
        {"standard_conforming_strings", "on", DUCKROW_OK},
        {"standard_conforming_strings", "off", DUCKROW_UNSUPPORTED},
        {"default_transaction_isolation", "read committed", DUCKROW_OK},
        {"default_transaction_isolation", "repeatable read", DUCKROW_OK},
        {"default_transaction_isolation", "serializable", DUCKROW_OK},
        {"default_transaction_isolation", "read uncommitted", DUCKROW_UNSUPPORTED},
        {"default_transaction_read_only", "on", DUCKROW_UNSUPPORTED},
        {"extra_float_digits", "3", DUCKROW_OK},
        {"jit", "off", DUCKROW_OK},
        {"threads", "4", DUCKROW_NOT_FOUND},
        {"no_such", "1", DUCKROW_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        duckrow_code code = set(cases[i].name, cases[i].value);
        if (code != cases[i].code)
            fail_msg("%s = '%s': %s", cases[i].name, cases[i].value, duckrow_code_name(code));
        if (code == DUCKROW_UNSUPPORTED)
            assert_non_null(strcasestr(error.message, cases[i].name));
    }
    shows("client_encoding", "UTF8");
    shows("datestyle", "ISO, MDY");
}

static void test_show(void **state)
{
    (void)state;
    char value[256];
    shows("timezone", "UTC");
    shows("search_path", "main");
    shows("server_version_num", "150000");
    shows("TRANSACTION_ISOLATION", "repeatable read");
    assert_int_equal(dr_parameters_show(&parameters, "no_such", value), 0);
    assert_int_equal(dr_parameters_show(&parameters, "", value), 0);
}

static void test_time_zone(void **state)
{
    (void)state;
    assert_ptr_equal(parameters.zone, dr_zone_utc());
    assert_int_equal(set("timezone", "-7"), DUCKROW_OK);
    shows("TimeZone", "Etc/GMT+7");
    assert_int_equal(set("TimeZone", "No/Such"), DUCKROW_USAGE);
    assert_string_equal(error.message, "invalid value for parameter \"TimeZone\": \"No/Such\"");
    shows("TimeZone", "Etc/GMT+7");
    assert_int_equal(set("TimeZone", "etc/utc"), DUCKROW_OK);
    shows("TimeZone", "UTC");
}

/* What changes nothing is taken, shown as it was set, and no unknown name. */
static void test_ignored(void **state)
{
    (void)state;
    shows("jit", "off");
    shows("statement_log", "");
    assert_int_equal(set("JIT", "on"), DUCKROW_OK);
    shows("jit", "on");
    assert_int_equal(set("server_version", "16"), DUCKROW_NOT_FOUND);
    shows("server_version", "15.0");
}

static void test_all(void **state)
{
    (void)state;
    const char *name, *about, *before = "";
    char value[256];
    int i = 0;
    for (; (name = dr_parameters_name(i, &about)); i++) {
        if (strcasecmp(before, name) >= 0)
            fail_msg("%s stands before %s", before, name);
        assert_int_equal(dr_parameters_show(&parameters, name, value), 1);
        assert_true(*about);
        before = name;
    }
    assert_true(i > 30);
}

/* ---- ParameterStatus ---- */

/* S messages: name=value, each with a newline. */
static void tell(const struct dr_buffer *out, char *text, size_t size)
{
    const unsigned char *at = out->bytes + out->start, *all = out->bytes + out->end;
    *text = 0;
    while (at < all) {
        size_t length = (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
        const char *name = (const char *)at + 5, *value = name + strlen(name) + 1;
        assert_int_equal(*at, 'S');
        assert_int_equal(length, 4 + strlen(name) + strlen(value) + 2);
        snprintf(text + strlen(text), size - strlen(text), "%s=%s\n", name, value);
        at += 1 + length;
    }
}

static void test_status(void **state)
{
    (void)state;
    struct dr_buffer out = {0};
    char text[4096];
    assert_int_equal(dr_parameters_set(&parameters, "Application_Name", "psql", &out, &error), DUCKROW_OK);
    tell(&out, text, sizeof text);
    assert_string_equal(text, "application_name=psql\n");
    shows("application_name", "psql");
    dr_buffer_reset(&out, SIZE_MAX);
    assert_int_equal(dr_parameters_set(&parameters, "statement_timeout", "5", &out, &error), DUCKROW_OK);
    assert_int_equal(dr_parameters_set(&parameters, "client_encoding", "utf8", &out, &error), DUCKROW_OK);
    assert_int_equal(dr_buffer_size(&out), 0);
    snprintf(parameters.user, sizeof parameters.user, "anna");
    dr_parameters_tell(&parameters, "15.0 (x)", &out);
    tell(&out, text, sizeof text);
    /* What libpq, JDBC and asyncpg count on. */
    static const char *const wanted[] = {"server_version=15.0 (x)\n",
                                         "server_encoding=UTF8\n",
                                         "client_encoding=UTF8\n",
                                         "DateStyle=ISO, MDY\n",
                                         "IntervalStyle=postgres\n",
                                         "integer_datetimes=on\n",
                                         "standard_conforming_strings=on\n",
                                         "is_superuser=off\n",
                                         "TimeZone=UTC\n",
                                         "application_name=psql\n",
                                         "session_authorization=anna\n",
                                         "default_transaction_read_only=off\n",
                                         "in_hot_standby=off\n"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(text, wanted[i]))
            fail_msg("%s is not told: %s", wanted[i], text);
    dr_buffer_free(&out);
}

static void test_reset(void **state)
{
    (void)state;
    struct dr_parameters start;
    struct dr_buffer out = {0};
    char text[4096];
    /* What a client gave at the start is what it comes back to. */
    assert_int_equal(set("application_name", "at first"), DUCKROW_OK);
    assert_int_equal(set("lock_timeout", "3s"), DUCKROW_OK);
    start = parameters;
    assert_int_equal(set("application_name", "later"), DUCKROW_OK);
    assert_int_equal(set("busy_timeout", "4s"), DUCKROW_OK);
    assert_int_equal(set("transaction_timeout", "5s"), DUCKROW_OK);
    assert_int_equal(set("geqo", "off"), DUCKROW_OK);
    assert_int_equal(set("TimeZone", "3"), DUCKROW_OK);
    assert_int_equal(dr_parameters_reset(&parameters, &start, "no_such", &out), 0);
    assert_int_equal(dr_parameters_reset(&parameters, &start, "GEQO", &out), 1);
    assert_int_equal(dr_parameters_reset(&parameters, &start, "server_version", &out), 1);
    assert_int_equal(dr_buffer_size(&out), 0);
    shows("geqo", "on");
    shows("busy_timeout", "4s");
    assert_int_equal(dr_parameters_reset(&parameters, &start, NULL, &out), 1);
    tell(&out, text, sizeof text);
    assert_string_equal(text, "application_name=at first\nTimeZone=UTC\n");
    shows("busy_timeout", "3s");
    shows("transaction_timeout", "1min");
    assert_memory_equal(&parameters, &start, sizeof start);
    dr_buffer_free(&out);
}

static void test_long_application_name(void **state)
{
    (void)state;
    char name[300];
    snprintf(name, sizeof name, "%0299d", 0);
    assert_int_equal(set("application_name", name), DUCKROW_OK);
    assert_int_equal(strlen(parameters.application_name), 63);
    assert_int_equal(set("client_encoding", name), DUCKROW_UNSUPPORTED);
    assert_int_equal(set("client_encoding", "'"), DUCKROW_UNSUPPORTED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_set_parse), TEST(test_show_parse),   TEST(test_long_texts),
        TEST(test_timeouts),  TEST(test_each_timeout), TEST(test_timeouts_are_shown_in_units),
        TEST(test_ceiling),   TEST(test_fixed),        TEST(test_show),
        TEST(test_time_zone), TEST(test_ignored),      TEST(test_all),
        TEST(test_status),    TEST(test_reset),        TEST(test_long_application_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
