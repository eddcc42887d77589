#include "statement.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/tokens.h"

/* ---- kinds ---- */

/* The first words of what isn't told by DuckDB's own statement type, or must not get there. Longer ones first. */
static const struct {
    const char *first, *second;
    enum dr_kind kind;
    const char *tag;
} beginnings[] = {
    {"BEGIN", NULL, DR_KIND_BEGIN, "BEGIN"},
    {"START", "TRANSACTION", DR_KIND_BEGIN, "BEGIN"},
    {"COMMIT", NULL, DR_KIND_COMMIT, "COMMIT"},
    {"END", NULL, DR_KIND_COMMIT, "COMMIT"},
    {"ROLLBACK", "TO", DR_KIND_SAVEPOINT, "ROLLBACK"},
    {"ROLLBACK", NULL, DR_KIND_ROLLBACK, "ROLLBACK"},
    {"ABORT", NULL, DR_KIND_ROLLBACK, "ROLLBACK"},
    {"SAVEPOINT", NULL, DR_KIND_SAVEPOINT, "SAVEPOINT"},
    {"RELEASE", NULL, DR_KIND_SAVEPOINT, "RELEASE"},
    {"SET", NULL, DR_KIND_SET, "SET"},
    {"RESET", NULL, DR_KIND_SET, "RESET"},
    {"PRAGMA", NULL, DR_KIND_SET, "SET"},
    {"SHOW", NULL, DR_KIND_SHOW, "SHOW"},
    {"DECLARE", NULL, DR_KIND_DECLARE, "DECLARE CURSOR"},
    {"FETCH", NULL, DR_KIND_FETCH, "FETCH"},
    {"MOVE", NULL, DR_KIND_FETCH, "MOVE"},
    {"CLOSE", NULL, DR_KIND_CLOSE, "CLOSE CURSOR"},
    {"DEALLOCATE", NULL, DR_KIND_DEALLOCATE, "DEALLOCATE"},
    {"DISCARD", NULL, DR_KIND_DISCARD, "DISCARD ALL"},
    {"CHECKPOINT", NULL, DR_KIND_CHECKPOINT, "CHECKPOINT"},
    {"FORCE", "CHECKPOINT", DR_KIND_CHECKPOINT, "CHECKPOINT"},
    {"LISTEN", NULL, DR_KIND_NOTHING, "LISTEN"},
    {"UNLISTEN", NULL, DR_KIND_NOTHING, "UNLISTEN"},
    {"ATTACH", NULL, DR_KIND_REFUSED, "ATTACH"},
    {"DETACH", NULL, DR_KIND_REFUSED, "DETACH"},
    {"USE", NULL, DR_KIND_LOCAL, "USE"},
    {"PREPARE", NULL, DR_KIND_LOCAL, "PREPARE"},
    {"EXECUTE", NULL, DR_KIND_LOCAL, "EXECUTE"},
    {"COPY", NULL, DR_KIND_COPY, "COPY"},
    {"SELECT", NULL, DR_KIND_READ, "SELECT"},
    {"FROM", NULL, DR_KIND_READ, "SELECT"},
    {"VALUES", NULL, DR_KIND_READ, "SELECT"},
    {"TABLE", NULL, DR_KIND_READ, "SELECT"},
    {"WITH", NULL, DR_KIND_READ, "SELECT"},
    {"DESCRIBE", NULL, DR_KIND_READ, "SELECT"},
    {"SUMMARIZE", NULL, DR_KIND_READ, "SELECT"},
    {"EXPLAIN", NULL, DR_KIND_READ, "EXPLAIN"},
    {"PIVOT", NULL, DR_KIND_READ, "SELECT"},
    {"UNPIVOT", NULL, DR_KIND_READ, "SELECT"},
    {"INSERT", NULL, DR_KIND_WRITE, "INSERT 0"},
    {"UPDATE", "EXTENSIONS", DR_KIND_SCHEMA, "UPDATE"},
    {"UPDATE", NULL, DR_KIND_WRITE, "UPDATE"},
    {"DELETE", NULL, DR_KIND_WRITE, "DELETE"},
    {"TRUNCATE", NULL, DR_KIND_WRITE, "TRUNCATE TABLE"},
    {"MERGE", NULL, DR_KIND_WRITE, "MERGE"},
};

static void upper(char *to, size_t size, const char *from, size_t length)
{
    size_t used = strlen(to);
    for (size_t i = 0; i < length && used + 1 < size; i++)
        to[used++] = (char)toupper((unsigned char)from[i]);
    to[used] = 0;
}

