/* Values to PostgreSQL's formats and back, through each engine in DUCKROW_TEST_ENGINES. What is expected is what PostgreSQL 15
 * itself gives, and for JSON what DuckDB's to_json() does. */
#include "support.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/session.h"
#include "service/types.h"
#include "types_cases.h"

static dr_session *session;
static char made[256]; /* the table that is there */
static const struct dr_duckdb *duckdb;

static void with_each_engine(void (*body)(void))
{
    const char *list = getenv("DUCKROW_TEST_ENGINES");
    if (!list || !*list)
        skip();
    while (*list) {
        char entry[4096];
        size_t length = strcspn(list, ":");
        snprintf(entry, sizeof entry, "%.*s", (int)length, list);
        list += length + (list[length] == ':');
        dr_engine *engine;
        duckrow_error error = {0};
        if (dr_engine_load(strchr(entry, '=') ? strchr(entry, '=') + 1 : entry, &engine, &error) ||
            dr_session_open(engine, NULL, 1000, &session, &error))
            fail_msg("%s", error.message);
        duckdb = session->duckdb;
        *made = 0;
        body();
        dr_session_close(session);
        dr_engine_free(engine);
    }
}

/* ---- one result ---- */

/* The first chunk of a result, and the first column's type. */
struct answer {
    duckdb_result result;
    duckdb_data_chunk chunk;
    struct dr_type *type;
};

static duckdb_vector column(const struct answer *answer, int index)
{
    return duckdb->data_chunk_get_vector(answer->chunk, (idx_t)index);
}

static void take_result(struct answer *answer, const char *what)
{
    duckrow_error error = {0};
    answer->chunk = duckdb->fetch_chunk(answer->result);
    if (!answer->chunk)
        fail_msg("no rows: %s", what);
    duckdb_logical_type logical = duckdb->column_logical_type(&answer->result, 0);
    if (dr_type_make(duckdb, logical, &answer->type, &error))
        fail_msg("%s", error.message);
    assert_int_equal(dr_type_oid(answer->type), dr_oid_of(duckdb, logical));
    duckdb->destroy_logical_type(&logical);
}

static void ask(struct answer *answer, const char *sql)
{
    if (duckdb->query(session->connection, sql, &answer->result) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb->result_error(&answer->result));
    take_result(answer, sql);
}

static void end(struct answer *answer)
{
    dr_type_free(answer->type);
    duckdb->destroy_data_chunk(&answer->chunk);
    duckdb->destroy_result(&answer->result);
}

static int32_t no_offset(void *context, int64_t micros)
{
    (void)context;
    (void)micros;
    return 0;
}

static const struct dr_display utc = {no_offset, NULL};

/* The value without its length, which is checked; as text, or in hexadecimal digits; "(null)" for NULL. To be freed. */
static char *encoded(const struct answer *answer, uint64_t row, int binary)
{
    struct dr_buffer out = {0};
    const char *message = dr_type_put(answer->type, &utc, column(answer, 0), row, binary, &out);
    if (message)
        fail_msg("%s", message);
    assert_false(out.failed);
    size_t size = dr_buffer_size(&out);
    const unsigned char *bytes = out.bytes + out.start;
    uint32_t length = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    char *text = malloc(2 * size + 16);
    if (length == UINT32_MAX) {
        strcpy(text, "(null)");
        assert_int_equal(size, 4);
    } else {
        assert_int_equal(length, size - 4);
        for (size_t i = 4; binary && i < size; i++)
            sprintf(text + 2 * (i - 4), "%02x", bytes[i]);
        if (!binary)
            memcpy(text, bytes + 4, size - 4);
        text[binary ? 2 * (size - 4) : size - 4] = 0;
    }
    dr_buffer_free(&out);
    return text;
}

static void assert_encoded(const struct answer *answer, uint64_t row, int binary, const char *wanted, const char *what)
{
    char *text = encoded(answer, row, binary);
    if (strcmp(text, wanted))
        fail_msg("%s (%s): %s instead of %s", what, binary ? "binary" : "text", text, wanted);
    free(text);
}

/* ---- out ---- */

