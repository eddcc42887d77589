/* The catalog: what psql 15, drivers and BI tools ask (queries as they send them), answered by each engine in DUCKROW_TEST_ENGINES;
 * and ordinary statements, which are left alone. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/session.h"
#include "service/catalog.h"
#include "service/catalog_names.h"

static const char *setting(void *settings, const char *name)
{
    return strcmp(name, "search_path") == 0 ? settings : NULL;
}

static const struct dr_catalog_context context = {.user = "o'anna",
                                                  .server_version = "15.0 (duckrow 0.1.0, DuckDB v1.5.6)",
                                                  .backend = 4711,
                                                  .setting = setting,
                                                  .settings = "main, x"};

static char *rewrite(const char *sql)
{
    char *rewritten;
    duckrow_error error = {0};
    if (dr_catalog_rewrite(sql, &context, &rewritten, &error))
        fail_msg("%s", error.message);
    return rewritten;
}

/* ---- left alone ---- */

static void test_left_alone(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "",
        ";",
        "SELECT 1",
        "INSERT INTO t VALUES (1, 'pg_catalog.pg_class')",
        "SELECT 'SELECT version()', $$ 'x'::regclass $$, $pg_class$ pg_class $pg_class$, E'pg_class\\n'",
        "SELECT 1 /* FROM pg_catalog.pg_class, version() */ -- 'x'::regclass",
        "SELECT \"pg_class\" FROM \"pg_class\" WHERE \"version\" = 1",
        "SELECT pg_something, pg_class FROM pg_mine WHERE pg_mine.pg_class > 1",
        "SELECT t.pg_class, t.pg_get_expr FROM main.pg_class t",
        "SELECT pg_mine(1), a.version(2), main.format_type(1, 2), version FROM version",
        "INSERT INTO version (a) VALUES (1)",
        "INSERT INTO pg_class (a) VALUES (1)",
        "UPDATE pg_class SET a = 1",
        "DELETE FROM pg_class",
        "CREATE VIEW v AS SELECT * FROM pg_catalog.pg_class",
        "CREATE TABLE t (s TEXT DEFAULT current_user)",
        "SET search_path = 'pg_catalog'",
        "SELECT a ~ 'x', b COLLATE \"C\", '{1}', 'public' FROM t WHERE regclass = 1 AND c::TEXT = 'version()'",
        "SELECT extract(year FROM pg_class) FROM t WHERE a IS DISTINCT FROM pg_class",
        "SELECT 'not ended, version()",
        "SELECT 1 AS current_user, t.session_user FROM t",
        "SELECT * FROM generate_series(1, 3) pg_series",
        "SELECT current_setting('threads')",
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        char *rewritten = rewrite(statements[i]);
        if (rewritten)
            fail_msg("%s became %s", statements[i], rewritten);
    }
}

