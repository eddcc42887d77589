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
DR_OPAQUE(duckdb_appender);
#undef DR_OPAQUE

typedef struct duckdb_query_progress_type {
    double percentage;
    uint64_t rows_processed;
    uint64_t total_rows_to_process;
} duckdb_query_progress_type;

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

typedef struct {
    int32_t days;
} duckdb_date;
typedef struct {
    int64_t micros;
} duckdb_time;
typedef struct {
    uint64_t bits;
} duckdb_time_tz;
typedef struct {
    int64_t micros;
} duckdb_timestamp;
typedef struct {
    int32_t months;
    int32_t days;
    int64_t micros;
} duckdb_interval;
typedef struct {
    uint64_t lower;
    int64_t upper;
} duckdb_hugeint;
typedef struct {
    uint64_t lower;
    uint64_t upper;
} duckdb_uhugeint;
typedef struct {
    uint8_t width;
    uint8_t scale;
    duckdb_hugeint value;
} duckdb_decimal;

typedef void (*duckdb_delete_callback_t)(void *data);
typedef void (*duckdb_table_function_bind_t)(duckdb_bind_info info);
typedef void (*duckdb_table_function_init_t)(duckdb_init_info info);
typedef void (*duckdb_table_function_t)(duckdb_function_info info, duckdb_data_chunk output);
#endif