static void check_cases(void)
{
    for (size_t i = 0; i < CASES; i++) {
        char sql[1024];
        struct answer answer;
        /* The second row is NULL, the third the value at another place in the vector. */
        snprintf(sql, sizeof sql,
                 "SELECT v FROM (SELECT 0 AS i, %1$s AS v UNION ALL SELECT 1, NULL UNION ALL SELECT 2, %1$s) ORDER BY i",
                 cases[i].sql);
        ask(&answer, sql);
        if (dr_type_oid(answer.type) != cases[i].oid)
            fail_msg("%s: oid %u", cases[i].sql, dr_type_oid(answer.type));
        for (uint64_t row = 0; row < 3; row++) {
            assert_encoded(&answer, row, 0, row == 1 ? "(null)" : cases[i].text, cases[i].sql);
            assert_encoded(&answer, row, 1, row == 1 ? "(null)" : cases[i].binary, cases[i].sql);
        }
        struct dr_buffer out = {0};
        assert_int_equal(dr_type_put_text(answer.type, &utc, column(&answer, 0), 1, &out), 0);
        assert_int_equal(dr_buffer_size(&out), 0);
        assert_int_equal(dr_type_put_text(answer.type, &utc, column(&answer, 0), 2, &out), 1);
        assert_int_equal(dr_buffer_size(&out), strlen(cases[i].text));
        assert_memory_equal(out.bytes + out.start, cases[i].text, strlen(cases[i].text));
        dr_buffer_free(&out);
        end(&answer);
    }
}

static void test_as_postgresql(void **state)
{
    (void)state;
    with_each_engine(check_cases);
}

static int32_t kathmandu(void *context, int64_t micros)
{
    *(int64_t *)context = micros;
    return 20700;
}

static void check_offset(void)
{
    int64_t asked = 0;
    struct dr_display display = {kathmandu, &asked};
    struct answer answer;
    struct dr_buffer out = {0};
    ask(&answer, "SELECT TIMESTAMPTZ '2024-01-02 20:04:05.5+00'");
    dr_type_put_text(answer.type, &display, column(&answer, 0), 0, &out);
    dr_buffer_u8(&out, 0);
    assert_string_equal(out.bytes + out.start, "2024-01-03 01:49:05.5+05:45");
    assert_int_equal(asked, 1704225845500000);
    dr_buffer_reset(&out, 0);
    dr_type_put_text(answer.type, NULL, column(&answer, 0), 0, &out);
    dr_buffer_u8(&out, 0);
    assert_string_equal(out.bytes + out.start, "2024-01-02 20:04:05.5+00");
    dr_buffer_free(&out);
    end(&answer);
}

static void test_time_zone(void **state)
{
    (void)state;
    with_each_engine(check_offset);
}

static void check_descriptions(void)
{
    static const struct {
        const char *sql;
        uint32_t oid;
        int size, modifier;
    } wanted[] = {{"1.5::DECIMAL(18,3)", 1700, -1, (18 << 16 | 3) + 4},
                  {"[1.5::DECIMAL(4,1)]", 1231, -1, (4 << 16 | 1) + 4},
                  {"1", 23, 4, -1},
                  {"'a'", 25, -1, -1},
                  {"true", 16, 1, -1},
                  {"INTERVAL '1 day'", 1186, 16, -1},
                  {"'04:05:06+00'::TIMETZ", 1266, 12, -1},
                  {"'\\x00'::BLOB", 17, -1, -1},
                  {"{'a': 1}", 114, -1, -1},
                  {"MAP {'a': 1}", 114, -1, -1},
                  {"[[1], [2, 3]]", 114, -1, -1},
                  {"[{'a': 1}]", 114, -1, -1},
                  {"[[1, 2]]::INTEGER[2][1]", 1007, -1, -1},
                  {"[[[[[[[1]]]]]]]::INTEGER[1][1][1][1][1][1][1]", 114, -1, -1}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        char sql[256];
        struct answer answer;
        snprintf(sql, sizeof sql, "SELECT %s", wanted[i].sql);
        ask(&answer, sql);
        if (dr_type_oid(answer.type) != wanted[i].oid || dr_type_size(answer.type) != wanted[i].size ||
            dr_type_modifier(answer.type) != wanted[i].modifier)
            fail_msg("%s: %u %d %d", sql, dr_type_oid(answer.type), dr_type_size(answer.type), dr_type_modifier(answer.type));
        end(&answer);
    }
}

static void test_descriptions(void **state)
{
    (void)state;
    with_each_engine(check_descriptions);
    assert_string_equal(dr_oid_duckdb_type(23), "INTEGER");
    assert_string_equal(dr_oid_duckdb_type(1184), "TIMESTAMP WITH TIME ZONE");
    assert_string_equal(dr_oid_duckdb_type(1007), "INTEGER[]");
    assert_null(dr_oid_duckdb_type(600));
    assert_null(dr_oid_duckdb_type(0));
}

static void check_untold(void)
{
    static const struct {
        const char *sql;
        int text, binary; /* can it be told? */
    } wanted[] = {{"'5877642-06-25 (BC)'::DATE", 1, 0},
                  {"'290309-12-22 (BC) 00:00:00'::TIMESTAMP", 1, 0},
                  {"[[1, 2], NULL]::INTEGER[2][2]", 0, 0},
                  {"{'a': 1}::VARIANT", 0, 0}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        char sql[256];
        struct answer answer;
        struct dr_buffer out = {0};
        snprintf(sql, sizeof sql, "SELECT %s", wanted[i].sql);
        ask(&answer, sql);
        assert_int_equal(!dr_type_put(answer.type, &utc, column(&answer, 0), 0, 0, &out), wanted[i].text);
        assert_int_equal(!dr_type_put(answer.type, &utc, column(&answer, 0), 0, 1, &out), wanted[i].binary);
        dr_buffer_free(&out);
        end(&answer);
    }
}