static void test_rewritten(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"SELECT version() -- version()", "SELECT 'PostgreSQL 15.0 (duckrow 0.1.0, DuckDB v1.5.6)' AS \"version\" -- version()"},
        {"select pg_catalog.version() v", "select 'PostgreSQL 15.0 (duckrow 0.1.0, DuckDB v1.5.6)' v"},
        {"SELECT pg_backend_pid()", "SELECT 4711 AS \"pg_backend_pid\""},
        {"SELECT current_user, f(session_user)", "SELECT 'o''anna' AS \"current_user\", f('o''anna')"},
        {"SELECT current_setting('search_path')", "SELECT 'main, x' AS \"current_setting\""},
        {"SELECT current_setting('server_version_num')::int", "SELECT '150000'::int"},
        {"SELECT current_setting('not.there', true)", "SELECT NULL::TEXT  AS \"current_setting\""},
        {"SELECT 1; SELECT pg_class.oid FROM pg_class; SELECT 'pg_class'",
         "SELECT 1; SELECT pg_class.oid FROM duckrow_catalog.pg_class; SELECT 'pg_class'"},
        {"SELECT pg_catalog.pg_class.oid FROM pg_catalog.pg_class, pg_mine, main.pg_type",
         "SELECT pg_class.oid FROM duckrow_catalog.pg_class, pg_mine, main.pg_type"},
        {"SELECT 1 FROM \"pg_catalog\".\"pg_class\" WHERE \"pg_class\".oid = 1",
         "SELECT 1 FROM duckrow_catalog.\"pg_class\" WHERE \"pg_class\".oid = 1"},
        {"SELECT 'a.b'::regclass::oid", "SELECT duckrow_catalog.regclass('a.b')::INT"},
        {"SELECT x FROM t WHERE o = $1::regclass", "SELECT x FROM t WHERE o = duckrow_catalog.regclass($1)"},
        {"SELECT t.o::regclass FROM t", "SELECT duckrow_catalog.regclass_text(duckrow_catalog.regclass(t.o)) AS \"o\" FROM t"},
        {"SELECT a OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default FROM t", "SELECT a ~ '(?s).*(?:^(t)$).*'   FROM t"},
        {"SELECT rolname FROM pg_roles", "SELECT rolname FROM duckrow_catalog.pg_roles('o''anna') AS pg_roles"},
        {"TABLE t; EXPLAIN SELECT * FROM information_schema.tables",
         "TABLE t; EXPLAIN SELECT * FROM duckrow_catalog.info.tables"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *rewritten = rewrite(cases[i][0]);
        assert_non_null(rewritten);
        assert_string_equal(rewritten, cases[i][1]);
        assert_int_equal(dr_catalog_needed(rewritten), strstr(cases[i][1], "duckrow_catalog") != NULL);
        free(rewritten);
    }
}

/* Whatever is cut off anywhere is no reason to crash. */
static void test_any_text(void **state)
{
    (void)state;
    static const char whole[] =
        "SELECT (a[1])::regclass::text, CAST(x AS pg_catalog.regtype), f(current_setting('a', true), version()), "
        "(((b OPERATOR(pg_catalog.!~*) 'x' COLLATE \"C\"))) FROM pg_catalog.pg_roles r, LATERAL (pg_class c JOIN "
        "pg_catalog.unnest(x) WITH ORDINALITY ON ']'::regclass) WHERE '{0}' = any(a.b) AND n IN ('public'))::regclass";
    char part[sizeof whole];
    for (size_t start = 0; start < sizeof whole; start++)
        for (size_t length = 0; start + length < sizeof whole; length += 3) {
            memcpy(part, whole + start, length);
            part[length] = 0;
            free(rewrite(part));
        }
    static char deep[5000];
    memset(deep, '(', sizeof deep - 20);
    strcpy(deep + sizeof deep - 20, " version() ");
    free(rewrite(deep));
}

/* ---- answers ---- */

static const char objects[] =
    "CREATE TABLE parent (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL UNIQUE);"
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR NOT NULL DEFAULT 'x', b DECIMAL(10,2), p INTEGER REFERENCES parent (id),"
    " ts TIMESTAMP WITH TIME ZONE, l INTEGER[], s STRUCT(a INTEGER), CHECK (b > 0));"
    "CREATE INDEX t_a ON t (a, b); CREATE VIEW v AS SELECT id, a FROM t; CREATE SEQUENCE s; CREATE SCHEMA other;"
    "CREATE TABLE other.x (i BIGINT); CREATE TYPE mood AS ENUM ('sad', 'happy'); COMMENT ON TABLE t IS 'a comment';"
    "CREATE TABLE pg_mine (pg_class INTEGER); INSERT INTO pg_mine VALUES (7);";

#define OID_OF(name) "'" name "'::regclass"
#define VISIBLE                                                                                                                  \
    " AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema'"                          \
    " AND pg_catalog.pg_table_is_visible(c.oid)"
#define LIST(kinds, where)                                                                                                       \
    "SELECT n.nspname as \"Schema\", c.relname as \"Name\", CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'i' " \
    "THEN"                                                                                                                       \
    " 'index' WHEN 'S' THEN 'sequence' END as \"Type\", pg_catalog.pg_get_userbyid(c.relowner) as \"Owner\" FROM "               \
    "pg_catalog.pg_class c"                                                                                                      \
    " LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam"           \
    " WHERE c.relkind IN (" kinds ")" where " ORDER BY 1,2"

