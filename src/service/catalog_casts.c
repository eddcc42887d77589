/* Casts to PostgreSQL's types of names (regclass and the like), and what else of its SQL DuckDB reads differently. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "catalog_names.h"
#include "catalog_rewrite.h"

/* ---- what is cast ---- */

/* A name's first part: a.b.c ends at `at`. */
static int name_start(const struct dr_rewriting *rewriting, int at)
{
    while (dr_piece_is_sign(rewriting, at - 1, '.') && dr_piece_is_name(rewriting, at - 2))
        at -= 2;
    return at;
}

/* The first token of the operand that ends at `at`; -1: it can't be told. */
static int operand_start(const struct dr_rewriting *rewriting, int at)
{
    for (;;) {
        const struct dr_piece *piece = dr_piece(rewriting, at);
        if (piece->kind == DR_TOKEN_SIGN && strchr(")]", *piece->start)) {
            int called = piece->match > 0 && dr_piece_is_name(rewriting, piece->match - 1);
            int indexed = *piece->start == ']' && !dr_piece_is_word(rewriting, piece->match - 1, "ARRAY");
            if (piece->match < 0)
                return -1;
            at = called ? name_start(rewriting, piece->match - 1) : piece->match;
            if (indexed && !called) {
                at--;
                continue;
            }
        } else if (dr_piece_is_name(rewriting, at)) {
            at = name_start(rewriting, at);
        } else if (piece->kind == DR_TOKEN_NUMBER && dr_piece_is_sign(rewriting, at - 1, '$')) {
            at--;
        } else if (piece->kind != DR_TOKEN_STRING && piece->kind != DR_TOKEN_NUMBER && !dr_piece_is_sign(rewriting, at, '?')) {
            return -1;
        }
        if (!dr_piece_is_sign(rewriting, at - 1, ':') || !dr_piece_is_sign(rewriting, at - 2, ':'))
            return at;
        at -= 3;
    }
}

/* ---- types ---- */

static const struct {
    const char *name, *duckdb; /* NULL: a name of an object, which is looked up */
} types[] = {
    {"regclass", NULL},
    {"regtype", NULL},
    {"regnamespace", NULL},
    {"regproc", NULL},
    {"regprocedure", NULL},
    {"regrole", NULL},
    {"oid", "INT"},
    {"xid", "INT"},
    {"name", "TEXT"},
    {"char", "TEXT"},
    {"cstring", "TEXT"},
    {"aclitem", "TEXT"},
    {"pg_node_tree", "TEXT"},
    {"int2vector", "SMALLINT[]"},
    {"oidvector", "INT[]"},
    {"sql_identifier", "TEXT"},
    {"cardinal_number", "INT"},
    {"character_data", "TEXT"},
};

static int type_at(const struct dr_rewriting *rewriting, int at)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (dr_piece_is(rewriting, at, types[i].name))
            return (int)i;
    return -1;
}

/* Where the type's own name is, behind "pg_catalog." if that is there, which goes away. */
static int bare_type(struct dr_rewriting *rewriting, int at)
{
    if (!dr_piece_is_sign(rewriting, at + 1, '.') ||
        !(dr_piece_is(rewriting, at, "pg_catalog") || dr_piece_is(rewriting, at, "information_schema")))
        return at;
    dr_pieces_drop(rewriting, at, at + 1);
    rewriting->concerned = 1;
    return at + 2;
}

/* "char" in quotes and name are types of the catalog; a plain CHAR is SQL's. */
static void plain_type(struct dr_rewriting *rewriting, int at)
{
    int type = type_at(rewriting, at);
    if (type < 0 || !types[type].duckdb || (dr_piece_is_word(rewriting, at, "char")))
        return;
    if (rewriting->concerned || dr_piece_is_word(rewriting, at, "oid"))
        dr_piece_instead(rewriting, at, types[type].duckdb);
}

static int is_text_type(const struct dr_rewriting *rewriting, int at)
{
    return dr_piece_is(rewriting, at, "text") || dr_piece_is(rewriting, at, "varchar") || dr_piece_is(rewriting, at, "name");
}

/* Is the object's name wanted, rather than its oid: is the cast one to text again, or shown as it is? */
static int shown(const struct dr_rewriting *rewriting, const struct dr_place *place, int start, int behind)
{
    if (dr_piece_is_sign(rewriting, behind, ':') && dr_piece_is_sign(rewriting, behind + 1, ':'))
        return is_text_type(rewriting, behind + 2) ||
               (dr_piece_is_sign(rewriting, behind + 3, '.') && is_text_type(rewriting, behind + 4));
    return place->clause == DR_CLAUSE_LIST && place->item == start && place->depth == 0 &&
           (dr_piece_is_sign(rewriting, behind, ',') || dr_piece_is_word(rewriting, behind, "AS") ||
            dr_piece_is_word(rewriting, behind, "FROM") || dr_piece(rewriting, behind)->kind == DR_TOKEN_END);
}

