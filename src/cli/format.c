#include "format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct dr_format *const formats[] = {&dr_format_table, &dr_format_csv, &dr_format_json, &dr_format_parquet,
                                                  &dr_format_arrow};

const struct dr_format *dr_format_find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

const char *dr_format_names(void)
{
    static char names[128];
    size_t length = 0;
    for (size_t i = 0; i < sizeof formats / sizeof *formats && length < sizeof names; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", formats[i]->name);
    return names;
}

/* DuckDB's names differ by more than case, and so do those of whatever reads what is written. */
static int taken(char **names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(names[i], name) == 0)
            return 1;
    return 0;
}

char **dr_names_unique(const struct dr_answer *answer)
{
    const struct dr_duckdb *duckdb = answer->session->duckdb;
    size_t columns = duckdb->column_count(answer->result);
    char **names = calloc(columns + 1, sizeof *names);
    for (size_t i = 0; names && i < columns; i++) {
        const char *name = duckdb->column_name(answer->result, i);
        if (!name)
            name = "";
        char *unique = strdup(*name ? name : "column");
        for (int again = 1; unique && taken(names, i, unique); again++) {
            free(unique);
            if (asprintf(&unique, "%s_%d", *name ? name : "column", again) < 0)
                unique = NULL;
        }
        names[i] = unique;
        if (!unique) {
            dr_names_free(names);
            return NULL;
        }
    }
    return names;
}

void dr_names_free(char **names)
{
    for (size_t i = 0; names && names[i]; i++)
        free(names[i]);
    free(names);
}
