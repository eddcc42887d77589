/* Functions of PostgreSQL's that tools call, as macros. What has no meaning here says what a small, quiet server would. */
#include "catalog_names.h"

#define MACRO "CREATE MACRO " DR_CATALOG "."
#define ALWAYS(name, value) MACRO name "(a) AS " value ";"
/* For the caller, or for a role named first. */
#define PRIVILEGE(name) MACRO name "(object, privilege) AS true, (role, object, privilege) AS true;"
/* The name of a relation as regclass shows it: with its schema where that is not the current one. */
#define SHOWN(r)                                                                                                                 \
    "CASE WHEN " r ".dr_space = current_schema() THEN '' ELSE " DR_CATALOG ".quote_ident(" r                                     \
    ".dr_space) || '.' END || " DR_CATALOG ".quote_ident(" r ".dr_name)"

const char dr_catalog_macros[] =
    "CREATE MACRO " DR_CATALOG ".quote_ident(name) AS CASE WHEN regexp_full_match(name, '[a-z_][a-z0-9_]*') THEN name"
    " ELSE '\"' || replace(name, '\"', '\"\"') || '\"' END;"
    /* Lookups, which are given their meaning (dr_catalog_lookups) when all is there: to make a macro, DuckDB plans it, and the macros
     * below would take a second. An argument of a macro is text in the end: a column of the caller's of the same name as one here
     * would be taken for that, so these have names that nobody else has. */
    "CREATE VIEW " DR_CATALOG ".find_relation AS SELECT 0 dr_oid, '' dr_space, '' dr_name, '' dr_kind, '' dr_sql;"
    "CREATE VIEW " DR_CATALOG ".find_constraint AS SELECT 0 dr_oid, '' dr_definition;"
    "CREATE VIEW " DR_CATALOG ".find_index AS SELECT 0 dr_oid, '' dr_definition, [''] dr_names;"
    "CREATE VIEW " DR_CATALOG ".find_description AS SELECT 0 dr_oid, 0 dr_part, '' dr_text;"
    "CREATE VIEW " DR_CATALOG ".find_function AS SELECT 0 dr_oid, '' dr_name, true dr_set, [''] dr_arguments, '' dr_source;"
    "CREATE VIEW " DR_CATALOG ".find_schema AS SELECT 0 dr_oid, '' dr_name;"

    /* 'schema.name' or 'name', in quotes or without. */
    MACRO "name_parts(wanted) AS list_transform(regexp_extract_all(wanted, '\"(?:[^\"]|\"\")*\"|[^.\"]+'),"
    " lambda x: replace(trim(x, '\"'), '\"\"', '\"'));" MACRO
    "relation_named(parts) AS (SELECT arg_max(r.dr_oid, r.dr_space = current_schema()) FROM " DR_CATALOG ".find_relation r"
    " WHERE lower(r.dr_name) = lower(parts[-1]) AND (len(parts) = 1 OR lower(r.dr_space) = lower(parts[-2])"
    " OR (lower(parts[-2]) = 'public' AND r.dr_space = 'main')));" MACRO
    "system_relation(wanted) AS CASE wanted WHEN 'pg_class' THEN 1259 WHEN 'pg_type' THEN 1247 WHEN 'pg_proc' THEN 1255"
    " WHEN 'pg_attribute' THEN 1249 WHEN 'pg_namespace' THEN 2615 WHEN 'pg_constraint' THEN 2606 WHEN 'pg_database' THEN 1262"
    " WHEN 'pg_authid' THEN 1260 WHEN 'pg_index' THEN 2610 WHEN 'pg_description' THEN 2609 WHEN 'pg_attrdef' THEN 2604"
    " WHEN 'pg_trigger' THEN 2620 WHEN 'pg_rewrite' THEN 2618 WHEN 'pg_extension' THEN 3079 WHEN 'pg_am' THEN 2601"
    " WHEN 'pg_collation' THEN 3456 WHEN 'pg_operator' THEN 2617 WHEN 'pg_opclass' THEN 2616 WHEN 'pg_language' THEN 2612"
    " WHEN 'pg_tablespace' THEN 1213 WHEN 'pg_foreign_server' THEN 1417 WHEN 'pg_foreign_data_wrapper' THEN 2328"
    " WHEN 'pg_event_trigger' THEN 3466 WHEN 'pg_policy' THEN 3256 WHEN 'pg_sequence' THEN 2224 ELSE NULL END;" MACRO
    "to_regclass(wanted) AS coalesce(try_cast(wanted AS INT), " DR_CATALOG ".relation_named(" DR_CATALOG
    ".name_parts(wanted::TEXT)),"
    " " DR_CATALOG ".system_relation(lower(" DR_CATALOG ".name_parts(wanted::TEXT)[-1])));" MACRO
    "regclass(wanted) AS coalesce(" DR_CATALOG ".to_regclass(wanted), CASE WHEN wanted IS NOT NULL THEN"
    " error('relation \"' || wanted || '\" does not exist') END);" MACRO
    "regclass_text(which) AS coalesce((SELECT any_value(" SHOWN(
        "r") ") FROM " DR_CATALOG ".find_relation r WHERE r.dr_oid = which), which::TEXT);" MACRO
             "regtype_text(which) AS " DR_CATALOG ".format_type(which, NULL);" MACRO
             "to_regnamespace(wanted) AS coalesce(try_cast(wanted AS INT), " DR_CATALOG
             ".schema_oid(trim(wanted::TEXT, '\"')));" MACRO "regnamespace(wanted) AS " DR_CATALOG
             ".to_regnamespace(wanted);" MACRO
             "regnamespace_text(which) AS coalesce((SELECT any_value(n.dr_name) FROM " DR_CATALOG
             ".find_schema n WHERE n.dr_oid = which), which::TEXT);" MACRO
             "to_regproc(wanted) AS coalesce(try_cast(wanted AS INT), (SELECT any_value(p.dr_oid) FROM " DR_CATALOG
             ".find_function p"
             " WHERE lower(p.dr_name) = lower(regexp_replace(wanted::TEXT, '^.*\\.|\\(.*\\)$', '', 'g'))), 0);" MACRO
             "regproc(wanted) AS " DR_CATALOG ".to_regproc(wanted);" MACRO
             "regproc_text(which) AS CASE WHEN try_cast(which AS INT) IS NULL THEN which::TEXT ELSE coalesce((SELECT "
             "any_value(p.dr_name) FROM " DR_CATALOG ".find_function p WHERE p.dr_oid = try_cast(which AS INT)), CASE "
             "which::TEXT WHEN '0' THEN '-' ELSE which::TEXT END) END;" MACRO
             "regrole(wanted) AS coalesce(try_cast(wanted AS INT), CASE wanted::TEXT WHEN 'duckrow' THEN 10 ELSE 16384 "
             "END);" MACRO "regrole_text(which) AS CASE which WHEN 10 THEN 'duckrow' ELSE which::TEXT END;"

    MACRO "pg_table_is_visible(which) AS (SELECT bool_or(r.dr_space = current_schema() OR r.dr_space = 'pg_temp') "
             "FROM " DR_CATALOG ".find_relation r"
             " WHERE r.dr_oid = which::INT);" ALWAYS("pg_type_is_visible", "true") ALWAYS("pg_function_is_visible", "true")
                 ALWAYS("pg_operator_is_visible", "true") ALWAYS("pg_opclass_is_visible", "true")
                     ALWAYS("pg_opfamily_is_visible", "true") ALWAYS("pg_collation_is_visible", "true")
                         ALWAYS("pg_conversion_is_visible", "true") ALWAYS("pg_statistics_obj_is_visible", "true")
                             ALWAYS("pg_ts_config_is_visible", "true") ALWAYS("pg_ts_dict_is_visible", "true")
                                 ALWAYS("pg_ts_parser_is_visible", "true") ALWAYS("pg_ts_template_is_visible", "true")

                                     MACRO
    "pg_get_userbyid(which) AS CASE WHEN which::INT = 10 THEN 'duckrow' ELSE 'unknown (OID=' || which || ')' END;" MACRO
    "pg_get_expr(text, which) AS text::TEXT, (text, which, pretty) AS text::TEXT;" MACRO
    "pg_get_constraintdef(which) AS (SELECT any_value(t.dr_definition) FROM " DR_CATALOG
    ".find_constraint t WHERE t.dr_oid = which::INT),"
    " (which, pretty) AS (SELECT any_value(t.dr_definition) FROM " DR_CATALOG
    ".find_constraint t WHERE t.dr_oid = which::INT);" MACRO
    "pg_get_indexdef(which) AS (SELECT any_value(t.dr_definition) FROM " DR_CATALOG ".find_index t WHERE t.dr_oid = which::INT),"
    " (which, part, pretty) AS (SELECT any_value(CASE WHEN part::INT = 0 THEN t.dr_definition ELSE t.dr_names[part::INT] END) "
    "FROM " DR_CATALOG ".find_index t WHERE t.dr_oid = which::INT);" MACRO
    "pg_get_viewdef(which) AS (SELECT any_value(r.dr_sql) FROM " DR_CATALOG ".find_relation r"
    " WHERE r.dr_oid = " DR_CATALOG ".to_regclass(which)), (which, pretty) AS (SELECT any_value(r.dr_sql) FROM " DR_CATALOG
    ".find_relation r WHERE r.dr_oid = " DR_CATALOG ".to_regclass(which));" MACRO
    "pg_get_function_result(which) AS (SELECT any_value(CASE WHEN p.dr_set THEN 'SETOF record' ELSE 'text' END) FROM " DR_CATALOG
    ".find_function p WHERE p.dr_oid = which);" MACRO
    "pg_get_function_arguments(which) AS (SELECT any_value(array_to_string(p.dr_arguments, ', ')) FROM " DR_CATALOG
    ".find_function p WHERE p.dr_oid = which);" MACRO
    "pg_get_function_identity_arguments(which) AS (SELECT any_value(array_to_string(p.dr_arguments, ', ')) FROM " DR_CATALOG
    ".find_function p WHERE p.dr_oid = which);" MACRO
    "pg_get_functiondef(which) AS (SELECT any_value(p.dr_source) FROM " DR_CATALOG
    ".find_function p WHERE p.dr_oid = which);" MACRO
    "pg_get_triggerdef(which) AS NULL::TEXT, (which, pretty) AS NULL::TEXT;" MACRO
    "pg_get_ruledef(which) AS NULL::TEXT, (which, pretty) AS NULL::TEXT;" MACRO "pg_get_partkeydef(which) AS NULL::TEXT;" MACRO
    "pg_get_statisticsobjdef_columns(which) AS NULL::TEXT;" MACRO "pg_get_serial_sequence(relation, field) AS NULL::TEXT;" MACRO
    "no_oids(which) AS []::INT[];" MACRO "setting_value(wanted) AS (SELECT any_value(s.setting) FROM " DR_CATALOG
    ".pg_settings s WHERE s.name = wanted),"
    " (wanted, missing_ok) AS (SELECT any_value(s.setting) FROM " DR_CATALOG ".pg_settings s WHERE s.name = wanted);" MACRO
    "pg_partition_ancestors(which) AS unnest([]::INT[]);" MACRO "pg_relation_is_publishable(which) AS true;" MACRO
    "pg_tablespace_location(which) AS '';" MACRO "pg_encoding_to_char(which) AS 'UTF8';" MACRO
    "pg_char_to_encoding(name) AS 6;" MACRO "getdatabaseencoding() AS 'UTF8';" MACRO
    "obj_description(which) AS (SELECT any_value(d.dr_text) FROM " DR_CATALOG
    ".find_description d WHERE d.dr_oid = try_cast(which AS INT)"
    " AND d.dr_part = 0), (which, sort) AS (SELECT any_value(d.dr_text) FROM " DR_CATALOG
    ".find_description d WHERE d.dr_oid = try_cast(which AS INT) AND d.dr_part = 0);" MACRO
    "shobj_description(which, kind) AS NULL::TEXT;" MACRO
    "col_description(which, part) AS (SELECT any_value(d.dr_text) FROM " DR_CATALOG
    ".find_description d WHERE d.dr_oid = which::INT"
    " AND d.dr_part = part AND part > 0);"

    PRIVILEGE("has_table_privilege") PRIVILEGE("has_schema_privilege") PRIVILEGE("has_database_privilege")
        PRIVILEGE("has_function_privilege") PRIVILEGE("has_sequence_privilege") PRIVILEGE("has_any_column_privilege")
            PRIVILEGE("has_tablespace_privilege") PRIVILEGE("has_type_privilege") PRIVILEGE("has_language_privilege")
                PRIVILEGE("has_foreign_data_wrapper_privilege") PRIVILEGE("has_server_privilege") PRIVILEGE("pg_has_role") MACRO
    "has_column_privilege(object, field, privilege) AS true, (role, object, field, privilege) AS true;"

    MACRO "pg_size_pretty(size) AS CASE WHEN abs(size) < 10240 THEN size || ' bytes' WHEN abs(size) < 10485760 THEN"
    " round(size / 1024)::BIGINT || ' kB' WHEN abs(size) < 10737418240 THEN round(size / 1048576)::BIGINT || ' MB'"
    " ELSE round(size / 1073741824)::BIGINT || ' GB' END;" MACRO
    "pg_database_size(which) AS (SELECT any_value(s.block_size * s.total_blocks) FROM pragma_database_size() s"
    " WHERE s.database_name = current_database() AND which::TEXT IN ('5', current_database()));" ALWAYS(
        "pg_table_size", "NULL::BIGINT") ALWAYS("pg_total_relation_size", "NULL::BIGINT")
        ALWAYS("pg_indexes_size", "NULL::BIGINT") MACRO "pg_relation_size(a) AS NULL::BIGINT, (a, fork) AS NULL::BIGINT;"

    ALWAYS("pg_stat_get_numscans", "NULL::BIGINT") ALWAYS("pg_stat_get_tuples_inserted", "NULL::BIGINT") MACRO
    "pg_get_keywords() AS TABLE SELECT keyword_name word, CASE keyword_category WHEN 'reserved' THEN 'R' WHEN 'unreserved' THEN "
    "'U'"
    " WHEN 'column_name' THEN 'C' ELSE 'T' END catcode, keyword_category catdesc FROM duckdb_keywords();" MACRO
    "pg_is_in_recovery() AS false;" MACRO "pg_is_wal_replay_paused() AS false;" MACRO "pg_postmaster_start_time() AS now();" MACRO
    "pg_conf_load_time() AS now();" MACRO "pg_my_temp_schema() AS 0;" MACRO "pg_is_other_temp_schema(which) AS false;" MACRO
    "pg_advisory_unlock_all() AS NULL::TEXT;" MACRO "pg_export_snapshot() AS '00000003-0000001B-1';" MACRO
    "pg_blocking_pids(which) AS []::INT[];" MACRO "inet_server_addr() AS NULL::TEXT;" MACRO
    "inet_client_addr() AS NULL::TEXT;" MACRO "inet_server_port() AS NULL::INT;" MACRO "inet_client_port() AS NULL::INT;" MACRO
    "set_config(name, value, is_local) AS value::TEXT;" MACRO
    "current_schemas(implicit) AS CASE WHEN implicit THEN ['pg_catalog', current_schema()] ELSE [current_schema()] END;" MACRO
    "quote_literal(value) AS '''' || replace(value::TEXT, '''', '''''') || '''';" MACRO
    "array_upper(list, dimension) AS CASE WHEN len(list) > 0 THEN len(list)::INT END;" MACRO
    "array_lower(list, dimension) AS CASE WHEN len(list) > 0 THEN 1 END;" MACRO
    "array_remove(list, value) AS list_filter(list, lambda x: x IS DISTINCT FROM value);" MACRO
    "_pg_expandarray(list) AS unnest(list_transform(list, lambda x, n: {'x': x, 'n': n::INT}));" MACRO
    "schema_named(wanted) AS (SELECT coalesce(max(s.dr_name), 'main') FROM " DR_CATALOG
    ".find_schema s WHERE s.dr_name = wanted);";

