#include "statements.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "confine.h"
#include "core/os.h"
#include "engine/sqltext.h"
#include "engine/tokens.h"
#include "infer.h"
#include "sqlcursor.h"
#include "sqlstate.h"

enum { PLACES = 4096, KEPT_TEXT = 65536 };

struct dr_statements {
    struct dr_host *host;
    pthread_mutex_t mutex;     /* over place */
    struct {
        uint64_t hash;
        char *text;
        struct dr_statement *statement;
    } place[PLACES];
    pthread_mutex_t preparing; /* over connection */
    duckdb_connection setup;   /* to make the catalog with */
    duckdb_connection connection[DR_DATABASES];
    atomic_ullong schema;
};

/* FNV-1a; the text is compared as well. */
static uint64_t hash_text(const char *text, int database)
{
    uint64_t hash = 14695981039346656037ULL ^ (unsigned)database;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211ULL;
    return hash;
}

duckrow_code dr_statements_open(struct dr_host *host, struct dr_statements **out, duckrow_error *error)
{
    struct dr_statements *statements = *out = calloc(1, sizeof *statements);
    if (!statements)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    statements->host = host;
    pthread_mutex_init(&statements->mutex, NULL);
    pthread_mutex_init(&statements->preparing, NULL);
    duckrow_code code = DUCKROW_OK;
    for (int i = 0; !code && i < host->databases; i++)
        code = dr_host_connect(host, i, &statements->connection[i], error);
    if (!code)
        code = dr_host_connect(host, 0, &statements->setup, error);
    return code;
}

void dr_statements_close(struct dr_statements *statements)
{
    if (!statements)
        return;
    for (int i = 0; i < PLACES; i++) {
        dr_statement_put(statements->place[i].statement);
        free(statements->place[i].text);
    }
    for (int i = 0; i < DR_DATABASES; i++)
        statements->host->duckdb->disconnect(&statements->connection[i]);
    statements->host->duckdb->disconnect(&statements->setup);
    free(statements);
}

duckrow_code dr_statements_catalog(struct dr_statements *statements, duckrow_error *error)
{
    return dr_host_catalog(statements->host, &statements->host->catalog, statements->setup, error);
}

void dr_statements_changed(struct dr_statements *statements)
{
    statements->schema++;
}

int dr_statements_current(struct dr_statements *statements, const struct dr_statement *statement)
{
    return statement->schema == statements->schema;
}

struct dr_statement *dr_statements_find(struct dr_statements *statements, const char *sql, int database)
{
    uint64_t hash = hash_text(sql, database);
    struct dr_statement *found = NULL;
    pthread_mutex_lock(&statements->mutex);
    int at = (int)(hash % PLACES);
    if (statements->place[at].statement && statements->place[at].hash == hash && strcmp(statements->place[at].text, sql) == 0 &&
        dr_statements_current(statements, statements->place[at].statement))
        found = dr_statement_get(statements->place[at].statement);
    pthread_mutex_unlock(&statements->mutex);
    return found;
}

/* Where others made it at the same time, all go on with one: rows of one statement are gathered. */
static struct dr_statement *keep(struct dr_statements *statements, const char *sql, int database, struct dr_statement *statement)
{
    struct dr_statement *there = dr_statements_find(statements, sql, database);
    if (there && there->schema == statement->schema) {
        dr_statement_put(statement);
        return there;
    }
    dr_statement_put(there);
    char *text = strlen(sql) < KEPT_TEXT ? strdup(sql) : NULL;
    if (!text)
        return statement;
    uint64_t hash = hash_text(sql, database);
    int at = (int)(hash % PLACES);
    pthread_mutex_lock(&statements->mutex);
    struct dr_statement *old = statements->place[at].statement;
    free(statements->place[at].text);
    statements->place[at].hash = hash;
    statements->place[at].text = text;
    statements->place[at].statement = dr_statement_get(statement);
    pthread_mutex_unlock(&statements->mutex);
    dr_statement_put(old);
    return statement;
}

/* ---- what DuckDB tells ---- */

static int has_word(const char *sql, const char *word)
{
    struct dr_tokens tokens;
    for (dr_tokens_begin(&tokens, sql, NULL); tokens.kind != DR_TOKEN_END && tokens.kind != DR_TOKEN_BROKEN;
         dr_tokens_next(&tokens))
        if (dr_tokens_is_word(&tokens, word))
            return 1;
    return 0;
}

