#include "stats.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client.h"
#include "core/os.h"
#include "sampler.h"

struct list {
    duckrow_figure *figures;
    int count;
};

static void add(struct list *list, const char *name, int64_t value)
{
    if (list->count == DR_STATS)
        return;
    duckrow_figure *figure = &list->figures[list->count++];
    snprintf(figure->name, sizeof figure->name, "%s", name);
    figure->value = value;
}

static void add_times(struct list *list, const char *many, const char *one, const struct dr_times *times)
{
    const struct {
        const char *name;
        int64_t value;
    } told[] = {{"mean", dr_times_mean(times)},
                {"p50", dr_times_at(times, 500)},
                {"p99", dr_times_at(times, 990)},
                {"longest", times->longest}};
    char name[32];
    add(list, many, times->count);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        snprintf(name, sizeof name, "%s_%s", one, told[i].name);
        add(list, name, told[i].value);
    }
}

static int64_t wal_bytes(const struct dr_served *served)
{
    char path[PATH_MAX + 8];
    struct stat st;
    snprintf(path, sizeof path, "%s.wal", duckrow_db_path(served->db));
    return dr_os.lstat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

int dr_stats_of_database(const struct dr_server *server, int database, duckrow_figure *figures)
{
    const struct dr_served *served = &server->host.served[database];
    struct list list = {figures, 0};
    struct dr_lane_status lane;
    struct dr_rates rates;
    dr_lane_look(server->lane[database], &lane);
    dr_sampler_rates(server->sampler, database, &rates);
    add(&list, "transactions", served->transactions);
    add(&list, "transactions_per_second", rates.transactions);
    add(&list, "commits", served->total_commits);
    add(&list, "commits_per_second", rates.commits);
    add(&list, "lane_waiting", lane.waiting);
    add(&list, "lane_groups", lane.groups);
    add(&list, "lane_units", lane.units);
    add(&list, "lane_largest_group", lane.largest);
    add_times(&list, "publishes", "publish", &served->publishes);
    add_times(&list, "rotations", "rotation", &served->rotations);
    struct dr_ingested ingested;
    dr_ingester_look(server->ingester[database], &ingested);
    add(&list, "ingested_files", ingested.files);
    add(&list, "ingested_rows", ingested.rows);
    add(&list, "ingested_rows_per_second", rates.ingested_rows);
    add(&list, "ingested_bytes", ingested.bytes);
    add(&list, "ingest_refused_files", ingested.quarantined);
    add(&list, "staged_files", ingested.backlog.files);
    add(&list, "staged_bytes", ingested.backlog.bytes);
    add(&list, "staged_oldest_ms", ingested.backlog.files ? dr_backlog_age_ms(&ingested.backlog) : 0);
    add(&list, "wal_bytes", wal_bytes(served));
    add(&list, "wal_commits", served->commits);
    add(&list, "snapshot_sequence", served->sequence);
    add(&list, "handed_over", served->away);
    add(&list, "held_by_pid", served->held_by);
    add(&list, "snapshot_is_behind", served->unpublished != DUCKROW_OK);
    return list.count;
}

int dr_stats_of_service(const struct dr_server *server, duckrow_figure *figures)
{
    struct list list = {figures, 0};
    const struct dr_client *oldest = NULL;
    int busy = 0, open = 0, waiting = 0;
    int64_t longest = -1, now = dr_clock_ms();
    for (const struct dr_client *client = server->clients; client; client = client->next) {
        struct dr_session_look look = dr_look_at(client, now);
        busy += client->busy;
        open += look.transaction_ms >= 0;
        waiting += look.waits_for != NULL;
        if (look.transaction_ms > longest) {
            longest = look.transaction_ms;
            oldest = client;
        }
    }
    add(&list, "sessions", server->count);
    add(&list, "sessions_busy", busy);
    add(&list, "sessions_waiting", waiting);
    add(&list, "transactions_open", open);
    add(&list, "longest_transaction_ms", oldest ? longest : 0);
    add(&list, "longest_transaction_session", oldest ? oldest->id : 0);
    add(&list, "longest_transaction_pid", oldest ? oldest->peer_pid : 0);
    return list.count;
}

int dr_stat_counts(const char *name)
{
    static const char *const names[] = {"transactions",  "commits",        "lane_groups",         "lane_units",
                                        "publishes",     "rotations",      "snapshot_sequence",   "ingested_files",
                                        "ingested_rows", "ingested_bytes", "ingest_refused_files"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return 1;
    return 0;
}

struct dr_session_look dr_look_at(const struct dr_client *client, int64_t now)
{
    struct dr_session_look look = {.state = "idle", .transaction_ms = -1};
    int64_t began_at = client->backend.began_at, since = client->busy ? client->running_since : client->idle_since;
    if (client->phase != DR_PHASE_READY)
        look.state = client->phase == DR_PHASE_STARTUP ? "starting" : "ending";
    else if (client->busy)
        look.state = "active";
    else if (client->status == 'E')
        look.state = "idle in transaction (aborted)";
    else if (client->status == 'T' || began_at)
        look.state = "idle in transaction";
    look.state_ms = since && now > since ? now - since : 0;
    if (client->busy)
        look.waits_for = client->backend.waits_for;
    if (began_at)
        look.transaction_ms = now > began_at ? now - began_at : 0;
    return look;
}
