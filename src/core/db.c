#include "db.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"

enum { KEPT_SOURCES = 64 };

static struct {
    pthread_mutex_t guard;
    struct dr_source *first;
    int count;
} sources = {.guard = PTHREAD_MUTEX_INITIALIZER};

/* In a forked child: its copies of the descriptors are closed already, its handles are the parent's. */
static void forget_sources(void)
{
    pthread_mutex_init(&sources.guard, NULL);
    sources.first = NULL;
    sources.count = 0;
}

static void watch_forks(void)
{
    dr_at_fork_child(forget_sources);
}

duckrow_code dr_check_fork(unsigned forks, duckrow_error *error)
{
    if (forks == dr_fork_count())
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_FORKED, "this connection belongs to the parent process: open a new one after fork()");
}

/* ---- the kept descriptor ---- */

/* Closing drops every POSIX lock that this process has on the file: only when it certainly has none. */
static int may_close(const struct dr_source *source)
{
    struct flock found;
    struct stat st;
    if (source->users)
        return 0;
    if (dr_os.fstat(source->fd, &st) == 0 && st.st_nlink == 0 && dr_open_descriptors(&st, source->fd) == 0)
        return 1;
    return sources.count > KEPT_SOURCES && dr_lock_test(source->fd, F_WRLCK, 0, 0, &found) == 0;
}

static void close_unused(void)
{
    for (struct dr_source **at = &sources.first; *at;) {
        struct dr_source *source = *at;
        if (may_close(source)) {
            *at = source->next;
            dr_close(source->fd);
            free(source);
            sources.count--;
        } else {
            at = &source->next;
        }
    }
}

static struct dr_source *find(dev_t device, ino_t inode)
{
    struct dr_source *source = sources.first;
    while (source && (source->device != device || source->inode != inode))
        source = source->next;
    return source;
}

static duckrow_code open_source(const duckrow_db *db, struct dr_source **source, duckrow_error *error)
{
    struct dr_source *opened = calloc(1, sizeof *opened);
    if (!opened)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    opened->writable = 1;
    opened->fd = dr_open(db->path, O_RDWR | O_NONBLOCK, 0);
    if (opened->fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS)) {
        opened->writable = 0;
        opened->fd = dr_open(db->path, O_RDONLY | O_NONBLOCK, 0);
    }
    struct stat st;
    if (opened->fd < 0 || dr_os.fstat(opened->fd, &st) < 0) {
        int reason = errno;
        dr_close(opened->fd);
        free(opened);
        return reason == ENOENT ? DUCKROW_OK : dr_fail_access(db, reason, db->path, error);
    }
    opened->device = st.st_dev;
    opened->inode = st.st_ino;
    opened->next = sources.first;
    sources.first = opened;
    sources.count++;
    *source = opened;
    return DUCKROW_OK;
}

duckrow_code dr_source_get(const duckrow_db *db, struct dr_source **source, duckrow_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    *source = NULL;
    struct stat st;
    if (dr_os.stat(db->path, &st) < 0)
        return errno == ENOENT ? DUCKROW_OK : dr_fail_os(error, errno, "%s", db->path);
    pthread_mutex_lock(&sources.guard);
    duckrow_code code = DUCKROW_OK;
    *source = find(st.st_dev, st.st_ino);
    if (!*source) {
        close_unused();
        code = open_source(db, source, error);
    }
    if (*source)
        (*source)->users++;
    pthread_mutex_unlock(&sources.guard);
    return code;
}

void dr_source_put(struct dr_source *source)
{
    if (!source)
        return;
    pthread_mutex_lock(&sources.guard);
    source->users--;
    pthread_mutex_unlock(&sources.guard);
}

int dr_source_lock(struct dr_source *source, short type)
{
    pthread_mutex_lock(&sources.guard);
    int result = dr_posix_lock_try(source->fd, type);
    if (result == 0)
        type == F_WRLCK ? source->exclusive++ : source->shared++;
    pthread_mutex_unlock(&sources.guard);
    return result;
}

