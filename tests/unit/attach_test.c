#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/attach.h"

static void check_text(const char *sql, const char *what, const char *found, const char *expected)
{
    if ((found == NULL) != (expected == NULL) || (found && strcmp(found, expected) != 0))
        fail_msg("%s: %s is %s, not %s", sql, what, found ? found : "NULL", expected ? expected : "NULL");
}

struct expected {
    const char *sql, *path, *alias, *type, *options;
    int read_only, encrypted, if_not_exists, or_replace;
};

static void understands_attach(void **state)
{
    (void)state;
    static const struct expected table[] = {
        {"ATTACH 'a.db'", "a.db", NULL, NULL, NULL, -1, 0, 0, 0},
        {"attach database 'a.db' as \"x\"\"y\";;", "a.db", "x\"y", NULL, NULL, -1, 0, 0, 0},
        {"ATTACH IF NOT EXISTS DATABASE 'a.db' AS x", "a.db", "x", NULL, NULL, -1, 0, 1, 0},
        {"ATTACH DATABASE IF NOT EXISTS 'a.db'", "a.db", NULL, NULL, NULL, -1, 0, 1, 0},
        {"ATTACH OR REPLACE DATABASE 'a.db' AS Runs", "a.db", "Runs", NULL, NULL, -1, 0, 0, 1},
        {"; /* a /* b */ c */ -- d\r\n ATTACH -- e\n'a.db' /**/", "a.db", NULL, NULL, NULL, -1, 0, 0, 0},
        {"ATTACH'it''s.db'AS x(READ_ONLY)", "it's.db", "x", NULL, NULL, 1, 0, 0, 0},
        {"ATTACH E'a\\x2edb\\'\\\\\\056'", "a.db'\\.", NULL, NULL, NULL, -1, 0, 0, 0},
        {"ATTACH $$it's.db$$", "it's.db", NULL, NULL, NULL, -1, 0, 0, 0},
        {"ATTACH $t$a$$b$t$ AS x", "a$$b", "x", NULL, NULL, -1, 0, 0, 0},
        {"ATTACH \"a.db\" AS x", "a.db", "x", NULL, NULL, -1, 0, 0, 0},
        {"ATTACH\xC2\xA0'a.db'\vAS\xE2\x80\x83\xC3\xBCn\xC3\xAF$1", "a.db", "\xC3\xBCn\xC3\xAF$1", NULL, NULL, -1, 0, 0, 0},
        {"ATTACH 'a.db' (READ_ONLY true)", "a.db", NULL, NULL, NULL, 1, 0, 0, 0},
        {"ATTACH 'a.db' (READ_ONLY FALSE)", "a.db", NULL, NULL, NULL, 0, 0, 0, 0},
        {"ATTACH 'a.db' (read_only 'no',)", "a.db", NULL, NULL, NULL, 0, 0, 0, 0},
        {"ATTACH 'a.db' (READ_WRITE)", "a.db", NULL, NULL, NULL, 0, 0, 0, 0},
        {"ATTACH 'a.db' (READWRITE 0)", "a.db", NULL, NULL, NULL, 1, 0, 0, 0},
        {"ATTACH 'a.db' (\"TYPE\" DuckDB, READONLY)", "a.db", NULL, "duckdb", NULL, 1, 0, 0, 0},
        {"ATTACH 'x' (TYPE 'SQLite')", "x", NULL, "sqlite", NULL, -1, 0, 0, 0},
        {"ATTACH 'a.db' AS x (BLOCK_SIZE 16_384 , READ_ONLY, ENCRYPTION_KEY 'it''s, (x)', row_group_size -1)", "a.db", "x", NULL,
         "BLOCK_SIZE 16_384, ENCRYPTION_KEY 'it''s, (x)', row_group_size -1", 1, 1, 0, 0},
        {"ATTACH 'a.db' (RECOVERY_MODE no_wal_writes)", "a.db", NULL, NULL, "RECOVERY_MODE no_wal_writes", -1, 0, 0, 0},
        {"ATTACH 'duckdb:a.db'", "a.db", NULL, NULL, NULL, -1, 0, 0, 0},
        {"ATTACH 'duckdb:a.db' (TYPE duckdb)", "duckdb:a.db", NULL, "duckdb", NULL, -1, 0, 0, 0},
        {"ATTACH 'file:///d/a.db'", "/d/a.db", NULL, NULL, NULL, -1, 0, 0, 0},
        {"ATTACH 'file:/d/a.db'", "/d/a.db", NULL, NULL, NULL, -1, 0, 0, 0},
        {"ATTACH 'file://localhost/d/a.db'", "/d/a.db", NULL, NULL, NULL, -1, 0, 0, 0},
        {"ATTACH '~/a.db'", "/who/a.db", NULL, NULL, NULL, -1, 0, 0, 0},
        {"ATTACH '~a.db'", "~a.db", NULL, NULL, NULL, -1, 0, 0, 0},
        {"ATTACH ''", "", NULL, NULL, NULL, -1, 0, 0, 0},
    };
    setenv("HOME", "/who", 1);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct expected *e = &table[i];
        struct dr_attach found;
        dr_attach_parse(e->sql, &found);
        if (found.kind != DR_ATTACH_ATTACH)
            fail_msg("not understood: %s", e->sql);
        check_text(e->sql, "path", found.path, e->path);
        check_text(e->sql, "alias", found.alias, e->alias);
        check_text(e->sql, "type", found.type, e->type);
        check_text(e->sql, "options", found.options, e->options);
        if (found.read_only != e->read_only || found.encrypted != e->encrypted || found.if_not_exists != e->if_not_exists ||
            found.or_replace != e->or_replace || found.if_exists)
            fail_msg("%s: read_only %d, encrypted %d, if_not_exists %d, or_replace %d", e->sql, found.read_only, found.encrypted,
                     found.if_not_exists, found.or_replace);
        assert_true(dr_attach_begins(e->sql));
        dr_attach_free(&found);
    }
}

