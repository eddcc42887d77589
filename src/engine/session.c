#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay.h"
#include "sqltext.h"

/* A name for the in-memory database that stands in while no file is attached; not one that a file is likely to have. */
#define STAND_IN "\"duckrow stand-in\""

static duckrow_code no_memory(duckrow_error *error)
{
    return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}

/* Some functions of the C API give an error as JSON, {"exception_type":"…","exception_message":"…",…}: the message in it, copied. */
static int take_from_json(const char *json, char *message, size_t size)
{
    static const char key[] = "\"exception_message\":\"";
    const char *at = *json == '{' ? strstr(json, key) : NULL;
    size_t n = 0;
    if (!at)
        return 0;
    for (at += sizeof key - 1; *at && *at != '"' && n + 1 < size; at++) {
        if (*at == '\\' && at[1])
            at++;
        message[n++] = *at == 'n' && at[-1] == '\\' ? '\n' : *at;
    }
    message[n] = 0;
    return 1;
}

duckrow_code dr_sql_failed(duckrow_error *error, const char *message)
{
    char line[DUCKROW_MESSAGE_SIZE], taken[DUCKROW_MESSAGE_SIZE];
    size_t n = 0;
    if (message && take_from_json(message, taken, sizeof taken))
        message = taken;
    if (!message || !*message)
        message = "DuckDB gives no reason";
    /* DuckDB shows the place in the query below an empty line: LINE 1: …, and a caret that needs a second line. */
    const char *end = strstr(message, "\n\nLINE ");
    size_t length = end ? (size_t)(end - message) : strlen(message);
    for (size_t i = 0; i < length && n + 1 < sizeof line; i++) {
        unsigned char byte = (unsigned char)message[i];
        if (byte < ' ' || byte == 127)
            byte = ' ';
        if (byte != ' ' || (n && line[n - 1] != ' '))
            line[n++] = (char)byte;
    }
    while (n && line[n - 1] == ' ')
        n--;
    line[n] = 0;
    return dr_fail(error, strncmp(line, "INTERRUPT", 9) ? DUCKROW_SQL : DUCKROW_INTERRUPTED, "%s", line);
}

duckrow_code dr_connection_run(const struct dr_duckdb *duckdb, duckdb_connection connection, const char *sql,
                               duckrow_error *error)
{
    duckdb_result result;
    memset(&result, 0, sizeof result);
    duckrow_code code = DUCKROW_OK;
    if (duckdb->query(connection, sql, &result) != DuckDBSuccess)
        code = dr_sql_failed(error, duckdb->result_error(&result));
    duckdb->destroy_result(&result);
    return code;
}

duckrow_code dr_session_run(dr_session *session, const char *sql, duckrow_error *error)
{
    return dr_connection_run(session->duckdb, session->connection, sql, error);
}

const char *dr_string(const duckdb_string_t *string, size_t *length)
{
    *length = string->value.inlined.length;
    return *length <= sizeof string->value.inlined.inlined ? string->value.inlined.inlined : string->value.pointer.ptr;
}

duckrow_code dr_session_text(dr_session *session, const char *sql, char **text, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = session->duckdb;
    duckdb_result result;
    memset(&result, 0, sizeof result);
    duckrow_code code = DUCKROW_OK;
    *text = NULL;
    if (duckdb->query(session->connection, sql, &result) != DuckDBSuccess) {
        code = dr_sql_failed(error, duckdb->result_error(&result));
        goto done;
    }
    duckdb_data_chunk chunk = duckdb->fetch_chunk(result);
    if (chunk && duckdb->data_chunk_get_size(chunk)) {
        size_t length;
        const char *bytes = dr_string(duckdb->vector_get_data(duckdb->data_chunk_get_vector(chunk, 0)), &length);
        *text = strndup(bytes, length);
        if (!*text)
            code = no_memory(error);
    }
    if (chunk)
        duckdb->destroy_data_chunk(&chunk);
done:
    duckdb->destroy_result(&result);
    return code;
}