void dr_source_unlock(struct dr_source *source, short type)
{
    pthread_mutex_lock(&sources.guard);
    type == F_WRLCK ? source->exclusive-- : source->shared--;
    if (source->exclusive == 0 && source->shared == 0)
        dr_posix_unlock(source->fd);
    pthread_mutex_unlock(&sources.guard);
}

/* ---- paths ---- */

/* realpath(3) of a path whose last part need not exist. */
static duckrow_code resolve(duckrow_db *db, const char *path, duckrow_error *error)
{
    char *resolved = db->path;
    if (realpath(path, resolved))
        return DUCKROW_OK;
    if (errno != ENOENT)
        return dr_fail_access(db, errno, path, error);
    const char *name = strrchr(path, '/');
    char parent[PATH_MAX] = ".";
    if (name) {
        size_t n = name == path ? 1 : (size_t)(name - path);
        memcpy(parent, path, n);
        parent[n] = 0;
    }
    name = name ? name + 1 : path;
    struct stat st;
    if (dr_os.lstat(path, &st) == 0)
        return dr_fail(error, DUCKROW_NOT_FOUND, "%s is a link to a file that does not exist", path);
    if (!realpath(parent, resolved))
        return dr_fail_os(error, errno, "cannot use the folder %s", parent);
    size_t n = strlen(resolved);
    if (snprintf(resolved + n, PATH_MAX - n, "%s%s", n == 1 ? "" : "/", name) >= (int)(PATH_MAX - n))
        return dr_fail_os(error, ENAMETOOLONG, "%s", path);
    return DUCKROW_OK;
}

/* data/core.duckdb → data/core.read.duckdb */
static int name_read_path(duckrow_db *db)
{
    const char *dot = strrchr(db->name, '.');
    size_t folder = strlen(db->path) - strlen(db->name),
           stem = dot && dot != db->name ? (size_t)(dot - db->name) : strlen(db->name);
    return snprintf(db->read_path, PATH_MAX, "%.*s%.*s.read%s", (int)folder, db->path, (int)stem, db->name, db->name + stem);
}

static duckrow_code name_paths(duckrow_db *db, const char *path, duckrow_error *error)
{
    /* Room for the longest path below the folder: snapshot/<generation>/<name>.wal */
    enum { BELOW = 64 };
    const char *name = strrchr(db->path, '/') + 1;
    if (!*name)
        return dr_fail(error, DUCKROW_USAGE, "%s is a folder, not a database file", path);
    if (strlen(name) + sizeof ".duckrow" > NAME_MAX || strlen(db->path) + strlen(name) + BELOW > PATH_MAX)
        return dr_fail(error, DUCKROW_USAGE, "the path is too long (%zu bytes): %.200s…", strlen(path), path);
    strcpy(db->name, name);
    snprintf(db->wal, PATH_MAX, "%s.wal", db->path);
    snprintf(db->folder, PATH_MAX, "%s.duckrow", db->path);
    name_read_path(db);
    return DUCKROW_OK;
}

duckrow_code dr_db_path(const duckrow_db *db, char path[PATH_MAX], duckrow_error *error, const char *format, ...)
{
    int n = snprintf(path, PATH_MAX, "%s/", db->folder);
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(path + n, (size_t)(PATH_MAX - n), format, arguments);
    va_end(arguments);
    return more < PATH_MAX - n ? DUCKROW_OK : dr_fail_os(error, ENAMETOOLONG, "%.200s…", path);
}

/* ---- what can be a database ---- */

duckrow_code dr_db_fail_links(const char *path, const struct stat *st, duckrow_error *error)
{
    return dr_fail(error, DUCKROW_UNSUPPORTED,
                   "%s has %lu hard links, and each would have a queue of its own: keep one name and use symbolic links", path,
                   (unsigned long)st->st_nlink);
}

