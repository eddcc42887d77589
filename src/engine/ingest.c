#include "ingest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/config.h"
#include "sqltext.h"

/* A table's files. */
struct batch {
    struct dr_ingest *ingest;
    const char *folder;
    char table[2 * DR_STAGING_NAME + 8]; /* as SQL, without the catalog */
    struct dr_staged_file *files;
    int count;
    char **signature; /* of each file: its columns */
};

static duckrow_code no_memory(duckrow_error *error)
{
    return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}

/* ---- SQL ---- */

static duckrow_code run(const struct dr_ingest *ingest, duckrow_error *error, char *sql)
{
    duckrow_code code = sql ? dr_connection_run(ingest->duckdb, ingest->connection, sql, error) : no_memory(error);
    free(sql);
    return code;
}

/* Calls `row` for each row of a result whose columns are VARCHAR, with terminated texts, NULL for NULL. */
typedef duckrow_code (*take_row)(void *context, char **values, duckrow_error *error);

static duckrow_code take_chunk(const struct dr_ingest *ingest, duckdb_data_chunk chunk, int columns, take_row row, void *context,
                               duckrow_error *error)
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
                code = no_memory(error);
        }
        if (!code)
            code = row(context, values, error);
        for (int k = 0; k < columns; k++)
            free(values[k]);
    }
    return code;
}

static duckrow_code query(const struct dr_ingest *ingest, int columns, take_row row, void *context, duckrow_error *error,
                          char *sql)
{
    const struct dr_duckdb *duckdb = ingest->duckdb;
    duckdb_result result = {0};
    duckrow_code code = DUCKROW_OK;
    if (!sql)
        return no_memory(error);
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

/* Grows a text; both are freed where it fails. */
static char *append(char *text, char *more)
{
    char *longer = text && more ? dr_sql_format("%s%s", text, more) : NULL;
    free(text);
    free(more);
    return longer;
}

/* "['…', '…']": the paths of those files that are chosen. */
static char *path_list(const struct batch *batch, const int *chosen, int count)
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

/* ---- the ledger ---- */

static duckrow_code make_ledger(struct dr_ingest *ingest, duckrow_error *error)
{
    int committed;
    duckrow_code code = ingest->begin(ingest->context, error);
    if (code)
        return code;
    code = run(ingest, error, dr_sql_format("CREATE SCHEMA IF NOT EXISTS %s.duckrow", ingest->catalog));
    if (!code)
        code = run(ingest, error,
                   dr_sql_format("CREATE TABLE IF NOT EXISTS %s.duckrow.ingested (folder VARCHAR, name VARCHAR, inode BIGINT, "
                                 "size BIGINT, modified_ns BIGINT, ingested_at TIMESTAMPTZ DEFAULT now())",
                                 ingest->catalog));
    if (code)
        ingest->rollback(ingest->context);
    else
        code = ingest->commit(ingest->context, &committed, error);
    return code;
}

static duckrow_code found_one(void *context, char **values, duckrow_error *error)
{
    (void)values, (void)error;
    *(int *)context = 1;
    return DUCKROW_OK;
}

static duckrow_code exists(const struct dr_ingest *ingest, const char *table, int *found, duckrow_error *error)
{
    *found = 0;
    duckrow_code code = query(ingest, 1, found_one, found, error,
                              dr_sql_format("SELECT column_name FROM (DESCRIBE %s.%s) LIMIT 1", ingest->catalog, table));
    if (code == DUCKROW_SQL && strncmp(error->message, "Catalog Error", 13) == 0) {
        dr_error_clear(error);
        code = DUCKROW_OK;
    }
    return code;
}

/* Calls `row` with the name, inode, size and time of change of each entry of the batch's folder. */
static duckrow_code query_entries(const struct batch *batch, take_row row, void *context, duckrow_error *error)
{
    char *folder = dr_sql_quote(batch->folder, '\'');
    duckrow_code code = query(batch->ingest, 4, row, context, error,
                              folder ? dr_sql_format("SELECT name, inode::VARCHAR, size::VARCHAR, modified_ns::VARCHAR FROM "
                                                     "%s.duckrow.ingested WHERE folder = %s",
                                                     batch->ingest->catalog, folder)
                                     : NULL);
    free(folder);
    return code;
}

static struct dr_staged_file file_of_entry(char **values)
{
    struct dr_staged_file file = {
        .inode = strtoll(values[1], NULL, 10), .size = strtoll(values[2], NULL, 10), .modified_ns = strtoll(values[3], NULL, 10)};
    snprintf(file.name, sizeof file.name, "%s", values[0]);
    return file;
}

/* The file of that name, by its number; -1: it isn't in the batch. */
static int index_of(const struct batch *batch, const char *name)
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

/* Those of a batch that have an entry: their rows are in the table. */
struct known {
    const struct batch *batch;
    char *is; /* of each file */
};

static duckrow_code take_entry(void *context, char **values, duckrow_error *error)
{
    (void)error;
    struct known *known = context;
    const struct dr_staged_file entry = file_of_entry(values);
    int i = index_of(known->batch, entry.name);
    if (i >= 0)
        known->is[i] |= dr_staged_file_same(&known->batch->files[i], &entry);
    return DUCKROW_OK;
}

static duckrow_code enter(const struct batch *batch, const int *chosen, int count, duckrow_error *error)
{
    char *sql = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&sql, &size);
    char *folder = dr_sql_quote(batch->folder, '\'');
    if (!stream || !folder)
        goto failed;
    fprintf(stream, "INSERT INTO %s.duckrow.ingested (folder, name, inode, size, modified_ns) VALUES ", batch->ingest->catalog);
    for (int i = 0; i < count; i++) {
        const struct dr_staged_file *file = &batch->files[chosen[i]];
        char *name = dr_sql_quote(file->name, '\'');
        if (!name)
            goto failed;
        fprintf(stream, "%s(%s, %s, %lld, %lld, %lld)", i ? ", " : "", folder, name, (long long)file->inode,
                (long long)file->size, (long long)file->modified_ns);
        free(name);
    }
    free(folder);
    folder = NULL;
    if (fclose(stream) == 0)
        return run(batch->ingest, error, sql);
    stream = NULL;
failed:
    if (stream)
        fclose(stream);
    free(sql);
    free(folder);
    return no_memory(error);
}

