#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "copy.h"
#include "core/condition.h"
#include "core/os.h"
#include "log.h"
#include "sqlstate.h"
#include "statement_literals.h"

enum { READ_PIECE = 65536, KEEP_BYTES = 8192, LOOK_AGAIN_MS = 100 };

void dr_client_log(struct dr_client *client, enum dr_log_level level, const char *message)
{
    char who[256];
    const struct dr_host *host = &client->server->host;
    if (!dr_log_wants(level))
        return;
    int database = client->backend.database; /* -1: one that isn't served */
    snprintf(who, sizeof who, "%s(%lld) %s", client->peer, (long long)client->peer_pid, client->parameters.application_name);
    dr_log(level,
           &(struct dr_log_about){
               .session = client->id, .client = who, .database = database < 0 ? NULL : host->served[database].name},
           "%s", message);
}

/* ---- output ---- */

static void on_written(uv_write_t *write, int status)
{
    struct dr_client *client = write->data;
    pthread_mutex_lock(&client->mutex);
    client->write_out = 0;
    client->written_at = dr_clock_ms();
    dr_buffer_reset(&client->writing, KEEP_BYTES);
    client->gone |= status < 0;
    pthread_cond_broadcast(&client->drained);
    pthread_mutex_unlock(&client->mutex);
    dr_client_flush(client);
    if (client->phase == DR_PHASE_ENDING)
        dr_client_end(client);
}

void dr_client_flush(struct dr_client *client)
{
    pthread_mutex_lock(&client->mutex);
    if (!client->write_out && !client->gone && !client->closed && dr_buffer_size(&client->out)) {
        struct dr_buffer bytes = client->out;
        client->out = client->writing;
        dr_buffer_reset(&client->out, KEEP_BYTES);
        client->writing = bytes;
        uv_buf_t piece = uv_buf_init((char *)bytes.bytes + bytes.start, (unsigned)dr_buffer_size(&bytes));
        int written = uv_try_write((uv_stream_t *)&client->pipe, &piece, 1);
        if (written == (int)piece.len) {
            dr_buffer_reset(&client->writing, KEEP_BYTES);
            pthread_cond_broadcast(&client->drained);
        } else if (written >= 0 || written == UV_EAGAIN) {
            if (written > 0)
                dr_buffer_use(&client->writing, (size_t)written);
            piece =
                uv_buf_init((char *)client->writing.bytes + client->writing.start, (unsigned)dr_buffer_size(&client->writing));
            client->write.data = client;
            client->write_out = 1;
            client->written_at = dr_clock_ms();
            if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &piece, 1, on_written) < 0) {
                client->write_out = 0;
                client->gone = 1;
            }
        } else {
            client->gone = 1;
        }
    }
    int gone = client->gone;
    pthread_mutex_unlock(&client->mutex);
    if (gone && !client->closed)
        dr_client_end(client);
}

void dr_client_put(struct dr_client *client, const struct dr_buffer *bytes)
{
    pthread_mutex_lock(&client->mutex);
    dr_buffer_add(&client->out, bytes->bytes + bytes->start, dr_buffer_size(bytes));
    pthread_mutex_unlock(&client->mutex);
}

static int must_stop(const struct dr_client *client)
{
    const struct dr_backend *backend = &client->backend;
    return (backend->member.inside && backend->member.cancelled) || backend->cancelled;
}

/* A message longer than the limit goes by itself. */
static int is_full(const struct dr_client *client, size_t size, size_t limit)
{
    /* What has been written of a buffer is still in memory. */
    size_t used = client->out.end + (client->write_out ? client->writing.end : 0);
    return used && used + size > limit;
}

/* From a worker: waits while the client doesn't take what it has got, but not when others want the engine. */
static int send_from_worker(struct dr_sink *sink, struct dr_buffer *bytes)
{
    struct dr_client *client = sink->context;
    size_t limit = (size_t)client->server->settings->send_buffer;
    size_t size = dr_buffer_size(bytes);
    pthread_mutex_lock(&client->mutex);
    while (is_full(client, size, limit) && !client->gone && !must_stop(client)) {
        client->backend.waits_for = "its client to read";
        /* Who cancels doesn't signal. */
        dr_server_wake(client->server);
        dr_condition_wait(&client->drained, &client->mutex, dr_clock_ms() + LOOK_AGAIN_MS);
        client->backend.waits_for = NULL;
    }
    /* All it may grow to at once: growing by and by leaves holes. */
    if (dr_buffer_size(&client->out) + size > KEEP_BYTES && dr_buffer_size(&client->out) + size <= limit)
        dr_buffer_reserve(&client->out, limit - dr_buffer_size(&client->out));
    dr_buffer_add(&client->out, bytes->bytes + bytes->start, size);
    dr_buffer_reset(bytes, SIZE_MAX);
    dr_server_wake(client->server);
    int stop = client->gone || must_stop(client) || client->out.failed;
    pthread_mutex_unlock(&client->mutex);
    return stop;
}