/* The answer as rows of texts, one line each. */
static const struct {
    const char *what, *sql, *answer;
} questions[] = {
    {"\\dt", LIST("'r','p',''", VISIBLE),
     "{'Schema': main, 'Name': parent, 'Type': table, 'Owner': duckrow}\n"
     "{'Schema': main, 'Name': pg_mine, 'Type': table, 'Owner': duckrow}\n"
     "{'Schema': main, 'Name': t, 'Type': table, 'Owner': duckrow}"},
    {"\\dv", LIST("'v',''", VISIBLE), "{'Schema': main, 'Name': v, 'Type': view, 'Owner': duckrow}"},
    {"\\ds", LIST("'S',''", VISIBLE), "{'Schema': main, 'Name': s, 'Type': sequence, 'Owner': duckrow}"},
    {"\\dt other.*", LIST("'r','p','t','s',''", " AND n.nspname OPERATOR(pg_catalog.~) '^(other)$' COLLATE pg_catalog.default"),
     "{'Schema': other, 'Name': x, 'Type': table, 'Owner': duckrow}"},
    {"\\dt public.t",
     LIST("'r','p','t','s',''", " AND c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default AND n.nspname"
                                " OPERATOR(pg_catalog.~) '^(public)$' COLLATE pg_catalog.default"),
     "{'Schema': main, 'Name': t, 'Type': table, 'Owner': duckrow}"},
    {"\\di",
     "SELECT c.relname as \"Name\", c2.relname as \"Table\" FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON "
     "n.oid ="
     " c.relnamespace LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_catalog.pg_class c2 ON i.indrelid ="
     " c2.oid WHERE c.relkind IN ('i','I','')" VISIBLE " ORDER BY 1,2",
     "{'Name': parent_id_pkey, 'Table': parent}\n{'Name': parent_name_key, 'Table': parent}\n{'Name': t_a, 'Table': t}\n"
     "{'Name': t_id_pkey, 'Table': t}"},
    {"\\d t: columns",
     "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, "
     "true) FROM"
     " pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef) AS def, a.attnotnull,"
     " (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t WHERE c.oid = a.attcollation AND t.oid = "
     "a.atttypid AND"
     " a.attcollation <> t.typcollation) AS attcollation, a.attidentity, a.attgenerated FROM pg_catalog.pg_attribute a WHERE"
     " a.attrelid = " OID_OF("t") " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
     "id|integer||true|||\na|text|'x'|true|||\nb|numeric(10,2)||false|||\np|integer||false|||\n"
     "ts|timestamp with time zone||false|||\nl|integer[]||false|||\ns|json||false|||"},
    {"\\d t: indexes",
     "SELECT c2.relname, i.indisprimary, i.indisunique, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true),"
     " pg_catalog.pg_get_constraintdef(con.oid, true), contype FROM pg_catalog.pg_class c, pg_catalog.pg_class c2, "
     "pg_catalog.pg_index i"
     " LEFT JOIN pg_catalog.pg_constraint con ON (conrelid = i.indrelid AND conindid = i.indexrelid AND contype IN ('p','u','x'))"
     " WHERE c.oid = " OID_OF("t") " AND c.oid = i.indrelid AND i.indexrelid = c2.oid ORDER BY i.indisprimary DESC, c2.relname",
     "t_id_pkey|true|true|CREATE UNIQUE INDEX t_id_pkey ON main.t USING btree (id)|PRIMARY KEY (id)|p\n"
     "t_a|false|false|CREATE INDEX t_a ON main.t USING btree (a, b)||"},
    {"\\d t: foreign keys",
     "SELECT true as sametable, conname, pg_catalog.pg_get_constraintdef(r.oid, true) as condef, conrelid::pg_catalog.regclass AS"
     " ontable FROM pg_catalog.pg_constraint r WHERE r.conrelid = " OID_OF(
         "t") " AND r.contype = 'f' AND conparentid = 0 ORDER BY conname",
     "true|t_p_id_fkey|FOREIGN KEY (p) REFERENCES parent(id)|t"},
    {"\\d parent: referenced by",
     "SELECT conname, conrelid::pg_catalog.regclass AS ontable FROM pg_catalog.pg_constraint c WHERE confrelid IN (SELECT"
     " pg_catalog.pg_partition_ancestors('1') UNION ALL VALUES ('parent'::pg_catalog.regclass)) AND contype = 'f' ORDER BY "
     "conname",
     "t_p_id_fkey|t"},
    {"\\d t: policies",
     "SELECT pol.polname, CASE WHEN pol.polroles = '{0}' THEN NULL ELSE pg_catalog.array_to_string(array(select rolname from"
     " pg_catalog.pg_roles where oid = any (pol.polroles) order by 1),',') END AS r FROM pg_catalog.pg_policy pol WHERE "
     "pol.polrelid ="
     " '1' ORDER BY 1",
     ""},
    {"\\d t: publications",
     "SELECT pubname, (CASE WHEN pr.prattrs IS NOT NULL THEN (SELECT string_agg(attname, ', ') FROM pg_catalog.generate_series(0,"
     " pg_catalog.array_upper(pr.prattrs::pg_catalog.int2[], 1)) s, pg_catalog.pg_attribute WHERE attrelid = pr.prrelid AND "
     "attnum ="
     " prattrs[s]) ELSE NULL END) AS c FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_rel pr ON p.oid = "
     "pr.prpubid",
     ""},
    {"\\d t: triggers",
     "SELECT t.tgname, CASE WHEN t.tgparentid != 0 THEN (SELECT u.tgrelid::pg_catalog.regclass FROM pg_catalog.pg_trigger AS u,"
     " pg_catalog.pg_partition_ancestors(t.tgrelid) WITH ORDINALITY AS a(relid, depth) WHERE u.tgname = t.tgname AND u.tgrelid ="
     " a.relid ORDER BY a.depth LIMIT 1) END AS parent FROM pg_catalog.pg_trigger t WHERE t.tgrelid = '1'",
     ""},
    {"\\d+ v", "SELECT pg_catalog.pg_get_viewdef(" OID_OF("v") "::pg_catalog.oid, true)", "SELECT id, a FROM t;"},
    {"\\dn",
     "SELECT n.nspname AS \"Name\" FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> "
     "'information_schema' ORDER BY 1",
     "{'Name': main}\n{'Name': other}"},
    {"\\l",
     "SELECT d.datname as \"Name\", pg_catalog.pg_encoding_to_char(d.encoding) as \"Encoding\", "
     "pg_catalog.array_to_string(d.datacl,"
     " E'\\n') AS \"Access\" FROM pg_catalog.pg_database d ORDER BY 1",
     "core|UTF8|"},
    {"\\du",
     "SELECT r.rolname, r.rolsuper, ARRAY(SELECT b.rolname FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles b ON "
     "(m.roleid ="
     " b.oid) WHERE m.member = r.oid) as memberof FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1",
     "duckrow|true|[]\no'anna|true|[]"},
    {"\\dT",
     "SELECT n.nspname as \"Schema\", pg_catalog.format_type(t.oid, NULL) AS \"Name\" FROM pg_catalog.pg_type t LEFT JOIN"
     " pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE (t.typrelid = 0 OR (SELECT c.relkind = 'c' FROM "
     "pg_catalog.pg_class c"
     " WHERE c.oid = t.typrelid)) AND NOT EXISTS(SELECT 1 FROM pg_catalog.pg_type el WHERE el.oid = t.typelem AND el.typarray = "
     "t.oid)"
     " AND n.nspname <> 'pg_catalog' AND pg_catalog.pg_type_is_visible(t.oid) ORDER BY 1, 2",
     "main|mood"},
    {"\\dt+",
     "SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(c.oid)), pg_catalog.obj_description(c.oid, 'pg_class') FROM"
     " pg_catalog.pg_class c WHERE c.relname = 't'",
     "|a comment"},
    {"asyncpg: by name",
     "SELECT t.oid, t.typelem AS elemtype, t.typtype AS kind FROM pg_catalog.pg_type AS t INNER JOIN"
     " pg_catalog.pg_namespace ns ON (ns.oid = t.typnamespace) WHERE t.typname = 'json' AND ns.nspname = 'pg_catalog'",
     "114|0|b"},
    {"asyncpg: introspection",
     "WITH RECURSIVE tree(oid, elemtype, depth) AS (SELECT ti.oid, ti.elemtype, 0 FROM (SELECT t.oid AS oid, t.typelem AS "
     "elemtype FROM"
     " pg_catalog.pg_type AS t LEFT JOIN pg_type elem_t ON (t.typlen = -1 AND t.typelem = elem_t.oid) LEFT JOIN pg_range range_t "
     "ON"
     " (t.oid = range_t.rngtypid)) AS ti WHERE ti.oid = any(ARRAY[1009]::oid[]) UNION ALL SELECT ti.oid, ti.typelem, tt.depth + "
     "1 FROM"
     " pg_type ti, tree tt WHERE ti.oid = tt.elemtype) SELECT oid, elemtype::regtype::text AS elemtype_name FROM tree ORDER BY "
     "depth DESC",
     "25|-\n1009|text"},
    {"psycopg: TypeInfo",
     "SELECT typname AS name, oid, typarray AS array_oid, oid::regtype::text AS regtype, typdelim AS delimiter FROM pg_type t "
     "WHERE"
     " t.oid = to_regtype('json') ORDER BY t.oid",
     "{'name': json, 'oid': 114, 'array_oid': 199, 'regtype': json, 'delimiter': ','}"},
    {"SQLAlchemy: columns of a key",
     "SELECT array_agg(CAST(attr.attname AS TEXT) ORDER BY attr.ord) AS cols, attr.conname FROM (SELECT con.conname AS conname, "
     "con.ord AS"
     " ord, pg_catalog.pg_attribute.attname AS attname FROM pg_catalog.pg_attribute JOIN (SELECT "
     "pg_catalog.pg_constraint.conrelid AS"
     " conrelid, pg_catalog.pg_constraint.conname AS conname, unnest(pg_catalog.pg_index.indkey) AS attnum,"
     " generate_subscripts(pg_catalog.pg_index.indkey, 1) AS ord FROM pg_catalog.pg_constraint JOIN pg_catalog.pg_index ON"
     " pg_catalog.pg_constraint.conindid = pg_catalog.pg_index.indexrelid WHERE pg_catalog.pg_constraint.contype = 'p') AS con ON"
     " pg_catalog.pg_attribute.attnum = con.attnum AND pg_catalog.pg_attribute.attrelid = con.conrelid WHERE con.conrelid ="
     " CAST('t' AS REGCLASS)) AS attr GROUP BY attr.conname",
     "[\"id\"]|t_id_pkey"},
    {"JDBC: primary key",
     "SELECT result.COLUMN_NAME, result.KEY_SEQ FROM (SELECT a.attname AS COLUMN_NAME, "
     "(information_schema._pg_expandarray(i.indkey)).n"
     " AS KEY_SEQ, information_schema._pg_expandarray(i.indkey) AS KEYS, a.attnum AS A_ATTNUM FROM pg_catalog.pg_class ct JOIN"
     " pg_catalog.pg_attribute a ON (ct.oid = a.attrelid) JOIN pg_catalog.pg_namespace n ON (ct.relnamespace = n.oid) JOIN"
     " pg_catalog.pg_index i ON (a.attrelid = i.indrelid) WHERE n.nspname = 'public' AND ct.relname = 't' AND i.indisprimary) "
     "result"
     " where result.A_ATTNUM = (result.KEYS).x",
     "id|1"},
    {"information_schema",
     "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'public' AND table_name = "
     "'t'"
     " ORDER BY ordinal_position LIMIT 3",
     "id|integer|NO\na|text|NO\nb|numeric|YES"},
    {"information_schema.tables", "SELECT tables.table_name FROM information_schema.tables ORDER BY 1",
     "parent\npg_mine\nt\nv\nx"},
    {"names of ours and of theirs", "SELECT pg_class FROM pg_mine WHERE pg_mine.pg_class = 7 AND 'pg_class'::regclass = 1259",
     "7"},
    {"current", "SELECT current_schema(), current_database(), pg_is_in_recovery(), current_schemas(true)",
     "{'current_schema': main, 'current_database': core, 'pg_is_in_recovery': false, 'current_schemas': [pg_catalog, main]}"},
    {"regclass is shown", "SELECT 'other.x'::regclass, '\"t\"'::regclass::text AS t", "other.x|t"},
    {"role", "SELECT rolsuper FROM pg_roles WHERE rolname = current_user", "true"},
    {"nothing is seen",
     "SELECT (SELECT count(*) FROM duckdb_views() WHERE NOT internal) AS v, (SELECT count(*) FROM duckdb_functions()"
     " WHERE NOT internal) AS f, (SELECT count(*) FROM duckdb_tables()) AS t, (SELECT count(*) FROM duckdb_databases() WHERE NOT"
     " internal) AS d",
     "1|0|4|1"},
};