/* ---- files that go ---- */

static duckrow_code move_to(const struct batch *batch, const struct dr_staged_file *file, const char *where, duckrow_error *error)
{
    char from[PATH_MAX], to[PATH_MAX];
    duckrow_code code = dr_staging_make(batch->ingest->db, where, error);
    if (!code)
        code = dr_staging_path(batch->ingest->db, from, error, "%s/%s", batch->folder, file->name);
    if (!code)
        code = dr_staging_path(batch->ingest->db, to, error, "%s/%s", where, file->name);
    if (!code && dr_os.rename(from, to) < 0 && errno != ENOENT)
        code = dr_fail_os(error, errno, "cannot move %s", from);
    return code;
}

/* Rows that are in the table: the file is of no use any more. */
static duckrow_code put_away(const struct batch *batch, const struct dr_staged_file *file, duckrow_error *error)
{
    char path[PATH_MAX], where[PATH_MAX], date[16];
    if (!dr_staging_same(batch->ingest->db, batch->folder, file))
        return DUCKROW_OK;
    if (batch->ingest->rules.keep) {
        time_t now = time(NULL);
        struct tm utc;
        strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &utc));
        snprintf(where, sizeof where, DR_STAGING_DONE "/%s/%s", batch->folder, date);
        return move_to(batch, file, where, error);
    }
    duckrow_code code = dr_staging_path(batch->ingest->db, path, error, "%s/%s", batch->folder, file->name);
    if (!code && dr_os.unlink(path) < 0 && errno != ENOENT)
        code = dr_fail_os(error, errno, "cannot remove %s", path);
    return code;
}

static duckrow_code quarantine(const struct batch *batch, const struct dr_staged_file *file, const char *reason,
                               duckrow_error *error)
{
    char where[PATH_MAX], path[PATH_MAX];
    snprintf(where, sizeof where, DR_STAGING_QUARANTINE "/%s", batch->folder);
    duckrow_code code = dr_staging_make(batch->ingest->db, where, error);
    if (!code)
        code = dr_staging_path(batch->ingest->db, path, error, "%s/%s.error", where, file->name);
    FILE *said = code ? NULL : fopen(path, "we");
    if (!code && (!said || fprintf(said, "%s: %s\n", file->name, reason) < 0 || fclose(said) != 0))
        code = dr_fail_os(error, errno, "cannot write %s", path);
    if (!code)
        code = move_to(batch, file, where, error);
    if (!code)
        batch->ingest->quarantined++;
    return code;
}

