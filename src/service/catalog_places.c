/* A walk through one statement: where names of relations, functions and columns stand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "catalog_names.h"
#include "catalog_rewrite.h"

static enum dr_catalog_kind kind_of(const struct dr_rewriting *rewriting, int at, int information)
{
    const struct dr_piece *piece = dr_piece(rewriting, at);
    return dr_piece_is_name(rewriting, at) ? dr_catalog_kind(piece->text, strlen(piece->text), information) : DR_CATALOG_NONE;
}

/* DR_CATALOG.[info.] before a name. */
static void qualify(struct dr_rewriting *rewriting, int at, int information)
{
    dr_piece_before(rewriting, at, information ? DR_CATALOG ".info." : DR_CATALOG ".");
    rewriting->concerned = 1;
}

/* ---- relations ---- */

/* Does an alias follow? */
static int has_alias(const struct dr_rewriting *rewriting, int at)
{
    static const char *const words[] = {"WHERE", "JOIN",  "LEFT",  "RIGHT", "FULL",  "INNER",  "CROSS",     "NATURAL", "ON",
                                        "USING", "GROUP", "ORDER", "LIMIT", "UNION", "HAVING", "INTERSECT", "EXCEPT",  "OFFSET"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (dr_piece_is_word(rewriting, at, words[i]))
            return 0;
    return dr_piece_is_name(rewriting, at);
}

/* A relation of roles is a macro that is told the session's user. */
static void name_roles(struct dr_rewriting *rewriting, int at)
{
    char *call;
    struct dr_piece *piece = &rewriting->pieces[at];
    dr_piece_literal(rewriting, at, rewriting->context->user);
    if (rewriting->failed ||
        asprintf(&call, "%s(%s)%s%s", piece->text, piece->instead, has_alias(rewriting, at + 1) ? "" : " AS ",
                 has_alias(rewriting, at + 1) ? "" : piece->text) < 0) {
        rewriting->failed = 1;
        return;
    }
    dr_piece_instead(rewriting, at, call);
    free(call);
}

/* at: the name; information: of information_schema. */
static void name_relation(struct dr_rewriting *rewriting, int at, int information)
{
    enum dr_catalog_kind kind = kind_of(rewriting, at, information);
    if (kind != DR_CATALOG_RELATION && kind != DR_CATALOG_INFORMATION && kind != DR_CATALOG_ROLES)
        return;
    qualify(rewriting, at, information);
    if (kind == DR_CATALOG_ROLES)
        name_roles(rewriting, at);
}

/* ---- functions ---- */

/* Replaces a call by a literal, that is told its column's name. */
static void call_instead(struct dr_rewriting *rewriting, const struct dr_place *place, int first, int at, int close,
                         const char *value, int quoted)
{
    dr_piece_column(rewriting, place, first, close, dr_piece(rewriting, at)->text);
    if (quoted)
        dr_piece_literal(rewriting, at, value);
    else
        dr_piece_instead(rewriting, at, value);
    dr_pieces_drop(rewriting, at + 1, close);
}

static const char *setting_of(const struct dr_catalog_context *context, const char *name)
{
    static const char *const known[][2] = {
        {"server_version_num", "150000"}, {"search_path", "main"},     {"jit", "off"},
        {"server_encoding", "UTF8"},      {"client_encoding", "UTF8"}, {"standard_conforming_strings", "on"},
        {"integer_datetimes", "on"},      {"is_superuser", "on"},      {"default_table_access_method", "heap"},
        {"max_identifier_length", "63"},  {"max_index_keys", "32"},    {"default_transaction_read_only", "off"},
        {"transaction_read_only", "off"}, {"block_size", "262144"},    {"server_version", NULL},
    };
    const char *value = context->setting ? context->setting(context->settings, name) : NULL;
    for (size_t i = 0; !value && i < sizeof known / sizeof *known; i++)
        if (strcasecmp(name, known[i][0]) == 0)
            return known[i][1] ? known[i][1] : context->server_version;
    return value;
}

/* current_setting('name' [, missing_ok]) of a setting that the session knows. Others are left to DuckDB. */
static void call_setting(struct dr_rewriting *rewriting, const struct dr_place *place, int first, int at, int close)
{
    const struct dr_piece *name = dr_piece(rewriting, at + 2);
    if (name->kind == DR_TOKEN_STRING) {
        const char *value = setting_of(rewriting->context, name->text);
        if (value)
            call_instead(rewriting, place, first, at, close, value, 1);
        else if (dr_piece_is_sign(rewriting, at + 3, ','))
            call_instead(rewriting, place, first, at, close, "NULL::TEXT", 0);
    } else {
        dr_piece_instead(rewriting, at, DR_CATALOG ".setting_value");
    }
}

static void call_context(struct dr_rewriting *rewriting, const struct dr_place *place, int first, int at, int close)
{
    const struct dr_catalog_context *context = rewriting->context;
    char value[256];
    if (dr_piece_is(rewriting, at, "current_setting")) {
        call_setting(rewriting, place, first, at, close);
    } else if (close == at + 2 && dr_piece_is(rewriting, at, "version")) {
        snprintf(value, sizeof value, "PostgreSQL %s", context->server_version);
        call_instead(rewriting, place, first, at, close, value, 1);
    } else if (close == at + 2) {
        snprintf(value, sizeof value, "%lld", (long long)context->backend);
        call_instead(rewriting, place, first, at, close, value, 0);
    }
}

/* FROM pg_partition_ancestors(…): a scalar macro can't stand there. */
static void call_in_from(struct dr_rewriting *rewriting, int at, int close)
{
    dr_piece_instead(rewriting, at, "unnest(" DR_CATALOG ".no_oids");
    dr_piece_after(rewriting, close, ")");
    rewriting->concerned = 1;
}

/* at: the function's name, a '(' follows; first: where its name begins, with a schema perhaps. */
static void name_function(struct dr_rewriting *rewriting, const struct dr_place *place, int first, int at)
{
    int close = dr_piece(rewriting, at + 1)->match;
    enum dr_catalog_kind kind = kind_of(rewriting, at, 0);
    if (close < 0)
        return;
    rewriting->pieces[at].relation = place->relation;
    if (first < at)
        dr_pieces_drop(rewriting, first, at - 1);
    if (kind == DR_CATALOG_CONTEXT) {
        call_context(rewriting, place, first, at, close);
    } else if (kind == DR_CATALOG_FUNCTION && place->relation && dr_piece_is(rewriting, at, "pg_partition_ancestors")) {
        call_in_from(rewriting, at, close);
    } else if (kind == DR_CATALOG_FUNCTION) {
        dr_piece_column(rewriting, place, first, close, dr_piece(rewriting, at)->text);
        qualify(rewriting, at, 0);
    } else if (kind == DR_CATALOG_NAMED || first < at) {
        dr_piece_column(rewriting, place, first, close, dr_piece(rewriting, at)->text);
    }
}

static void name_keyword(struct dr_rewriting *rewriting, const struct dr_place *place, int at)
{
    int close = dr_piece_is_sign(rewriting, at + 1, '(') && dr_piece_is_sign(rewriting, at + 2, ')') ? at + 2 : at;
    int catalog = dr_piece_is(rewriting, at, "current_catalog");
    call_instead(rewriting, place, at, at, close, catalog ? "current_database()" : rewriting->context->user, !catalog);
}

/* ---- names ---- */

/* The word before makes what follows a name that is being given, or written to. */
static int is_given(const struct dr_rewriting *rewriting, int at)
{
    static const char *const words[] = {"INTO", "TABLE", "UPDATE", "AS", "MACRO", "FUNCTION", "VIEW", "INDEX", "WITH"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (dr_piece_is_word(rewriting, at - 1, words[i]))
            return 1;
    return 0;
}

/* pg_catalog.… and information_schema.…; returns the last token that it has dealt with. */
static int qualified_name(struct dr_rewriting *rewriting, const struct dr_place *place, int at)
{
    int information = dr_piece_is(rewriting, at, "information_schema"), name = at + 2;
    if (dr_piece_is_sign(rewriting, name + 1, '(')) {
        if (!information || kind_of(rewriting, name, 1) == DR_CATALOG_FUNCTION)
            name_function(rewriting, place, at, name);
    } else if (dr_piece_is_sign(rewriting, name + 1, '.') || !place->relation) {
        if (kind_of(rewriting, name, information) != DR_CATALOG_NONE && !is_given(rewriting, at))
            dr_pieces_drop(rewriting, at, at + 1);
        return name + 2 * dr_piece_is_sign(rewriting, name + 1, '.');
    } else if (kind_of(rewriting, name, information) != DR_CATALOG_NONE) {
        dr_pieces_drop(rewriting, at, at + 1);
        name_relation(rewriting, name, information);
    }
    return name;
}

static int plain_name(struct dr_rewriting *rewriting, const struct dr_place *place, int at)
{
    enum dr_catalog_kind kind;
    if (dr_piece_is_sign(rewriting, at - 1, '.') || dr_piece(rewriting, at)->kind != DR_TOKEN_WORD || is_given(rewriting, at))
        return at;
    kind = kind_of(rewriting, at, 0);
    if (kind == DR_CATALOG_KEYWORD)
        name_keyword(rewriting, place, at);
    else if (dr_piece_is_sign(rewriting, at + 1, '('))
        name_function(rewriting, place, at, at);
    else if (place->relation && !dr_piece_is_sign(rewriting, at + 1, '.'))
        name_relation(rewriting, at, 0);
    return at;
}

static int see_name(struct dr_rewriting *rewriting, const struct dr_place *place, int at)
{
    if (dr_piece_is_word(rewriting, at, "CAST") && dr_piece_is_sign(rewriting, at + 1, '(')) {
        dr_catalog_cast_call(rewriting, place, at);
        return at;
    }
    if (!dr_piece_is_sign(rewriting, at - 1, '.') && dr_piece_is_sign(rewriting, at + 1, '.') &&
        dr_piece_is_name(rewriting, at + 2) &&
        (dr_piece_is(rewriting, at, "pg_catalog") || dr_piece_is(rewriting, at, "information_schema")))
        return qualified_name(rewriting, place, at);
    return plain_name(rewriting, place, at);
}

/* ---- the walk ---- */

/* Words that change what is expected. Returns whether it was one. */
static int see_keyword(const struct dr_rewriting *rewriting, struct dr_place *place, int at)
{
    static const char *const others[] = {"WHERE",  "GROUP",     "ORDER",  "HAVING",  "LIMIT", "OFFSET", "UNION",
                                         "EXCEPT", "INTERSECT", "WINDOW", "QUALIFY", "SET",   "VALUES", "RETURNING"};
    if (dr_piece_is_word(rewriting, at, "SELECT")) {
        place->clause = DR_CLAUSE_LIST;
        place->item = at + 1;
    } else if (dr_piece_is_word(rewriting, at, "DISTINCT") && place->item == at && place->clause == DR_CLAUSE_LIST) {
        place->item = at + 1;
    } else if (dr_piece_is_word(rewriting, at, "FROM")) {
        if (dr_piece_is_word(rewriting, at - 1, "DISTINCT") || dr_piece_is_word(rewriting, at - 1, "DELETE"))
            return 1;
        if (place->clause == DR_CLAUSE_LIST || place->clause == DR_CLAUSE_FROM ||
            dr_piece(rewriting, at - 1)->kind == DR_TOKEN_END || dr_piece_is_sign(rewriting, at - 1, '('))
            place->clause = DR_CLAUSE_FROM;
        place->relation = place->clause == DR_CLAUSE_FROM;
        return 1;
    } else if (dr_piece_is_word(rewriting, at, "JOIN") || dr_piece_is_word(rewriting, at, "LATERAL")) {
        place->relation = place->clause == DR_CLAUSE_FROM;
        return 1;
    } else {
        int other = 0;
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            other = other || dr_piece_is_word(rewriting, at, others[i]);
        if (!other)
            return 0;
        place->clause = DR_CLAUSE_OTHER;
    }
    place->relation = 0;
    return 1;
}

static void see_comma(struct dr_place *place, int at)
{
    place->relation = place->clause == DR_CLAUSE_FROM;
    if (place->clause == DR_CLAUSE_LIST)
        place->item = at + 1;
}

enum { DEPTH = 64 };

void dr_catalog_places(struct dr_rewriting *rewriting)
{
    struct dr_place places[DEPTH] = {{.clause = DR_CLAUSE_NONE, .item = -1}};
    struct dr_place *place = places;
    for (int at = rewriting->first; at < rewriting->last; at++) {
        if (dr_piece_is_sign(rewriting, at, '(')) {
            if (place == places + DEPTH - 1)
                return;
            struct dr_place inner = {.clause = place->relation ? DR_CLAUSE_FROM : DR_CLAUSE_NONE,
                                     .relation = place->relation && !dr_piece_is_name(rewriting, at - 1),
                                     .item = -1,
                                     .depth = place->depth + 1};
            /* Of a call, FROM generate_series(…): its arguments are no relations. */
            if (dr_piece_is_name(rewriting, at - 1) && !inner.relation && !see_keyword(rewriting, &(struct dr_place){0}, at - 1))
                inner.clause = DR_CLAUSE_NONE;
            place->relation = 0;
            *++place = inner;
        } else if (dr_piece_is_sign(rewriting, at, ')')) {
            place -= place > places;
        } else if (dr_piece_is_sign(rewriting, at, ',')) {
            see_comma(place, at);
        } else if (dr_piece_is_sign(rewriting, at, ':') && dr_piece_is_sign(rewriting, at + 1, ':')) {
            dr_catalog_cast(rewriting, place, at);
            at++;
            if (dr_piece_is(rewriting, at + 1, "pg_catalog") && dr_piece_is_sign(rewriting, at + 2, '.'))
                at += 2;
            at++;
        } else if (dr_piece_is_name(rewriting, at) &&
                   (dr_piece(rewriting, at)->kind == DR_TOKEN_NAME || !see_keyword(rewriting, place, at))) {
            at = see_name(rewriting, place, at);
            if (!dr_piece_is_sign(rewriting, at + 1, '('))
                place->relation = 0;
        }
    }
}
