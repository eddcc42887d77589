/* A table for people, as psql draws it. The first rows decide how wide the columns are, so that a long result need not be kept;
 * what is wider later on sticks out. Control characters are shown as \n and so on. NULL is NULL, and a string of that spelling is
 * shown in quotes. */
#include <stdlib.h>
#include <string.h>

#include "texts.h"
#include "width.h"

enum { LOOK_AT = 1000, WIDEST = 60 };

struct cell {
    char *text;
    size_t columns;
};

struct table {
    struct dr_texts texts;
    struct dr_output *output;
    duckrow_error *error;
    size_t columns, kept, rows;
    size_t *widths;
    int *numeric;
    struct cell *cells; /* of the header, then of the rows kept */
};

static duckrow_code no_memory(duckrow_error *error)
{
    return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}

static int is_numeric(duckdb_type type)
{
    int number = (int)type;
    return (number >= DR_TYPE_TINYINT && number <= DR_TYPE_DOUBLE) || number == DR_TYPE_HUGEINT || number == DR_TYPE_UHUGEINT ||
           number == DR_TYPE_DECIMAL || number == DR_TYPE_BIGNUM;
}

static duckrow_code make_cell(struct cell *cell, const char *text, size_t length, duckrow_error *error)
{
    if (!text)
        text = "NULL", length = 4;
    else if (length == 4 && memcmp(text, "NULL", 4) == 0)
        text = "'NULL'", length = 6;
    cell->text = dr_width_visible(text, length, &cell->columns);
    return cell->text ? DUCKROW_OK : no_memory(error);
}

static duckrow_code pad(struct table *table, char with, size_t count)
{
    duckrow_code code = DUCKROW_OK;
    for (size_t i = 0; !code && i < count; i++)
        code = dr_output_write(table->output, &with, 1, table->error);
    return code;
}

/* How many columns are drawn for one of the table's; the last one is not filled up. */
static duckrow_code draw_cell(struct table *table, size_t column, const struct cell *cell)
{
    size_t fill = table->widths[column] > cell->columns ? table->widths[column] - cell->columns : 0;
    int right = table->numeric[column], last = column + 1 == table->columns;
    duckrow_code code = dr_output_print(table->output, table->error, "%s", column ? "| " : " ");
    if (!code && right)
        code = pad(table, ' ', fill);
    if (!code)
        code = dr_output_write(table->output, cell->text, strlen(cell->text), table->error);
    if (!code && !right && !last)
        code = pad(table, ' ', fill);
    return code ? code : dr_output_write(table->output, last ? "\n" : " ", 1, table->error);
}

static duckrow_code draw_row(struct table *table, const struct cell *cells)
{
    duckrow_code code = DUCKROW_OK;
    for (size_t i = 0; !code && i < table->columns; i++)
        code = draw_cell(table, i, &cells[i]);
    return code;
}

/* Makes the cells of the current row. */
static duckrow_code read_row(struct table *table, struct cell *cells)
{
    duckrow_code code = DUCKROW_OK;
    for (size_t i = 0; !code && i < table->columns; i++) {
        size_t length;
        const char *text = dr_texts_get(&table->texts, i, &length);
        code = make_cell(&cells[i], text, length, table->error);
    }
    return code;
}

static void free_cells(struct cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(cells[i].text);
    memset(cells, 0, count * sizeof *cells);
}

static duckrow_code make_header(struct table *table)
{
    const struct dr_answer *answer = table->texts.answer;
    const struct dr_duckdb *duckdb = answer->session->duckdb;
    duckrow_code code = DUCKROW_OK;
    for (size_t i = 0; !code && i < table->columns; i++) {
        const char *name = duckdb->column_name(answer->result, i);
        duckdb_logical_type type = duckdb->column_logical_type(answer->result, i);
        table->numeric[i] = is_numeric(duckdb->get_type_id(type));
        duckdb->destroy_logical_type(&type);
        table->cells[i].text = dr_width_visible(name ? name : "", name ? strlen(name) : 0, &table->cells[i].columns);
        code = table->cells[i].text ? DUCKROW_OK : no_memory(table->error);
        table->widths[i] = table->cells[i].columns;
    }
    return code;
}

static duckrow_code draw_header(struct table *table)
{
    duckrow_code code = table->texts.answer->before ? dr_output_write(table->output, "\n", 1, table->error) : DUCKROW_OK;
    if (!code)
        code = draw_row(table, table->cells);
    for (size_t i = 0; !code && i < table->columns; i++) {
        code = i ? dr_output_write(table->output, "+", 1, table->error) : DUCKROW_OK;
        if (!code)
            code = pad(table, '-', table->widths[i] + 2);
    }
    return code ? code : dr_output_write(table->output, "\n", 1, table->error);
}

static void measure(struct table *table, const struct cell *cells)
{
    for (size_t i = 0; i < table->columns; i++) {
        size_t columns = cells[i].columns < WIDEST ? cells[i].columns : WIDEST;
        if (columns > table->widths[i])
            table->widths[i] = columns;
    }
}

static duckrow_code draw(struct table *table)
{
    int more = 1;
    duckrow_code code = make_header(table);
    while (!code && table->kept < LOOK_AT && !(code = dr_texts_next(&table->texts, &more, table->error)) && more) {
        struct cell *cells = table->cells + ++table->kept * table->columns;
        code = read_row(table, cells);
        if (!code)
            measure(table, cells);
    }
    if (!code)
        code = draw_header(table);
    for (; !code && table->rows < table->kept; table->rows++)
        code = draw_row(table, table->cells + (table->rows + 1) * table->columns);
    while (!code && more && !(code = dr_texts_next(&table->texts, &more, table->error)) && more) {
        free_cells(table->cells, table->columns);
        code = read_row(table, table->cells);
        if (!code)
            code = draw_row(table, table->cells);
        table->rows++;
    }
    return code ? code : dr_output_print(table->output, table->error, "(%zu row%s)\n", table->rows, table->rows == 1 ? "" : "s");
}

static duckrow_code write_table(const struct dr_answer *answer, struct dr_output *output, duckrow_error *error)
{
    struct table table = {.output = output, .error = error};
    duckrow_code code = dr_texts_open(&table.texts, answer, dr_texts_plain, error);
    table.columns = table.texts.columns;
    table.widths = calloc(table.columns + 1, sizeof *table.widths);
    table.numeric = calloc(table.columns + 1, sizeof *table.numeric);
    table.cells = calloc((LOOK_AT + 1) * table.columns + 1, sizeof *table.cells);
    if (!code && (!table.widths || !table.numeric || !table.cells))
        code = no_memory(error);
    if (!code)
        code = draw(&table);
    dr_texts_close(&table.texts);
    if (table.cells)
        free_cells(table.cells, (table.kept + 1) * table.columns);
    free(table.cells);
    free(table.widths);
    free(table.numeric);
    return code;
}

const struct dr_format dr_format_table = {"table", 0, write_table};
