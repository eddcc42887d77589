/* Parquet, which DuckDB writes itself. It needs a file, as its end says where its parts are: where the output isn't one, a
 * temporary file is made and copied. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/sqltext.h"
#include "texts.h"

static duckrow_code copy_to(const struct dr_answer *answer, const char *path, duckrow_error *error)
{
    const struct dr_duckdb *duckdb = answer->session->duckdb;
    char **names = dr_names_unique(answer);
    char *select = names ? dr_texts_select(answer, NULL, names) : NULL;
    char *quoted = dr_sql_quote(path, '\'');
    /* The file is ours and empty: no second temporary file beside it. */
    char *sql = select && quoted ? dr_sql_format("COPY (%s) TO %s (FORMAT parquet, USE_TMP_FILE false)", select, quoted) : NULL;
    duckrow_code code = sql ? DUCKROW_OK : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    if (sql) {
        duckdb_result result;
        memset(&result, 0, sizeof result);
        dr_texts_relay(answer);
        if (duckdb->query(answer->session->side, sql, &result) != DuckDBSuccess)
            code = dr_texts_failed(answer, duckdb->result_error(&result), error);
        duckdb->destroy_result(&result);
        answer->session->relayed = NULL;
    }
    free(sql);
    free(quoted);
    free(select);
    dr_names_free(names);
    return code;
}

static duckrow_code copy_out(int fd, const char *path, struct dr_output *output, duckrow_error *error)
{
    char buffer[64 * 1024];
    for (;;) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dr_fail_os(error, errno, "cannot read %s", path);
        if (n == 0)
            return DUCKROW_OK;
        duckrow_code code = dr_output_write(output, buffer, (size_t)n, error);
        if (code)
            return code;
    }
}

static duckrow_code write_parquet(const struct dr_answer *answer, struct dr_output *output, duckrow_error *error)
{
    if (output->temporary[0])
        return copy_to(answer, output->temporary, error);
    const char *folder = getenv("TMPDIR");
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/duckrow.parquet.XXXXXX", folder && *folder ? folder : "/tmp") >= (int)sizeof path)
        return dr_fail_os(error, ENAMETOOLONG, "cannot make a file in %.100s", folder);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return dr_fail_os(error, errno, "cannot make %s; set TMPDIR to a folder with room", path);
    duckrow_code code = copy_to(answer, path, error);
    if (!code)
        code = copy_out(fd, path, output, error);
    close(fd);
    unlink(path);
    return code;
}

const struct dr_format dr_format_parquet = {"parquet", 1, write_parquet};