/* ---- tasks ---- */

static void run_task(struct dr_task *task)
{
    struct dr_client *client = (struct dr_client *)task;
    client->backend.waits_for = NULL;
    client->action(client);
    dr_server_finished(client->server, client);
}

void dr_client_start(struct dr_client *client, void (*action)(struct dr_client *), void (*after)(struct dr_client *))
{
    client->busy = 1;
    client->action = action;
    client->after = after;
    client->task.run = run_task;
    client->running_since = dr_clock_ms();
    client->backend.waits_for = "a thread";
    /* Others may wait for its transaction to end, with all the threads there are. */
    dr_workers_put(client->server->workers, &client->task, client->backend.open);
}

/* ---- the end ---- */

static void release(struct dr_client *client)
{
    dr_copy_abandon(client);
    dr_portals_free_all(client);
    dr_prepared_close(client, NULL);
    dr_unit_free(&client->unit);
    dr_backend_free(&client->backend);
}

static void on_closed(uv_handle_t *handle)
{
    struct dr_client *client = handle->data;
    dr_buffer_free(&client->in);
    dr_buffer_free(&client->out);
    dr_buffer_free(&client->writing);
    dr_statement_put(client->made);
    free(client->making);
    free(client->script);
    dr_literals_free(client->literals);
    free(client->preparing);
    free(client->preparing_oids);
    free(client->parse_sql);
    dr_buffer_free(&client->again);
    pthread_mutex_destroy(&client->mutex);
    pthread_cond_destroy(&client->drained);
    free(client);
}

static void close_pipe(struct dr_client *client)
{
    struct dr_server *server = client->server;
    if (client->before)
        client->before->next = client->next;
    else
        server->clients = client->next;
    if (client->next)
        client->next->before = client->before;
    server->count--;
    uv_close((uv_handle_t *)&client->pipe, on_closed);
}

/* Is there something that the client has not got yet, but may? */
static int is_writing(struct dr_client *client)
{
    pthread_mutex_lock(&client->mutex);
    int writing = (client->write_out || dr_buffer_size(&client->out)) && !client->gone;
    if (!writing)
        client->gone = 1;
    pthread_cond_broadcast(&client->drained);
    pthread_mutex_unlock(&client->mutex);
    return writing;
}

void dr_client_end(struct dr_client *client)
{
    client->phase = DR_PHASE_ENDING;
    if (client->closed)
        return;
    uv_read_stop((uv_stream_t *)&client->pipe);
    int writing = is_writing(client);
    if (writing && !client->busy) {
        dr_client_flush(client);
        writing = !client->closed && is_writing(client);
    }
    if (client->closed || writing)
        return;
    if (client->busy) {
        dr_backend_cancel(&client->backend, "the client is gone");
        return;
    }
    client->closed = 1;
    /* What a session has in the engines may take time to undo. */
    dr_client_start(client, release, close_pipe);
}

void dr_client_drop(struct dr_client *client)
{
    pthread_mutex_lock(&client->mutex);
    client->gone = 1;
    pthread_mutex_unlock(&client->mutex);
    dr_client_end(client);
}

int dr_client_is_stuck(struct dr_client *client, int64_t milliseconds)
{
    pthread_mutex_lock(&client->mutex);
    int stuck = client->write_out && dr_clock_ms() - client->written_at >= milliseconds;
    pthread_mutex_unlock(&client->mutex);
    return stuck;
}

void dr_client_fatal(struct dr_client *client, const char *sqlstate, const char *message)
{
    struct dr_buffer out = {0};
    if (client->phase != DR_PHASE_ENDING)
        dr_client_log(client, DR_LOG_WARNING, message);
    dr_message_report(&out, 'E', "FATAL", sqlstate, message, NULL, NULL, 0);
    dr_client_put(client, &out);
    dr_buffer_free(&out);
    dr_client_end(client);
}

/* ---- input ---- */