/* A DuckDB file has "DUCK" after the first block's 8-byte checksum. An empty file counts: DuckDB makes a database of it. */
static duckrow_code check_file(const duckrow_db *db, const char *path, const struct stat *st, duckrow_error *error)
{
    if (S_ISDIR(st->st_mode))
        return dr_fail(error, DUCKROW_NOT_A_DATABASE, "%s is a folder, not a database file", path);
    if (!S_ISREG(st->st_mode))
        return dr_fail(error, DUCKROW_NOT_A_DATABASE, "%s is not a regular file", path);
    if (st->st_nlink > 1)
        return dr_db_fail_links(path, st, error);
    if (dr_is_mount_point(db->path))
        return dr_fail(
            error, DUCKROW_UNSUPPORTED,
            "%s is itself a mount point, so its .wal and .duckrow would not be those that others have: mount the whole "
            "folder that %s is in, not the file",
            path, db->name);
    struct dr_source *source;
    duckrow_code code = dr_source_get(db, &source, error);
    if (code || !source)
        return code;
    char magic[12];
    const char *network = dr_network_file_system(source->fd);
    if (network && !(db->options.flags & DUCKROW_NETWORK_FS))
        code = dr_fail(error, DUCKROW_UNSUPPORTED, "%s is on %s, whose locks are not reliable: move it to a local disk", path,
                       network);
    else if (st->st_size > 0 && dr_read_at(source->fd, magic, sizeof magic, 0) < 0 && errno != ENODATA)
        code = dr_fail_os(error, errno, "cannot read %s", path);
    else if (st->st_size > 0 && (st->st_size < (off_t)sizeof magic || memcmp(magic + 8, "DUCK", 4)))
        code = dr_fail(error, DUCKROW_NOT_A_DATABASE, "%s is not a DuckDB database file", path);
    dr_source_put(source);
    return code;
}

/* core.duckdb.duckrow/snapshot/42/core.duckdb, which core.read.duckdb leads to: a copy has no turn, and no folder beside it. */
static duckrow_code check_no_snapshot(const duckrow_db *db, const char *path, duckrow_error *error)
{
    const char *at = strstr(db->path, ".duckrow/snapshot/");
    if (!at)
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_UNSUPPORTED, "%s is a snapshot, for plain DuckDB to read: give duckrow the database, %.*s",
                   path, (int)(at - db->path), db->path);
}

static duckrow_code check_database(const duckrow_db *db, const char *path, duckrow_error *error)
{
    struct stat st;
    if (dr_os.stat(db->path, &st) == 0)
        return check_file(db, path, &st, error);
    if (errno != ENOENT)
        return dr_fail_access(db, errno, path, error);
    if (db->options.flags & DUCKROW_MUST_EXIST)
        return dr_fail(error, DUCKROW_NOT_FOUND, "%s does not exist", path);
    return DUCKROW_OK;
}

/* ---- the folder ---- */

void dr_db_adopt(const duckrow_db *db, int fd, mode_t allowed)
{
    struct stat st, now;
    if (dr_os.stat(db->path, &st) < 0 || dr_os.fstat(fd, &now) < 0)
        return;
    mode_t mode = st.st_mode & 0666;
    if (allowed & 0111)
        mode |= (mode & 0444) >> 2;
    mode &= allowed;
    /* The group first: whoever is in it may give it a file of his own, whatever his own first group is. */
    uid_t owner = geteuid() == 0 ? st.st_uid : now.st_uid;
    if (owner != now.st_uid || st.st_gid != now.st_gid)
        (void)!dr_os.fchown(fd, owner, st.st_gid);
    if (mode != (now.st_mode & 07777))
        dr_os.fchmod(fd, mode);
}

int dr_db_open_own(const duckrow_db *db, const char *path)
{
    int fd = dr_open(path, O_RDWR, 0);
    if (fd < 0 && (errno == EACCES || errno == EPERM) && dr_os.unlink(path) == 0)
        errno = ENOENT;
    if (fd >= 0 || errno != ENOENT)
        return fd;
    fd = dr_open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
    if (fd >= 0)
        dr_db_adopt(db, fd, 0666);
    else if (errno == EEXIST)
        fd = dr_open(path, O_RDWR, 0);
    return fd;
}

