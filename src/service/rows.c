#include "rows.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

struct dr_rows {
    struct dr_rows *next; /* in the list of all */
    uint64_t id;
    duckdb_logical_type *types;
    duckdb_vector *vectors; /* of the chunk that is being filled */
    duckdb_data_chunk *chunk;
    int columns, chunks, filled, rows; /* chunks that exist; full ones, and rows in the one behind them */
    int size;                          /* rows in a full one */
    int given;                         /* chunks */
    atomic_int open;
};

/* DuckDB's callbacks are told an id. A process loads one engine. */
static const struct dr_duckdb *duckdb;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct dr_rows *all;

/* ---- the function ---- */

static void bind(duckdb_bind_info info)
{
    duckdb_value value = duckdb->bind_get_parameter(info, 0);
    uint64_t id = (uint64_t)duckdb->get_int64(value);
    duckdb->destroy_value(&value);
    pthread_mutex_lock(&mutex);
    struct dr_rows *rows = all;
    while (rows && rows->id != id)
        rows = rows->next;
    pthread_mutex_unlock(&mutex);
    if (!rows || !rows->open) {
        duckdb->bind_set_error(info, "duckrow_rows() is duckrow's own: it has nothing to read now");
        return;
    }
    for (int i = 0; i < rows->columns; i++) {
        char name[24];
        snprintf(name, sizeof name, "c%d", i);
        duckdb->bind_add_result_column(info, name, rows->types[i]);
    }
    duckdb->bind_set_bind_data(info, rows, NULL);
}

static void init(duckdb_init_info info)
{
    struct dr_rows *rows = duckdb->init_get_bind_data(info);
    rows->given = 0;
    duckdb->init_set_max_threads(info, 1);
}

static void give(duckdb_function_info info, duckdb_data_chunk output)
{
    struct dr_rows *rows = duckdb->function_get_bind_data(info);
    int last = rows->given == rows->filled;
    if (!rows->open || rows->given > rows->filled || (last && !rows->rows)) {
        duckdb->data_chunk_set_size(output, 0);
        return;
    }
    duckdb_data_chunk chunk = rows->chunk[rows->given++];
    duckdb->data_chunk_set_size(chunk, (idx_t)(last ? rows->rows : rows->size));
    for (int i = 0; i < rows->columns; i++)
        duckdb->vector_reference_vector(duckdb->data_chunk_get_vector(output, (idx_t)i),
                                        duckdb->data_chunk_get_vector(chunk, (idx_t)i));
    duckdb->data_chunk_set_size(output, duckdb->data_chunk_get_size(chunk));
}

duckrow_code dr_rows_register(const struct dr_duckdb *engine, duckdb_connection connection, duckrow_error *error)
{
    duckdb = engine;
    duckdb_table_function function = duckdb->create_table_function();
    duckdb_logical_type type = duckdb->create_logical_type((duckdb_type)DR_TYPE_BIGINT);
    if (!function || !type)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    duckdb->table_function_set_name(function, "duckrow_rows");
    duckdb->table_function_add_parameter(function, type);
    duckdb->table_function_set_bind(function, bind);
    duckdb->table_function_set_init(function, init);
    duckdb->table_function_set_function(function, give);
    duckdb_state state = duckdb->register_table_function(connection, function);
    duckdb->destroy_logical_type(&type);
    duckdb->destroy_table_function(&function);
    if (state != DuckDBSuccess)
        return dr_fail(error, DUCKROW_NO_ENGINE, "DuckDB doesn't take the function duckrow_rows(); try another version of it");
    return DUCKROW_OK;
}

/* ---- gathering ---- */

static void put_in_list(struct dr_rows *rows)
{
    pthread_mutex_lock(&mutex);
    rows->next = all;
    all = rows;
    pthread_mutex_unlock(&mutex);
}

static void take_out_of_list(const struct dr_rows *rows)
{
    pthread_mutex_lock(&mutex);
    struct dr_rows **at = &all;
    while (*at && *at != rows)
        at = &(*at)->next;
    if (*at)
        *at = rows->next;
    pthread_mutex_unlock(&mutex);
}

struct dr_rows *dr_rows_make(const struct dr_duckdb *engine, duckdb_logical_type *types, int columns)
{
    struct dr_rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        return NULL;
    rows->columns = columns;
    rows->size = (int)engine->vector_size();
    rows->types = types;
    rows->vectors = calloc((size_t)columns, sizeof *rows->vectors);
    if (!rows->vectors || getrandom(&rows->id, sizeof rows->id, 0) != sizeof rows->id) {
        dr_rows_free(rows);
        return NULL;
    }
    rows->id &= INT64_MAX;
    put_in_list(rows);
    return rows;
}

/* Keeps the first chunk at most: a batch of many is rare. */
static void shrink(struct dr_rows *rows, int most)
{
    while (rows->chunks > most)
        duckdb->destroy_data_chunk(&rows->chunk[--rows->chunks]);
}

void dr_rows_free(struct dr_rows *rows)
{
    if (!rows)
        return;
    take_out_of_list(rows);
    shrink(rows, 0);
    free(rows->chunk);
    free(rows->vectors);
    free(rows);
}

uint64_t dr_rows_id(const struct dr_rows *rows)
{
    return rows->id;
}

static int begin_chunk(struct dr_rows *rows)
{
    if (rows->filled == rows->chunks) {
        duckdb_data_chunk *more = realloc(rows->chunk, ((size_t)rows->chunks + 1) * sizeof *more);
        if (!more)
            return 0;
        rows->chunk = more;
        if (!(more[rows->chunks] = duckdb->create_data_chunk(rows->types, (idx_t)rows->columns)))
            return 0;
        rows->chunks++;
    }
    for (int i = 0; i < rows->columns; i++)
        rows->vectors[i] = duckdb->data_chunk_get_vector(rows->chunk[rows->filled], (idx_t)i);
    return 1;
}

const duckdb_vector *dr_rows_place(struct dr_rows *rows, uint64_t *row)
{
    if (rows->rows == rows->size) {
        rows->filled++;
        rows->rows = 0;
    }
    if (!rows->rows && !begin_chunk(rows))
        return NULL;
    *row = (uint64_t)rows->rows;
    /* Who was here before, and did not keep it, may have left a NULL. */
    for (int i = 0; i < rows->columns; i++) {
        uint64_t *validity = duckdb->vector_get_validity(rows->vectors[i]);
        if (validity)
            validity[*row / 64] |= UINT64_C(1) << *row % 64;
    }
    return rows->vectors;
}

void dr_rows_keep(struct dr_rows *rows)
{
    rows->rows++;
}

int dr_rows_count(const struct dr_rows *rows)
{
    return rows->filled * rows->size + rows->rows;
}

const duckdb_vector *dr_rows_vectors(const struct dr_rows *rows)
{
    return rows->filled || !rows->rows ? NULL : rows->vectors;
}

void dr_rows_open(struct dr_rows *rows)
{
    rows->open = 1;
}

void dr_rows_close(struct dr_rows *rows)
{
    rows->open = 0;
}

void dr_rows_clear(struct dr_rows *rows)
{
    rows->filled = rows->rows = 0;
    shrink(rows, 1);
    if (rows->chunks)
        duckdb->data_chunk_reset(rows->chunk[0]);
}
