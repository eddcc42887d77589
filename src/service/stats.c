#include "stats.h"

#include <stdio.h>

#include "client.h"
#include "core/os.h"

static void add(struct dr_stat *stats, int *count, const char *database, const char *name, int64_t value)
{
    if (*count == DR_STATS)
        return;
    struct dr_stat *stat = &stats[(*count)++];
    snprintf(stat->name, sizeof stat->name, "%.40s%s%s", database, *database ? "." : "", name);
    stat->value = value;
}

static void add_times(struct dr_stat *stats, int *count, const char *database, const char *many, const char *one,
                      const struct dr_times *times)
{
    const struct {
        const char *name;
        int64_t value;
    } told[] = {{"mean", dr_times_mean(times)},
                {"p50", dr_times_at(times, 500)},
                {"p99", dr_times_at(times, 990)},
                {"longest", times->longest}};
    char name[32];
    add(stats, count, database, many, times->count);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        snprintf(name, sizeof name, "%s_%s", one, told[i].name);
        add(stats, count, database, name, told[i].value);
    }
}

static void add_database(struct dr_server *server, int i, struct dr_stat *stats, int *count)
{
    struct dr_served *served = &server->host.served[i];
    struct dr_lane_status lane;
    dr_lane_look(server->lane[i], &lane);
    add(stats, count, served->name, "commits", served->total_commits);
    add(stats, count, served->name, "lane_waiting", lane.waiting);
    add(stats, count, served->name, "lane_groups", lane.groups);
    add(stats, count, served->name, "lane_units", lane.units);
    add(stats, count, served->name, "lane_largest_group", lane.largest);
    add_times(stats, count, served->name, "publishes", "publish", &served->publishes);
    add_times(stats, count, served->name, "rotations", "rotation", &served->rotations);
    add(stats, count, served->name, "wal_commits", served->commits);
    add(stats, count, served->name, "snapshot_sequence", served->sequence);
    add(stats, count, served->name, "snapshot_is_behind", served->unpublished != DUCKROW_OK);
}

int dr_stats(struct dr_server *server, struct dr_stat *stats)
{
    int count = 0, busy = 0, open = 0;
    int64_t longest = 0, now = dr_clock_ms();
    for (const struct dr_client *client = server->clients; client; client = client->next) {
        int64_t wrote_at = client->backend.wrote_at;
        busy += client->busy;
        open += client->backend.open;
        if (wrote_at && now - wrote_at > longest)
            longest = now - wrote_at;
    }
    add(stats, &count, "", "sessions", server->count);
    add(stats, &count, "", "sessions_busy", busy);
    add(stats, &count, "", "transactions_open", open);
    add(stats, &count, "", "longest_transaction_ms", longest);
    for (int i = 0; i < server->host.databases; i++)
        add_database(server, i, stats, &count);
    return count;
}
