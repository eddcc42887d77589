#include "attach.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sqltext.h"
#include "tokens.h"

/* ---- options ---- */

static int is_name(const struct dr_tokens *tokens)
{
    return tokens->kind == DR_TOKEN_WORD || (tokens->kind == DR_TOKEN_NAME && *tokens->text);
}

/* -1: not one that DuckDB takes. */
static int truth(const char *text)
{
    static const char *const words[] = {"true", "t", "1", "yes", "y", "false", "f", "0", "no", "n"};
    for (int i = 0; i < 10; i++)
        if (strcasecmp(text, words[i]) == 0)
            return i < 5;
    return -1;
}

static int add_option(struct dr_attach *attach, const char *start, const char *end)
{
    char *longer =
        dr_sql_format("%s%s%.*s", attach->options ? attach->options : "", attach->options ? ", " : "", (int)(end - start), start);
    free(attach->options);
    attach->options = longer;
    return longer != NULL;
}

static int set_type(struct dr_attach *attach, const char *text)
{
    attach->type = text ? strdup(text) : NULL;
    for (char *at = attach->type; at && *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return attach->type != NULL;
}

static int read_option(struct dr_tokens *tokens, struct dr_attach *attach)
{
    static const char *const accesses[] = {"read_only", "readonly", "read_write", "readwrite"};
    if (!is_name(tokens))
        return 0;
    const char *name = tokens->text, *start = tokens->start, *end = tokens->at, *value = NULL;
    dr_tokens_next(tokens);
    int sign = dr_tokens_take_sign(tokens, '-') || dr_tokens_take_sign(tokens, '+');
    if (sign && tokens->kind != DR_TOKEN_NUMBER)
        return 0;
    if (tokens->kind == DR_TOKEN_STRING || tokens->kind == DR_TOKEN_NUMBER || is_name(tokens)) {
        value = tokens->text;
        end = tokens->at;
        dr_tokens_next(tokens);
    }
    if (strcasecmp(name, "type") == 0)
        return !sign && !attach->type && set_type(attach, value);
    for (int i = 0; i < 4; i++) {
        if (strcasecmp(name, accesses[i]) != 0)
            continue;
        int yes = value ? truth(value) : 1, again = attach->read_only >= 0;
        attach->read_only = i < 2 ? yes : !yes;
        return !sign && yes >= 0 && !again;
    }
    attach->encrypted |= strcasecmp(name, "encryption_key") == 0;
    return add_option(attach, start, end);
}

static int read_options(struct dr_tokens *tokens, struct dr_attach *attach)
{
    do {
        if (!read_option(tokens, attach))
            return 0;
    } while (dr_tokens_take_sign(tokens, ',') && !(tokens->kind == DR_TOKEN_SIGN && *tokens->start == ')'));
    return dr_tokens_take_sign(tokens, ')');
}

/* ---- statements ---- */

/* DuckDB's own prefix, and its ways to write a local file as a URL, come off: what is left is the path to open. */
static char *plain_path(const char *path, const char *type)
{
    if (!type && strncasecmp(path, "duckdb:", 7) == 0 && strncmp(path + 7, "//", 2) != 0)
        path += 7;
    if (strncmp(path, "file://localhost/", 17) == 0)
        path += 16;
    else if (strncmp(path, "file://", 7) == 0)
        path += 7;
    else if (strncmp(path, "file:/", 6) == 0)
        path += 5;
    const char *home = path[0] == '~' && (path[1] == '/' || !path[1]) ? getenv("HOME") : NULL;
    return home ? dr_sql_format("%s%s", home, path + 1) : strdup(path);
}

static int read_attach(struct dr_tokens *tokens, struct dr_attach *attach)
{
    int database = dr_tokens_take_word(tokens, "DATABASE");
    if (dr_tokens_take_word(tokens, "OR")) {
        if (!dr_tokens_take_word(tokens, "REPLACE"))
            return 0;
        attach->or_replace = 1;
    } else if (dr_tokens_take_word(tokens, "IF")) {
        if (!dr_tokens_take_word(tokens, "NOT") || !dr_tokens_take_word(tokens, "EXISTS"))
            return 0;
        attach->if_not_exists = 1;
    }
    if (!database)
        dr_tokens_take_word(tokens, "DATABASE");
    if (tokens->kind != DR_TOKEN_STRING && (tokens->kind != DR_TOKEN_NAME || !is_name(tokens)))
        return 0;
    const char *path = tokens->text;
    int name = tokens->kind == DR_TOKEN_NAME;
    dr_tokens_next(tokens);
    /* "x" (…) would be a call of a function. */
    if (name && tokens->kind == DR_TOKEN_SIGN)
        return 0;
    if (dr_tokens_take_word(tokens, "AS")) {
        if (!is_name(tokens) || !(attach->alias = strdup(tokens->text)))
            return 0;
        dr_tokens_next(tokens);
    }
    if (dr_tokens_take_sign(tokens, '(') && !read_options(tokens, attach))
        return 0;
    attach->path = plain_path(path, attach->type);
    return attach->path && dr_tokens_at_end(tokens);
}

/* DATABASE and IF may be names too. */
static int read_detach(struct dr_tokens *tokens, struct dr_attach *attach)
{
    struct dr_tokens before = *tokens;
    if (dr_tokens_take_word(tokens, "DATABASE") && dr_tokens_at_end(tokens))
        *tokens = before;
    before = *tokens;
    if (dr_tokens_take_word(tokens, "IF")) {
        if (dr_tokens_take_word(tokens, "EXISTS"))
            attach->if_exists = 1;
        else
            *tokens = before;
    }
    if (!is_name(tokens) || !(attach->alias = strdup(tokens->text)))
        return 0;
    dr_tokens_next(tokens);
    return dr_tokens_at_end(tokens);
}

void dr_attach_parse(const char *sql, struct dr_attach *attach)
{
    memset(attach, 0, sizeof *attach);
    attach->read_only = -1;
    /* Each token's text is no longer than the token, but for its zero. DETACH looks at two tokens twice. */
    char *memory = malloc(2 * strlen(sql) + 16 + 2 * strlen("DATABASE"));
    if (!memory)
        return;
    struct dr_tokens tokens;
    dr_tokens_begin(&tokens, sql, memory);
    dr_tokens_at_end(&tokens);
    int understood = 0;
    if (dr_tokens_take_word(&tokens, "ATTACH")) {
        attach->kind = DR_ATTACH_ATTACH;
        understood = read_attach(&tokens, attach);
    } else if (dr_tokens_take_word(&tokens, "DETACH")) {
        attach->kind = DR_ATTACH_DETACH;
        understood = read_detach(&tokens, attach);
    }
    free(memory);
    if (!understood) {
        dr_attach_free(attach);
        attach->read_only = -1;
    }
}

void dr_attach_free(struct dr_attach *attach)
{
    free(attach->path);
    free(attach->alias);
    free(attach->type);
    free(attach->options);
    memset(attach, 0, sizeof *attach);
}

int dr_attach_begins(const char *sql)
{
    struct dr_tokens tokens;
    dr_tokens_begin(&tokens, sql, NULL);
    dr_tokens_at_end(&tokens);
    return dr_tokens_is_word(&tokens, "ATTACH");
}

/* ---- files ---- */

int dr_attach_is_file(const char *path, const char *type)
{
    if (!*path || strncmp(path, ":memory:", 8) == 0 || (type && strcasecmp(type, "duckdb") != 0))
        return 0;
    size_t length = 0;
    while (isalnum((unsigned char)path[length]) || (path[length] && strchr("+-._", path[length])))
        length++;
    if (path[length] != ':')
        return 1;
    /* https://… and, when it could be the name of an extension, sqlite:… */
    if (path[length + 1] == '/' && path[length + 2] == '/')
        return 0;
    size_t plain = strcspn(path, "+-.:");
    return length < 2 || plain < length;
}

char *dr_attach_name(const char *path)
{
    static const char *const reserved[] = {"main", "temp", "system"};
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t length = strcspn(name, ".?");
    if (!length)
        return NULL;
    for (int i = 0; i < 3; i++)
        if (length == strlen(reserved[i]) && strncasecmp(name, reserved[i], length) == 0)
            return dr_sql_format("%.*s_db", (int)length, name);
    return strndup(name, length);
}