static void test_what_cannot_be_told(void **state)
{
    (void)state;
    with_each_engine(check_untold);
}

/* ---- JSON ---- */

static const char *const structures[] = {
    "{'a': 1, 'b': NULL, 'c': 'x\"\\\ny\x01\x0b\x1f', 'q\"': true}",
    "{'f': 0.1::FLOAT, 'd': 0.1::DOUBLE, 'e': 1e20::DOUBLE, 'g': 1e21::DOUBLE, 'h': 1e-6::DOUBLE, 'i': 1e-7::DOUBLE}",
    "{'a': 1e23::DOUBLE, 'b': 1e22::DOUBLE, 'c': -0.0::DOUBLE, 'd': 5e-324::DOUBLE, 'e': 100.0::DOUBLE, 'f': "
    "123456789.125::DOUBLE}",
    "{'a': 'nan'::DOUBLE, 'b': 'inf'::DOUBLE, 'c': '-inf'::FLOAT}",
    "{'a': 1.10::DECIMAL(5,2), 'b': 5::DECIMAL(4,0), 'c': 1.10::DECIMAL(16,2), 'd': -0.5::DECIMAL(38,5), 'e': 0::DECIMAL(9,8)}",
    "{'a': '-170141183460469231731687303715884105728'::HUGEINT, 'b': 18446744073709551615::UBIGINT, 'c': "
    "12345678901234567890123::BIGNUM}",
    "{'a': DATE '2024-01-02', 'b': '0044-03-15 (BC)'::DATE, 'c': 'infinity'::DATE, 'd': '12345-01-02'::DATE}",
    "{'a': '0044-03-15 (BC) 03:04:05'::TIMESTAMP, 'b': TIMESTAMP '2024-01-02 03:04:05.678', 'c': '-infinity'::TIMESTAMP}",
    "{'a': TIMESTAMP_NS '1960-01-02 03:04:05.123456789', 'b': TIMESTAMP_MS '1960-01-02 03:04:05.5', 'c': TIMESTAMP_S '2024-01-02 "
    "03:04:05'}",
    "{'a': TIME '04:05:06.5', 'b': '04:05:06+05:30'::TIMETZ, 'c': '04:05:06.123456789'::TIME_NS}",
    "{'a': INTERVAL '1 year 2 months -3 days -04:05:06.5', 'b': INTERVAL '0 days', 'c': INTERVAL '-1 month', 'd': INTERVAL '30 "
    "hours'}",
    "{'a': '12345678-9abc-def0-8123-456789abcdef'::UUID, 'b': '0101'::BIT, 'c': 'b'::ENUM('a', 'b'), 'd': "
    "'\\x00\\xAAab\"\\x5C'::BLOB}",
    "[[1, NULL], [], NULL, [3]]",
    "[{'a': [1, 2]}, NULL]",
    "[{'a': ['a', NULL]::VARCHAR[2]}]",
    "MAP {1: 'a', 2: NULL}",
    "MAP {DATE '2024-01-02': [1], '0044-03-15 (BC)'::DATE: [2]}",
    "MAP {1.5::DOUBLE: 1, 1e16::DOUBLE: 2, 1e15::DOUBLE: 3, 1e-5::DOUBLE: 4, 0.1::DOUBLE: 5, 'inf'::DOUBLE: 6}",
    "MAP {0.1::FLOAT: 1, 16777216::FLOAT: 2}",
    "MAP {true: 1, false: 2}",
    "MAP {1.10::DECIMAL(4,2): 1}",
    "MAP {'\\xAA'::BLOB: 1}",
    "MAP {'a\"': 1}",
    "MAP {INTERVAL '1 month': 1}",
    "MAP {}::MAP(INTEGER, INTEGER)",
    "union_value(k := 5)",
    "union_value(k := NULL::INTEGER)",
    "[1::UNION(i INTEGER, s VARCHAR), 'x'::UNION(i INTEGER, s VARCHAR)]",
    "{'j': '{\"a\" : [1, \"x y\\\" z\"] }'::JSON, 's': {'t': {'u': 1}}}",
};

