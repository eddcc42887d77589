/* duckrow upgrade: the database in another storage version, under its turn.
 *
 * DuckDB raises the version of a file in place (ATTACH with STORAGE_VERSION, then a checkpoint that writes; seen in 1.5.6 and 2.0.0),
 * but cannot lower it, changes the file while doing so, and a file that 2.0.0 raised from v1.0.0 has an identity of zeros, with which
 * a WAL of another such file would fit it. COPY FROM DATABASE into a new file does both and makes a file like any other; but 1.5.6
 * copies tables before those that they refer to, and both stop at a default that calls a macro. So: a new file; where DuckDB can't
 * fill it and the version is to be raised, a copy of the bytes, raised in place. Either is compared with the old one, object by
 * object and table by table, before it takes its name (file.h).
 *
 * Killed anywhere: the old one is checkpointed first and has no WAL from then on, the new one has none when it gets its name; so
 * either stands there whole, and no WAL beside it. A snapshot that is older than the new file is noticed, as after any mv. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"
#include "core/space.h"
#include "core/turn.h"
#include "engine/sqltext.h"
#include "file.h"
#include "signals.h"
#include "work.h"

static const char default_version[] = "v1.4.0", made[] = "duckrow upgrade";

struct upgrade {
    struct dr_work work;
    const char *version; /* as given */
    char *from, *to;     /* as DuckDB says it: v1.4.0+ */
    char *name;          /* of the old database, which views may mention */
    int lowers;
    struct stat was;     /* the old file, checkpointed */
    struct dr_making making;
};

static duckrow_code no_memory(duckrow_error *error)
{
    return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}

/* sql is freed; NULL: out of memory. */
static duckrow_code run(dr_session *session, char *sql, duckrow_error *error)
{
    duckrow_code code = sql ? dr_session_run(session, sql, error) : no_memory(error);
    free(sql);
    return code;
}

static duckrow_code text(dr_session *session, char *sql, char **found, duckrow_error *error)
{
    *found = NULL;
    duckrow_code code = sql ? dr_session_text(session, sql, found, error) : no_memory(error);
    free(sql);
    return code;
}

static duckrow_code check_version(const struct upgrade *upgrade, duckrow_error *error)
{
    dr_session *session = upgrade->work.session;
    char *quoted = dr_sql_quote(upgrade->version, '\'');
    duckrow_code code =
        run(session, quoted ? dr_sql_format("ATTACH ':memory:' AS version (STORAGE_VERSION %s); DETACH version", quoted) : NULL,
            error);
    free(quoted);
    if (code == DUCKROW_SQL)
        return dr_fail(
            error, DUCKROW_USAGE,
            "--storage-version %.100s is not one that DuckDB %s can write: v1.4.0 is read by 1.4 to 2.0, latest is its newest",
            upgrade->version, session->duckdb->library_version());
    return code;
}

/* ---- guests ---- */

/* Attaches a file under a name, for a while. options: NULL or what follows TYPE. */
static duckrow_code open_guest(const struct upgrade *upgrade, const char *path, const char *name, const char *options,
                               unsigned flags, dr_session **guest, duckrow_error *error)
{
    duckrow_code code = dr_session_guest(upgrade->work.session, name, options, guest, error);
    return code ? code : dr_session_attach(*guest, path, duckrow_db_path(upgrade->work.db), flags, error);
}

static char *version_option(const struct upgrade *upgrade)
{
    char *quoted = dr_sql_quote(upgrade->version, '\''), *option = quoted ? dr_sql_format("STORAGE_VERSION %s", quoted) : NULL;
    free(quoted);
    return option;
}

/* Read-only, DuckDB answers for a file that is to be opened in a version without changing it. */
static duckrow_code find_target_version(struct upgrade *upgrade, duckrow_error *error)
{
    const char *path = duckrow_db_path(upgrade->work.db);
    dr_session *guest = NULL;
    char *option = version_option(upgrade);
    duckrow_code code = option ? open_guest(upgrade, path, "duckrow version", option, 0, &guest, error) : no_memory(error);
    free(option);
    if (!code)
        code = dr_session_storage_version(guest, &upgrade->to, error);
    else if (code == DUCKROW_SQL && strstr(error->message, "cannot be lowered"))
        upgrade->lowers = 1, code = DUCKROW_OK;
    dr_session_close(guest);
    return code;
}

