#include "catalog_rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "catalog_names.h"
#include "engine/sqltext.h"

/* ---- looks ---- */

const struct dr_piece *dr_piece(const struct dr_rewriting *rewriting, int at)
{
    static const struct dr_piece none = {.kind = DR_TOKEN_END, .start = "", .end = "", .text = "", .match = -1};
    return at >= rewriting->first && at < rewriting->last ? &rewriting->pieces[at] : &none;
}

int dr_piece_is_word(const struct dr_rewriting *rewriting, int at, const char *word)
{
    const struct dr_piece *piece = dr_piece(rewriting, at);
    return piece->kind == DR_TOKEN_WORD && strcasecmp(piece->text, word) == 0;
}

int dr_piece_is_name(const struct dr_rewriting *rewriting, int at)
{
    enum dr_token kind = dr_piece(rewriting, at)->kind;
    return kind == DR_TOKEN_WORD || kind == DR_TOKEN_NAME;
}

int dr_piece_is(const struct dr_rewriting *rewriting, int at, const char *name)
{
    return dr_piece_is_name(rewriting, at) && strcasecmp(dr_piece(rewriting, at)->text, name) == 0;
}

int dr_piece_is_sign(const struct dr_rewriting *rewriting, int at, char sign)
{
    const struct dr_piece *piece = dr_piece(rewriting, at);
    return piece->kind == DR_TOKEN_SIGN && *piece->start == sign;
}

/* ---- edits ---- */

static void join(struct dr_rewriting *rewriting, char **where, const char *first, const char *second)
{
    char *joined;
    if (asprintf(&joined, "%s%s", first ? first : "", second ? second : "") < 0) {
        rewriting->failed = 1;
        return;
    }
    free(*where);
    *where = joined;
    rewriting->changed = 1;
}

void dr_piece_before(struct dr_rewriting *rewriting, int at, const char *text)
{
    join(rewriting, &rewriting->pieces[at].before, text, rewriting->pieces[at].before);
}

void dr_piece_after(struct dr_rewriting *rewriting, int at, const char *text)
{
    join(rewriting, &rewriting->pieces[at].after, rewriting->pieces[at].after, text);
}

void dr_piece_instead(struct dr_rewriting *rewriting, int at, const char *text)
{
    join(rewriting, &rewriting->pieces[at].instead, text, NULL);
}

void dr_piece_literal(struct dr_rewriting *rewriting, int at, const char *text)
{
    char *quoted = dr_sql_quote(text, '\'');
    if (!quoted) {
        rewriting->failed = 1;
        return;
    }
    dr_piece_instead(rewriting, at, quoted);
    free(quoted);
}

void dr_pieces_drop(struct dr_rewriting *rewriting, int first, int last)
{
    for (int at = first; at <= last; at++)
        dr_piece_instead(rewriting, at, "");
}

void dr_piece_column(struct dr_rewriting *rewriting, const struct dr_place *place, int first, int last, const char *name)
{
    static const char *const ends[] = {"FROM", "WHERE", "UNION", "EXCEPT", "INTERSECT", "ORDER", "LIMIT", "GROUP"};
    int ended = dr_piece(rewriting, last + 1)->kind == DR_TOKEN_END || dr_piece_is_sign(rewriting, last + 1, ',') ||
                dr_piece_is_sign(rewriting, last + 1, ')');
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        ended = ended || dr_piece_is_word(rewriting, last + 1, ends[i]);
    if (place->clause != DR_CLAUSE_LIST || place->item != first || !ended)
        return;
    char alias[160];
    snprintf(alias, sizeof alias, " AS \"%s\"", name);
    if (strlen(name) < 128 && !strchr(name, '"'))
        dr_piece_after(rewriting, last, alias);
}

/* ---- the whole text ---- */

static int add_piece(struct dr_rewriting *rewriting, int *room, const struct dr_tokens *tokens)
{
    if (rewriting->count == *room) {
        int more = *room ? *room * 2 : 128;
        struct dr_piece *pieces = realloc(rewriting->pieces, (size_t)more * sizeof *pieces);
        if (!pieces)
            return -1;
        rewriting->pieces = pieces;
        *room = more;
    }
    rewriting->pieces[rewriting->count++] = (struct dr_piece){
        .kind = tokens->kind, .start = tokens->start, .end = tokens->at, .text = tokens->text ? tokens->text : "", .match = -1};
    return 0;
}

/* 0, or -1 without memory, or 1 where the text can't be understood. */
static int read_pieces(struct dr_rewriting *rewriting, const char *sql, char *memory)
{
    struct dr_tokens tokens;
    int room = 0;
    for (dr_tokens_begin(&tokens, sql, memory);; dr_tokens_next(&tokens)) {
        if (tokens.kind == DR_TOKEN_BROKEN)
            return 1;
        if (add_piece(rewriting, &room, &tokens))
            return -1;
        if (tokens.kind == DR_TOKEN_END && !*tokens.at)
            return 0;
        if (tokens.kind == DR_TOKEN_END)
            tokens.at++;
    }
}

