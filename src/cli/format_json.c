/* JSON: each result is an array of objects, one object a line. Numbers, booleans, null, lists and structs are JSON's own, values of
 * the type JSON are taken as they are, everything else is a string as DuckDB writes it. What JSON has no number for is a string:
 * "NaN", "Infinity", "-Infinity". A second column of one name is called name_1. */
#include <string.h>

#include "texts.h"

/* to_json() makes 0.10000000149011612 of a FLOAT 0.1 and 1.1 of a DECIMAL 1.10. As text they are as DuckDB shows them, and that
 * text is a JSON number. */
static const char *expression(duckdb_type type)
{
    switch ((int)type) {
    case DR_TYPE_FLOAT:
    case DR_TYPE_DOUBLE:
    case DR_TYPE_DECIMAL:
        return "CAST(%s AS VARCHAR)";
    default:
        return "CAST(to_json(%s) AS VARCHAR)";
    }
}

static duckrow_code put_string(struct dr_output *output, const char *text, duckrow_error *error)
{
    duckrow_code code = dr_output_write(output, "\"", 1, error);
    for (; !code && *text; text++) {
        if (*text == '"' || *text == '\\')
            code = dr_output_print(output, error, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            code = dr_output_print(output, error, "\\u%04x", (unsigned)*text);
        else
            code = dr_output_write(output, text, 1, error);
    }
    return code ? code : dr_output_write(output, "\"", 1, error);
}

/* Writes a JSON value, with the words for what isn't a number in quotes. */
static duckrow_code put_value(struct dr_output *output, const char *text, size_t length, duckrow_error *error)
{
    static const struct {
        const char *word, *written;
    } words[] = {{"NaN", "\"NaN\""},           {"nan", "\"NaN\""},        {"-Infinity", "\"-Infinity\""},
                 {"Infinity", "\"Infinity\""}, {"-inf", "\"-Infinity\""}, {"inf", "\"Infinity\""},
                 {"-nan", "\"NaN\""}};
    duckrow_code code = DUCKROW_OK;
    size_t done = 0;
    int string = 0;
    for (size_t i = 0; !code && i < length; i++) {
        if (text[i] == '"')
            string = !string;
        else if (string && text[i] == '\\')
            i++;
        for (size_t w = 0; !code && !string && strchr("-NnIi", text[i]) && w < sizeof words / sizeof *words; w++) {
            size_t size = strlen(words[w].word);
            if (size > length - i || memcmp(text + i, words[w].word, size))
                continue;
            code = dr_output_write(output, text + done, i - done, error);
            if (!code)
                code = dr_output_write(output, words[w].written, strlen(words[w].written), error);
            i += size - 1;
            done = i + 1;
            break;
        }
    }
    return code ? code : dr_output_write(output, text + done, length - done, error);
}

static duckrow_code put_row(const struct dr_texts *texts, char **names, struct dr_output *output, duckrow_error *error)
{
    duckrow_code code = dr_output_write(output, "{", 1, error);
    for (size_t i = 0; !code && i < texts->columns; i++) {
        size_t length;
        const char *text = dr_texts_get(texts, i, &length);
        code = i ? dr_output_write(output, ",", 1, error) : DUCKROW_OK;
        if (!code)
            code = put_string(output, names[i], error);
        if (!code)
            code = dr_output_write(output, ":", 1, error);
        if (!code)
            code = text ? put_value(output, text, length, error) : dr_output_write(output, "null", 4, error);
    }
    return code ? code : dr_output_write(output, "}", 1, error);
}

static duckrow_code write_json(const struct dr_answer *answer, struct dr_output *output, duckrow_error *error)
{
    char **names = dr_names_unique(answer);
    if (!names)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    struct dr_texts texts;
    int more = 0, rows = 0;
    duckrow_code code = dr_texts_open(&texts, answer, expression, error);
    if (!code)
        code = dr_output_write(output, "[", 1, error);
    while (!code && !(code = dr_texts_next(&texts, &more, error)) && more) {
        code = rows ? dr_output_write(output, ",\n", 2, error) : DUCKROW_OK;
        if (!code)
            code = put_row(&texts, names, output, error);
        rows = 1;
    }
    if (!code)
        code = dr_output_write(output, "]\n", 2, error);
    dr_texts_close(&texts);
    dr_names_free(names);
    return code;
}

const struct dr_format dr_format_json = {"json", 0, write_json};
