/* Jobs: what waits or works, in threads of their own, for a promise. */
#include <signal.h>
#include <stdlib.h>

#include "module.h"

enum { STACK = 1 << 20 };

static void forget(napi_env env, struct dr_job *job)
{
    *job->link = job->next;
    if (job->next)
        job->next->link = job->link;
    if (job->busy)
        --*job->busy;
    napi_delete_reference(env, job->keeps);
    free(job);
}

static void *run(void *argument)
{
    struct dr_job *job = argument;
    job->run(job);
    /* Where the environment is ending, whoever ends it waits for this thread. */
    napi_call_threadsafe_function(job->node->done, job, napi_tsfn_blocking);
    return NULL;
}

/* Back in the loop. */
static void settle(napi_env env, napi_value callback, void *context, void *data)
{
    (void)callback;
    struct dr_job *job = data;
    struct dr_node *node = context;
    if (!env)
        return; /* dr_node_end_jobs has it */
    pthread_join(job->thread, NULL);
    if (--node->running == 0)
        napi_unref_threadsafe_function(env, node->done);
    napi_value result = job->code ? NULL : job->result(env, job), failure = NULL;
    if (!result) {
        if (job->code)
            failure = dr_node_error(env, &job->error);
        if (!failure)
            napi_get_and_clear_last_exception(env, &failure);
        napi_reject_deferred(env, job->deferred, failure);
    } else {
        napi_resolve_deferred(env, job->deferred, result);
    }
    forget(env, job);
}

void *dr_job_new(napi_env env, size_t size, napi_value keeps)
{
    struct dr_node *node = dr_node_get(env);
    struct dr_job *job = calloc(1, size);
    if (!job || napi_create_reference(env, keeps, 1, &job->keeps) != napi_ok) {
        free(job);
        napi_throw_error(env, NULL, "out of memory");
        return NULL;
    }
    job->node = node;
    job->next = node->jobs;
    job->link = &node->jobs;
    if (job->next)
        job->next->link = &job->next;
    node->jobs = job;
    return job;
}

napi_value dr_job_start(napi_env env, struct dr_job *job)
{
    napi_value promise;
    if (job->busy)
        ++*job->busy;
    if (napi_create_promise(env, &job->deferred, &promise) != napi_ok) {
        forget(env, job);
        return NULL;
    }
    if (job->node->running++ == 0)
        napi_ref_threadsafe_function(env, job->node->done);
    /* Signals are for the program's own threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    int failed = pthread_create(&job->thread, &attributes, run, job);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        if (--job->node->running == 0)
            napi_unref_threadsafe_function(env, job->node->done);
        napi_value message, error;
        napi_create_string_utf8(env, "cannot start a thread", NAPI_AUTO_LENGTH, &message);
        napi_create_error(env, NULL, message, &error);
        napi_reject_deferred(env, job->deferred, error);
        forget(env, job);
    }
    return promise;
}

int dr_node_add_jobs(struct dr_node *node)
{
    napi_value name;
    if (napi_create_string_utf8(node->env, "duckrow", NAPI_AUTO_LENGTH, &name) != napi_ok ||
        napi_create_threadsafe_function(node->env, NULL, NULL, name, 0, 1, NULL, NULL, node, settle, &node->done) != napi_ok)
        return -1;
    return napi_unref_threadsafe_function(node->env, node->done) == napi_ok ? 0 : -1;
}

void dr_node_end_jobs(struct dr_node *node)
{
    for (struct dr_job *job = node->jobs; job; job = job->next)
        if (job->interrupt)
            job->interrupt(job);
    for (struct dr_job *job = node->jobs, *next; job; job = next) {
        next = job->next;
        pthread_join(job->thread, NULL);
        if (!job->code && job->discard)
            job->discard(job);
        forget(node->env, job);
    }
}