const char dr_catalog_lookups[] =
    "CREATE OR REPLACE VIEW " DR_CATALOG ".find_relation AS SELECT oid dr_oid, space dr_space, name dr_name, kind dr_kind,"
    " regexp_replace(sql, '(?s)^CREATE .*? AS ', '') dr_sql FROM " DR_CATALOG ".relations;"
    "CREATE OR REPLACE VIEW " DR_CATALOG ".find_constraint AS SELECT oid dr_oid, definition dr_definition FROM " DR_CATALOG
    ".constraint_texts;"
    "CREATE OR REPLACE VIEW " DR_CATALOG
    ".find_index AS SELECT oid dr_oid, definition dr_definition, names dr_names FROM " DR_CATALOG ".index_texts;"
    "CREATE OR REPLACE VIEW " DR_CATALOG
    ".find_description AS SELECT objoid dr_oid, objsubid dr_part, description dr_text FROM " DR_CATALOG ".pg_description;"
    "CREATE OR REPLACE VIEW " DR_CATALOG
    ".find_function AS SELECT oid dr_oid, proname dr_name, proretset dr_set, proargnames dr_arguments,"
    " prosrc dr_source FROM " DR_CATALOG ".pg_proc;"
    "CREATE OR REPLACE VIEW " DR_CATALOG ".find_schema AS SELECT oid dr_oid, nspname dr_name FROM " DR_CATALOG ".pg_namespace;";
