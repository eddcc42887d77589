#include "remote.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"
#include "signals.h"

/* LOOK_MS: a signal may have gone to another thread, so a wait looks for it this often. */
enum { LOOK_MS = 50, PIECE = 64 * 1024, HEAD = 5, VERSION = 196608, CANCEL = 80877102, EXACT = 2 };
/* Longer than any value that DuckDB makes: what claims to be is no message. */
#define LONGEST ((uint32_t)1 << 31)

struct dr_remote {
    int fd;
    struct sockaddr_un address;
    uint32_t pid, secret;
    int cancelled, answered; /* answered: up to ReadyForQuery */
    int complete;            /* there are no more rows */
    char status;             /* I, T, E */
    char tag[64];
    unsigned char *in;       /* what was received: from..to is still to be looked at */
    size_t from, to, room;
    unsigned char *out;
    size_t size, out_room;
    int no_memory;
    int columns;
    const char **values;
    size_t *sizes;
};

struct message {
    char type;
    const unsigned char *at, *end;
};

/* ---- bytes ---- */

static void put(struct dr_remote *remote, const void *bytes, size_t size)
{
    if (remote->out_room - remote->size < size) {
        size_t room = 2 * remote->out_room + size + 256;
        unsigned char *grown = realloc(remote->out, room);
        if (!grown) {
            remote->no_memory = 1;
            return;
        }
        remote->out = grown;
        remote->out_room = room;
    }
    memcpy(remote->out + remote->size, bytes, size);
    remote->size += size;
}

static void put_number(struct dr_remote *remote, uint32_t number, int bytes)
{
    for (int i = bytes; i-- > 0;) {
        unsigned char byte = (unsigned char)(number >> 8 * i);
        put(remote, &byte, 1);
    }
}

static void put_text(struct dr_remote *remote, const char *text)
{
    put(remote, text, strlen(text) + 1);
}

/* Begins a message, of type 0 at the start of a session; returns where its length goes. */
static size_t begin(struct dr_remote *remote, char type)
{
    if (type)
        put(remote, &type, 1);
    put_number(remote, 0, 4);
    return remote->size - 4;
}

static void end(struct dr_remote *remote, size_t at)
{
    uint32_t length = (uint32_t)(remote->size - at);
    for (int i = 0; i < 4 && !remote->no_memory; i++)
        remote->out[at + (size_t)i] = (unsigned char)(length >> (24 - 8 * i));
}

static uint32_t take_number(struct message *message, int bytes)
{
    uint32_t number = 0;
    for (int i = 0; i < bytes; i++)
        number = number << 8 | (message->at < message->end ? *message->at++ : 0);
    return number;
}

/* What doesn't end within the message is "". */
static const char *take_text(struct message *message)
{
    const unsigned char *stop = memchr(message->at, 0, (size_t)(message->end - message->at));
    const char *text = (const char *)message->at;
    message->at = stop ? stop + 1 : message->end;
    return stop ? text : "";
}

/* ---- the socket ---- */

static duckrow_code lost(duckrow_error *error)
{
    return dr_fail(error, DUCKROW_IO, "the service has gone before it answered: whether the statement was done is not known");
}

static int connect_to(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        fd = -1;
    }
    return fd;
}

/* Asks the service to end what is running; its error is the answer. */
static void cancel(struct dr_remote *remote)
{
    unsigned char request[16];
    const uint32_t words[] = {sizeof request, CANCEL, remote->pid, remote->secret};
    for (size_t i = 0; i < sizeof request; i++)
        request[i] = (unsigned char)(words[i / 4] >> (24 - 8 * (i % 4)));
    remote->cancelled = 1;
    int fd = connect_to(&remote->address);
    if (fd < 0)
        return;
    (void)!send(fd, request, sizeof request, MSG_NOSIGNAL);
    /* It hangs up when it has understood. */
    (void)!poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1000);
    close(fd);
}

