#include "server.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "core/db.h"
#include "log.h"
#include "metrics.h"
#include "notify.h"
#include "sampler.h"
#include "sqlstate.h"

enum { TICK_MS = 50, TIDY_MS = 250, REOPEN_S = 1, BACKLOG = 1024 };

static volatile sig_atomic_t asked_to_leave;

static int interrupted(void *context)
{
    (void)context;
    return asked_to_leave;
}

/* ---- to the loop ---- */

void dr_server_finished(struct dr_server *server, struct dr_client *client)
{
    pthread_mutex_lock(&server->mutex);
    int first = !server->finished;
    client->next_finished = NULL;
    *server->last_finished = client;
    server->last_finished = &client->next_finished;
    pthread_mutex_unlock(&server->mutex);
    if (first)
        uv_async_send(&server->wake);
}

void dr_server_wake(struct dr_server *server)
{
    uv_async_send(&server->wake);
}

static void on_wake(uv_async_t *handle)
{
    struct dr_server *server = handle->data;
    pthread_mutex_lock(&server->mutex);
    struct dr_client *finished = server->finished;
    server->finished = NULL;
    server->last_finished = &server->finished;
    pthread_mutex_unlock(&server->mutex);
    while (finished) {
        struct dr_client *client = finished;
        finished = client->next_finished;
        client->busy = 0;
        client->after(client);
        dr_client_step(client);
    }
    for (struct dr_client *client = server->clients; client; client = client->next)
        if (client->busy)
            dr_client_flush(client);
}

/* ---- being found ---- */

/* Where clients of each database find the service: <database>.duckrow/service, a libpq connection string. It counts only while the
 * turn is held, so one that a crash has left harms nobody. */
static void service_path(struct dr_server *server, int i, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/service", duckrow_db_folder(server->host.served[i].db));
}

static duckrow_code announce(struct dr_server *server, duckrow_error *error)
{
    char path[PATH_MAX], text[PATH_MAX + 128];
    for (int i = 0; i < server->host.databases; i++) {
        service_path(server, i, path);
        const char *end = strrchr(server->socket, '/');
        int length = snprintf(text, sizeof text, "host='%.*s' dbname='%s'\n", (int)(end - server->socket), server->socket,
                              server->host.served[i].name);
        int fd = dr_db_open_own(server->host.served[i].db, path);
        int failed = fd < 0 || dr_os.ftruncate(fd, 0) < 0 || dr_write_at(fd, text, (size_t)length, 0) < 0;
        int saved = errno;
        dr_close(fd);
        if (failed)
            return dr_fail_os(error, saved, "cannot write %s", path);
    }
    return DUCKROW_OK;
}

static void withdraw(struct dr_server *server)
{
    char path[PATH_MAX];
    for (int i = 0; i < server->host.databases && server->host.served[i].turn; i++) {
        service_path(server, i, path);
        unlink(path);
    }
}

/* ---- leaving ---- */

static void leave(struct dr_server *server)
{
    if (server->draining > 1 || server->clients)
        return;
    server->draining = 2;
    uv_stop(&server->loop);
}

static void drain(struct dr_server *server, int hurry)
{
    int broken = server->host.broken;
    const char *sqlstate = broken ? "57P02" : "57P01";
    const char *why = broken ? DR_ENDED_BROKEN : DR_ENDED_LEAVING;
    if (!server->draining) {
        server->draining = 1;
        dr_handover_stop(server->handover);
        if (!broken)
            dr_notify("STOPPING=1");
        dr_log(broken ? DR_LOG_ERROR : DR_LOG_INFO, NULL, "%s: %d sessions end what they are at",
               broken ? "DuckDB has failed, and the databases are opened anew" : "leaving", server->count);
        uv_close((uv_handle_t *)&server->listener, NULL);
        unlink(server->socket);
        withdraw(server);
    }
    for (struct dr_client *client = server->clients, *next; client; client = next) {
        next = client->next;
        if (hurry && client->busy)
            dr_backend_cancel(&client->backend, why);
        if (!client->busy && client->phase != DR_PHASE_ENDING && (client->status != 'T' || client->lost || hurry))
            dr_client_fatal(client, sqlstate, why);
        /* Who doesn't read can't be told, and keeps nobody from leaving. */
        if ((hurry && !client->busy) || dr_client_is_stuck(client, server->settings->busy_timeout))
            dr_client_drop(client);
    }
    leave(server);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct dr_server *server = handle->data;
    (void)number;
    asked_to_leave++;
    drain(server, asked_to_leave > 1);
}

