/* What a database has, as the views of pg_catalog and information_schema want it: DuckDB's own lists, of the current database (and
 * temporary tables), with PostgreSQL's kinds and with oids that come from names. */
#include "catalog_names.h"

#define HERE "(database_name = current_database() OR database_name = 'temp')"
#define SPACE "CASE database_name WHEN 'temp' THEN 'pg_temp' ELSE schema_name END"

const char dr_catalog_objects[] =
    "CREATE VIEW " DR_CATALOG ".columns AS SELECT " SPACE
    " space, table_name, column_name, column_index::SMALLINT number, comment,"
    " column_default, NOT is_nullable required, data_type, " DR_CATALOG ".type_oid(data_type) type_oid,"
    " CASE WHEN starts_with(data_type, 'DECIMAL') THEN numeric_precision END AS precision,"
    " CASE WHEN starts_with(data_type, 'DECIMAL') THEN numeric_scale END AS scale"
    " FROM duckdb_columns() WHERE NOT internal AND " HERE ";"

    "CREATE VIEW " DR_CATALOG ".constraints AS SELECT " SPACE " space, table_name, constraint_name, constraint_index,"
    " CASE constraint_type WHEN 'PRIMARY KEY' THEN 'p' WHEN 'UNIQUE' THEN 'u' WHEN 'FOREIGN KEY' THEN 'f' ELSE 'c' END kind,"
    " constraint_type, expression, constraint_column_names AS names,"
    " list_transform(constraint_column_indexes, lambda x: (x + 1)::SMALLINT) numbers, referenced_table,"
    " referenced_column_names referenced FROM duckdb_constraints() WHERE constraint_type <> 'NOT NULL' AND " HERE ";"

    /* Indexes that were made by CREATE INDEX, and those behind keys. */
    "CREATE VIEW " DR_CATALOG ".indexes AS SELECT " SPACE " space, index_name AS name, table_name, is_unique, is_primary,"
    " list_transform(string_split(regexp_replace(expressions, '^\\[|\\]$', '', 'g'), ', '), lambda x: trim(x, '''\"')) AS names,"
    " comment FROM duckdb_indexes() WHERE " HERE
    " UNION ALL SELECT space, constraint_name, table_name, true, kind = 'p', names, NULL FROM " DR_CATALOG
    ".constraints WHERE kind IN ('p', 'u');"

    "CREATE VIEW " DR_CATALOG ".relations AS SELECT *, " DR_CATALOG ".oid_of(space, name) oid FROM ("
    "SELECT " SPACE " space, table_name AS name, 'r' kind, temporary, column_count natts, check_constraint_count checks,"
    " index_count > 0 OR has_primary_key indexed, estimated_size tuples, comment, NULL::TEXT AS sql FROM duckdb_tables()"
    " WHERE NOT internal AND " HERE " UNION ALL SELECT " SPACE
    ", view_name, 'v', temporary, column_count, 0, false, 0, comment, sql FROM duckdb_views()"
    " WHERE NOT internal AND " HERE " UNION ALL SELECT " SPACE
    ", sequence_name, 'S', temporary, 3, 0, false, 1, comment, NULL FROM duckdb_sequences() WHERE " HERE
    " UNION ALL SELECT space, name, 'i', space = 'pg_temp', len(names), 0, false, 0, comment, NULL FROM " DR_CATALOG ".indexes);"

    "CREATE VIEW " DR_CATALOG ".index_columns AS SELECT any_value(i.space) space, i.name, any_value(i.table_name) table_name,"
    " any_value(i.is_unique) is_unique, any_value(i.is_primary) is_primary, any_value(i.names) AS names,"
    " list_transform(any_value(i.names), lambda x: coalesce(list_position(list(c.column_name ORDER BY c.number), x), "
    "0)::SMALLINT)"
    " numbers FROM " DR_CATALOG ".indexes i JOIN " DR_CATALOG ".columns c ON c.space = i.space AND c.table_name = i.table_name"
    " GROUP BY i.space, i.name;"

    "CREATE MACRO " DR_CATALOG
    ".quoted_list(names) AS array_to_string(list_transform(names, lambda n: CASE WHEN regexp_full_match(n,"
    " '[a-z_][a-z0-9_]*|\\(.*\\)') THEN n ELSE '\"' || replace(n, '\"', '\"\"') || '\"' END), ', ');"

    "CREATE VIEW " DR_CATALOG
    ".constraint_texts AS SELECT space, table_name, constraint_name, kind, names, numbers, referenced_table,"
    " referenced, expression, " DR_CATALOG ".oid_of('constraint ' || space, table_name || chr(1) || constraint_name || chr(1) ||"
    " constraint_index) oid, CASE kind WHEN 'c' THEN 'CHECK (' || expression || ')' ELSE constraint_type || ' (' || " DR_CATALOG
    ".quoted_list(names) || ')' || CASE kind WHEN 'f' THEN ' REFERENCES ' || " DR_CATALOG
    ".quote_ident(referenced_table) || '(' || " DR_CATALOG
    ".quoted_list(referenced) || ')' ELSE '' END END definition FROM " DR_CATALOG ".constraints;"

    "CREATE VIEW " DR_CATALOG ".index_texts AS SELECT *, " DR_CATALOG
    ".oid_of(space, name) oid, 'CREATE ' || CASE WHEN is_unique THEN"
    " 'UNIQUE ' ELSE '' END || 'INDEX ' || " DR_CATALOG ".quote_ident(name) || ' ON ' || " DR_CATALOG
    ".quote_ident(space) || '.' || " DR_CATALOG ".quote_ident(table_name) || ' USING btree (' || " DR_CATALOG
    ".quoted_list(names) || ')' definition FROM " DR_CATALOG ".index_columns;";