static int wait_for(struct dr_remote *remote, short events)
{
    for (;;) {
        if (dr_signals_received() && !remote->cancelled && remote->pid)
            cancel(remote);
        struct pollfd wait = {.fd = remote->fd, .events = events};
        int n = poll(&wait, 1, LOOK_MS);
        if (n > 0)
            return 1;
        if (n < 0 && errno != EINTR)
            return 0;
    }
}

static duckrow_code send_all(struct dr_remote *remote, duckrow_error *error)
{
    size_t sent = 0;
    if (remote->no_memory)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    while (sent < remote->size) {
        ssize_t n = send(remote->fd, remote->out + sent, remote->size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            sent += (size_t)n;
        else if (errno != EINTR && (errno != EAGAIN || !wait_for(remote, POLLOUT)))
            return lost(error);
    }
    remote->size = 0;
    return DUCKROW_OK;
}

/* Room for `size` bytes from `from` on. */
static int make_room(struct dr_remote *remote, size_t size)
{
    if (remote->from) {
        memmove(remote->in, remote->in + remote->from, remote->to - remote->from);
        remote->to -= remote->from;
        remote->from = 0;
    }
    if (remote->room >= size)
        return 1;
    size_t room = size + PIECE;
    unsigned char *grown = realloc(remote->in, room);
    if (!grown)
        return 0;
    remote->in = grown;
    remote->room = room;
    return 1;
}

static uint32_t length_at(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static duckrow_code receive(struct dr_remote *remote, struct message *message, duckrow_error *error)
{
    for (;;) {
        size_t have = remote->to - remote->from, want = HEAD;
        if (have >= HEAD) {
            uint32_t length = length_at(remote->in + remote->from + 1);
            if (length < 4 || length > LONGEST)
                return dr_fail(error, DUCKROW_IO, "what answers at %s is not a service", remote->address.sun_path);
            want = 1 + (size_t)length;
        }
        if (have >= want && have >= HEAD) {
            const unsigned char *at = remote->in + remote->from;
            *message = (struct message){(char)at[0], at + HEAD, at + want};
            remote->from += want;
            return DUCKROW_OK;
        }
        if (remote->room - remote->from < want && !make_room(remote, want))
            return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
        if (remote->room == remote->to && !make_room(remote, have + PIECE))
            return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
        if (!wait_for(remote, POLLIN))
            return lost(error);
        ssize_t n = recv(remote->fd, remote->in + remote->to, remote->room - remote->to, 0);
        if (n == 0 || (n < 0 && errno != EINTR))
            return lost(error);
        remote->to += n > 0 ? (size_t)n : 0;
    }
}

/* ---- errors ---- */

/* DuckDB's own are SQL, whatever their state: their text begins with their kind. 58030 is of two codes, 22023 of what users give. */
static duckrow_code code_of(const char *sqlstate, const char *text)
{
    static const struct {
        const char *sqlstate;
        duckrow_code code;
    } ours[] = {{"55P03", DUCKROW_BUSY},      {"53300", DUCKROW_BUSY},       {"57P03", DUCKROW_NOT_FOUND},
                {"53100", DUCKROW_DISK_FULL}, {"53200", DUCKROW_NO_MEMORY},  {"57014", DUCKROW_INTERRUPTED},
                {"58030", DUCKROW_IO},        {"28000", DUCKROW_PERMISSION}, {"57P01", DUCKROW_IO},
                {"57P02", DUCKROW_IO},        {"0A000", DUCKROW_UNSUPPORTED}};
    const char *kind = strstr(text, " Error: ");
    if (kind && !memchr(text, ':', (size_t)(kind - text)) && strcmp(sqlstate, "57014") && strcmp(sqlstate, "53100"))
        return DUCKROW_SQL;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(ours[i].sqlstate, sqlstate) == 0)
            return ours[i].code;
    return DUCKROW_SQL;
}

struct report {
    char sqlstate[6];
    const char *text;
};

static struct report take_report(struct message *message)
{
    struct report report = {"", ""};
    while (message->at < message->end && *message->at) {
        char field = (char)*message->at++;
        const char *value = take_text(message);
        if (field == 'C')
            snprintf(report.sqlstate, sizeof report.sqlstate, "%.5s", value);
        else if (field == 'M')
            report.text = value;
    }
    return report;
}

static duckrow_code fail(struct message *message, duckrow_error *error)
{
    struct report report = take_report(message);
    duckrow_code code = code_of(report.sqlstate, report.text);
    return dr_fail(error, code, "%s", report.text);
}

/* What may come at any time. 1: it was that. */
static int is_aside(struct dr_remote *remote, struct message *message)
{
    if (message->type == 'N')
        dr_warn("%s", take_report(message).text);
    else if (message->type == 'K') {
        remote->pid = take_number(message, 4);
        remote->secret = take_number(message, 4);
    }
    return message->type == 'N' || message->type == 'S' || message->type == 'K' || message->type == 'A';
}

/* ---- the session ---- */

/* A value of libpq's connection string, name='value', where \ stands before ' and \. */
static int take_setting(const char *dsn, const char *name, char *value, size_t size)
{
    char start[32];
    snprintf(start, sizeof start, "%s='", name);
    const char *at = strstr(dsn, start);
    size_t n = 0;
    if (!at)
        return 0;
    for (at += strlen(start); *at && *at != '\'' && n + 1 < size; at++) {
        if (*at == '\\' && at[1])
            at++;
        value[n++] = *at;
    }
    value[n] = 0;
    return *at == '\'';
}

static void put_startup(struct dr_remote *remote, const char *database, int64_t busy_timeout)
{
    char options[64];
    const struct passwd *user = getpwuid(geteuid());
    snprintf(options, sizeof options, "-c busy_timeout=%lldms", (long long)busy_timeout);
    const char *const pairs[] = {
        "user", user ? user->pw_name : "unknown", "database", database, "application_name", "duckrow sql", "options", options,
        NULL};
    size_t at = begin(remote, 0);
    put_number(remote, VERSION, 4);
    for (int i = 0; pairs[i]; i++)
        put_text(remote, pairs[i]);
    put_number(remote, 0, 1);
    end(remote, at);
}

static duckrow_code start(struct dr_remote *remote, const char *database, int64_t busy_timeout, duckrow_error *error)
{
    struct message message;
    put_startup(remote, database, busy_timeout);
    duckrow_code code = send_all(remote, error);
    while (!code && !(code = receive(remote, &message, error))) {
        if (is_aside(remote, &message))
            continue;
        if (message.type == 'Z') {
            remote->status = (char)take_number(&message, 1);
            remote->answered = 1;
            return DUCKROW_OK;
        }
        if (message.type == 'E')
            return fail(&message, error);
        if (message.type != 'R' || take_number(&message, 4))
            return dr_fail(error, DUCKROW_UNSUPPORTED, "what answers at %s wants more than who is asking",
                           remote->address.sun_path);
    }
    /* It was closing. */
    return code == DUCKROW_IO ? dr_fail(error, DUCKROW_NOT_FOUND, "the service is leaving") : code;
}

duckrow_code dr_remote_open(const char *dsn, int64_t busy_timeout, struct dr_remote **out, duckrow_error *error)
{
    struct dr_remote *remote = *out = calloc(1, sizeof *remote);
    char host[sizeof remote->address.sun_path], database[256];
    if (!remote)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    remote->fd = -1;
    remote->address.sun_family = AF_UNIX;
    duckrow_code code = DUCKROW_OK;
    if (!take_setting(dsn, "host", host, sizeof host) || !take_setting(dsn, "dbname", database, sizeof database) ||
        snprintf(remote->address.sun_path, sizeof remote->address.sun_path, "%s/.s.PGSQL.5432", host) >=
            (int)sizeof remote->address.sun_path)
        code = dr_fail(error, DUCKROW_IO, "where the service listens can't be read: %.200s", dsn);
    if (!code && (remote->fd = connect_to(&remote->address)) < 0)
        code = errno == ENOENT || errno == ECONNREFUSED
                   ? dr_fail(error, DUCKROW_NOT_FOUND, "no service listens at %s", remote->address.sun_path)
                   : dr_fail_os(error, errno, "cannot reach the service at %s", remote->address.sun_path);
    if (!code)
        code = start(remote, database, busy_timeout, error);
    if (code) {
        dr_remote_close(remote);
        *out = NULL;
    }
    return code;
}

void dr_remote_close(struct dr_remote *remote)
{
    static const unsigned char terminate[] = {'X', 0, 0, 0, 4};
    if (!remote)
        return;
    if (remote->fd >= 0) {
        (void)!send(remote->fd, terminate, sizeof terminate, MSG_NOSIGNAL | MSG_DONTWAIT);
        close(remote->fd);
    }
    free(remote->in);
    free(remote->out);
    free(remote->values);
    free(remote->sizes);
    free(remote);
}

int dr_remote_in_transaction(const struct dr_remote *remote)
{
    return remote->status != 'I';
}

/* ---- a statement ---- */

void dr_remote_columns_free(struct dr_remote_columns *columns)
{
    for (int i = 0; i < columns->count; i++) {
        free(columns->name[i]);
        free(columns->type[i]);
    }
    free(columns->name);
    free(columns->type);
    *columns = (struct dr_remote_columns){.count = -1};
}

static void put_statement(struct dr_remote *remote, const char *sql)
{
    size_t at = begin(remote, 'P');
    put_text(remote, "");
    put_text(remote, sql);
    put_number(remote, 0, 2);
    end(remote, at);
    at = begin(remote, 'B');
    put_text(remote, "");
    put_text(remote, "");
    put_number(remote, 0, 2); /* parameters' formats, parameters */
    put_number(remote, 0, 2);
    put_number(remote, 1, 2);
    put_number(remote, EXACT, 2);
    end(remote, at);
    at = begin(remote, 'D');
    put(remote, "P", 2);
    end(remote, at);
    at = begin(remote, 'E');
    put_text(remote, "");
    put_number(remote, 0, 4);
    end(remote, at);
    end(remote, begin(remote, 'S'));
}

/* "14:DECIMAL(10, 2)price" */
static int split_name(const char *text, char **type, char **name)
{
    char *rest;
    unsigned long length = strtoul(text, &rest, 10);
    if (rest == text || *rest != ':' || strlen(rest + 1) < length)
        return 0;
    *type = strndup(rest + 1, length);
    *name = strdup(rest + 1 + length);
    return *type && *name;
}

static duckrow_code take_columns(struct dr_remote *remote, struct message *message, struct dr_remote_columns *columns,
                                 duckrow_error *error)
{
    int count = (int)take_number(message, 2), ok = 1;
    free(remote->values);
    free(remote->sizes);
    remote->columns = count;
    remote->values = calloc((size_t)count + 1, sizeof *remote->values);
    remote->sizes = calloc((size_t)count + 1, sizeof *remote->sizes);
    columns->name = calloc((size_t)count + 1, sizeof *columns->name);
    columns->type = calloc((size_t)count + 1, sizeof *columns->type);
    if (!remote->values || !remote->sizes || !columns->name || !columns->type)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    for (int i = 0; i < count && ok; i++) {
        const char *name = take_text(message);
        message->at += message->end - message->at < 16 ? message->end - message->at : 16;
        int exact = take_number(message, 2) == EXACT;
        ok = exact ? split_name(name, &columns->type[i], &columns->name[i]) : (columns->name[i] = strdup(name)) != NULL;
        columns->count = i + 1;
    }
    return ok ? DUCKROW_OK : dr_fail(error, DUCKROW_IO, "the service describes its rows in a way that is not understood");
}

static void take_tag(struct dr_remote *remote, struct message *message)
{
    snprintf(remote->tag, sizeof remote->tag, "%s", take_text(message));
}

/* A session that is in the middle of COPY is of no more use. */
static int is_copy(struct dr_remote *remote, const struct message *message, duckrow_error *error)
{
    if (message->type != 'G' && message->type != 'H' && message->type != 'W')
        return 0;
    remote->answered = 1;
    dr_fail(error, DUCKROW_UNSUPPORTED, "duckrow sql has no stream for COPY %s: name a file, or use psql",
            message->type == 'G' ? "FROM STDIN" : "TO STDOUT");
    return 1;
}

/* To ReadyForQuery, whatever comes before it; the first error counts. */
static duckrow_code read_to_end(struct dr_remote *remote, duckrow_error *error)
{
    struct message message;
    duckrow_error other = {0};
    duckrow_code code = DUCKROW_OK;
    while (!remote->answered) {
        if (receive(remote, &message, &other)) {
            remote->answered = 1;
            if (!code)
                *error = other;
            return code ? code : other.code;
        }
        if (is_aside(remote, &message))
            continue;
        if (is_copy(remote, &message, code ? &other : error))
            return DUCKROW_UNSUPPORTED;
        if (message.type == 'E' && !code)
            code = fail(&message, error);
        else if (message.type == 'C')
            take_tag(remote, &message);
        else if (message.type == 'Z') {
            remote->status = (char)take_number(&message, 1);
            remote->answered = 1;
        }
    }
    return code;
}

duckrow_code dr_remote_execute(struct dr_remote *remote, const char *sql, struct dr_remote_columns *columns, duckrow_error *error)
{
    struct message message;
    *columns = (struct dr_remote_columns){.count = -1};
    *remote->tag = 0;
    remote->columns = remote->complete = 0;
    put_statement(remote, sql);
    remote->answered = 0;
    duckrow_code code = send_all(remote, error);
    while (!code && !(code = receive(remote, &message, error))) {
        if (is_aside(remote, &message) || message.type == '1' || message.type == '2')
            continue;
        if (message.type == 'n')
            return DUCKROW_OK;
        if (message.type == 'T')
            return take_columns(remote, &message, columns, error);
        if (is_copy(remote, &message, error))
            return DUCKROW_UNSUPPORTED;
        if (message.type != 'E')
            return dr_fail(error, DUCKROW_IO, "the service answers in a way that is not understood");
        duckrow_error ignored;
        code = fail(&message, error);
        if (read_to_end(remote, &ignored) == DUCKROW_IO && code == DUCKROW_SQL)
            remote->status = 'I';
        return code;
    }
    remote->answered = 1;
    return code;
}

static int take_values(struct dr_remote *remote, struct message *message, duckrow_error *error)
{
    int count = (int)take_number(message, 2);
    if (count != remote->columns) {
        dr_fail(error, DUCKROW_IO, "the service sends rows of another kind than it told");
        return -1;
    }
    for (int i = 0; i < count; i++) {
        uint32_t size = take_number(message, 4);
        int null = size == UINT32_MAX;
        if (!null && size > (size_t)(message->end - message->at)) {
            dr_fail(error, DUCKROW_IO, "the service sends a row that is not whole");
            return -1;
        }
        remote->values[i] = null ? NULL : (const char *)message->at;
        remote->sizes[i] = null ? 0 : size;
        message->at += remote->sizes[i];
    }
    return 1;
}

int dr_remote_row(struct dr_remote *remote, const char *const **values, const size_t **sizes, duckrow_error *error)
{
    struct message message;
    *values = remote->values;
    *sizes = remote->sizes;
    while (!remote->answered && !remote->complete) {
        if (receive(remote, &message, error)) {
            remote->answered = 1;
            return -1;
        }
        if (message.type == 'D')
            return take_values(remote, &message, error);
        if (message.type == 'C') {
            take_tag(remote, &message);
            remote->complete = 1;
            return 0;
        }
        if (message.type == 'E') {
            duckrow_error ignored;
            fail(&message, error);
            read_to_end(remote, &ignored);
            return -1;
        }
        is_aside(remote, &message);
    }
    return 0;
}

duckrow_code dr_remote_finish(struct dr_remote *remote, char tag[64], duckrow_error *error)
{
    duckrow_code code = read_to_end(remote, error);
    memcpy(tag, remote->tag, sizeof remote->tag);
    return code;
}
