#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest_private.h"
#include "sqltext.h"

duckrow_code dr_ledger_make(struct dr_ingest *ingest, duckrow_error *error)
{
    int there;
    duckrow_code code = ingest->begin(ingest->context, error);
    if (code)
        return code;
    code = dr_ingest_exists(ingest, "duckrow.ingested", &there, error);
    ingest->rollback(ingest->context);
    if (code || there)
        return code;
    return dr_ingest_transact(
        ingest, error,
        dr_sql_format("CREATE SCHEMA IF NOT EXISTS %s.duckrow; CREATE TABLE IF NOT EXISTS %s.duckrow.ingested (folder VARCHAR, "
                      "name VARCHAR, inode BIGINT, size BIGINT, modified_ns BIGINT, ingested_at TIMESTAMPTZ DEFAULT now())",
                      ingest->catalog, ingest->catalog));
}

/* ---- reading ---- */

static struct dr_staged_file file_of_entry(char **values)
{
    struct dr_staged_file file = {
        .inode = strtoll(values[1], NULL, 10), .size = strtoll(values[2], NULL, 10), .modified_ns = strtoll(values[3], NULL, 10)};
    snprintf(file.name, sizeof file.name, "%s", values[0]);
    return file;
}

/* In doubt it is there. */
static int is_gone(const struct dr_batch *batch, const struct dr_staged_file *entry)
{
    char path[PATH_MAX];
    struct stat st;
    if (dr_staging_path(batch->ingest->db, path, NULL, "%s/%s", batch->folder, entry->name))
        return 0;
    return dr_os.lstat(path, &st) == 0 ? !dr_staging_same(batch->ingest->db, batch->folder, entry) : errno == ENOENT;
}

/* Where entries go while they are read. */
struct reading {
    struct dr_batch *batch;
    FILE *gone;
};

static duckrow_code take_entry(void *context, char **values, duckrow_error *error)
{
    struct reading *reading = context;
    struct dr_batch *batch = reading->batch;
    const struct dr_staged_file entry = file_of_entry(values);
    batch->entries++;
    int i = dr_ingest_index(batch, entry.name);
    if (i >= 0 && dr_staged_file_same(&batch->files[i], &entry)) {
        batch->known[i] = 1;
        return DUCKROW_OK;
    }
    if (!is_gone(batch, &entry))
        return DUCKROW_OK;
    char *quoted = dr_sql_quote(entry.name, '\'');
    int failed = !quoted || fprintf(reading->gone, "%s%s", batch->gone_count++ ? ", " : "", quoted) < 0;
    free(quoted);
    return failed ? dr_ingest_no_memory(error) : DUCKROW_OK;
}

duckrow_code dr_ledger_read(struct dr_batch *batch, duckrow_error *error)
{
    char path[PATH_MAX], *folder = dr_sql_quote(batch->folder, '\'');
    size_t size;
    struct reading reading = {batch, open_memstream(&batch->gone, &size)};
    char *sql = folder ? dr_sql_format("SELECT name, inode::VARCHAR, size::VARCHAR, modified_ns::VARCHAR FROM "
                                       "%s.duckrow.ingested WHERE folder = %s",
                                       batch->ingest->catalog, folder)
                       : NULL;
    free(folder);
    if (!reading.gone) {
        free(sql);
        return dr_ingest_no_memory(error);
    }
    duckrow_code code = dr_ingest_query(batch->ingest, 4, take_entry, &reading, error, sql);
    if (fclose(reading.gone) != 0 && !code)
        code = dr_ingest_no_memory(error);
    /* A file that was removed may come back in a crash until its folder is synced. */
    if (!code && batch->gone_count && !(code = dr_staging_path(batch->ingest->db, path, error, "%s", batch->folder)) &&
        dr_sync_folder(path) < 0)
        code = dr_fail_os(error, errno, "cannot sync %s", path);
    return code;
}

/* ---- writing ---- */

/* Of the chosen files: their names, or one of the numbers. */
static duckdb_value list_of(const struct dr_batch *batch, const int *chosen, int count, int what)
{
    const struct dr_duckdb *duckdb = batch->ingest->duckdb;
    duckdb_value *values = calloc((size_t)count + 1, sizeof *values), list = NULL;
    duckdb_logical_type type = duckdb->create_logical_type((duckdb_type)(what ? DR_TYPE_BIGINT : DR_TYPE_VARCHAR));
    for (int i = 0; values && i < count; i++) {
        const struct dr_staged_file *file = &batch->files[chosen[i]];
        const int64_t numbers[] = {0, file->inode, file->size, file->modified_ns};
        values[i] = what ? duckdb->create_int64(numbers[what]) : duckdb->create_varchar_length(file->name, strlen(file->name));
    }
    if (values && type)
        list = duckdb->create_list_value(type, values, (idx_t)count);
    for (int i = 0; values && i < count; i++)
        duckdb->destroy_value(&values[i]);
    duckdb->destroy_logical_type(&type);
    free(values);
    return list;
}

/* As lists: thousands of rows of literals take DuckDB half a second to read. */
duckrow_code dr_ledger_enter(const struct dr_batch *batch, const int *chosen, int count, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = batch->ingest->duckdb;
    char *folder = dr_sql_quote(batch->folder, '\'');
    char *sql = folder ? dr_sql_format("INSERT INTO %s.duckrow.ingested (folder, name, inode, size, modified_ns) SELECT %s, "
                                       "unnest($1::VARCHAR[]), unnest($2::BIGINT[]), unnest($3::BIGINT[]), unnest($4::BIGINT[])",
                                       batch->ingest->catalog, folder)
                       : NULL;
    duckdb_prepared_statement prepared = NULL;
    duckdb_result result = {0};
    duckrow_code code = sql ? DUCKROW_OK : dr_ingest_no_memory(error);
    if (!code && duckdb->prepare(batch->ingest->connection, sql, &prepared) != DuckDBSuccess)
        code = dr_sql_failed(error, prepared ? duckdb->prepare_error(prepared) : NULL);
    for (int i = 0; !code && i < 4; i++) {
        duckdb_value list = list_of(batch, chosen, count, i);
        if (!list || duckdb->bind_value(prepared, (idx_t)i + 1, list) != DuckDBSuccess)
            code = dr_ingest_no_memory(error);
        duckdb->destroy_value(&list);
    }
    if (!code && duckdb->execute_prepared(prepared, &result) != DuckDBSuccess)
        code = dr_sql_failed(error, duckdb->result_error(&result));
    duckdb->destroy_result(&result);
    duckdb->destroy_prepare(&prepared);
    free(sql);
    free(folder);
    return code;
}

duckrow_code dr_ledger_prune(const struct dr_batch *batch, duckrow_error *error)
{
    if (!batch->gone_count)
        return DUCKROW_OK;
    char *folder = dr_sql_quote(batch->folder, '\'');
    char *sql =
        folder ? dr_sql_format("DELETE FROM %s.duckrow.ingested WHERE folder = %s", batch->ingest->catalog, folder) : NULL;
    /* All of them is quicker said. */
    if (batch->gone_count < batch->entries)
        sql = dr_ingest_append(sql, dr_sql_format(" AND name IN (%s)", batch->gone));
    free(folder);
    return dr_ingest_run(batch->ingest, error, sql);
}
