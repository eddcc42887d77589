/* pg_type's rows for types of PostgreSQL, and what depends on a type alone. The oids are those that RowDescription says: types.h. */
#include "catalog_names.h"

/* oid, typname, as format_type says it, typlen, typcategory, oid of its array (0: none) */
#define TYPES(X)                                                                                                                 \
    X(16, "bool", "boolean", 1, "B", 1000)                                                                                       \
    X(17, "bytea", "bytea", -1, "U", 1001)                                                                                       \
    X(18, "char", "\"char\"", 1, "Z", 1002)                                                                                      \
    X(19, "name", "name", 64, "S", 1003)                                                                                         \
    X(20, "int8", "bigint", 8, "N", 1016)                                                                                        \
    X(21, "int2", "smallint", 2, "N", 1005)                                                                                      \
    X(23, "int4", "integer", 4, "N", 1007)                                                                                       \
    X(25, "text", "text", -1, "S", 1009)                                                                                         \
    X(26, "oid", "oid", 4, "N", 1028)                                                                                            \
    X(114, "json", "json", -1, "U", 199)                                                                                         \
    X(700, "float4", "real", 4, "N", 1021)                                                                                       \
    X(701, "float8", "double precision", 8, "N", 1022)                                                                           \
    X(1042, "bpchar", "character", -1, "S", 1014)                                                                                \
    X(1043, "varchar", "character varying", -1, "S", 1015)                                                                       \
    X(1082, "date", "date", 4, "D", 1182)                                                                                        \
    X(1083, "time", "time without time zone", 8, "D", 1183)                                                                      \
    X(1114, "timestamp", "timestamp without time zone", 8, "D", 1115)                                                            \
    X(1184, "timestamptz", "timestamp with time zone", 8, "D", 1185)                                                             \
    X(1186, "interval", "interval", 16, "T", 1187)                                                                               \
    X(1266, "timetz", "time with time zone", 12, "D", 1270)                                                                      \
    X(1560, "bit", "bit", -1, "V", 1561)                                                                                         \
    X(1562, "varbit", "bit varying", -1, "V", 1563)                                                                              \
    X(1700, "numeric", "numeric", -1, "N", 1231)                                                                                 \
    X(2205, "regclass", "regclass", 4, "N", 2210)                                                                                \
    X(2206, "regtype", "regtype", 4, "N", 2211)                                                                                  \
    X(2950, "uuid", "uuid", 16, "U", 2951)                                                                                       \
    X(3802, "jsonb", "jsonb", -1, "U", 3807)

#define TEXT(what) #what
#define ROW(oid, name, format, size, category, array)                                                                            \
    "(" TEXT(oid) ",'" name "','" format "'," TEXT(size) ",'" category                                                           \
                                                         "',0," TEXT(array) "),"                                                 \
                                                                            "(" TEXT(array) ",'_" name "','" format              \
                                                                                            "[]',-1,'A'," TEXT(oid) ",0),"
/* Lists of the same order, in which a value is looked up by the place of its key: a CASE of as many branches would take the planner
 * many times as long. */
#define OIDS(oid, name, format, size, category, array) "," TEXT(oid) "," TEXT(array)
#define FORMATS(oid, name, format, size, category, array) ",'" format "','" format "[]'"
#define SIZES(oid, name, format, size, category, array) "," TEXT(size) ",-1"
#define NAMES(oid, name, format, size, category, array) ",'" name "','_" name "','" format "','" format "[]'"
#define NAMED(oid, name, format, size, category, array) "," TEXT(oid) "," TEXT(array) "," TEXT(oid) "," TEXT(array)
#define LOOKUP(values, keys, key) "([" values "])[list_position([" keys "], " key ")]"

/* DuckDB's types: name, oid, oid of the array */
#define DUCKDB_TYPES(X)                                                                                                          \
    X("BOOLEAN", 16, 1000)                                                                                                       \
    X("TINYINT", 21, 1005)                                                                                                       \
    X("UTINYINT", 21, 1005)                                                                                                      \
    X("SMALLINT", 21, 1005)                                                                                                      \
    X("USMALLINT", 23, 1007)                                                                                                     \
    X("INTEGER", 23, 1007)                                                                                                       \
    X("UINTEGER", 20, 1016)                                                                                                      \
    X("BIGINT", 20, 1016)                                                                                                        \
    X("UBIGINT", 1700, 1231)                                                                                                     \
    X("HUGEINT", 1700, 1231)                                                                                                     \
    X("UHUGEINT", 1700, 1231)                                                                                                    \
    X("BIGNUM", 1700, 1231)                                                                                                      \
    X("FLOAT", 700, 1021)                                                                                                        \
    X("DOUBLE", 701, 1022)                                                                                                       \
    X("JSON", 114, 199)                                                                                                          \
    X("BLOB", 17, 1001)                                                                                                          \
    X("UUID", 2950, 2951)                                                                                                        \
    X("DATE", 1082, 1182)                                                                                                        \
    X("TIME", 1083, 1183)                                                                                                        \
    X("TIME_NS", 1083, 1183)                                                                                                     \
    X("TIME WITH TIME ZONE", 1266, 1270)                                                                                         \
    X("TIMESTAMP", 1114, 1115)                                                                                                   \
    X("TIMESTAMP_S", 1114, 1115)                                                                                                 \
    X("TIMESTAMP_MS", 1114, 1115)                                                                                                \
    X("TIMESTAMP_NS", 1114, 1115)                                                                                                \
    X("TIMESTAMP WITH TIME ZONE", 1184, 1185)                                                                                    \
    X("INTERVAL", 1186, 1187)                                                                                                    \
    X("VARIANT", 114, 114)
