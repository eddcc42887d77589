/* The start of a session: who it is, whether it may, and what it begins with. */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "messages.h"
#include "sqlstate.h"

/* ---- who may ---- */

static int is_named(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; *at; at += *at == ',') {
        while (*at == ' ')
            at++;
        size_t n = strcspn(at, ",");
        size_t used = n;
        while (used && at[used - 1] == ' ')
            used--;
        if (used == length && strncmp(at, name, length) == 0)
            return 1;
        at += n;
    }
    return 0;
}

static int is_in_group(const struct dr_settings *settings, const struct passwd *user)
{
    gid_t groups[256];
    int count = 256;
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
        count = 256;
    for (int i = 0; i < count; i++) {
        const struct group *group = getgrgid(groups[i]);
        if (group && is_named(settings->groups, group->gr_name))
            return 1;
    }
    return 0;
}

static int may_connect(struct dr_client *client)
{
    const struct dr_settings *settings = client->server->settings;
    struct ucred peer;
    socklen_t size = sizeof peer;
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&client->pipe, &fd) || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return 0;
    const struct passwd *user = getpwuid(peer.uid);
    client->peer_pid = peer.pid;
    if (user)
        snprintf(client->peer, sizeof client->peer, "%s", user->pw_name);
    else
        snprintf(client->peer, sizeof client->peer, "%u", (unsigned)peer.uid);
    return peer.uid == geteuid() || peer.uid == 0 || is_named(settings->users, client->peer) ||
           (user && *settings->groups && is_in_group(settings, user));
}

/* ---- startup ---- */

static void cancel_other(struct dr_client *client, uint32_t id, uint32_t secret)
{
    for (struct dr_client *each = client->server->clients; each; each = each->next)
        if (each->id == id && each->secret == secret && each->busy)
            dr_backend_cancel(&each->backend, "canceling statement due to user request");
    dr_client_end(client);
}

static int find_database(const struct dr_client *client, const char *name)
{
    const struct dr_host *host = &client->server->host;
    for (int i = 0; i < host->databases; i++)
        if (strcasecmp(host->served[i].name, name) == 0)
            return i;
    return !*name || strcmp(name, client->user) == 0 ? 0 : -1;
}

static void refuse_database(struct dr_client *client, const char *name)
{
    char message[512];
    const struct dr_host *host = &client->server->host;
    int used = snprintf(message, sizeof message, "database \"%.100s\" is not served here; there is", name);
    for (int i = 0; i < host->databases && used < (int)sizeof message; i++)
        used += snprintf(message + used, sizeof message - (size_t)used, "%s %s", i ? "," : "", host->served[i].name);
    dr_client_fatal(client, "3D000", message);
}

static void greet(struct dr_client *client)
{
    struct dr_buffer out = {0};
    size_t at = dr_message_begin(&out, 'R');
    dr_buffer_u32(&out, 0);
    dr_message_end(&out, at);
    dr_parameters_tell(&client->parameters, client->server->version, &out);
    at = dr_message_begin(&out, 'K');
    dr_buffer_u32(&out, client->id);
    dr_buffer_u32(&out, client->secret);
    dr_message_end(&out, at);
    dr_message_ready(&out, 'I');
    dr_client_put(client, &out);
    dr_buffer_free(&out);
    client->phase = DR_PHASE_READY;
    dr_client_log(client, DR_LOG_DEBUG, "connected");
}

/* "-c name=value --name=value", as in PGOPTIONS. */
static duckrow_code take_options(struct dr_client *client, const char *options, duckrow_error *error)
{
    char copy[1024], *rest, *word;
    snprintf(copy, sizeof copy, "%s", options);
    duckrow_code code = DUCKROW_OK;
    for (word = strtok_r(copy, " ", &rest); word && !code; word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "-c") == 0)
            continue;
        word += strncmp(word, "--", 2) == 0 ? 2 : strncmp(word, "-c", 2) == 0 ? 2 : 0;
        char *value = strchr(word, '=');
        if (!value)
            return dr_fail(error, DUCKROW_USAGE, "invalid command-line argument for server process: %.100s", word);
        *value++ = 0;
        for (char *at = word; *at; at++)
            if (*at == '-')
                *at = '_';
        code = dr_parameters_set(&client->parameters, word, value, NULL, error);
        if (code == DUCKROW_NOT_FOUND)
            code = dr_fail(error, DUCKROW_NOT_FOUND, "unrecognized configuration parameter \"%.100s\"", word);
    }
    return code;
}

static duckrow_code take_parameter(struct dr_client *client, const char *name, const char *value, char *database, size_t size,
                                   duckrow_error *error)
{
    if (strcmp(name, "user") == 0)
        snprintf(client->user, sizeof client->user, "%s", value);
    else if (strcmp(name, "database") == 0)
        snprintf(database, size, "%s", value);
    else if (strcmp(name, "options") == 0)
        return take_options(client, value, error);
    else if (strcmp(name, "replication") == 0)
        return dr_fail(error, DUCKROW_UNSUPPORTED, "replication is not supported");
    else if (strncmp(name, "_pq_.", 5) != 0) {
        duckrow_code code = dr_parameters_set(&client->parameters, name, value, NULL, error);
        return code == DUCKROW_NOT_FOUND ? DUCKROW_OK : code;
    }
    return DUCKROW_OK;
}

/* Without those that are on their way out. */
static int count_sessions(const struct dr_server *server)
{
    int count = 0;
    for (const struct dr_client *each = server->clients; each; each = each->next)
        count += each->phase != DR_PHASE_ENDING;
    return count;
}

static void start_session(struct dr_client *client, struct dr_startup *startup)
{
    duckrow_error error = {0};
    char database[128] = "";
    const char *name, *value;
    duckrow_code code = DUCKROW_OK;
    while (!code && dr_startup_next(startup, &name, &value))
        code = take_parameter(client, name, value, database, sizeof database, &error);
    if (code)
        dr_client_fatal(client, dr_sqlstate(&error), error.message);
    else if (!may_connect(client))
        dr_client_fatal(client, "28000", "this user may not connect here: name it in the service's users or groups");
    else if (count_sessions(client->server) > client->server->settings->max_connections)
        dr_client_fatal(client, "53300", "too many clients already: max_connections says how many there may be");
    else if (client->server->draining)
        dr_client_fatal(client, "57P03", "the service is shutting down");
    else if ((client->backend.database = find_database(client, database)) < 0)
        refuse_database(client, database);
    else {
        snprintf(client->parameters.user, sizeof client->parameters.user, "%s", client->user);
        client->start = client->parameters;
        client->backend.busy_timeout = client->parameters.busy_timeout;
        client->backend.zone = client->parameters.zone;
        greet(client);
    }
}

void dr_startup(struct dr_client *client, struct dr_frame *frame)
{
    struct dr_startup startup;
    struct dr_buffer no = {0};
    duckrow_error error;
    if (dr_message_startup(frame, &startup, &error)) {
        dr_client_fatal(client, "08P01", error.message);
        return;
    }
    switch (startup.code) {
    case DR_SSL_REQUEST:
    case DR_GSS_REQUEST:
        dr_buffer_u8(&no, 'N');
        dr_client_put(client, &no);
        dr_buffer_free(&no);
        return;
    case DR_CANCEL_REQUEST:
        cancel_other(client, startup.backend, startup.secret);
        return;
    default:
        if (startup.code >> 16 != 3)
            dr_client_fatal(client, "0A000", "this service speaks version 3 of the protocol");
        else
            start_session(client, &startup);
    }
}
