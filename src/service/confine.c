#include "confine.h"

#include <stdlib.h>
#include <string.h>

#include "engine/sqltext.h"
#include "engine/tokens.h"

/* A setting, by its name: PRAGMA x = …, but not PRAGMA x or PRAGMA x(…). */
static int is_assignment(struct dr_tokens tokens)
{
    dr_tokens_next(&tokens);
    return dr_tokens_take_sign(&tokens, '=');
}

duckrow_code dr_confine(const char *sql, char **confined, duckrow_error *error)
{
    struct dr_tokens tokens;
    const char *verb = "SET";
    *confined = NULL;
    dr_tokens_begin(&tokens, sql, NULL);
    if (dr_tokens_take_word(&tokens, "PRAGMA")) {
        if (!is_assignment(tokens))
            return DUCKROW_OK;
    } else if (dr_tokens_take_word(&tokens, "RESET")) {
        verb = "RESET";
    } else if (!dr_tokens_take_word(&tokens, "SET")) {
        return DUCKROW_OK;
    }
    if (dr_tokens_is_word(&tokens, "GLOBAL"))
        return dr_fail(error, DUCKROW_PERMISSION,
                       "the settings of all sessions are the service's: a session has its own, SET SESSION");
    if (dr_tokens_is_word(&tokens, "VARIABLE") || dr_tokens_is_word(&tokens, "LOCAL") || dr_tokens_is_word(&tokens, "SESSION"))
        return DUCKROW_OK;
    *confined = dr_sql_format("%s SESSION %s", verb, tokens.start);
    return *confined ? DUCKROW_OK : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}
