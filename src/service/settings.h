/* The settings of `duckrow serve`: one list (X-macro), from which the command line, the configuration file, --help, the documented
 * table and SHOW come.
 *
 * Configuration file (INI, read with inih):
 *     [service]                         the settings, with their names
 *     socket = /run/duckrow             a folder; the socket's name in it follows PostgreSQL's: .s.PGSQL.5432
 *     [databases]                       name = path; the first is what sessions start in
 *     core = data/core.duckdb
 *     runs = data/runs.duckdb
 * A flag is the name with dashes: --idle-in-transaction-session-timeout 5s. Flags win over the file, wherever they stand, and
 * databases given as arguments take the place of the file's. Times are read as everywhere in duckrow (10s, 500ms); sizes 64MiB,
 * 8MB, 4096. An unknown name is an error that names file and line and the nearest known one.
 *
 * In the file ; and # begin a comment line, and " ;" a comment behind a value; " #" there is an error, not a part of a path.
 * Indentation means nothing. A name may be given once. Relative paths are those of the file's folder. A line has at most 198
 * bytes, as inih is usually built. */
#ifndef DR_SETTINGS_H
#define DR_SETTINGS_H

#include "core/error.h"

enum { DR_DATABASES = 16 };

/* kind, name, default, least, most (of numbers; times in ms, sizes in bytes; most 0: any), help. PATH is a text that can be
 * relative to the configuration file, ADDRESS a path or, all digits, a port. */
#define DR_SETTINGS(X)                                                                                                           \
    X(PATH, socket, "", 0, 0, "folder of the socket; default: the first database's .duckrow folder")                             \
    X(PATH, engine, "", 0, 0, "the libduckdb.so to use; default: DUCKROW_ENGINE, then the loader's path")                        \
    X(TEXT, users, "", 0, 0, "users who may connect besides the service's own and root, separated by commas")                    \
    X(TEXT, groups, "", 0, 0, "groups whose members may connect, separated by commas")                                           \
    X(TEXT, log_format, "text", 0, 0, "text or json")                                                                            \
    X(TEXT, log_level, "info", 0, 0, "debug, info, warning or error")                                                            \
    X(ADDRESS, metrics, "", 0, 0, "where to give Prometheus text: a socket's path or a loopback port; default: nowhere")         \
    X(NUMBER, max_connections, "1000", 1, 100000, "sessions at most; further ones are refused with 53300")                       \
    X(NUMBER, threads, "0", 0, 1024, "threads of each DuckDB instance; 0: DuckDB's default")                                     \
    X(SIZE, memory_limit, "0", 0, 0, "memory limit of each DuckDB instance; 0: DuckDB's default")                                \
    X(NUMBER, workers, "64", 1, 10000, "statements beside the lane that run at the same time, at most")                          \
    X(TIME, busy_timeout, "10s", 0, 0, "how long a statement waits for others: lock_timeout of sessions, and for the turn")      \
    X(TIME, statement_timeout, "0", 0, 0, "longest run of a statement; 0: any")                                                  \
    X(TIME, transaction_timeout, "60s", 0, 0, "longest transaction that a client keeps open, from its first write on; 0: any")   \
    X(TIME, idle_in_transaction_session_timeout, "10s", 0, 0, "longest pause within a transaction; 0: any")                      \
    X(TIME, timeout_ceiling, "1h", 0, 0, "what sessions may set the timeouts to at most")                                        \
    X(TIME, ddl_wait, "1s", 0, 0, "how long DDL, and duckrow hold, let open transactions end before they are cancelled")         \
    X(NUMBER, checkpoint_commits, "400", 1, 1000000, "groups committed before a checkpoint under load: replay against writing")  \
    X(SIZE, max_frame, "64MiB", 1024, 1073741824, "longest message of a client")                                                 \
    X(SIZE, send_buffer, "1MiB", 16384, 1073741824, "what a result may hold in memory for a client that doesn't read")           \
    X(NUMBER, group_rows, "8192", 1, 1000000, "rows in one group commit at most")

struct dr_settings {
#define DR_SETTING_TEXT char *
#define DR_SETTING_PATH char *
#define DR_SETTING_ADDRESS char *
#define DR_SETTING_NUMBER int64_t
#define DR_SETTING_SIZE int64_t
#define DR_SETTING_TIME int64_t
#define DR_SETTING_FIELD(kind, name, value, least, most, help) DR_SETTING_##kind name;
    DR_SETTINGS(DR_SETTING_FIELD)
#undef DR_SETTING_FIELD
    int databases;
    struct {
        char *name, *path; /* name NULL: as DuckDB derives it from the path, until dr_settings_check fills it in */
    } database[DR_DATABASES];
};

/* Defaults. Needs dr_settings_free on failure too. */
duckrow_code dr_settings_begin(struct dr_settings *settings, duckrow_error *error);
void dr_settings_free(struct dr_settings *settings);
/* Sets one by name ('_' and '-' are the same). where: what an error line begins with ("duckrow.conf:7"); NULL: the setting is a
 * flag, and called so. Nothing is changed on failure. Errors: USAGE. */
duckrow_code dr_settings_set(struct dr_settings *settings, const char *name, const char *value, const char *where,
                             duckrow_error *error);
/* Reads a configuration file, whose databases take the place of those there are. Errors: USAGE for what is in it, those of the system for what can't be read. */
duckrow_code dr_settings_read(struct dr_settings *settings, const char *path, duckrow_error *error);
/* The arguments of `duckrow serve`: databases (PATH or NAME=PATH; NAME has no slash, so ./a=b is a path), flags, --config FILE,
 * --check, --help. With --help nothing else is looked at. */
struct dr_serve_arguments {
    int check, help;
};
duckrow_code dr_settings_arguments(struct dr_settings *settings, int count, char **arguments, struct dr_serve_arguments *found,
                                   duckrow_error *error);
/* What only the whole can tell: a database is needed, each is a file that can have one, names (which it fills in) are unique and
 * not DuckDB's own, no file is there twice. */
duckrow_code dr_settings_check(struct dr_settings *settings, duckrow_error *error);
/* The text of a setting, as SHOW gives it, to be freed; NULL when there is none of that name. */
char *dr_settings_show(const struct dr_settings *settings, const char *name);
/* The list as --help and the documentation show it: "  --socket PATH   …" lines. To be freed; NULL: out of memory. */
char *dr_settings_help(void);

#endif