void dr_client_step(struct dr_client *client)
{
    while (!client->busy && client->phase != DR_PHASE_ENDING) {
        if (client->script && !client->copy_in) {
            dr_script_step(client);
            continue;
        }
        struct dr_frame frame;
        size_t size, limit = (size_t)client->server->settings->max_frame;
        int starting = client->phase == DR_PHASE_STARTUP;
        enum dr_framing framing = dr_frame_next(&client->in, starting, limit, &frame, &size);
        if (framing == DR_FRAME_PART)
            break;
        if (framing == DR_FRAME_BAD) {
            dr_client_fatal(client, "08P01",
                            "invalid message length: the frame is not one of the protocol, or longer than max_frame");
            return;
        }
        client->idle_since = 0;
        if (starting)
            dr_startup(client, &frame);
        else if (frame.type == 'X')
            dr_client_end(client);
        else if (client->copy_in)
            dr_copy_message(client, &frame);
        else if (frame.type == 'Q')
            dr_query(client, &frame);
        else
            dr_extended(client, &frame);
        dr_buffer_use(&client->in, size);
    }
    if (client->closed)
        return;
    if (client->phase == DR_PHASE_ENDING) {
        if (!client->busy)
            dr_client_end(client);
        return;
    }
    if (!client->busy) {
        client->idle_since = dr_clock_ms();
        if (!dr_buffer_size(&client->in))
            dr_buffer_reset(&client->in, KEEP_BYTES);
    }
    dr_client_flush(client);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *piece)
{
    struct dr_client *client = handle->data;
    (void)suggested;
    size_t size = dr_buffer_size(&client->in) ? READ_PIECE : KEEP_BYTES;
    unsigned char *to = dr_buffer_reserve(&client->in, size);
    *piece = uv_buf_init((char *)to, to ? (unsigned)(client->in.capacity - client->in.end) : 0);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *piece)
{
    struct dr_client *client = stream->data;
    (void)piece;
    if (count < 0) {
        pthread_mutex_lock(&client->mutex);
        client->gone = 1;
        pthread_mutex_unlock(&client->mutex);
        dr_client_end(client);
        return;
    }
    client->in.end += (size_t)count;
    if (!client->busy)
        dr_client_step(client);
    /* More than that is not read before what is there has been worked off. */
    if (!client->closed && client->phase != DR_PHASE_ENDING && client->busy &&
        dr_buffer_size(&client->in) > (size_t)client->server->settings->max_frame) {
        uv_read_stop(stream);
        client->reading = 0;
    }
}

void dr_client_tick(struct dr_client *client, int64_t now)
{
    const struct dr_parameters *parameters = &client->parameters;
    struct dr_backend *backend = &client->backend;
    if (client->closed || client->phase != DR_PHASE_READY)
        return;
    if (!client->busy && !client->reading) {
        client->reading = 1;
        uv_read_start((uv_stream_t *)&client->pipe, allocate, on_read);
    }
    int64_t wrote_at = backend->wrote_at;
    /* A statement that is a transaction by itself may take as long as it takes: it holds nobody up. */
    int held_open = client->status != 'I' || client->implicit;
    int late = held_open && wrote_at && parameters->transaction_timeout && now - wrote_at >= parameters->transaction_timeout;
    if (client->busy) {
        dr_backend_remind(backend);
        if (late)
            dr_backend_cancel(backend, "terminating transaction due to transaction_timeout");
        else if (parameters->statement_timeout && now - client->running_since >= parameters->statement_timeout)
            dr_backend_cancel(backend, "canceling statement due to statement timeout");
        return;
    }
    if (!backend->open)
        return;
    if (backend->member.cancelled)
        client->lost = backend->member.told;
    else if (late)
        client->lost = "the transaction was rolled back due to transaction_timeout";
    else if (parameters->idle_timeout && client->idle_since && now - client->idle_since >= parameters->idle_timeout)
        client->lost = "the transaction was rolled back due to idle_in_transaction_session_timeout";
    if (client->lost) {
        client->status = client->status == 'T' ? 'E' : client->status;
        dr_fail_client(client, NULL);
    }
}

void dr_client_accept(struct dr_server *server, uv_stream_t *listener)
{
    struct dr_client *client = calloc(1, sizeof *client);
    if (!client)
        return;
    client->server = server;
    client->id = ++server->next_id;
    client->status = 'I';
    if (getrandom(&client->secret, sizeof client->secret, 0) < 0)
        client->secret = (uint32_t)dr_clock_ms() * 2654435761U;
    pthread_mutex_init(&client->mutex, NULL);
    dr_condition_init(&client->drained);
    dr_parameters_init(&client->parameters, server->settings);
    dr_backend_init(&client->backend, &server->host, server->views, server->statements);
    dr_unit_reset(&client->unit);
    client->sink = (struct dr_sink){send_from_worker, client};
    uv_pipe_init(&server->loop, &client->pipe, 0);
    client->pipe.data = client;
    client->next = server->clients;
    if (client->next)
        client->next->before = client;
    server->clients = client;
    server->count++;
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) == 0 &&
        uv_read_start((uv_stream_t *)&client->pipe, allocate, on_read) == 0)
        client->reading = 1;
    else
        dr_client_end(client);
}