/* ---- entries that go ---- */

/* Entries whose file is gone: no such name is there, or another file has it. */
struct gone {
    const struct batch *batch;
    char *names; /* "'a', 'b'" */
};

static duckrow_code look_for(void *context, char **values, duckrow_error *error)
{
    struct gone *gone = context;
    struct dr_staged_file file = file_of_entry(values);
    char path[PATH_MAX];
    struct stat st;
    duckrow_code code = dr_staging_path(gone->batch->ingest->db, path, error, "%s/%s", gone->batch->folder, file.name);
    if (code)
        return code;
    /* In doubt it stays. */
    if (dr_os.lstat(path, &st) == 0 ? dr_staging_same(gone->batch->ingest->db, gone->batch->folder, &file) : errno != ENOENT)
        return DUCKROW_OK;
    char *quoted = dr_sql_quote(file.name, '\'');
    gone->names = gone->names ? append(append(gone->names, strdup(", ")), quoted) : quoted;
    return gone->names ? DUCKROW_OK : no_memory(error);
}

/* In the batch's transaction. A file that was removed may come back in a crash until its folder is synced. */
static duckrow_code prune(const struct batch *batch, duckrow_error *error)
{
    const struct dr_ingest *ingest = batch->ingest;
    struct gone gone = {batch, NULL};
    char path[PATH_MAX], *folder = dr_sql_quote(batch->folder, '\'');
    duckrow_code code = dr_staging_path(ingest->db, path, error, "%s", batch->folder);
    if (!code)
        code = query_entries(batch, look_for, &gone, error);
    if (!code && gone.names) {
        if (dr_sync_folder(path) < 0)
            code = dr_fail_os(error, errno, "cannot sync %s", path);
        if (!code)
            code = run(ingest, error,
                       folder ? dr_sql_format("DELETE FROM %s.duckrow.ingested WHERE folder = %s AND name IN (%s)",
                                              ingest->catalog, folder, gone.names)
                              : NULL);
    }
    free(gone.names);
    free(folder);
    return code;
}

/* ---- columns ---- */

static duckrow_code take_signature(void *context, char **values, duckrow_error *error)
{
    struct batch *batch = context;
    const char *slash = strrchr(values[0], '/');
    int i = index_of(batch, slash ? slash + 1 : values[0]);
    if (i < 0 || batch->signature[i])
        return DUCKROW_OK;
    return (batch->signature[i] = strdup(values[1] ? values[1] : "")) ? DUCKROW_OK : no_memory(error);
}

static duckrow_code read_signatures(struct batch *batch, const int *chosen, int count, duckrow_error *error)
{
    char *list = path_list(batch, chosen, count);
    duckrow_code code =
        query(batch->ingest, 2, take_signature, batch, error,
              list ? dr_sql_format("SELECT file_name, md5(string_agg(concat_ws(',', name, type, type_length, num_children, "
                                   "repetition_type, converted_type, logical_type, scale, precision), ';' ORDER BY n)) FROM "
                                   "(SELECT *, row_number() OVER () n FROM parquet_schema(%s)) GROUP BY file_name",
                                   list)
                   : NULL);
    free(list);
    return code;
}

/* In halves until what can't be read is one file. */
static duckrow_code find_signatures(struct batch *batch, int *chosen, int count, duckrow_error *error)
{
    duckrow_code code = count ? read_signatures(batch, chosen, count, error) : DUCKROW_OK;
    if (code != DUCKROW_SQL)
        return code;
    if (count == 1) {
        duckrow_error reason = *error;
        dr_error_clear(error);
        return quarantine(batch, &batch->files[*chosen], reason.message, error);
    }
    dr_error_clear(error);
    code = find_signatures(batch, chosen, count / 2, error);
    return code ? code : find_signatures(batch, chosen + count / 2, count - count / 2, error);
}

/* The columns of files that are alike: those that the table has, as SQL; and those it lacks. */
struct columns {
    const struct dr_ingest *ingest;
    const char *table;
    char *list, *missing, *add;
    char **known;
    int count;
};

static duckrow_code take_known(void *context, char **values, duckrow_error *error)
{
    struct columns *columns = context;
    char **more = realloc(columns->known, ((size_t)columns->count + 1) * sizeof *more);
    if (!more || !(more[columns->count] = strdup(values[0]))) {
        columns->known = more ? more : columns->known;
        return no_memory(error);
    }
    columns->known = more;
    columns->count++;
    return DUCKROW_OK;
}

