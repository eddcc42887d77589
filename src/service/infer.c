#include "infer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buffer.h"
#include "engine/tokens.h"
#include "types.h"

enum { TYPE_SIZE = 64, MOST_PARAMETERS = 100, MESSAGE = 256, ROUNDS = 16 };

/* Not told yet: bound as VARCHAR. */
static const char open_type[] = "VARCHAR";
/* Where nothing stands beside it. */
static const char *const guesses[] = {"DOUBLE", "BIGINT", "INTEGER", "TIMESTAMP", "INTERVAL", "DATE", "TIME", "BOOLEAN"};
enum { GUESSES = sizeof guesses / sizeof *guesses };

struct parameter {
    char type[TYPE_SIZE];
    int told, cast, known; /* by DuckDB; by a cast in the statement; by either of them, or found */
};

struct inference {
    const struct dr_duckdb *duckdb;
    duckdb_connection connection;
    const char *sql;
    int count;
    struct parameter parameter[MOST_PARAMETERS];
    char failure[MESSAGE]; /* of the last attempt: the first line of the message */
};

/* ---- the statement's text ---- */

/* A parameter's number, from 0 on, with the tokens behind it; -1: it is something else, and nothing was taken. */
static int take_parameter(struct dr_tokens *tokens, int *marks)
{
    struct dr_tokens ahead = *tokens;
    if (dr_tokens_take_sign(&ahead, '?')) {
        *tokens = ahead;
        return (*marks)++;
    }
    if (!dr_tokens_take_sign(&ahead, '$') || ahead.kind != DR_TOKEN_NUMBER || ahead.start != tokens->at)
        return -1;
    int number = atoi(ahead.start) - 1;
    dr_tokens_next(&ahead);
    *tokens = ahead;
    return number;
}

/* INTEGER, DECIMAL(9, 2)[], DOUBLE PRECISION: from the current token up to what can't be of the type. */
static void take_type(struct dr_tokens *tokens, char type[TYPE_SIZE])
{
    static const char *const further[] = {"PRECISION", "VARYING", "WITH", "WITHOUT", "TIME", "ZONE"};
    const char *start = tokens->start, *end = start;
    if (tokens->kind != DR_TOKEN_WORD && tokens->kind != DR_TOKEN_NAME)
        return;
    end = tokens->at;
    dr_tokens_next(tokens);
    for (size_t i = 0; i < sizeof further / sizeof *further; i++)
        if (dr_tokens_is_word(tokens, further[i])) {
            end = tokens->at;
            dr_tokens_next(tokens);
        }
    for (const char *open = "(["; *open; open++)
        while (tokens->kind == DR_TOKEN_SIGN && *tokens->start == *open) {
            char close = *open == '(' ? ')' : ']';
            while (tokens->kind != DR_TOKEN_END && tokens->kind != DR_TOKEN_BROKEN &&
                   !(tokens->kind == DR_TOKEN_SIGN && *tokens->start == close))
                dr_tokens_next(tokens);
            end = tokens->at;
            if (!dr_tokens_take_sign(tokens, close))
                return;
        }
    if ((size_t)(end - start) < TYPE_SIZE) {
        memcpy(type, start, (size_t)(end - start));
        type[end - start] = 0;
    }
}

/* What $1::type and CAST($1 AS type) say. */
static void find_casts(struct inference *inference)
{
    struct dr_tokens tokens;
    int marks = 0, in_cast = 0; /* behind CAST and its parenthesis */
    for (dr_tokens_begin(&tokens, inference->sql, NULL); tokens.kind != DR_TOKEN_END && tokens.kind != DR_TOKEN_BROKEN;) {
        int number = take_parameter(&tokens, &marks);
        if (number < 0) {
            int cast = dr_tokens_take_word(&tokens, "CAST") || dr_tokens_take_word(&tokens, "TRY_CAST");
            in_cast = cast && dr_tokens_take_sign(&tokens, '(');
            if (!cast)
                dr_tokens_next(&tokens);
            continue;
        }
        struct parameter *parameter = number < inference->count ? &inference->parameter[number] : NULL;
        char type[TYPE_SIZE] = "";
        struct dr_tokens ahead = tokens;
        if ((dr_tokens_take_sign(&ahead, ':') && dr_tokens_take_sign(&ahead, ':')) ||
            (in_cast && dr_tokens_take_word(&ahead, "AS")))
            take_type(&ahead, type);
        in_cast = 0;
        if (!parameter || parameter->known || !*type)
            continue;
        strcpy(parameter->type, type);
        parameter->known = parameter->cast = 1;
    }
}

