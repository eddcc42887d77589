#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest_private.h"
#include "sqltext.h"

duckrow_code dr_ingest_run(const struct dr_ingest *ingest, duckrow_error *error, char *sql)
{
    int64_t ignored;
    return dr_ingest_change(ingest, &ignored, error, sql);
}

duckrow_code dr_ingest_change(const struct dr_ingest *ingest, int64_t *rows, duckrow_error *error, char *sql)
{
    duckdb_result result = {0};
    if (!sql)
        return dr_ingest_no_memory(error);
    duckrow_code code = DUCKROW_OK;
    if (ingest->duckdb->query(ingest->connection, sql, &result) != DuckDBSuccess)
        code = dr_sql_failed(error, ingest->duckdb->result_error(&result));
    *rows = code ? 0 : (int64_t)ingest->duckdb->rows_changed(&result);
    ingest->duckdb->destroy_result(&result);
    free(sql);
    return code;
}

duckrow_code dr_ingest_transact(const struct dr_ingest *ingest, duckrow_error *error, char *sql)
{
    int committed;
    duckrow_code code = ingest->begin(ingest->context, error);
    if (code) {
        free(sql);
        return code;
    }
    if ((code = dr_ingest_run(ingest, error, sql)))
        ingest->rollback(ingest->context);
    else
        code = ingest->commit(ingest->context, &committed, error);
    return code;
}

static duckrow_code take_chunk(const struct dr_ingest *ingest, duckdb_data_chunk chunk, int columns, dr_take_row row,
                               void *context, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = ingest->duckdb;
    duckrow_code code = DUCKROW_OK;
    idx_t rows = duckdb->data_chunk_get_size(chunk);
    for (idx_t i = 0; !code && i < rows; i++) {
        char *values[8] = {NULL};
        for (int k = 0; k < columns; k++) {
            duckdb_vector vector = duckdb->data_chunk_get_vector(chunk, (idx_t)k);
            const uint64_t *validity = duckdb->vector_get_validity(vector);
            size_t length;
            const char *bytes = dr_string((const duckdb_string_t *)duckdb->vector_get_data(vector) + i, &length);
            if (validity && !(validity[i / 64] >> i % 64 & 1))
                continue;
            if (!(values[k] = strndup(bytes, length)))
                code = dr_ingest_no_memory(error);
        }
        if (!code)
            code = row(context, values, error);
        for (int k = 0; k < columns; k++)
            free(values[k]);
    }
    return code;
}

duckrow_code dr_ingest_query(const struct dr_ingest *ingest, int columns, dr_take_row row, void *context, duckrow_error *error,
                             char *sql)
{
    const struct dr_duckdb *duckdb = ingest->duckdb;
    duckdb_result result = {0};
    duckrow_code code = DUCKROW_OK;
    if (!sql)
        return dr_ingest_no_memory(error);
    if (duckdb->query(ingest->connection, sql, &result) != DuckDBSuccess)
        code = dr_sql_failed(error, duckdb->result_error(&result));
    free(sql);
    duckdb_data_chunk chunk;
    while (!code && (chunk = duckdb->fetch_chunk(result))) {
        code = take_chunk(ingest, chunk, columns, row, context, error);
        duckdb->destroy_data_chunk(&chunk);
    }
    duckdb->destroy_result(&result);
    return code;
}

char *dr_ingest_append(char *text, char *more)
{
    char *longer = text && more ? dr_sql_format("%s%s", text, more) : NULL;
    free(text);
    free(more);
    return longer;
}

char *dr_ingest_paths(const struct dr_batch *batch, const int *chosen, int count)
{
    char path[PATH_MAX], *list = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&list, &size);
    int failed = !stream;
    for (int i = 0; !failed && i < count; i++) {
        const struct dr_staged_file *file = &batch->files[chosen[i]];
        char *quoted =
            dr_staging_path(batch->ingest->db, path, NULL, "%s/%s", batch->folder, file->name) ? NULL : dr_sql_quote(path, '\'');
        failed = !quoted || fprintf(stream, "%s%s", i ? ", " : "[", quoted) < 0;
        free(quoted);
    }
    if (!failed)
        fputc(']', stream);
    if (stream && fclose(stream) != 0)
        failed = 1;
    if (failed) {
        free(list);
        return NULL;
    }
    return list;
}

/* ---- looking ---- */

int dr_ingest_index(const struct dr_batch *batch, const char *name)
{
    for (int low = 0, high = batch->count; low < high;) {
        int middle = (low + high) / 2, order = strcmp(batch->files[middle].name, name);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

static duckrow_code found_one(void *context, char **values, duckrow_error *error)
{
    (void)values, (void)error;
    *(int *)context = 1;
    return DUCKROW_OK;
}

duckrow_code dr_ingest_exists(const struct dr_ingest *ingest, const char *table, int *found, duckrow_error *error)
{
    *found = 0;
    duckrow_code code =
        dr_ingest_query(ingest, 1, found_one, found, error,
                        dr_sql_format("SELECT column_name FROM (DESCRIBE %s.%s) LIMIT 1", ingest->catalog, table));
    if (code == DUCKROW_SQL && strncmp(error->message, "Catalog Error", 13) == 0) {
        dr_error_clear(error);
        code = DUCKROW_OK;
    }
    return code;
}

/* Not the machine, or others at work. */
int dr_ingest_blames_file(const duckrow_error *error)
{
    static const char *const others[] = {"Out of Memory", "TransactionContext", "FATAL",
                                         "INTERNAL",      "INTERRUPT",          "Catalog Error"};
    static const char *const machine[] = {"No space left", "Disk quota", "Could not write", "Too many open files",
                                          "Input/output error"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(error->message, others[i], strlen(others[i])) == 0)
            return 0;
    for (size_t i = 0; i < sizeof machine / sizeof *machine; i++)
        if (strstr(error->message, machine[i]))
            return 0;
    return error->code == DUCKROW_SQL;
}
