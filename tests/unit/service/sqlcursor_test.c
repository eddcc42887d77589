/* What DECLARE, FETCH, MOVE and CLOSE say. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "service/sqlcursor.h"

static void test_declare(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *name, *query; /* query NULL: not understood */
        int holds, scrolls;
    } cases[] = {
        {"DECLARE c CURSOR FOR SELECT 1", "c", "SELECT 1", 0, 0},
        {"declare \"My Cursor\" cursor for select 1", "My Cursor", "select 1", 0, 0},
        {"DECLARE c NO SCROLL CURSOR FOR SELECT 1", "c", "SELECT 1", 0, 0},
        {"DECLARE c SCROLL CURSOR FOR SELECT 1", "c", "SELECT 1", 0, 1},
        {"DECLARE c BINARY INSENSITIVE CURSOR FOR SELECT 1", "c", "SELECT 1", 0, 0},
        {"DECLARE c ASENSITIVE SCROLL CURSOR WITH HOLD FOR SELECT 1", "c", "SELECT 1", 1, 1},
        {"DECLARE c CURSOR WITHOUT HOLD FOR WITH x AS (SELECT 1) FROM x", "c", "WITH x AS (SELECT 1) FROM x", 0, 0},
        {"DECLARE c CURSOR WITH HOLD FOR SELECT ';' -- 'x'", "c", "SELECT ';' -- 'x'", 1, 0},
        {"/* a */ DECLARE c -- b\n CURSOR FOR SELECT $1", "c", "SELECT $1", 0, 0},
        {"DECLARE cursor CURSOR FOR SELECT 1", "cursor", "SELECT 1", 0, 0},
        {"DECLARE c CURSOR", "c", NULL, 0, 0},
        {"DECLARE c CURSOR SELECT 1", "c", NULL, 0, 0},
        {"DECLARE c CURSOR WITH FOR SELECT 1", "c", NULL, 1, 0},
        {"DECLARE c FOR SELECT 1", "c", NULL, 0, 0},
        {"DECLARE 'c' CURSOR FOR SELECT 1", "", NULL, 0, 0},
        {"DECLARE", "", NULL, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dr_declare declare;
        dr_declare_parse(cases[i].sql, &declare);
        if (!declare.query != !cases[i].query || (declare.query && strcmp(declare.query, cases[i].query)))
            fail_msg("%s: query %s", cases[i].sql, declare.query ? declare.query : "none");
        if (!declare.query)
            continue;
        assert_string_equal(declare.name, cases[i].name);
        assert_int_equal(declare.holds, cases[i].holds);
        assert_int_equal(declare.scrolls, cases[i].scrolls);
    }
}

static void test_fetch(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *name; /* name "": not understood */
        int move, backwards;
        int64_t count;
    } cases[] = {
        {"FETCH c", "c", 0, 0, 1},
        {"FETCH FROM c", "c", 0, 0, 1},
        {"FETCH NEXT FROM c", "c", 0, 0, 1},
        {"FETCH NEXT c", "c", 0, 0, 1},
        {"fetch 10 in \"C d\"", "C d", 0, 0, 10},
        {"FETCH FORWARD FROM c", "c", 0, 0, 1},
        {"FETCH FORWARD 5 FROM c;", "c", 0, 0, 5},
        {"FETCH FORWARD ALL IN c", "c", 0, 0, INT64_MAX},
        {"FETCH ALL c", "c", 0, 0, INT64_MAX},
        {"FETCH 0 FROM c", "c", 0, 0, 0},
        {"MOVE c", "c", 1, 0, 1},
        {"MOVE FORWARD ALL FROM c", "c", 1, 0, INT64_MAX},
        {"MOVE 3 IN c", "c", 1, 0, 3},
        {"FETCH -1 FROM c", "c", 0, 1, 1},
        {"FETCH PRIOR FROM c", "c", 0, 1, 1},
        {"FETCH FIRST c", "c", 0, 1, 1},
        {"FETCH LAST c", "c", 0, 1, 1},
        {"FETCH ABSOLUTE 3 FROM c", "c", 0, 1, 3},
        {"FETCH RELATIVE -2 FROM c", "c", 0, 1, 2},
        {"FETCH BACKWARD ALL FROM c", "c", 0, 1, INT64_MAX},
        {"MOVE BACKWARD 5 FROM c", "c", 1, 1, 5},
        {"FETCH", "", 0, 0, 1},
        {"FETCH 3", "", 0, 0, 3},
        {"FETCH ALL FROM", "", 0, 0, INT64_MAX},
        {"FETCH c d", "", 0, 0, 1},
        {"FETCH FROM 'c'", "", 0, 0, 1},
        {"FETCH 3 FROM c, d", "", 0, 0, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dr_fetch fetch;
        dr_fetch_parse(cases[i].sql, &fetch);
        if (strcmp(fetch.name, cases[i].name) || fetch.move != cases[i].move || !fetch.backwards != !cases[i].backwards ||
            fetch.count != cases[i].count)
            fail_msg("%s: \"%s\" move %d backwards %d count %lld", cases[i].sql, fetch.name, fetch.move, fetch.backwards,
                     (long long)fetch.count);
    }
}

static void test_close(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"CLOSE c", "c"}, {"close ALL", ""},   {"CLOSE \"all\"", "all"}, {"CLOSE \"A b\" ;", "A b"}, {"CLOSE /* x */ c", "c"},
        {"CLOSE", NULL},  {"CLOSE 'c'", NULL}, {"CLOSE c, d", NULL},     {"CLOSE ALL c", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        int understood = dr_close_parse(cases[i][0], name);
        if (understood != (cases[i][1] != NULL) || (understood && strcmp(name, cases[i][1])))
            fail_msg("%s: %d \"%s\"", cases[i][0], understood, name);
    }
}

/* Names are cut where PostgreSQL cuts them, at 63 bytes, and don't overflow. */
static void test_long_names(void **state)
{
    (void)state;
    char sql[400], name[64];
    struct dr_declare declare;
    struct dr_fetch fetch;
    snprintf(sql, sizeof sql, "DECLARE %0200d CURSOR FOR SELECT 1", 0);
    memset(sql + 8, 'n', 200);
    dr_declare_parse(sql, &declare);
    assert_int_equal(strlen(declare.name), 63);
    assert_string_equal(declare.query, "SELECT 1");
    snprintf(sql, sizeof sql, "FETCH %0200d", 0);
    memset(sql + 6, 'n', 200);
    dr_fetch_parse(sql, &fetch);
    assert_string_equal(fetch.name, declare.name);
    memcpy(sql, "CLOSE ", 6);
    assert_int_equal(dr_close_parse(sql, name), 1);
    assert_string_equal(name, declare.name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_declare), cmocka_unit_test(test_fetch), cmocka_unit_test(test_close),
                                       cmocka_unit_test(test_long_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