static void check_structures(void)
{
    for (size_t i = 0; i < sizeof structures / sizeof *structures; i++) {
        char sql[1024];
        struct answer answer;
        size_t length;
        snprintf(sql, sizeof sql, "SELECT x, CAST(to_json(x) AS VARCHAR) FROM (SELECT %s AS x)", structures[i]);
        ask(&answer, sql);
        assert_int_equal(dr_type_oid(answer.type), 114);
        const char *text = dr_string((const duckdb_string_t *)duckdb->vector_get_data(column(&answer, 1)), &length);
        char *wanted = strndup(text, length);
        assert_encoded(&answer, 0, 0, wanted, structures[i]);
        free(wanted);
        end(&answer);
    }
}

static void test_json(void **state)
{
    (void)state;
    with_each_engine(check_structures);
}

/* ---- parameters as values ---- */

static size_t from_hex(const char *hex, unsigned char *bytes)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++)
        sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
    return size;
}

/* SELECT $1, through the engine and back. */
static void echo(struct answer *answer, duckdb_value value, const char *what)
{
    duckdb_prepared_statement statement;
    assert_int_equal(duckdb->prepare(session->connection, "SELECT $1", &statement), DuckDBSuccess);
    assert_int_equal(duckdb->bind_value(statement, 1, value), DuckDBSuccess);
    if (duckdb->execute_prepared(statement, &answer->result) != DuckDBSuccess)
        fail_msg("%s: %s", what, duckdb->result_error(&answer->result));
    duckdb->destroy_prepare(&statement);
    take_result(answer, what);
}

static void assert_round_trip(size_t i, int binary)
{
    unsigned char bytes[1024];
    size_t size = strlen(cases[i].text);
    duckdb_value value;
    duckrow_error error = {0};
    struct answer answer;
    if (binary)
        size = from_hex(cases[i].binary, bytes);
    else
        memcpy(bytes, cases[i].text, size);
    if (dr_parameter_value(duckdb, cases[i].oid, binary, bytes, size, &value, &error))
        fail_msg("%s: %s", cases[i].sql, error.message);
    echo(&answer, value, cases[i].sql);
    duckdb->destroy_value(&value);
    uint32_t oid = dr_type_oid(answer.type);
    /* More than 38 digits go as text, and so does JSON; lists of lists come back as JSON. */
    int same = oid == cases[i].oid;
    int as_text = (oid == 25 && (cases[i].oid == 114 || (cases[i].oid == 1700 && strlen(cases[i].text) > 38))) ||
                  (oid == 1009 && cases[i].oid == 199);
    if (!same && !as_text && !(oid == 114 && strstr(cases[i].text, "{{")))
        fail_msg("%s: comes back as %u", cases[i].sql, oid);
    if (same || as_text)
        assert_encoded(&answer, 0, 0, cases[i].text, cases[i].sql);
    if (same)
        assert_encoded(&answer, 0, 1, cases[i].binary, cases[i].sql);
    end(&answer);
}

static void check_round_trips(void)
{
    for (size_t i = 0; i < CASES; i++) {
        assert_round_trip(i, 0);
        assert_round_trip(i, 1);
    }
}

static void test_round_trips(void **state)
{
    (void)state;
    with_each_engine(check_round_trips);
}

