/* The relations of pg_catalog that tell of the user's objects, with the columns and their order of PostgreSQL 15. */
#include "catalog_names.h"

const char dr_catalog_relations[] =
    "CREATE VIEW " DR_CATALOG ".pg_namespace AS SELECT DISTINCT " DR_CATALOG ".schema_oid(schema_name) oid, schema_name nspname,"
    " 10 nspowner, NULL::TEXT[] nspacl, 2615 tableoid FROM duckdb_schemas() WHERE database_name = current_database() OR"
    " (database_name = 'system' AND schema_name <> 'main') UNION ALL SELECT " DR_CATALOG
    ".schema_oid('pg_temp'), 'pg_temp', 10, NULL,"
    " 2615;"

    "CREATE VIEW " DR_CATALOG ".pg_class AS SELECT oid, name relname, " DR_CATALOG ".schema_oid(space) relnamespace, 0 reltype,"
    " 0 reloftype, 10 relowner, CASE kind WHEN 'r' THEN 2 WHEN 'i' THEN 403 ELSE 0 END relam, oid relfilenode, 0 reltablespace,"
    " 0 relpages, tuples::REAL reltuples, 0 relallvisible, 0 reltoastrelid, indexed relhasindex, false relisshared,"
    " CASE WHEN temporary THEN 't' ELSE 'p' END relpersistence, kind relkind, natts::SMALLINT relnatts, checks::SMALLINT "
    "relchecks,"
    " kind = 'v' relhasrules, false relhastriggers, false relhassubclass, false relrowsecurity, false relforcerowsecurity,"
    " true relispopulated, CASE kind WHEN 'r' THEN 'd' ELSE 'n' END relreplident, false relispartition, 0 relrewrite, 0 "
    "relfrozenxid,"
    " 0 relminmxid, NULL::TEXT[] relacl, NULL::TEXT[] reloptions, NULL::TEXT relpartbound, 1259 tableoid FROM " DR_CATALOG
    ".relations;"

    "CREATE VIEW " DR_CATALOG ".pg_attribute AS SELECT attrelid, attname, atttypid, -1 attstattarget, " DR_CATALOG
    ".type_size(atttypid)::SMALLINT attlen, attnum, 0::INT attndims, -1 attcacheoff, atttypmod, " DR_CATALOG
    ".type_size(atttypid) BETWEEN 1 AND 8 attbyval, 'i' attalign, CASE WHEN " DR_CATALOG
    ".type_size(atttypid) > 0 THEN 'p' ELSE 'x' END attstorage, '' attcompression, attnotnull, atthasdef, false atthasmissing,"
    " '' attidentity, '' attgenerated, false attisdropped, true attislocal, 0 attinhcount, 0 attcollation, NULL::TEXT[] attacl,"
    " NULL::TEXT[] attoptions, NULL::TEXT[] attfdwoptions, NULL::TEXT attmissingval, 1249 tableoid FROM ("
    "SELECT " DR_CATALOG ".oid_of(space, table_name) attrelid, column_name attname, type_oid atttypid, number attnum,"
    " " DR_CATALOG ".type_modifier(precision, scale)::INT atttypmod, required attnotnull,"
    " column_default IS NOT NULL AND column_default <> 'NULL' atthasdef FROM " DR_CATALOG ".columns"
    " UNION ALL SELECT " DR_CATALOG
    ".oid_of(i.space, i.name), i.column_name, coalesce(c.type_oid, 25), i.number, coalesce(" DR_CATALOG
    ".type_modifier(c.precision, c.scale), -1)::INT, false, false FROM (SELECT space, name, table_name, unnest(names) "
    "column_name,"
    " unnest(range(1, len(names) + 1))::SMALLINT number FROM " DR_CATALOG ".indexes) i LEFT JOIN " DR_CATALOG
    ".columns c ON c.space = i.space AND c.table_name = i.table_name AND c.column_name = i.column_name"
    " UNION ALL SELECT oid, s.name, s.type, s.number::SMALLINT, -1, true, false FROM " DR_CATALOG
    ".relations, (VALUES ('last_value', 20, 1), ('log_cnt', 20, 2), ('is_called', 16, 3)) s(name, type, number) WHERE kind = "
    "'S');"

    "CREATE VIEW " DR_CATALOG ".pg_attrdef AS SELECT " DR_CATALOG
    ".oid_of('default ' || space, table_name || chr(1) || column_name) oid,"
    " " DR_CATALOG ".oid_of(space, table_name) adrelid, number adnum, column_default adbin, 2604 tableoid FROM " DR_CATALOG
    ".columns WHERE column_default <> 'NULL';"

    "CREATE VIEW " DR_CATALOG ".pg_index AS SELECT oid indexrelid, " DR_CATALOG ".oid_of(space, table_name) indrelid,"
    " len(names)::SMALLINT indnatts, len(names)::SMALLINT indnkeyatts, is_unique indisunique, false indnullsnotdistinct,"
    " is_primary indisprimary, false indisexclusion, true indimmediate, false indisclustered, true indisvalid, false "
    "indcheckxmin,"
    " true indisready, true indislive, false indisreplident, numbers indkey, list_transform(numbers, lambda x: 0) indcollation,"
    " list_transform(numbers, lambda x: 0) indclass, list_transform(numbers, lambda x: 0::SMALLINT) indoption,"
    " CASE WHEN list_contains(numbers, 0) THEN array_to_string(names, ', ') END indexprs, NULL::TEXT indpred, 2610 tableoid "
    "FROM " DR_CATALOG ".index_texts;"

    "CREATE VIEW " DR_CATALOG ".pg_constraint AS SELECT t.oid, constraint_name conname, " DR_CATALOG
    ".schema_oid(t.space) connamespace,"
    " kind contype, false condeferrable, false condeferred, true convalidated, " DR_CATALOG
    ".oid_of(t.space, t.table_name) conrelid,"
    " 0 contypid, CASE WHEN kind IN ('p', 'u') THEN " DR_CATALOG
    ".oid_of(t.space, constraint_name) ELSE 0 END conindid, 0 conparentid,"
    " CASE kind WHEN 'f' THEN " DR_CATALOG ".oid_of(t.space, referenced_table) ELSE 0 END confrelid,"
    " CASE kind WHEN 'f' THEN 'a' ELSE ' ' END confupdtype, CASE kind WHEN 'f' THEN 'a' ELSE ' ' END confdeltype,"
    " CASE kind WHEN 'f' THEN 's' ELSE ' ' END confmatchtype, true conislocal, 0 coninhcount, true connoinherit, numbers conkey,"
    " CASE kind WHEN 'f' THEN list_transform(referenced, lambda r: list_position(o.names, r)::SMALLINT) END confkey,"
    " NULL::INT[] conpfeqop, NULL::INT[] conppeqop, NULL::INT[] conffeqop, NULL::SMALLINT[] confdelsetcols, NULL::INT[] "
    "conexclop,"
    " expression conbin, 2606 tableoid FROM " DR_CATALOG ".constraint_texts t LEFT JOIN (SELECT space, table_name,"
    " list(column_name ORDER BY number) AS names FROM " DR_CATALOG
    ".columns GROUP BY ALL) o ON o.space = t.space AND o.table_name = t.referenced_table;"

    "CREATE VIEW " DR_CATALOG
    ".pg_description AS SELECT oid objoid, 1259 classoid, 0 objsubid, comment description, 2609 tableoid FROM " DR_CATALOG
    ".relations WHERE comment IS NOT NULL UNION ALL SELECT " DR_CATALOG ".oid_of(space, table_name), 1259, number, comment,"
    " 2609 FROM " DR_CATALOG ".columns WHERE comment IS NOT NULL UNION ALL SELECT oid, 1247, 0, comment, 2609 FROM " DR_CATALOG
    ".user_types WHERE comment IS NOT NULL UNION ALL SELECT " DR_CATALOG ".schema_oid(schema_name), 2615, 0, comment, 2609 FROM"
    " duckdb_schemas() WHERE comment IS NOT NULL AND database_name = current_database();"

    "CREATE VIEW " DR_CATALOG ".pg_proc AS SELECT " DR_CATALOG ".oid_of('function ' || schema_name, function_name || chr(1) ||"
    " len(parameters)) oid, function_name proname, " DR_CATALOG ".schema_oid(schema_name) pronamespace, 10 proowner, 14 prolang,"
    " 100::REAL procost, 0::REAL prorows, 0 provariadic, 0 prosupport, 'f' prokind, false prosecdef, false proleakproof,"
    " false proisstrict, function_type = 'table_macro' proretset, 'v' provolatile, 'u' proparallel, len(parameters)::SMALLINT "
    "pronargs,"
    " 0::SMALLINT pronargdefaults, CASE function_type WHEN 'table_macro' THEN 2249 ELSE 25 END prorettype,"
    " list_transform(parameters, lambda x: 2276) proargtypes, NULL::INT[] proallargtypes, NULL::TEXT[] proargmodes,"
    " parameters proargnames, NULL::TEXT proargdefaults, NULL::INT[] protrftypes, macro_definition prosrc, NULL::TEXT probin,"
    " NULL::TEXT prosqlbody, NULL::TEXT[] proconfig, NULL::TEXT[] proacl, 1255 tableoid FROM duckdb_functions()"
    " WHERE NOT internal AND database_name = current_database();"

    "CREATE VIEW " DR_CATALOG ".pg_sequence AS SELECT " DR_CATALOG ".oid_of(schema_name, sequence_name) seqrelid, 20 seqtypid,"
    " start_value seqstart, increment_by seqincrement, max_value seqmax, min_value seqmin, 1::BIGINT seqcache, cycle seqcycle,"
    " 2224 tableoid FROM duckdb_sequences() WHERE database_name = current_database();"
    "CREATE VIEW " DR_CATALOG
    ".pg_sequences AS SELECT schema_name schemaname, sequence_name sequencename, 'duckrow' sequenceowner,"
    " 'bigint' data_type, start_value, min_value, max_value, increment_by, cycle, 1::BIGINT cache_size, last_value FROM"
    " duckdb_sequences() WHERE database_name = current_database();"

    "CREATE VIEW " DR_CATALOG
    ".pg_tables AS SELECT space schemaname, name tablename, 'duckrow' tableowner, NULL::TEXT AS tablespace,"
    " indexed hasindexes, false hasrules, false hastriggers, false rowsecurity FROM " DR_CATALOG ".relations WHERE kind = 'r';"
    "CREATE VIEW " DR_CATALOG ".pg_views AS SELECT space schemaname, name viewname, 'duckrow' viewowner,"
    " regexp_replace(sql, '(?s)^CREATE .*? AS ', '') definition FROM " DR_CATALOG ".relations WHERE kind = 'v';"
    "CREATE VIEW " DR_CATALOG
    ".pg_indexes AS SELECT space schemaname, table_name tablename, name indexname, NULL::TEXT AS tablespace,"
    " definition indexdef FROM " DR_CATALOG ".index_texts;"

    "CREATE VIEW " DR_CATALOG ".pg_database AS SELECT CASE database_name WHEN current_database() THEN 5 ELSE " DR_CATALOG
    ".oid_of('database', database_name) END oid, database_name datname, 10 datdba, 6 AS encoding, 'c' datlocprovider,"
    " false datistemplate, true datallowconn, -1 datconnlimit, 0 datfrozenxid, 0 datminmxid, 1663 dattablespace, 'C' datcollate,"
    " 'C' datctype, NULL::TEXT daticulocale, NULL::TEXT datcollversion, NULL::TEXT[] datacl, NULL::TEXT datlocale, 1262 tableoid"
    " FROM duckdb_databases() WHERE NOT internal AND database_name NOT IN ('" DR_CATALOG "', 'duckrow stand-in');";