/* ---- the new file ---- */

static duckrow_code copy_into_new(struct upgrade *upgrade, duckrow_error *error)
{
    dr_session *from = NULL, *to = NULL;
    char *option = version_option(upgrade), *name = dr_sql_quote(upgrade->name, '"');
    duckrow_code code = option && name ? DUCKROW_OK : no_memory(error);
    if (!code)
        code = open_guest(upgrade, duckrow_db_path(upgrade->work.db), upgrade->name, NULL, 0, &from, error);
    if (!code)
        code = open_guest(upgrade, upgrade->making.path, made, option, DR_ATTACH_WRITE | DR_ATTACH_CREATE, &to, error);
    if (!code)
        code = run(to, dr_sql_format("COPY FROM DATABASE %s TO \"%s\"", name, made), error);
    if (!code)
        code = dr_session_checkpoint(to, error);
    if (!code && !upgrade->to)
        code = dr_session_storage_version(to, &upgrade->to, error);
    if (!code)
        code = dr_session_detach(to, error);
    dr_session_close(to);
    dr_session_close(from);
    free(option);
    free(name);
    return code ? code : dr_making_adopt(&upgrade->making, error);
}

/* Only a checkpoint with something to write raises the version. */
static duckrow_code raise_a_copy(struct upgrade *upgrade, duckrow_error *error)
{
    dr_session *guest = NULL;
    char *option = version_option(upgrade);
    duckrow_code code = option ? dr_copy_bytes(upgrade->work.turn->source->fd, upgrade->making.fd, upgrade->was.st_size,
                                               upgrade->making.path, error)
                               : no_memory(error);
    if (!code)
        code = open_guest(upgrade, upgrade->making.path, made, option, DR_ATTACH_WRITE, &guest, error);
    if (!code)
        code =
            run(guest, dr_sql_format("CREATE TABLE \"%s\".\"%s\" AS SELECT 1; DROP TABLE \"%s\".\"%s\"", made, made, made, made),
                error);
    if (!code)
        code = dr_session_checkpoint(guest, error);
    if (!code)
        code = dr_session_detach(guest, error);
    dr_session_close(guest);
    free(option);
    return code;
}

static duckrow_code open_making(struct upgrade *upgrade, int make, duckrow_error *error)
{
    dr_making_close(&upgrade->making);
    return dr_making_open(&upgrade->making, duckrow_db_path(upgrade->work.db), "upgrade", upgrade->was.st_mode, make, error);
}

/* ---- is it all there? ---- */

struct look {
    const char *what, *columns, *from;
};

static const struct look looks[] = {
    {"schemas", "schema_name, comment", "duckdb_schemas() WHERE NOT internal"},
    {"tables", "schema_name, table_name, sql, comment", "duckdb_tables() WHERE NOT internal"},
    {"columns", "schema_name, table_name, column_index, column_name, data_type, column_default, is_nullable, comment",
     "duckdb_columns() WHERE NOT internal"},
    {"constraints", "schema_name, table_name, constraint_text", "duckdb_constraints() WHERE true"},
    {"views", "schema_name, view_name, sql, comment", "duckdb_views() WHERE NOT internal"},
    {"indexes", "schema_name, table_name, index_name, is_unique, sql, comment", "duckdb_indexes() WHERE true"},
    {"sequences", "schema_name, sequence_name, min_value, max_value, increment_by, cycle, last_value, comment",
     "duckdb_sequences() WHERE true"},
    {"types", "schema_name, type_name, logical_type, labels, comment", "duckdb_types() WHERE NOT internal"},
    {"functions", "schema_name, function_name, function_type, parameters, macro_definition, comment",
     "duckdb_functions() WHERE NOT internal"},
};

/* Triggers came with 2.0. */
static const struct look triggers = {"triggers", "* EXCLUDE (database_name)", "duckdb_triggers() WHERE true"};

