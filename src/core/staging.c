#include "staging.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "access.h"
#include "json.h"

static const char suffix[] = ".parquet";

/* ---- names ---- */

static int is_plain(unsigned char byte)
{
    return isalnum(byte) || byte == '_' || byte == '-' || byte >= 0x80;
}

/* One name as SQL writes it, with or without quotes. Behind it; NULL: there is none, or no room. */
static const char *put_name(const char *at, char *out, size_t size)
{
    size_t n = strlen(out), began = n;
    int quoted = *at == '"';
    for (at += quoted; *at && (quoted || *at != '.'); at++) {
        if (quoted && *at == '"' && *++at != '"')
            break;
        int written = snprintf(out + n, size - n, is_plain((unsigned char)*at) ? "%c" : "%%%02X", (unsigned char)*at);
        if (written < 0 || (size_t)written >= size - n)
            return NULL;
        n += (size_t)written;
    }
    if (quoted && at[-1] != '"')
        return NULL;
    return n > began ? at : NULL;
}

/* Tables of these names are written with a first letter in hexadecimal. */
static int is_ours(const char *folder)
{
    return strcmp(folder, DR_STAGING_QUARANTINE) == 0 || strcmp(folder, DR_STAGING_DONE) == 0;
}

duckrow_code dr_staging_folder(const char *table, char folder[DR_STAGING_NAME], duckrow_error *error)
{
    *folder = 0;
    const char *at = put_name(table, folder, DR_STAGING_NAME);
    if (at && *at == '.') {
        size_t n = strlen(folder);
        snprintf(folder + n, DR_STAGING_NAME - n, ".");
        at = put_name(at + 1, folder, DR_STAGING_NAME);
    }
    if (at && !*at && !is_ours(folder))
        return DUCKROW_OK;
    if (at && !*at) {
        char rest[DR_STAGING_NAME];
        memcpy(rest, folder + 1, strlen(folder));
        snprintf(folder, DR_STAGING_NAME, "%%%02X%.200s", (unsigned char)*folder, rest);
        return DUCKROW_OK;
    }
    return dr_fail(error, DUCKROW_USAGE,
                   "\"%.100s\" is no name of a table: a name, or schema.name, is needed, at most 255 bytes long", table);
}