/* busy_timeout is an option of ours in DuckDB: SET, PRAGMA and current_setting know it. */
static duckrow_code add_busy_timeout(dr_session *session, int64_t milliseconds, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = session->duckdb;
    duckdb_config_option option = duckdb->create_config_option();
    duckdb_logical_type type = duckdb->create_logical_type((duckdb_type)DR_TYPE_BIGINT);
    duckdb_value value = duckdb->create_int64(milliseconds);
    duckdb_state state = DuckDBError;
    if (option && type && value) {
        duckdb->config_option_set_name(option, "busy_timeout");
        duckdb->config_option_set_type(option, type);
        duckdb->config_option_set_default_value(option, value);
        duckdb->config_option_set_default_scope(option, (duckdb_config_option_scope)DR_SCOPE_SESSION);
        duckdb->config_option_set_description(option, "How long duckrow waits for its turn, in milliseconds");
        state = duckdb->register_config_option(session->connection, option);
    }
    duckdb->destroy_value(&value);
    duckdb->destroy_logical_type(&type);
    duckdb->destroy_config_option(&option);
    if (state != DuckDBSuccess)
        return dr_fail(error, DUCKROW_NO_ENGINE, "DuckDB doesn't take the option busy_timeout; try another version of it");
    return DUCKROW_OK;
}

int64_t dr_session_busy_timeout(dr_session *session)
{
    const struct dr_duckdb *duckdb = session->duckdb;
    duckdb_client_context context = NULL;
    int64_t milliseconds = DUCKROW_TIMEOUT_DEFAULT;
    duckdb->connection_get_client_context(session->connection, &context);
    duckdb_value value = context ? duckdb->client_context_get_config_option(context, "busy_timeout", NULL) : NULL;
    if (value)
        milliseconds = duckdb->get_int64(value);
    duckdb->destroy_value(&value);
    duckdb->destroy_client_context(&context);
    return milliseconds;
}

void dr_session_interrupt(const dr_session *session)
{
    if (session->connection)
        session->duckdb->interrupt(session->connection);
    if (session->side)
        session->duckdb->interrupt(session->side);
}

void dr_session_follow(dr_session *session)
{
    /* In this order, or it would draw a bar of its own. */
    if (!dr_session_run(session, "SET enable_progress_bar_print = false", NULL))
        dr_session_run(session, "SET enable_progress_bar = true", NULL);
}

double dr_session_progress(const dr_session *session)
{
    return session->duckdb->query_progress(session->connection).percentage;
}

static duckrow_code open_instance(dr_session *session, const char *scratch, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = session->duckdb;
    duckdb_config config = NULL;
    char *reason = NULL;
    duckrow_code code = DUCKROW_OK;
    if (duckdb->create_config(&config) != DuckDBSuccess)
        return no_memory(error);
    if ((scratch && duckdb->set_config(config, "temp_directory", scratch) != DuckDBSuccess) ||
        duckdb->open_ext(":memory:", &session->database, config, &reason) != DuckDBSuccess)
        code = dr_sql_failed(error, reason);
    duckdb->free(reason);
    duckdb->destroy_config(&config);
    if (!code && (duckdb->connect(session->database, &session->connection) != DuckDBSuccess ||
                  duckdb->connect(session->database, &session->side) != DuckDBSuccess))
        code = dr_fail(error, DUCKROW_NO_MEMORY, "DuckDB can't make a connection");
    return code;
}

duckrow_code dr_session_open(const dr_engine *engine, const char *scratch, int64_t busy_timeout, dr_session **out,
                             duckrow_error *error)
{
    *out = NULL;
    dr_session *session = calloc(1, sizeof *session);
    if (!session)
        return no_memory(error);
    session->duckdb = &engine->duckdb;
    duckrow_code code = open_instance(session, scratch, error);
    if (!code)
        code = add_busy_timeout(session, busy_timeout, error);
    if (!code)
        code = dr_relay_register(session, error);
    /* The side connection keeps off the databases that SQL attaches and detaches. */
    if (!code)
        code = dr_connection_run(session->duckdb, session->side, "SET search_path = 'system.main'", error);
    if (!code)
        code = dr_session_run(session, "ATTACH ':memory:' AS " STAND_IN "; USE " STAND_IN "; DETACH memory", error);
    if (code)
        dr_session_close(session);
    else
        *out = session;
    return code;
}

