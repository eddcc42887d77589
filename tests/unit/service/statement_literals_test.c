/* INSERTs of plain literals: which they are, what their values are, and that everything else is left alone. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "service/statement_literals.h"
#include "service/types_private.h"

static const char kinds[] = "0tidb"; /* in the order of the enum */

/* "i:1 t:a 0: " */
static void describe(const struct dr_literals *literals, char *text, size_t size)
{
    *text = 0;
    for (int i = 0; literals && i < literals->count; i++) {
        const struct dr_literal *literal = &literals->literal[i];
        snprintf(text + strlen(text), size - strlen(text), "%s%c:%.*s", i ? " " : "", kinds[literal->kind], (int)literal->size,
                 literal->text ? literal->text : "");
    }
}

static void test_taken(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *made, *values;
    } cases[] = {
        {"INSERT INTO t VALUES (1)", "INSERT INTO t VALUES ($1)", "i:1"},
        {"insert into t values(1,'a',NULL,true,FALSE)", "insert into t values($1, $2, $3, $4, $5)", "i:1 t:a 0: b:t b:f"},
        {"INSERT INTO t VALUES (-5, 1.50, -0.001, 007);", "INSERT INTO t VALUES ($1, $2, $3, $4)", "i:-5 d:1.50 d:-0.001 i:007"},
        {"INSERT INTO a.b.\"c d\" (x, \"y z\") VALUES ('it''s', '')", "INSERT INTO a.b.\"c d\" (x, \"y z\") VALUES ($1, $2)",
         "t:it's t:"},
        {"INSERT INTO t /* (1) */ VALUES -- 'x'\n ( 1 , 'a' )", "INSERT INTO t /* (1) */ VALUES -- 'x'\n ($1, $2)", "i:1 t:a"},
        {"INSERT INTO t VALUES ('$1', '?', 'a\\n', 'E''x')", "INSERT INTO t VALUES ($1, $2, $3, $4)", "t:$1 t:? t:a\\n t:E'x"},
        {"INSERT INTO t VALUES (999999999999999999)", "INSERT INTO t VALUES ($1)", "i:999999999999999999"},
        {"INSERT INTO t VALUES ('ü🦆')", "INSERT INTO t VALUES ($1)", "t:ü🦆"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        struct dr_literals *literals = dr_literals_parse(cases[i].sql);
        describe(literals, text, sizeof text);
        if (!literals || strcmp(literals->sql, cases[i].made) || strcmp(text, cases[i].values))
            fail_msg("%s: %s, %s", cases[i].sql, literals ? literals->sql : "left alone", text);
        assert_string_equal(literals->original, cases[i].sql);
        dr_literals_free(literals);
    }
}

