/* duckrow doctor: looks at everything that a database depends on. Each check adds lines: ok, or what to do. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/json.h"
#include "core/slot.h"
#include "core/space.h"
#include "file.h"
#include "work.h"

struct doctor {
    struct dr_work work;
    const struct dr_options *options;
    duckrow_status status;
    struct dr_json json;
    int as_json, problems;
};

/* fix NULL: all is well. */
static void DR_PRINTF(4, 5) say(struct doctor *doctor, const char *check, const char *fix, const char *format, ...)
{
    char found[2 * PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(found, sizeof found, format, arguments);
    va_end(arguments);
    doctor->problems += fix != NULL;
    if (!doctor->as_json) {
        printf("%-3s %-12s %s%s%s\n", fix ? "DO" : "ok", check, found, fix ? ": " : "", fix ? fix : "");
        return;
    }
    dr_json_open(&doctor->json, NULL, '{');
    dr_json_string(&doctor->json, "check", check);
    dr_json_bool(&doctor->json, "ok", fix == NULL);
    dr_json_string(&doctor->json, "found", found);
    if (fix)
        dr_json_string(&doctor->json, "fix", fix);
    else
        dr_json_null(&doctor->json, "fix");
    dr_json_close(&doctor->json, '}');
}

/* ---- the place ---- */

static void check_file_system(struct doctor *doctor)
{
    struct dr_source *source;
    const duckrow_db *db = doctor->work.db;
    if (dr_source_get(db, &source, NULL) || !source)
        return;
    const char *network = dr_network_file_system(source->fd);
    dr_source_put(source);
    if (network)
        say(doctor, "file system", "move the database to a local disk", "%s is on %s, whose locks are not reliable", db->path,
            network);
    else
        say(doctor, "file system", NULL, "local, with locks");
}

static void check_space(struct doctor *doctor)
{
    struct statvfs space;
    struct stat st;
    char left[32], size[32], cost[32];
    const duckrow_db *db = doctor->work.db;
    if (stat(db->path, &st) < 0 || statvfs(db->path, &space) < 0)
        return;
    int64_t available = (int64_t)space.f_bavail * (int64_t)space.f_frsize;
    say(doctor, "space",
        available < st.st_size ? "make room for one more copy: without it a busy snapshot can't be renewed" : NULL,
        "%s free; the database has %s, its .duckrow folder %s", dr_space_text(available, left), dr_space_text(st.st_size, size),
        dr_space_text(doctor->status.bytes, cost));
}

/* ---- permissions ---- */

/* The bits that a folder needs to let the same people in as the file. */
static mode_t as_folder(mode_t mode)
{
    return (mode & 0777) | ((mode & 0444) >> 2);
}

static void check_like(struct doctor *doctor, const struct stat *database, const char *path, mode_t wanted)
{
    struct stat st;
    char fix[PATH_MAX + 64];
    if (stat(path, &st) < 0)
        return;
    if (st.st_gid != database->st_gid) {
        snprintf(fix, sizeof fix, "chgrp -R --reference=%s %s", doctor->work.db->path, doctor->work.db->folder);
        say(doctor, "permissions", fix, "%s is of another group than the database", path);
    } else if ((st.st_mode & wanted) != wanted) {
        snprintf(fix, sizeof fix, "chmod %03o %s", (unsigned)((st.st_mode | wanted) & 0777), path);
        say(doctor, "permissions", fix, "%s has mode %03o: users of the database can't queue", path,
            (unsigned)(st.st_mode & 0777));
    }
}

static void check_permissions(struct doctor *doctor)
{
    const duckrow_db *db = doctor->work.db;
    struct stat st, parent;
    char folder[PATH_MAX], path[PATH_MAX], fix[PATH_MAX + 64];
    int before = doctor->problems;
    dr_folder_of(db->path, folder);
    if (stat(db->path, &st) < 0 || stat(folder, &parent) < 0)
        return;
    check_like(doctor, &st, db->folder, as_folder(st.st_mode));
    if (dr_db_path(db, path, NULL, "turn") == DUCKROW_OK)
        check_like(doctor, &st, path, st.st_mode & 0666);
    if (dr_db_path(db, path, NULL, "snapshot") == DUCKROW_OK)
        check_like(doctor, &st, path, as_folder(st.st_mode));
    if ((st.st_mode & S_IWGRP) && (parent.st_gid != st.st_gid || (parent.st_mode & (S_IWGRP | S_IXGRP)) != (S_IWGRP | S_IXGRP))) {
        snprintf(fix, sizeof fix, "chgrp %u %s && chmod g+rwxs %s", (unsigned)st.st_gid, folder, folder);
        say(doctor, "permissions", fix, "the group may write %s, but not %s, where DuckDB makes the WAL", db->name, folder);
    }
    if (access(db->path, R_OK) < 0)
        say(doctor, "permissions", "ask its owner", "you may not read %s", db->path);
    else if (access(db->path, W_OK) < 0 || access(folder, W_OK) < 0)
        say(doctor, "permissions", NULL, "you may read %s, and not write it", db->path);
    else if (doctor->problems == before)
        say(doctor, "permissions", NULL, "you may read and write; folders and files let the same users in as the database");
}

/* ---- the engine ---- */

/* Without waiting and without changing anything: the current snapshot, though it may be old, else a turn shared with nobody. */
static duckrow_code open_something(struct dr_work *work, duckrow_error *error)
{
    char path[PATH_MAX];
    struct dr_slot slot;
    int64_t generation = dr_slot_current(work->db);
    if (generation >= 0 && dr_slot_read(work->db, generation, &slot) && dr_slot_sound(work->db, &slot, 1) &&
        dr_slot_path(work->db, generation, work->db->name, path, NULL) == DUCKROW_OK)
        return dr_session_attach(work->session, path, work->db->path, 0, error);
    duckrow_code code = duckrow_turn_take(work->db, DUCKROW_SHARED, "read", 0, &work->turn, error);
    return code ? code : dr_session_attach(work->session, work->db->path, work->db->path, 0, error);
}

static void check_version(struct doctor *doctor)
{
    struct dr_work *work = &doctor->work;
    duckrow_error error = {0};
    char *version = NULL;
    if (dr_session_storage_version(work->session, &version, &error) == DUCKROW_OK) {
        int old = strncmp(version, "v1.", 3) == 0 && version[3] < '4' && version[4] == '.';
        say(doctor, "storage", NULL, "%s%s", version,
            old ? ", where a WAL put beside the wrong file is not noticed; duckrow upgrade makes it v1.4.0"
            : strncmp(version, "v1.", 3) ? ", which DuckDB 1.5 can't read; duckrow upgrade makes it v1.4.0"
                                         : "");
    }
    free(version);
}

static void check_engine(struct doctor *doctor)
{
    struct dr_work *work = &doctor->work;
    duckrow_error error = {0};
    if (dr_work_open_engine(work, doctor->options, &error)) {
        say(doctor, "engine", "see duckrow version", "%s", error.message);
        return;
    }
    say(doctor, "engine", NULL, "DuckDB %s (%s)", work->engine->version,
        *work->engine->path ? work->engine->path : "in this process");
    if (!duckrow_db_exists(work->db))
        return;
    if (dr_work_encrypted(work)) {
        say(doctor, "reading", NULL, "encrypted: no snapshots, readers share turns, and only SQL with its key opens it");
        return;
    }
    duckrow_code code = open_something(work, &error);
    if (code == DUCKROW_BUSY)
        say(doctor, "reading", NULL, "not tried: there is no snapshot, and the file is in use");
    else if (code)
        say(doctor, "reading", code == DUCKROW_UNSUPPORTED ? "use a newer DuckDB" : "restore it from a copy", "%s",
            error.message);
    else
        say(doctor, "reading", NULL, "this DuckDB reads the database");
    if (!code)
        check_version(doctor);
    dr_work_release(work);
}

/* ---- who uses it ---- */

static void check_turn(struct doctor *doctor)
{
    const duckrow_status *status = &doctor->status;
    const duckrow_process *holder = &status->holder;
    char fix[128];
    if (!status->held || status->shared) {
        say(doctor, "turn", NULL, "%s", status->held ? "shared by readers" : "free");
        return;
    }
    int stopped = holder->pid > 0 && dr_process_state(holder->pid) == 'T';
    snprintf(fix, sizeof fix, "let it go on (kill -CONT %lld) or end it", (long long)holder->pid);
    say(doctor, "turn", stopped ? fix : NULL, "held by %lld (%.200s), %s%s, %d waiting", (long long)holder->pid, holder->command,
        holder->kind, stopped ? ", which is stopped" : "", status->waiting);
}

static void check_strangers(struct doctor *doctor)
{
    const duckrow_status *status = &doctor->status;
    for (int i = 0; i < status->strangers; i++)
        say(doctor, "strangers", "let it use duckrow, or run it under duckrow hold, or let it read the path below",
            "%lld (%.200s) uses the file without duckrow", (long long)status->stranger[i].pid, status->stranger[i].command);
    if (!status->strangers)
        say(doctor, "strangers", NULL, "nobody has the file open without duckrow");
}

/* ---- the snapshot ---- */

static void check_snapshot(struct doctor *doctor)
{
    const duckrow_status *status = &doctor->status;
    int before = doctor->problems, encrypted = dr_work_encrypted(&doctor->work);
    if (status->exists && !encrypted && !status->fresh)
        say(doctor, "snapshot", "duckrow publish, or the next reader does",
            status->generation < 0 ? "there is none" : "it is older than the file");
    for (int i = 0; i < status->slots; i++)
        if (!status->slot[i].complete && !status->held && !status->slot[i].readers)
            say(doctor, "snapshot", "duckrow publish makes it anew when its turn comes",
                "slot %lld is incomplete, of a killed writer or another boot", (long long)status->slot[i].generation);
    if (doctor->problems == before)
        say(doctor, "snapshot", NULL, "%s, %d slots", encrypted ? "none, as it is encrypted" : "fresh", status->slots);
}

static void check_link(struct doctor *doctor)
{
    const duckrow_db *db = doctor->work.db;
    char target[PATH_MAX];
    struct stat st;
    if (dr_work_encrypted(&doctor->work))
        return;
    if (lstat(db->read_path, &st) < 0)
        say(doctor, "read path", "duckrow path makes it", "%s is missing", db->read_path);
    else if (!S_ISLNK(st.st_mode))
        say(doctor, "read path", "remove or rename it, then duckrow path", "%s is a file of yours, not the link to the snapshot",
            db->read_path);
    else if (!realpath(db->read_path, target))
        say(doctor, "read path", "duckrow publish", "%s leads nowhere", db->read_path);
    else if (strncmp(target, db->folder, strlen(db->folder)) != 0)
        say(doctor, "read path", "remove or rename it, then duckrow path", "%s leads to %s", db->read_path, target);
    else
        say(doctor, "read path", NULL, "%s", db->read_path);
}

/* ---- what was left ---- */

/* core.duckdb.tmp.<pid>.…: where DuckDB spilled for a process that is gone. */
static int count_scratch(const duckrow_db *db, char *one, size_t size)
{
    char folder[PATH_MAX], prefix[NAME_MAX + 8];
    int count = 0;
    dr_folder_of(db->path, folder);
    int length = snprintf(prefix, sizeof prefix, "%s.tmp.", db->name);
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        long pid = strncmp(entry->d_name, prefix, (size_t)length) ? 0 : strtol(entry->d_name + length, NULL, 10);
        if (pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
            continue;
        count++;
        snprintf(one, size, "%s/%s", folder, entry->d_name);
    }
    if (entries)
        closedir(entries);
    return count;
}

static void check_leftovers(struct doctor *doctor)
{
    const duckrow_db *db = doctor->work.db;
    char one[2 * PATH_MAX], folder[PATH_MAX + 2];
    int before = doctor->problems;
    dr_folder_of(db->path, folder);
    strcat(folder, "/");
    int copies = dr_making_leftovers(folder, "copy", 1),
        upgrades = doctor->status.held ? 0 : dr_making_leftovers(db->path, "upgrade", 1),
        scratch = count_scratch(db, one, sizeof one);
    if (copies)
        say(doctor, "leftovers", "remove it", "%d of killed copies: %s*.duckrow-copy.*", copies, folder);
    if (upgrades)
        say(doctor, "leftovers", "remove it, or the next upgrade does", "%d of killed upgrades: %s.duckrow-upgrade.*", upgrades,
            db->path);
    if (scratch)
        say(doctor, "leftovers", "remove it", "%d folders of killed processes, such as %s", scratch, one);
    if (doctor->problems == before)
        say(doctor, "leftovers", NULL, "none");
}

/* ---- the command ---- */

static void check_all(struct doctor *doctor)
{
    char size[32];
    struct stat st = {0};
    stat(doctor->work.db->path, &st);
    say(doctor, "database", NULL, "%s, %s", doctor->work.db->path, dr_space_text(st.st_size, size));
    check_file_system(doctor);
    check_permissions(doctor);
    check_space(doctor);
    check_engine(doctor);
    check_turn(doctor);
    check_strangers(doctor);
    check_snapshot(doctor);
    check_link(doctor);
    check_leftovers(doctor);
}

static duckrow_code examine(struct doctor *doctor, duckrow_error *error)
{
    duckrow_code code = dr_work_open_database(&doctor->work, doctor->options, DUCKROW_MUST_EXIST | DUCKROW_NETWORK_FS, error);
    /* A place where duckrow refuses to work: that is the finding. */
    if (code == DUCKROW_UNSUPPORTED || code == DUCKROW_NOT_A_DATABASE) {
        say(doctor, "database", error->message, "%s", doctor->options->database);
        return DUCKROW_OK;
    }
    if (!code)
        code = duckrow_status_read(doctor->work.db, &doctor->status, error);
    if (!code)
        check_all(doctor);
    return code;
}

static int finish(struct doctor *doctor)
{
    if (doctor->as_json) {
        dr_json_close(&doctor->json, ']');
        if (doctor->json.failed)
            return duckrow_code_exit_status(DUCKROW_NO_MEMORY);
        puts(doctor->json.text);
    }
    int status = dr_end_printing();
    return status ? status : doctor->problems ? 1 : 0;
}

static int run_doctor(const struct dr_options *options)
{
    struct doctor *doctor = calloc(1, sizeof *doctor);
    duckrow_error error = {0};
    if (!doctor) {
        dr_fail(&error, DUCKROW_NO_MEMORY, "out of memory");
        return dr_report(&error);
    }
    doctor->options = options;
    doctor->as_json = options->json;
    dr_json_open(&doctor->json, NULL, '[');
    duckrow_code code = examine(doctor, &error);
    int status = code ? dr_report(&error) : finish(doctor);
    dr_work_close(&doctor->work);
    free(doctor->json.text);
    free(doctor);
    return status;
}

const struct dr_command dr_command_doctor = {
    "doctor",
    "doctor [--json] [--engine FILE] DB",
    "look at everything that a database depends on",
    "Looks at the file system, permissions, space, the engine and whether it reads the file, the storage version, who uses the "
    "file,\n"
    "the snapshot and its link, and what killed processes left. Each line is ok, or DO and what to do. Waits for nothing and\n"
    "changes nothing. Ends with 0 when all is ok, else with 1.\n"
    "\n"
    "  --json         an array of objects: check, ok, found, fix (null where ok)\n"
    "  --engine FILE  the libduckdb.so to use; default: DUCKROW_ENGINE, then the loader's path\n",
    DR_TAKES_JSON | DR_TAKES_ENGINE | DR_TAKES_DATABASE,
    run_doctor,
};