static void check_readings(void)
{
    static const struct {
        uint32_t oid;
        const char *text;
        uint32_t back; /* the oid of what it is for DuckDB */
        const char *shown;
    } readings[] = {
        {0, "x", 25, "x"},
        {705, "x", 25, "x"},
        {1043, "x", 25, "x"},
        {1042, "x ", 25, "x "},
        {19, "x", 25, "x"},
        {3802, "[1]", 25, "[1]"},
        {600, "(1,2)", 25, "(1,2)"},
        {16, " YES ", 16, "t"},
        {16, "off", 16, "f"},
        {23, " +12 ", 23, "12"},
        {26, "4294967295", 20, "4294967295"},
        {701, "1e400", 0, "value \"1e400\" is out of range for type double precision"},
        {701, " -inf", 701, "-Infinity"},
        {700, "1.5", 700, "1.5"},
        {1700, "1.50", 1700, "1.50"},
        {1700, "-1.5e3", 1700, "-1500"},
        {1700, "15e-3", 1700, "0.015"},
        {1700, "NaN", 701, "NaN"},
        {1700, "-0.00", 1700, "0.00"},
        {1700, "123456789012345678901234567890123456789.5", 25, "123456789012345678901234567890123456789.5"},
        {1700, "340282366920938463463374607431768211456", 25, "340282366920938463463374607431768211456"}, /* 2^128 */
        {17, "a\\\\b\\001", 17, "\\x615c6201"},
        {17, "\\x0aFF", 17, "\\x0aff"},
        {17, "", 17, "\\x"},
        {2950, "{123456789ABCDEF08123456789abcdef}", 2950, "12345678-9abc-def0-8123-456789abcdef"},
        {1082, "2024-01-02 03:04:05", 1082, "2024-01-02"},
        {1082, "Jan 2, 2024", 25, "Jan 2, 2024"},
        {1114, "2024-01-02T03:04:05.5+02", 1114, "2024-01-02 03:04:05.5"},
        {1114, "2024-01-02", 1114, "2024-01-02 00:00:00"},
        {1184, "2024-01-02 03:04:05+02", 1184, "2024-01-02 01:04:05+00"},
        {1184, "2024-01-02T03:04:05.678Z", 1184, "2024-01-02 03:04:05.678+00"},
        {1184, "2024-01-02 03:04:05-0330", 1184, "2024-01-02 06:34:05+00"},
        {1184, "2024-01-02 03:04:05", 25, "2024-01-02 03:04:05"},
        {1083, "04:05", 1083, "04:05:00"},
        {1266, "04:05:06-08", 1266, "04:05:06-08"},
        {1186, "1 day 2 second 3 microsecond", 1186, "1 day 00:00:02.000003"},
        {1186, "1 weeks -1.5 s", 1186, "7 days -00:00:01.5"},
        {1186, "-1 year -2 mons +3 days -04:05:06", 1186, "-1 years -2 mons +3 days -04:05:06"},
        {1186, "-1 day, 23:59:55", 1186, "-1 days +23:59:55"},
        {1186, "P1D", 25, "P1D"},
        {1007, " { 1 , NULL,\"3\" } ", 1007, "{1,NULL,3}"},
        {1009, "{a b ,\"c\\\"d\",\"NULL\",e\\,f}", 1009, "{\"a b\",\"c\\\"d\",\"NULL\",\"e,f\"}"},
        {1007, "{{1,2},{3,NULL}}", 114, "[[1,2],[3,null]]"},
        {1231, "{1.5,22.25,NULL}", 1231, "{1.50,22.25,NULL}"},
        {1231, "{1.5,NaN}", 1009, "{1.5,NaN}"},
        {1016, "{}", 1016, "{}"},
        {21, "40000", 0, "value \"40000\" is out of range for type smallint"},
        {23, "99999999999999999999", 0, "value \"99999999999999999999\" is out of range for type integer"},
        {23, "1.5", 0, "invalid input syntax for type integer: \"1.5\""},
        {23, "", 0, "invalid input syntax for type integer: \"\""},
        {20, "x", 0, "invalid input syntax for type bigint: \"x\""},
        {16, "ye", 0, "invalid input syntax for type boolean: \"ye\""},
        {701, "1.2.3", 0, "invalid input syntax for type double precision: \"1.2.3\""},
        {1700, "1,5", 0, "invalid input syntax for type numeric: \"1,5\""},
        {2950, "12", 0, "invalid input syntax for type uuid: \"12\""},
        {17, "\\x0", 0, "invalid input syntax for type bytea: \"\\x0\""},
        {17, "\\9", 0, "invalid input syntax for type bytea: \"\\9\""},
        {25, "\xff", 0, "invalid byte sequence for encoding \"UTF8\""},
        {1007, "{1,x}", 0, "invalid input syntax for type integer: \"x\""},
        {1007, "{1,", 0, "malformed array literal"},
        {1007, "1", 0, "malformed array literal"},
        {1007, "{1,}", 0, "malformed array literal"},
        {1007, "{{1},{2,3}}", 0, "malformed array literal"},
        {1007, "{{1},2}", 0, "malformed array literal"},
        {1007, "{1}x", 0, "malformed array literal"},
        {1009, "{\"a}", 0, "malformed array literal"},
        {1182, "{2024-01-02,tomorrow}", 0, "invalid input syntax for type date: \"tomorrow\""},
    };
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        duckdb_value value;
        duckrow_error error = {0};
        struct answer answer;
        const char *text = readings[i].text;
        duckrow_code code =
            dr_parameter_value(duckdb, readings[i].oid, 0, (const unsigned char *)text, strlen(text), &value, &error);
        if (!readings[i].back) {
            if (code != DUCKROW_USAGE || strcmp(error.message, readings[i].shown))
                fail_msg("%s: %s", text, code ? error.message : "taken");
            continue;
        }
        if (code)
            fail_msg("%s: %s", text, error.message);
        echo(&answer, value, text);
        duckdb->destroy_value(&value);
        if (dr_type_oid(answer.type) != readings[i].back)
            fail_msg("%s: comes back as %u", text, dr_type_oid(answer.type));
        assert_encoded(&answer, 0, 0, readings[i].shown, text);
        end(&answer);
    }
}

static void test_parameter_texts(void **state)
{
    (void)state;
    with_each_engine(check_readings);
}