static char *ask(dr_session *session, const char *sql, const char *row)
{
    char *question, *answer = NULL, *rewritten = rewrite(sql);
    duckrow_error error = {0};
    assert_true(asprintf(&question, "SELECT coalesce(string_agg(%s, chr(10)), '') FROM (%s) answer", row,
                         rewritten ? rewritten : sql) > 0);
    if (dr_session_text(session, question, &answer, &error))
        fail_msg("%s\n%s", error.message, question);
    free(question);
    free(rewritten);
    return answer;
}

static void run(dr_session *session, const char *sql)
{
    duckrow_error error = {0};
    if (dr_session_run(session, sql, &error))
        fail_msg("%s", error.message);
}

/* Each name that the rewriting knows is there, and has been given the right kind: binding it is enough. */
static void check_names(dr_session *session)
{
    static const char *const words[] = {"pg_class",         "pg_roles",          "pg_policy",
                                        "pg_stat_activity", "pg_timezone_names", "pg_settings"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char sql[200];
        snprintf(sql, sizeof sql, "SELECT count(*) >= 0 AS n FROM pg_catalog.%s", words[i]);
        char *answer = ask(session, sql, "n::TEXT");
        assert_string_equal(answer, "true");
        free(answer);
        assert_int_not_equal(dr_catalog_kind(words[i], strlen(words[i]), 0), DR_CATALOG_NONE);
    }
}