/* What went wrong with the file, where DuckDB's message tells; it has no codes for these. */
static duckrow_code name_the_cause(const dr_session *session, const char *path, duckrow_error *error)
{
    static const struct {
        const char *text;
        duckrow_code code;
    } causes[] = {
        {"version of DuckDB", DUCKROW_UNSUPPORTED},
        {"with version number", DUCKROW_UNSUPPORTED},
        {"Cannot open encrypted database", DUCKROW_UNSUPPORTED},
        {"not a valid DuckDB", DUCKROW_NOT_A_DATABASE},
        {"Corrupt database file", DUCKROW_NOT_A_DATABASE},
        {"Permission denied", DUCKROW_PERMISSION},
        {"Read-only file system", DUCKROW_PERMISSION},
        {"No space left", DUCKROW_DISK_FULL},
        {"Could not set lock", DUCKROW_BUSY},
        {"Conflicting lock", DUCKROW_BUSY},
        {"No such file", DUCKROW_NOT_FOUND},
        {"database does not exist", DUCKROW_NOT_FOUND},
        {"Input/output error", DUCKROW_IO},
    };
    for (size_t i = 0; error->code == DUCKROW_SQL && i < sizeof causes / sizeof *causes; i++)
        if (strstr(error->message, causes[i].text))
            error->code = causes[i].code;
    if (error->code != DUCKROW_UNSUPPORTED)
        return error->code;
    const char *version = session->duckdb->library_version();
    if (strstr(error->message, "Cannot open encrypted database"))
        return dr_fail(
            error, DUCKROW_UNSUPPORTED,
            "%s is encrypted: SQL opens it with its key, duckrow sql :memory: \"ATTACH 'FILE' AS x (ENCRYPTION_KEY '…'); …\"",
            path);
    if (strstr(error->message, "older version"))
        return dr_fail(error, DUCKROW_UNSUPPORTED, "%s is of an older DuckDB than %s can read: export it with that one", path,
                       version);
    return dr_fail(
        error, DUCKROW_UNSUPPORTED,
        "%s is of a newer DuckDB, and %s can't read it: use a newer one (--engine, DUCKROW_ENGINE), or have that convert "
        "it (duckrow upgrade)",
        path, version);
}

duckrow_code dr_session_no_dict_fsst(dr_session *session, duckrow_error *error)
{
    return dr_session_run(session, "SET GLOBAL disabled_compression_methods = 'dict_fsst'", error);
}