static duckrow_code take_column(void *context, char **values, duckrow_error *error)
{
    struct columns *columns = context;
    int known = 0;
    for (int i = 0; i < columns->count; i++)
        known |= strcasecmp(columns->known[i], values[0]) == 0;
    char *name = dr_sql_quote(values[0], '"');
    if (!name)
        return no_memory(error);
    if (!known) {
        columns->missing = columns->missing ? append(columns->missing, dr_sql_format(", %s", name)) : strdup(name);
        columns->add = append(
            columns->add ? columns->add : strdup(""),
            dr_sql_format("ALTER TABLE %s.%s ADD COLUMN %s %s; ", columns->ingest->catalog, columns->table, name, values[1]));
    }
    columns->list = columns->list ? append(columns->list, dr_sql_format(", %s", name)) : strdup(name);
    free(name);
    return columns->list && (known || (columns->missing && columns->add)) ? DUCKROW_OK : no_memory(error);
}

static void free_columns(struct columns *columns)
{
    for (int i = 0; i < columns->count; i++)
        free(columns->known[i]);
    free(columns->known);
    free(columns->list);
    free(columns->missing);
    free(columns->add);
}

static duckrow_code read_columns(const struct batch *batch, int file, struct columns *columns, duckrow_error *error)
{
    const struct dr_ingest *ingest = batch->ingest;
    char *list = path_list(batch, &file, 1);
    duckrow_code code = query(ingest, 1, take_known, columns, error,
                              dr_sql_format("SELECT column_name FROM (DESCRIBE %s.%s)", ingest->catalog, batch->table));
    if (!code)
        code = query(ingest, 2, take_column, columns, error,
                     list ? dr_sql_format("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(%s, "
                                          "hive_partitioning = false))",
                                          list)
                          : NULL);
    free(list);
    return code;
}

/* ---- a group of files that are alike ---- */

static duckrow_code insert(const struct batch *batch, const int *chosen, int count, const char *columns, duckrow_error *error)
{
    const struct dr_ingest *ingest = batch->ingest;
    char *list = path_list(batch, chosen, count);
    duckrow_code code =
        run(ingest, error,
            list ? dr_sql_format("INSERT INTO %s.%s (%s) SELECT %s FROM read_parquet(%s, hive_partitioning = false)",
                                 ingest->catalog, batch->table, columns, columns, list)
                 : NULL);
    free(list);
    return code;
}

/* Files that changed while they were read are left for the next pass: whoever wrote them breaks the rule. */
static int drop_changed(const struct batch *batch, int *chosen, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (dr_staging_same(batch->ingest->db, batch->folder, &batch->files[chosen[i]]))
            chosen[kept++] = chosen[i];
    return kept;
}

/* One transaction. *committed: an error is of publishing alone. *changed: nothing was done, and *count are left. */
static duckrow_code attempt(const struct batch *batch, int *chosen, int *count, const char *columns, int *changed, int *committed,
                            duckrow_error *error)
{
    struct dr_ingest *ingest = batch->ingest;
    *changed = *committed = 0;
    duckrow_code code = ingest->begin(ingest->context, error);
    if (code)
        return code;
    code = insert(batch, chosen, *count, columns, error);
    if (!code)
        code = enter(batch, chosen, *count, error);
    if (!code)
        code = prune(batch, error);
    int kept = code ? *count : drop_changed(batch, chosen, *count);
    *changed = kept != *count;
    *count = kept;
    if (code || *changed)
        ingest->rollback(ingest->context);
    else
        code = ingest->commit(ingest->context, committed, error);
    return code;
}

/* Not of the machine, or of others at work. */
static int is_of_the_file(const duckrow_error *error)
{
    static const char *const others[] = {"Out of Memory", "TransactionContext", "FATAL",
                                         "INTERNAL",      "INTERRUPT",          "Catalog Error"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(error->message, others[i], strlen(others[i])) == 0)
            return 0;
    return error->code == DUCKROW_SQL;
}

