/* Stage: a file on its way into a table. */
#include <stdlib.h>

#include "handles.h"

static void end_stage(void *stage)
{
    duckrow_stage_abandon(stage);
}

struct stage_job {
    struct dr_job job;
    struct dr_node_db *database;
    char *table, *name;
    duckrow_stage *stage;
};

static void run_begin(struct dr_job *job)
{
    struct stage_job *self = (struct stage_job *)job;
    job->code = duckrow_stage_begin(self->database->db, self->table, &self->stage, &job->error);
    free(self->table);
}

static napi_value begin_result(napi_env env, struct dr_job *job)
{
    struct stage_job *self = (struct stage_job *)job;
    return dr_node_make_handle(env, job->node->stage, self->database, self->stage, end_stage);
}

static void discard_begin(struct dr_job *job)
{
    duckrow_stage_abandon(((struct stage_job *)job)->stage);
}

static void run_commit(struct dr_job *job)
{
    struct stage_job *self = (struct stage_job *)job;
    job->code = duckrow_stage_commit(self->stage, &self->name, &job->error);
}

static napi_value commit_result(napi_env env, struct dr_job *job)
{
    struct stage_job *self = (struct stage_job *)job;
    napi_value name = dr_text(env, self->name);
    duckrow_free(self->name);
    return name;
}

static void discard_commit(struct dr_job *job)
{
    duckrow_free(((struct stage_job *)job)->name);
}

/* stage(database, table): Promise<Stage> */
static napi_value stage(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    struct dr_node_db *database = dr_call_read(env, info, &call) < 0 ? NULL : dr_node_unwrap(env, call.argument[0]);
    char *table = database ? dr_value_text(env, call.argument[1]) : NULL;
    struct stage_job *job = table ? dr_job_new(env, sizeof *job, call.argument[0]) : NULL;
    if (!job) {
        free(table);
        return NULL;
    }
    job->database = database;
    job->table = table;
    job->job.run = run_begin;
    job->job.result = begin_result;
    job->job.discard = discard_begin;
    return dr_job_start(env, &job->job);
}

static struct dr_node_handle *staging_of(napi_env env, const struct dr_call *call)
{
    struct dr_node_handle *staging = dr_node_unwrap(env, call->self);
    if (staging && (!staging->handle || staging->working)) {
        napi_throw_error(env, NULL, staging->handle ? "it is being staged" : "it is staged, or given up");
        return NULL;
    }
    return staging;
}

/* commit(): Promise<string>, the staged file's path */
static napi_value stage_commit(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    struct dr_node_handle *staging = dr_call_read(env, info, &call) < 0 ? NULL : staging_of(env, &call);
    struct stage_job *job = staging ? dr_job_new(env, sizeof *job, call.self) : NULL;
    if (!job)
        return NULL;
    job->stage = staging->handle;
    staging->handle = NULL;
    job->job.busy = &staging->working;
    job->job.run = run_commit;
    job->job.result = commit_result;
    job->job.discard = discard_commit;
    return dr_job_start(env, &job->job);
}

static napi_value stage_abandon(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    struct dr_node_handle *staging = dr_call_read(env, info, &call) < 0 ? NULL : staging_of(env, &call);
    if (!staging)
        return NULL;
    duckrow_stage_abandon(staging->handle);
    staging->handle = NULL;
    return dr_nothing(env);
}

static napi_value stage_path(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    const struct dr_node_handle *staging = dr_call_read(env, info, &call) < 0 ? NULL : staging_of(env, &call);
    return staging ? dr_text(env, duckrow_stage_path(staging->handle)) : NULL;
}

int dr_node_add_staging(struct dr_node *node, napi_value exports)
{
    const napi_property_descriptor members[] = {DR_METHOD("commit", stage_commit), DR_METHOD("abandon", stage_abandon),
                                                DR_GETTER("path", stage_path)};
    const napi_property_descriptor functions[] = {DR_METHOD("stage", stage)};
    if (dr_node_add_class(node->env, "Stage", members, DR_COUNT(members), &node->stage) < 0)
        return -1;
    return napi_define_properties(node->env, exports, DR_COUNT(functions), functions) == napi_ok ? 0 : -1;
}
