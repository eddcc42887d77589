#include "texts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sqltext.h"

const char *dr_texts_plain(duckdb_type type)
{
    return (int)type == DR_TYPE_VARCHAR ? "%s" : "CAST(%s AS VARCHAR)";
}

char *dr_texts_select(const struct dr_answer *answer, const char *(*expression)(duckdb_type), char **names)
{
    const struct dr_duckdb *duckdb = answer->session->duckdb;
    char *sql = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&sql, &length);
    if (!stream)
        return NULL;
    int failed = 0;
    for (idx_t i = 0; i < duckdb->column_count(answer->result); i++) {
        duckdb_logical_type type = duckdb->column_logical_type(answer->result, i);
        const char *form = expression ? expression(duckdb->get_type_id(type)) : "%s", *place = strstr(form, "%s");
        duckdb->destroy_logical_type(&type);
        fprintf(stream, "%s %.*sc%llu%s", i ? "," : "SELECT", (int)(place - form), form, (unsigned long long)i, place + 2);
        if (names) {
            char *quoted = dr_sql_quote(names[i], '"');
            failed |= !quoted;
            fprintf(stream, " AS %s", quoted ? quoted : "");
            free(quoted);
        }
    }
    fputs(" FROM duckrow_result()", stream);
    failed |= ferror(stream);
    if (fclose(stream) != 0 || failed) {
        free(sql);
        return NULL;
    }
    return sql;
}

/* Settings of a session that change how its values look. */
static void copy_settings(const dr_session *session)
{
    static const char *const settings[] = {"TimeZone", "Calendar"};
    const struct dr_duckdb *duckdb = session->duckdb;
    duckdb_client_context context = NULL;
    duckdb->connection_get_client_context(session->connection, &context);
    for (size_t i = 0; context && i < sizeof settings / sizeof *settings; i++) {
        duckdb_value value = duckdb->client_context_get_config_option(context, settings[i], NULL);
        char *text = value ? duckdb->get_varchar(value) : NULL;
        char *quoted = text ? dr_sql_quote(text, '\'') : NULL,
             *sql = quoted ? dr_sql_format("SET %s = %s", settings[i], quoted) : NULL;
        duckdb_result result;
        memset(&result, 0, sizeof result);
        /* Where SQL has locked the configuration, the values look as they do by default. */
        if (sql)
            duckdb->query(session->side, sql, &result);
        duckdb->destroy_result(&result);
        free(sql);
        free(quoted);
        duckdb->free(text);
        duckdb->destroy_value(&value);
    }
    duckdb->destroy_client_context(&context);
}

void dr_texts_relay(const struct dr_answer *answer)
{
    copy_settings(answer->session);
    answer->session->relayed = answer->result;
}

duckrow_code dr_texts_failed(const struct dr_answer *answer, const char *message, duckrow_error *error)
{
    const char *first = answer->session->duckdb->result_error(answer->result);
    return dr_sql_failed(error, first && *first ? first : message);
}

duckrow_code dr_texts_open(struct dr_texts *texts, const struct dr_answer *answer, const char *(*expression)(duckdb_type),
                           duckrow_error *error)
{
    const struct dr_duckdb *duckdb = answer->session->duckdb;
    memset(texts, 0, sizeof *texts);
    texts->answer = answer;
    texts->columns = duckdb->column_count(answer->result);
    char *sql = dr_texts_select(answer, expression, NULL);
    if (!sql)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    dr_texts_relay(answer);
    duckdb_state state = duckdb->prepare(answer->session->side, sql, &texts->statement);
    free(sql);
    if (state != DuckDBSuccess)
        return dr_texts_failed(answer, duckdb->prepare_error(texts->statement), error);
    texts->opened = 1;
    if (duckdb->execute_prepared_streaming(texts->statement, &texts->result) != DuckDBSuccess)
        return dr_texts_failed(answer, duckdb->result_error(&texts->result), error);
    return DUCKROW_OK;
}

duckrow_code dr_texts_next(struct dr_texts *texts, int *more, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = texts->answer->session->duckdb;
    *more = 1;
    if (texts->row < texts->rows) {
        texts->row++;
        return DUCKROW_OK;
    }
    do {
        duckdb->destroy_data_chunk(&texts->chunk);
        texts->chunk = duckdb->fetch_chunk(texts->result);
        texts->rows = texts->chunk ? duckdb->data_chunk_get_size(texts->chunk) : 0;
    } while (texts->chunk && !texts->rows);
    texts->row = 1;
    if (texts->chunk)
        return DUCKROW_OK;
    *more = 0;
    const char *message = duckdb->result_error(&texts->result);
    return message && *message ? dr_texts_failed(texts->answer, message, error) : DUCKROW_OK;
}

const char *dr_texts_get(const struct dr_texts *texts, size_t column, size_t *length)
{
    const struct dr_duckdb *duckdb = texts->answer->session->duckdb;
    duckdb_vector vector = duckdb->data_chunk_get_vector(texts->chunk, column);
    const uint64_t *validity = duckdb->vector_get_validity(vector);
    size_t row = texts->row - 1;
    *length = 0;
    if (validity && !(validity[row / 64] >> (row % 64) & 1))
        return NULL;
    return dr_string((const duckdb_string_t *)duckdb->vector_get_data(vector) + row, length);
}

void dr_texts_close(struct dr_texts *texts)
{
    const struct dr_duckdb *duckdb = texts->answer->session->duckdb;
    duckdb->destroy_data_chunk(&texts->chunk);
    if (texts->opened)
        duckdb->destroy_result(&texts->result);
    duckdb->destroy_prepare(&texts->statement);
    texts->answer->session->relayed = NULL;
}