static void check_nothing(void)
{
    static const uint32_t oids[] = {0, 16, 17, 20, 25, 1007, 1700, 1184};
    for (size_t i = 0; i < sizeof oids / sizeof *oids; i++) {
        duckdb_value value;
        duckrow_error error = {0};
        struct answer answer;
        assert_int_equal(dr_parameter_value(duckdb, oids[i], i % 2, NULL, 0, &value, &error), DUCKROW_OK);
        echo(&answer, value, "NULL");
        duckdb->destroy_value(&value);
        assert_encoded(&answer, 0, 0, "(null)", "NULL");
        end(&answer);
    }
}

static void test_null_parameters(void **state)
{
    (void)state;
    with_each_engine(check_nothing);
}

/* ---- the fast way ---- */

static const struct {
    const char *column;
    uint32_t oids[8];
    const char *done, *left; /* texts divided by |: the first kind is to be done here, the second may be left */
} stores[] = {
    {"BOOLEAN", {16, 25, 705}, "t|f|true|false", "T|TRUE|yes|1|0|on||x| t"},
    {"TINYINT", {21, 25, 705}, "-128|127|0|-0|007", "128|-129|1.5|1e1| 1|+1||x"},
    {"SMALLINT", {21, 23, 20, 25}, "-32768|32767", "32768|-32769|1.5"},
    {"INTEGER", {21, 23, 20, 25, 1700, 705}, "12|-12", "2147483648|-2147483649|1.5|12x|1 2|--1|-"},
    {"INTEGER", {23, 20, 25}, "2147483647|-2147483648", "99999999999999999999"},
    {"BIGINT", {20, 25}, "9223372036854775807|-9223372036854775808", "9223372036854775808|99999999999999999999"},
    {"UTINYINT", {21, 25}, "0|255", "256|-1"},
    {"USMALLINT", {23, 25}, "0|65535", "65536|-1"},
    {"UINTEGER", {20, 25}, "4294967295", "4294967296|-1"},
    {"UBIGINT", {1700, 25}, "18446744073709551615|0", "18446744073709551616|-1"},
    {"FLOAT",
     {700, 701, 25},
     "0.1|1.5|-1e10|16777217|3.4028235e38|0.3333333|0|-0",
     "1e39|NaN|Infinity|-Infinity|x|1e-60|1e|.5|5."},
    {"DOUBLE",
     {701, 25},
     "0.1|1.5|-1e10|123456789012345678|1.7976931348623157e308|5e-324|0.30000000000000004|-0",
     "1e400|1e-400|NaN|Infinity|-Infinity|nan|inf|x|1e|.5|5.|+1"},
    {"DOUBLE", {700, 23, 20}, "1|-5", "1.5|1e400"},
    {"DECIMAL(4,2)", {1700, 25, 705}, "1.5|-99.99|0|12|0.01|-0.00", "100|1.555|1e1|NaN|x|+1|.5|5.|99.995|"},
    {"DECIMAL(9,4)", {1700, 25, 23}, "12345", "123456|99999.99999"},
    {"DECIMAL(18,0)", {1700, 25, 20}, "123456789012345678|-123456789012345678", "1234567890123456789|0.5"},
    {"DECIMAL(38,10)", {1700, 25}, "1234567890123456789012345678.0123456789|-1", "12345678901234567890123456789|1e-20"},
    {"VARCHAR",
     {25, 1043, 1042, 19, 705},
     "|a|twelve bytes|thirteen bytes|\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
     "\xff|a\xc3|\xed\xa0\x80|\xc0\x80|\xf4\x90\x80\x80"},
    {"VARCHAR", {114}, "{\"a\": 1}", ""},
    {"VARCHAR", {23, 1082, 16}, "", "12|2024-01-02|t"},
    {"BLOB", {17}, "\\x|\\x0aFF|abc|a\\\\b|\\000|\\x00112233445566778899aabbccddeeff", "\\x0|\\xg0|\\9"},
    {"BLOB", {25}, "", "\\x0a|abc|\\xAA"},
    {"DATE",
     {1082, 25, 705},
     "2024-02-29|0001-01-01|9999-12-31|1969-12-31|2024-01-02 03:04:05|2024-01-02 23:59:59.999999+00|1969-12-31T03:04:05Z",
     "2023-02-29|0044-03-15 BC|infinity|2024-1-2|2024-13-01|0000-01-01|12345-01-01|x||2024-01-02 24:00:00|2024-01-02 "
     "23:04:05-05"},
    {"TIMESTAMP",
     {1114, 25, 705},
     "2024-01-02 03:04:05|2024-01-02T03:04:05.678|2024-01-02 03:04:05.123456|1960-01-02 23:59:59.5|2024-01-02|2024-01-02 "
     "03:04:05+00|1960-01-02T03:04:05.678Z",
     "2024-01-02 03:04|2024-01-02 24:00:00|2024-01-02 03:04:60|2024-01-02 03:04:05.1234567|2024-01-02 03:04:05+02|infinity|x"},
    {"TIMESTAMP", {1082}, "", "2024-01-02"},
    {"TIMESTAMPTZ",
     {1184, 25},
     "2024-01-02 03:04:05+00|2024-01-02 03:04:05.5-08|2024-01-02T03:04:05Z|2024-01-02 03:04:05+05:30",
     "2024-01-02 03:04:05|2024-01-02|2024-01-02 03:04:05+0530|2024-01-02 03:04:05 UTC|infinity|2024-01-02 03:04:05+16"},
    {"UUID",
     {2950, 25, 705},
     "12345678-9abc-def0-8123-456789abcdef|FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
     "123456789abcdef08123456789abcdef|{12345678-9abc-def0-8123-456789abcdef}|x"},
    {"JSON", {25, 114}, "", "[1]|{"},
    {"INTERVAL", {1186}, "", "1 day"},
    {"INTEGER[]", {1007}, "", "{1}"},
    {"ENUM('a', 'b')", {25}, "", "a|c"},
    {"TIME", {1083, 25}, "", "04:05:06"},
};

