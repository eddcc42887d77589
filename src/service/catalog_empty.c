/* Relations of pg_catalog that have no rows here, for DuckDB has nothing of the kind; with the columns that PostgreSQL 15 has. */
#include "catalog_names.h"

#define EMPTY(name, columns) "CREATE TABLE " DR_CATALOG "." name "(" columns ", tableoid INT);"

const char dr_catalog_empty[] = EMPTY("pg_aggregate", "aggfnoid INT, aggkind TEXT, aggnumdirectargs SMALLINT, aggtransfn INT, "
                                                      "aggfinalfn INT, aggcombinefn INT, aggserialfn INT, aggdeserialfn INT, "
                                                      "aggmtransfn INT, aggminvtransfn INT, aggmfinalfn INT, aggfinalextra BOOL, "
                                                      "aggmfinalextra BOOL, aggfinalmodify TEXT, aggmfinalmodify TEXT, aggsortop "
                                                      "INT, aggtranstype INT, aggtransspace INT, aggmtranstype INT, "
                                                      "aggmtransspace INT, agginitval TEXT, aggminitval TEXT")
    EMPTY("pg_auth_members", "roleid INT, member INT, grantor INT, admin_option BOOL") EMPTY(
        "pg_available_extensions", "name TEXT, default_version TEXT, "
                                   "installed_version TEXT, comment TEXT")
        EMPTY("pg_cast", "oid INT, castsource INT, casttarget INT, castfunc INT, castcontext TEXT, castmethod TEXT") EMPTY(
            "pg_conversion",
            "oid INT, conname TEXT, connamespace INT, conowner INT, conforencoding INT, contoencoding INT, conproc INT, "
            "condefault "
            "BOOL") EMPTY("pg_cursors", "name TEXT, statement TEXT, is_holdable BOOL, is_binary BOOL, is_scrollable BOOL, "
                                        "creation_time TIMESTAMPTZ") EMPTY("pg_db_role_setting",
                                                                           "setdatabase INT, setrole INT, setconfig TEXT[]")
            EMPTY("pg_default_acl", "oid INT, defaclrole INT, defaclnamespace INT, defaclobjtype TEXT, defaclacl TEXT[]") EMPTY(
                "pg_depend", "classid INT, objid INT, objsubid INT, refclassid INT, refobjid INT, refobjsubid INT, deptype TEXT")
                EMPTY("pg_event_trigger",
                      "oid INT, evtname TEXT, evtevent TEXT, evtowner INT, evtfoid INT, evtenabled TEXT, evttags "
                      "TEXT[]") EMPTY("pg_extension",
                                      "oid INT, extname TEXT, extowner INT, extnamespace INT, extrelocatable BOOL, extversion "
                                      "TEXT, extconfig INT[], "
                                      "extcondition TEXT[]") EMPTY("pg_foreign_data_wrapper",
                                                                   "oid INT, fdwname TEXT, fdwowner INT, fdwhandler INT, "
                                                                   "fdwvalidator INT, fdwacl TEXT[], fdwoptions TEXT[]")
                    EMPTY("pg_foreign_server", "oid INT, srvname TEXT, srvowner INT, srvfdw INT, srvtype TEXT, srvversion TEXT, "
                                               "srvacl TEXT[], srvoptions TEXT[]")
                        EMPTY("pg_foreign_table", "ftrelid INT, ftserver INT, ftoptions TEXT[]") EMPTY(
                            "pg_inherits", "inhrelid INT, inhparent INT, inhseqno "
                                           "INT, inhdetachpending BOOL")
                            EMPTY("pg_init_privs", "objoid INT, classoid INT, objsubid INT, privtype TEXT, initprivs TEXT[]")
                                EMPTY("pg_largeobject_metadata", "oid INT, lomowner INT, lomacl TEXT[]") EMPTY(
                                    "pg_matviews", "schemaname TEXT, matviewname TEXT, matviewowner TEXT, "
                                                   "tablespace TEXT, hasindexes BOOL, ispopulated BOOL, "
                                                   "definition TEXT")
                                    EMPTY("pg_opclass",
                                          "oid INT, opcmethod INT, opcname TEXT, opcnamespace INT, opcowner INT, opcfamily "
                                          "INT, opcintype INT, opcdefault BOOL, opckeytype INT")
                                        EMPTY("pg_operator",
                                              "oid INT, oprname TEXT, oprnamespace INT, oprowner INT, oprkind TEXT, oprcanmerge "
                                              "BOOL, oprcanhash "
                                              "BOOL, oprleft INT, oprright INT, oprresult INT, oprcom INT, oprnegate INT, "
                                              "oprcode INT, oprrest "
                                              "INT, oprjoin INT") EMPTY("pg_opfamily",
                                                                        "oid INT, opfmethod INT, opfname TEXT, opfnamespace INT, "
                                                                        "opfowner INT")
                                            EMPTY("pg_partitioned_table",
                                                  "partrelid INT, partstrat TEXT, partnatts SMALLINT, partdefid INT, "
                                                  "partattrs SMALLINT[], partclass INT[], partcollation INT[], partexprs "
                                                  "TEXT") EMPTY("pg_policies",
                                                                "schemaname TEXT, tablename TEXT, policyname TEXT, permissive "
                                                                "TEXT, roles TEXT[], cmd TEXT, qual "
                                                                "TEXT, with_check TEXT")
                                                EMPTY("pg_policy",
                                                      "oid INT, polname TEXT, polrelid INT, polcmd TEXT, polpermissive BOOL, "
                                                      "polroles INT[], polqual TEXT, polwithcheck TEXT")
                                                    EMPTY("pg_prepared_xacts",
                                                          "transaction INT, gid TEXT, prepared TIMESTAMPTZ, owner TEXT, database "
                                                          "TEXT") EMPTY("pg_publication",
                                                                        "oid INT, pubname TEXT, pubowner INT, puballtables BOOL, "
                                                                        "pubinsert BOOL, pubupdate BOOL, pubdelete BOOL, "
                                                                        "pubtruncate BOOL, pubviaroot BOOL")
                                                        EMPTY(
                                                            "pg_publication_namespace",
                                                            "oid INT, pnpubid INT, pnnspid INT") EMPTY("pg_publication_rel",
                                                                                                       "oid INT, prpubid INT, "
                                                                                                       "prrelid INT, prqual "
                                                                                                       "TEXT, prattrs SMALLINT[]")
                                                            EMPTY("pg_publication_tables",
                                                                  "pubname TEXT, schemaname TEXT, tablename TEXT, attnames "
                                                                  "TEXT[], rowfilter TEXT")
                                                                EMPTY("pg_range", "rngtypid INT, rngsubtype INT, rngmultitypid "
                                                                                  "INT, rngcollation INT, rngsubopc INT, "
                                                                                  "rngcanonical INT, rngsubdiff INT")
                                                                    EMPTY("pg_replication_slots",
                                                                          "slot_name TEXT, plugin TEXT, slot_type TEXT, datoid "
                                                                          "INT, database TEXT, "
                                                                          "temporary BOOL, active BOOL, active_pid INT, xmin "
                                                                          "INT, catalog_xmin INT, "
                                                                          "restart_lsn TEXT, confirmed_flush_lsn TEXT, "
                                                                          "wal_status TEXT, safe_wal_size "
                                                                          "BIGINT, two_phase BOOL")
                                                                        EMPTY("pg_rewrite",
                                                                              "oid INT, rulename TEXT, "
                                                                              "ev_class INT, ev_type TEXT, "
                                                                              "ev_enabled TEXT, is_instead "
                                                                              "BOOL, ev_qual TEXT, ev_action "
                                                                              "TEXT") EMPTY("pg_rules",
                                                                                            "schemaname TEXT, tablename TEXT, "
                                                                                            "rulename TEXT, definition "
                                                                                            "TEXT") EMPTY("pg_seclabel",
                                                                                                          "objoid INT, classoid "
                                                                                                          "INT, objsubid INT, "
                                                                                                          "provider TEXT, label "
                                                                                                          "TEXT")
                                                                            EMPTY("pg_shdepend", "dbid INT, classid INT, objid "
                                                                                                 "INT, objsubid INT, refclassid "
                                                                                                 "INT, refobjid INT, deptype "
                                                                                                 "TEXT") EMPTY("pg_shdescription",
                                                                                                               "objoid INT, "
                                                                                                               "classoid INT, "
                                                                                                               "description TEXT")
                                                                                EMPTY(
                                                                                    "pg_stat_replication",
                                                                                    "pid INT, usesysid INT, usename TEXT, "
                                                                                    "application_name TEXT, client_addr "
                                                                                    "TEXT, client_hostname TEXT, client_port "
                                                                                    "INT, backend_start TIMESTAMPTZ, "
                                                                                    "backend_xmin INT, state TEXT, sent_lsn "
                                                                                    "TEXT, write_lsn TEXT, flush_lsn "
                                                                                    "TEXT, replay_lsn TEXT, write_lag INTERVAL, "
                                                                                    "flush_lag INTERVAL, "
                                                                                    "replay_lag INTERVAL, sync_priority INT, "
                                                                                    "sync_state TEXT, reply_time "
                                                                                    "TIMESTAMPTZ") EMPTY("pg_stat_user_indexes",
                                                                                                         "relid INT, indexrelid "
                                                                                                         "INT, schemaname TEXT, "
                                                                                                         "relname TEXT, "
                                                                                                         "indexrelname TEXT, "
                                                                                                         "idx_scan BIGINT, "
                                                                                                         "idx_tup_read BIGINT, "
                                                                                                         "idx_tup_fetch BIGINT")
                                                                                    EMPTY("pg_stat_user_tables",
                                                                                          "relid INT, schemaname TEXT, relname "
                                                                                          "TEXT, seq_scan BIGINT, "
                                                                                          "seq_tup_read BIGINT, idx_scan BIGINT, "
                                                                                          "idx_tup_fetch BIGINT, "
                                                                                          "n_tup_ins BIGINT, n_tup_upd BIGINT, "
                                                                                          "n_tup_del BIGINT, "
                                                                                          "n_tup_hot_upd BIGINT, n_live_tup "
                                                                                          "BIGINT, n_dead_tup BIGINT, "
                                                                                          "n_mod_since_analyze BIGINT, "
                                                                                          "n_ins_since_vacuum BIGINT, "
                                                                                          "last_vacuum TIMESTAMPTZ, "
                                                                                          "last_autovacuum TIMESTAMPTZ, "
                                                                                          "last_analyze TIMESTAMPTZ, "
                                                                                          "last_autoanalyze TIMESTAMPTZ, "
                                                                                          "vacuum_count BIGINT, autovacuum_count "
                                                                                          "BIGINT, analyze_count "
                                                                                          "BIGINT, autoanalyze_count BIGINT")
                                                                                        EMPTY("pg_statio_user_tables",
                                                                                              "relid INT, schemaname TEXT, "
                                                                                              "relname TEXT, heap_blks_read "
                                                                                              "BIGINT, heap_blks_hit BIGINT, "
                                                                                              "idx_blks_read BIGINT, "
                                                                                              "idx_blks_hit BIGINT, "
                                                                                              "toast_blks_read BIGINT, "
                                                                                              "toast_blks_hit BIGINT, "
                                                                                              "tidx_blks_read BIGINT, "
                                                                                              "tidx_blks_hit BIGINT")
                                                                                            EMPTY(
                                                                                                "pg_statistic_ext",
                                                                                                "oid INT, stxrelid INT, stxname "
                                                                                                "TEXT, stxnamespace INT, "
                                                                                                "stxowner "
                                                                                                "INT, stxstattarget INT, stxkeys "
                                                                                                "SMALLINT[], stxkind TEXT[], "
                                                                                                "stxexprs TEXT")
                                                                                                EMPTY("pg_stats",
                                                                                                      "schemaname TEXT, "
                                                                                                      "tablename TEXT, attname "
                                                                                                      "TEXT, "
                                                                                                      "inherited BOOL, null_frac "
                                                                                                      "REAL, avg_width INT, "
                                                                                                      "n_distinct REAL, "
                                                                                                      "most_common_vals TEXT, "
                                                                                                      "most_common_freqs REAL[], "
                                                                                                      "histogram_bounds TEXT, "
                                                                                                      "correlation REAL, "
                                                                                                      "most_common_elems TEXT, "
                                                                                                      "most_common_elem_freqs "
                                                                                                      "REAL[], "
                                                                                                      "elem_count_histogram "
                                                                                                      "REAL[]") EMPTY("pg_"
                                                                                                                      "subscripti"
                                                                                                                      "on",
                                                                                                                      "oid INT, "
                                                                                                                      "subdbid "
                                                                                                                      "INT, "
                                                                                                                      "subskiplsn"
                                                                                                                      " TEXT, "
                                                                                                                      "subname "
                                                                                                                      "TEXT, "
                                                                                                                      "subowner "
                                                                                                                      "INT, "
                                                                                                                      "subenabled"
                                                                                                                      " BOOL, "
                                                                                                                      "subbinary "
                                                                                                                      "BOOL, "
                                                                                                                      "substream "
                                                                                                                      "BOOL, "
                                                                                                                      "subtwophas"
                                                                                                                      "estate "
                                                                                                                      "TEXT, "
                                                                                                                      "subdisable"
                                                                                                                      "onerr "
                                                                                                                      "BOOL, "
                                                                                                                      "subconninf"
                                                                                                                      "o TEXT, "
                                                                                                                      "subslotnam"
                                                                                                                      "e TEXT, "
                                                                                                                      "subsynccom"
                                                                                                                      "mit TEXT, "
                                                                                                                      "subpublica"
                                                                                                                      "tions "
                                                                                                                      "TEXT[]")
                                                                                                    EMPTY(
                                                                                                        "pg_transform",
                                                                                                        "oid INT, trftype INT, "
                                                                                                        "trflang "
                                                                                                        "INT, trffromsql INT, "
                                                                                                        "trftosql "
                                                                                                        "INT") EMPTY("pg_trigger",
                                                                                                                     "oid INT, "
                                                                                                                     "tgrelid "
                                                                                                                     "INT, "
                                                                                                                     "tgparentid "
                                                                                                                     "INT, "
                                                                                                                     "tgname "
                                                                                                                     "TEXT, "
                                                                                                                     "tgfoid "
                                                                                                                     "INT, "
                                                                                                                     "tgtype "
                                                                                                                     "SMALLINT, "
                                                                                                                     "tgenabled "
                                                                                                                     "TEXT, "
                                                                                                                     "tgisinterna"
                                                                                                                     "l BOOL, "
                                                                                                                     "tgconstrrel"
                                                                                                                     "id INT, "
                                                                                                                     "tgconstrind"
                                                                                                                     "id INT, "
                                                                                                                     "tgconstrain"
                                                                                                                     "t INT, "
                                                                                                                     "tgdeferrabl"
                                                                                                                     "e BOOL, "
                                                                                                                     "tginitdefer"
                                                                                                                     "red BOOL, "
                                                                                                                     "tgnargs "
                                                                                                                     "SMALLINT, "
                                                                                                                     "tgattr "
                                                                                                                     "SMALLINT[],"
                                                                                                                     " tgargs "
                                                                                                                     "TEXT, "
                                                                                                                     "tgqual "
                                                                                                                     "TEXT, "
                                                                                                                     "tgoldtable "
                                                                                                                     "TEXT, "
                                                                                                                     "tgnewtable "
                                                                                                                     "TEXT")
                                                                                                        EMPTY("pg_ts_config",
                                                                                                              "oid INT, cfgname "
                                                                                                              "TEXT, "
                                                                                                              "cfgnamespace INT, "
                                                                                                              "cfgowner INT, "
                                                                                                              "cfgparser INT")
                                                                                                            EMPTY(
                                                                                                                "pg_ts_dict",
                                                                                                                "oid INT, "
                                                                                                                "dictname TEXT, "
                                                                                                                "dictnamespace "
                                                                                                                "INT, dictowner "
                                                                                                                "INT, "
                                                                                                                "dicttemplate "
                                                                                                                "INT, "
                                                                                                                "dictinitoption "
                                                                                                                "TEXT")
                                                                                                                EMPTY(
                                                                                                                    "pg_ts_"
                                                                                                                    "parser",
                                                                                                                    "oid INT, "
                                                                                                                    "prsname "
                                                                                                                    "TEXT, "
                                                                                                                    "prsnamespace"
                                                                                                                    " INT, "
                                                                                                                    "prsstart "
                                                                                                                    "INT, "
                                                                                                                    "prstoken "
                                                                                                                    "INT, prsend "
                                                                                                                    "INT, "
                                                                                                                    "prsheadline "
                                                                                                                    "INT, "
                                                                                                                    "prslextype "
                                                                                                                    "INT")
                                                                                                                    EMPTY(
                                                                                                                        "pg_ts_"
                                                                                                                        "templat"
                                                                                                                        "e",
                                                                                                                        "oid "
                                                                                                                        "INT, "
                                                                                                                        "tmplname"
                                                                                                                        " TEXT, "
                                                                                                                        "tmplname"
                                                                                                                        "space "
                                                                                                                        "INT, "
                                                                                                                        "tmplinit"
                                                                                                                        " "
                                                                                                                        "INT, "
                                                                                                                        "tmpllexi"
                                                                                                                        "ze INT")
                                                                                                                        EMPTY(
                                                                                                                            "pg_"
                                                                                                                            "user"
                                                                                                                            "_map"
                                                                                                                            "pin"
                                                                                                                            "g",
                                                                                                                            "oid "
                                                                                                                            "INT,"
                                                                                                                            " umu"
                                                                                                                            "ser "
                                                                                                                            "INT,"
                                                                                                                            " "
                                                                                                                            "umse"
                                                                                                                            "rver"
                                                                                                                            " INT"
                                                                                                                            ", "
                                                                                                                            "umop"
                                                                                                                            "tion"
                                                                                                                            "s "
                                                                                                                            "TEXT"
                                                                                                                            "[]");