static duckrow_code compare_objects(dr_session *session, const struct look *look, const char *old, duckrow_error *error)
{
    char *found, *sql = dr_sql_format("WITH a AS (SELECT %s FROM %s AND database_name = %s), b AS (SELECT %s FROM %s AND "
                                      "database_name = '%s') SELECT 'x' FROM ((FROM a EXCEPT ALL FROM b) UNION ALL BY NAME "
                                      "(FROM b EXCEPT ALL FROM a)) LIMIT 1",
                                      look->columns, look->from, old, look->columns, look->from, made);
    duckrow_code code = text(session, sql, &found, error);
    if (!code && found)
        code = dr_fail(error, DUCKROW_UNSUPPORTED,
                       "DuckDB %s does not carry all %s over to another storage version: nothing was changed",
                       session->duckdb->library_version(), look->what);
    free(found);
    return code;
}

static duckrow_code compare_rows(dr_session *session, const char *old, const char *table, duckrow_error *error)
{
    char *found;
    char *sql =
        dr_sql_format("SELECT 'x' WHERE (SELECT (count(*), sum(hash(\"duckrow row\")::HUGEINT)) FROM %s.%s \"duckrow row\") IS "
                      "DISTINCT FROM (SELECT (count(*), sum(hash(\"duckrow row\")::HUGEINT)) FROM \"%s\".%s \"duckrow row\")",
                      old, table, made, table);
    duckrow_code code = text(session, sql, &found, error);
    if (!code && found)
        code = dr_fail(error, DUCKROW_UNSUPPORTED, "the rows of %s did not come over as they are: nothing was changed", table);
    free(found);
    return code;
}

static duckrow_code compare_tables(dr_session *session, const char *old_string, const char *old_name, duckrow_error *error)
{
    for (int i = 0;; i++) {
        char *table;
        duckrow_code code =
            text(session,
                 dr_sql_format("SELECT '\"' || replace(schema_name, '\"', '\"\"') || '\".\"' || replace(table_name, '\"', "
                               "'\"\"') || '\"' FROM duckdb_tables() WHERE database_name = %s AND NOT internal "
                               "ORDER BY ALL LIMIT 1 OFFSET %d",
                               old_string, i),
                 &table, error);
        if (code || !table)
            return code;
        code = compare_rows(session, old_name, table, error);
        free(table);
        if (code)
            return code;
        if (dr_signals_received())
            return dr_fail(error, DUCKROW_INTERRUPTED, "interrupted");
    }
}

static duckrow_code compare_all(dr_session *session, const char *name, duckrow_error *error)
{
    char *string = dr_sql_quote(name, '\''), *quoted = dr_sql_quote(name, '"'), *has_triggers = NULL;
    duckrow_code code = string && quoted ? DUCKROW_OK : no_memory(error);
    for (size_t i = 0; !code && i < sizeof looks / sizeof *looks; i++)
        code = compare_objects(session, &looks[i], string, error);
    if (!code)
        code = dr_session_text(session, "SELECT function_name FROM duckdb_functions() WHERE function_name = 'duckdb_triggers'",
                               &has_triggers, error);
    if (!code && has_triggers)
        code = compare_objects(session, &triggers, string, error);
    if (!code)
        code = compare_tables(session, string, quoted, error);
    free(string);
    free(quoted);
    free(has_triggers);
    return code;
}

/* Opened anew, as the next program will. */
static duckrow_code verify(const struct upgrade *upgrade, duckrow_error *error)
{
    dr_session *old = NULL, *new = NULL;
    char *version = NULL;
    duckrow_code code = open_guest(upgrade, duckrow_db_path(upgrade->work.db), upgrade->name, NULL, 0, &old, error);
    if (!code)
        code = open_guest(upgrade, upgrade->making.path, made, NULL, 0, &new, error);
    if (!code)
        code = dr_session_storage_version(new, &version, error);
    if (!code && strcmp(version, upgrade->to) != 0)
        code = dr_fail(error, DUCKROW_UNSUPPORTED, "the new file has storage version %s, not %s: nothing was changed", version,
                       upgrade->to);
    if (!code)
        code = compare_all(new, upgrade->name, error);
    free(version);
    dr_session_close(new);
    dr_session_close(old);
    return code;
}