static void understands_detach(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *name;
        int if_exists;
    } table[] = {
        {"DETACH x", "x", 0},           {"detach database \"a b\" ;", "a b", 0},
        {"DETACH DATABASE x", "x", 0},  {"DETACH DATABASE IF EXISTS x", "x", 1},
        {"DETACH IF EXISTS x", "x", 1}, {"DETACH database", "database", 0},
        {"DETACH if", "if", 0},         {"DETACH DATABASE database", "database", 0},
        {"DETACH /**/x--", "x", 0},     {"DETACH DATABASE IF EXISTS database", "database", 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct dr_attach found;
        dr_attach_parse(table[i].sql, &found);
        assert_int_equal(found.kind, DR_ATTACH_DETACH);
        check_text(table[i].sql, "name", found.alias, table[i].name);
        assert_int_equal(found.if_exists, table[i].if_exists);
        assert_null(found.path);
        assert_false(dr_attach_begins(table[i].sql));
        dr_attach_free(&found);
    }
}

static const char *const odd[] = {
    "",
    ";",
    "ATTACH",
    "ATTACH DATABASE",
    "ATTACHED 'a.db'",
    "SELECT 'ATTACH'",
    "EXPLAIN ATTACH 'a.db'",
    "-- ATTACH 'a.db'",
    "/* ATTACH 'a.db'",
    "/* /* */ ATTACH 'a.db'",
    "ATTACH 'a.db",
    "ATTACH 'a.db''",
    "ATTACH E'a.db\\'",
    "ATTACH E'a\\",
    "ATTACH E'\\u0061'",
    "ATTACH E'\\xff'",
    "ATTACH E'\\x'",
    "ATTACH E'\\0'",
    "ATTACH E'\\q'",
    "ATTACH $$a.db",
    "ATTACH $t$a.db$$",
    "ATTACH $1",
    "ATTACH $",
    "ATTACH ?",
    "ATTACH a.db",
    "ATTACH \"\"",
    "ATTACH \"a.db",
    "ATTACH \"f\" ('a')",
    "ATTACH ('a.db')",
    "ATTACH 'a' || '.db'",
    "ATTACH 'a'\n'.db'",
    "ATTACH x'00'",
    "ATTACH U&'a.db'",
    "ATTACH 'a.db' x",
    "ATTACH 'a.db' AS",
    "ATTACH 'a.db' AS 'x'",
    "ATTACH 'a.db' AS \"\"",
    "ATTACH 'a.db' AS x.y",
    "ATTACH 'a.db' AS 1x",
    "ATTACH 'a.db' AS x; SELECT 1",
    "ATTACH 'a.db';ATTACH 'b.db'",
    "ATTACH 'a.db' (",
    "ATTACH 'a.db' ()",
    "ATTACH 'a.db' (,)",
    "ATTACH 'a.db' (READ_ONLY",
    "ATTACH 'a.db' (READ_ONLY))",
    "ATTACH 'a.db' (READ_ONLY) x",
    "ATTACH 'a.db' (READ_ONLY = true)",
    "ATTACH 'a.db' (READ_ONLY (true))",
    "ATTACH 'a.db' (READ_ONLY 1 + 1)",
    "ATTACH 'a.db' (READ_ONLY -1)",
    "ATTACH 'a.db' (READ_ONLY 'x')",
    "ATTACH 'a.db' (READ_ONLY off)",
    "ATTACH 'a.db' (READ_ONLY, READ_WRITE)",
    "ATTACH 'a.db' (READ_ONLY, READ_ONLY false)",
    "ATTACH 'a.db' (TYPE)",
    "ATTACH 'a.db' (TYPE duckdb, TYPE sqlite)",
    "ATTACH 'a.db' (BLOCK_SIZE - 'x')",
    "ATTACH 'a.db' (BLOCK_SIZE 1e3)",
    "ATTACH 'a.db' (BLOCK_SIZE 16384 16384)",
    "ATTACH 'a.db' (ENCRYPTION_KEY getenv('K'))",
    "ATTACH 'a.db' WITH (READ_ONLY)",
    "ATTACH OR 'a.db'",
    "ATTACH IF EXISTS 'a.db'",
    "ATTACH OR REPLACE IF NOT EXISTS 'a.db'",
    "ATTACH 'a.db' # x",
    "ATTACH 'a.db' AS x /* y",
    "DETACH",
    "DETACH x.y",
    "DETACH x, y",
    "DETACH 'x'",
    "DETACH \"\"",
    "DETACH DATABASE IF EXISTS",
    "DETACH IF EXISTS",
    "DETACH x; DETACH y",
    "DETACH x y",
    "\xC2",
    "\xE2\x80",
    "ATTACH \xE2",
};

