#include "attached.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/os.h"
#include "engine/sqltext.h"
#include "signals.h"

struct dr_attached {
    struct dr_attached *next;
    struct dr_work work;
    char *name;
    int writes, asked; /* asked: READ_ONLY was said */
};

void dr_warn_unpublished(const duckrow_error *error)
{
    if (error->code && error->code != DUCKROW_NO_SNAPSHOT)
        dr_warn("what was committed stays, but the snapshot could not be renewed, so readers wait for writers: %s",
                error->message);
}

/* ---- ending ---- */

/* What DuckDB keeps open keeps its turn or its slot until the host is closed. */
static void give_up(struct dr_attached *attached)
{
    duckrow_error error = {0};
    if (attached->writes && attached->work.turn && dr_work_publish(&attached->work, 1, NULL, &error))
        dr_warn_unpublished(&error);
    dr_work_release(&attached->work);
    dr_session_close(attached->work.session);
    attached->work.session = NULL;
}

static void drop(struct dr_attachments *all, struct dr_attached *attached)
{
    for (struct dr_attached **at = &all->first; *at; at = &(*at)->next) {
        if (*at == attached) {
            *at = attached->next;
            break;
        }
    }
    dr_work_close(&attached->work);
    dr_signals_watch(all->host->session);
    free(attached->name);
    free(attached);
}

void dr_attached_end(struct dr_attachments *all)
{
    for (struct dr_attached *attached = all->first; attached; attached = attached->next)
        give_up(attached);
}

void dr_attached_close(struct dr_attachments *all)
{
    while (all->first)
        drop(all, all->first);
}

static struct dr_attached *find(const struct dr_attachments *all, const char *name)
{
    struct dr_attached *attached = all->first;
    while (attached && (!attached->work.session || strcasecmp(attached->name, name) != 0))
        attached = attached->next;
    return attached;
}

void dr_attached_detached(struct dr_attachments *all, const char *name)
{
    struct dr_attached *attached = find(all, name);
    if (!attached)
        return;
    free(attached->work.session->catalog);
    attached->work.session->catalog = NULL;
    give_up(attached);
    if (!attached->work.turn)
        drop(all, attached);
}

duckrow_code dr_attached_guard(struct dr_attachments *all, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    for (struct dr_attached *attached = all->first; attached && !code; attached = attached->next)
        if (attached->work.turn)
            code = duckrow_turn_guard(attached->work.turn, error);
    return code;
}

const char *dr_attached_meant(const struct dr_attachments *all, const char *message)
{
    for (const struct dr_attached *attached = all->first; attached; attached = attached->next) {
        char *quoted = attached->asked || attached->writes ? NULL : dr_sql_quote(attached->name, '"');
        int found = quoted && strstr(message, quoted);
        free(quoted);
        if (found)
            return attached->name;
    }
    return NULL;
}

/* ---- attaching ---- */

/* As DuckDB, which takes no file twice; waiting for our own turn would not end well either. */
static duckrow_code check_twice(const struct dr_attachments *all, const duckrow_db *db, const char *name, duckrow_error *error)
{
    const char *path = duckrow_db_path(db), *other = NULL;
    if (all->host->db && strcmp(duckrow_db_path(all->host->db), path) == 0)
        other = all->host->session->catalog ? all->host->session->catalog : "the database of this command";
    for (struct dr_attached *attached = all->first; attached && !other; attached = attached->next)
        if (strcmp(duckrow_db_path(attached->work.db), path) == 0)
            other = attached->name;
    if (!other)
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_SQL, "cannot attach %s as %s: it is attached already, as %s", path, name, other);
}

static duckrow_code open_to_write(struct dr_work *work, duckrow_error *error)
{
    duckrow_code code = dr_work_take(work, "write", error);
    if (!code)
        code = dr_work_attach(work, error);
    /* Until the snapshot is level readers wait for us. What keeps it from that will be told at the end. */
    if (!code && !duckrow_turn_level(work->turn))
        dr_work_publish(work, 0, NULL, NULL);
    return code;
}

static duckrow_code open_work(struct dr_attachments *all, const struct dr_attach *statement, struct dr_attached *attached,
                              duckrow_error *error)
{
    struct dr_work *work = &attached->work;
    struct dr_options options = {.database = statement->path};
    duckrow_code code = dr_work_open_database(work, &options, attached->writes ? 0 : DUCKROW_MUST_EXIST, error);
    if (!code)
        code = check_twice(all, work->db, attached->name, error);
    if (!code)
        code = dr_session_guest(all->host->session, attached->name, statement->options, &work->session, error);
    if (code)
        return code;
    work->timeout_ms = dr_session_busy_timeout(all->host->session);
    return attached->writes ? open_to_write(work, error) : dr_work_read(work, error);
}

/* *exists: is a database attached under this name? */
static duckrow_code look_up(const struct dr_attachments *all, const char *name, int *exists, duckrow_error *error)
{
    char *found = NULL, *quoted = dr_sql_quote(name, '\'');
    char *sql = quoted
                    ? dr_sql_format("SELECT database_name FROM duckdb_databases() WHERE lower(database_name) = lower(%s)", quoted)
                    : NULL;
    duckrow_code code =
        sql ? dr_session_text(all->host->session, sql, &found, error) : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    *exists = found != NULL;
    free(found);
    free(quoted);
    free(sql);
    return code;
}

static duckrow_code replace(struct dr_attachments *all, const char *name, duckrow_error *error)
{
    char *quoted = dr_sql_quote(name, '"'), *sql = quoted ? dr_sql_format("DETACH %s", quoted) : NULL;
    duckrow_code code = sql ? dr_session_run(all->host->session, sql, error) : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    free(quoted);
    free(sql);
    if (!code)
        dr_attached_detached(all, name);
    return code;
}

/* Owns name. */
static duckrow_code attach(struct dr_attachments *all, const struct dr_attach *statement, char *name, duckrow_error *error)
{
    int exists;
    duckrow_code code = look_up(all, name, &exists, error);
    if (!code && exists && statement->or_replace)
        code = replace(all, name, error);
    else if (!code && exists && !statement->if_not_exists)
        code = dr_fail(error, DUCKROW_SQL, "cannot attach %s: a database is attached as %s already", statement->path, name);
    struct dr_attached *attached = code || (exists && statement->if_not_exists) ? NULL : calloc(1, sizeof *attached);
    if (!attached) {
        free(name);
        return code || (exists && statement->if_not_exists) ? code : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    }
    attached->name = name;
    attached->asked = statement->read_only == 1;
    attached->writes = all->write && statement->read_only != 1;
    code = open_work(all, statement, attached, error);
    if (code) {
        drop(all, attached);
        return code;
    }
    attached->next = all->first;
    all->first = attached;
    return DUCKROW_OK;
}

duckrow_code dr_attached_attach(struct dr_attachments *all, const struct dr_attach *statement, duckrow_error *error)
{
    if (statement->read_only == 0 && !all->write)
        return dr_fail(error, DUCKROW_READ_ONLY, "this ATTACH asks to write to %s: add --write", statement->path);
    char *name = statement->alias ? strdup(statement->alias) : dr_attach_name(statement->path);
    if (!name)
        return dr_fail(error, DUCKROW_SQL, "DuckDB has no name for the database in %s: add AS name", statement->path);
    return attach(all, statement, name, error);
}
