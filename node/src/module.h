/* The addon: the core of duckrow for Node programs, by Node-API alone, so that one build serves every Node.
 *
 * What may wait for another process or copies a snapshot is a job: it runs in a thread of its own, never in one of libuv's four, which
 * stock DuckDB's own statements need while others wait for their turn. Each environment (the main thread, a worker) has its own list
 * of jobs; when it ends, they are interrupted and waited for. */
#ifndef DR_NODE_MODULE_H
#define DR_NODE_MODULE_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <pthread.h>

#include "duckrow.h"

/* Of one environment. */
struct dr_node {
    napi_env env;
    napi_ref make_error, database, turn, snapshot, stage; /* the function that makes exceptions; constructors */
    napi_threadsafe_function done;                        /* a job's thread tells the loop */
    struct dr_job *jobs;
    int running;
};

struct dr_job {
    struct dr_node *node;
    void (*run)(struct dr_job *job);                           /* in its thread: sets code and error */
    napi_value (*result)(napi_env env, struct dr_job *job); /* in the loop, when code is OK; NULL with an exception pending */
    void (*discard)(struct dr_job *job); /* gives up what it has got, where nobody will be told; may be NULL */
    void (*interrupt)(struct dr_job *job); /* ends a wait from another thread; may be NULL */
    napi_ref keeps; /* the object whose handle it uses */
    int *busy; /* counts the jobs of that handle; may be NULL */
    napi_deferred deferred;
    duckrow_code code;
    duckrow_error error;
    pthread_t thread;
    struct dr_job *next, **link;
};

/* Allocated, zeroed, with `size` for the job and what the caller adds; NULL with an exception pending. */
void *dr_job_new(napi_env env, size_t size, napi_value keeps);
/* A promise for it. The job is freed once that is settled. */
napi_value dr_job_start(napi_env env, struct dr_job *job);

struct dr_node *dr_node_get(napi_env env);
napi_value dr_node_error(napi_env env, const duckrow_error *error);
/* Throws it; NULL. */
napi_value dr_node_throw(napi_env env, const duckrow_error *error);
napi_value dr_node_throw_type(napi_env env, const char *message);

/* ---- values: a failure leaves an exception pending ---- */

enum { DR_ARGUMENTS = 4 };
struct dr_call {
    napi_value self, argument[DR_ARGUMENTS];
    size_t count;
};
int dr_call_read(napi_env env, napi_callback_info info, struct dr_call *call);
/* Allocated; NULL: not a string, or no memory. */
char *dr_value_text(napi_env env, napi_value value);
int dr_value_number(napi_env env, napi_value value, int64_t *number);
int dr_value_flag(napi_env env, napi_value value, int *flag);
napi_value dr_text(napi_env env, const char *text);
napi_value dr_number(napi_env env, int64_t number);
napi_value dr_flag(napi_env env, int flag);
napi_value dr_nothing(napi_env env);
void dr_set(napi_env env, napi_value object, const char *name, napi_value value);

/* ---- what the module consists of: 0, or -1 with an exception pending ---- */

int dr_node_add_jobs(struct dr_node *node);
void dr_node_end_jobs(struct dr_node *node);
int dr_node_add_handles(struct dr_node *node, napi_value exports);
int dr_node_add_staging(struct dr_node *node, napi_value exports);
int dr_node_add_functions(struct dr_node *node, napi_value exports);

/* A class whose objects are made by us: `wrapped` is theirs, `finalize` ends it. */
int dr_node_add_class(napi_env env, const char *name, const napi_property_descriptor *members, size_t count,
                      napi_ref *constructor);
napi_value dr_node_make(napi_env env, napi_ref constructor, void *wrapped, napi_finalize finalize);
/* Of the object that is called; NULL with an exception pending. */
void *dr_node_unwrap(napi_env env, napi_value self);

#define DR_METHOD(name, function) {name, NULL, function, NULL, NULL, NULL, napi_default_method, NULL}
#define DR_GETTER(name, function) {name, NULL, NULL, function, NULL, NULL, napi_enumerable, NULL}
#define DR_COUNT(array) (sizeof(array) / sizeof *(array))

#endif