/* Each of these is out of the way: the publisher alone says when to checkpoint. Not every version has every setting. */
static duckrow_code no_checkpoints(dr_session *session, duckrow_error *error)
{
    static const char *const settings[][2] = {
        {"checkpoint_threshold", "'1000000 GB'"},
        {"auto_checkpoint_skip_wal_threshold", "1000000000000000"},
        {"wal_autocheckpoint_entries", "0"},
        {"checkpoint_on_detach", "'disabled'"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char sql[192], *found = NULL;
        snprintf(sql, sizeof sql, "SELECT name FROM duckdb_settings() WHERE name = '%s'", settings[i][0]);
        duckrow_code code = dr_session_text(session, sql, &found, error);
        if (!code && found) {
            snprintf(sql, sizeof sql, "SET GLOBAL %s = %s", settings[i][0], settings[i][1]);
            code = dr_session_run(session, sql, error);
        }
        free(found);
        if (code)
            return code;
    }
    return dr_session_run(session, "PRAGMA disable_checkpoint_on_shutdown", error);
}

/* TYPE: without it DuckDB opens and closes the file once to look at its first bytes, and that close drops POSIX locks. */
static char *attach_text(const dr_session *session, const char *path, unsigned flags)
{
    char *quoted = dr_sql_quote(path, '\''), *name = session->guest ? dr_sql_quote(session->guest, '"') : NULL, *sql = NULL;
    const char *options = session->options ? session->options : "";
    int says_version = strcasestr(options, "storage_version") != NULL;
    if (quoted && (name || !session->guest))
        sql = dr_sql_format("ATTACH %s%s%s (TYPE duckdb%s%s%s%s)", quoted, name ? " AS " : "", name ? name : "",
                            flags & DR_ATTACH_WRITE ? "" : ", READ_ONLY",
                            flags & DR_ATTACH_CREATE && !says_version ? ", STORAGE_VERSION 'v1.4.0'" : "", *options ? ", " : "",
                            options);
    free(quoted);
    free(name);
    return sql;
}

/* Makes the attached file's database the default one, and the only one. */
static duckrow_code move_in(dr_session *session, const char *database, duckrow_error *error)
{
    duckrow_code code = dr_session_text(session,
                                        "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND database_name <> "
                                        "current_database()",
                                        &session->catalog, error);
    if (code)
        return code;
    if (!session->catalog)
        return dr_fail(error, DUCKROW_INTERNAL, "DuckDB attached %s without a name", database);
    char *quoted = dr_sql_quote(session->catalog, '"');
    char *sql = quoted ? dr_sql_format("USE %s; DETACH " STAND_IN, quoted) : NULL;
    code = sql ? dr_session_run(session, sql, error) : no_memory(error);
    free(quoted);
    free(sql);
    return code;
}

duckrow_code dr_session_attach(dr_session *session, const char *path, const char *database, unsigned flags, duckrow_error *error)
{
    duckrow_error ignored, *e = error ? error : &ignored;
    duckrow_code code = flags & DR_ATTACH_WRITE ? no_checkpoints(session, e) : DUCKROW_OK;
    if (code)
        return code;
    char *sql = attach_text(session, path, flags);
    code = sql ? dr_session_run(session, sql, e) : no_memory(e);
    free(sql);
    if (code)
        return name_the_cause(session, database, e);
    if (!session->guest)
        return move_in(session, database, e);
    session->catalog = strdup(session->guest);
    return session->catalog ? DUCKROW_OK : no_memory(e);
}

duckrow_code dr_session_checkpoint(dr_session *session, duckrow_error *error)
{
    char *quoted = dr_sql_quote(session->catalog ? session->catalog : "", '"');
    char *sql = quoted ? dr_sql_format("CHECKPOINT %s", quoted) : NULL;
    duckrow_error ignored, *e = error ? error : &ignored;
    duckrow_code code = sql ? dr_session_run(session, sql, e) : no_memory(e);
    free(quoted);
    free(sql);
    return code ? name_the_cause(session, session->catalog ? session->catalog : "the database", e) : DUCKROW_OK;
}

duckrow_code dr_session_storage_version(dr_session *session, char **version, duckrow_error *error)
{
    char *quoted = dr_sql_quote(session->catalog ? session->catalog : "", '\'');
    char *sql = quoted ? dr_sql_format("SELECT CAST(tags['storage_version'] AS VARCHAR) FROM duckdb_databases() WHERE "
                                       "database_name = %s AND tags['storage_version'] IS NOT NULL",
                                       quoted)
                       : NULL;
    *version = NULL;
    duckrow_code code = sql ? dr_session_text(session, sql, version, error) : no_memory(error);
    free(quoted);
    free(sql);
    if (!code && !*version)
        code = dr_fail(error, DUCKROW_UNSUPPORTED, "DuckDB %s does not say what storage version a file has",
                       session->duckdb->library_version());
    return code;
}

int dr_session_attached(dr_session *session)
{
    char *quoted = session->catalog ? dr_sql_quote(session->catalog, '\'') : NULL, *found = NULL;
    char *sql = quoted ? dr_sql_format("SELECT database_name FROM duckdb_databases() WHERE database_name = %s", quoted) : NULL;
    int attached = sql && dr_session_text(session, sql, &found, NULL) == DUCKROW_OK && found;
    free(found);
    free(sql);
    free(quoted);
    return attached;
}

duckrow_code dr_session_detach(dr_session *session, duckrow_error *error)
{
    if (!session->catalog)
        return DUCKROW_OK;
    duckrow_code code = DUCKROW_OK;
    if (!session->guest)
        code = dr_session_run(session, "ATTACH IF NOT EXISTS ':memory:' AS " STAND_IN "; USE " STAND_IN, error);
    char *quoted = dr_sql_quote(session->catalog, '"');
    char *sql = quoted ? dr_sql_format("DETACH DATABASE IF EXISTS %s", quoted) : NULL;
    if (!code)
        code = sql ? dr_session_run(session, sql, error) : no_memory(error);
    free(quoted);
    free(sql);
    if (!code) {
        free(session->catalog);
        session->catalog = NULL;
    }
    return code;
}

duckrow_code dr_session_guest(const dr_session *host, const char *name, const char *options, dr_session **out,
                              duckrow_error *error)
{
    dr_session *guest = calloc(1, sizeof *guest);
    *out = guest;
    if (!guest)
        return no_memory(error);
    *guest = (dr_session){.duckdb = host->duckdb, .database = host->database, .connection = host->side};
    guest->guest = strdup(name);
    guest->options = options ? strdup(options) : NULL;
    if (guest->guest && (guest->options || !options))
        return DUCKROW_OK;
    dr_session_close(guest);
    *out = NULL;
    return no_memory(error);
}

void dr_session_close(dr_session *session)
{
    if (!session)
        return;
    if (session->guest) {
        dr_session_detach(session, NULL);
    } else {
        session->duckdb->disconnect(&session->side);
        session->duckdb->disconnect(&session->connection);
        session->duckdb->close(&session->database);
    }
    free(session->catalog);
    free(session->guest);
    free(session->options);
    free(session);
}