static void check_answers(const dr_engine *engine)
{
    duckrow_error error = {0};
    dr_session *session;
    const char *path = path_in(temp_folder(), "core.duckdb");
    if (dr_session_open(engine, NULL, 1000, &session, &error) ||
        dr_session_attach(session, path, path, DR_ATTACH_WRITE | DR_ATTACH_CREATE, &error))
        fail_msg("%s", error.message);
    run(session, objects);
    int64_t start = clock_ms();
    for (const char *const *part = dr_catalog_setup(); *part; part++)
        run(session, *part);
    print_message("%s: set up in %d ms\n", engine->version, (int)(clock_ms() - start));
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        int names = questions[i].answer[0] == '{';
        char *answer = ask(session, questions[i].sql,
                           names ? "answer::TEXT"
                                 : "array_to_string(list_transform(json_extract_string(to_json(answer), '$.*'),"
                                   " lambda x: coalesce(x, '')), '|')");
        if (strcmp(answer, questions[i].answer) != 0)
            fail_msg("%s: %s\nis\n%s\nnot\n%s", engine->version, questions[i].what, answer, questions[i].answer);
        free(answer);
    }
    check_names(session);
    assert_int_equal(dr_session_run(session, "SELECT duckrow_catalog.regclass('nowhere')", &error), DUCKROW_SQL);
    assert_non_null(strstr(error.message, "relation \"nowhere\" does not exist"));
    dr_session_close(session);
    empty_folder(temp_folder());
}

static void test_answers(void **state)
{
    (void)state;
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
        if (dr_engine_load(strchr(entry, '=') ? strchr(entry, '=') + 1 : entry, &engine, &error))
            fail_msg("%s", error.message);
        check_answers(engine);
        dr_engine_free(engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_rewritten),
        cmocka_unit_test(test_any_text),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