/* What INSERT … VALUES ($1) makes of it: the text and binary value, or NULL where it fails. */
static char *inserted(const char *type, duckdb_value value, int *failed)
{
    char sql[256];
    duckdb_prepared_statement statement;
    struct answer answer;
    char *text = NULL;
    snprintf(sql, sizeof sql, "CREATE OR REPLACE TEMP TABLE stored (x %s)", type);
    duckrow_error error = {0};
    if (strcmp(sql, made))
        assert_int_equal(dr_session_run(session, strcpy(made, sql), &error), DUCKROW_OK);
    assert_int_equal(duckdb->prepare(session->connection, "INSERT INTO stored VALUES ($1) RETURNING x", &statement),
                     DuckDBSuccess);
    duckdb->bind_value(statement, 1, value);
    *failed = duckdb->execute_prepared(statement, &answer.result) != DuckDBSuccess;
    duckdb->destroy_prepare(&statement);
    if (*failed) {
        duckdb->destroy_result(&answer.result);
    } else {
        take_result(&answer, type);
        text = encoded(&answer, 0, 1);
        end(&answer);
    }
    return text;
}

static void store_one(const char *type, uint32_t oid, int binary, const unsigned char *bytes, size_t size, int must,
                      const char *what)
{
    char sql[256];
    struct answer answer;
    duckdb_value value = NULL;
    duckrow_error error = {0};
    int failed = 1;
    snprintf(sql, sizeof sql, "SELECT NULL::%s", type);
    ask(&answer, sql);
    duckdb_logical_type logical = duckdb->column_logical_type(&answer.result, 0);
    duckdb_data_chunk chunk = duckdb->create_data_chunk(&logical, 1);
    duckdb_vector vector = duckdb->data_chunk_get_vector(chunk, 0);
    int done = dr_parameter_store(duckdb, logical, oid, binary, bytes, size, vector, 3) == 0;
    if (must && !done)
        fail_msg("%s into %s (%u) is not done", what, type, oid);
    if (done) {
        char *wanted = NULL;
        if (dr_parameter_value(duckdb, oid, binary, bytes, size, &value, &error) == DUCKROW_OK)
            wanted = inserted(type, value, &failed);
        if (failed)
            fail_msg("%s into %s (%u) is done, and DuckDB refuses it: %s", what, type, oid, error.message);
        struct answer stored = {.chunk = chunk, .type = answer.type};
        assert_encoded(&stored, 3, 1, wanted, what);
        free(wanted);
        if (value)
            duckdb->destroy_value(&value);
    }
    duckdb->destroy_data_chunk(&chunk);
    duckdb->destroy_logical_type(&logical);
    end(&answer);
}

static void store_list(const char *type, uint32_t oid, const char *texts, int must)
{
    if (!*texts)
        return;
    for (const char *at = texts;; at++) {
        size_t length = strcspn(at, "|");
        char *text = strndup(at, length);
        store_one(type, oid, 0, (const unsigned char *)text, length, must, text);
        free(text);
        at += length;
        if (!*at)
            return;
    }
}

static void check_stores(void)
{
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++)
        for (size_t k = 0; stores[i].oids[k]; k++) {
            /* Integers beyond the oid's own type are errors of that type. */
            int must = !(stores[i].oids[k] == 701 && strcmp(stores[i].column, "FLOAT") == 0);
            store_list(stores[i].column, stores[i].oids[k], stores[i].done, must);
            store_list(stores[i].column, stores[i].oids[k], stores[i].left, 0);
        }
}

static void test_stores_as_inserts(void **state)
{
    (void)state;
    with_each_engine(check_stores);
}

