#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ingest_private.h"
#include "sqltext.h"

/* ---- signatures ---- */

/* One column's part of it. */
static duckrow_code take_signature(void *context, char **values, duckrow_error *error)
{
    struct dr_batch *batch = context;
    const char *slash = strrchr(values[0], '/');
    int i = dr_ingest_index(batch, slash ? slash + 1 : values[0]);
    if (i < 0)
        return DUCKROW_OK;
    char *before = batch->signature[i];
    batch->signature[i] = before ? dr_ingest_append(before, strdup(values[1])) : strdup(values[1]);
    return batch->signature[i] ? DUCKROW_OK : dr_ingest_no_memory(error);
}

/* A result comes in the order of its rows; grouping them by file would take as long as reading the files. */
static duckrow_code read_signatures(struct dr_batch *batch, const int *chosen, int count, duckrow_error *error)
{
    struct dr_ingest *ingest = batch->ingest;
    for (int i = 0; i < count; i++) {
        free(batch->signature[chosen[i]]);
        batch->signature[chosen[i]] = NULL;
    }
    duckrow_code code = ingest->begin(ingest->context, error);
    if (code)
        return code;
    char *list = dr_ingest_paths(batch, chosen, count);
    code = dr_ingest_query(ingest, 2, take_signature, batch, error,
                           list ? dr_sql_format("SELECT file_name, concat_ws(',', name, type, type_length, num_children, "
                                                "repetition_type, converted_type, logical_type, scale, precision, '; ') FROM "
                                                "parquet_schema(%s)",
                                                list)
                                : NULL);
    free(list);
    ingest->rollback(ingest->context);
    return code;
}

/* In halves until what can't be read is one file. */
duckrow_code dr_ingest_signatures(struct dr_batch *batch, const int *chosen, int count, duckrow_error *error)
{
    duckrow_code code = count ? read_signatures(batch, chosen, count, error) : DUCKROW_OK;
    if (!code || !dr_ingest_blames_file(error))
        return code;
    if (count == 1) {
        duckrow_error reason = *error;
        dr_error_clear(error);
        return dr_ingest_quarantine(batch, &batch->files[*chosen], reason.message, error);
    }
    dr_error_clear(error);
    code = dr_ingest_signatures(batch, chosen, count / 2, error);
    return code ? code : dr_ingest_signatures(batch, chosen + count / 2, count - count / 2, error);
}

/* ---- of a file ---- */

struct reading {
    const struct dr_batch *batch;
    struct dr_ingest_columns *columns;
    char **known; /* the table's */
    int count;
};

static duckrow_code take_known(void *context, char **values, duckrow_error *error)
{
    struct reading *reading = context;
    char **more = realloc(reading->known, ((size_t)reading->count + 1) * sizeof *more);
    if (more)
        reading->known = more;
    if (!more || !(more[reading->count] = strdup(values[0])))
        return dr_ingest_no_memory(error);
    reading->count++;
    return DUCKROW_OK;
}

static duckrow_code take_column(void *context, char **values, duckrow_error *error)
{
    struct reading *reading = context;
    struct dr_ingest_columns *columns = reading->columns;
    int known = 0;
    for (int i = 0; i < reading->count; i++)
        known |= strcasecmp(reading->known[i], values[0]) == 0;
    char *name = dr_sql_quote(values[0], '"');
    if (!name)
        return dr_ingest_no_memory(error);
    if (!known) {
        columns->missing = columns->missing ? dr_ingest_append(columns->missing, dr_sql_format(", %s", name)) : strdup(name);
        columns->add = dr_ingest_append(columns->add ? columns->add : strdup(""),
                                        dr_sql_format("ALTER TABLE %s.%s ADD COLUMN %s %s; ", reading->batch->ingest->catalog,
                                                      reading->batch->table, name, values[1]));
    }
    columns->list = columns->list ? dr_ingest_append(columns->list, dr_sql_format(", %s", name)) : strdup(name);
    free(name);
    return columns->list && (known || (columns->missing && columns->add)) ? DUCKROW_OK : dr_ingest_no_memory(error);
}

void dr_ingest_free_columns(struct dr_ingest_columns *columns)
{
    free(columns->list);
    free(columns->missing);
    free(columns->add);
    *columns = (struct dr_ingest_columns){0};
}

duckrow_code dr_ingest_read_columns(const struct dr_batch *batch, int file, struct dr_ingest_columns *columns,
                                    duckrow_error *error)
{
    const struct dr_ingest *ingest = batch->ingest;
    struct reading reading = {.batch = batch, .columns = columns};
    *columns = (struct dr_ingest_columns){0};
    char *list = dr_ingest_paths(batch, &file, 1);
    duckrow_code code = dr_ingest_query(ingest, 1, take_known, &reading, error,
                                        dr_sql_format("SELECT column_name FROM (DESCRIBE %s.%s)", ingest->catalog, batch->table));
    if (!code)
        code = dr_ingest_query(ingest, 2, take_column, &reading, error,
                               list ? dr_sql_format("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "
                                                    "read_parquet(%s, hive_partitioning = false))",
                                                    list)
                                    : NULL);
    for (int i = 0; i < reading.count; i++)
        free(reading.known[i]);
    free(reading.known);
    free(list);
    return code;
}
