/* Database, Turn and Snapshot: one object for each handle of duckrow.h. */
#include "handles.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void dr_node_db_release(struct dr_node_db *database)
{
    if (--database->users > 0)
        return;
    duckrow_db_close(database->db);
    if (database->wake >= 0)
        close(database->wake);
    free(database);
}

static void database_finalize(napi_env env, void *data, void *hint)
{
    (void)env;
    (void)hint;
    dr_node_db_release(data);
}

static napi_value closed(napi_env env, const char *what)
{
    napi_throw_error(env, NULL, what);
    return NULL;
}

/* ---- what Turn, Snapshot and Stage have in common ---- */

static void handle_finalize(napi_env env, void *data, void *hint)
{
    (void)env;
    (void)hint;
    struct dr_node_handle *self = data;
    self->end(self->handle);
    dr_node_db_release(self->database);
    free(self);
}

napi_value dr_node_make_handle(napi_env env, napi_ref constructor, struct dr_node_db *database, void *handle,
                               void (*end)(void *handle))
{
    struct dr_node_handle *made = calloc(1, sizeof *made);
    if (!made) {
        end(handle);
        return closed(env, "out of memory");
    }
    *made = (struct dr_node_handle){.database = database, .handle = handle, .end = end};
    database->users++;
    return dr_node_make(env, constructor, made, handle_finalize);
}

static void end_turn(void *turn)
{
    duckrow_turn_release(turn);
}

static void end_snapshot(void *snapshot)
{
    duckrow_snapshot_unpin(snapshot);
}

/* ---- Snapshot ---- */

static struct dr_node_handle *snapshot_of(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    return dr_call_read(env, info, &call) < 0 ? NULL : dr_node_unwrap(env, call.self);
}

static duckrow_snapshot *open_snapshot(napi_env env, napi_callback_info info)
{
    struct dr_node_handle *pinned = snapshot_of(env, info);
    if (pinned && !pinned->handle)
        closed(env, "the snapshot is closed");
    return pinned ? pinned->handle : NULL;
}

static napi_value snapshot_unpin(napi_env env, napi_callback_info info)
{
    struct dr_node_handle *pinned = snapshot_of(env, info);
    if (!pinned)
        return NULL;
    duckrow_snapshot_unpin(pinned->handle);
    pinned->handle = NULL;
    return dr_nothing(env);
}

static napi_value snapshot_check(napi_env env, napi_callback_info info)
{
    struct dr_node_handle *pinned = snapshot_of(env, info);
    return pinned ? dr_flag(env, pinned->handle && duckrow_snapshot_check(pinned->handle, NULL) == DUCKROW_OK) : NULL;
}

static napi_value snapshot_path(napi_env env, napi_callback_info info)
{
    duckrow_snapshot *snapshot = open_snapshot(env, info);
    return snapshot ? dr_text(env, duckrow_snapshot_path(snapshot)) : NULL;
}

static napi_value snapshot_sequence(napi_env env, napi_callback_info info)
{
    duckrow_snapshot *snapshot = open_snapshot(env, info);
    return snapshot ? dr_number(env, duckrow_snapshot_sequence(snapshot)) : NULL;
}

static napi_value snapshot_published_at(napi_env env, napi_callback_info info)
{
    duckrow_snapshot *snapshot = open_snapshot(env, info);
    return snapshot ? dr_number(env, duckrow_snapshot_published_at(snapshot)) : NULL;
}

/* ---- Turn ---- */

/* One that is held, and that no job is working with. */
static struct dr_node_handle *turn_of(napi_env env, napi_callback_info info, struct dr_call *call)
{
    struct dr_node_handle *taken = dr_call_read(env, info, call) < 0 ? NULL : dr_node_unwrap(env, call->self);
    if (!taken)
        return NULL;
    if (!taken->handle)
        closed(env, "the turn is given up");
    else if (taken->working)
        closed(env, "the turn is at work");
    return taken->handle && !taken->working ? taken : NULL;
}

