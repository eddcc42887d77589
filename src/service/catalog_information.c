/* information_schema as PostgreSQL shows it: of the current database only, with PostgreSQL's type names. */
#include "catalog_names.h"

#define INFO DR_CATALOG ".info."
#define MAIN DR_CATALOG ".main."

const char dr_catalog_information[] =
    "CREATE SCHEMA " DR_CATALOG ".info;"
    "CREATE VIEW " INFO
    "tables AS SELECT current_database() table_catalog, space table_schema, name table_name, CASE WHEN kind = 'v' THEN"
    " 'VIEW' WHEN temporary THEN 'LOCAL TEMPORARY' ELSE 'BASE TABLE' END table_type, NULL::TEXT self_referencing_column_name,"
    " NULL::TEXT reference_generation, NULL::TEXT user_defined_type_catalog, NULL::TEXT user_defined_type_schema,"
    " NULL::TEXT user_defined_type_name, CASE kind WHEN 'v' THEN 'NO' ELSE 'YES' END is_insertable_into, 'NO' is_typed,"
    " NULL::TEXT commit_action, comment AS \"TABLE_COMMENT\" FROM " MAIN "relations WHERE kind IN ('r', 'v');"
    "CREATE VIEW " INFO "columns AS SELECT current_database() table_catalog, space table_schema, table_name, column_name,"
    " number::INT ordinal_position, CASE WHEN column_default <> 'NULL' THEN column_default END column_default,"
    " CASE WHEN required THEN 'NO' ELSE 'YES' END is_nullable, CASE WHEN b.typelem > 0 THEN 'ARRAY' ELSE b.format END data_type,"
    " NULL::INT character_maximum_length, CASE type_oid WHEN 25 THEN 1073741824 END character_octet_length,"
    " CASE type_oid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53 ELSE precision END"
    " numeric_precision, CASE WHEN type_oid IN (20, 21, 23, 700, 701) THEN 2 WHEN type_oid = 1700 THEN 10 END"
    " numeric_precision_radix, CASE WHEN type_oid IN (20, 21, 23) THEN 0 ELSE scale END numeric_scale,"
    " CASE WHEN type_oid IN (1083, 1114, 1184, 1186, 1266) THEN 6 WHEN type_oid = 1082 THEN 0 END datetime_precision,"
    " NULL::TEXT interval_type, NULL::INT interval_precision, NULL::TEXT character_set_catalog, NULL::TEXT character_set_schema,"
    " NULL::TEXT character_set_name, NULL::TEXT collation_catalog, NULL::TEXT collation_schema, NULL::TEXT collation_name,"
    " NULL::TEXT domain_catalog, NULL::TEXT domain_schema, NULL::TEXT domain_name, current_database() udt_catalog,"
    " 'pg_catalog' udt_schema, b.typname udt_name, NULL::TEXT scope_catalog, NULL::TEXT scope_schema, NULL::TEXT scope_name,"
    " NULL::INT maximum_cardinality, number::TEXT dtd_identifier, 'NO' is_self_referencing, 'NO' is_identity,"
    " NULL::TEXT identity_generation, NULL::TEXT identity_start, NULL::TEXT identity_increment, NULL::TEXT identity_maximum,"
    " NULL::TEXT identity_minimum, 'NO' identity_cycle, 'NEVER' is_generated, NULL::TEXT generation_expression, 'YES' "
    "is_updatable,"
    " comment AS \"COLUMN_COMMENT\" FROM " MAIN "columns JOIN " MAIN "base_types b ON b.oid = type_oid;"
    "CREATE VIEW " INFO "schemata AS SELECT current_database() catalog_name, nspname schema_name, 'duckrow' schema_owner,"
    " NULL::TEXT default_character_set_catalog, NULL::TEXT default_character_set_schema, NULL::TEXT default_character_set_name,"
    " NULL::TEXT sql_path FROM " MAIN "pg_namespace WHERE nspname <> 'pg_temp';"
    "CREATE VIEW " INFO "views AS SELECT current_database() table_catalog, space table_schema, name table_name,"
    " regexp_replace(sql, '(?s)^CREATE .*? AS ', '') view_definition, 'NONE' check_option, 'NO' is_updatable, 'NO' "
    "is_insertable_into,"
    " 'NO' is_trigger_updatable, 'NO' is_trigger_deletable, 'NO' is_trigger_insertable_into FROM " MAIN
    "relations WHERE kind = 'v';"
    "CREATE VIEW " INFO
    "sequences AS SELECT current_database() sequence_catalog, schemaname sequence_schema, sequencename sequence_name,"
    " data_type, 64 numeric_precision, 2 numeric_precision_radix, 0 numeric_scale, start_value::TEXT start_value,"
    " min_value::TEXT minimum_value, max_value::TEXT maximum_value, increment_by::TEXT AS increment, CASE WHEN cycle THEN 'YES' "
    "ELSE"
    " 'NO' END cycle_option FROM " MAIN "pg_sequences;"
    "CREATE VIEW " INFO
    "table_constraints AS SELECT current_database() constraint_catalog, space constraint_schema, constraint_name,"
    " current_database() table_catalog, space table_schema, table_name, CASE kind WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN "
    "'UNIQUE'"
    " WHEN 'f' THEN 'FOREIGN KEY' ELSE 'CHECK' END constraint_type, 'NO' is_deferrable, 'NO' initially_deferred, 'YES' enforced,"
    " 'YES' nulls_distinct FROM " MAIN "constraint_texts;"
    "CREATE VIEW " INFO
    "key_column_usage AS SELECT current_database() constraint_catalog, space constraint_schema, constraint_name,"
    " current_database() table_catalog, space table_schema, table_name, unnest(names) column_name,"
    " unnest(range(1, len(names) + 1))::INT ordinal_position, CASE kind WHEN 'f' THEN unnest(range(1, len(names) + 1))::INT END"
    " position_in_unique_constraint FROM " MAIN "constraint_texts WHERE kind <> 'c';"
    "CREATE VIEW " INFO
    "constraint_column_usage AS SELECT current_database() table_catalog, space table_schema, CASE kind WHEN 'f' THEN"
    " referenced_table ELSE table_name END table_name, unnest(CASE kind WHEN 'f' THEN referenced ELSE names END) column_name,"
    " current_database() constraint_catalog, space constraint_schema, constraint_name FROM " MAIN "constraint_texts;"
    "CREATE VIEW " INFO "referential_constraints AS SELECT current_database() constraint_catalog, f.space constraint_schema,"
    " f.constraint_name, current_database() unique_constraint_catalog, k.space unique_constraint_schema, k.constraint_name"
    " unique_constraint_name, 'NONE' match_option, 'NO ACTION' update_rule, 'NO ACTION' delete_rule FROM " MAIN
    "constraint_texts f LEFT JOIN " MAIN "constraint_texts k ON k.space = f.space AND k.table_name = f.referenced_table"
    " AND k.names = f.referenced AND k.kind IN ('p', 'u') WHERE f.kind = 'f';"
    "CREATE VIEW " INFO
    "check_constraints AS SELECT current_database() constraint_catalog, space constraint_schema, constraint_name,"
    " expression check_clause FROM " MAIN "constraint_texts WHERE kind = 'c';"
    "CREATE VIEW " INFO
    "routines AS SELECT current_database() specific_catalog, n.nspname specific_schema, proname || '_' || p.oid"
    " specific_name, current_database() routine_catalog, n.nspname routine_schema, proname routine_name, 'FUNCTION' routine_type,"
    " 'text' data_type, 'SQL' external_language, prosrc routine_definition FROM " MAIN "pg_proc p JOIN " MAIN
    "pg_namespace n ON n.oid = pronamespace;"
    "CREATE TABLE " INFO "triggers(trigger_catalog TEXT, trigger_schema TEXT, trigger_name TEXT, event_manipulation TEXT,"
    " event_object_catalog TEXT, event_object_schema TEXT, event_object_table TEXT, action_order INT, action_condition TEXT,"
    " action_statement TEXT, action_orientation TEXT, action_timing TEXT);"
    "CREATE TABLE " INFO "parameters(specific_catalog TEXT, specific_schema TEXT, specific_name TEXT, ordinal_position INT,"
    " parameter_mode TEXT, parameter_name TEXT, data_type TEXT);"
    "CREATE TABLE " INFO "table_privileges(grantor TEXT, grantee TEXT, table_catalog TEXT, table_schema TEXT, table_name TEXT,"
    " privilege_type TEXT, is_grantable TEXT, with_hierarchy TEXT);"
    "CREATE TABLE " INFO "element_types(object_catalog TEXT, object_schema TEXT, object_name TEXT, object_type TEXT,"
    " collection_type_identifier TEXT, data_type TEXT);"
    "CREATE TABLE " INFO
    "domains(domain_catalog TEXT, domain_schema TEXT, domain_name TEXT, data_type TEXT, domain_default TEXT);";