/* A NULL would suit a function of tables that has no use for the type, and makes an INTEGER of what is done with a DECIMAL. */
static const char *value_of(const char *type)
{
    static const char *const numbers[] = {"DOUBLE", "BIGINT", "INTEGER", "SMALLINT", "DECIMAL", "HUGEINT", "FLOAT"};
    size_t length = strcspn(type, "(");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strlen(numbers[i]) == length && strncasecmp(type, numbers[i], length) == 0 && !strchr(type, '['))
            return "1";
    return strcmp(type, open_type) == 0 ? "''" : "NULL";
}

static void put_place(struct dr_buffer *out, const struct parameter *parameter)
{
    dr_buffer_format(out, "CAST(%s AS %s)", value_of(parameter->type), parameter->type);
}

/* keep: the parameters stay, with casts around them. */
static int write_sql(const struct inference *inference, int keep, struct dr_buffer *out)
{
    struct dr_tokens tokens;
    const char *copied = inference->sql;
    int marks = 0, found = 0;
    for (dr_tokens_begin(&tokens, inference->sql, NULL); tokens.kind != DR_TOKEN_END && tokens.kind != DR_TOKEN_BROKEN;) {
        const char *start = tokens.start;
        struct dr_tokens before = tokens;
        int number = take_parameter(&tokens, &marks);
        if (number < 0) {
            dr_tokens_next(&tokens);
            continue;
        }
        if (number >= inference->count)
            return 0;
        const char *behind = *start == '?' ? before.at : start + 1 + strspn(start + 1, "0123456789");
        dr_buffer_add(out, copied, (size_t)(start - copied));
        if (keep)
            dr_buffer_format(out, "CAST($%d AS %s)", number + 1, inference->parameter[number].type);
        else
            put_place(out, &inference->parameter[number]);
        copied = behind;
        found++;
    }
    dr_buffer_text(out, copied);
    dr_buffer_u8(out, 0);
    return found && tokens.kind == DR_TOKEN_END && !out->failed;
}

/* ---- attempts ---- */

/* The statement with the types as they are now; NULL, and the reason in `failure`. */
static duckdb_prepared_statement prepare(struct inference *inference, int keep)
{
    const struct dr_duckdb *duckdb = inference->duckdb;
    duckdb_prepared_statement made = NULL;
    struct dr_buffer sql = {0};
    *inference->failure = 0;
    if (write_sql(inference, keep, &sql) &&
        duckdb->prepare(inference->connection, (const char *)sql.bytes + sql.start, &made) != DuckDBSuccess) {
        const char *message = made ? duckdb->prepare_error(made) : NULL;
        size_t length = message ? strcspn(message, "\n") : 0;
        length = length < MESSAGE ? length : MESSAGE - 1;
        memcpy(inference->failure, message ? message : "", length);
        inference->failure[length] = 0;
        duckdb->destroy_prepare(&made);
        made = NULL;
    }
    dr_buffer_free(&sql);
    return made;
}

static duckdb_prepared_statement attempt(struct inference *inference)
{
    return prepare(inference, 0);
}

/* The types in "… argument types '+(INTEGER, VARCHAR)'…", one after the other: `at` is moved behind each. 0: no more. */
static int next_argument(const char **at, char type[TYPE_SIZE])
{
    const char *start = *at + strspn(*at, ", ");
    int depth = 0;
    const char *end = start;
    while (*end && (depth || (*end != ',' && *end != ')'))) {
        depth += *end == '(';
        depth -= *end == ')';
        end++;
    }
    *at = end;
    if (end == start || (size_t)(end - start) >= TYPE_SIZE)
        return 0;
    memcpy(type, start, (size_t)(end - start));
    type[end - start] = 0;
    return 1;
}

