#include "remote_types.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64 };

/* ---- text that grows ---- */

struct text {
    char *bytes;
    size_t size, room;
    int failed;
};

static void add_bytes(struct text *text, const char *bytes, size_t size)
{
    if (text->room - text->size <= size) {
        size_t room = 2 * text->room + size + 128;
        char *grown = realloc(text->bytes, room);
        if (!grown) {
            text->failed = 1;
            return;
        }
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = 0;
}

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *text, const char *format, ...)
{
    char *made = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&made, format, arguments);
    va_end(arguments);
    if (size < 0) {
        text->failed = 1;
        return;
    }
    add_bytes(text, made, (size_t)size);
    free(made);
}

/* ---- types ---- */

enum kind { SCALAR, STRING, BLOB, LIST, ARRAY, STRUCT, MAP, UNION };

struct type {
    enum kind kind;
    char *sql;
    int count;
    struct type **child;
    char **name; /* quoted, as SQL has it; NULL: none */
};

static void free_type(struct type *type)
{
    if (!type)
        return;
    for (int i = 0; i < type->count; i++) {
        free_type(type->child[i]);
        free(type->name[i]);
    }
    free(type->child);
    free(type->name);
    free(type->sql);
    free(type);
}

static struct type *make_type(enum kind kind)
{
    struct type *type = calloc(1, sizeof *type);
    if (type)
        type->kind = kind;
    return type;
}

/* It takes child and name over. */
static int add_child(struct type *type, struct type *child, char *name)
{
    struct type **children = realloc(type->child, ((size_t)type->count + 1) * sizeof *children);
    if (children)
        type->child = children;
    char **names = realloc(type->name, ((size_t)type->count + 1) * sizeof *names);
    if (names)
        type->name = names;
    if (!children || !names || !child) {
        free_type(child);
        free(name);
        return 0;
    }
    type->child[type->count] = child;
    type->name[type->count++] = name;
    return 1;
}

static int take(const char **at, const char *what)
{
    size_t size = strlen(what);
    if (strncmp(*at, what, size))
        return 0;
    *at += size;
    return 1;
}

/* Behind the text in quotes at `at`, where one is doubled. */
static const char *end_of_quoted(const char *at)
{
    char quote = *at++;
    while (*at && (*at != quote || at[1] == quote))
        at += *at == quote ? 2 : 1;
    return *at ? at + 1 : at;
}

static struct type *parse(const char **at, int depth);

/* Behind "STRUCT(": types, with names or without, up to ")". */
static struct type *parse_parts(const char **at, enum kind kind, int depth)
{
    struct type *type = make_type(kind);
    while (type && !take(at, ")")) {
        char *name = NULL;
        take(at, ", ");
        if (**at == '"') {
            const char *end = end_of_quoted(*at);
            name = strndup(*at, (size_t)(end - *at));
            *at = end;
            take(at, " ");
        }
        if (!add_child(type, **at ? parse(at, depth + 1) : NULL, name)) {
            free_type(type);
            return NULL;
        }
    }
    return type;
}

static struct type *parse_scalar(const char **at)
{
    const char *end = *at;
    while (isalnum((unsigned char)*end) || *end == '_')
        end++;
    size_t size = (size_t)(end - *at);
    int string = (size == 7 && strncmp(*at, "VARCHAR", 7) == 0) || (size == 4 && strncmp(*at, "JSON", 4) == 0);
    int blob = size == 4 && strncmp(*at, "BLOB", 4) == 0;
    if (size == 4 && strncmp(*at, "ENUM", 4) == 0) {
        while (*end && *end != ')')
            end = *end == '\'' ? end_of_quoted(end) : end + 1;
        end += *end == ')';
        string = 1;
    } else if (*end == '(') {
        end += strcspn(end, ")");
        end += *end == ')';
    }
    struct type *type = size ? make_type(string ? STRING : blob ? BLOB : SCALAR) : NULL;
    *at = end;
    return type;
}

/* Behind it: [] or [3], a list of what came before. */
static struct type *parse_list(const char **at, struct type *element)
{
    struct type *type = make_type((*at)[1] == ']' ? LIST : ARRAY);
    if (!type || !add_child(type, element, NULL)) {
        free_type(type ? NULL : element);
        free_type(type);
        return NULL;
    }
    *at += strcspn(*at, "]");
    take(at, "]");
    return type;
}

static struct type *parse(const char **at, int depth)
{
    const char *start = *at;
    if (depth > DEEPEST)
        return NULL;
    struct type *type = take(at, "STRUCT(")  ? parse_parts(at, STRUCT, depth)
                        : take(at, "MAP(")   ? parse_parts(at, MAP, depth)
                        : take(at, "UNION(") ? parse_parts(at, UNION, depth)
                                             : parse_scalar(at);
    for (;;) {
        if (type && !(type->sql = strndup(start, (size_t)(*at - start)))) {
            free_type(type);
            return NULL;
        }
        if (!type || **at != '[')
            return type;
        type = parse_list(at, type);
    }
}

