/* The service: one event loop for all sessions, the lanes, the workers, and what they work on. */
#ifndef DR_SERVER_H
#define DR_SERVER_H

#include <uv.h>

#include "handover.h"
#include "host.h"
#include "ingester.h"
#include "lane.h"
#include "statements.h"
#include "views.h"
#include "workers.h"

struct dr_client;
struct dr_sampler;

struct dr_server_task {
    struct dr_task task; /* first */
    struct dr_server *server;
};

struct dr_server {
    const struct dr_settings *settings;
    uv_loop_t loop;
    struct dr_host host;
    struct dr_views *views;
    struct dr_statements *statements;
    struct dr_workers *workers;
    struct dr_handover *handover;
    struct dr_lane *lane[DR_DATABASES];
    struct dr_ingester *ingester[DR_DATABASES];
    uv_pipe_t listener;
    union {
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t port;
    } metrics;
    uv_timer_t timer;
    uv_async_t wake;
    uv_signal_t signal[3];
    char version[128]; /* as clients are told */
    char socket[108];
    /* Of the loop. */
    struct dr_client *clients; /* a list */
    int count, draining;
    struct dr_sampler *sampler;
    struct dr_server_task tidy;
    int64_t tidied_at;
    atomic_int tidying;
    uint32_t next_id;
    /* From other threads to the loop. */
    pthread_mutex_t mutex;
    struct dr_client *finished, **last_finished; /* whose task or unit is done */
};

/* Runs until it is told to leave by a signal. Errors: what kept it from starting. */
duckrow_code dr_server_run(const struct dr_settings *settings, duckrow_error *error);

/* From any thread: the client's task or unit is done; the loop goes on with it. */
void dr_server_finished(struct dr_server *server, struct dr_client *client);
/* From any thread: there is something to write, or to stop. */
void dr_server_wake(struct dr_server *server);

#endif