/* The kind by DuckDB's word for it, which sees through WITH … INSERT. */
static enum dr_kind settle_kind(const struct dr_statement *statement, int type)
{
    switch (type) {
    case DR_STATEMENT_SELECT:
        return DR_KIND_READ;
    case DR_STATEMENT_EXPLAIN:
        return has_word(statement->sql, "ANALYZE") ? DR_KIND_LOCAL : DR_KIND_READ;
    case DR_STATEMENT_INSERT:
    case DR_STATEMENT_UPDATE:
    case DR_STATEMENT_DELETE:
    case DR_STATEMENT_MERGE_INTO:
        return DR_KIND_WRITE;
    case DR_STATEMENT_PREPARE:
    case DR_STATEMENT_EXECUTE:
    case DR_STATEMENT_VARIABLE_SET:
    case DR_STATEMENT_SET:
    case DR_STATEMENT_PRAGMA:
    case DR_STATEMENT_CALL:
    case DR_STATEMENT_LOAD:
        return DR_KIND_LOCAL;
    case DR_STATEMENT_ATTACH:
    case DR_STATEMENT_DETACH:
        return DR_KIND_REFUSED;
    default:
        return statement->kind == DR_KIND_LOCAL ? DR_KIND_LOCAL : DR_KIND_SCHEMA;
    }
}

static const char *tag_of_write(int type)
{
    return type == DR_STATEMENT_INSERT   ? "INSERT 0"
           : type == DR_STATEMENT_UPDATE ? "UPDATE"
           : type == DR_STATEMENT_DELETE ? "DELETE"
                                         : "MERGE";
}

static duckrow_code learn_parameters(const struct dr_duckdb *duckdb, duckdb_prepared_statement prepared,
                                     struct dr_statement *statement, duckrow_error *error)
{
    enum { TEXT = 25 };
    int count = (int)duckdb->nparams(prepared);
    statement->oids = calloc((size_t)count + 1, sizeof *statement->oids);
    if (!statement->oids)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    statement->parameters = count;
    for (int i = 0; i < count; i++) {
        duckdb_logical_type type = duckdb->param_logical_type(prepared, (idx_t)i + 1);
        statement->oids[i] = type ? dr_oid_of(duckdb, type) : TEXT;
        duckdb->destroy_logical_type(&type);
    }
    return DUCKROW_OK;
}

/* A parameter that a query of the catalog casts to oid or oid[] is told as such, although it is an INTEGER here: drivers encode
 * what they are told, and asyncpg needs it to learn about types. */
static void tell_oids(struct dr_statement *statement, const char *sql)
{
    enum { OID = 26, OIDS = 1028 };
    struct dr_tokens tokens;
    char *memory = dr_tokens_memory(sql);
    if (!memory)
        return;
    for (dr_tokens_begin(&tokens, sql, memory); tokens.kind != DR_TOKEN_END && tokens.kind != DR_TOKEN_BROKEN;) {
        if (!dr_tokens_take_sign(&tokens, '$')) {
            dr_tokens_next(&tokens);
            continue;
        }
        int number = tokens.kind == DR_TOKEN_NUMBER && tokens.text ? atoi(tokens.text) : 0;
        dr_tokens_next(&tokens);
        if (number < 1 || number > statement->parameters || !dr_tokens_take_sign(&tokens, ':') ||
            !dr_tokens_take_sign(&tokens, ':'))
            continue;
        if (dr_tokens_take_word(&tokens, "pg_catalog"))
            dr_tokens_take_sign(&tokens, '.');
        if (dr_tokens_take_word(&tokens, "oid"))
            statement->oids[number - 1] = dr_tokens_take_sign(&tokens, '[') ? OIDS : OID;
    }
    free(memory);
}

/* Which database's table does the statement write? Only the plain cases are told: INSERT INTO, UPDATE, DELETE FROM with a name. */
static int find_database(const struct dr_host *host, const char *sql, int database)
{
    struct dr_tokens tokens;
    char *memory = dr_tokens_memory(sql);
    int found = -1;
    if (!memory)
        return -1;
    dr_tokens_begin(&tokens, sql, memory);
    if ((dr_tokens_take_word(&tokens, "INSERT") && dr_tokens_take_word(&tokens, "INTO")) ||
        dr_tokens_take_word(&tokens, "UPDATE") ||
        (dr_tokens_take_word(&tokens, "DELETE") && dr_tokens_take_word(&tokens, "FROM"))) {
        const char *name = tokens.kind == DR_TOKEN_WORD || tokens.kind == DR_TOKEN_NAME ? tokens.text : NULL;
        dr_tokens_next(&tokens);
        int qualified = tokens.kind == DR_TOKEN_SIGN && *tokens.start == '.';
        found = name ? database : -1;
        for (int i = 0; name && qualified && i < host->databases; i++)
            if (strcasecmp(host->served[i].name, name) == 0)
                found = i;
    }
    free(memory);
    return found;
}

/* VALUES ($2, $3) has two parameters: only DuckDB knows which is which. */
static int numbers_fit(const struct dr_shape *shape, int parameters)
{
    for (int i = 0; i < shape->columns; i++)
        if (shape->parameter[i] >= parameters)
            return 0;
    return 1;
}