/* CREATE OR REPLACE TEMP TABLE: the tag is CREATE TABLE. */
static enum dr_kind name_schema_change(struct dr_tokens *tokens, char tag[32])
{
    static const char *const skipped[] = {"OR", "REPLACE", "TEMP", "TEMPORARY", "PERSISTENT", "UNIQUE", "RECURSIVE", "LOCAL"};
    enum dr_kind kind = DR_KIND_SCHEMA;
    upper(tag, 32, tokens->start, (size_t)(tokens->at - tokens->start));
    dr_tokens_next(tokens);
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped;) {
        if (dr_tokens_is_word(tokens, "TEMP") || dr_tokens_is_word(tokens, "TEMPORARY"))
            kind = DR_KIND_LOCAL;
        i = dr_tokens_take_word(tokens, skipped[i]) ? 0 : i + 1;
    }
    if (tokens->kind == DR_TOKEN_WORD) {
        upper(tag, 32, " ", 1);
        upper(tag, 32, tokens->start, (size_t)(tokens->at - tokens->start));
    }
    return kind;
}

enum dr_kind dr_statement_kind(const char *sql, const char **end, char tag[32])
{
    struct dr_tokens tokens;
    enum dr_kind kind = DR_KIND_SCHEMA;
    *tag = 0;
    dr_tokens_begin(&tokens, sql, NULL);
    while (dr_tokens_take_sign(&tokens, '('))
        kind = DR_KIND_READ;
    *end = NULL;
    if (tokens.kind == DR_TOKEN_END) {
        *end = tokens.at;
        return DR_KIND_EMPTY;
    }
    struct dr_tokens second = tokens;
    dr_tokens_next(&second);
    size_t i = 0;
    for (; i < sizeof beginnings / sizeof *beginnings; i++)
        if (dr_tokens_is_word(&tokens, beginnings[i].first) &&
            (!beginnings[i].second || dr_tokens_is_word(&second, beginnings[i].second)))
            break;
    if (i < sizeof beginnings / sizeof *beginnings) {
        kind = beginnings[i].kind;
        snprintf(tag, 32, "%s", beginnings[i].tag);
    } else if (tokens.kind == DR_TOKEN_WORD) {
        kind = name_schema_change(&tokens, tag);
    }
    *end = dr_statement_end(tokens.start);
    if (!*end)
        *end = sql + strlen(sql);
    return kind;
}

/* ---- shapes ---- */

static char *take_name(struct dr_tokens *tokens)
{
    char *name = (tokens->kind == DR_TOKEN_WORD || tokens->kind == DR_TOKEN_NAME) && tokens->text ? strdup(tokens->text) : NULL;
    if (name)
        dr_tokens_next(tokens);
    return name;
}

/* One to three names with points between. */
static int take_table(struct dr_tokens *tokens, struct dr_shape *shape)
{
    char **parts[] = {&shape->table, &shape->schema, &shape->catalog};
    for (int i = 0; i < 3; i++) {
        if (i == 2)
            shape->catalog = shape->schema;
        if (i >= 1)
            shape->schema = shape->table;
        shape->table = NULL;
        if (!(*parts[0] = take_name(tokens)))
            return 0;
        if (!dr_tokens_take_sign(tokens, '.'))
            return 1;
    }
    return 0;
}

static int add_column(struct dr_shape *shape, int at, char *name)
{
    char **columns = name ? realloc(shape->column, ((size_t)at + 1) * sizeof *columns) : NULL;
    if (!columns) {
        free(name);
        return 0;
    }
    shape->column = columns;
    columns[at] = name;
    shape->columns = at + 1;
    return 1;
}

static int take_columns(struct dr_tokens *tokens, struct dr_shape *shape)
{
    if (!dr_tokens_take_sign(tokens, '('))
        return 1;
    do {
        if (!add_column(shape, shape->columns, take_name(tokens)))
            return 0;
    } while (dr_tokens_take_sign(tokens, ','));
    return dr_tokens_take_sign(tokens, ')');
}

/* $3 is 2; the nth ? is n - 1. */
static int take_parameter(struct dr_tokens *tokens, int *marks)
{
    if (dr_tokens_take_sign(tokens, '?'))
        return (*marks)++;
    if (tokens->kind != DR_TOKEN_SIGN || *tokens->start != '$')
        return -1;
    const char *behind = tokens->at;
    dr_tokens_next(tokens);
    if (tokens->kind != DR_TOKEN_NUMBER || tokens->start != behind || !tokens->text)
        return -1;
    char *end;
    long number = strtol(tokens->text, &end, 10);
    if (*end || number < 1 || number > 65535)
        return -1;
    dr_tokens_next(tokens);
    return (int)number - 1;
}

