#include "attach.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sqltext.h"

enum kind { END, WORD, NAME, STRING, NUMBER, SIGN, OTHER };

/* The next token; text is its meaning: a word as written, a name or string without its quotes. x'…' is a word and a string. */
struct reader {
    const char *at; /* behind the token */
    enum kind kind;
    char symbol;
    const char *start;
    char *text, *memory; /* memory: what is left of one buffer for all texts; none is longer than what it came from */
};

/* ---- tokens ---- */

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

static int digit_value(char c, int base)
{
    int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
    return value < base ? value : -1;
}

/* Up to `most` digits. A byte beyond ASCII, or zero, could be anything: not understood. */
static int read_byte(const char **at, int base, int most, char *byte)
{
    int value = 0, digits = 0;
    for (; digits < most && digit_value(**at, base) >= 0; digits++)
        value = value * base + digit_value(*(*at)++, base);
    *byte = (char)value;
    return digits && value > 0 && value < 0x80;
}

/* What follows the backslash in E'…'. */
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
    return digit_value(**at, 8) >= 0 && read_byte(at, 8, 3, byte);
}

static void begin_text(struct reader *reader)
{
    reader->text = reader->memory;
}

static void end_text(struct reader *reader)
{
    *reader->memory++ = 0;
}

/* From the opening quote. */
static int read_quoted(struct reader *reader, const char *at, int escapes)
{
    char quote = *at++;
    begin_text(reader);
    for (; *at; at++) {
        if (escapes && *at == '\\') {
            at++;
            if (!read_escape(&at, reader->memory++))
                return 0;
            at--;
        } else if (*at == quote && at[1] != quote) {
            end_text(reader);
            reader->at = at + 1;
            return 1;
        } else {
            at += *at == quote;
            *reader->memory++ = *at;
        }
    }
    return 0;
}

/* $$…$$ or $tag$…$tag$, from the first dollar. */
static int read_dollars(struct reader *reader, const char *at)
{
    size_t tag = 1;
    while (at[tag] != '$')
        if (!in_word(at + tag, tag == 1) || at[tag] == '$')
            return 0;
        else
            tag++;
    tag++;
    const char *start = at + tag;
    for (const char *end = start; (end = strchr(end, '$')); end++) {
        if (strncmp(end, at, tag) != 0)
            continue;
        begin_text(reader);
        memcpy(reader->memory, start, (size_t)(end - start));
        reader->memory += end - start;
        end_text(reader);
        reader->at = end + tag;
        return 1;
    }
    return 0;
}

static void copy_text(struct reader *reader, const char *end)
{
    begin_text(reader);
    memcpy(reader->memory, reader->start, (size_t)(end - reader->start));
    reader->memory += end - reader->start;
    end_text(reader);
    reader->at = end;
}

static enum kind read_token(struct reader *reader)
{
    const char *at = skip_blanks(reader->at), *end;
    reader->start = at;
    if (!at)
        return OTHER;
    if (!*at || *at == ';') {
        reader->at = at;
        return END;
    }
    if (*at == '\'')
        return read_quoted(reader, at, 0) ? STRING : OTHER;
    if ((*at == 'e' || *at == 'E') && at[1] == '\'')
        return read_quoted(reader, at + 1, 1) ? STRING : OTHER;
    if (*at == '"')
        return read_quoted(reader, at, 0) && *reader->text ? NAME : OTHER;
    if (*at == '$')
        return read_dollars(reader, at) ? STRING : OTHER;
    if (in_word(at, 1)) {
        for (end = at + 1; in_word(end, 0); end++) {
        }
        copy_text(reader, end);
        return WORD;
    }
    if (isdigit((unsigned char)*at) || (*at == '.' && isdigit((unsigned char)at[1]))) {
        for (end = at + 1; isdigit((unsigned char)*end) || *end == '.' || *end == '_'; end++) {
        }
        copy_text(reader, end);
        return in_word(end, 1) ? OTHER : NUMBER;
    }
    reader->symbol = *at;
    reader->at = at + 1;
    return *at == '(' || *at == ')' || *at == ',' || *at == '-' || *at == '+' ? SIGN : OTHER;
}

static void next(struct reader *reader)
{
    reader->kind = read_token(reader);
}

static int is_word(const struct reader *reader, const char *word)
{
    return reader->kind == WORD && strcasecmp(reader->text, word) == 0;
}

