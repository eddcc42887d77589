/* The statement COPY, as gram.y of PostgreSQL 15 has it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "copyoptions.h"
#include "engine/tokens.h"

struct parser {
    struct dr_tokens tokens;
    struct dr_copy_statement *copy;
    struct dr_copy_value values[DR_COPY_OPTION_COUNT];
    duckrow_error *error;
    int no_memory;
};

static int is_name(const struct dr_tokens *tokens)
{
    return tokens->kind == DR_TOKEN_WORD || tokens->kind == DR_TOKEN_NAME;
}

static int is_sign(const struct dr_tokens *tokens, char sign)
{
    return tokens->kind == DR_TOKEN_SIGN && *tokens->start == sign;
}

static duckrow_code syntax_error(struct parser *parser)
{
    const struct dr_tokens *tokens = &parser->tokens;
    if (tokens->kind == DR_TOKEN_BROKEN)
        return dr_fail(parser->error, DUCKROW_USAGE, "unterminated quoted string or comment");
    if (tokens->kind == DR_TOKEN_END && !*tokens->at)
        return dr_fail(parser->error, DUCKROW_USAGE, "syntax error at end of input");
    int size = tokens->kind == DR_TOKEN_END ? 1 : tokens->at - tokens->start > 100 ? 100 : (int)(tokens->at - tokens->start);
    return dr_fail(parser->error, DUCKROW_USAGE, "syntax error at or near \"%.*s\"", size, tokens->start);
}

/* ---- what is copied: 0 where it isn't a COPY that this can be about ---- */

/* table.name, put together without blanks. */
static int read_table(struct parser *parser)
{
    struct dr_tokens *tokens = &parser->tokens;
    size_t length = 0;
    if (!is_name(tokens))
        return 0;
    char *table = parser->copy->table = malloc(strlen(tokens->start) + 1);
    if (!table) {
        parser->no_memory = 1;
        return 0;
    }
    for (;;) {
        if (!is_name(tokens))
            return 0;
        size_t size = (size_t)(tokens->at - tokens->start);
        memcpy(table + length, tokens->start, size);
        length += size;
        table[length] = 0;
        dr_tokens_next(tokens);
        if (!dr_tokens_take_sign(tokens, '.'))
            return 1;
        table[length++] = '.';
    }
}

static int add_column(struct parser *parser, size_t count)
{
    struct dr_copy_statement *copy = parser->copy;
    char **columns = copy->columns;
    if (!(count & (count - 1))) { /* the room is the next power of two */
        columns = realloc(columns, (2 * count + 2) * sizeof *columns);
        if (!columns)
            return 0;
        copy->columns = columns;
    }
    columns[count] = strdup(parser->tokens.text);
    columns[count + 1] = NULL;
    return columns[count] != NULL;
}

static int read_columns(struct parser *parser)
{
    struct dr_tokens *tokens = &parser->tokens;
    size_t count = 0;
    if (!dr_tokens_take_sign(tokens, '('))
        return 1;
    do {
        if (!is_name(tokens))
            return 0;
        if (!add_column(parser, count++)) {
            parser->no_memory = 1;
            return 0;
        }
        dr_tokens_next(tokens);
    } while (dr_tokens_take_sign(tokens, ','));
    return dr_tokens_take_sign(tokens, ')');
}

/* (query), from the bracket. */
static int read_query(struct parser *parser)
{
    struct dr_tokens *tokens = &parser->tokens;
    const char *start = tokens->at;
    for (int depth = 1;;) {
        dr_tokens_next(tokens);
        if (tokens->kind == DR_TOKEN_END || tokens->kind == DR_TOKEN_BROKEN)
            return 0;
        depth += is_sign(tokens, '(') - is_sign(tokens, ')');
        if (!depth)
            break;
    }
    parser->copy->query = strndup(start, (size_t)(tokens->start - start));
    parser->no_memory = !parser->copy->query;
    dr_tokens_next(tokens);
    return parser->copy->query != NULL;
}

static int read_direction(struct parser *parser)
{
    struct dr_tokens *tokens = &parser->tokens;
    parser->copy->in = dr_tokens_take_word(tokens, "FROM");
    if (!parser->copy->in && !dr_tokens_take_word(tokens, "TO"))
        return 0;
    if (parser->copy->in && parser->copy->query)
        return 0;
    return dr_tokens_take_word(tokens, "STDIN") || dr_tokens_take_word(tokens, "STDOUT");
}

