/* What the classes wrap. A handle that a job's thread uses stays: the job keeps its object. */
#ifndef DR_NODE_HANDLES_H
#define DR_NODE_HANDLES_H

#include "module.h"

/* Of a Database, and of the turns, snapshots and stages that came from it; counted in the loop's thread. */
struct dr_node_db {
    duckrow_db *db;
    int wake; /* an eventfd: readable, it ends the wait */
    int users;
};

void dr_node_db_release(struct dr_node_db *database);

/* Of a Turn, a Snapshot, a Stage. */
struct dr_node_handle {
    struct dr_node_db *database;
    void *handle; /* NULL: given up */
    void (*end)(void *handle);
    int working; /* jobs that have it */
};

/* The object for it; NULL with an exception pending, and the handle ended. */
napi_value dr_node_make_handle(napi_env env, napi_ref constructor, struct dr_node_db *database, void *handle,
                               void (*end)(void *handle));

#endif