/* ---- expressions ---- */

static int is_nested(const struct type *type)
{
    return type->kind >= LIST;
}

/* Is it its own carrier? */
static int is_plain(const struct type *type)
{
    return type->kind == SCALAR || (type->kind == LIST && is_plain(type->child[0]));
}

static void put_carrier(struct text *out, const struct type *type)
{
    switch (type->kind) {
    case SCALAR:
        add(out, "%s", type->sql);
        return;
    case STRING:
    case BLOB:
        add(out, "VARCHAR");
        return;
    case LIST:
    case ARRAY:
        put_carrier(out, type->child[0]);
        add(out, "[]");
        return;
    case MAP:
        add(out, "STRUCT(k ");
        put_carrier(out, type->child[0]);
        add(out, "[], v ");
        put_carrier(out, type->child[1]);
        add(out, "[])");
        return;
    default:
        add(out, "STRUCT(%s", type->kind == UNION ? "t UTINYINT, " : "");
        for (int i = 0; i < type->count; i++) {
            add(out, "%sf%d ", i ? ", " : "", i);
            put_carrier(out, type->child[i]);
        }
        add(out, ")");
    }
}

static void put_from(struct text *out, const struct type *type, const char *value, int depth);

static void put_elements(struct text *out, const struct type *child, const char *items, int depth)
{
    char name[24];
    if (is_plain(child)) {
        add(out, "%s", items);
        return;
    }
    snprintf(name, sizeof name, "e%d", depth);
    add(out, "list_transform(%s, lambda %s: ", items, name);
    put_from(out, child, name, depth + 1);
    add(out, ")");
}

/* The expression for a part of a value: "value.f0". */
static void put_part(struct text *out, const struct type *child, const char *value, const char *part, int index, int depth)
{
    char *expression = NULL;
    if ((index < 0 ? asprintf(&expression, "%s.%s", value, part) : asprintf(&expression, "%s.%s%d", value, part, index)) < 0) {
        out->failed = 1;
        return;
    }
    if (index < 0)
        put_elements(out, child, expression, depth);
    else
        put_from(out, child, expression, depth);
    free(expression);
}

static void put_struct(struct text *out, const struct type *type, const char *value, int depth)
{
    int named = type->count && type->name[0];
    add(out, "CASE WHEN %s IS NOT NULL THEN %s(", value, named ? "struct_pack" : "row");
    for (int i = 0; i < type->count; i++) {
        add(out, "%s", i ? ", " : "");
        if (named)
            add(out, "%s := ", type->name[i]);
        put_part(out, type->child[i], value, "f", i, depth);
    }
    add(out, ") END");
}

static void put_union(struct text *out, const struct type *type, const char *value, int depth)
{
    add(out, "CASE %s.t", value);
    for (int i = 0; i < type->count; i++) {
        add(out, " WHEN %d THEN CAST(union_value(%s := ", i, type->name[i] ? type->name[i] : "\"\"");
        put_part(out, type->child[i], value, "f", i, depth);
        add(out, ") AS %s)", type->sql);
    }
    add(out, " END");
}

/* Out of a carrier within a nested value. */
static void put_from(struct text *out, const struct type *type, const char *value, int depth)
{
    switch (type->kind) {
    case BLOB:
        add(out, "unhex(%s)", value);
        return;
    case STRING:
        add(out, "CAST(decode(unhex(%s)) AS %s)", value, type->sql);
        return;
    case LIST:
        put_elements(out, type->child[0], value, depth);
        return;
    case ARRAY:
        add(out, "CAST(");
        put_elements(out, type->child[0], value, depth);
        add(out, " AS %s)", type->sql);
        return;
    case MAP:
        add(out, "CASE WHEN %s IS NOT NULL THEN map(", value);
        put_part(out, type->child[0], value, "k", -1, depth);
        add(out, ", ");
        put_part(out, type->child[1], value, "v", -1, depth);
        add(out, ") END");
        return;
    case STRUCT:
        put_struct(out, type, value, depth);
        return;
    case UNION:
        put_union(out, type, value, depth);
        return;
    default:
        add(out, "%s", value);
    }
}

char *dr_remote_expression(const char *name, const char *value)
{
    const char *at = name ? name : "VARCHAR";
    struct type *type = parse(&at, 0);
    struct text out = {0};
    if (!type || *at || (type->kind == MAP && type->count != 2)) {
        free_type(type);
        return NULL;
    }
    if (!is_nested(type)) {
        add(&out, strcmp(type->sql, "VARCHAR") ? "CAST(%s AS %s)" : "%s", value, type->sql);
    } else {
        struct text carried = {0};
        add(&carried, "CAST(%s AS ", value);
        put_carrier(&carried, type);
        add(&carried, ")");
        out.failed = carried.failed;
        if (carried.bytes)
            put_from(&out, type, carried.bytes, 0);
        free(carried.bytes);
    }
    free_type(type);
    if (out.failed) {
        free(out.bytes);
        return NULL;
    }
    return out.bytes;
}
