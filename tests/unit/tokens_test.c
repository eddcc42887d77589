#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/tokens.h"

static void ends_statements_where_duckdb_does(void **state)
{
    (void)state;
    /* Where | stands a statement ends. */
    static const char *const table[] = {
        "SELECT 1|; SELECT 2",
        "SELECT ';'|;",
        "SELECT 'it''s;' || \";\"\"\"|; x",
        "SELECT E'\\';' || E'\\q;\\u0041'|; x",
        "SELECT x';' || e';'|;",
        "SELECT $$;$$, $a$;$$;$a$, $1, a$|; x",
        "/* ; /* ; */ ; */ SELECT 1 -- ;\n|; x",
        "SELECT 1e5, 1.5e-3;",
        "|;",
        "|",
        "SELECT 1 --;|",
        "SELECT a / b * c - -d|; x",
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *text = strdup(table[i]), *mark = strchr(text, '|');
        /* || is SQL. */
        while (mark && mark[1] == '|')
            mark = strchr(mark + 2, '|');
        if (mark)
            memmove(mark, mark + 1, strlen(mark));
        else
            mark = strchr(text, ';');
        const char *end = dr_statement_end(text);
        if (end != mark)
            fail_msg("%s: ends at %s", table[i], end ? end : "NULL");
        free(text);
    }
}

static void says_when_it_cannot_tell(void **state)
{
    (void)state;
    static const char *const table[] = {"SELECT 'x;", "SELECT \";",     "SELECT E'\\';",
                                        "SELECT $$;", "SELECT $a$;$b$", "/* ; /* */"};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_null(dr_statement_end(table[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ends_statements_where_duckdb_does),
                                       cmocka_unit_test(says_when_it_cannot_tell)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