static duckrow_code make_new(struct upgrade *upgrade, duckrow_error *error)
{
    duckrow_code code = open_making(upgrade, 0, error);
    if (!code)
        code = copy_into_new(upgrade, error);
    if (!code)
        code = verify(upgrade, error);
    if ((code != DUCKROW_SQL && code != DUCKROW_UNSUPPORTED) || upgrade->lowers)
        return code;
    code = open_making(upgrade, 1, error);
    if (!code)
        code = raise_a_copy(upgrade, error);
    return code ? code : verify(upgrade, error);
}

/* ---- all of it ---- */

/* Nobody but us has written since the checkpoint. */
static duckrow_code check_unchanged(struct upgrade *upgrade, duckrow_error *error)
{
    const duckrow_db *db = upgrade->work.db;
    struct stat st;
    duckrow_code code = duckrow_turn_guard(upgrade->work.turn, error);
    if (code)
        return code;
    if (stat(db->path, &st) < 0 || st.st_ino != upgrade->was.st_ino || st.st_size != upgrade->was.st_size ||
        st.st_mtim.tv_sec != upgrade->was.st_mtim.tv_sec || st.st_mtim.tv_nsec != upgrade->was.st_mtim.tv_nsec ||
        (stat(db->wal, &st) == 0 && st.st_size > 0))
        return dr_fail(error, DUCKROW_BUSY, "something without duckrow wrote to %s meanwhile: try again", db->path);
    return DUCKROW_OK;
}

/* The old file's state on disk: everything in it, and no WAL. */
static duckrow_code settle(struct upgrade *upgrade, duckrow_error *error)
{
    struct dr_work *work = &upgrade->work;
    struct stat wal;
    duckrow_code code = dr_work_attach(work, error);
    if (!code)
        code = dr_session_storage_version(work->session, &upgrade->from, error);
    if (!code && !(upgrade->name = strdup(work->session->catalog)))
        code = no_memory(error);
    if (!code)
        code = dr_session_checkpoint(work->session, error);
    if (!code)
        code = dr_session_detach(work->session, error);
    if (code)
        return code;
    if (duckrow_turn_open_files(work->turn) > 0 || (stat(work->db->wal, &wal) == 0 && wal.st_size > 0))
        return dr_fail(error, DUCKROW_INTERNAL, "DuckDB kept %s or its WAL open; try again", work->db->path);
    if (unlink(work->db->wal) < 0 && errno != ENOENT)
        return dr_fail_os(error, errno, "cannot remove %s", work->db->wal);
    if (stat(work->db->path, &upgrade->was) < 0)
        return dr_fail_os(error, errno, "%s", work->db->path);
    return duckrow_turn_guard(work->turn, error);
}

static duckrow_code keep_owner(const struct upgrade *upgrade, duckrow_error *error)
{
    struct stat st;
    if (fstat(upgrade->making.fd, &st) == 0 && st.st_uid == upgrade->was.st_uid && st.st_gid == upgrade->was.st_gid)
        return DUCKROW_OK;
    if (fchown(upgrade->making.fd, upgrade->was.st_uid, upgrade->was.st_gid) == 0)
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_PERMISSION, "%s belongs to another user or group, which only that user or root can keep",
                   upgrade->work.db->path);
}

static duckrow_code convert(struct upgrade *upgrade, duckrow_error *error)
{
    struct dr_work *work = &upgrade->work;
    duckrow_code code = settle(upgrade, error);
    if (!code)
        code = find_target_version(upgrade, error);
    if (code || (upgrade->to && strcmp(upgrade->from, upgrade->to) == 0))
        return code;
    code = dr_check_space(work->db->path, upgrade->was.st_size, error);
    if (!code)
        code = make_new(upgrade, error);
    if (!code && dr_signals_received())
        code = dr_fail(error, DUCKROW_INTERRUPTED, "interrupted");
    if (!code)
        code = keep_owner(upgrade, error);
    if (!code)
        code = check_unchanged(upgrade, error);
    if (!code)
        code = dr_making_finish(&upgrade->making, 1, error);
    /* The turn is that of the file that was there: it takes the new one. The old one was locked for as long as it had the name. */
    if (!code)
        code = duckrow_turn_lend(work->turn, error);
    return code ? code : duckrow_turn_reclaim(work->turn, dr_work_left(work), error);
}