static const char *lookup(const struct dr_rewriting *rewriting, int at)
{
    int type = type_at(rewriting, at);
    if (type < 0 || types[type].duckdb)
        return NULL;
    return strcmp(types[type].name, "regprocedure") == 0 ? "regproc" : types[type].name;
}

static void call_lookup(struct dr_rewriting *rewriting, const char *function, int start, int end, int name)
{
    char call[128];
    snprintf(call, sizeof call, name ? DR_CATALOG ".%s_text(" DR_CATALOG ".%s(" : DR_CATALOG ".%s(", function, function);
    dr_piece_before(rewriting, start, call);
    dr_piece_after(rewriting, end, name ? "))" : ")");
    rewriting->concerned = 1;
}

/* The column is named as what is cast, where that is a column. */
static void name_cast(struct dr_rewriting *rewriting, const struct dr_place *place, int start, int operand, int end,
                      const char *type)
{
    int column = dr_piece_is_name(rewriting, operand);
    dr_piece_column(rewriting, place, start, end, column ? dr_piece(rewriting, operand)->text : type);
}

void dr_catalog_cast(struct dr_rewriting *rewriting, const struct dr_place *place, int at)
{
    int type = bare_type(rewriting, at + 2), start = operand_start(rewriting, at - 1);
    const char *function = lookup(rewriting, type);
    if (!function || dr_piece_is_sign(rewriting, type + 1, '[')) {
        plain_type(rewriting, type);
        return;
    }
    if (start < 0)
        return;
    call_lookup(rewriting, function, start, at - 1, shown(rewriting, place, start, type + 1));
    dr_pieces_drop(rewriting, at, type);
    name_cast(rewriting, place, start, at - 1, type, function);
}

/* CAST(x AS regclass): at is CAST. */
void dr_catalog_cast_call(struct dr_rewriting *rewriting, const struct dr_place *place, int at)
{
    int open = at + 1, close = dr_piece(rewriting, open)->match, as = -1;
    for (int i = open + 1; i < close; i++) {
        const struct dr_piece *piece = dr_piece(rewriting, i);
        if (piece->kind == DR_TOKEN_SIGN && strchr("([", *piece->start) && piece->match > i)
            i = piece->match;
        else if (dr_piece_is_word(rewriting, i, "AS"))
            as = i;
    }
    if (as < 0)
        return;
    int type = bare_type(rewriting, as + 1);
    const char *function = lookup(rewriting, type);
    if (!function) {
        plain_type(rewriting, type);
        return;
    }
    int text = shown(rewriting, place, at, close + 1) ||
               (dr_piece_is_word(rewriting, close + 1, "AS") && is_text_type(rewriting, close + 2));
    dr_piece_instead(rewriting, at, "");
    dr_pieces_drop(rewriting, as, type);
    call_lookup(rewriting, function, at, close, text);
}

/* ---- operators ---- */

/* OPERATOR(pg_catalog.~) → ~; COLLATE pg_catalog.default goes away. */
void dr_catalog_operators(struct dr_rewriting *rewriting)
{
    for (int at = rewriting->first; at < rewriting->last; at++) {
        int close = dr_piece(rewriting, at + 1)->match;
        if (dr_piece_is_word(rewriting, at, "OPERATOR") && dr_piece_is_sign(rewriting, at + 1, '(') && close > at + 3 &&
            dr_piece_is(rewriting, at + 2, "pg_catalog")) {
            dr_pieces_drop(rewriting, at, at + 3);
            dr_piece_instead(rewriting, close, "");
            rewriting->concerned = 1;
        } else if (dr_piece_is_word(rewriting, at, "COLLATE") && dr_piece_is(rewriting, at + 1, "pg_catalog") &&
                   dr_piece_is_sign(rewriting, at + 2, '.')) {
            dr_pieces_drop(rewriting, at, at + 3);
            rewriting->concerned = 1;
        }
    }
}

/* ---- dialect ---- */