static int take_word(struct reader *reader, const char *word)
{
    int found = is_word(reader, word);
    if (found)
        next(reader);
    return found;
}

static int take_sign(struct reader *reader, char symbol)
{
    int found = reader->kind == SIGN && reader->symbol == symbol;
    if (found)
        next(reader);
    return found;
}

/* Nothing but semicolons and blanks. */
static int at_end(struct reader *reader)
{
    while (reader->kind == END && *reader->at == ';') {
        reader->at++;
        next(reader);
    }
    return reader->kind == END;
}

/* ---- options ---- */

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

static int read_option(struct reader *reader, struct dr_attach *attach)
{
    static const char *const accesses[] = {"read_only", "readonly", "read_write", "readwrite"};
    if (reader->kind != WORD && reader->kind != NAME)
        return 0;
    const char *name = reader->text, *start = reader->start, *end = reader->at, *value = NULL;
    next(reader);
    int sign = take_sign(reader, '-') || take_sign(reader, '+');
    if (sign && reader->kind != NUMBER)
        return 0;
    if (reader->kind == STRING || reader->kind == NUMBER || reader->kind == WORD || reader->kind == NAME) {
        value = reader->text;
        end = reader->at;
        next(reader);
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

static int read_options(struct reader *reader, struct dr_attach *attach)
{
    do {
        if (!read_option(reader, attach))
            return 0;
    } while (take_sign(reader, ',') && !(reader->kind == SIGN && reader->symbol == ')'));
    return take_sign(reader, ')');
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

static int read_attach(struct reader *reader, struct dr_attach *attach)
{
    int database = take_word(reader, "DATABASE");
    if (take_word(reader, "OR")) {
        if (!take_word(reader, "REPLACE"))
            return 0;
        attach->or_replace = 1;
    } else if (take_word(reader, "IF")) {
        if (!take_word(reader, "NOT") || !take_word(reader, "EXISTS"))
            return 0;
        attach->if_not_exists = 1;
    }
    if (!database)
        take_word(reader, "DATABASE");
    if (reader->kind != STRING && reader->kind != NAME)
        return 0;
    const char *path = reader->text;
    int name = reader->kind == NAME;
    next(reader);
    /* "x" (…) would be a call of a function. */
    if (name && reader->kind == SIGN)
        return 0;
    if (take_word(reader, "AS")) {
        if ((reader->kind != WORD && reader->kind != NAME) || !(attach->alias = strdup(reader->text)))
            return 0;
        next(reader);
    }
    if (take_sign(reader, '(') && !read_options(reader, attach))
        return 0;
    attach->path = plain_path(path, attach->type);
    return attach->path && at_end(reader);
}

/* DATABASE and IF may be names too. */
static int read_detach(struct reader *reader, struct dr_attach *attach)
{
    struct reader before = *reader;
    if (take_word(reader, "DATABASE") && at_end(reader))
        *reader = before;
    before = *reader;
    if (take_word(reader, "IF")) {
        if (take_word(reader, "EXISTS"))
            attach->if_exists = 1;
        else
            *reader = before;
    }
    if ((reader->kind != WORD && reader->kind != NAME) || !(attach->alias = strdup(reader->text)))
        return 0;
    next(reader);
    return at_end(reader);
}

static struct reader begin(const char *sql, char *memory)
{
    struct reader reader = {.at = sql, .memory = memory};
    next(&reader);
    at_end(&reader);
    return reader;
}

void dr_attach_parse(const char *sql, struct dr_attach *attach)
{
    memset(attach, 0, sizeof *attach);
    attach->read_only = -1;
    /* Each token's text is no longer than the token, but for its zero. DETACH looks at two tokens twice. */
    char *memory = malloc(2 * strlen(sql) + 16 + 2 * strlen("DATABASE"));
    if (!memory)
        return;
    struct reader reader = begin(sql, memory);
    int understood = 0;
    if (take_word(&reader, "ATTACH")) {
        attach->kind = DR_ATTACH_ATTACH;
        understood = read_attach(&reader, attach);
    } else if (take_word(&reader, "DETACH")) {
        attach->kind = DR_ATTACH_DETACH;
        understood = read_detach(&reader, attach);
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
    const char *at = sql;
    while ((at = skip_blanks(at)) && *at == ';')
        at++;
    return at && strncasecmp(at, "ATTACH", 6) == 0 && !in_word(at + 6, 0);
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