/* The binary values of all cases into all kinds of columns. */
static void check_binary_stores(void)
{
    static const char *const columns[] = {"BOOLEAN",  "TINYINT",       "SMALLINT",      "INTEGER", "BIGINT",
                                          "UTINYINT", "USMALLINT",     "UINTEGER",      "UBIGINT", "FLOAT",
                                          "DOUBLE",   "VARCHAR",       "BLOB",          "DATE",    "TIMESTAMP",
                                          "UUID",     "DECIMAL(10,2)", "DECIMAL(38,8)", "TIME",    "TIMESTAMPTZ"};
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
        for (size_t i = 0; i < CASES; i++) {
            unsigned char bytes[1024];
            size_t size = from_hex(cases[i].binary, bytes);
            store_one(columns[k], cases[i].oid, 1, bytes, size, 0, cases[i].sql);
        }
    static const unsigned char number[] = {0, 0, 1, 2};
    store_one("INTEGER", 23, 1, number, 4, 1, "binary integer");
    store_one("BIGINT", 23, 1, number, 4, 1, "binary integer");
    store_one("DATE", 1082, 1, number, 4, 1, "binary date");
    store_one("FLOAT", 700, 1, number, 4, 1, "binary float");
    store_one("VARCHAR", 25, 1, (const unsigned char *)"text", 4, 1, "binary text");
    store_one("BLOB", 17, 1, number, 4, 1, "binary bytes");
    static const unsigned char numeric[] = {0, 2, 0, 0, 0x40, 0, 0, 2, 0, 1, 0x13, 0x88}; /* -1.50 */
    store_one("DECIMAL(3,2)", 1700, 1, numeric, sizeof numeric, 1, "binary numeric");
    store_one("DECIMAL(38,20)", 1700, 1, numeric, sizeof numeric, 1, "binary numeric");
    store_one("INTEGER", 23, 1, NULL, 0, 1, "NULL");
    store_one("VARCHAR", 25, 0, NULL, 0, 1, "NULL");
}

static void test_binary_stores_as_inserts(void **state)
{
    (void)state;
    with_each_engine(check_binary_stores);
}

/* ---- anything at all ---- */

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static void check_garbage(void)
{
    static const uint32_t oids[] = {0,    16,   17,   19,   20,   21,   23,   25,   26,   114,  600,  700,
                                    701,  1000, 1005, 1007, 1009, 1016, 1022, 1042, 1082, 1083, 1114, 1115,
                                    1182, 1184, 1186, 1187, 1231, 1266, 1700, 2950, 2951, 3802};
    static const char alphabet[] = "0123456789-+.:eE {}\",\\NULxTZ\x00\xff";
    static const int ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17, 18, 27, 31};
    uint64_t seed = 20240102;
    int taken = 0;
    duckdb_data_chunk chunks[sizeof ids / sizeof *ids];
    duckdb_logical_type types[sizeof ids / sizeof *ids];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        types[i] = duckdb->create_logical_type((duckdb_type)ids[i]);
        chunks[i] = duckdb->create_data_chunk(&types[i], 1);
    }
    int rounds = scaled(200000, 20000);
    for (int i = 0; i < rounds; i++) {
        size_t size = next_random(&seed) % (i % 3 ? 24 : 60);
        unsigned char *bytes = malloc(size ? size : 1); /* its own, so that the sanitizer sees what is read behind it */
        int binary = i % 2, small = next_random(&seed) % 2;
        for (size_t k = 0; k < size; k++)
            bytes[k] = !binary               ? (unsigned char)alphabet[next_random(&seed) % (sizeof alphabet - 1)]
                       : small && k % 4 != 3 ? 0
                                             : (unsigned char)(next_random(&seed) % (small ? 8 : 256));
        uint32_t oid = oids[next_random(&seed) % (sizeof oids / sizeof *oids)];
        duckdb_value value;
        duckrow_error error = {0};
        if (dr_parameter_value(duckdb, oid, binary, bytes, size, &value, &error) == DUCKROW_OK) {
            duckdb->destroy_value(&value);
            taken++;
        } else {
            assert_true(error.code == DUCKROW_USAGE && *error.message);
            assert_null(value);
        }
        size_t into = next_random(&seed) % (sizeof ids / sizeof *ids);
        dr_parameter_store(duckdb, types[into], oid, binary, bytes, size, duckdb->data_chunk_get_vector(chunks[into], 0), 0);
        free(bytes);
    }
    assert_true(taken > rounds / 60);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        duckdb->destroy_data_chunk(&chunks[i]);
        duckdb->destroy_logical_type(&types[i]);
    }
}

static void test_garbage(void **state)
{
    (void)state;
    with_each_engine(check_garbage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_postgresql),
        cmocka_unit_test(test_time_zone),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_what_cannot_be_told),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_parameter_texts),
        cmocka_unit_test(test_null_parameters),
        cmocka_unit_test(test_stores_as_inserts),
        cmocka_unit_test(test_binary_stores_as_inserts),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
