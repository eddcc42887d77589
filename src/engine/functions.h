/* The DuckDB C API, as much of it as duckrow uses.
 *
 * DR_DUCKDB_FUNCTIONS is the one list of functions: result, name without "duckdb_", parameters. struct dr_duckdb holds their
 * addresses, found at run time (engine.c). DuckDB's own header is never included in the product; a test defines
 * DR_DUCKDB_HEADER, includes the real duckdb.h of each supported version first, and compares every line of the list with it.
 *
 * All of these are in 1.5.6 and in 2.0.0 with the same signatures. A result is passed by value in places, so its layout counts;
 * the assertions below hold for this file's types and, in that test, for DuckDB's. */
#ifndef DR_FUNCTIONS_H
#define DR_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef DR_DUCKDB_HEADER
typedef uint64_t idx_t;
typedef enum duckdb_state { DuckDBSuccess = 0, DuckDBError = 1 } duckdb_state;
typedef enum duckdb_type { DUCKDB_TYPE_INVALID = 0 } duckdb_type;
typedef enum duckdb_error_type { DUCKDB_ERROR_INVALID = 0 } duckdb_error_type;
typedef enum duckdb_result_type { DUCKDB_RESULT_TYPE_INVALID = 0 } duckdb_result_type;
typedef enum duckdb_statement_type { DUCKDB_STATEMENT_TYPE_INVALID = 0 } duckdb_statement_type;
typedef enum duckdb_config_option_scope { DUCKDB_CONFIG_OPTION_SCOPE_INVALID = 0 } duckdb_config_option_scope;

#define DR_OPAQUE(name)                                                                                                          \
    typedef struct _##name {                                                                                                     \
        void *internal_ptr;                                                                                                      \
    } *name
DR_OPAQUE(duckdb_config);
DR_OPAQUE(duckdb_database);
DR_OPAQUE(duckdb_connection);
DR_OPAQUE(duckdb_client_context);
DR_OPAQUE(duckdb_config_option);
DR_OPAQUE(duckdb_extracted_statements);
DR_OPAQUE(duckdb_prepared_statement);
DR_OPAQUE(duckdb_data_chunk);
DR_OPAQUE(duckdb_vector);
DR_OPAQUE(duckdb_logical_type);
DR_OPAQUE(duckdb_value);
DR_OPAQUE(duckdb_table_function);
DR_OPAQUE(duckdb_bind_info);
DR_OPAQUE(duckdb_init_info);
DR_OPAQUE(duckdb_function_info);
DR_OPAQUE(duckdb_arrow_options);
DR_OPAQUE(duckdb_error_data);
#undef DR_OPAQUE

typedef struct duckdb_result {
    idx_t deprecated_column_count;
    idx_t deprecated_row_count;
    idx_t deprecated_rows_changed;
    void *deprecated_columns;
    char *deprecated_error_message;
    void *internal_data;
} duckdb_result;

/* A string in a vector: up to 12 bytes are kept inline. */
typedef struct {
    union {
        struct {
            uint32_t length;
            char prefix[4];
            char *ptr;
        } pointer;
        struct {
            uint32_t length;
            char inlined[12];
        } inlined;
    } value;
} duckdb_string_t;

typedef void (*duckdb_delete_callback_t)(void *data);
typedef void (*duckdb_table_function_bind_t)(duckdb_bind_info info);
typedef void (*duckdb_table_function_init_t)(duckdb_init_info info);
typedef void (*duckdb_table_function_t)(duckdb_function_info info, duckdb_data_chunk output);
#endif

_Static_assert(sizeof(duckdb_result) == 48 && offsetof(duckdb_result, internal_data) == 40, "duckdb_result");
_Static_assert(sizeof(duckdb_string_t) == 16 && offsetof(duckdb_string_t, value.pointer.ptr) == 8, "duckdb_string_t");
_Static_assert(sizeof(duckdb_state) == 4 && sizeof(duckdb_type) == 4 && sizeof(duckdb_error_type) == 4, "enums are ints");

