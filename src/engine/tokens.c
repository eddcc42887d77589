#include "tokens.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Spaces beyond ASCII, which DuckDB takes for spaces outside quotes; their length in bytes. */
static size_t wide_space(const char *at)
{
    const unsigned char *byte = (const unsigned char *)at;
    if (byte[0] == 0xC2 && byte[1] == 0xA0)
        return 2;
    if (byte[0] == 0xE2 && byte[1] == 0x80 && byte[2] >= 0x80 && byte[2] <= 0x8D)
        return 3;
    if (byte[0] == 0xE2 && byte[1] == 0x81 && (byte[2] == 0x9F || byte[2] == 0xA0))
        return 3;
    if ((byte[0] == 0xE3 && byte[1] == 0x80 && byte[2] == 0x80) || (byte[0] == 0xEF && byte[1] == 0xBB && byte[2] == 0xBF))
        return 3;
    return 0;
}

/* Behind a block comment; NULL: it has no end. */
static const char *skip_comment(const char *at)
{
    for (int depth = 0; *at;) {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at += 2;
        } else if (at[0] == '*' && at[1] == '/') {
            at += 2;
            if (--depth == 0)
                return at;
        } else {
            at++;
        }
    }
    return NULL;
}

/* NULL: a comment has no end. */
static const char *skip_blanks(const char *at)
{
    while (at) {
        size_t wide = wide_space(at);
        if (wide)
            at += wide;
        else if (*at && strchr(" \t\r\n\f\v", *at))
            at++;
        else if (at[0] == '-' && at[1] == '-')
            at += strcspn(at, "\r\n");
        else if (at[0] == '/' && at[1] == '*')
            at = skip_comment(at);
        else
            return at;
    }
    return NULL;
}

static int in_word(const char *at, int first)
{
    unsigned char byte = (unsigned char)*at;
    if (byte >= 0x80)
        return !wide_space(at);
    return isalpha(byte) || byte == '_' || (!first && (isdigit(byte) || byte == '$'));
}

/* ---- texts ---- */

static void begin_text(struct dr_tokens *tokens)
{
    tokens->text = tokens->memory;
}

static void add_text(struct dr_tokens *tokens, const char *bytes, size_t count)
{
    if (!tokens->memory)
        return;
    memcpy(tokens->memory, bytes, count);
    tokens->memory += count;
}

static void end_text(struct dr_tokens *tokens, const char *at)
{
    add_text(tokens, "", 1);
    tokens->at = at;
}

/* ---- quotes ---- */

static int digit_value(char c, int base)
{
    int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
    return value < base ? value : -1;
}

/* Up to `most` digits. A byte beyond ASCII, or zero, could be anything: unclear. */
static int read_byte(const char **at, int base, int most, char *byte)
{
    int value = 0, digits = 0;
    for (; digits < most && digit_value(**at, base) >= 0; digits++)
        value = value * base + digit_value(*(*at)++, base);
    *byte = (char)value;
    return digits && value > 0 && value < 0x80;
}

/* What follows the backslash in E'…'. 0: unclear. */
static int read_escape(const char **at, char *byte)
{
    static const char names[] = "nrtbf\\'\"", bytes[] = "\n\r\t\b\f\\'\"";
    const char *name = **at ? strchr(names, **at) : NULL;
    if (name) {
        *byte = bytes[name - names];
        (*at)++;
        return 1;
    }
    if (**at == 'x') {
        (*at)++;
        return read_byte(at, 16, 2, byte);
    }
    return read_byte(at, 8, 3, byte);
}

/* From the opening quote. */
static enum dr_token read_quoted(struct dr_tokens *tokens, const char *at, int escapes)
{
    char quote = *at++;
    enum dr_token kind = quote == '"' ? DR_TOKEN_NAME : DR_TOKEN_STRING;
    begin_text(tokens);
    while (*at) {
        if (escapes && *at == '\\') {
            char byte = 0;
            at++;
            if (!read_escape(&at, &byte))
                kind = DR_TOKEN_UNCLEAR;
            add_text(tokens, &byte, 1);
        } else if (*at == quote && at[1] != quote) {
            end_text(tokens, at + 1);
            return kind;
        } else {
            at += *at == quote;
            add_text(tokens, at++, 1);
        }
    }
    return DR_TOKEN_BROKEN;
}