static duckrow_code ingest_group(const struct batch *batch, int *chosen, int count, const char *columns, duckrow_error *error)
{
    int changed, committed;
    duckrow_code code;
    do
        code = attempt(batch, chosen, &count, columns, &changed, &committed, error);
    while (changed && count);
    if (!code || committed) {
        batch->ingest->files += count;
        for (int i = 0; i < count; i++) {
            duckrow_code put = put_away(batch, &batch->files[chosen[i]], code ? NULL : error);
            code = code ? code : put;
        }
        return code;
    }
    if (!is_of_the_file(error))
        return code;
    duckrow_error reason = *error;
    dr_error_clear(error);
    if (count == 1)
        return quarantine(batch, &batch->files[*chosen], reason.message, error);
    code = ingest_group(batch, chosen, count / 2, columns, error);
    return code ? code : ingest_group(batch, chosen + count / 2, count - count / 2, columns, error);
}

static duckrow_code add_columns(const struct batch *batch, const struct columns *columns, duckrow_error *error)
{
    struct dr_ingest *ingest = batch->ingest;
    int committed;
    duckrow_code code = ingest->begin(ingest->context, error);
    if (code)
        return code;
    if ((code = run(ingest, error, strdup(columns->add))))
        ingest->rollback(ingest->context);
    else
        code = ingest->commit(ingest->context, &committed, error);
    return code;
}

static duckrow_code take_group(const struct batch *batch, int *chosen, int count, duckrow_error *error)
{
    struct columns columns = {.ingest = batch->ingest, .table = batch->table};
    duckrow_code code = read_columns(batch, *chosen, &columns, error);
    if (!code && columns.add && batch->ingest->rules.add_columns)
        code = add_columns(batch, &columns, error);
    if (code == DUCKROW_SQL || (!code && columns.missing && !batch->ingest->rules.add_columns)) {
        char reason[DUCKROW_MESSAGE_SIZE];
        if (code)
            snprintf(reason, sizeof reason, "%s", error->message);
        else
            snprintf(reason, sizeof reason, "the table has no column %.400s: add it, or have it added, and stage the file again",
                     columns.missing);
        dr_error_clear(error);
        code = DUCKROW_OK;
        for (int i = 0; !code && i < count; i++)
            code = quarantine(batch, &batch->files[chosen[i]], reason, error);
    } else if (!code) {
        code = ingest_group(batch, chosen, count, columns.list, error);
    }
    free_columns(&columns);
    return code;
}

/* ---- a table ---- */

static duckrow_code make_table(const struct batch *batch, int file, duckrow_error *error)
{
    struct dr_ingest *ingest = batch->ingest;
    int committed;
    char *list = path_list(batch, &file, 1);
    duckrow_code code = ingest->begin(ingest->context, error);
    if (!code) {
        code = run(
            ingest, error,
            list ? dr_sql_format("CREATE TABLE IF NOT EXISTS %s.%s AS FROM read_parquet(%s, hive_partitioning = false) LIMIT 0",
                                 ingest->catalog, batch->table, list)
                 : NULL);
        if (code)
            ingest->rollback(ingest->context);
        else
            code = ingest->commit(ingest->context, &committed, error);
    }
    free(list);
    return code;
}

static duckrow_code take_groups(struct batch *batch, int *chosen, int count, duckrow_error *error)
{
    int *group = calloc((size_t)count + 1, sizeof *group);
    duckrow_code code = group ? DUCKROW_OK : no_memory(error);
    for (int i = 0; !code && i < count; i++) {
        const char *signature = batch->signature[chosen[i]];
        if (!signature)
            continue;
        int size = 0;
        for (int k = i; k < count; k++) {
            char **other = &batch->signature[chosen[k]];
            if (*other && (k == i || strcmp(*other, signature) == 0))
                group[size++] = chosen[k];
        }
        code = take_group(batch, group, size, error);
        for (int k = 0; k < size; k++) {
            free(batch->signature[group[k]]);
            batch->signature[group[k]] = NULL;
        }
    }
    free(group);
    return code;
}