/* The constants used: our name, DuckDB's name, value. */
#define DR_DUCKDB_CONSTANTS(X)                                                                                                   \
    X(DR_TYPE_TINYINT, DUCKDB_TYPE_TINYINT, 2)                                                                                   \
    X(DR_TYPE_SMALLINT, DUCKDB_TYPE_SMALLINT, 3)                                                                                 \
    X(DR_TYPE_INTEGER, DUCKDB_TYPE_INTEGER, 4)                                                                                   \
    X(DR_TYPE_BIGINT, DUCKDB_TYPE_BIGINT, 5)                                                                                     \
    X(DR_TYPE_UTINYINT, DUCKDB_TYPE_UTINYINT, 6)                                                                                 \
    X(DR_TYPE_USMALLINT, DUCKDB_TYPE_USMALLINT, 7)                                                                               \
    X(DR_TYPE_UINTEGER, DUCKDB_TYPE_UINTEGER, 8)                                                                                 \
    X(DR_TYPE_UBIGINT, DUCKDB_TYPE_UBIGINT, 9)                                                                                   \
    X(DR_TYPE_FLOAT, DUCKDB_TYPE_FLOAT, 10)                                                                                      \
    X(DR_TYPE_DOUBLE, DUCKDB_TYPE_DOUBLE, 11)                                                                                    \
    X(DR_TYPE_HUGEINT, DUCKDB_TYPE_HUGEINT, 16)                                                                                  \
    X(DR_TYPE_DECIMAL, DUCKDB_TYPE_DECIMAL, 19)                                                                                  \
    X(DR_TYPE_UHUGEINT, DUCKDB_TYPE_UHUGEINT, 32)                                                                                \
    X(DR_TYPE_BIGNUM, DUCKDB_TYPE_BIGNUM, 35)                                                                                    \
    X(DR_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR, 17)                                                                                  \
    X(DR_RESULT_CHANGED_ROWS, DUCKDB_RESULT_TYPE_CHANGED_ROWS, 1)                                                                \
    X(DR_RESULT_ROWS, DUCKDB_RESULT_TYPE_QUERY_RESULT, 3)                                                                        \
    X(DR_STATEMENT_SELECT, DUCKDB_STATEMENT_TYPE_SELECT, 1)                                                                      \
    X(DR_STATEMENT_TRANSACTION, DUCKDB_STATEMENT_TYPE_TRANSACTION, 10)                                                           \
    X(DR_STATEMENT_ATTACH, DUCKDB_STATEMENT_TYPE_ATTACH, 25)                                                                     \
    X(DR_SCOPE_SESSION, DUCKDB_CONFIG_OPTION_SCOPE_SESSION, 2)

enum {
#define DR_CONSTANT(name, theirs, value) name = value,
    DR_DUCKDB_CONSTANTS(DR_CONSTANT)
#undef DR_CONSTANT
};

/* The Arrow C data interface, word for word: https://arrow.apache.org/docs/format/CDataInterface.html */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

