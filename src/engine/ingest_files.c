#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ingest_private.h"

/* The file's name in a folder below staging, or another where that is taken. Only ingest puts files there, so it stays free. */
static duckrow_code free_name(const struct dr_batch *batch, const struct dr_staged_file *file, const char *where,
                              char name[DR_STAGING_NAME], duckrow_error *error)
{
    char path[PATH_MAX];
    struct stat st;
    duckrow_code code = dr_staging_make(batch->ingest->db, where, error);
    if (!code)
        code = dr_staging_path(batch->ingest->db, path, error, "%s/%s", where, file->name);
    if (code)
        return code;
    if (dr_os.lstat(path, &st) == 0)
        return dr_staging_another_name(file->name, strlen(file->name), name, error);
    memcpy(name, file->name, sizeof file->name);
    return DUCKROW_OK;
}

static duckrow_code move_to(const struct dr_batch *batch, const struct dr_staged_file *file, const char *where, const char *name,
                            duckrow_error *error)
{
    char from[PATH_MAX], to[PATH_MAX];
    duckrow_code code = dr_staging_path(batch->ingest->db, from, error, "%s/%s", batch->folder, file->name);
    if (!code)
        code = dr_staging_path(batch->ingest->db, to, error, "%s/%s", where, name);
    if (!code && dr_os.rename(from, to) < 0 && errno != ENOENT)
        code = dr_fail_os(error, errno, "cannot move %s", from);
    return code;
}

static duckrow_code keep(const struct dr_batch *batch, const struct dr_staged_file *file, duckrow_error *error)
{
    char where[PATH_MAX], date[16], name[DR_STAGING_NAME];
    time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &utc));
    snprintf(where, sizeof where, DR_STAGING_DONE "/%s/%s", batch->folder, date);
    duckrow_code code = free_name(batch, file, where, name, error);
    return code ? code : move_to(batch, file, where, name, error);
}

duckrow_code dr_ingest_put_away(const struct dr_batch *batch, const struct dr_staged_file *file, duckrow_error *error)
{
    char path[PATH_MAX];
    if (!dr_staging_same(batch->ingest->db, batch->folder, file))
        return DUCKROW_OK;
    if (batch->ingest->rules.keep)
        return keep(batch, file, error);
    duckrow_code code = dr_staging_path(batch->ingest->db, path, error, "%s/%s", batch->folder, file->name);
    if (!code && dr_os.unlink(path) < 0 && errno != ENOENT)
        code = dr_fail_os(error, errno, "cannot remove %s", path);
    return code;
}

duckrow_code dr_ingest_quarantine(const struct dr_batch *batch, const struct dr_staged_file *file, const char *reason,
                                  duckrow_error *error)
{
    char where[PATH_MAX], path[PATH_MAX], name[DR_STAGING_NAME];
    snprintf(where, sizeof where, DR_STAGING_QUARANTINE "/%s", batch->folder);
    duckrow_code code = free_name(batch, file, where, name, error);
    if (!code)
        code = dr_staging_path(batch->ingest->db, path, error, "%s/%s.error", where, name);
    FILE *said = code ? NULL : fopen(path, "we");
    if (!code && (!said || fprintf(said, "%s: %s\n", name, reason) < 0 || fclose(said) != 0))
        code = dr_fail_os(error, errno, "cannot write %s", path);
    if (!code)
        code = move_to(batch, file, where, name, error);
    if (!code)
        batch->ingest->quarantined++;
    return code;
}

duckrow_code dr_ingest_rename_patterns(struct dr_batch *batch, int *renamed, duckrow_error *error)
{
    char from[PATH_MAX], to[PATH_MAX], name[DR_STAGING_NAME];
    int kept = 0;
    duckrow_code code = DUCKROW_OK;
    for (int i = 0; !code && i < batch->count; i++) {
        struct dr_staged_file *file = &batch->files[i];
        size_t plain = strcspn(file->name, "*?[");
        if (!file->name[plain]) {
            batch->files[kept++] = *file;
            continue;
        }
        code = dr_staging_another_name(file->name, plain, name, error);
        if (!code)
            code = dr_staging_path(batch->ingest->db, from, error, "%s/%s", batch->folder, file->name);
        if (!code)
            code = dr_staging_path(batch->ingest->db, to, error, "%s/%s", batch->folder, name);
        if (!code && dr_os.rename(from, to) < 0 && errno != ENOENT)
            code = dr_fail_os(error, errno, "cannot rename %s", from);
        *renamed = 1;
    }
    batch->count = kept;
    return code;
}
