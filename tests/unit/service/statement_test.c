/* What a statement's text alone tells: its kind and tag, where it ends, and the shape of an INSERT. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "service/statement.h"

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum dr_kind kind;
        const char *tag, *rest; /* rest: from the statement's end on */
    } cases[] = {
        {"", DR_KIND_EMPTY, "", ""},
        {" -- nothing\n /* at /* all */ */ ", DR_KIND_EMPTY, "", ""},
        {";SELECT 1", DR_KIND_EMPTY, "", ";SELECT 1"},
        {"SELECT 1", DR_KIND_READ, "SELECT", ""},
        {"select ';' ; x", DR_KIND_READ, "SELECT", "; x"},
        {"SELECT $$;$$, \";\", $a$ ; $$ ; $a$, E'\\';' /* ; */ -- ;\n;", DR_KIND_READ, "SELECT", ";"},
        {"/* INSERT */ -- DELETE\nSELECT 1", DR_KIND_READ, "SELECT", ""},
        {"((SELECT 1) UNION ALL (SELECT 2)); SELECT", DR_KIND_READ, "SELECT", "; SELECT"},
        {"(VALUES (1))", DR_KIND_READ, "SELECT", ""},
        {"FROM t", DR_KIND_READ, "SELECT", ""},
        {"VALUES (1)", DR_KIND_READ, "SELECT", ""},
        {"TABLE t", DR_KIND_READ, "SELECT", ""},
        {"WITH x AS (SELECT 1) SELECT * FROM x", DR_KIND_READ, "SELECT", ""},
        {"DESCRIBE t", DR_KIND_READ, "SELECT", ""},
        {"EXPLAIN SELECT 1", DR_KIND_READ, "EXPLAIN", ""},
        {"INSERT INTO t VALUES (';')", DR_KIND_WRITE, "INSERT 0", ""},
        {"insert/**/into t values (1)", DR_KIND_WRITE, "INSERT 0", ""},
        {"UPDATE t SET a = 1", DR_KIND_WRITE, "UPDATE", ""},
        {"UPDATE EXTENSIONS", DR_KIND_SCHEMA, "UPDATE", ""},
        {"DELETE FROM t", DR_KIND_WRITE, "DELETE", ""},
        {"TRUNCATE t", DR_KIND_WRITE, "TRUNCATE TABLE", ""},
        {"MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", DR_KIND_WRITE, "MERGE", ""},
        {"CREATE TABLE t (a INT)", DR_KIND_SCHEMA, "CREATE TABLE", ""},
        {"create or replace table t as select 1", DR_KIND_SCHEMA, "CREATE TABLE", ""},
        {"CREATE TEMP TABLE t (a INT)", DR_KIND_LOCAL, "CREATE TABLE", ""},
        {"CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1", DR_KIND_LOCAL, "CREATE VIEW", ""},
        {"CREATE UNIQUE INDEX i ON t (a)", DR_KIND_SCHEMA, "CREATE INDEX", ""},
        {"CREATE SEQUENCE s", DR_KIND_SCHEMA, "CREATE SEQUENCE", ""},
        {"DROP TABLE t", DR_KIND_SCHEMA, "DROP TABLE", ""},
        {"ALTER TABLE t ADD COLUMN b INT", DR_KIND_SCHEMA, "ALTER TABLE", ""},
        {"ANALYZE", DR_KIND_SCHEMA, "ANALYZE", ""},
        {"VACUUM", DR_KIND_SCHEMA, "VACUUM", ""},
        {"nonsense of 'any' kind", DR_KIND_SCHEMA, "NONSENSE OF", ""},
        {"'text'", DR_KIND_SCHEMA, "", ""},
        {"BEGIN", DR_KIND_BEGIN, "BEGIN", ""},
        {"begin transaction isolation level serializable; x", DR_KIND_BEGIN, "BEGIN", "; x"},
        {"START TRANSACTION READ ONLY", DR_KIND_BEGIN, "BEGIN", ""},
        {"COMMIT", DR_KIND_COMMIT, "COMMIT", ""},
        {"END", DR_KIND_COMMIT, "COMMIT", ""},
        {"ROLLBACK", DR_KIND_ROLLBACK, "ROLLBACK", ""},
        {"ABORT", DR_KIND_ROLLBACK, "ROLLBACK", ""},
        {"ROLLBACK TO SAVEPOINT a", DR_KIND_SAVEPOINT, "ROLLBACK", ""},
        {"SAVEPOINT a", DR_KIND_SAVEPOINT, "SAVEPOINT", ""},
        {"RELEASE a", DR_KIND_SAVEPOINT, "RELEASE", ""},
        {"SET a = 1", DR_KIND_SET, "SET", ""},
        {"RESET a", DR_KIND_SET, "RESET", ""},
        {"PRAGMA a", DR_KIND_SET, "SET", ""},
        {"SHOW a", DR_KIND_SHOW, "SHOW", ""},
        {"COPY t FROM STDIN", DR_KIND_COPY, "COPY", ""},
        {"DECLARE c CURSOR FOR SELECT 1", DR_KIND_DECLARE, "DECLARE CURSOR", ""},
        {"FETCH c", DR_KIND_FETCH, "FETCH", ""},
        {"MOVE c", DR_KIND_FETCH, "MOVE", ""},
        {"CLOSE c", DR_KIND_CLOSE, "CLOSE CURSOR", ""},
        {"DEALLOCATE ALL", DR_KIND_DEALLOCATE, "DEALLOCATE", ""},
        {"DISCARD ALL", DR_KIND_DISCARD, "DISCARD ALL", ""},
        {"CHECKPOINT", DR_KIND_CHECKPOINT, "CHECKPOINT", ""},
        {"FORCE CHECKPOINT core", DR_KIND_CHECKPOINT, "CHECKPOINT", ""},
        {"LISTEN x", DR_KIND_NOTHING, "LISTEN", ""},
        {"UNLISTEN *", DR_KIND_NOTHING, "UNLISTEN", ""},
        {"ATTACH 'x'", DR_KIND_REFUSED, "ATTACH", ""},
        {"DETACH x", DR_KIND_REFUSED, "DETACH", ""},
        {"USE x", DR_KIND_LOCAL, "USE", ""},
        {"PREPARE p AS SELECT 1", DR_KIND_LOCAL, "PREPARE", ""},
        {"EXECUTE p", DR_KIND_LOCAL, "EXECUTE", ""},
        {"\"SELECT\" 1", DR_KIND_SCHEMA, "", ""},
        {"SELECT 'no end ; x", DR_KIND_READ, "SELECT", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *end;
        char tag[32];
        enum dr_kind kind = dr_statement_kind(cases[i].sql, &end, tag);
        if (kind != cases[i].kind || strcmp(tag, cases[i].tag) || strcmp(end, cases[i].rest))
            fail_msg("%s: kind %d, tag \"%s\", rest \"%s\"", cases[i].sql, kind, tag, end);
    }
}