static duckrow_code take_table(struct batch *batch, duckrow_error *error)
{
    int there, count = 0, *chosen = calloc((size_t)batch->count + 1, sizeof *chosen);
    char *known = calloc((size_t)batch->count + 1, 1);
    batch->signature = calloc((size_t)batch->count + 1, sizeof *batch->signature);
    duckrow_code code = chosen && known && batch->signature ? DUCKROW_OK : no_memory(error);
    if (!code)
        code = query_entries(batch, take_entry, &(struct known){batch, known}, error);
    for (int i = 0; !code && i < batch->count; i++) {
        if (known[i])
            code = put_away(batch, &batch->files[i], error);
        else
            chosen[count++] = i;
    }
    if (!code && count)
        code = find_signatures(batch, chosen, count, error);
    int first = 0;
    while (!code && first < count && !batch->signature[chosen[first]])
        first++;
    if (!code && first < count)
        code = exists(batch->ingest, batch->table, &there, error);
    if (!code && first < count && !there && batch->ingest->rules.create && !(code = make_table(batch, chosen[first], error)))
        there = 1;
    if (!code && first < count && there)
        code = take_groups(batch, chosen, count, error);
    else if (!code && first < count)
        batch->ingest->waiting += count - first;
    for (int i = 0; batch->signature && i < batch->count; i++)
        free(batch->signature[i]);
    free(batch->signature);
    free(known);
    free(chosen);
    return code;
}

/* DuckDB takes such a name for a pattern, which other files fit too, and knows no way to say that it is none: it gets another, which sorts
 * as before, and its turn in the next pass. */
static duckrow_code rename_patterns(struct batch *batch, int *renamed, duckrow_error *error)
{
    char from[PATH_MAX], to[PATH_MAX];
    int kept = 0;
    duckrow_code code = DUCKROW_OK;
    for (int i = 0; !code && i < batch->count; i++) {
        struct dr_staged_file *file = &batch->files[i];
        size_t plain = strcspn(file->name, "*?[");
        if (!file->name[plain]) {
            batch->files[kept++] = *file;
            continue;
        }
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            return dr_fail_os(error, errno, "cannot make a name for a staged file");
        plain = plain > 200 ? 200 : plain;
        code = dr_staging_path(batch->ingest->db, from, error, "%s/%s", batch->folder, file->name);
        if (!code)
            code = dr_staging_path(batch->ingest->db, to, error, "%s/%.*s_%016llx.parquet", batch->folder, (int)plain, file->name,
                                   (unsigned long long)random);
        if (!code && dr_os.rename(from, to) < 0 && errno != ENOENT)
            code = dr_fail_os(error, errno, "cannot rename %s", from);
        *renamed = 1;
    }
    batch->count = kept;
    return code;
}

static duckrow_code have_ledger(struct dr_ingest *ingest, duckrow_error *error)
{
    int there;
    duckrow_code code = exists(ingest, "duckrow.ingested", &there, error);
    return code || there ? code : make_ledger(ingest, error);
}

/* How many of the first of so many files are no more than `most` bytes together; one, where that is larger. */
static int count_within(const struct dr_staged_file *files, int count, int64_t most)
{
    int64_t bytes = 0;
    for (int i = 0; i < count; i++)
        if ((bytes += files[i].size) > most)
            return i ? i : 1;
    return count;
}

duckrow_code dr_ingest_rules_read(const duckrow_db *db, struct dr_ingest_rules *rules, duckrow_error *error)
{
    struct dr_config config;
    duckrow_code code = dr_config_read(db, &config, error);
    *rules = (struct dr_ingest_rules){.create = (int)config.ingest_create,
                                      .add_columns = (int)config.ingest_add_columns,
                                      .keep = config.ingest_keep != 0,
                                      .keep_ms = config.ingest_keep == DR_KEEP ? 0 : config.ingest_keep,
                                      .most_files = (int)config.ingest_files,
                                      .most_bytes = config.ingest_bytes};
    return code;
}

duckrow_code dr_ingest_pass(struct dr_ingest *ingest, int *more, duckrow_error *error)
{
    char (*folders)[DR_STAGING_NAME];
    int count, ledger = 0;
    *more = 0;
    ingest->waiting = 0;
    duckrow_code code = dr_staging_folders(ingest->db, &folders, &count, error);
    for (int i = 0; !code && i < count; i++) {
        struct batch batch = {.ingest = ingest, .folder = folders[i]};
        int left;
        dr_staging_table(folders[i], batch.table, sizeof batch.table);
        code = dr_staging_list(ingest->db, folders[i], ingest->rules.most_files, &batch.files, &batch.count, &left, error);
        if (!code) {
            int within = count_within(batch.files, batch.count, ingest->rules.most_bytes);
            left += batch.count - within;
            batch.count = within;
            code = rename_patterns(&batch, more, error);
        }
        if (!code && batch.count && !ledger) {
            code = have_ledger(ingest, error);
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