static void leaves_the_rest_to_duckdb(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct dr_attach found;
        dr_attach_parse(odd[i], &found);
        if (found.kind != DR_ATTACH_NONE)
            fail_msg("understood: %s", odd[i]);
        assert_int_equal(found.read_only, -1);
        assert_null(found.path);
        dr_attach_free(&found);
    }
}

/* Every beginning, and every one byte left out or put in the place of another, of what is above: no crash, nothing lost (asan). */
static void survives_broken_text(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "ATTACH OR REPLACE DATABASE E'a\\x2e''db' AS \"x\"\"y\" (READ_ONLY, TYPE $t$duckdb$t$, BLOCK_SIZE -16_384);",
        "DETACH DATABASE /* a /* b */ c */ IF EXISTS \xC3\xBCn\xC3\xAF -- z\n;",
        "ATTACH 'a'(R 1,\"b\" c,TYPE d,e,);",
    };
    static const char others[] = "'\"$E\\;(),/*-\xE2\x01 ax1";
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        size_t length = strlen(texts[t]);
        for (size_t i = 0; i <= length; i++) {
            for (size_t k = 0; k < sizeof others + 1; k++) {
                /* On the heap and exactly as long: asan sees a read behind its end. */
                char *text = strdup(texts[t]);
                assert_non_null(text);
                if (k == sizeof others || i == length)
                    memmove(text + i, text + i + (i < length), length - i + (i == length));
                else
                    text[i] = others[k];
                char *exact = strdup(text);
                assert_non_null(exact);
                struct dr_attach found;
                dr_attach_parse(exact, &found);
                dr_attach_begins(exact);
                assert_true(found.kind != DR_ATTACH_ATTACH || found.path);
                assert_true(found.kind != DR_ATTACH_DETACH || found.alias);
                dr_attach_free(&found);
                free(exact);
                free(text);
            }
        }
    }
}

static void knows_files(void **state)
{
    (void)state;
    static const char *const files[] = {"a.db",         "/d/a.db", "../a",   "a",         "x:y",
                                        "my-file:x.db", "/d/md:x", "./md:x", "duckdb.db", " "};
    static const char *const others[] = {"",          ":memory:",      ":memory:x",    "md:x",      "s3://b/a.db",
                                         "http://x/", "https://x/a",   "sqlite:a.db",  "file:a.db", "postgres:dbname=x",
                                         "gcs://b/a", "ducklake:a.db", "az+x://b/a.db"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!dr_attach_is_file(files[i], NULL) || !dr_attach_is_file(files[i], "DuckDB") || dr_attach_is_file(files[i], "sqlite"))
            fail_msg("%s is a file", files[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (dr_attach_is_file(others[i], NULL) || dr_attach_is_file(others[i], "duckdb"))
            fail_msg("%s is not a file", others[i]);
}

static void names_databases(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"data/runs.duckdb", "runs"},
        {"runs", "runs"},
        {"/d.e/Runs.old.db", "Runs"},
        {"main.db", "main_db"},
        {"d/Temp.db", "Temp_db"},
        {"system", "system_db"},
        {"a?b.db", "a"},
        {"a b.db", "a b"},
        {"d/.hidden.db", NULL},
        {"d/", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *name = dr_attach_name(table[i][0]);
        check_text(table[i][0], "name", name, table[i][1]);
        free(name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(understands_attach),   cmocka_unit_test(understands_detach), cmocka_unit_test(leaves_the_rest_to_duckdb),
        cmocka_unit_test(survives_broken_text), cmocka_unit_test(knows_files),        cmocka_unit_test(names_databases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