/* Of the arguments in the message, one that isn't a text; 0: none is. */
static int find_neighbour(const char *message, char type[TYPE_SIZE])
{
    const char *at = strstr(message, "argument types '");
    at = at ? strchr(at, '(') : NULL;
    if (!at)
        return 0;
    at++;
    while (next_argument(&at, type)) {
        char *literal = strstr(type, "_LITERAL");
        if (literal)
            *literal = 0;
        if (strcmp(type, open_type) != 0 && strcmp(type, "STRING") != 0 && strstr(type, "NULL") == NULL)
            return 1;
    }
    return 0;
}

/* Does the message name a function that still has a text among its arguments? Else the type that was tried doesn't suit it. */
static int is_open(const char *message)
{
    const char *at = strstr(message, "argument types '");
    at = at ? strchr(at, '(') : NULL;
    return at && strstr(at, open_type) != NULL;
}

static void set_open(struct inference *inference, const char *type)
{
    for (int i = 0; i < inference->count; i++)
        if (!inference->parameter[i].known)
            strcpy(inference->parameter[i].type, type);
}

/* Gives one of the parameters that are open this type, or all of them, if that helps. *made: the statement, where all is well then. */
static int helps(struct inference *inference, const char *type, duckdb_prepared_statement *made)
{
    char before[MESSAGE];
    strcpy(before, inference->failure);
    for (int i = 0; i < inference->count; i++) {
        struct parameter *parameter = &inference->parameter[i];
        if (parameter->known)
            continue;
        strcpy(parameter->type, type);
        *made = attempt(inference);
        if (*made || (strcmp(before, inference->failure) != 0 && is_open(inference->failure))) {
            parameter->known = 1;
            return 1;
        }
        strcpy(parameter->type, open_type);
    }
    /* i + $1 and i + $2 have one message. */
    set_open(inference, type);
    if ((*made = attempt(inference)))
        return 1;
    set_open(inference, open_type);
    strcpy(inference->failure, before);
    return 0;
}

static duckdb_prepared_statement try_types(struct inference *inference)
{
    duckdb_prepared_statement made = attempt(inference);
    char type[TYPE_SIZE];
    for (int round = 0, helped = 1; !made && helped && is_open(inference->failure) && round < ROUNDS; round++) {
        helped = find_neighbour(inference->failure, type) && helps(inference, type, &made);
        for (int i = 0; !helped && i < GUESSES; i++)
            helped = helps(inference, guesses[i], &made);
    }
    return made;
}

/* ---- */

/* The oid by which a type is told; 0: DuckDB doesn't know it. */
static uint32_t oid_of(const struct inference *inference, const char *type)
{
    const struct dr_duckdb *duckdb = inference->duckdb;
    duckdb_prepared_statement prepared = NULL;
    struct dr_buffer sql = {0};
    uint32_t oid = 0;
    dr_buffer_format(&sql, "SELECT CAST(NULL AS %s)", type);
    dr_buffer_u8(&sql, 0);
    if (!sql.failed && duckdb->prepare(inference->connection, (const char *)sql.bytes + sql.start, &prepared) == DuckDBSuccess) {
        duckdb_logical_type logical = duckdb->prepared_statement_column_logical_type(prepared, 0);
        oid = logical ? dr_oid_of(duckdb, logical) : 0;
        duckdb->destroy_logical_type(&logical);
    }
    duckdb->destroy_prepare(&prepared);
    dr_buffer_free(&sql);
    return oid;
}

static int is_told(const struct dr_duckdb *duckdb, duckdb_prepared_statement prepared, int i)
{
    duckdb_logical_type type = duckdb->param_logical_type(prepared, (idx_t)i + 1);
    int id = type ? (int)duckdb->get_type_id(type) : DR_TYPE_INVALID;
    duckdb->destroy_logical_type(&type);
    return id != DR_TYPE_INVALID && id != DR_TYPE_SQLNULL;
}

