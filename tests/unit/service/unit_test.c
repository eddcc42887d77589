/* Units: parameters come back as they were put; the answer of what went well, of what failed in the middle, and of a COMMIT that
 * failed. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/unit.h"

static struct dr_unit unit;

static int begin(void **state)
{
    (void)state;
    unit = (struct dr_unit){0};
    dr_unit_reset(&unit);
    return 0;
}

static int end(void **state)
{
    (void)state;
    dr_unit_free(&unit);
    return 0;
}

static struct dr_statement *statement(enum dr_kind kind, const char *tag, int database)
{
    struct dr_statement *made = calloc(1, sizeof *made);
    assert_non_null(made);
    made->users = 1;
    made->kind = kind;
    made->columns.count = -1;
    made->database = database;
    snprintf(made->tag, sizeof made->tag, "%s", tag);
    return made;
}

/* ---- parameters ---- */

static void test_parameters(void **state)
{
    (void)state;
    static unsigned char large[100000];
    memset(large, 0xab, sizeof large);
    const struct dr_parameter parameters[] = {
        {(const unsigned char *)"17", 2, 23, 0},
        {NULL, 0, 25, 0},
        {(const unsigned char *)"", 0, 25, 0},
        {large, sizeof large, 17, 1},
        {NULL, 7, 0, 1},
        {(const unsigned char *)"\0\0\0\1", 4, UINT32_MAX, 1},
    };
    enum { COUNT = sizeof parameters / sizeof *parameters };
    dr_unit_add(&unit, statement(DR_KIND_WRITE, "INSERT 0", 0));
    for (int i = 0; i < COUNT; i++)
        dr_unit_put_parameter(&unit, &parameters[i]);
    struct dr_operation *second = dr_unit_add(&unit, statement(DR_KIND_WRITE, "INSERT 0", 0));
    dr_unit_put_parameter(&unit, &parameters[0]);
    size_t at = unit.operation[0].parameters;
    for (int i = 0; i < COUNT; i++) {
        struct dr_parameter found = dr_unit_parameter(&unit, &at);
        assert_int_equal(found.oid, parameters[i].oid);
        assert_int_equal(found.binary, parameters[i].binary);
        assert_int_equal(!found.bytes, !parameters[i].bytes);
        if (found.bytes) {
            assert_int_equal(found.size, parameters[i].size);
            assert_memory_equal(found.bytes, parameters[i].bytes, found.size);
        }
    }
    assert_int_equal(at, second->parameters);
    struct dr_parameter found = dr_unit_parameter(&unit, &at);
    assert_memory_equal(found.bytes, "17", 2);
    assert_int_equal(at, dr_buffer_size(&unit.values));
}

/* ---- what is known of the whole ---- */

static void test_database(void **state)
{
    (void)state;
    assert_int_equal(unit.database, -1);
    dr_unit_add(&unit, statement(DR_KIND_WRITE, "INSERT 0", 2));
    assert_int_equal(unit.database, 2);
    dr_unit_add(&unit, statement(DR_KIND_WRITE, "UPDATE", 2));
    assert_int_equal(unit.database, 2);
    assert_int_equal(unit.plain, 0);
    dr_unit_add(&unit, statement(DR_KIND_WRITE, "UPDATE", 1));
    assert_int_equal(unit.database, -1);
    dr_unit_add(&unit, statement(DR_KIND_WRITE, "UPDATE", 1));
    assert_int_equal(unit.database, -1);
    dr_unit_reset(&unit);
    dr_unit_add(&unit, statement(DR_KIND_SCHEMA, "CREATE TABLE", 0));
    assert_int_equal(unit.database, -1);
    dr_unit_add(&unit, statement(DR_KIND_WRITE, "INSERT 0", 0));
    assert_int_equal(unit.database, -1);
    assert_int_equal(unit.weight, 2);
}

/* ---- answers ---- */