#define DUCKDB_NAMES(name, oid, array) ",'" name "','" name "[]'"
#define DUCKDB_OIDS(name, oid, array) "," TEXT(oid) "," TEXT(array)

/* Types of no values: pseudo types, which have no array worth a name. */
#define PSEUDO                                                                                                                   \
    "(24,'regproc','regproc',4,'N',0,0),(22,'int2vector','int2vector',-1,'A',21,0),(30,'oidvector','oidvector',-1,'A',26,0),"    \
    "(705,'unknown','unknown',-2,'X',0,0),(2249,'record','record',-1,'P',0,0),(2276,'any','\"any\"',4,'P',0,0),"                 \
    "(2278,'void','void',4,'P',0,0)"

const char dr_catalog_types[] = "CREATE TABLE " DR_CATALOG ".base_types AS SELECT * FROM (VALUES " TYPES(ROW) PSEUDO
    ") t(oid, typname, format, typlen, typcategory, typelem, typarray);"

    /* Names are stable: the same in each instance and after a restart, so that a client may keep an oid between two queries. */
    "CREATE MACRO " DR_CATALOG ".oid_of(space, name) AS"
    " (16384 + hash(space || chr(1) || name) % 1073741824)::INT;"
    "CREATE MACRO " DR_CATALOG ".schema_oid(space) AS CASE space WHEN 'main' THEN 2200 WHEN 'pg_catalog' THEN 11"
    " WHEN 'information_schema' THEN 13000 ELSE " DR_CATALOG ".oid_of('schema', space) END;"

    "CREATE MACRO " DR_CATALOG ".type_oid(type) AS coalesce(" LOOKUP(
        "25" DUCKDB_TYPES(DUCKDB_OIDS), "'VARCHAR'" DUCKDB_TYPES(DUCKDB_NAMES),
        "regexp_replace(type, '(\\[[0-9]*\\])+$', '[]')") ","
                                                          " CASE WHEN regexp_matches(type, '^(STRUCT|MAP|UNION)\\(') THEN 114"
                                                          " WHEN starts_with(type, 'DECIMAL') THEN CASE WHEN ends_with(type, "
                                                          "']') THEN 1231 ELSE 1700 END"
                                                          " WHEN ends_with(type, ']') THEN 1009 ELSE 25 END);"
                                                          "CREATE MACRO " DR_CATALOG ".type_size(type) AS coalesce(" LOOKUP(
                                                              "-1" TYPES(SIZES), "0" TYPES(OIDS),
                                                              "type") ", -1);"
                                                                      "CREATE MACRO " DR_CATALOG
                                                                      ".type_modifier(digits, scale) AS CASE WHEN digits IS NULL "
                                                                      "THEN -1"
                                                                      " ELSE (digits << 16 | scale) + 4 END;"

                                                                      "CREATE MACRO " DR_CATALOG ".type_format(type) AS " LOOKUP(
                                                                          "'-'" TYPES(FORMATS), "0" TYPES(OIDS),
                                                                          "type") ";"
                                                                                  "CREATE VIEW " DR_CATALOG ".user_types AS "
                                                                                  "SELECT " DR_CATALOG ".oid_of('type ' || "
                                                                                  "schema_name, type_name) oid, "
                                                                                  "type_name typname,"
                                                                                  " schema_name, labels, "
                                                                                  "comment FROM duckdb_types() "
                                                                                  "WHERE NOT internal AND "
                                                                                  "database_name = "
                                                                                  "current_database();"
                                                                                  "CREATE VIEW " DR_CATALOG
                                                                                  ".find_type AS SELECT oid "
                                                                                  "dr_oid, typname dr_name "
                                                                                  "FROM " DR_CATALOG ".user_types;"
                                                                                  "CREATE MACRO " DR_CATALOG
                                                                                  ".format_type(type, modifier) "
                                                                                  "AS CASE WHEN type::INT = "
                                                                                  "1700 AND modifier >= 4"
                                                                                  " THEN 'numeric(' || "
                                                                                  "((modifier - 4) >> 16) || "
                                                                                  "',' || ((modifier - 4) & "
                                                                                  "65535) || ')'"
                                                                                  " ELSE coalesce(" DR_CATALOG
                                                                                  ".type_format(type::INT), "
                                                                                  "(SELECT any_value(u.dr_name) "
                                                                                  "FROM " DR_CATALOG
                                                                                  ".find_type u WHERE u.dr_oid "
                                                                                  "= type::INT),"
                                                                                  " CASE WHEN type IS NOT NULL "
                                                                                  "THEN '?' END) END;"

                                                                                  "CREATE MACRO " DR_CATALOG
                                                                                  ".type_by_name(wanted) "
                                                                                  "AS " LOOKUP(
                                                                                      "23,1700,701,701,1083,"
                                                                                      "1114,25,17,1042" TYPES(NAMED),
                                                                                      "'int','decimal','double',"
                                                                                      "'float','time','"
                                                                                      "timestamp','string','"
                                                                                      "blob','char'" TYPES(NAMES),
                                                                                      "regexp_replace(lower("
                                                                                      "wanted), "
                                                                                      "'^(pg_catalog\\.)|\"', "
                                                                                      "'', 'g')") ";"
                                                                                                  "CREATE "
                                                                                                  "MACRO"
                                                                                                  " " DR_CATALOG ".to_regtype("
                                                                                                  "wanted) AS "
                                                                                                  "coalesce(try_"
                                                                                                  "cast(wanted "
                                                                                                  "AS "
                                                                                                  "INT),"
                                                                                                  " " DR_CATALOG ".type_by_"
                                                                                                  "name(wanted::"
                                                                                                  "TEXT),"
                                                                                                  " (SELECT "
                                                                                                  "any_value(u."
                                                                                                  "dr_oid) "
                                                                                                  "FROM"
                                                                                                  " " DR_CATALOG ".find_type u "
                                                                                                  "WHERE "
                                                                                                  "lower(u.dr_"
                                                                                                  "name) = "
                                                                                                  "lower(trim("
                                                                                                  "wanted::TEXT,"
                                                                                                  " '\"'))));"
                                                                                                  "CREATE "
                                                                                                  "MACRO"
                                                                                                  " " DR_CATALOG ".regtype("
                                                                                                  "wanted) AS "
                                                                                                  "coalesce"
                                                                                                  "(" DR_CATALOG ".to_regtype("
                                                                                                  "wanted),"
                                                                                                  " CASE WHEN "
                                                                                                  "wanted IS "
                                                                                                  "NOT NULL "
                                                                                                  "THEN "
                                                                                                  "error('type "
                                                                                                  "\"' || "
                                                                                                  "wanted || "
                                                                                                  "'\" does not "
                                                                                                  "exist') END);"

                                                                                                  "CREATE "
                                                                                                  "VIEW"
                                                                                                  " " DR_CATALOG ".pg_type AS "
                                                                                                  "SELECT oid, "
                                                                                                  "typname, 11 "
                                                                                                  "typnamespace,"
                                                                                                  " 10 "
                                                                                                  "typowner, "
                                                                                                  "typlen::"
                                                                                                  "SMALLINT "
                                                                                                  "typlen,"
                                                                                                  " typlen "
                                                                                                  "BETWEEN 1 "
                                                                                                  "AND 8 "
                                                                                                  "typbyval, "
                                                                                                  "CASE "
                                                                                                  "typcategory "
                                                                                                  "WHEN 'P' "
                                                                                                  "THEN 'p' "
                                                                                                  "ELSE 'b' END "
                                                                                                  "typtype, "
                                                                                                  "typcategory, "
                                                                                                  "oid IN (16, "
                                                                                                  "25, 26, 701,"
                                                                                                  " 1184, 1186, "
                                                                                                  "1562) "
                                                                                                  "typispreferre"
                                                                                                  "d, true "
                                                                                                  "typisdefined,"
                                                                                                  " ',' "
                                                                                                  "typdelim, 0 "
                                                                                                  "typrelid, "
                                                                                                  "CASE WHEN "
                                                                                                  "typelem > 0 "
                                                                                                  "THEN"
                                                                                                  " 'array_"
                                                                                                  "subscript_"
                                                                                                  "handler' "
                                                                                                  "ELSE '-' END "
                                                                                                  "typsubscript,"
                                                                                                  " typelem, "
                                                                                                  "typarray, "
                                                                                                  "CASE WHEN "
                                                                                                  "typelem > 0 "
                                                                                                  "THEN "
                                                                                                  "'array_in' "
                                                                                                  "ELSE"
                                                                                                  " typname || "
                                                                                                  "'in' END "
                                                                                                  "typinput, "
                                                                                                  "CASE WHEN "
                                                                                                  "typelem > 0 "
                                                                                                  "THEN "
                                                                                                  "'array_out' "
                                                                                                  "ELSE typname "
                                                                                                  "|| 'out' END "
                                                                                                  "typoutput,"
                                                                                                  " CASE WHEN "
                                                                                                  "typelem > 0 "
                                                                                                  "THEN "
                                                                                                  "'array_recv' "
                                                                                                  "ELSE typname "
                                                                                                  "|| 'recv' "
                                                                                                  "END "
                                                                                                  "typreceive, "
                                                                                                  "CASE WHEN "
                                                                                                  "typelem > 0 "
                                                                                                  "THEN "
                                                                                                  "'array_send' "
                                                                                                  "ELSE"
                                                                                                  " typname || "
                                                                                                  "'send' END "
                                                                                                  "typsend, '-' "
                                                                                                  "typmodin, "
                                                                                                  "'-' "
                                                                                                  "typmodout, "
                                                                                                  "'-' "
                                                                                                  "typanalyze, "
                                                                                                  "'i' "
                                                                                                  "typalign, "
                                                                                                  "'x' "
                                                                                                  "typstorage, "
                                                                                                  "false "
                                                                                                  "typnotnull,"
                                                                                                  " 0 "
                                                                                                  "typbasetype, "
                                                                                                  "-1 "
                                                                                                  "typtypmod, 0 "
                                                                                                  "typndims, 0 "
                                                                                                  "typcollation,"
                                                                                                  " NULL::TEXT "
                                                                                                  "typdefaultbin"
                                                                                                  ", NULL::TEXT "
                                                                                                  "typdefault,"
                                                                                                  " NULL::TEXT[]"
                                                                                                  " typacl, "
                                                                                                  "1247 "
                                                                                                  "tableoid "
                                                                                                  "FROM"
                                                                                                  " " DR_CATALOG ".base_types"
                                                                                                  " UNION ALL "
                                                                                                  "SELECT oid, "
                                                                                                  "typname,"
                                                                                                  " " DR_CATALOG ".schema_oid("
                                                                                                  "schema_name),"
                                                                                                  " 10, 4, "
                                                                                                  "true, CASE "
                                                                                                  "WHEN labels "
                                                                                                  "IS NULL THEN "
                                                                                                  "'d' ELSE 'e'"
                                                                                                  " END, CASE "
                                                                                                  "WHEN labels "
                                                                                                  "IS NULL THEN "
                                                                                                  "'U' ELSE 'E' "
                                                                                                  "END, false, "
                                                                                                  "true, ',', "
                                                                                                  "0, '-', 0, "
                                                                                                  "0, "
                                                                                                  "'enum_in', "
                                                                                                  "'enum_out', "
                                                                                                  "'enum_recv',"
                                                                                                  " 'enum_send',"
                                                                                                  " '-', '-', "
                                                                                                  "'-', 'i', "
                                                                                                  "'p', false, "
                                                                                                  "CASE WHEN "
                                                                                                  "labels IS "
                                                                                                  "NULL THEN 25 "
                                                                                                  "ELSE 0 END, "
                                                                                                  "-1, 0, 0, "
                                                                                                  "NULL, NULL, "
                                                                                                  "NULL, 1247"
                                                                                                  " FROM"
                                                                                                  " " DR_CATALOG ".user_types;"
                                                                                                  "CREATE "
                                                                                                  "VIEW"
                                                                                                  " " DR_CATALOG ".pg_enum AS "
                                                                                                  "SELECT"
                                                                                                  " " DR_CATALOG ".oid_of('"
                                                                                                  "label ' || "
                                                                                                  "oid, "
                                                                                                  "labels[i]) "
                                                                                                  "oid, oid "
                                                                                                  "enumtypid,"
                                                                                                  " i::REAL "
                                                                                                  "enumsortorder"
                                                                                                  ", labels[i] "
                                                                                                  "enumlabel "
                                                                                                  "FROM (SELECT "
                                                                                                  "oid, labels, "
                                                                                                  "unnest(range("
                                                                                                  "1, "
                                                                                                  "len(labels) "
                                                                                                  "+ 1)) i "
                                                                                                  "FROM"
                                                                                                  " " DR_CATALOG ".user_types "
                                                                                                  "WHERE labels "
                                                                                                  "IS NOT "
                                                                                                  "NULL);";