/* core.t is a table of the database core, not of a schema. */
static void settle_shape(const struct dr_host *host, struct dr_shape *shape)
{
    for (int i = 0; shape && shape->schema && !shape->catalog && i < host->databases; i++)
        if (strcasecmp(shape->schema, host->served[i].name) == 0) {
            shape->catalog = shape->schema;
            shape->schema = NULL;
        }
}

/* In doubt they have: rows are then appended only where nothing else is gathered. */
static int has_foreign_keys(const struct dr_duckdb *duckdb, duckdb_connection connection, const char *table)
{
    char *name = dr_sql_quote(table, '\'');
    char *sql = name ? dr_sql_format("SELECT constraint_name FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY' AND "
                                     "table_name ILIKE %s LIMIT 1",
                                     name)
                     : NULL;
    duckdb_result result = {0};
    int some = 1;
    if (sql && duckdb->query(connection, sql, &result) == DuckDBSuccess) {
        duckdb_data_chunk chunk = duckdb->fetch_chunk(result);
        some = chunk && duckdb->data_chunk_get_size(chunk);
        if (chunk)
            duckdb->destroy_data_chunk(&chunk);
    }
    duckdb->destroy_result(&result);
    free(sql);
    free(name);
    return some;
}

static duckrow_code learn(struct dr_statements *statements, duckdb_connection connection, const struct dr_look *look,
                          struct dr_statement *statement, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = statements->host->duckdb;
    duckdb_prepared_statement prepared = NULL, inferred = NULL;
    duckrow_code code = DUCKROW_OK;
    if (statement->unprepared)
        return DUCKROW_OK;
    if (duckdb->prepare(connection, statement->sql, &prepared) != DuckDBSuccess) {
        code = dr_sql_failed(error, prepared ? duckdb->prepare_error(prepared) : NULL);
        duckdb->destroy_prepare(&prepared);
        return code;
    }
    int type = (int)duckdb->prepared_statement_type(prepared);
    statement->kind = settle_kind(statement, type);
    code = learn_parameters(duckdb, prepared, statement, error);
    int rows = statement->kind == DR_KIND_READ || type == DR_STATEMENT_EXECUTE || type == DR_STATEMENT_CALL ||
               type == DR_STATEMENT_PRAGMA || type == DR_STATEMENT_EXPLAIN ||
               (statement->kind == DR_KIND_WRITE && has_word(statement->sql, "RETURNING"));
    statement->columns.count = -1;
    if (!code && !(look->inside && connection == look->own))
        inferred = dr_infer(duckdb, connection, statement->sql, prepared, statement->oids);
    if (!code && rows)
        code = dr_columns_of_prepared(duckdb, inferred ? inferred : prepared, statement->catalog, &statement->columns,
                                      &statement->unresolved, error);
    for (int i = 0; !code && inferred && i < statement->columns.count; i++)
        dr_infer_name(statement->columns.names[i]);
    statement->unresolved |= inferred != NULL;
    if (statement->kind == DR_KIND_WRITE) {
        strcpy(statement->tag, tag_of_write(type));
        statement->database = find_database(statements->host, statement->sql, look->database);
        /* A session's own state may have another table of that name. */
        statement->shape = rows || !look->shared ? NULL : dr_shape_parse(statement->sql);
        if (statement->shape && !numbers_fit(statement->shape, statement->parameters)) {
            dr_shape_free(statement->shape);
            statement->shape = NULL;
        }
        settle_shape(statements->host, statement->shape);
        if (statement->shape)
            statement->ordered = has_foreign_keys(duckdb, connection, statement->shape->table);
    } else if (statement->kind == DR_KIND_READ && !*statement->tag) {
        strcpy(statement->tag, "SELECT");
    }
    /* What a sequence has given is remembered by a COMMIT alone. */
    if (statement->kind == DR_KIND_READ && has_word(statement->sql, "nextval"))
        statement->writes = 1;
    duckdb->destroy_prepare(&prepared);
    duckdb->destroy_prepare(&inferred);
    return code;
}

/* Of what readers see; what is committed later is another schema. */
static duckrow_code learn_from_view(struct dr_statements *statements, const struct dr_look *look, struct dr_statement *statement,
                                    int64_t deadline, duckrow_error *error)
{
    struct dr_lease lease = {0};
    duckrow_code code = dr_views_lease(look->views, look->database, deadline, &lease, error);
    if (!code && statement->catalog)
        code = dr_views_catalog(look->views, &lease, error);
    if (!code)
        code = learn(statements, lease.connection, look, statement, error);
    dr_views_return(look->views, &lease, 0);
    return code && dr_is_read_only(error) ? DUCKROW_NO_SNAPSHOT : code;
}

/* What doesn't hang on the transaction's own changes of the schema is looked at beside it: a statement that can't be prepared at first
 * (a parameter whose type must be found out) ends a transaction of DuckDB 2.0. */