static int tells_parameters(const struct dr_duckdb *duckdb, duckdb_prepared_statement prepared)
{
    int told = 1;
    for (int i = 0; told && i < (int)duckdb->nparams(prepared); i++)
        told = is_told(duckdb, prepared, i);
    return told;
}

static int tells_columns(const struct dr_duckdb *duckdb, duckdb_prepared_statement prepared)
{
    int told = 1;
    for (int i = 0; told && i < (int)duckdb->prepared_statement_column_count(prepared); i++) {
        duckdb_logical_type type = duckdb->prepared_statement_column_logical_type(prepared, (idx_t)i);
        told = type && (int)duckdb->get_type_id(type) != DR_TYPE_INVALID;
        duckdb->destroy_logical_type(&type);
    }
    return told;
}

/* Of two that know the columns, the one that has their names. */
static duckdb_prepared_statement with_names(struct inference *inference, duckdb_prepared_statement made)
{
    const struct dr_duckdb *duckdb = inference->duckdb;
    duckdb_prepared_statement named = prepare(inference, 1);
    int better = named && tells_columns(duckdb, named);
    duckdb->destroy_prepare(better ? &made : &named);
    return better ? named : made;
}

static struct inference *begin(const struct dr_duckdb *duckdb, duckdb_connection connection, const char *sql,
                               duckdb_prepared_statement prepared, const uint32_t *oids)
{
    int count = (int)duckdb->nparams(prepared);
    struct inference *inference = count <= MOST_PARAMETERS ? calloc(1, sizeof *inference) : NULL;
    if (!inference)
        return NULL;
    *inference = (struct inference){.duckdb = duckdb, .connection = connection, .sql = sql, .count = count};
    for (int i = 0; i < count; i++) {
        struct parameter *parameter = &inference->parameter[i];
        const char *type = dr_oid_duckdb_type(oids[i]);
        parameter->told = parameter->known = is_told(duckdb, prepared, i);
        snprintf(parameter->type, TYPE_SIZE, "%s", parameter->told && type ? type : open_type);
    }
    find_casts(inference);
    return inference;
}

duckdb_prepared_statement dr_infer(const struct dr_duckdb *duckdb, duckdb_connection connection, const char *sql,
                                   duckdb_prepared_statement prepared, uint32_t *oids)
{
    int columns_told = tells_columns(duckdb, prepared);
    struct inference *inference = NULL;
    if (!columns_told || !tells_parameters(duckdb, prepared))
        inference = begin(duckdb, connection, sql, prepared, oids);
    if (!inference)
        return NULL;
    duckdb_prepared_statement made = try_types(inference);
    for (int i = 0; i < inference->count; i++) {
        /* What was tried is of no use where nothing helped in the end; a cast always is. */
        const struct parameter *parameter = &inference->parameter[i];
        uint32_t oid = parameter->told || (!made && !parameter->cast) ? 0 : oid_of(inference, parameter->type);
        if (oid)
            oids[i] = oid;
    }
    if (made && !columns_told)
        made = with_names(inference, made);
    else
        duckdb->destroy_prepare(&made);
    free(inference);
    return made;
}

/* "(i + CAST($1 AS INTEGER))": "(i + $1)". */
void dr_infer_name(char *name)
{
    static const char cast[] = "CAST($";
    char *to = name;
    for (const char *at = name; *at;) {
        size_t digits = strncmp(at, cast, sizeof cast - 1) == 0 ? strspn(at + sizeof cast - 1, "0123456789") : 0;
        if (!digits) {
            *to++ = *at++;
            continue;
        }
        at += sizeof cast - 2;
        memmove(to, at, digits + 1);
        to += digits + 1;
        at += digits + 1;
        for (int depth = 1; *at && depth; at++)
            depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
    }
    *to = 0;
}
