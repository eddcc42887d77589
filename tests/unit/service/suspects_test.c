/* Whose fault a failed group may be: the key out of DuckDB's message, and the rows that have it. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/suspects.h"

static void test_messages(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Constraint Error: Duplicate key \"id: 0\" violates primary key constraint.", "0"},
        {"Constraint Error: Duplicate key \"a: 1, b: x\" violates unique constraint.", "1|x"},
        {"Constraint Error: PRIMARY KEY or UNIQUE constraint violation: duplicate key \"5\"", "5"},
        {"TransactionContext Error: Failed to commit: PRIMARY KEY or UNIQUE constraint violation: duplicate key \"1, x: y\"",
         "1|x: y"},
        {"Constraint Error: PRIMARY KEY or UNIQUE constraint violation: duplicate key \"x\"y, 2\"", "x\"y|2"},
        {"Constraint Error: PRIMARY KEY or UNIQUE constraint violation: duplicate key \"\"", ""},
        {"Constraint Error: Violates foreign key constraint because key \"a: 5\" does not exist in the referenced table", "5"},
        {"Constraint Error: Duplicate key \"id\" violates", NULL},
        {"Constraint Error: duplicate key \"5", NULL},
        {"Constraint Error: NOT NULL constraint failed: con.s", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dr_key key;
        char text[256] = "";
        int parts = dr_key_parse(cases[i][0], &key);
        for (int part = 0; part < parts; part++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", part ? "|" : "", key.part[part]);
        if (!parts != !cases[i][1] || (parts && strcmp(text, cases[i][1])))
            fail_msg("%s: %d parts, %s", cases[i][0], parts, text);
    }
}

static int has(const char *sql, const char *first, const char *second, const char *message)
{
    struct dr_unit unit = {0};
    struct dr_key key;
    struct dr_statement *made = calloc(1, sizeof *made);
    assert_non_null(made);
    made->users = 1;
    made->shape = dr_shape_parse(sql);
    made->parameters = second ? 2 : 1;
    dr_unit_reset(&unit);
    struct dr_operation *operation = dr_unit_add(&unit, made);
    assert_non_null(operation);
    const char *const values[] = {first, second};
    for (int i = 0; i < made->parameters; i++)
        dr_unit_put_parameter(&unit,
                              &(struct dr_parameter){.bytes = (const unsigned char *)values[i], .size = strlen(values[i])});
    assert_true(dr_key_parse(message, &key));
    int found = dr_unit_has_key(&unit, &key);
    dr_unit_free(&unit);
    return found;
}

static void test_units(void **state)
{
    (void)state;
    static const char one[] = "Duplicate key \"id: 5\" violates", two[] = "violation: duplicate key \"5, x\"";
    assert_true(has("INSERT INTO t VALUES ($1, $2)", "5", "x", one));
    assert_true(has("INSERT INTO t VALUES ($1, $2)", "x", "5", two));
    assert_false(has("INSERT INTO t VALUES ($1, $2)", "6", "x", one));
    assert_false(has("INSERT INTO t VALUES ($1, $2)", "5", "y", two));
    /* The other part stands in the text. */
    assert_true(has("INSERT INTO t VALUES ($1, 'x')", "5", NULL, two));
    assert_false(has("INSERT INTO t VALUES ($1, 'x')", "6", NULL, two));
    /* Not an insert of values: it can't be told. */
    assert_true(has("UPDATE t SET a = $1", "6", NULL, one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_messages), cmocka_unit_test(test_units)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
