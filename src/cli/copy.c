/* duckrow copy: one file that holds one state of the database, made beside whoever reads and writes it.
 *
 * The snapshot is pinned, and its file and the commits in its WAL are copied, up to where its record says that the last published
 * one ends. Where there can be no snapshot the file itself is copied under a shared turn. Then DuckDB opens the copy and
 * checkpoints it, so that it needs no WAL, and it gets its name (file.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"
#include "core/slot.h"
#include "core/space.h"
#include "core/turn.h"
#include "file.h"
#include "signals.h"
#include "work.h"

struct copied {
    char target[PATH_MAX];
    int64_t bytes, generation, sequence; /* generation: -1: of the file itself */
};

/* ---- where to ---- */

static int exists(const char *path, const char *suffix)
{
    char other[PATH_MAX + 16];
    struct stat st;
    snprintf(other, sizeof other, "%s%s", path, suffix);
    return lstat(other, &st) == 0;
}

/* What is never replaced: what others use, or what would be taken for a part of the copy. */
static duckrow_code check_neighbours(const char *target, duckrow_error *error)
{
    if (exists(target, ".duckrow"))
        return dr_fail(error, DUCKROW_USAGE,
                       "%s is shared through duckrow: choose another target, or put a copy there under duckrow hold", target);
    if (exists(target, ".wal"))
        return dr_fail(error, DUCKROW_USAGE,
                       "%s.wal is there, which DuckDB would take for the copy's: remove it, or choose another target", target);
    return DUCKROW_OK;
}

static duckrow_code check_target(const duckrow_db *db, const char *target, int force, duckrow_error *error)
{
    struct stat st, own;
    size_t folder = strlen(db->folder);
    if (strchr(target, '?'))
        return dr_fail(error, DUCKROW_USAGE, "%s: DuckDB takes what follows ? in a path for something else; choose another name",
                       target);
    if ((strncmp(target, db->folder, folder) == 0 && (target[folder] == '/' || !target[folder])) || !strcmp(target, db->wal))
        return dr_fail(error, DUCKROW_USAGE, "%s is a part of the database %s", target, db->path);
    if (stat(target, &st) == 0) {
        if (stat(db->path, &own) == 0 && st.st_dev == own.st_dev && st.st_ino == own.st_ino)
            return dr_fail(error, DUCKROW_USAGE, "%s is the database itself", target);
        if (!S_ISREG(st.st_mode))
            return dr_fail(error, DUCKROW_USAGE, "%s is not a regular file", target);
        if (!force)
            return dr_fail(error, DUCKROW_USAGE, "%s exists: --force replaces it", target);
    }
    return check_neighbours(target, error);
}

/* A folder: the same file name in it. Links are followed. */
static duckrow_code find_target(const duckrow_db *db, const struct dr_options *options, char target[PATH_MAX],
                                duckrow_error *error)
{
    char given[PATH_MAX], folder[PATH_MAX];
    struct stat st;
    int is_folder = stat(options->target, &st) == 0 && S_ISDIR(st.st_mode);
    if (snprintf(given, sizeof given, "%s%s%s", options->target, is_folder ? "/" : "", is_folder ? db->name : "") >= PATH_MAX)
        return dr_fail(error, DUCKROW_USAGE, "the path of the target is too long: %.200s…", options->target);
    if (realpath(given, target))
        return check_target(db, target, options->force, error);
    if (errno != ENOENT)
        return dr_fail_os(error, errno, "%s", given);
    char *slash = strrchr(given, '/');
    const char *name = slash ? slash + 1 : given;
    if (slash)
        *slash = 0;
    if (!realpath(!slash ? "." : *given ? given : "/", folder))
        return dr_fail_os(error, errno, "cannot use the folder %s", given);
    if (!*name || snprintf(target, PATH_MAX, "%s/%s", strcmp(folder, "/") ? folder : "", name) >= PATH_MAX)
        return dr_fail(error, DUCKROW_USAGE, "%s is not a file name", options->target);
    return check_target(db, target, options->force, error);
}