/* a ~ 'pattern': PostgreSQL looks for it anywhere; DuckDB 1.5 wants all of a to be it. ~* is unknown to DuckDB. */
static void pattern(struct dr_rewriting *rewriting, int at)
{
    int next = at + 1, fold = 0;
    if (dr_piece_is_sign(rewriting, at - 1, '~') || dr_piece_is_sign(rewriting, at + 1, '~'))
        return;
    if (dr_piece_is_sign(rewriting, next, '*')) {
        fold = 1;
        next++;
    }
    if (dr_piece_is_sign(rewriting, next, ')'))
        next++;
    const struct dr_piece *right = dr_piece(rewriting, next);
    if (right->kind != DR_TOKEN_STRING)
        return;
    char *text;
    const char *wanted = strcmp(right->text, "^(public)$") == 0 ? "^(public|main)$" : right->text;
    if (asprintf(&text, "(?s%s).*(?:%s).*", fold ? "i" : "", wanted) < 0) {
        rewriting->failed = 1;
        return;
    }
    if (fold)
        dr_piece_instead(rewriting, at + 1, "");
    dr_piece_literal(rewriting, next, text);
    free(text);
}

/* '{1,2}' is an array. */
static void array_literal(struct dr_rewriting *rewriting, int at)
{
    const char *text = dr_piece(rewriting, at)->text;
    size_t length = strlen(text);
    if (length < 2 || text[0] != '{' || text[length - 1] != '}' || strspn(text + 1, "0123456789,") != length - 2)
        return;
    char *list = strdup(text);
    if (!list) {
        rewriting->failed = 1;
        return;
    }
    list[0] = '[';
    list[length - 1] = ']';
    dr_piece_literal(rewriting, at, list);
    free(list);
}

/* = 'public', IN ('public'): main, where there is no such schema. */
static void public_schema(struct dr_rewriting *rewriting, int at)
{
    int equal = dr_piece_is_sign(rewriting, at - 1, '=');
    int in = dr_piece_is_sign(rewriting, at - 1, '(') && dr_piece_is_word(rewriting, at - 2, "IN");
    if ((equal || in || dr_piece_is_sign(rewriting, at - 1, ',')) && strcmp(dr_piece(rewriting, at)->text, "public") == 0)
        dr_piece_instead(rewriting, at, DR_CATALOG ".schema_named('public')");
}

/* FROM generate_series(…) s: the column is s as well. */
static void series_alias(struct dr_rewriting *rewriting, int alias)
{
    char column[96];
    alias += dr_piece_is_word(rewriting, alias, "AS");
    const struct dr_piece *name = dr_piece(rewriting, alias);
    if (!dr_piece_is_name(rewriting, alias) || dr_piece_is_sign(rewriting, alias + 1, '(') ||
        dr_piece_is_word(rewriting, alias, "WITH") || dr_piece_is_word(rewriting, alias, "WHERE") ||
        dr_piece_is_word(rewriting, alias, "ORDER") || dr_piece_is_word(rewriting, alias, "GROUP") ||
        dr_piece_is_word(rewriting, alias, "UNION") || name->end - name->start > 64)
        return;
    snprintf(column, sizeof column, "(%.*s)", (int)(name->end - name->start), name->start);
    dr_piece_after(rewriting, alias, column);
}

static void function_in_from(struct dr_rewriting *rewriting, int at)
{
    int close = dr_piece(rewriting, at + 1)->match;
    if (close < 0)
        return;
    if (dr_piece_is_word(rewriting, at, "string_to_array")) {
        dr_piece_before(rewriting, at, "(SELECT ");
        dr_piece_after(rewriting, close, ")");
    } else if (!dr_piece_is_word(rewriting, at, "generate_series") && !dr_piece_is_word(rewriting, at, "unnest") &&
               !dr_piece_is_word(rewriting, at, "generate_subscripts")) {
        return;
    }
    series_alias(rewriting, close + 1);
}

void dr_catalog_dialect(struct dr_rewriting *rewriting)
{
    for (int at = rewriting->first; at < rewriting->last; at++) {
        const struct dr_piece *piece = dr_piece(rewriting, at);
        if (piece->kind == DR_TOKEN_STRING && !piece->instead) {
            array_literal(rewriting, at);
            public_schema(rewriting, at);
        } else if (dr_piece_is_sign(rewriting, at, '~')) {
            pattern(rewriting, at);
        } else if (dr_piece_is_word(rewriting, at, "COLLATE") && !piece->instead) {
            dr_pieces_drop(rewriting, at, at + 1);
        } else if (dr_piece_is_sign(rewriting, at, ':') && dr_piece_is_sign(rewriting, at - 1, ':') && !piece->instead) {
            if (!dr_piece(rewriting, at + 1)->instead)
                plain_type(rewriting, at + 1);
        } else if (piece->relation) {
            function_in_from(rewriting, at);
        } else if (dr_piece_is_word(rewriting, at, "json_build_object") ||
                   dr_piece_is_word(rewriting, at, "jsonb_build_object")) {
            dr_piece_instead(rewriting, at, "json_object");
        }
    }
}