static int read_subject(struct parser *parser)
{
    struct dr_tokens *tokens = &parser->tokens;
    if (!dr_tokens_take_word(tokens, "COPY"))
        return 0;
    if (dr_tokens_take_word(tokens, "BINARY"))
        parser->values[DR_COPY_OPTION_FORMAT] = (struct dr_copy_value){DR_COPY_VALUE, "binary"};
    if (is_sign(tokens, '(') && !parser->values[DR_COPY_OPTION_FORMAT].kind)
        return read_query(parser) && read_direction(parser);
    return read_table(parser) && read_columns(parser) && read_direction(parser);
}

/* ---- options ---- */

static duckrow_code set(struct parser *parser, enum dr_copy_option option, enum dr_copy_value_kind kind, const char *text)
{
    if (parser->values[option].kind)
        return dr_fail(parser->error, DUCKROW_USAGE, "conflicting or redundant options");
    parser->values[option] = (struct dr_copy_value){kind, text};
    return DUCKROW_OK;
}

static duckrow_code set_string(struct parser *parser, enum dr_copy_option option)
{
    if (parser->tokens.kind != DR_TOKEN_STRING)
        return syntax_error(parser);
    duckrow_code code = set(parser, option, DR_COPY_VALUE, parser->tokens.text);
    dr_tokens_next(&parser->tokens);
    return code;
}

/* column, column; which ones makes no difference. */
static duckrow_code set_list(struct parser *parser, enum dr_copy_option option)
{
    struct dr_tokens *tokens = &parser->tokens;
    do {
        if (!is_name(tokens))
            return syntax_error(parser);
        dr_tokens_next(tokens);
    } while (dr_tokens_take_sign(tokens, ','));
    return set(parser, option, DR_COPY_LIST, NULL);
}

/* A word means what it says in small letters. */
static char *value_text(struct dr_tokens *tokens)
{
    if (tokens->kind == DR_TOKEN_WORD)
        for (char *at = tokens->text; *at; at++)
            *at = (char)(isupper((unsigned char)*at) ? tolower((unsigned char)*at) : *at);
    return tokens->text;
}

/* name [value] */
static duckrow_code read_option(struct parser *parser)
{
    struct dr_tokens *tokens = &parser->tokens;
    if (!is_name(tokens))
        return syntax_error(parser);
    enum dr_copy_option option = dr_copy_option_find(tokens->text);
    if (option == DR_COPY_OPTION_COUNT)
        return dr_fail(parser->error, DUCKROW_USAGE, "option \"%s\" not recognized", tokens->text);
    dr_tokens_next(tokens);
    if (dr_tokens_take_sign(tokens, '*'))
        return set(parser, option, DR_COPY_STAR, NULL);
    if (dr_tokens_take_sign(tokens, '(')) {
        duckrow_code code = set_list(parser, option);
        return code ? code : dr_tokens_take_sign(tokens, ')') ? DUCKROW_OK : syntax_error(parser);
    }
    if (!is_name(tokens) && tokens->kind != DR_TOKEN_STRING && tokens->kind != DR_TOKEN_NUMBER)
        return set(parser, option, DR_COPY_NO_VALUE, NULL);
    const char *text = value_text(tokens);
    dr_tokens_next(tokens);
    return set(parser, option, DR_COPY_VALUE, text);
}

static duckrow_code read_new_options(struct parser *parser)
{
    duckrow_code code;
    do {
        code = read_option(parser);
    } while (!code && dr_tokens_take_sign(&parser->tokens, ','));
    return code ? code : dr_tokens_take_sign(&parser->tokens, ')') ? DUCKROW_OK : syntax_error(parser);
}

/* FORCE QUOTE {* | columns} | FORCE NOT NULL columns | FORCE NULL columns */
static duckrow_code read_force(struct parser *parser)
{
    struct dr_tokens *tokens = &parser->tokens;
    if (dr_tokens_take_word(tokens, "QUOTE")) {
        if (dr_tokens_take_sign(tokens, '*'))
            return set(parser, DR_COPY_OPTION_FORCE_QUOTE, DR_COPY_STAR, NULL);
        return set_list(parser, DR_COPY_OPTION_FORCE_QUOTE);
    }
    enum dr_copy_option option = dr_tokens_take_word(tokens, "NOT") ? DR_COPY_OPTION_FORCE_NOT_NULL : DR_COPY_OPTION_FORCE_NULL;
    return dr_tokens_take_word(tokens, "NULL") ? set_list(parser, option) : syntax_error(parser);
}

