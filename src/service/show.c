#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/figures.h"
#include "core/os.h"
#include "stats.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

void dr_put_texts(struct dr_buffer *out, const char *const *texts, int count)
{
    size_t at = dr_message_begin(out, 'D');
    dr_buffer_u16(out, (uint16_t)count);
    for (int i = 0; i < count; i++) {
        dr_buffer_u32(out, texts[i] ? (uint32_t)strlen(texts[i]) : UINT32_MAX);
        if (texts[i])
            dr_buffer_text(out, texts[i]);
    }
    dr_message_end(out, at);
}

static const char *number(int64_t value, char text[32])
{
    snprintf(text, 32, "%lld", (long long)value);
    return text;
}

/* ---- ALL ---- */

static const char *const all_columns[] = {"name", "setting", "description"};

static void put_all(struct dr_client *client, struct dr_buffer *out)
{
    const char *name, *about;
    char value[256];
    for (int i = 0; (name = dr_parameters_name(i, &about)); i++) {
        dr_parameters_show(&client->parameters, name, value);
        const char *const texts[] = {name, value, about};
        dr_put_texts(out, texts, COUNT(texts));
    }
}

/* ---- duckrow ---- */

static const char *const figure_columns[] = {"name", "value"};

static void put_figures(struct dr_buffer *out, const char *database, const duckrow_figure *figures, int count)
{
    char name[128], value[32];
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%.64s%s%s", database, *database ? "." : "", figures[i].name);
        const char *const texts[] = {name, number(figures[i].value, value)};
        dr_put_texts(out, texts, COUNT(texts));
    }
}

static void put_duckrow(struct dr_client *client, struct dr_buffer *out)
{
    const struct dr_server *server = client->server;
    duckrow_figure figures[DR_STATS];
    put_figures(out, "", figures, dr_stats_of_service(server, figures));
    for (int i = 0; i < server->host.databases; i++)
        put_figures(out, server->host.served[i].name, figures, dr_stats_of_database(server, i, figures));
}

/* ---- duckrow_databases ---- */

/* The first two aren't figures. */
static const char *const database_columns[] = {"database",     "path",         "transactions", "transactions_per_second",
                                               "commits",      "lane_waiting", "lane_groups",  "lane_units",
                                               "publish_p50",  "publish_p99",  "rotations",    "rotation_p50",
                                               "rotation_p99", "wal_bytes",    "wal_commits",  "snapshot_is_behind"};

static void put_databases(struct dr_client *client, struct dr_buffer *out)
{
    const struct dr_host *host = &client->server->host;
    duckrow_figure figures[DR_STATS];
    char values[COUNT(database_columns)][32];
    for (int i = 0; i < host->databases; i++) {
        int count = dr_stats_of_database(client->server, i, figures);
        const char *texts[COUNT(database_columns)] = {host->served[i].name, duckrow_db_path(host->served[i].db)};
        for (int k = 2; k < COUNT(texts); k++)
            texts[k] = number(dr_figure_of(figures, count, database_columns[k]), values[k]);
        dr_put_texts(out, texts, COUNT(texts));
    }
}

/* ---- duckrow_sessions ---- */

static const char *const session_columns[] = {"id",    "user",     "peer",           "pid",       "database", "application",
                                              "state", "state_ms", "transaction_ms", "statement", "waits_for"};

static void put_session(const struct dr_client *client, const struct dr_client *asker, int64_t now, struct dr_buffer *out)
{
    struct dr_session_look look = dr_look_at(client, now);
    char id[32], pid[32], state_ms[32], transaction_ms[32], statement[32];
    /* "INSERT 0": the count comes behind it. */
    size_t length = strlen(client->doing);
    int counted = length > 2 && strcmp(client->doing + length - 2, " 0") == 0;
    snprintf(statement, sizeof statement, "%.*s", (int)length - 2 * counted, client->doing);
    const char *const texts[] = {number(client->id, id),
                                 client->user,
                                 client->peer,
                                 number(client->peer_pid, pid),
                                 client->server->host.served[client->backend.database].name,
                                 client->parameters.application_name,
                                 client == asker ? "active" : look.state,
                                 number(look.state_ms, state_ms),
                                 look.transaction_ms < 0 ? NULL : number(look.transaction_ms, transaction_ms),
                                 *statement ? statement : NULL,
                                 look.waits_for};
    _Static_assert(COUNT(texts) == COUNT(session_columns), "a text for each column");
    dr_put_texts(out, texts, COUNT(texts));
}

/* From the oldest on. */
static void put_sessions(struct dr_client *client, struct dr_buffer *out)
{
    const struct dr_client *last = client->server->clients;
    int64_t now = dr_clock_ms();
    while (last && last->next)
        last = last->next;
    for (; last; last = last->before)
        if (last->phase == DR_PHASE_READY)
            put_session(last, client, now, out);
}

/* ---- duckrow_slots ---- */

static const char *const slot_columns[] = {"database",     "generation", "current", "complete",
                                           "published_at", "bytes",      "readers", "read_by"};

static void put_slot(const char *database, const duckrow_slot_status *slot, struct dr_buffer *out)
{
    char generation[32], published_at[32], bytes[32], readers[32], read_by[512] = "";
    for (int i = 0; i < slot->readers; i++) {
        size_t used = strlen(read_by);
        snprintf(read_by + used, sizeof read_by - used, "%s%lld", i ? " " : "", (long long)slot->reader[i].pid);
    }
    const char *const texts[] = {database,
                                 number(slot->generation, generation),
                                 slot->current ? "t" : "f",
                                 slot->complete ? "t" : "f",
                                 number(slot->published_at, published_at),
                                 number(slot->bytes, bytes),
                                 number(slot->readers, readers),
                                 read_by};
    _Static_assert(COUNT(texts) == COUNT(slot_columns), "a text for each column");
    dr_put_texts(out, texts, COUNT(texts));
}

static void put_slots(struct dr_client *client, struct dr_buffer *out)
{
    const struct dr_host *host = &client->server->host;
    duckrow_status *status = malloc(sizeof *status);
    for (int i = 0; status && i < host->databases; i++) {
        if (duckrow_status_read(host->served[i].db, status, &client->error))
            break;
        for (int k = 0; k < status->slots; k++)
            put_slot(host->served[i].name, &status->slot[k], out);
    }
    if (!status)
        dr_fail(&client->error, DUCKROW_NO_MEMORY, "out of memory");
    free(status);
}

/* ---- */

static const struct dr_show shows[] = {
    {"ALL", all_columns, COUNT(all_columns), put_all, 0},
    {"duckrow", figure_columns, COUNT(figure_columns), put_duckrow, 0},
    {"duckrow_databases", database_columns, COUNT(database_columns), put_databases, 0},
    {"duckrow_sessions", session_columns, COUNT(session_columns), put_sessions, 0},
    {"duckrow_slots", slot_columns, COUNT(slot_columns), put_slots, 1},
};

const struct dr_show *dr_show_find(const char *name)
{
    for (int i = 0; i < COUNT(shows); i++)
        if (strcasecmp(name, shows[i].name) == 0)
            return &shows[i];
    return NULL;
}