/* ---- bytes ---- */

static duckrow_code copy_wal(const char *path, int64_t length, const struct dr_making *making, duckrow_error *error)
{
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return dr_fail_os(error, errno, "cannot open %s", path);
    int to = open(making->wal, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    duckrow_code code =
        to < 0 ? dr_fail_os(error, errno, "cannot make %s", making->wal) : dr_copy_bytes(from, to, length, making->wal, error);
    close(from);
    if (to >= 0)
        close(to);
    return code;
}

/* ---- the state to copy ---- */

/* What is to be copied stands still: of the snapshot only what was published when we looked. */
struct source {
    char path[PATH_MAX + 8], wal[PATH_MAX + 16];
    int64_t size, wal_length;
    mode_t mode;
};

static duckrow_code find_source(const struct dr_work *work, struct source *source, struct copied *copied, duckrow_error *error)
{
    const duckrow_db *db = work->db;
    struct stat st;
    struct dr_slot slot = {0};
    if (stat(db->path, &st) < 0)
        return dr_fail_os(error, errno, "%s", db->path);
    source->mode = st.st_mode;
    snprintf(source->path, sizeof source->path, "%s", work->snapshot ? duckrow_snapshot_path(work->snapshot) : db->path);
    snprintf(source->wal, sizeof source->wal, "%s.wal", source->path);
    copied->generation = copied->sequence = -1;
    if (work->snapshot) {
        if (!dr_slot_read(db, duckrow_snapshot_generation(work->snapshot), &slot))
            return dr_fail(error, DUCKROW_IO, "the record of the snapshot of %s can't be read: try again", db->path);
        source->wal_length = slot.wal_length;
        copied->generation = slot.generation;
        copied->sequence = slot.sequence;
    }
    if (stat(source->path, &st) < 0)
        return dr_fail_os(error, errno, "%s", source->path);
    source->size = st.st_size;
    if (!work->snapshot)
        source->wal_length = stat(source->wal, &st) == 0 ? st.st_size : 0;
    if (source->wal_length && dr_work_encrypted(work))
        return dr_fail(error, DUCKROW_UNSUPPORTED,
                       "%s is encrypted, and only its key makes one file of it and its WAL: CHECKPOINT it, then copy", db->path);
    return DUCKROW_OK;
}

static duckrow_code copy_files(const struct dr_work *work, const struct source *source, const struct dr_making *making,
                               duckrow_error *error)
{
    /* The database itself through the descriptor that is kept: closing another would drop locks. */
    int from = work->turn && work->turn->source ? work->turn->source->fd : open(source->path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return dr_fail_os(error, errno, "cannot open %s", source->path);
    duckrow_code code = dr_copy_bytes(from, making->fd, source->size, making->path, error);
    if (!code && source->wal_length)
        code = copy_wal(source->wal, source->wal_length, making, error);
    if (!(work->turn && work->turn->source))
        close(from);
    return code;
}

/* Only DuckDB can fold the WAL in; and it sees what a copy of bytes would not, that the file can be read. */
static duckrow_code checkpoint(const struct dr_work *work, const struct dr_making *making, duckrow_error *error)
{
    dr_session *guest = NULL;
    duckrow_code code = dr_session_guest(work->session, "duckrow copy", NULL, &guest, error);
    if (!code)
        code = dr_session_attach(guest, making->path, duckrow_db_path(work->db), DR_ATTACH_WRITE, error);
    if (!code)
        code = dr_session_checkpoint(guest, error);
    if (!code)
        code = dr_session_detach(guest, error);
    dr_session_close(guest);
    return code;
}

static duckrow_code fill(struct dr_work *work, const struct dr_options *options, struct copied *copied, duckrow_error *error)
{
    struct source source = {0};
    struct dr_making making = {.fd = -1};
    struct stat st;
    int encrypted = dr_work_encrypted(work);
    duckrow_code code = find_source(work, &source, copied, error);
    if (!code)
        code = dr_making_open(&making, copied->target, "copy", source.mode, 1, error);
    if (!code)
        code = dr_check_space(copied->target, source.size + 2 * source.wal_length, error);
    if (!code)
        code = copy_files(work, &source, &making, error);
    /* Nobody has to wait for the rest. */
    dr_work_release(work);
    if (work->snapshot)
        duckrow_snapshot_unpin(work->snapshot);
    work->snapshot = NULL;
    if (!code && !encrypted)
        code = checkpoint(work, &making, error);
    if (!code && dr_signals_received())
        code = dr_fail(error, DUCKROW_INTERRUPTED, "interrupted");
    if (!code)
        code = check_neighbours(copied->target, error);
    if (!code)
        code = dr_making_finish(&making, options->force, error);
    copied->bytes = making.fd >= 0 && fstat(making.fd, &st) == 0 ? st.st_size : 0;
    dr_making_close(&making);
    return code;
}

/* ---- the command ---- */

static int print(const struct dr_work *work, const struct copied *copied, int as_json)
{
    char text[32];
    if (!as_json) {
        printf("%s: %s, ", copied->target, dr_space_text(copied->bytes, text));
        if (copied->sequence >= 0)
            printf("as of sequence %lld\n", (long long)copied->sequence);
        else
            printf("of the file itself, which has no snapshot\n");
        return dr_end_printing();
    }
    struct dr_json json = {0};
    dr_json_open(&json, NULL, '{');
    dr_json_string(&json, "path", duckrow_db_path(work->db));
    dr_json_string(&json, "target", copied->target);
    dr_json_number(&json, "bytes", copied->bytes);
    dr_json_number(&json, "generation", copied->generation);
    dr_json_number(&json, "sequence", copied->sequence);
    dr_json_close(&json, '}');
    return dr_print_json(&json);
}

static int run_copy(const struct dr_options *options)
{
    struct dr_work work;
    struct copied *copied = calloc(1, sizeof *copied);
    duckrow_error error = {0};
    duckrow_code code = dr_work_open(&work, options, DUCKROW_MUST_EXIST, &error);
    work.bare = 1;
    if (!code && !copied)
        code = dr_fail(&error, DUCKROW_NO_MEMORY, "out of memory");
    if (!code)
        code = find_target(work.db, options, copied->target, &error);
    if (!code)
        code = dr_work_read(&work, &error);
    if (!code)
        code = fill(&work, options, copied, &error);
    int status = code ? dr_report(&error) : print(&work, copied, options->json);
    dr_work_close(&work);
    free(copied);
    return status;
}

const struct dr_command dr_command_copy = {
    "copy",
    "copy [--force] [--json] [--timeout 10s] [--engine FILE] DB TARGET",
    "make one consistent file of it, beside running writers",
    "Copies the database as it is at its last commit into one file without a WAL, which any DuckDB of its storage version "
    "opens.\n"
    "Nobody waits for it: the snapshot is what is copied. TARGET is a file, or a folder: then the file gets the database's "
    "name.\n"
    "It appears whole or not at all; what a killed copy leaves is called TARGET.duckrow-copy.…, and the next one removes it.\n"
    "An encrypted database is copied under a shared turn, and only while it has no WAL.\n"
    "\n"
    "  --force         replace TARGET where it exists\n"
    "  --json          one object: path, target, bytes, generation, sequence (-1: of the file itself)\n"
    "  --timeout TIME  how long to wait: 10s, 500ms, 2m, 1.5 (seconds); default 10s\n"
    "  --engine FILE   the libduckdb.so to use; default: DUCKROW_ENGINE, then the loader's path\n",
    DR_TAKES_TARGET | DR_TAKES_JSON | DR_TAKES_TIMEOUT | DR_TAKES_ENGINE | DR_TAKES_DATABASE,
    run_copy,
};