static void match_brackets(struct dr_rewriting *rewriting)
{
    int open = -1; /* the innermost; those around it are linked by their own match */
    for (int at = rewriting->first; at < rewriting->last; at++) {
        struct dr_piece *piece = &rewriting->pieces[at];
        if (piece->kind != DR_TOKEN_SIGN)
            continue;
        if (strchr("([", *piece->start)) {
            piece->match = open;
            open = at;
        } else if (strchr(")]", *piece->start) && open >= 0) {
            int around = rewriting->pieces[open].match;
            rewriting->pieces[open].match = at;
            piece->match = open;
            open = around;
        }
    }
    while (open >= 0) {
        int around = rewriting->pieces[open].match;
        rewriting->pieces[open].match = -1;
        open = around;
    }
}

/* What is kept in the database or names things of the user's is DuckDB's alone. */
static int left_alone(const struct dr_rewriting *rewriting)
{
    static const char *const words[] = {"CREATE", "ALTER", "DROP", "SET",     "RESET",  "SHOW",   "ATTACH",
                                        "DETACH", "USE",   "LOAD", "COMMENT", "PRAGMA", "INSTALL"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (dr_piece_is_word(rewriting, rewriting->first, words[i]))
            return 1;
    return 0;
}

static void rewrite_statements(struct dr_rewriting *rewriting)
{
    for (rewriting->first = 0; rewriting->first < rewriting->count; rewriting->first = rewriting->last + 1) {
        rewriting->last = rewriting->first;
        while (rewriting->pieces[rewriting->last].kind != DR_TOKEN_END)
            rewriting->last++;
        rewriting->concerned = 0;
        if (rewriting->first == rewriting->last || left_alone(rewriting))
            continue;
        match_brackets(rewriting);
        dr_catalog_operators(rewriting);
        dr_catalog_places(rewriting);
        if (rewriting->concerned)
            dr_catalog_dialect(rewriting);
    }
}

static char *write_pieces(const struct dr_rewriting *rewriting, const char *sql)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    const char *at = sql;
    for (int i = 0; i < rewriting->count; i++) {
        const struct dr_piece *piece = &rewriting->pieces[i];
        fwrite(at, 1, (size_t)(piece->start - at), out);
        fputs(piece->before ? piece->before : "", out);
        if (piece->instead)
            fputs(piece->instead, out);
        else
            fwrite(piece->start, 1, (size_t)(piece->end - piece->start), out);
        fputs(piece->after ? piece->after : "", out);
        at = piece->end;
    }
    int failed = ferror(out);
    if (fclose(out) || failed) {
        free(text);
        return NULL;
    }
    return text;
}

static void free_pieces(struct dr_rewriting *rewriting)
{
    for (int i = 0; i < rewriting->count; i++) {
        free(rewriting->pieces[i].before);
        free(rewriting->pieces[i].instead);
        free(rewriting->pieces[i].after);
    }
    free(rewriting->pieces);
}

/* ---- is it worth a closer look? ---- */

static int in_word(unsigned char byte)
{
    return byte == '_' || byte >= 0x80 || (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'z');
}

static int telling_word(const char *word, size_t length, int underscore)
{
    static const char *const words[] = {"operator", "version",      "regclass",           "regtype", "regproc", "regnamespace",
                                        "regrole",  "regprocedure", "getdatabaseencoding"};
    if (underscore)
        return (length == 10 && strncasecmp(word, "pg_catalog", length) == 0) ||
               (length == 18 && strncasecmp(word, "information_schema", length) == 0) || dr_catalog_kind(word, length, 0);
    if (length < 7 || !strchr("ovrgOVRG", *word))
        return 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == length && strncasecmp(word, words[i], length) == 0)
            return 1;
    return 0;
}

/* Words in strings and comments count as well: then the closer look finds nothing to do. */
static int worth_a_look(const char *sql)
{
    for (const char *at = sql; *at;) {
        if (!in_word((unsigned char)*at)) {
            at++;
            continue;
        }
        const char *word = at;
        int underscore = 0;
        for (; in_word((unsigned char)*at); at++)
            underscore |= *at == '_';
        if (telling_word(word, (size_t)(at - word), underscore))
            return 1;
    }
    return 0;
}

duckrow_code dr_catalog_rewrite(const char *sql, const struct dr_catalog_context *context, char **rewritten, duckrow_error *error)
{
    *rewritten = NULL;
    if (!worth_a_look(sql))
        return DUCKROW_OK;
    struct dr_rewriting rewriting = {.context = context};
    char *memory = dr_tokens_memory(sql);
    int unread = memory ? read_pieces(&rewriting, sql, memory) : -1;
    if (!unread) {
        rewrite_statements(&rewriting);
        if (rewriting.changed && !rewriting.failed)
            *rewritten = write_pieces(&rewriting, sql);
        if (rewriting.changed && !*rewritten)
            rewriting.failed = 1;
    }
    free_pieces(&rewriting);
    free(memory);
    return unread < 0 || rewriting.failed ? dr_fail(error, DUCKROW_NO_MEMORY, "no memory for a statement about the catalog")
                                          : DUCKROW_OK;
}