static void test_long_tags(void **state)
{
    (void)state;
    const char *end;
    char tag[32];
    dr_statement_kind("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz abcdefghi", &end, tag);
    assert_string_equal(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE");
}

/* catalog.schema.table(columns)=parameters */
static void tell(const struct dr_shape *shape, char *text, size_t size)
{
    snprintf(text, size, "%s.%s.%s(", shape->catalog ? shape->catalog : "", shape->schema ? shape->schema : "", shape->table);
    for (int i = 0; shape->column && i < shape->columns; i++)
        snprintf(text + strlen(text), size - strlen(text), i ? ",%s" : "%s", shape->column[i]);
    snprintf(text + strlen(text), size - strlen(text), ")=");
    for (int i = 0; i < shape->columns; i++)
        if (shape->constant[i])
            snprintf(text + strlen(text), size - strlen(text), i ? ",%s" : "%s", shape->constant[i]);
        else
            snprintf(text + strlen(text), size - strlen(text), i ? ",%d" : "%d", shape->parameter[i]);
}

static void test_shapes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"INSERT INTO t VALUES ($1)", "..t()=0"},
        {"insert into t values (?, ?, ?)", "..t()=0,1,2"},
        {"INSERT INTO t (a, b) VALUES ($2, $1);", "..t(a,b)=1,0"},
        {"INSERT INTO t(a) VALUES($10)", "..t(a)=9"},
        {"INSERT INTO t (a, b) VALUES ($1, $1)", "..t(a,b)=0,0"},
        {"INSERT INTO s.t VALUES ($1)", ".s.t()=0"},
        {"INSERT INTO c.s.t (a) VALUES (?)", "c.s.t(a)=0"},
        {"INSERT INTO \"my \"\"db\"\"\".\"S x\".\"T.y\" (\"a,b\") VALUES ($1)", "my \"db\".S x.T.y(a,b)=0"},
        {"/* x */ INSERT -- y\n INTO t VALUES ( $1 , /* , */ $2 ) ; -- z", "..t()=0,1"},
        {"INSERT INTO Tab (Col) VALUES ($1)", "..Tab(Col)=0"},
        {"INSERT INTO t VALUES ('it''s, $1', $1, - /* x */ 1.5, null)", "..t()='it''s, $1',0,- /* x */ 1.5,null"},
        {"INSERT INTO t (a, b, c) VALUES (now(), ?, nextval( 's' ))", "..t(a,b,c)=now(),0,nextval( 's' )"},
        {"INSERT INTO t VALUES (CURRENT_TIMESTAMP, TRUE, gen_random_uuid(), $2, random(), $1)",
         "..t()=CURRENT_TIMESTAMP,TRUE,gen_random_uuid(),1,random(),0"},
        /* Not shapes. */
        {"INSERT INTO t VALUES (1)", NULL},
        {"INSERT INTO t VALUES ('$1')", NULL},
        {"INSERT INTO t VALUES ($1 + 1)", NULL},
        {"INSERT INTO t VALUES (1 + 1, $1)", NULL},
        {"INSERT INTO t VALUES ('a' || 'b', $1)", NULL},
        {"INSERT INTO t VALUES (now()::DATE, $1)", NULL},
        {"INSERT INTO t VALUES (now(1), $1)", NULL},
        {"INSERT INTO t VALUES (now, $1)", NULL},
        {"INSERT INTO t VALUES (nextval('s', 't'), $1)", NULL},
        {"INSERT INTO t VALUES (lower('x'), $1)", NULL},
        {"INSERT INTO t VALUES (E'x', $1)", NULL},
        {"INSERT INTO t VALUES (DATE '2024-01-01', $1)", NULL},
        {"INSERT INTO t VALUES (x'00', $1)", NULL},
        {"INSERT INTO t VALUES (- -1, $1)", NULL},
        {"INSERT INTO t VALUES (DEFAULT, $1)", NULL},
        {"INSERT INTO t VALUES (\"a\", $1)", NULL},
        {"INSERT INTO t VALUES (now(), TRUE)", NULL},
        {"INSERT INTO t VALUES ($1::INT)", NULL},
        {"INSERT INTO t VALUES (lower($1))", NULL},
        {"INSERT INTO t VALUES ($1), ($2)", NULL},
        {"INSERT INTO t VALUES ($1) RETURNING a", NULL},
        {"INSERT INTO t VALUES ($1) ON CONFLICT DO NOTHING", NULL},
        {"INSERT INTO t VALUES ($1); SELECT 1", NULL},
        {"INSERT INTO t VALUES ()", NULL},
        {"INSERT INTO t VALUES ($1,)", NULL},
        {"INSERT INTO t VALUES ($1", NULL},
        {"INSERT INTO t VALUES ($0)", NULL},
        {"INSERT INTO t VALUES ($ 1)", NULL},
        {"INSERT INTO t VALUES ($x)", NULL},
        {"INSERT INTO t VALUES ($99999999999999999999)", NULL},
        {"INSERT INTO t VALUES (:a)", NULL},
        {"INSERT INTO t (a) VALUES ($1, $2)", NULL},
        {"INSERT INTO t (a, b) VALUES ($1)", NULL},
        {"INSERT INTO t () VALUES ($1)", NULL},
        {"INSERT INTO t (a VALUES ($1)", NULL},
        {"INSERT INTO t AS x VALUES ($1)", NULL},
        {"INSERT INTO a.b.c.d VALUES ($1)", NULL},
        {"INSERT INTO 't' VALUES ($1)", NULL},
        {"INSERT INTO t BY NAME VALUES ($1)", NULL},
        {"INSERT OR REPLACE INTO t VALUES ($1)", NULL},
        {"INSERT INTO t SELECT $1", NULL},
        {"INSERT INTO t DEFAULT VALUES", NULL},
        {"INSERT INTO t VALUES (DEFAULT)", NULL},
        {"WITH x AS (SELECT 1) INSERT INTO t VALUES ($1)", NULL},
        {"UPDATE t SET a = $1", NULL},
        {"INSERT INTO", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256] = "none";
        struct dr_shape *shape = dr_shape_parse(cases[i][0]);
        if (shape)
            tell(shape, text, sizeof text);
        if (strcmp(text, cases[i][1] ? cases[i][1] : "none"))
            fail_msg("%s: %s", cases[i][0], text);
        dr_shape_free(shape);
    }
    dr_shape_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_long_tags),
                                       cmocka_unit_test(test_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