static napi_value turn_release(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    struct dr_node_handle *taken = dr_call_read(env, info, &call) < 0 ? NULL : dr_node_unwrap(env, call.self);
    if (!taken)
        return NULL;
    if (taken->working)
        return closed(env, "the turn is at work");
    duckrow_turn_release(taken->handle);
    taken->handle = NULL;
    return dr_nothing(env);
}

static napi_value turn_guard(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    duckrow_error error;
    struct dr_node_handle *taken = turn_of(env, info, &call);
    if (!taken)
        return NULL;
    return duckrow_turn_guard(taken->handle, &error) ? dr_node_throw(env, &error) : dr_nothing(env);
}

static napi_value turn_moved(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    struct dr_node_handle *taken = turn_of(env, info, &call);
    return taken ? dr_flag(env, duckrow_turn_moved(taken->handle)) : NULL;
}

static napi_value turn_open_files(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    struct dr_node_handle *taken = turn_of(env, info, &call);
    return taken ? dr_number(env, duckrow_turn_open_files(taken->handle)) : NULL;
}

static napi_value turn_wanted(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    struct dr_node_handle *taken = turn_of(env, info, &call);
    return taken ? dr_number(env, duckrow_turn_wanted(taken->handle)) : NULL;
}

static napi_value turn_level(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    struct dr_node_handle *taken = turn_of(env, info, &call);
    return taken ? dr_flag(env, duckrow_turn_level(taken->handle)) : NULL;
}

struct publish_job {
    struct dr_job job;
    struct dr_node_handle *taken;
    duckrow_plan plan;
    duckrow_published published;
};

static void run_begin(struct dr_job *job)
{
    struct publish_job *self = (struct publish_job *)job;
    job->code = duckrow_publish_begin(self->taken->handle, 0, &self->plan, &job->error);
}

static void run_end(struct dr_job *job)
{
    struct publish_job *self = (struct publish_job *)job;
    job->code = duckrow_publish_end(self->taken->handle, &self->published, &job->error);
}

static napi_value begin_result(napi_env env, struct dr_job *job)
{
    struct publish_job *self = (struct publish_job *)job;
    return dr_flag(env, self->plan.checkpoint);
}

static napi_value end_result(napi_env env, struct dr_job *job)
{
    struct publish_job *self = (struct publish_job *)job;
    return dr_number(env, self->published.sequence);
}

static napi_value publish(napi_env env, napi_callback_info info, void (*run)(struct dr_job *),
                          napi_value (*result)(napi_env, struct dr_job *))
{
    struct dr_call call;
    struct dr_node_handle *taken = turn_of(env, info, &call);
    struct publish_job *job = taken ? dr_job_new(env, sizeof *job, call.self) : NULL;
    if (!job)
        return NULL;
    job->taken = taken;
    job->job.busy = &taken->working;
    job->job.run = run;
    job->job.result = result;
    return dr_job_start(env, &job->job);
}

static napi_value turn_begin(napi_env env, napi_callback_info info)
{
    return publish(env, info, run_begin, begin_result);
}

static napi_value turn_end(napi_env env, napi_callback_info info)
{
    return publish(env, info, run_end, end_result);
}

/* ---- Database ---- */

struct wait_job {
    struct dr_job job;
    struct dr_node_db *database;
    duckrow_turn_mode mode;
    char kind[DUCKROW_KIND_SIZE];
    int64_t timeout;
    duckrow_turn *turn;
    duckrow_snapshot *snapshot;
    char *json;
};

static void wake(struct dr_job *job)
{
    const struct wait_job *self = (struct wait_job *)job;
    eventfd_write(self->database->wake, 1);
}

static void run_take(struct dr_job *job)
{
    struct wait_job *self = (struct wait_job *)job;
    job->code = duckrow_turn_take(self->database->db, self->mode, self->kind, self->timeout, &self->turn, &job->error);
}

