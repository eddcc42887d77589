#include "statement_literals.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "engine/tokens.h"
#include "types_private.h"

enum { MOST = 1000, MOST_DIGITS = 30, MOST_OF_INTEGER = 18, EXACT_IN_DOUBLE = 15, EXACT_IN_FLOAT = 7 };

/* ---- reading ---- */

/* Steps over a name with points in it. */
static int take_table(struct dr_tokens *tokens)
{
    do {
        if (tokens->kind != DR_TOKEN_WORD && tokens->kind != DR_TOKEN_NAME)
            return 0;
        dr_tokens_next(tokens);
    } while (dr_tokens_take_sign(tokens, '.'));
    return 1;
}

static int take_columns(struct dr_tokens *tokens)
{
    if (!dr_tokens_take_sign(tokens, '('))
        return 1;
    do {
        if (tokens->kind != DR_TOKEN_WORD && tokens->kind != DR_TOKEN_NAME)
            return 0;
        dr_tokens_next(tokens);
    } while (dr_tokens_take_sign(tokens, ','));
    return dr_tokens_take_sign(tokens, ')');
}

/* digits, or digits.digits; a minus stands right before it, or nowhere. */
static int take_number(struct dr_tokens *tokens, struct dr_literal *literal)
{
    const char *start = tokens->start;
    if (dr_tokens_take_sign(tokens, '-') && tokens->start != start + 1)
        return 0;
    if (tokens->kind != DR_TOKEN_NUMBER)
        return 0;
    const char *digits = tokens->start, *end = tokens->at;
    size_t whole = strspn(digits, "0123456789"), parts = 0;
    if (!whole)
        return 0;
    if (digits + whole < end && digits[whole] == '.')
        parts = strspn(digits + whole + 1, "0123456789");
    if (digits + whole + (parts ? parts + 1 : 0) != end || whole + parts > (parts ? MOST_DIGITS : MOST_OF_INTEGER))
        return 0;
    /* Of which type it is DuckDB's versions don't agree. */
    if (*start == '-' && !parts && end - digits == 10 && memcmp(digits, "2147483648", 10) == 0)
        return 0;
    *literal = (struct dr_literal){parts ? DR_LITERAL_DECIMAL : DR_LITERAL_INTEGER, start, (size_t)(end - start)};
    dr_tokens_next(tokens);
    return 1;
}

static int take_literal(struct dr_tokens *tokens, struct dr_literal *literal)
{
    if (tokens->kind == DR_TOKEN_STRING && *tokens->start == '\'' && tokens->text) {
        *literal = (struct dr_literal){DR_LITERAL_TEXT, tokens->text, strlen(tokens->text)};
        dr_tokens_next(tokens);
        return 1;
    }
    if (dr_tokens_take_word(tokens, "NULL")) {
        *literal = (struct dr_literal){DR_LITERAL_NULL, NULL, 0};
        return 1;
    }
    int yes = dr_tokens_take_word(tokens, "TRUE");
    if (yes || dr_tokens_take_word(tokens, "FALSE")) {
        *literal = (struct dr_literal){DR_LITERAL_TRUTH, yes ? "t" : "f", 1};
        return 1;
    }
    return take_number(tokens, literal);
}

static int add(struct dr_literals *literals, const struct dr_literal *literal)
{
    /* In steps of 16. */
    if (literals->count % 16 == 0) {
        size_t room = (size_t)literals->count + 16;
        struct dr_literal *grown = realloc(literals->literal, room * sizeof *grown);
        if (!grown)
            return 0;
        literals->literal = grown;
    }
    literals->literal[literals->count++] = *literal;
    return 1;
}

static int read_all(struct dr_literals *literals, const char *sql, size_t *values_at)
{
    struct dr_tokens tokens;
    struct dr_literal literal;
    dr_tokens_begin(&tokens, sql, literals->memory);
    if (!dr_tokens_take_word(&tokens, "INSERT") || !dr_tokens_take_word(&tokens, "INTO") || !take_table(&tokens) ||
        !take_columns(&tokens) || !dr_tokens_take_word(&tokens, "VALUES"))
        return 0;
    *values_at = (size_t)(tokens.start - sql);
    if (!dr_tokens_take_sign(&tokens, '('))
        return 0;
    do {
        if (literals->count == MOST || !take_literal(&tokens, &literal) || !add(literals, &literal))
            return 0;
    } while (dr_tokens_take_sign(&tokens, ','));
    return dr_tokens_take_sign(&tokens, ')') && dr_tokens_at_end(&tokens);
}

static char *with_parameters(const char *sql, size_t values_at, int count)
{
    struct dr_buffer out = {0};
    dr_buffer_add(&out, sql, values_at);
    for (int i = 1; i <= count; i++)
        dr_buffer_format(&out, "%s$%d", i > 1 ? ", " : "(", i);
    dr_buffer_add(&out, ")", 2);
    char *text = out.failed ? NULL : strdup((const char *)out.bytes + out.start);
    dr_buffer_free(&out);
    return text;
}

struct dr_literals *dr_literals_parse(const char *sql)
{
    struct dr_literals *literals = calloc(1, sizeof *literals);
    size_t values_at;
    if (!literals)
        return NULL;
    /* Numbers are read where they stand, so this is the text that is read. */
    literals->original = strdup(sql);
    literals->memory = dr_tokens_memory(sql);
    if (literals->original && literals->memory && read_all(literals, literals->original, &values_at))
        literals->sql = with_parameters(sql, values_at, literals->count);
    if (literals->sql)
        return literals;
    dr_literals_free(literals);
    return NULL;
}

void dr_literals_free(struct dr_literals *literals)
{
    if (!literals)
        return;
    free(literals->sql);
    free(literals->original);
    free(literals->literal);
    free(literals->memory);
    free(literals);
}

/* ---- as parameters ---- */

/* As DuckDB types it: INTEGER where it fits, else BIGINT. A minus is applied to what was read before. */
static uint32_t integer_oid(const struct dr_literal *literal)
{
    return strtoll(literal->text + (*literal->text == '-'), NULL, 10) <= INT32_MAX ? OID_INT4 : OID_INT8;
}

/* A DECIMAL becomes the same FLOAT or DOUBLE as its text does, while its digits are exact in both. */
static uint32_t decimal_oid(const struct dr_literal *literal, uint32_t column)
{
    size_t digits = literal->size - 1 - (*literal->text == '-');
    int same = (column == OID_FLOAT8 && digits <= EXACT_IN_DOUBLE) || (column == OID_FLOAT4 && digits <= EXACT_IN_FLOAT);
    return same ? column : OID_NUMERIC;
}

void dr_literals_put(const struct dr_literals *literals, const struct dr_statement *statement, struct dr_unit *unit)
{
    for (int i = 0; i < literals->count; i++) {
        const struct dr_literal *literal = &literals->literal[i];
        struct dr_parameter parameter = {.bytes = (const unsigned char *)literal->text, .size = literal->size};
        switch (literal->kind) {
        case DR_LITERAL_NULL:
            parameter.oid = statement->oids[i];
            break;
        case DR_LITERAL_TEXT:
            parameter.oid = OID_TEXT;
            break;
        case DR_LITERAL_INTEGER:
            parameter.oid = integer_oid(literal);
            break;
        case DR_LITERAL_DECIMAL:
            parameter.oid = decimal_oid(literal, statement->oids[i]);
            break;
        default:
            parameter.oid = OID_BOOL;
        }
        dr_unit_put_parameter(unit, &parameter);
    }
}