static duckrow_code learn_on_own(struct dr_statements *statements, const struct dr_look *look, struct dr_statement *statement,
                                 duckrow_error *error)
{
    if (look->shared && look->views) {
        if (!learn_from_view(statements, look, statement, dr_clock_ms() + look->busy_timeout, error))
            return DUCKROW_OK;
        free(statement->oids);
        statement->oids = NULL;
        dr_columns_free(&statement->columns);
        dr_shape_free(statement->shape);
        statement->shape = NULL;
        statement->unresolved = 0;
        statement->writes = 0;
        *error = (duckrow_error){0};
    }
    return learn(statements, look->own, look, statement, error);
}

/* On the service's connection for this: as a member of the gate, as it reads the catalog in a transaction. */
static duckrow_code learn_for_all(struct dr_statements *statements, const struct dr_look *look, struct dr_statement *statement,
                                  duckrow_error *error)
{
    struct dr_host *host = statements->host;
    struct dr_member member = {.stop = look->stop};
    int64_t deadline = dr_clock_ms() + (look->busy_timeout ? look->busy_timeout : host->settings->busy_timeout);
    duckrow_code code = DUCKROW_NO_SNAPSHOT;
    if (host->handing && look->views)
        code = learn_from_view(statements, look, statement, deadline, error);
    if (code != DUCKROW_NO_SNAPSHOT)
        return code;
    *error = (duckrow_error){0};
    code = dr_gate_enter(&host->gate, &member, deadline, error);
    if (code)
        return code;
    pthread_mutex_lock(&statements->preparing);
    code = learn(statements, statements->connection[look->database], look, statement, error);
    pthread_mutex_unlock(&statements->preparing);
    dr_gate_leave(&host->gate, &member);
    return code;
}

/* DECLARE takes its query's parameters. */
static duckrow_code learn_inner(struct dr_statements *statements, const struct dr_look *look,
                                const struct dr_catalog_context *context, struct dr_statement *statement, duckrow_error *error)
{
    struct dr_declare declare;
    dr_declare_parse(statement->sql, &declare);
    if (!declare.query)
        return dr_fail(error, DUCKROW_SQL, "Parser Error: syntax error in DECLARE: DECLARE name CURSOR FOR query");
    struct dr_look inner = *look;
    inner.sql = declare.query;
    duckrow_code code = dr_statements_make(statements, &inner, context, &statement->inner, error);
    if (code)
        return code;
    if (statement->inner->kind != DR_KIND_READ)
        return dr_fail(error, DUCKROW_UNSUPPORTED, "a cursor reads: DECLARE is for SELECT alone");
    size_t size = (size_t)statement->inner->parameters * sizeof *statement->oids;
    statement->oids = malloc(size + 1);
    if (!statement->oids)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    if (size)
        memcpy(statement->oids, statement->inner->oids, size);
    statement->parameters = statement->inner->parameters;
    return DUCKROW_OK;
}

duckrow_code dr_statements_make(struct dr_statements *statements, const struct dr_look *look,
                                const struct dr_catalog_context *context, struct dr_statement **made, duckrow_error *error)
{
    const char *end;
    char *rewritten = NULL;
    struct dr_statement *statement = *made = calloc(1, sizeof *statement);
    if (!statement)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    statement->users = 1;
    statement->database = -1;
    statement->columns.count = -1;
    statement->schema = statements->schema;
    statement->kind = dr_statement_kind(look->sql, &end, statement->tag);
    statement->unprepared = strncmp(statement->tag, "ALTER", 5) == 0;
    duckrow_code code = dr_catalog_rewrite(look->sql, context, &rewritten, error);
    if (!code && !rewritten && look->engine && statement->kind == DR_KIND_SET)
        code = dr_confine(look->sql, &rewritten, error);
    statement->sql = rewritten ? rewritten : strdup(look->sql);
    if (!code && !statement->sql)
        code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    if (!code && statement->kind == DR_KIND_DECLARE)
        code = learn_inner(statements, look, context, statement, error);
    statement->catalog = rewritten && dr_catalog_needed(rewritten);
    if (!code && statement->catalog)
        code = dr_statements_catalog(statements, error);
    int ours = dr_kind_is_ours(statement->kind) && !look->engine;
    if (!code && !ours)
        code = look->own ? learn_on_own(statements, look, statement, error) : learn_for_all(statements, look, statement, error);
    if (!code && statement->catalog && statement->parameters)
        tell_oids(statement, look->sql);
    if (code) {
        dr_statement_put(statement);
        *made = NULL;
    } else if (look->shared && !rewritten) {
        /* What was rewritten may hold what is the session's: its user, its settings. */
        *made = keep(statements, look->sql, look->database, statement);
    }
    return code;
}