static void test_left_alone(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "INSERT",
        "SELECT 1",
        "INSERT INTO t VALUES",
        "INSERT INTO t VALUES ()",
        "INSERT INTO t VALUES (1",
        "INSERT INTO t VALUES (1,)",
        "INSERT INTO t VALUES (1), (2)",
        "INSERT INTO t VALUES (1) RETURNING i",
        "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
        "INSERT OR REPLACE INTO t VALUES (1)",
        "INSERT INTO t SELECT 1",
        "INSERT INTO t DEFAULT VALUES",
        "INSERT INTO t BY NAME VALUES (1)",
        "INSERT INTO t AS x VALUES (1)",
        "WITH c AS (SELECT 1) INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (DEFAULT)",
        "INSERT INTO t VALUES (1 + 1)",
        "INSERT INTO t VALUES ((1))",
        "INSERT INTO t VALUES (+1)",
        "INSERT INTO t VALUES (- 1)",
        "INSERT INTO t VALUES (--1\n)",
        "INSERT INTO t VALUES (-'1')",
        "INSERT INTO t VALUES (1::BIGINT)",
        "INSERT INTO t VALUES ('a'::BLOB)",
        "INSERT INTO t VALUES ('a' 'b')",
        "INSERT INTO t VALUES ('a' || 'b')",
        "INSERT INTO t VALUES (E'a')",
        "INSERT INTO t VALUES (e'\\x41')",
        "INSERT INTO t VALUES ($$a$$)",
        "INSERT INTO t VALUES (x'00')",
        "INSERT INTO t VALUES (DATE '2024-01-01')",
        "INSERT INTO t VALUES (INTERVAL 1 DAY)",
        "INSERT INTO t VALUES (now())",
        "INSERT INTO t VALUES (current_date)",
        "INSERT INTO t VALUES (\"null\")",
        "INSERT INTO t VALUES ([1])",
        "INSERT INTO t VALUES ({'a': 1})",
        "INSERT INTO t VALUES ($1)",
        "INSERT INTO t VALUES (?)",
        "INSERT INTO t VALUES (1e5)",
        "INSERT INTO t VALUES (1.)",
        "INSERT INTO t VALUES (.5)",
        "INSERT INTO t VALUES (1_000)",
        "INSERT INTO t VALUES (0x10)",
        "INSERT INTO t VALUES (1.5.2)",
        "INSERT INTO t VALUES (1000000000000000000)",
        "INSERT INTO t VALUES (-2147483648)",
        "INSERT INTO t VALUES (1234567890123456789012345678901.5)",
        "INSERT INTO t VALUES (NaN)",
        "INSERT INTO t VALUES ('a)",
        "INSERT INTO t (a, VALUES (1)",
        "INSERT INTO 't' VALUES (1)",
        "INSERT INTO t VALUES (1); SELECT 2",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dr_literals *literals = dr_literals_parse(cases[i]);
        if (literals)
            fail_msg("%s: %s", cases[i], literals->sql);
    }
}

static void test_many(void **state)
{
    (void)state;
    static char sql[8192];
    for (int count = 999; count <= 1001; count++) {
        strcpy(sql, "INSERT INTO t VALUES (1");
        for (int i = 1; i < count; i++)
            strcat(sql, ",2");
        strcat(sql, ")");
        struct dr_literals *literals = dr_literals_parse(sql);
        assert_int_equal(literals ? literals->count : 0, count <= 1000 ? count : 0);
        dr_literals_free(literals);
    }
}

static void test_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *literal;
        uint32_t column, oid;
        const char *text;
    } cases[] = {
        {"1", OID_INT4, OID_INT4, "1"},
        {"1", OID_INT2, OID_INT4, "1"},
        {"-2147483647", OID_TEXT, OID_INT4, "-2147483647"},
        {"-2147483649", OID_INT4, OID_INT8, "-2147483649"},
        {"2147483648", OID_INT4, OID_INT8, "2147483648"},
        {"1.5", OID_NUMERIC, OID_NUMERIC, "1.5"},
        {"1.5", OID_FLOAT8, OID_FLOAT8, "1.5"},
        {"1.5", OID_FLOAT4, OID_FLOAT4, "1.5"},
        {"0.1234567", OID_FLOAT4, OID_NUMERIC, "0.1234567"},
        {"-0.12345678901234", OID_FLOAT8, OID_FLOAT8, "-0.12345678901234"},
        {"0.123456789012345", OID_FLOAT8, OID_NUMERIC, "0.123456789012345"},
        {"'1.5'", OID_INT4, OID_TEXT, "1.5"},
        {"true", OID_TEXT, OID_BOOL, "t"},
        {"NULL", OID_DATE, OID_DATE, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sql[128];
        uint32_t oids[] = {cases[i].column};
        struct dr_statement statement = {.oids = oids, .parameters = 1};
        struct dr_unit unit = {0};
        size_t at = 0;
        snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%s)", cases[i].literal);
        struct dr_literals *literals = dr_literals_parse(sql);
        assert_non_null(literals);
        dr_literals_put(literals, &statement, &unit);
        struct dr_parameter found = dr_unit_parameter(&unit, &at);
        if (found.oid != cases[i].oid || found.binary || !found.bytes != !cases[i].text ||
            (found.bytes && (found.size != strlen(cases[i].text) || memcmp(found.bytes, cases[i].text, found.size))))
            fail_msg("%s into %u: %u", cases[i].literal, cases[i].column, found.oid);
        dr_literals_free(literals);
        dr_unit_free(&unit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_left_alone),
                                       cmocka_unit_test(test_many), cmocka_unit_test(test_parameters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