/* $$…$$ or $tag$…$tag$, from the first dollar, or a dollar alone. */
static enum dr_token read_dollars(struct dr_tokens *tokens, const char *at)
{
    size_t tag = 1;
    while (at[tag] != '$' && in_word(at + tag, tag == 1))
        tag++;
    if (at[tag++] != '$') {
        tokens->at = at + 1;
        return DR_TOKEN_SIGN;
    }
    const char *start = at + tag;
    for (const char *end = start; (end = strchr(end, '$')); end++) {
        if (strncmp(end, at, tag) != 0)
            continue;
        begin_text(tokens);
        add_text(tokens, start, (size_t)(end - start));
        end_text(tokens, end + tag);
        return DR_TOKEN_STRING;
    }
    return DR_TOKEN_BROKEN;
}

/* ---- tokens ---- */

static enum dr_token read_token(struct dr_tokens *tokens, const char *at)
{
    const char *end = at + 1;
    if (!*at || *at == ';') {
        tokens->at = at;
        return DR_TOKEN_END;
    }
    if (*at == '\'' || *at == '"')
        return read_quoted(tokens, at, 0);
    if ((*at == 'e' || *at == 'E') && at[1] == '\'')
        return read_quoted(tokens, at + 1, 1);
    if (*at == '$')
        return read_dollars(tokens, at);
    begin_text(tokens);
    if (in_word(at, 1)) {
        while (in_word(end, 0))
            end++;
        add_text(tokens, at, (size_t)(end - at));
        end_text(tokens, end);
        return DR_TOKEN_WORD;
    }
    if (isdigit((unsigned char)*at) || (*at == '.' && isdigit((unsigned char)at[1]))) {
        while (isdigit((unsigned char)*end) || *end == '.' || *end == '_')
            end++;
        add_text(tokens, at, (size_t)(end - at));
        end_text(tokens, end);
        return in_word(end, 1) ? DR_TOKEN_UNCLEAR : DR_TOKEN_NUMBER;
    }
    tokens->at = end;
    return DR_TOKEN_SIGN;
}

void dr_tokens_next(struct dr_tokens *tokens)
{
    tokens->text = NULL;
    if (tokens->kind == DR_TOKEN_BROKEN)
        return;
    tokens->start = skip_blanks(tokens->at);
    tokens->kind = tokens->start ? read_token(tokens, tokens->start) : DR_TOKEN_BROKEN;
}

char *dr_tokens_memory(const char *sql)
{
    return malloc(2 * strlen(sql) + 64);
}

void dr_tokens_begin(struct dr_tokens *tokens, const char *sql, char *memory)
{
    *tokens = (struct dr_tokens){.at = sql, .memory = memory};
    dr_tokens_next(tokens);
}

int dr_tokens_is_word(const struct dr_tokens *tokens, const char *word)
{
    size_t length = strlen(word);
    return tokens->kind == DR_TOKEN_WORD && (size_t)(tokens->at - tokens->start) == length &&
           strncasecmp(tokens->start, word, length) == 0;
}

int dr_tokens_take_word(struct dr_tokens *tokens, const char *word)
{
    int found = dr_tokens_is_word(tokens, word);
    if (found)
        dr_tokens_next(tokens);
    return found;
}

int dr_tokens_take_sign(struct dr_tokens *tokens, char sign)
{
    int found = tokens->kind == DR_TOKEN_SIGN && *tokens->start == sign;
    if (found)
        dr_tokens_next(tokens);
    return found;
}

int dr_tokens_at_end(struct dr_tokens *tokens)
{
    while (tokens->kind == DR_TOKEN_END && *tokens->at == ';') {
        tokens->at++;
        dr_tokens_next(tokens);
    }
    return tokens->kind == DR_TOKEN_END;
}

const char *dr_statement_end(const char *sql)
{
    struct dr_tokens tokens;
    dr_tokens_begin(&tokens, sql, NULL);
    while (tokens.kind != DR_TOKEN_END && tokens.kind != DR_TOKEN_BROKEN)
        dr_tokens_next(&tokens);
    return tokens.kind == DR_TOKEN_END ? tokens.at : NULL;
}