/* The old syntax: CSV HEADER DELIMITER AS ';' … *more: 0 when there are no more of them. */
static duckrow_code read_old_option(struct parser *parser, int *more)
{
    static const struct {
        const char *word;
        enum dr_copy_option option;
        const char *text;
    } flags[] = {{"BINARY", DR_COPY_OPTION_FORMAT, "binary"},
                 {"CSV", DR_COPY_OPTION_FORMAT, "csv"},
                 {"HEADER", DR_COPY_OPTION_HEADER, "true"},
                 {"FREEZE", DR_COPY_OPTION_FREEZE, "true"}},
      strings[] = {{"DELIMITER", DR_COPY_OPTION_DELIMITER, NULL},
                   {"NULL", DR_COPY_OPTION_NULL, NULL},
                   {"QUOTE", DR_COPY_OPTION_QUOTE, NULL},
                   {"ESCAPE", DR_COPY_OPTION_ESCAPE, NULL}};
    struct dr_tokens *tokens = &parser->tokens;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (dr_tokens_take_word(tokens, flags[i].word))
            return set(parser, flags[i].option, DR_COPY_VALUE, flags[i].text);
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        if (dr_tokens_take_word(tokens, strings[i].word)) {
            dr_tokens_take_word(tokens, "AS");
            return set_string(parser, strings[i].option);
        }
    if (dr_tokens_take_word(tokens, "ENCODING"))
        return set_string(parser, DR_COPY_OPTION_ENCODING);
    if (dr_tokens_take_word(tokens, "FORCE"))
        return read_force(parser);
    *more = 0;
    return DUCKROW_OK;
}

static duckrow_code read_options(struct parser *parser)
{
    struct dr_tokens *tokens = &parser->tokens;
    duckrow_code code = DUCKROW_OK;
    int more = 1, using = !parser->copy->query && dr_tokens_take_word(tokens, "USING");
    if (!parser->copy->query && dr_tokens_take_word(tokens, "DELIMITERS"))
        code = set_string(parser, DR_COPY_OPTION_DELIMITER);
    else if (using)
        code = syntax_error(parser);
    if (!code)
        dr_tokens_take_word(tokens, "WITH");
    if (!code && dr_tokens_take_sign(tokens, '('))
        return read_new_options(parser);
    while (!code && more)
        code = read_old_option(parser, &more);
    return code;
}

static duckrow_code parse(struct parser *parser, int *found)
{
    *found = read_subject(parser);
    if (parser->no_memory)
        return dr_fail(parser->error, DUCKROW_NO_MEMORY, "COPY: out of memory");
    duckrow_code code = *found ? read_options(parser) : DUCKROW_OK;
    if (code || !*found)
        return code;
    if (parser->copy->in && dr_tokens_is_word(&parser->tokens, "WHERE"))
        return dr_fail(parser->error, DUCKROW_UNSUPPORTED, "COPY FROM … WHERE is not supported");
    if (!dr_tokens_at_end(&parser->tokens))
        return syntax_error(parser);
    return dr_copy_options_set(parser->values, parser->copy->in, &parser->copy->options, parser->error);
}

duckrow_code dr_copy_parse(const char *sql, int *found, struct dr_copy_statement *copy, duckrow_error *error)
{
    struct parser parser = {.copy = copy, .error = error};
    *copy = (struct dr_copy_statement){0};
    *found = 0;
    dr_tokens_begin(&parser.tokens, sql, NULL);
    if (!dr_tokens_is_word(&parser.tokens, "COPY"))
        return DUCKROW_OK;
    char *memory = dr_tokens_memory(sql);
    if (!memory)
        return dr_fail(error, DUCKROW_NO_MEMORY, "COPY: out of memory");
    dr_tokens_begin(&parser.tokens, sql, memory);
    duckrow_code code = parse(&parser, found);
    if (code || !*found)
        dr_copy_statement_free(copy);
    free(memory);
    return code;
}

void dr_copy_statement_free(struct dr_copy_statement *copy)
{
    for (char **column = copy->columns; column && *column; column++)
        free(*column);
    free(copy->columns);
    free(copy->table);
    free(copy->query);
    *copy = (struct dr_copy_statement){0};
}