#define DR_DUCKDB_FUNCTIONS(X)                                                                                                   \
    /* the instance */                                                                                                           \
    X(const char *, library_version, (void))                                                                                     \
    X(void, free, (void *memory))                                                                                                \
    X(duckdb_state, create_config, (duckdb_config * config))                                                                     \
    X(duckdb_state, set_config, (duckdb_config config, const char *name, const char *option))                                    \
    X(void, destroy_config, (duckdb_config * config))                                                                            \
    X(duckdb_state, open_ext, (const char *path, duckdb_database *database, duckdb_config config, char **error))                 \
    X(void, close, (duckdb_database * database))                                                                                 \
    X(duckdb_state, connect, (duckdb_database database, duckdb_connection * connection))                                         \
    X(void, disconnect, (duckdb_connection * connection))                                                                        \
    X(void, interrupt, (duckdb_connection connection))                                                                           \
    /* options */                                                                                                                \
    X(duckdb_config_option, create_config_option, (void))                                                                        \
    X(void, destroy_config_option, (duckdb_config_option * option))                                                              \
    X(void, config_option_set_name, (duckdb_config_option option, const char *name))                                             \
    X(void, config_option_set_type, (duckdb_config_option option, duckdb_logical_type type))                                     \
    X(void, config_option_set_default_value, (duckdb_config_option option, duckdb_value value))                                  \
    X(void, config_option_set_default_scope, (duckdb_config_option option, duckdb_config_option_scope scope))                    \
    X(void, config_option_set_description, (duckdb_config_option option, const char *description))                               \
    X(duckdb_state, register_config_option, (duckdb_connection connection, duckdb_config_option option))                         \
    X(void, connection_get_client_context, (duckdb_connection connection, duckdb_client_context * context))                      \
    X(void, destroy_client_context, (duckdb_client_context * context))                                                           \
    X(duckdb_value, client_context_get_config_option,                                                                            \
      (duckdb_client_context context, const char *name, duckdb_config_option_scope *scope))                                      \
    /* statements */                                                                                                             \
    X(duckdb_state, query, (duckdb_connection connection, const char *sql, duckdb_result *result))                               \
    X(idx_t, extract_statements, (duckdb_connection connection, const char *sql, duckdb_extracted_statements *statements))       \
    X(const char *, extract_statements_error, (duckdb_extracted_statements statements))                                          \
    X(void, destroy_extracted, (duckdb_extracted_statements * statements))                                                       \
    X(duckdb_state, prepare, (duckdb_connection connection, const char *sql, duckdb_prepared_statement *statement))              \
    X(duckdb_state, prepare_extracted_statement,                                                                                 \
      (duckdb_connection connection, duckdb_extracted_statements statements, idx_t index,                                        \
       duckdb_prepared_statement * statement))                                                                                   \
    X(const char *, prepare_error, (duckdb_prepared_statement statement))                                                        \
    X(duckdb_statement_type, prepared_statement_type, (duckdb_prepared_statement statement))                                     \
    X(void, destroy_prepare, (duckdb_prepared_statement * statement))                                                            \
    X(duckdb_state, execute_prepared, (duckdb_prepared_statement statement, duckdb_result * result))                             \
    X(duckdb_state, execute_prepared_streaming, (duckdb_prepared_statement statement, duckdb_result * result))                   \
    /* results */                                                                                                                \
    X(void, destroy_result, (duckdb_result * result))                                                                            \
    X(const char *, result_error, (duckdb_result * result))                                                                      \
    X(duckdb_error_type, result_error_type, (duckdb_result * result))                                                            \
    X(duckdb_result_type, result_return_type, (duckdb_result result))                                                            \
    X(idx_t, rows_changed, (duckdb_result * result))                                                                             \
    X(idx_t, column_count, (duckdb_result * result))                                                                             \
    X(const char *, column_name, (duckdb_result * result, idx_t column))                                                         \
    X(duckdb_logical_type, column_logical_type, (duckdb_result * result, idx_t column))                                          \
    X(duckdb_data_chunk, fetch_chunk, (duckdb_result result))                                                                    \
    X(void, destroy_data_chunk, (duckdb_data_chunk * chunk))                                                                     \
    X(idx_t, data_chunk_get_size, (duckdb_data_chunk chunk))                                                                     \
    X(void, data_chunk_set_size, (duckdb_data_chunk chunk, idx_t size))                                                          \
    X(duckdb_vector, data_chunk_get_vector, (duckdb_data_chunk chunk, idx_t column))                                             \
    X(void *, vector_get_data, (duckdb_vector vector))                                                                           \
    X(uint64_t *, vector_get_validity, (duckdb_vector vector))                                                                   \
    X(void, vector_reference_vector, (duckdb_vector to, duckdb_vector from))                                                     \
    /* types and values */                                                                                                       \
    X(duckdb_logical_type, create_logical_type, (duckdb_type type))                                                              \
    X(duckdb_type, get_type_id, (duckdb_logical_type type))                                                                      \
    X(void, destroy_logical_type, (duckdb_logical_type * type))                                                                  \
    X(duckdb_value, create_int64, (int64_t number))                                                                              \
    X(int64_t, get_int64, (duckdb_value value))                                                                                  \
    X(char *, get_varchar, (duckdb_value value))                                                                                 \
    X(void, destroy_value, (duckdb_value * value))                                                                               \
    /* table functions */                                                                                                        \
    X(duckdb_table_function, create_table_function, (void))                                                                      \
    X(void, destroy_table_function, (duckdb_table_function * function))                                                          \
    X(void, table_function_set_name, (duckdb_table_function function, const char *name))                                         \
    X(void, table_function_set_extra_info, (duckdb_table_function function, void *extra, duckdb_delete_callback_t destroy))      \
    X(void, table_function_set_bind, (duckdb_table_function function, duckdb_table_function_bind_t bind))                        \
    X(void, table_function_set_init, (duckdb_table_function function, duckdb_table_function_init_t init))                        \
    X(void, table_function_set_function, (duckdb_table_function function, duckdb_table_function_t main))                         \
    X(duckdb_state, register_table_function, (duckdb_connection connection, duckdb_table_function function))                     \
    X(void *, bind_get_extra_info, (duckdb_bind_info info))                                                                      \
    X(void, bind_add_result_column, (duckdb_bind_info info, const char *name, duckdb_logical_type type))                         \
    X(void, bind_set_error, (duckdb_bind_info info, const char *error))                                                          \
    X(void, init_set_max_threads, (duckdb_init_info info, idx_t threads))                                                        \
    X(void *, init_get_extra_info, (duckdb_init_info info))                                                                      \
    X(void *, function_get_extra_info, (duckdb_function_info info))                                                              \
    X(void, function_set_error, (duckdb_function_info info, const char *error))                                                  \
    /* Arrow */                                                                                                                  \
    X(duckdb_arrow_options, result_get_arrow_options, (duckdb_result * result))                                                  \
    X(void, destroy_arrow_options, (duckdb_arrow_options * options))                                                             \
    X(duckdb_error_data, to_arrow_schema,                                                                                        \
      (duckdb_arrow_options options, duckdb_logical_type * types, const char **names, idx_t columns,                             \
       struct ArrowSchema *schema))                                                                                              \
    X(duckdb_error_data, data_chunk_to_arrow,                                                                                    \
      (duckdb_arrow_options options, duckdb_data_chunk chunk, struct ArrowArray * array))                                        \
    X(const char *, error_data_message, (duckdb_error_data data))                                                                \
    X(bool, error_data_has_error, (duckdb_error_data data))                                                                      \
    X(void, destroy_error_data, (duckdb_error_data * data))

struct dr_duckdb {
#define DR_FUNCTION(result, name, parameters) result(*name) parameters;
    DR_DUCKDB_FUNCTIONS(DR_FUNCTION)
#undef DR_FUNCTION
};

#endif
