#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "ingest_private.h"

static duckrow_code move_to(const struct dr_batch *batch, const struct dr_staged_file *file, const char *where,
                            duckrow_error *error)
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

duckrow_code dr_ingest_put_away(const struct dr_batch *batch, const struct dr_staged_file *file, duckrow_error *error)
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

duckrow_code dr_ingest_quarantine(const struct dr_batch *batch, const struct dr_staged_file *file, const char *reason,
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

duckrow_code dr_ingest_rename_patterns(struct dr_batch *batch, int *renamed, duckrow_error *error)
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