duckrow_code dr_db_make_one_folder(const duckrow_db *db, const char *path, duckrow_error *error)
{
    if (dr_os.mkdir(path, 0777) < 0)
        return errno == EEXIST ? DUCKROW_OK : dr_fail_access(db, errno, path, error);
    int fd = dr_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd >= 0)
        dr_db_adopt(db, fd, 0777);
    dr_close(fd);
    return DUCKROW_OK;
}

duckrow_code dr_db_make_folder(const duckrow_db *db, duckrow_error *error)
{
    char snapshot[PATH_MAX];
    duckrow_code code = dr_db_make_one_folder(db, db->folder, error);
    if (code == DUCKROW_OK && (code = dr_db_path(db, snapshot, error, "snapshot")) == DUCKROW_OK)
        code = dr_db_make_one_folder(db, snapshot, error);
    return code;
}

/* ---- public ---- */

static duckrow_code check_options(const duckrow_db_options *options, duckrow_error *error)
{
    if ((options->max_slots && options->max_slots < 2) || options->rest_ms < 0 || options->checkpoint_commits < 1)
        return dr_fail(error, DUCKROW_USAGE,
                       "max_slots must be 0 or at least 2, rest_ms 0 or more, checkpoint_commits 1 or more");
    return DUCKROW_OK;
}

duckrow_code duckrow_db_open(const char *path, const duckrow_db_options *options, duckrow_db **db, duckrow_error *error)
{
    static const duckrow_db_options defaults = DUCKROW_DB_OPTIONS_INIT;
    dr_error_clear(error);
    *db = NULL;
    if (!path || !*path)
        return dr_fail(error, DUCKROW_USAGE, "the path of the database is empty");
    if (strlen(path) >= PATH_MAX)
        return dr_fail(error, DUCKROW_USAGE, "the path is too long (%zu bytes): %.200s…", strlen(path), path);
    duckrow_db *opened = calloc(1, sizeof *opened);
    if (!opened)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    opened->options = options ? *options : defaults;
    opened->interrupt = (struct dr_interrupt){opened->options.interrupted, opened->options.context, opened->options.interrupt_fd};
    opened->forks = dr_fork_count();
    duckrow_process self = {0};
    dr_process_describe(getpid(), &self);
    snprintf(opened->command, sizeof opened->command, "%s", opened->options.command ? opened->options.command : self.command);
    duckrow_code code = check_options(&opened->options, error);
    if (code == DUCKROW_OK)
        code = resolve(opened, path, error);
    /* DuckDB puts the .wal of such a file before the question mark, as for a URL, and we would look for it elsewhere. */
    if (code == DUCKROW_OK && strchr(opened->path, '?'))
        code =
            dr_fail(error, DUCKROW_UNSUPPORTED, "%s: DuckDB takes what follows ? in a path for something else; rename it", path);
    if (code == DUCKROW_OK)
        code = check_no_snapshot(opened, path, error);
    if (code == DUCKROW_OK)
        code = name_paths(opened, path, error);
    if (code == DUCKROW_OK)
        code = check_database(opened, path, error);
    if (code) {
        free(opened);
        return code;
    }
    *db = opened;
    return DUCKROW_OK;
}

void duckrow_db_close(duckrow_db *db)
{
    free(db);
}

const char *duckrow_db_path(const duckrow_db *db)
{
    return db->path;
}

const char *duckrow_db_read_path(const duckrow_db *db)
{
    return db->read_path;
}

const char *duckrow_db_folder(const duckrow_db *db)
{
    return db->folder;
}

int duckrow_db_exists(const duckrow_db *db)
{
    struct stat st;
    return dr_os.stat(db->path, &st) == 0 && st.st_size > 0;
}