/* name() or name('text'): of those that mean the same whether one row is made or many. */
static int take_call(struct dr_tokens *tokens)
{
    static const char *const none[] = {"now", "today", "random", "uuid", "gen_random_uuid", "get_current_timestamp"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (dr_tokens_take_word(tokens, none[i]))
            return dr_tokens_take_sign(tokens, '(') && tokens->kind == DR_TOKEN_SIGN && *tokens->start == ')';
    if (!dr_tokens_take_word(tokens, "nextval") || !dr_tokens_take_sign(tokens, '(') || tokens->kind != DR_TOKEN_STRING)
        return 0;
    dr_tokens_next(tokens);
    return tokens->kind == DR_TOKEN_SIGN && *tokens->start == ')';
}

/* What needs no row, as it stands there; NULL: it is something else. */
static char *take_constant(struct dr_tokens *tokens)
{
    static const char *const words[] = {"NULL", "TRUE", "FALSE", "CURRENT_TIMESTAMP", "CURRENT_DATE"};
    const char *start = tokens->start;
    int found = 0;
    if (tokens->kind == DR_TOKEN_STRING) {
        found = *start == '\'';
    } else if (tokens->kind == DR_TOKEN_WORD) {
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            found |= dr_tokens_is_word(tokens, words[i]);
        found = found || take_call(tokens);
    } else {
        dr_tokens_take_sign(tokens, '-');
        found = tokens->kind == DR_TOKEN_NUMBER;
    }
    char *text = found ? strndup(start, (size_t)(tokens->at - start)) : NULL;
    dr_tokens_next(tokens);
    return text;
}

/* parameter: from 0; -1: a constant, whose text the shape takes over. */
static int add_value(struct dr_shape *shape, int at, int parameter, char *constant)
{
    int *parameters = realloc(shape->parameter, ((size_t)at + 1) * sizeof *parameters);
    shape->parameter = parameters ? parameters : shape->parameter;
    char **constants = realloc(shape->constant, ((size_t)at + 1) * sizeof *constants);
    shape->constant = constants ? constants : shape->constant;
    if (!parameters || !constants || (parameter < 0 && !constant)) {
        free(constant);
        return 0;
    }
    parameters[at] = parameter;
    constants[at] = constant;
    shape->values = at + 1;
    return 1;
}

static int take_values(struct dr_tokens *tokens, struct dr_shape *shape)
{
    int marks = 0, parameters = 0;
    if (!dr_tokens_take_word(tokens, "VALUES") || !dr_tokens_take_sign(tokens, '('))
        return 0;
    do {
        int parameter = take_parameter(tokens, &marks);
        if (!add_value(shape, shape->values, parameter, parameter < 0 ? take_constant(tokens) : NULL))
            return 0;
        parameters += parameter >= 0;
    } while (dr_tokens_take_sign(tokens, ','));
    if (!parameters || (shape->column && shape->columns != shape->values))
        return 0;
    shape->columns = shape->values;
    return dr_tokens_take_sign(tokens, ')') && dr_tokens_at_end(tokens);
}

struct dr_shape *dr_shape_parse(const char *sql)
{
    struct dr_shape *shape = calloc(1, sizeof *shape);
    char *memory = dr_tokens_memory(sql);
    struct dr_tokens tokens;
    int found = 0;
    if (shape && memory) {
        dr_tokens_begin(&tokens, sql, memory);
        found = dr_tokens_take_word(&tokens, "INSERT") && dr_tokens_take_word(&tokens, "INTO") && take_table(&tokens, shape) &&
                take_columns(&tokens, shape) && take_values(&tokens, shape);
    }
    free(memory);
    if (found)
        return shape;
    dr_shape_free(shape);
    return NULL;
}

void dr_shape_free(struct dr_shape *shape)
{
    if (!shape)
        return;
    for (int i = 0; shape->column && i < shape->columns; i++)
        free(shape->column[i]);
    for (int i = 0; i < shape->values; i++)
        free(shape->constant[i]);
    free(shape->column);
    free(shape->constant);
    free(shape->parameter);
    free(shape->catalog);
    free(shape->schema);
    free(shape->table);
    free(shape);
}

void dr_statement_put(struct dr_statement *statement)
{
    if (!statement || atomic_fetch_sub(&statement->users, 1) > 1)
        return;
    dr_columns_free(&statement->columns);
    dr_statement_put(statement->inner);
    free(statement->oids);
    free(statement->sql);
    dr_shape_free(statement->shape);
    free(statement);
}