/* The messages as text: the type, and of C, E and D what is in them. */
static void expect(const char *expected)
{
    struct dr_buffer out = {0};
    char text[2048] = "";
    dr_unit_answer(&unit, &out);
    const unsigned char *at = out.bytes + out.start, *all = out.bytes + out.end;
    while (at < all) {
        size_t length = (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
        size_t used = strlen(text);
        const char *body = (const char *)at + 5, *code = NULL, *message = NULL;
        for (const char *field = body; *at == 'E' && *field; field += strlen(field) + 1) {
            if (*field == 'C')
                code = field + 1;
            if (*field == 'M')
                message = field + 1;
        }
        if (*at == 'E')
            snprintf(text + used, sizeof text - used, "E(%s %s)", code, message);
        else if (*at == 'C' || *at == 'D')
            snprintf(text + used, sizeof text - used, "%c(%.*s)", *at, (int)length - 4, body);
        else
            snprintf(text + used, sizeof text - used, "%c", *at);
        at += 1 + length;
    }
    assert_string_equal(text, expected);
    dr_buffer_free(&out);
}

static void message(struct dr_buffer *to, char type, const char *text)
{
    size_t at = dr_buffer_size(to);
    dr_buffer_u8(to, (uint8_t)type);
    size_t length = dr_buffer_length_begin(to);
    dr_buffer_text(to, text);
    dr_buffer_length_end(to, length, 4);
    assert_true(dr_buffer_size(to) == at + 5 + strlen(text));
}

static struct dr_operation *add(enum dr_kind kind, const char *tag, int64_t count)
{
    message(&unit.fixed, '2', "");
    struct dr_operation *operation = dr_unit_add(&unit, statement(kind, tag, 0));
    operation->count = count;
    return operation;
}

/* A pipeline: an INSERT, one with RETURNING, a CREATE, an UPDATE, and bytes at the end. */
static void fill(void)
{
    add(DR_KIND_WRITE, "INSERT 0", 1);
    struct dr_operation *returning = add(DR_KIND_WRITE, "INSERT 0", 2);
    returning->rows = dr_buffer_size(&unit.rows);
    message(&unit.rows, 'D', "a");
    message(&unit.rows, 'D', "b");
    returning->rows_end = dr_buffer_size(&unit.rows);
    add(DR_KIND_SCHEMA, "CREATE TABLE", 0);
    add(DR_KIND_WRITE, "UPDATE", 5);
    message(&unit.fixed, '3', "");
}

static void fail_at(int operation)
{
    unit.failed = operation;
    dr_fail(&unit.error, DUCKROW_SQL, "Parser Error: no");
}

static void test_all(void **state)
{
    (void)state;
    fill();
    expect("2C(INSERT 0 1)2D(a)D(b)C(INSERT 0 2)2C(CREATE TABLE)2C(UPDATE 5)3");
}

static void test_failed_in_the_middle(void **state)
{
    (void)state;
    fill();
    fail_at(0);
    expect("2E(42601 Parser Error: no)");
    fail_at(2);
    expect("2C(INSERT 0 1)2D(a)D(b)C(INSERT 0 2)2E(42601 Parser Error: no)");
}

static void test_failed_commit(void **state)
{
    (void)state;
    fill();
    fail_at(unit.operations);
    expect("2C(INSERT 0 1)2D(a)D(b)C(INSERT 0 2)2C(CREATE TABLE)2E(42601 Parser Error: no)");
}

static void test_silent(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        dr_unit_add(&unit, statement(DR_KIND_WRITE, "INSERT 0", 0))->silent = 1;
    message(&unit.fixed, 'C', "COPY 3");
    expect("C(COPY 3)");
    fail_at(1);
    expect("E(42601 Parser Error: no)");
}

static void test_bytes_alone(void **state)
{
    (void)state;
    expect("");
    message(&unit.fixed, '1', "");
    expect("1");
}

/* Used again, as a session does with each query. */
static void test_reset(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100 * round; i++)
            add(DR_KIND_WRITE, "INSERT 0", 1);
        fail_at(0);
        dr_unit_reset(&unit);
        assert_int_equal(unit.failed, -1);
        assert_int_equal(unit.operations, 0);
        assert_int_equal(unit.plain, 1);
        assert_int_equal(unit.weight, 0);
        expect("");
        add(DR_KIND_READ, "SELECT", 1);
        expect("2C(SELECT 1)");
        dr_unit_reset(&unit);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_parameters),    TEST(test_database), TEST(test_all),         TEST(test_failed_in_the_middle),
        TEST(test_failed_commit), TEST(test_silent),   TEST(test_bytes_alone), TEST(test_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
