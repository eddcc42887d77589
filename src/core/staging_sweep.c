/* What goes from staging by itself: what was left in .tmp; reasons whose file has left quarantine; and ingested files, where they are kept for
 * a time. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "staging.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, JUMP_MS = 60 * 1000 };

/* Calls `visit` for what is in a folder; names are those below staging/. Links to folders are not followed. */
static void for_each(const duckrow_db *db, const char *folder, void (*visit)(const duckrow_db *, const char *, int64_t),
                     int64_t keep_ms)
{
    char path[PATH_MAX], name[PATH_MAX];
    struct stat st;
    if (dr_staging_path(db, path, NULL, "%s", folder) || dr_os.lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return;
    DIR *opened = opendir(path);
    if (!opened)
        return;
    for (struct dirent *entry; (entry = readdir(opened));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
            snprintf(name, sizeof name, "%s/%s", folder, entry->d_name) < (int)sizeof name)
            visit(db, name, keep_ms);
    closedir(opened);
}

static void remove_file(const duckrow_db *db, const char *name, int64_t then_ms, int by_change)
{
    char path[PATH_MAX];
    struct stat st;
    if (dr_staging_path(db, path, NULL, "%s", name) || dr_os.lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    const struct timespec *at = by_change ? &st.st_ctim : &st.st_mtim;
    if ((int64_t)at->tv_sec * 1000 + at->tv_nsec / 1000000 < then_ms)
        dr_os.unlink(path);
}

/* ---- .tmp ---- */

static void visit_temporary(const duckrow_db *db, const char *name, int64_t keep_ms)
{
    remove_file(db, name, dr_calendar_ms() - keep_ms, 0);
}

/* A reason is written before its file comes, and goes after it. */
static void visit_reason(const duckrow_db *db, const char *name, int64_t keep_ms)
{
    static const char ending[] = ".error";
    char path[PATH_MAX];
    struct stat st;
    size_t n = strlen(name), ends = sizeof ending - 1;
    if (n > ends && strcmp(name + n - ends, ending) == 0 && !dr_staging_path(db, path, NULL, "%.*s", (int)(n - ends), name) &&
        dr_os.lstat(path, &st) < 0 && errno == ENOENT)
        remove_file(db, name, dr_calendar_ms() - keep_ms, 0);
}

static void visit_quarantine(const duckrow_db *db, const char *name, int64_t keep_ms)
{
    for_each(db, name, visit_reason, keep_ms);
}

void dr_staging_sweep(const duckrow_db *db)
{
    for_each(db, ".tmp", visit_temporary, DAY_MS);
    for_each(db, DR_STAGING_QUARANTINE, visit_quarantine, DAY_MS);
}

/* ---- done ---- */

/* Renaming changes a file's ctime, so that is when it was ingested, by the clock of then. */
static void visit_done(const duckrow_db *db, const char *name, int64_t keep_ms)
{
    remove_file(db, name, dr_calendar_ms() - keep_ms, 1);
}

static void visit_date(const duckrow_db *db, const char *name, int64_t keep_ms)
{
    char path[PATH_MAX];
    struct tm date = {0};
    const char *end = strptime(strrchr(name, '/') + 1, "%Y-%m-%d", &date);
    int64_t age = end && !*end ? dr_calendar_ms() - (int64_t)timegm(&date) * 1000 : -1;
    if (age <= keep_ms)
        return;
    for_each(db, name, visit_done, keep_ms);
    /* Fails while there is something in it. One of today is about to get more. */
    if (age > keep_ms + DAY_MS && !dr_staging_path(db, path, NULL, "%s", name))
        dr_os.rmdir(path);
}

static void visit_table(const duckrow_db *db, const char *name, int64_t keep_ms)
{
    for_each(db, name, visit_date, keep_ms);
}

/* done/.clock: "boot offset hold": what the clock was ahead of the time since boot, in which nothing jumps; and until when nothing is
 * removed. A clock that has jumped says nothing about the age of a file, so after that files stay for as long as new ones would. */
static int is_clock_steady(const duckrow_db *db, int64_t keep_ms)
{
    char path[PATH_MAX], text[128] = "", boot[64], end = 0;
    long long offset = 0, hold = 0;
    struct stat st;
    int64_t now = dr_calendar_ms(), offset_now = now - dr_clock_ms();
    if (dr_staging_path(db, path, NULL, DR_STAGING_DONE "/.clock"))
        return 0;
    int fd = dr_db_open_own(db, path);
    if (fd < 0)
        return 0;
    int known = dr_os.fstat(fd, &st) == 0 && st.st_size < (off_t)sizeof text &&
                dr_read_at(fd, text, (size_t)st.st_size, 0) == 0 &&
                sscanf(text, "%63s %lld %lld%c", boot, &offset, &hold, &end) == 4 && end == '\n';
    int same = known && strcmp(boot, dr_boot_id()) == 0;
    int jumped = !known || (same && (offset_now - offset > JUMP_MS || offset - offset_now > JUMP_MS));
    if (jumped || hold > now + keep_ms)
        hold = now + keep_ms;
    if (jumped || !same) {
        int length = snprintf(text, sizeof text, "%s %lld %lld\n", dr_boot_id(), (long long)offset_now, hold);
        if (dr_os.ftruncate(fd, 0) < 0 || dr_write_at(fd, text, (size_t)length, 0) < 0)
            hold = now + keep_ms;
    }
    dr_close(fd);
    return now >= hold;
}

void dr_staging_sweep_done(const duckrow_db *db, int64_t keep_ms)
{
    char path[PATH_MAX];
    struct stat st;
    if (keep_ms > 0 && !dr_staging_path(db, path, NULL, DR_STAGING_DONE) && dr_os.stat(path, &st) == 0 &&
        is_clock_steady(db, keep_ms))
        for_each(db, DR_STAGING_DONE, visit_table, keep_ms);
}