static int hexadecimal(char digit)
{
    return isdigit((unsigned char)digit) ? digit - '0' : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

int dr_staging_table(const char *folder, char *table, size_t size)
{
    size_t n = 0;
    int points = 0, length = 0;
#define PUT(byte)                                                                                                                \
    do {                                                                                                                         \
        if (n + 2 >= size)                                                                                                       \
            return 0;                                                                                                            \
        table[n++] = (byte);                                                                                                     \
    } while (0)
    PUT('"');
    for (const char *at = folder; *at; at++) {
        char byte = *at;
        if (byte == '.') {
            if (points++ || !length)
                return 0;
            length = 0;
            PUT('"');
            PUT('.');
            PUT('"');
            continue;
        }
        if (byte == '%') {
            int high = hexadecimal(at[1]), low = high < 0 ? -1 : hexadecimal(at[2]);
            if (low < 0 || !(byte = (char)(high << 4 | low)))
                return 0;
            at += 2;
        } else if (!is_plain((unsigned char)byte)) {
            return 0;
        }
        if (byte == '"')
            PUT('"');
        PUT(byte);
        length++;
    }
    PUT('"');
#undef PUT
    table[n] = 0;
    return length > 0;
}

const char *dr_staging_shown(const char *folder, char *table, size_t size)
{
    if (!strchr(folder, '%') || !dr_staging_table(folder, table, size))
        snprintf(table, size, "%s", folder);
    return table;
}

/* ".": what begins like the old name and isn't longer sorts before, what is sorts behind, as with the old one. But a name that begins with
 * it is hidden. */
duckrow_code dr_staging_another_name(const char *name, size_t most, char other[DR_STAGING_NAME], duckrow_error *error)
{
    enum { ROOM = DR_STAGING_NAME - 32 };
    uint64_t random;
    size_t n = strlen(name), ends = sizeof suffix - 1;
    n = n > ends && strcmp(name + n - ends, suffix) == 0 ? n - ends : n;
    n = n > most ? most : n;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return dr_fail_os(error, errno, "cannot make a name for a staged file");
    snprintf(other, DR_STAGING_NAME, "%.*s%c%016llx%s", (int)(n > ROOM ? ROOM : n), name, n ? '.' : '_',
             (unsigned long long)random, suffix);
    return DUCKROW_OK;
}

/* ---- folders ---- */

duckrow_code dr_staging_path(const duckrow_db *db, char path[PATH_MAX], duckrow_error *error, const char *format, ...)
{
    char name[PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    if (n < 0 || n >= PATH_MAX)
        return dr_fail(error, DUCKROW_USAGE, "the name of the staged file is too long");
    return dr_db_path(db, path, error, "staging/%s", name);
}

static duckrow_code sync_folder(const char *path, duckrow_error *error)
{
    return dr_sync_folder(path) < 0 ? dr_fail_os(error, errno, "cannot sync %s", path) : DUCKROW_OK;
}

/* A folder that was made is only there to stay when the one above it is synced. */
static duckrow_code make_in(const duckrow_db *db, const char *above, const char *path, duckrow_error *error)
{
    struct stat st;
    if (dr_os.stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return DUCKROW_OK;
    duckrow_code code = dr_db_make_one_folder(db, path, error);
    return code ? code : sync_folder(above, error);
}

duckrow_code dr_staging_make(const duckrow_db *db, const char *name, duckrow_error *error)
{
    char above[PATH_MAX], path[PATH_MAX], parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", db->path);
    *strrchr(parent, '/') = 0;
    duckrow_code code = make_in(db, *parent ? parent : "/", db->folder, error);
    if (!code)
        code = dr_db_path(db, above, error, "staging");
    if (!code)
        code = make_in(db, db->folder, above, error);
    /* Each part of the name, from the first on. */
    for (const char *end = name; !code && *end;) {
        end += strcspn(end, "/");
        code = dr_staging_path(db, path, error, "%.*s", (int)(end - name), name);
        if (!code)
            code = make_in(db, above, path, error);
        memcpy(above, path, sizeof above);
        end += *end == '/';
    }
    return code;
}

/* ---- producing ---- */

struct duckrow_stage {
    duckrow_db *db;
    unsigned forks;
    char folder[DR_STAGING_NAME], name[64], path[PATH_MAX];
};

/* Nanoseconds since 1970, later than the last of this process's. */
static int64_t next_time(void)
{
    static atomic_llong last;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    long long time = (long long)now.tv_sec * 1000000000 + now.tv_nsec, before = last;
    do
        time = time > before ? time : before + 1;
    while (!atomic_compare_exchange_weak(&last, &before, time));
    return time;
}

duckrow_code duckrow_stage_begin(duckrow_db *db, const char *table, duckrow_stage **out, duckrow_error *error)
{
    dr_error_clear(error);
    *out = NULL;
    duckrow_stage *stage = calloc(1, sizeof *stage);
    uint64_t random;
    if (!stage)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    stage->db = db;
    stage->forks = dr_fork_count();
    duckrow_code code = dr_check_fork(db->forks, error);
    if (!code)
        code = dr_staging_folder(table, stage->folder, error);
    if (!code && getrandom(&random, sizeof random, 0) != sizeof random)
        code = dr_fail_os(error, errno, "cannot make a name for a staged file");
    if (!code) {
        snprintf(stage->name, sizeof stage->name, "%019lld-%016llx%s", (long long)next_time(), (unsigned long long)random,
                 suffix);
        code = dr_staging_path(db, stage->path, error, ".tmp/%s", stage->name);
    }
    if (!code)
        code = dr_staging_make(db, ".tmp", error);
    if (!code)
        code = dr_staging_make(db, stage->folder, error);
    if (code)
        free(stage);
    else
        *out = stage;
    return code;
}

const char *duckrow_stage_path(const duckrow_stage *stage)
{
    return stage->path;
}

static duckrow_code sync_file(const duckrow_stage *stage, duckrow_error *error)
{
    struct stat st;
    int fd = dr_open(stage->path, O_RDONLY, 0);
    if (fd < 0 && errno == ENOENT)
        return dr_fail(error, DUCKROW_USAGE, "there is nothing to stage: %s was not written", stage->path);
    if (fd < 0)
        return dr_fail_os(error, errno, "cannot open %s", stage->path);
    duckrow_code code = DUCKROW_OK;
    if (dr_os.fstat(fd, &st) < 0 || dr_os.sync(fd) < 0)
        code = dr_fail_os(error, errno, "cannot sync %s", stage->path);
    else if (!S_ISREG(st.st_mode))
        code = dr_fail(error, DUCKROW_USAGE, "%s is no file", stage->path);
    else
        dr_db_adopt(stage->db, fd, 0666);
    dr_close(fd);
    return code;
}

duckrow_code duckrow_stage_commit(duckrow_stage *stage, char **name, duckrow_error *error)
{
    char path[PATH_MAX], folder[PATH_MAX];
    dr_error_clear(error);
    duckrow_code code = dr_check_fork(stage->forks, error);
    if (!code)
        code = dr_staging_path(stage->db, folder, error, "%s", stage->folder);
    if (!code)
        code = dr_staging_path(stage->db, path, error, "%s/%s", stage->folder, stage->name);
    if (!code)
        code = sync_file(stage, error);
    if (!code && dr_os.rename(stage->path, path) < 0)
        code = dr_fail_os(error, errno, "cannot name %s", path);
    /* Whoever is told of an error stages again, so it must be gone: else its rows were there twice. */
    if (!code && (code = sync_folder(folder, error)))
        dr_os.unlink(path);
    if (!code && name && !(*name = strdup(path)))
        *name = NULL;
    duckrow_stage_abandon(stage);
    return code;
}

void duckrow_stage_abandon(duckrow_stage *stage)
{
    if (!stage)
        return;
    if (!dr_check_fork(stage->forks, NULL))
        dr_os.unlink(stage->path);
    free(stage);
}

/* ---- looking ---- */

static int is_whole_name(const char *name)
{
    size_t n = strlen(name), ends = sizeof suffix - 1;
    return *name != '.' && n > ends && n < DR_STAGING_NAME && strcmp(name + n - ends, suffix) == 0;
}

static void describe(const struct stat *st, struct dr_staged_file *file)
{
    file->inode = (int64_t)st->st_ino;
    file->size = st->st_size;
    file->modified_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* Not a link, which may lead anywhere. */
static int look_at(const duckrow_db *db, const char *folder, struct dr_staged_file *file)
{
    char path[PATH_MAX];
    struct stat st;
    if (dr_staging_path(db, path, NULL, "%s/%s", folder, file->name) || dr_os.lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    describe(&st, file);
    return 1;
}

static int is_table_folder(const char *name)
{
    char table[2 * DR_STAGING_NAME + 8];
    return *name != '.' && !is_ours(name) && dr_staging_table(name, table, sizeof table);
}

static int by_name(const void *one, const void *other)
{
    return strcmp(one, other);
}

/* The names in a folder that are taken, sorted; none where there is no such folder. */
static duckrow_code read_names(const duckrow_db *db, const char *path, int (*takes)(const char *name),
                               char (**names)[DR_STAGING_NAME], int *count, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    int room = 0;
    *names = NULL;
    *count = 0;
    DIR *opened = opendir(path);
    if (!opened)
        return errno == ENOENT ? DUCKROW_OK : dr_fail_access(db, errno, path, error);
    for (struct dirent *entry; !code && (entry = readdir(opened));) {
        if (!takes(entry->d_name))
            continue;
        if (*count == room) {
            room = room ? 2 * room : 64;
            char (*more)[DR_STAGING_NAME] = realloc(*names, (size_t)room * sizeof *more);
            if (!more) {
                code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
                break;
            }
            *names = more;
        }
        snprintf((*names)[(*count)++], DR_STAGING_NAME, "%s", entry->d_name);
    }
    closedir(opened);
    if (*count)
        qsort(*names, (size_t)*count, sizeof **names, by_name);
    return code;
}

duckrow_code dr_staging_list(const duckrow_db *db, const char *folder, int most, struct dr_staged_file **files, int *count,
                             int *left, duckrow_error *error)
{
    char path[PATH_MAX], (*names)[DR_STAGING_NAME] = NULL;
    int found = 0, i = 0;
    *files = NULL;
    *count = *left = 0;
    duckrow_code code = dr_staging_path(db, path, error, "%s", folder);
    if (!code)
        code = read_names(db, path, is_whole_name, &names, &found, error);
    if (!code && found && !(*files = malloc((size_t)(found < most ? found : most) * sizeof **files)))
        code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    for (; !code && i < found && *count < most; i++) {
        memcpy((*files)[*count].name, names[i], sizeof names[i]);
        *count += look_at(db, folder, &(*files)[*count]);
    }
    *left = code ? 0 : found - i;
    free(names);
    return code;
}

duckrow_code dr_staging_folders_in(const duckrow_db *db, const char *below, char (**folders)[DR_STAGING_NAME], int *count,
                                   duckrow_error *error)
{
    char path[PATH_MAX];
    *folders = NULL;
    *count = 0;
    duckrow_code code = dr_staging_path(db, path, error, "%s", below);
    return code ? code : read_names(db, path, is_table_folder, folders, count, error);
}

int64_t dr_staging_size(const duckrow_db *db, const char *folder, const char *name)
{
    struct dr_staged_file file;
    if (!is_whole_name(name))
        return -1;
    snprintf(file.name, sizeof file.name, "%s", name);
    return look_at(db, folder, &file) ? file.size : -1;
}

int dr_staging_any(const duckrow_db *db, const char *folder)
{
    char path[PATH_MAX];
    int some = 0;
    DIR *opened = dr_staging_path(db, path, NULL, "%s", folder) ? NULL : opendir(path);
    for (struct dirent *entry; opened && !some && (entry = readdir(opened));)
        some = dr_staging_size(db, folder, entry->d_name) >= 0;
    if (opened)
        closedir(opened);
    return some;
}

duckrow_code dr_staging_folders(const duckrow_db *db, char (**folders)[DR_STAGING_NAME], int *count, duckrow_error *error)
{
    return dr_staging_folders_in(db, "", folders, count, error);
}

duckrow_code dr_staging_all_folders(const duckrow_db *db, char (**folders)[DR_STAGING_NAME], int *count, duckrow_error *error)
{
    char (*aside)[DR_STAGING_NAME] = NULL;
    int more = 0, kept = 0;
    duckrow_code code = dr_staging_folders(db, folders, count, error);
    if (!code)
        code = dr_staging_folders_in(db, DR_STAGING_QUARANTINE, &aside, &more, error);
    char (*all)[DR_STAGING_NAME] = more ? realloc(*folders, (size_t)(*count + more) * sizeof *all) : NULL;
    if (more && !all)
        code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    if (all) {
        memcpy(all + *count, aside, (size_t)more * sizeof *all);
        *count += more;
        qsort(all, (size_t)*count, sizeof *all, by_name);
        for (int i = 0; i < *count; i++)
            if (!i || strcmp(all[i], all[kept - 1]))
                memmove(all[kept++], all[i], sizeof *all);
        *count = kept;
        *folders = all;
    }
    free(aside);
    return code;
}

duckrow_code dr_staging_count(const duckrow_db *db, const char *folder, struct dr_backlog *backlog, duckrow_error *error)
{
    char path[PATH_MAX];
    duckrow_code code = dr_staging_path(db, path, error, "%s", folder);
    if (code)
        return code;
    DIR *opened = opendir(path);
    if (!opened)
        return errno == ENOENT ? DUCKROW_OK : dr_fail_access(db, errno, path, error);
    for (struct dirent *entry; (entry = readdir(opened));) {
        struct dr_staged_file file;
        struct stat st;
        if (!is_whole_name(entry->d_name) || fstatat(dirfd(opened), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode))
            continue;
        describe(&st, &file);
        if (!backlog->files++ || file.modified_ns < backlog->oldest_ns)
            backlog->oldest_ns = file.modified_ns;
        backlog->bytes += file.size;
    }
    closedir(opened);
    return DUCKROW_OK;
}

duckrow_code dr_staging_count_all(const duckrow_db *db, struct dr_backlog *backlog, duckrow_error *error)
{
    char (*folders)[DR_STAGING_NAME];
    int count;
    duckrow_code code = dr_staging_folders(db, &folders, &count, error);
    for (int i = 0; i < count; i++) {
        duckrow_code counted = dr_staging_count(db, folders[i], backlog, code ? NULL : error);
        code = code ? code : counted;
    }
    free(folders);
    return code;
}

int64_t dr_backlog_age_ms(const struct dr_backlog *backlog)
{
    int64_t age = dr_calendar_ms() - backlog->oldest_ns / 1000000;
    return !backlog->files ? -1 : age > 0 ? age : 0;
}

void dr_backlog_json(struct dr_json *json, int64_t files, int64_t bytes, int64_t oldest_ms)
{
    dr_json_number(json, "files", files);
    dr_json_number(json, "bytes", bytes);
    if (oldest_ms < 0)
        dr_json_null(json, "oldest_seconds");
    else
        dr_json_number(json, "oldest_seconds", oldest_ms / 1000);
}

int dr_staged_file_same(const struct dr_staged_file *one, const struct dr_staged_file *other)
{
    return one->inode == other->inode && one->size == other->size && one->modified_ns == other->modified_ns;
}

int dr_staging_same(const duckrow_db *db, const char *folder, const struct dr_staged_file *file)
{
    struct dr_staged_file now = *file;
    return look_at(db, folder, &now) && dr_staged_file_same(&now, file);
}

duckrow_code dr_staging_open(const duckrow_db *db, const char *folder, const struct dr_staged_file *file, int *fd,
                             duckrow_error *error)
{
    char path[PATH_MAX];
    struct stat st;
    struct dr_staged_file now;
    *fd = -1;
    duckrow_code code = dr_staging_path(db, path, error, "%s/%s", folder, file->name);
    if (code)
        return code;
    /* A FIFO that has taken its place is not waited for. */
    int opened = dr_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (opened < 0)
        return errno == ENOENT || errno == ELOOP ? DUCKROW_OK : dr_fail_access(db, errno, path, error);
    if (dr_os.fstat(opened, &st) < 0) {
        code = dr_fail_os(error, errno, "cannot look at %s", path);
        dr_close(opened);
        return code;
    }
    describe(&st, &now);
    if (S_ISREG(st.st_mode) && dr_staged_file_same(&now, file))
        *fd = opened;
    else
        dr_close(opened);
    return DUCKROW_OK;
}