static napi_value take_result(napi_env env, struct dr_job *job)
{
    struct wait_job *self = (struct wait_job *)job;
    return dr_node_make_handle(env, job->node->turn, self->database, self->turn, end_turn);
}

static void discard_take(struct dr_job *job)
{
    duckrow_turn_release(((struct wait_job *)job)->turn);
}

static void run_pin(struct dr_job *job)
{
    struct wait_job *self = (struct wait_job *)job;
    job->code = duckrow_snapshot_pin(self->database->db, self->timeout, &self->snapshot, &job->error);
}

static napi_value pin_result(napi_env env, struct dr_job *job)
{
    struct wait_job *self = (struct wait_job *)job;
    return dr_node_make_handle(env, job->node->snapshot, self->database, self->snapshot, end_snapshot);
}

static void discard_pin(struct dr_job *job)
{
    duckrow_snapshot_unpin(((struct wait_job *)job)->snapshot);
}

static void run_status(struct dr_job *job)
{
    struct wait_job *self = (struct wait_job *)job;
    job->code = duckrow_status_json(self->database->db, &self->json, &job->error);
}

static napi_value status_result(napi_env env, struct dr_job *job)
{
    struct wait_job *self = (struct wait_job *)job;
    napi_value text = dr_text(env, self->json);
    duckrow_free(self->json);
    return text;
}

static void discard_status(struct dr_job *job)
{
    duckrow_free(((struct wait_job *)job)->json);
}

/* A job of this database. The wake of an earlier wait is over. */
static struct wait_job *database_job(napi_env env, const struct dr_call *call)
{
    struct dr_node_db *database = dr_node_unwrap(env, call->self);
    struct wait_job *job = database ? dr_job_new(env, sizeof *job, call->self) : NULL;
    eventfd_t ignored;
    if (!job)
        return NULL;
    job->database = database;
    eventfd_read(database->wake, &ignored);
    return job;
}

/* take(shared, kind, timeoutMs): Promise<Turn> */
static napi_value database_take(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    int64_t timeout;
    int shared;
    size_t length;
    char kind[DUCKROW_KIND_SIZE];
    if (dr_call_read(env, info, &call) < 0 || dr_value_flag(env, call.argument[0], &shared) < 0 ||
        dr_value_number(env, call.argument[2], &timeout) < 0)
        return NULL;
    if (napi_get_value_string_utf8(env, call.argument[1], kind, sizeof kind, &length) != napi_ok)
        return dr_node_throw_type(env, "a string is expected");
    struct wait_job *job = database_job(env, &call);
    if (!job)
        return NULL;
    job->mode = shared ? DUCKROW_SHARED : DUCKROW_EXCLUSIVE;
    memcpy(job->kind, kind, sizeof kind);
    job->timeout = timeout;
    job->job.run = run_take;
    job->job.result = take_result;
    job->job.discard = discard_take;
    job->job.interrupt = wake;
    return dr_job_start(env, &job->job);
}

/* pin(timeoutMs): Promise<Snapshot> */
static napi_value database_pin(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    int64_t timeout;
    if (dr_call_read(env, info, &call) < 0 || dr_value_number(env, call.argument[0], &timeout) < 0)
        return NULL;
    struct wait_job *job = database_job(env, &call);
    if (!job)
        return NULL;
    job->timeout = timeout;
    job->job.run = run_pin;
    job->job.result = pin_result;
    job->job.discard = discard_pin;
    job->job.interrupt = wake;
    return dr_job_start(env, &job->job);
}

/* status(): Promise<string>, as JSON */
static napi_value database_status(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    struct wait_job *job = dr_call_read(env, info, &call) < 0 ? NULL : database_job(env, &call);
    if (!job)
        return NULL;
    job->job.run = run_status;
    job->job.result = status_result;
    job->job.discard = discard_status;
    return dr_job_start(env, &job->job);
}

static struct dr_node_db *database_of(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    return dr_call_read(env, info, &call) < 0 ? NULL : dr_node_unwrap(env, call.self);
}