/* In a worker, as DuckDB has to wait for what it does at times. */
static void tidy(struct dr_task *task)
{
    struct dr_server *server = ((struct dr_server_task *)task)->server;
    dr_parallel_tidy(&server->host.parallel);
    dr_views_tidy(server->views);
    server->tidying = 0;
}

static void on_tick(uv_timer_t *handle)
{
    struct dr_server *server = handle->data;
    int64_t now = dr_clock_ms();
    for (struct dr_client *client = server->clients, *next; client; client = next) {
        next = client->next;
        dr_client_tick(client, now);
    }
    if (server->draining || server->host.broken)
        drain(server, server->host.broken || asked_to_leave > 1);
    dr_sampler_tick(server->sampler, now);
    if (!server->tidying && now - server->tidied_at >= TIDY_MS) {
        server->tidying = 1;
        server->tidied_at = now;
        dr_workers_put(server->workers, &server->tidy.task, 0);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status == 0)
        dr_client_accept(listener->data, listener);
}

/* ---- starting ---- */

/* A path that nobody answers on is left from a crash: the turn is ours, so nobody else serves these files. */
static duckrow_code listen_at(struct dr_server *server, duckrow_error *error)
{
    char folder[PATH_MAX];
    const char *wanted = *server->settings->socket ? server->settings->socket : duckrow_db_folder(server->host.served[0].db);
    if (mkdir(wanted, 0755) < 0 && errno != EEXIST)
        return dr_fail_os(error, errno, "cannot make %s", wanted);
    if (!realpath(wanted, folder))
        return dr_fail_os(error, errno, "%s", wanted);
    int length = snprintf(server->socket, sizeof server->socket, "%s/.s.PGSQL.5432", folder);
    if (length < 0 || (size_t)length >= sizeof server->socket)
        return dr_fail(error, DUCKROW_USAGE, "%s is too long for a socket (107 bytes): give a shorter folder with --socket",
                       folder);
    unlink(server->socket);
    int failed = uv_pipe_bind(&server->listener, server->socket);
    if (failed)
        return dr_fail_os(error, -failed, "cannot listen at %s", server->socket);
    chmod(server->socket, 0666);
    failed = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
    return failed ? dr_fail_os(error, -failed, "cannot listen at %s", server->socket) : DUCKROW_OK;
}

static duckrow_code open_parts(struct dr_server *server, duckrow_error *error)
{
    duckrow_code code = dr_host_open(&server->host, server->settings, interrupted, error);
    if (!code)
        code = dr_views_open(&server->host, &server->views, error);
    if (!code)
        code = dr_statements_open(&server->host, &server->statements, error);
    for (int i = 0; !code && i < server->host.databases; i++)
        code = dr_lane_open(&server->host, i, &server->lane[i], error);
    if (!code && !(server->workers = dr_workers_open((int)server->settings->workers)))
        code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    for (int i = 0; !code && i < server->host.databases; i++)
        code = dr_ingester_open(&server->host, i, &server->ingester[i], error);
    if (!code)
        code = dr_handover_open(&server->host, server->statements, &server->handover, error);
    return code;
}

