/* CSV as RFC 4180 has it, with a header; lines end with a line feed, as psql's do. NULL is nothing, an empty string is "". Further
 * results follow after an empty line. */
#include <string.h>

#include "texts.h"

static duckrow_code put(struct dr_output *output, const char *text, size_t length, int quote, duckrow_error *error)
{
    for (size_t i = 0; i < length && !quote; i++)
        quote = memchr("\",\r\n", text[i], 4) != NULL;
    if (!quote)
        return dr_output_write(output, text, length, error);
    duckrow_code code = dr_output_write(output, "\"", 1, error);
    while (!code && length) {
        const char *inner = memchr(text, '"', length);
        size_t part = inner ? (size_t)(inner - text) + 1 : length;
        code = dr_output_write(output, text, part, error);
        if (!code && inner)
            code = dr_output_write(output, "\"", 1, error);
        text += part;
        length -= part;
    }
    return code ? code : dr_output_write(output, "\"", 1, error);
}

static duckrow_code write_header(const struct dr_answer *answer, struct dr_output *output, duckrow_error *error)
{
    duckrow_code code = answer->before ? dr_output_write(output, "\n", 1, error) : DUCKROW_OK;
    size_t columns = answer->session->duckdb->column_count(answer->result);
    for (size_t i = 0; !code && i < columns; i++) {
        const char *name = answer->session->duckdb->column_name(answer->result, i);
        code = put(output, name ? name : "", name ? strlen(name) : 0, columns == 1 && (!name || !*name), error);
        if (!code)
            code = dr_output_write(output, i + 1 < columns ? "," : "\n", 1, error);
    }
    return code;
}

static duckrow_code write_csv(const struct dr_answer *answer, struct dr_output *output, duckrow_error *error)
{
    struct dr_texts texts;
    int more = 0;
    duckrow_code code = dr_texts_open(&texts, answer, dr_texts_plain, error);
    if (!code)
        code = write_header(answer, output, error);
    while (!code && !(code = dr_texts_next(&texts, &more, error)) && more) {
        for (size_t i = 0; !code && i < texts.columns; i++) {
            size_t length;
            const char *text = dr_texts_get(&texts, i, &length);
            if (text)
                code = put(output, text, length, length == 0, error);
            if (!code)
                code = dr_output_write(output, i + 1 < texts.columns ? "," : "\n", 1, error);
        }
    }
    dr_texts_close(&texts);
    return code;
}

const struct dr_format dr_format_csv = {"csv", 0, write_csv};