/* interrupt(): a wait of this object ends with DUCKROW_INTERRUPTED. */
static napi_value database_interrupt(napi_env env, napi_callback_info info)
{
    const struct dr_node_db *database = database_of(env, info);
    if (!database)
        return NULL;
    eventfd_write(database->wake, 1);
    return dr_nothing(env);
}

static napi_value database_exists(napi_env env, napi_callback_info info)
{
    const struct dr_node_db *database = database_of(env, info);
    return database ? dr_flag(env, duckrow_db_exists(database->db)) : NULL;
}

static napi_value database_path(napi_env env, napi_callback_info info)
{
    const struct dr_node_db *database = database_of(env, info);
    return database ? dr_text(env, duckrow_db_path(database->db)) : NULL;
}

static napi_value database_read_path(napi_env env, napi_callback_info info)
{
    const struct dr_node_db *database = database_of(env, info);
    return database ? dr_text(env, duckrow_db_read_path(database->db)) : NULL;
}

static napi_value database_folder(napi_env env, napi_callback_info info)
{
    const struct dr_node_db *database = database_of(env, info);
    return database ? dr_text(env, duckrow_db_folder(database->db)) : NULL;
}

/* open(path, flags): Database */
static napi_value open_database(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    int64_t flags;
    duckrow_error error;
    duckrow_db_options options = DUCKROW_DB_OPTIONS_INIT;
    if (dr_call_read(env, info, &call) < 0 || dr_value_number(env, call.argument[1], &flags) < 0)
        return NULL;
    char *path = dr_value_text(env, call.argument[0]);
    struct dr_node_db *database = path ? calloc(1, sizeof *database) : NULL;
    if (!database) {
        free(path);
        return NULL;
    }
    database->users = 1;
    database->wake = options.interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    options.flags = (uint32_t)flags;
    duckrow_code code = database->wake < 0 ? DUCKROW_IO : duckrow_db_open(path, &options, &database->db, &error);
    free(path);
    if (!code)
        return dr_node_make(env, dr_node_get(env)->database, database, database_finalize);
    int none = database->wake < 0;
    dr_node_db_release(database);
    return none ? closed(env, "too many open files") : dr_node_throw(env, &error);
}

int dr_node_add_handles(struct dr_node *node, napi_value exports)
{
    napi_env env = node->env;
    const napi_property_descriptor snapshot[] = {DR_METHOD("unpin", snapshot_unpin), DR_METHOD("check", snapshot_check),
                                                 DR_GETTER("path", snapshot_path), DR_GETTER("sequence", snapshot_sequence),
                                                 DR_GETTER("publishedAt", snapshot_published_at)};
    const napi_property_descriptor turn[] = {DR_METHOD("release", turn_release), DR_METHOD("guard", turn_guard),
                                             DR_METHOD("moved", turn_moved),     DR_METHOD("openFiles", turn_open_files),
                                             DR_METHOD("wanted", turn_wanted),   DR_METHOD("begin", turn_begin),
                                             DR_METHOD("end", turn_end),         DR_GETTER("level", turn_level)};
    const napi_property_descriptor database[] = {
        DR_METHOD("take", database_take),           DR_METHOD("pin", database_pin),       DR_METHOD("status", database_status),
        DR_METHOD("interrupt", database_interrupt), DR_METHOD("exists", database_exists), DR_GETTER("path", database_path),
        DR_GETTER("readPath", database_read_path),  DR_GETTER("folder", database_folder)};
    const napi_property_descriptor functions[] = {DR_METHOD("open", open_database)};
    if (dr_node_add_class(env, "Snapshot", snapshot, DR_COUNT(snapshot), &node->snapshot) < 0 ||
        dr_node_add_class(env, "Turn", turn, DR_COUNT(turn), &node->turn) < 0 ||
        dr_node_add_class(env, "Database", database, DR_COUNT(database), &node->database) < 0)
        return -1;
    return napi_define_properties(env, exports, DR_COUNT(functions), functions) == napi_ok ? 0 : -1;
}
