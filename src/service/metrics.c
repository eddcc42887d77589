#include "metrics.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 16 };

/* One who asks. */
struct asker {
    union {
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t port;
    } handle;
    uv_write_t write;
    struct dr_server *server;
    struct dr_buffer out;
    char in[1024];
    int answered;
};

/* A database's name, as a label. */
static void put_label(struct dr_buffer *out, const char *name)
{
    for (; *name; name++) {
        if (*name == '"' || *name == '\\')
            dr_buffer_u8(out, '\\');
        if (*name == '\n')
            dr_buffer_text(out, "\\n");
        else
            dr_buffer_u8(out, (uint8_t)*name);
    }
}

static void put_type(struct dr_buffer *out, const char *name)
{
    dr_buffer_format(out, "# TYPE duckrow_%s %s\n", name, dr_stat_counts(name) ? "counter" : "gauge");
}

/* The samples of one name stand together. */
void dr_metrics_text(const struct dr_server *server, struct dr_buffer *out)
{
    const struct dr_host *host = &server->host;
    duckrow_figure figures[DR_DATABASES][DR_STATS];
    int count = dr_stats_of_service(server, figures[0]);
    for (int i = 0; i < count; i++) {
        put_type(out, figures[0][i].name);
        dr_buffer_format(out, "duckrow_%s %lld\n", figures[0][i].name, (long long)figures[0][i].value);
    }
    for (int i = 0; i < host->databases; i++)
        count = dr_stats_of_database(server, i, figures[i]);
    for (int k = 0; k < count; k++) {
        put_type(out, figures[0][k].name);
        for (int i = 0; i < host->databases; i++) {
            dr_buffer_format(out, "duckrow_%s{database=\"", figures[i][k].name);
            put_label(out, host->served[i].name);
            dr_buffer_format(out, "\"} %lld\n", (long long)figures[i][k].value);
        }
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct asker *asker = handle->data;
    dr_buffer_free(&asker->out);
    free(asker);
}

static void end(struct asker *asker)
{
    if (!uv_is_closing((uv_handle_t *)&asker->handle.stream))
        uv_close((uv_handle_t *)&asker->handle.stream, on_closed);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    end(write->data);
}

static void answer(struct asker *asker)
{
    struct dr_buffer text = {0};
    dr_metrics_text(asker->server, &text);
    dr_buffer_format(&asker->out, "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %zu\r\n\r\n",
                     dr_buffer_size(&text));
    dr_buffer_add(&asker->out, text.bytes, dr_buffer_size(&text));
    dr_buffer_free(&text);
    uv_buf_t piece = uv_buf_init((char *)asker->out.bytes, (unsigned)dr_buffer_size(&asker->out));
    asker->answered = 1;
    asker->write.data = asker;
    if (asker->out.failed || uv_write(&asker->write, &asker->handle.stream, &piece, 1, on_written) < 0)
        end(asker);
}

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *piece)
{
    struct asker *asker = handle->data;
    (void)suggested;
    *piece = uv_buf_init(asker->in, sizeof asker->in);
}

/* What is asked doesn't matter, only that the request has come to its end; a client sends it in one piece. */
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *piece)
{
    struct asker *asker = stream->data;
    (void)piece;
    if (count < 0)
        end(asker);
    else if (count > 0 && !asker->answered)
        answer(asker);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct asker *asker = status == 0 ? calloc(1, sizeof *asker) : NULL;
    if (!asker)
        return;
    asker->server = listener->data;
    if (listener->type == UV_TCP)
        uv_tcp_init(listener->loop, &asker->handle.port);
    else
        uv_pipe_init(listener->loop, &asker->handle.pipe, 0);
    asker->handle.stream.data = asker;
    if (uv_accept(listener, &asker->handle.stream) < 0 || uv_read_start(&asker->handle.stream, allocate, on_read) < 0)
        end(asker);
}

static int is_port(const char *address)
{
    return *address && strspn(address, "0123456789") == strlen(address);
}

duckrow_code dr_metrics_start(struct dr_server *server, duckrow_error *error)
{
    const char *address = server->settings->metrics;
    int failed;
    if (!*address)
        return DUCKROW_OK;
    if (is_port(address)) {
        struct sockaddr_in loopback;
        uv_tcp_init(&server->loop, &server->metrics.port);
        failed = uv_ip4_addr("127.0.0.1", atoi(address), &loopback);
        if (!failed)
            failed = uv_tcp_bind(&server->metrics.port, (const struct sockaddr *)&loopback, 0);
    } else {
        struct stat st;
        /* One that a crash has left, not a file of somebody's. */
        if (lstat(address, &st) == 0 && S_ISSOCK(st.st_mode))
            unlink(address);
        uv_pipe_init(&server->loop, &server->metrics.pipe, 0);
        failed = uv_pipe_bind(&server->metrics.pipe, address);
    }
    server->metrics.stream.data = server;
    if (!failed)
        failed = uv_listen(&server->metrics.stream, BACKLOG, on_connection);
    return failed ? dr_fail_os(error, -failed, "cannot give metrics at %s", address) : DUCKROW_OK;
}
