/* Relations of pg_catalog whose rows are always the same, or those of the session. */
#include "catalog_names.h"

#define SETTING(name, value) "('" name "','" value "'),"
#define SETTINGS                                                                                                                 \
    SETTING("server_version_num", "150000")                                                                                      \
    SETTING("server_encoding", "UTF8")                                                                                           \
    SETTING("client_encoding", "UTF8")                                                                                           \
    SETTING("standard_conforming_strings", "on")                                                                                 \
    SETTING("integer_datetimes", "on")                                                                                           \
    SETTING("max_identifier_length", "63")                                                                                       \
    SETTING("max_index_keys", "32")                                                                                              \
    SETTING("lc_collate", "C")                                                                                                   \
    SETTING("lc_ctype", "C")                                                                                                     \
    SETTING("default_transaction_read_only", "off")                                                                              \
    SETTING("jit", "off")                                                                                                        \
    "('block_size','262144')"

#define ROLE(oid, name)                                                                                                          \
    "SELECT " name " rolname, true rolsuper, true rolinherit, true rolcreaterole, true rolcreatedb, true rolcanlogin,"           \
    " false rolreplication, -1 rolconnlimit, '********' rolpassword, NULL::TIMESTAMPTZ rolvaliduntil, true rolbypassrls,"        \
    " NULL::TEXT[] rolconfig, " oid " oid, 1260 tableoid"
#define ROLES ROLE("10", "'duckrow'") " UNION ALL " ROLE("16384", "person") " WHERE person <> 'duckrow'"

const char dr_catalog_fixed[] =
    "CREATE MACRO " DR_CATALOG ".pg_roles(person) AS TABLE " ROLES ";"
    "CREATE MACRO " DR_CATALOG
    ".pg_authid(person) AS TABLE SELECT oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb,"
    " rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil, tableoid FROM (" ROLES ");"
    "CREATE MACRO " DR_CATALOG
    ".pg_user(person) AS TABLE SELECT rolname usename, oid usesysid, rolcreatedb usecreatedb, rolsuper usesuper,"
    " rolreplication userepl, rolbypassrls usebypassrls, rolpassword passwd, rolvaliduntil valuntil, rolconfig useconfig FROM "
    "(" ROLES ");"

    "CREATE VIEW " DR_CATALOG ".pg_am AS SELECT *, 2601 tableoid FROM (VALUES (2, 'heap', 'heap_tableam_handler', 't'),"
    " (403, 'btree', 'bthandler', 'i')) a(oid, amname, amhandler, amtype);"
    "CREATE VIEW " DR_CATALOG
    ".pg_collation AS SELECT *, 3456 tableoid FROM (VALUES (100, 'default', 11, 10, 'd', true, -1, NULL::TEXT,"
    " NULL::TEXT, NULL::TEXT, NULL::TEXT), (950, 'C', 11, 10, 'c', true, -1, 'C', 'C', NULL, NULL)) c(oid, collname, "
    "collnamespace,"
    " collowner, collprovider, collisdeterministic, collencoding, collcollate, collctype, colliculocale, collversion);"
    "CREATE VIEW " DR_CATALOG ".pg_tablespace AS SELECT *, 1213 tableoid FROM (VALUES (1663, 'pg_default', 10, NULL::TEXT[],"
    " NULL::TEXT[])) s(oid, spcname, spcowner, spcacl, spcoptions);"
    "CREATE VIEW " DR_CATALOG
    ".pg_language AS SELECT *, 2612 tableoid FROM (VALUES (14, 'sql', 10, false, true, 0, 0, 0, NULL::TEXT[]))"
    " l(oid, lanname, lanowner, lanispl, lanpltrusted, lanplcallfoid, laninline, lanvalidator, lanacl);"
    "CREATE VIEW " DR_CATALOG
    ".pg_settings AS SELECT name, setting, NULL::TEXT unit, 'duckrow' category, '' short_desc, NULL::TEXT extra_desc,"
    " 'internal' context, 'string' vartype, 'default' AS source, NULL::TEXT min_val, NULL::TEXT max_val, NULL::TEXT[] enumvals,"
    " setting boot_val, setting reset_val, NULL::TEXT sourcefile, NULL::INT sourceline, false pending_restart FROM "
    "(VALUES " SETTINGS ") s(name, setting);"
    "CREATE VIEW " DR_CATALOG ".pg_timezone_names AS SELECT name, abbrev, utc_offset, is_dst FROM main.pg_timezone_names();"
    "CREATE TABLE " DR_CATALOG ".pg_stat_activity(datid INT, datname TEXT, pid INT, leader_pid INT, usesysid INT, usename TEXT,"
    " application_name TEXT, client_addr TEXT, client_hostname TEXT, client_port INT, backend_start TIMESTAMPTZ, xact_start "
    "TIMESTAMPTZ,"
    " query_start TIMESTAMPTZ, state_change TIMESTAMPTZ, wait_event_type TEXT, wait_event TEXT, state TEXT, backend_xid INT,"
    " backend_xmin INT, query_id BIGINT, query TEXT, backend_type TEXT);"
    "CREATE TABLE " DR_CATALOG ".pg_locks(locktype TEXT, database INT, relation INT, pid INT, mode TEXT, granted BOOL);";