static void close_parts(struct dr_server *server)
{
    dr_handover_close(server->handover);
    dr_workers_close(server->workers);
    for (int i = 0; i < DR_DATABASES; i++)
        dr_ingester_close(server->ingester[i]);
    for (int i = 0; i < DR_DATABASES; i++)
        dr_lane_close(server->lane[i]);
    dr_sampler_close(server->sampler);
    dr_statements_close(server->statements);
    dr_views_close(server->views);
    dr_host_close(&server->host);
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void early(int number)
{
    (void)number;
    asked_to_leave++;
}

static duckrow_code start(struct dr_server *server, duckrow_error *error)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    duckrow_code code = open_parts(server, error);
    if (code)
        return code;
    snprintf(server->version, sizeof server->version, "15.0 (duckrow %s, DuckDB %s)", DUCKROW_VERSION,
             server->host.engine->version);
    code = listen_at(server, error);
    if (!code)
        code = dr_metrics_start(server, error);
    if (!code && !(server->sampler = dr_sampler_open(server)))
        code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    if (!code)
        code = announce(server, error);
    if (code)
        return code;
    for (int i = 0; i < 3; i++) {
        uv_signal_init(&server->loop, &server->signal[i]);
        server->signal[i].data = server;
        uv_signal_start(&server->signal[i], on_signal, numbers[i]);
    }
    uv_timer_start(&server->timer, on_tick, TICK_MS, TICK_MS);
    for (int i = 0; i < server->host.databases; i++)
        dr_log(DR_LOG_INFO, &(struct dr_log_about){.database = server->host.served[i].name}, "serving %s",
               duckrow_db_path(server->host.served[i].db));
    dr_log(DR_LOG_INFO, NULL, "listening at %s with DuckDB %s", server->socket, server->host.engine->version);
    dr_notify("READY=1");
    return DUCKROW_OK;
}

/* From opening the databases to closing them. *again: they have to be opened anew. */
static duckrow_code serve(const struct dr_settings *settings, int *again, duckrow_error *error)
{
    struct dr_server *server = calloc(1, sizeof *server);
    if (!server)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    server->settings = settings;
    server->last_finished = &server->finished;
    server->tidy = (struct dr_server_task){{NULL, tidy}, server};
    pthread_mutex_init(&server->mutex, NULL);
    uv_loop_init(&server->loop);
    uv_pipe_init(&server->loop, &server->listener, 0);
    uv_timer_init(&server->loop, &server->timer);
    uv_async_init(&server->loop, &server->wake, on_wake);
    server->listener.data = server->timer.data = server->wake.data = server;
    duckrow_code code = start(server, error);
    if (!code)
        uv_run(&server->loop, UV_RUN_DEFAULT);
    uv_walk(&server->loop, close_handle, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    uv_loop_close(&server->loop);
    *again = !code && server->host.broken && !asked_to_leave;
    close_parts(server);
    if (!code)
        dr_log(DR_LOG_INFO, NULL, "the databases are closed, and their turns given up");
    pthread_mutex_destroy(&server->mutex);
    free(server);
    return code;
}

duckrow_code dr_server_run(const struct dr_settings *settings, duckrow_error *error)
{
    struct sigaction action = {.sa_handler = early};
    signal(SIGPIPE, SIG_IGN);
    duckrow_code code;
    int again = 0, reopening = 0, told = 0;
    do {
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGINT, &action, NULL);
        if (told)
            nanosleep(&(struct timespec){.tv_sec = REOPEN_S}, NULL);
        reopening |= again;
        again = 0;
        code = asked_to_leave ? DUCKROW_OK : serve(settings, &again, error);
        /* Whatever has broken DuckDB, a full disk perhaps, may still be there. */
        if (code && reopening && !told)
            dr_log(DR_LOG_ERROR, NULL, "the databases can't be opened anew yet, which is tried again each second: %s",
                   error->message);
        told = code && reopening;
    } while (!asked_to_leave && (again || told));
    return asked_to_leave && reopening ? DUCKROW_OK : code;
}
