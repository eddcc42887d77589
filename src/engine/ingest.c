#include "ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest_private.h"
#include "sqltext.h"

/* ---- a group of files that are alike ---- */

static duckrow_code insert(const struct dr_batch *batch, const int *chosen, int count, const char *columns, int64_t *rows,
                           duckrow_error *error)
{
    const struct dr_ingest *ingest = batch->ingest;
    char *list = dr_ingest_paths(batch, chosen, count);
    duckrow_code code =
        dr_ingest_change(ingest, rows, error,
                         list ? dr_sql_format("INSERT INTO %s.%s (%s) SELECT %s FROM read_parquet(%s, hive_partitioning = false)",
                                              ingest->catalog, batch->table, columns, columns, list)
                              : NULL);
    free(list);
    return code;
}

/* Files that changed while they were read are left for the next pass: whoever wrote them breaks the rule. */
static int drop_changed(const struct dr_batch *batch, int *chosen, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (dr_staging_same(batch->ingest->db, batch->folder, &batch->files[chosen[i]]))
            chosen[kept++] = chosen[i];
    return kept;
}

/* One transaction. *committed: an error is of publishing alone. *changed: nothing was done, and *count are left. */
static duckrow_code attempt(struct dr_batch *batch, int *chosen, int *count, const char *columns, int *changed, int *committed,
                            duckrow_error *error)
{
    struct dr_ingest *ingest = batch->ingest;
    int64_t rows = 0;
    *changed = *committed = 0;
    duckrow_code code = ingest->begin(ingest->context, error);
    if (code)
        return code;
    code = insert(batch, chosen, *count, columns, &rows, error);
    if (!code)
        code = dr_ledger_prune(batch, error);
    if (!code)
        code = dr_ledger_enter(batch, chosen, *count, error);
    int kept = code ? *count : drop_changed(batch, chosen, *count);
    *changed = kept != *count;
    *count = kept;
    if (code || *changed) {
        ingest->rollback(ingest->context);
        return code;
    }
    code = ingest->commit(ingest->context, committed, error);
    if (code && !*committed)
        return code;
    ingest->rows += rows;
    batch->gone_count = 0;
    return code;
}

static duckrow_code ingest_group(struct dr_batch *batch, int *chosen, int count, const char *columns, duckrow_error *error)
{
    int changed, committed;
    duckrow_code code;
    do
        code = attempt(batch, chosen, &count, columns, &changed, &committed, error);
    while (changed && count);
    if (!code || committed) {
        batch->ingest->files += count;
        for (int i = 0; i < count; i++) {
            batch->ingest->bytes += batch->files[chosen[i]].size;
            duckrow_code put = dr_ingest_put_away(batch, &batch->files[chosen[i]], code ? NULL : error);
            code = code ? code : put;
        }
        return code;
    }
    if (!dr_ingest_blames_file(error))
        return code;
    duckrow_error reason = *error;
    dr_error_clear(error);
    if (count == 1)
        return dr_ingest_quarantine(batch, &batch->files[*chosen], reason.message, error);
    code = ingest_group(batch, chosen, count / 2, columns, error);
    return code ? code : ingest_group(batch, chosen + count / 2, count - count / 2, columns, error);
}

static duckrow_code read_columns(const struct dr_batch *batch, int file, struct dr_ingest_columns *columns, duckrow_error *error)
{
    struct dr_ingest *ingest = batch->ingest;
    duckrow_code code = ingest->begin(ingest->context, error);
    if (code)
        return code;
    code = dr_ingest_read_columns(batch, file, columns, error);
    ingest->rollback(ingest->context);
    return code;
}

static duckrow_code refuse(const struct dr_batch *batch, const int *chosen, int count, const char *reason, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    for (int i = 0; !code && i < count; i++)
        code = dr_ingest_quarantine(batch, &batch->files[chosen[i]], reason, error);
    return code;
}

/* Files with the same columns. */
static duckrow_code take_group(struct dr_batch *batch, int *chosen, int count, duckrow_error *error)
{
    struct dr_ingest_columns columns = {0};
    char reason[DUCKROW_MESSAGE_SIZE];
    int add = batch->ingest->rules.add_columns;
    duckrow_code code = read_columns(batch, *chosen, &columns, error);
    if (!code && columns.add && add)
        code = dr_ingest_transact(batch->ingest, error, strdup(columns.add));
    if (code && dr_ingest_blames_file(error)) {
        snprintf(reason, sizeof reason, "%s", error->message);
        dr_error_clear(error);
        code = refuse(batch, chosen, count, reason, error);
    } else if (!code && columns.missing && !add) {
        snprintf(reason, sizeof reason, "the table has no column %.400s: add it, or have it added, and stage the file again",
                 columns.missing);
        code = refuse(batch, chosen, count, reason, error);
    } else if (!code) {
        code = ingest_group(batch, chosen, count, columns.list, error);
    }
    dr_ingest_free_columns(&columns);
    return code;
}

/* ---- a table ---- */

static duckrow_code make_table(const struct dr_batch *batch, int file, duckrow_error *error)
{
    struct dr_ingest *ingest = batch->ingest;
    char *list = dr_ingest_paths(batch, &file, 1);
    char *sql =
        list ? dr_sql_format("CREATE TABLE IF NOT EXISTS %s.%s AS FROM read_parquet(%s, hive_partitioning = false) LIMIT 0",
                             ingest->catalog, batch->table, list)
             : NULL;
    free(list);
    return dr_ingest_transact(ingest, error, sql);
}

