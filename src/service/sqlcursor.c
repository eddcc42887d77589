#include "sqlcursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/tokens.h"

static char *begin(struct dr_tokens *tokens, const char *sql)
{
    char *memory = dr_tokens_memory(sql);
    if (memory)
        dr_tokens_begin(tokens, sql, memory);
    return memory;
}

static int take_name(struct dr_tokens *tokens, char name[64])
{
    if ((tokens->kind != DR_TOKEN_WORD && tokens->kind != DR_TOKEN_NAME) || !tokens->text)
        return 0;
    snprintf(name, 64, "%s", tokens->text);
    dr_tokens_next(tokens);
    return 1;
}

void dr_declare_parse(const char *sql, struct dr_declare *declare)
{
    struct dr_tokens tokens;
    *declare = (struct dr_declare){0};
    char *memory = begin(&tokens, sql);
    if (!memory)
        return;
    dr_tokens_take_word(&tokens, "DECLARE");
    int found = take_name(&tokens, declare->name);
    while (found && !dr_tokens_is_word(&tokens, "CURSOR") && tokens.kind == DR_TOKEN_WORD) {
        int no = dr_tokens_take_word(&tokens, "NO");
        declare->scrolls |= dr_tokens_is_word(&tokens, "SCROLL") && !no;
        dr_tokens_next(&tokens);
    }
    found = found && dr_tokens_take_word(&tokens, "CURSOR");
    int with = dr_tokens_take_word(&tokens, "WITH");
    if (with || dr_tokens_take_word(&tokens, "WITHOUT"))
        found = found && dr_tokens_take_word(&tokens, "HOLD");
    declare->holds = with;
    if (found && dr_tokens_take_word(&tokens, "FOR"))
        declare->query = tokens.start;
    free(memory);
}

/* A number, with or without a sign. */
static int take_count(struct dr_tokens *tokens, struct dr_fetch *fetch)
{
    int minus = dr_tokens_take_sign(tokens, '-');
    if (tokens->kind != DR_TOKEN_NUMBER || !tokens->text)
        return 0;
    fetch->count = strtoll(tokens->text, NULL, 10);
    fetch->backwards |= minus;
    dr_tokens_next(tokens);
    return 1;
}

void dr_fetch_parse(const char *sql, struct dr_fetch *fetch)
{
    static const char *const backwards[] = {"PRIOR", "FIRST", "LAST", "ABSOLUTE", "RELATIVE", "BACKWARD"};
    struct dr_tokens tokens;
    *fetch = (struct dr_fetch){.count = 1};
    char *memory = begin(&tokens, sql);
    if (!memory)
        return;
    fetch->move = dr_tokens_take_word(&tokens, "MOVE");
    if (!fetch->move)
        dr_tokens_take_word(&tokens, "FETCH");
    for (size_t i = 0; i < sizeof backwards / sizeof *backwards; i++)
        fetch->backwards |= dr_tokens_take_word(&tokens, backwards[i]);
    if (!dr_tokens_take_word(&tokens, "NEXT")) {
        dr_tokens_take_word(&tokens, "FORWARD");
        if (dr_tokens_take_word(&tokens, "ALL"))
            fetch->count = INT64_MAX;
        else
            take_count(&tokens, fetch);
    }
    if (!dr_tokens_take_word(&tokens, "FROM"))
        dr_tokens_take_word(&tokens, "IN");
    if (!take_name(&tokens, fetch->name) || !dr_tokens_at_end(&tokens))
        *fetch->name = 0;
    free(memory);
}

int dr_close_parse(const char *sql, char name[64])
{
    struct dr_tokens tokens;
    char *memory = begin(&tokens, sql);
    *name = 0;
    if (!memory)
        return 0;
    dr_tokens_take_word(&tokens, "CLOSE");
    int found = dr_tokens_take_word(&tokens, "ALL") || take_name(&tokens, name);
    found = found && dr_tokens_at_end(&tokens);
    free(memory);
    return found;
}