static duckrow_code upgrade_database(struct upgrade *upgrade, duckrow_error *error)
{
    struct dr_work *work = &upgrade->work;
    duckrow_code code = check_version(upgrade, error);
    if (!code && dr_work_encrypted(work))
        code = dr_fail(error, DUCKROW_UNSUPPORTED,
                       "%s is encrypted, and upgrade has no key for it: COPY FROM DATABASE in duckrow sql",
                       duckrow_db_path(work->db));
    if (!code)
        code = dr_work_take(work, "upgrade", error);
    if (!code)
        code = convert(upgrade, error);
    dr_making_close(&upgrade->making);
    if (work->turn && work->session) {
        duckrow_error other = {0};
        if (!code && dr_work_publish(work, 1, NULL, &other) && other.code != DUCKROW_NO_SNAPSHOT)
            dr_warn("the snapshot could not be renewed, so readers wait for writers: %s", other.message);
        dr_work_release(work);
    }
    return code;
}

static int print(const struct upgrade *upgrade, int as_json)
{
    struct stat st;
    const char *path = duckrow_db_path(upgrade->work.db);
    int changed = strcmp(upgrade->from, upgrade->to) != 0;
    int64_t bytes = stat(path, &st) == 0 ? st.st_size : 0;
    char size[32];
    if (!as_json && changed)
        printf("%s: storage version %s to %s, %s\n", path, upgrade->from, upgrade->to, dr_space_text(bytes, size));
    else if (!as_json)
        printf("%s: storage version %s already, nothing to do\n", path, upgrade->from);
    if (!as_json)
        return dr_end_printing();
    struct dr_json json = {0};
    dr_json_open(&json, NULL, '{');
    dr_json_string(&json, "path", path);
    dr_json_string(&json, "from", upgrade->from);
    dr_json_string(&json, "to", upgrade->to);
    dr_json_bool(&json, "changed", changed);
    dr_json_number(&json, "bytes", bytes);
    dr_json_close(&json, '}');
    return dr_print_json(&json);
}

static int run_upgrade(const struct dr_options *options)
{
    struct upgrade *upgrade = calloc(1, sizeof *upgrade);
    duckrow_error error = {0};
    if (!upgrade) {
        no_memory(&error);
        return dr_report(&error);
    }
    upgrade->version = options->storage_version ? options->storage_version : default_version;
    upgrade->making.fd = -1;
    duckrow_code code = dr_work_open(&upgrade->work, options, DUCKROW_MUST_EXIST, &error);
    if (!code)
        code = upgrade_database(upgrade, &error);
    int status = code ? dr_report(&error) : print(upgrade, options->json);
    dr_work_close(&upgrade->work);
    free(upgrade->from);
    free(upgrade->to);
    free(upgrade->name);
    free(upgrade);
    return status;
}

const struct dr_command dr_command_upgrade = {
    "upgrade",
    "upgrade [--storage-version v1.4.0] [--json] [--timeout 10s] [--engine FILE] DB",
    "convert it to another storage version",
    "Takes the turn, writes the database anew in the storage version, compares all of it with the old one, and puts it in its\n"
    "place. Readers go on reading the snapshot meanwhile. Owner and mode stay. Killed at any moment, the old file stands there "
    "or the\n"
    "new one, whole; what is left besides is called DB.duckrow-upgrade.…, and the next upgrade removes it. Needs free space for\n"
    "one more database.\n"
    "\n"
    "  --storage-version VERSION  v1.4.0 (default; DuckDB 1.4 to 2.0 read it), v1.5.0, v2.0.0, latest: what the engine can "
    "write.\n"
    "                             A lower one than the file's works too, where DuckDB can copy all that is in it\n"
    "  --json          one object: path, from, to, changed, bytes\n"
    "  --timeout TIME  how long to wait: 10s, 500ms, 2m, 1.5 (seconds); default 10s\n"
    "  --engine FILE   the libduckdb.so to use; default: DUCKROW_ENGINE, then the loader's path\n",
    DR_TAKES_STORAGE_VERSION | DR_TAKES_JSON | DR_TAKES_TIMEOUT | DR_TAKES_ENGINE | DR_TAKES_DATABASE,
    run_upgrade,
};