static duckrow_code take_groups(struct dr_batch *batch, const int *chosen, int count, duckrow_error *error)
{
    int *group = calloc((size_t)count + 1, sizeof *group);
    duckrow_code code = group ? DUCKROW_OK : dr_ingest_no_memory(error);
    for (int i = 0; !code && i < count; i++) {
        char *signature = batch->signature[chosen[i]];
        if (!signature)
            continue;
        int size = 0;
        for (int k = i; k < count; k++) {
            char **other = &batch->signature[chosen[k]];
            if (!*other || strcmp(*other, signature) != 0)
                continue;
            group[size++] = chosen[k];
            if (k > i)
                free(*other);
            *other = NULL;
        }
        free(signature);
        code = take_group(batch, group, size, error);
    }
    free(group);
    return code;
}

/* What the database knows: which files are in already; is there such a table? */
static duckrow_code look_up(struct dr_batch *batch, int *there, duckrow_error *error)
{
    struct dr_ingest *ingest = batch->ingest;
    duckrow_code code = ingest->begin(ingest->context, error);
    if (code)
        return code;
    code = dr_ledger_read(batch, error);
    if (!code)
        code = dr_ingest_exists(ingest, batch->table, there, error);
    ingest->rollback(ingest->context);
    return code;
}

static duckrow_code take_new(struct dr_batch *batch, int there, int *chosen, int count, duckrow_error *error)
{
    if (!there && !batch->ingest->rules.create) {
        batch->ingest->waiting += count;
        return DUCKROW_OK;
    }
    duckrow_code code = dr_ingest_signatures(batch, chosen, count, error);
    int first = 0;
    while (!code && first < count && !batch->signature[chosen[first]])
        first++;
    if (code || first == count)
        return code;
    if (!there)
        code = make_table(batch, chosen[first], error);
    return code ? code : take_groups(batch, chosen, count, error);
}

static duckrow_code take_table(struct dr_batch *batch, duckrow_error *error)
{
    int there = 0, count = 0, *chosen = calloc((size_t)batch->count + 1, sizeof *chosen);
    batch->known = calloc((size_t)batch->count + 1, 1);
    batch->signature = calloc((size_t)batch->count + 1, sizeof *batch->signature);
    duckrow_code code = chosen && batch->known && batch->signature ? DUCKROW_OK : dr_ingest_no_memory(error);
    if (!code)
        code = look_up(batch, &there, error);
    for (int i = 0; !code && i < batch->count; i++) {
        if (batch->known[i])
            code = dr_ingest_put_away(batch, &batch->files[i], error);
        else
            chosen[count++] = i;
    }
    if (!code && count)
        code = take_new(batch, there, chosen, count, error);
    for (int i = 0; batch->signature && i < batch->count; i++)
        free(batch->signature[i]);
    free(batch->signature);
    free(batch->known);
    free(batch->gone);
    free(chosen);
    return code;
}

/* ---- */

/* How many of the first of so many files are no more than `most` bytes together; one, where that is larger. */
static int count_within(const struct dr_staged_file *files, int count, int64_t most)
{
    int64_t bytes = 0;
    for (int i = 0; i < count; i++)
        if ((bytes += files[i].size) > most)
            return i ? i : 1;
    return count;
}

struct dr_ingest_rules dr_ingest_rules(const struct dr_config *config)
{
    return (struct dr_ingest_rules){.create = (int)config->ingest_create,
                                    .add_columns = (int)config->ingest_add_columns,
                                    .keep = config->ingest_keep != 0,
                                    .keep_ms = config->ingest_keep == DR_KEEP ? 0 : config->ingest_keep,
                                    .most_files = (int)config->ingest_files,
                                    .most_bytes = config->ingest_bytes};
}

duckrow_code dr_ingest_pass(struct dr_ingest *ingest, int *more, duckrow_error *error)
{
    char (*folders)[DR_STAGING_NAME];
    int count, ledger = 0;
    *more = 0;
    ingest->waiting = 0;
    duckrow_code code = dr_staging_folders(ingest->db, &folders, &count, error);
    for (int i = 0; !code && i < count; i++) {
        struct dr_batch batch = {.ingest = ingest, .folder = folders[i]};
        int left;
        dr_staging_table(folders[i], batch.table, sizeof batch.table);
        code = dr_staging_list(ingest->db, folders[i], ingest->rules.most_files, &batch.files, &batch.count, &left, error);
        if (!code) {
            int within = count_within(batch.files, batch.count, ingest->rules.most_bytes);
            left += batch.count - within;
            batch.count = within;
            code = dr_ingest_rename_patterns(&batch, more, error);
        }
        if (!code && batch.count && !ledger) {
            code = dr_ledger_make(ingest, error);
            ledger = 1;
        }
        int64_t before = ingest->files + ingest->quarantined;
        if (!code && batch.count)
            code = take_table(&batch, error);
        *more |= left > 0 && ingest->files + ingest->quarantined > before;
        free(batch.files);
    }
    free(folders);
    return code;
}