_Static_assert(sizeof(duckdb_result) == 48 && offsetof(duckdb_result, internal_data) == 40, "duckdb_result");
_Static_assert(sizeof(duckdb_string_t) == 16 && offsetof(duckdb_string_t, value.pointer.ptr) == 8, "duckdb_string_t");
_Static_assert(sizeof(duckdb_decimal) == 24 && sizeof(duckdb_interval) == 16, "passed by value");
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
    X(DR_TYPE_INVALID, DUCKDB_TYPE_INVALID, 0)                                                                                   \
    X(DR_TYPE_BOOLEAN, DUCKDB_TYPE_BOOLEAN, 1)                                                                                   \
    X(DR_TYPE_TIMESTAMP, DUCKDB_TYPE_TIMESTAMP, 12)                                                                              \
    X(DR_TYPE_DATE, DUCKDB_TYPE_DATE, 13)                                                                                        \
    X(DR_TYPE_TIME, DUCKDB_TYPE_TIME, 14)                                                                                        \
    X(DR_TYPE_INTERVAL, DUCKDB_TYPE_INTERVAL, 15)                                                                                \
    X(DR_TYPE_BLOB, DUCKDB_TYPE_BLOB, 18)                                                                                        \
    X(DR_TYPE_TIMESTAMP_S, DUCKDB_TYPE_TIMESTAMP_S, 20)                                                                          \
    X(DR_TYPE_TIMESTAMP_MS, DUCKDB_TYPE_TIMESTAMP_MS, 21)                                                                        \
    X(DR_TYPE_TIMESTAMP_NS, DUCKDB_TYPE_TIMESTAMP_NS, 22)                                                                        \
    X(DR_TYPE_ENUM, DUCKDB_TYPE_ENUM, 23)                                                                                        \
    X(DR_TYPE_LIST, DUCKDB_TYPE_LIST, 24)                                                                                        \
    X(DR_TYPE_STRUCT, DUCKDB_TYPE_STRUCT, 25)                                                                                    \
    X(DR_TYPE_MAP, DUCKDB_TYPE_MAP, 26)                                                                                          \
    X(DR_TYPE_UUID, DUCKDB_TYPE_UUID, 27)                                                                                        \
    X(DR_TYPE_UNION, DUCKDB_TYPE_UNION, 28)                                                                                      \
    X(DR_TYPE_BIT, DUCKDB_TYPE_BIT, 29)                                                                                          \
    X(DR_TYPE_TIME_TZ, DUCKDB_TYPE_TIME_TZ, 30)                                                                                  \
    X(DR_TYPE_TIMESTAMP_TZ, DUCKDB_TYPE_TIMESTAMP_TZ, 31)                                                                        \
    X(DR_TYPE_ARRAY, DUCKDB_TYPE_ARRAY, 33)                                                                                      \
    X(DR_TYPE_SQLNULL, DUCKDB_TYPE_SQLNULL, 36)                                                                                  \
    X(DR_TYPE_TIME_NS, DUCKDB_TYPE_TIME_NS, 39)                                                                                  \
    X(DR_TYPE_GEOMETRY, DUCKDB_TYPE_GEOMETRY, 40)                                                                                \
    X(DR_TYPE_VARIANT, DUCKDB_TYPE_VARIANT, 41)                                                                                  \
    X(DR_RESULT_CHANGED_ROWS, DUCKDB_RESULT_TYPE_CHANGED_ROWS, 1)                                                                \
    X(DR_RESULT_ROWS, DUCKDB_RESULT_TYPE_QUERY_RESULT, 3)                                                                        \
    X(DR_STATEMENT_SELECT, DUCKDB_STATEMENT_TYPE_SELECT, 1)                                                                      \
    X(DR_STATEMENT_TRANSACTION, DUCKDB_STATEMENT_TYPE_TRANSACTION, 10)                                                           \
    X(DR_STATEMENT_INSERT, DUCKDB_STATEMENT_TYPE_INSERT, 2)                                                                      \
    X(DR_STATEMENT_UPDATE, DUCKDB_STATEMENT_TYPE_UPDATE, 3)                                                                      \
    X(DR_STATEMENT_EXPLAIN, DUCKDB_STATEMENT_TYPE_EXPLAIN, 4)                                                                    \
    X(DR_STATEMENT_DELETE, DUCKDB_STATEMENT_TYPE_DELETE, 5)                                                                      \
    X(DR_STATEMENT_PREPARE, DUCKDB_STATEMENT_TYPE_PREPARE, 6)                                                                    \
    X(DR_STATEMENT_CREATE, DUCKDB_STATEMENT_TYPE_CREATE, 7)                                                                      \
    X(DR_STATEMENT_EXECUTE, DUCKDB_STATEMENT_TYPE_EXECUTE, 8)                                                                    \
    X(DR_STATEMENT_ALTER, DUCKDB_STATEMENT_TYPE_ALTER, 9)                                                                        \
    X(DR_STATEMENT_COPY, DUCKDB_STATEMENT_TYPE_COPY, 11)                                                                         \
    X(DR_STATEMENT_ANALYZE, DUCKDB_STATEMENT_TYPE_ANALYZE, 12)                                                                   \
    X(DR_STATEMENT_VARIABLE_SET, DUCKDB_STATEMENT_TYPE_VARIABLE_SET, 13)                                                         \
    X(DR_STATEMENT_CREATE_FUNC, DUCKDB_STATEMENT_TYPE_CREATE_FUNC, 14)                                                           \
    X(DR_STATEMENT_DROP, DUCKDB_STATEMENT_TYPE_DROP, 15)                                                                         \
    X(DR_STATEMENT_EXPORT, DUCKDB_STATEMENT_TYPE_EXPORT, 16)                                                                     \
    X(DR_STATEMENT_PRAGMA, DUCKDB_STATEMENT_TYPE_PRAGMA, 17)                                                                     \
    X(DR_STATEMENT_VACUUM, DUCKDB_STATEMENT_TYPE_VACUUM, 18)                                                                     \
    X(DR_STATEMENT_CALL, DUCKDB_STATEMENT_TYPE_CALL, 19)                                                                         \
    X(DR_STATEMENT_SET, DUCKDB_STATEMENT_TYPE_SET, 20)                                                                           \
    X(DR_STATEMENT_LOAD, DUCKDB_STATEMENT_TYPE_LOAD, 21)                                                                         \
    X(DR_STATEMENT_DETACH, DUCKDB_STATEMENT_TYPE_DETACH, 26)                                                                     \
    X(DR_STATEMENT_MULTI, DUCKDB_STATEMENT_TYPE_MULTI, 27)                                                                       \
    X(DR_STATEMENT_COPY_DATABASE, DUCKDB_STATEMENT_TYPE_COPY_DATABASE, 28)                                                       \
    X(DR_STATEMENT_MERGE_INTO, DUCKDB_STATEMENT_TYPE_MERGE_INTO, 30)                                                             \
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
    X(duckdb_query_progress_type, query_progress, (duckdb_connection connection))                                                \
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
    X(duckdb_state, bind_value, (duckdb_prepared_statement statement, idx_t index, duckdb_value value))                          \
    X(duckdb_state, clear_bindings, (duckdb_prepared_statement statement))                                                       \
    X(idx_t, nparams, (duckdb_prepared_statement statement))                                                                     \
    X(const char *, parameter_name, (duckdb_prepared_statement statement, idx_t index))                                          \
    X(duckdb_logical_type, param_logical_type, (duckdb_prepared_statement statement, idx_t index))                               \
    X(idx_t, prepared_statement_column_count, (duckdb_prepared_statement statement))                                             \
    X(const char *, prepared_statement_column_name, (duckdb_prepared_statement statement, idx_t column))                         \
    X(duckdb_logical_type, prepared_statement_column_logical_type, (duckdb_prepared_statement statement, idx_t column))          \
    /* results */                                                                                                                \
    X(void, destroy_result, (duckdb_result * result))                                                                            \
    X(const char *, result_error, (duckdb_result * result))                                                                      \
    X(duckdb_error_type, result_error_type, (duckdb_result * result))                                                            \
    X(duckdb_result_type, result_return_type, (duckdb_result result))                                                            \
    X(duckdb_statement_type, result_statement_type, (duckdb_result result))                                                      \
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
    X(duckdb_data_chunk, create_data_chunk, (duckdb_logical_type * types, idx_t columns))                                        \
    X(void, data_chunk_reset, (duckdb_data_chunk chunk))                                                                         \
    X(idx_t, vector_size, (void))                                                                                                \
    X(void, vector_ensure_validity_writable, (duckdb_vector vector))                                                             \
    X(void, vector_assign_string_element_len, (duckdb_vector vector, idx_t row, const char *bytes, idx_t length))                \
    X(duckdb_vector, list_vector_get_child, (duckdb_vector vector))                                                              \
    X(duckdb_vector, struct_vector_get_child, (duckdb_vector vector, idx_t index))                                               \
    X(duckdb_vector, array_vector_get_child, (duckdb_vector vector))                                                             \
    X(duckdb_logical_type, vector_get_column_type, (duckdb_vector vector))                                                       \
    X(void, vector_reference_vector, (duckdb_vector to, duckdb_vector from))                                                     \
    /* types and values */                                                                                                       \
    X(duckdb_logical_type, create_logical_type, (duckdb_type type))                                                              \
    X(duckdb_type, get_type_id, (duckdb_logical_type type))                                                                      \
    X(void, destroy_logical_type, (duckdb_logical_type * type))                                                                  \
    X(char *, logical_type_get_alias, (duckdb_logical_type type))                                                                \
    X(uint8_t, decimal_width, (duckdb_logical_type type))                                                                        \
    X(uint8_t, decimal_scale, (duckdb_logical_type type))                                                                        \
    X(duckdb_type, decimal_internal_type, (duckdb_logical_type type))                                                            \
    X(duckdb_type, enum_internal_type, (duckdb_logical_type type))                                                               \
    X(uint32_t, enum_dictionary_size, (duckdb_logical_type type))                                                                \
    X(char *, enum_dictionary_value, (duckdb_logical_type type, idx_t index))                                                    \
    X(duckdb_logical_type, list_type_child_type, (duckdb_logical_type type))                                                     \
    X(duckdb_logical_type, array_type_child_type, (duckdb_logical_type type))                                                    \
    X(idx_t, array_type_array_size, (duckdb_logical_type type))                                                                  \
    X(duckdb_logical_type, map_type_key_type, (duckdb_logical_type type))                                                        \
    X(duckdb_logical_type, map_type_value_type, (duckdb_logical_type type))                                                      \
    X(idx_t, struct_type_child_count, (duckdb_logical_type type))                                                                \
    X(char *, struct_type_child_name, (duckdb_logical_type type, idx_t index))                                                   \
    X(duckdb_logical_type, struct_type_child_type, (duckdb_logical_type type, idx_t index))                                      \
    X(idx_t, union_type_member_count, (duckdb_logical_type type))                                                                \
    X(char *, union_type_member_name, (duckdb_logical_type type, idx_t index))                                                   \
    X(duckdb_logical_type, union_type_member_type, (duckdb_logical_type type, idx_t index))                                      \
    X(duckdb_logical_type, create_decimal_type, (uint8_t width, uint8_t scale))                                                  \
    X(duckdb_logical_type, create_list_type, (duckdb_logical_type type))                                                         \
    X(duckdb_value, create_null_value, (void))                                                                                   \
    X(duckdb_value, create_bool, (bool input))                                                                                   \
    X(duckdb_value, create_int16, (int16_t input))                                                                               \
    X(duckdb_value, create_int32, (int32_t input))                                                                               \
    X(duckdb_value, create_float, (float input))                                                                                 \
    X(duckdb_value, create_double, (double input))                                                                               \
    X(duckdb_value, create_varchar_length, (const char *text, idx_t length))                                                     \
    X(duckdb_value, create_blob, (const uint8_t *bytes, idx_t length))                                                           \
    X(duckdb_value, create_date, (duckdb_date input))                                                                            \
    X(duckdb_value, create_time, (duckdb_time input))                                                                            \
    X(duckdb_value, create_time_tz_value, (duckdb_time_tz input))                                                                \
    X(duckdb_value, create_timestamp, (duckdb_timestamp input))                                                                  \
    X(duckdb_value, create_timestamp_tz, (duckdb_timestamp input))                                                               \
    X(duckdb_value, create_interval, (duckdb_interval input))                                                                    \
    X(duckdb_value, create_hugeint, (duckdb_hugeint input))                                                                      \
    X(duckdb_value, create_decimal, (duckdb_decimal input))                                                                      \
    X(duckdb_value, create_uuid, (duckdb_uhugeint input))                                                                        \
    X(duckdb_value, create_list_value, (duckdb_logical_type type, duckdb_value * values, idx_t count))                           \
    X(duckdb_value, create_int64, (int64_t number))                                                                              \
    X(duckdb_logical_type, get_value_type, (duckdb_value value))                                                                 \
    X(int64_t, get_int64, (duckdb_value value))                                                                                  \
    X(char *, get_varchar, (duckdb_value value))                                                                                 \
    X(void, destroy_value, (duckdb_value * value))                                                                               \
    /* the appender */                                                                                                           \
    X(duckdb_state, appender_create_ext,                                                                                         \
      (duckdb_connection connection, const char *catalog, const char *schema, const char *table, duckdb_appender *appender))     \
    X(duckdb_state, appender_add_column, (duckdb_appender appender, const char *name))                                           \
    X(idx_t, appender_column_count, (duckdb_appender appender))                                                                  \
    X(duckdb_logical_type, appender_column_type, (duckdb_appender appender, idx_t column))                                       \
    X(duckdb_state, appender_destroy, (duckdb_appender * appender))                                                              \
    /* table functions */                                                                                                        \
    X(duckdb_table_function, create_table_function, (void))                                                                      \
    X(void, destroy_table_function, (duckdb_table_function * function))                                                          \
    X(void, table_function_set_name, (duckdb_table_function function, const char *name))                                         \
    X(void, table_function_add_parameter, (duckdb_table_function function, duckdb_logical_type type))                            \
    X(void, table_function_set_extra_info, (duckdb_table_function function, void *extra, duckdb_delete_callback_t destroy))      \
    X(void, table_function_set_bind, (duckdb_table_function function, duckdb_table_function_bind_t bind))                        \
    X(void, table_function_set_init, (duckdb_table_function function, duckdb_table_function_init_t init))                        \
    X(void, table_function_set_function, (duckdb_table_function function, duckdb_table_function_t main))                         \
    X(duckdb_state, register_table_function, (duckdb_connection connection, duckdb_table_function function))                     \
    X(void *, bind_get_extra_info, (duckdb_bind_info info))                                                                      \
    X(duckdb_value, bind_get_parameter, (duckdb_bind_info info, idx_t index))                                                    \
    X(void, bind_set_bind_data, (duckdb_bind_info info, void *data, duckdb_delete_callback_t destroy))                           \
    X(void, bind_add_result_column, (duckdb_bind_info info, const char *name, duckdb_logical_type type))                         \
    X(void, bind_set_error, (duckdb_bind_info info, const char *error))                                                          \
    X(void, init_set_max_threads, (duckdb_init_info info, idx_t threads))                                                        \
    X(void *, init_get_extra_info, (duckdb_init_info info))                                                                      \
    X(void *, init_get_bind_data, (duckdb_init_info info))                                                                       \
    X(void *, function_get_extra_info, (duckdb_function_info info))                                                              \
    X(void *, function_get_bind_data, (duckdb_function_info info))                                                               \
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
    X(duckdb_error_type, error_data_error_type, (duckdb_error_data data))                                                        \
    X(bool, error_data_has_error, (duckdb_error_data data))                                                                      \
    X(void, destroy_error_data, (duckdb_error_data * data))

struct dr_duckdb {
#define DR_FUNCTION(result, name, parameters) result(*name) parameters;
    DR_DUCKDB_FUNCTIONS(DR_FUNCTION)
#undef DR_FUNCTION
};

#endif
