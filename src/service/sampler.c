#include "sampler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/figures.h"
#include "core/os.h"
#include "log.h"
#include "stats.h"

enum { SECOND_MS = 1000, SAMPLES = DR_RATE_SECONDS + 1 };

struct sample {
    int64_t at, transactions[DR_DATABASES], commits[DR_DATABASES], ingested_rows[DR_DATABASES];
};

struct dr_sampler {
    struct dr_server *server;
    int64_t started_at; /* of the calendar */
    int fd[DR_DATABASES];
    int count, newest; /* samples there are */
    struct sample sample[SAMPLES];
};

static void take_sample(struct dr_sampler *sampler, int64_t now)
{
    const struct dr_host *host = &sampler->server->host;
    sampler->newest = (sampler->newest + 1) % SAMPLES;
    sampler->count += sampler->count < SAMPLES;
    struct sample *sample = &sampler->sample[sampler->newest];
    sample->at = now;
    for (int i = 0; i < host->databases; i++) {
        sample->transactions[i] = host->served[i].transactions;
        sample->commits[i] = host->served[i].total_commits;
        struct dr_ingested ingested;
        dr_ingester_look(sampler->server->ingester[i], &ingested);
        sample->ingested_rows[i] = ingested.rows;
    }
}

static int64_t a_second(int64_t many, int64_t ms)
{
    return (many * SECOND_MS + ms / 2) / ms;
}

void dr_sampler_rates(const struct dr_sampler *sampler, int database, struct dr_rates *rates)
{
    *rates = (struct dr_rates){0};
    if (!sampler || sampler->count < 2)
        return;
    const struct sample *new = &sampler->sample[sampler->newest];
    const struct sample *old = &sampler->sample[(sampler->newest + SAMPLES + 1 - sampler->count) % SAMPLES];
    int64_t ms = new->at - old->at;
    if (ms <= 0)
        return;
    rates->transactions = a_second(new->transactions[database] - old->transactions[database], ms);
    rates->commits = a_second(new->commits[database] - old->commits[database], ms);
    rates->ingested_rows = a_second(new->ingested_rows[database] - old->ingested_rows[database], ms);
}

static void leave_figures(const struct dr_sampler *sampler)
{
    duckrow_figure figures[2 + 2 * DR_STATS] = {{"at", dr_calendar_ms()}, {"started_at", sampler->started_at}};
    int shared = 2 + dr_stats_of_service(sampler->server, figures + 2);
    for (int i = 0; i < sampler->server->host.databases; i++)
        if (sampler->fd[i] >= 0)
            dr_figures_write(sampler->fd[i], figures, shared + dr_stats_of_database(sampler->server, i, figures + shared));
}

void dr_sampler_tick(struct dr_sampler *sampler, int64_t now)
{
    if (sampler->count && now - sampler->sample[sampler->newest].at < SECOND_MS)
        return;
    take_sample(sampler, now);
    leave_figures(sampler);
}

struct dr_sampler *dr_sampler_open(struct dr_server *server)
{
    struct dr_sampler *sampler = calloc(1, sizeof *sampler);
    if (!sampler)
        return NULL;
    sampler->server = server;
    sampler->started_at = dr_calendar_ms();
    for (int i = 0; i < server->host.databases; i++) {
        sampler->fd[i] = dr_figures_open(server->host.served[i].db);
        if (sampler->fd[i] < 0)
            dr_log(DR_LOG_WARNING, &(struct dr_log_about){.database = server->host.served[i].name},
                   "cannot leave figures for duckrow status: %s", strerror(errno));
    }
    dr_sampler_tick(sampler, dr_clock_ms());
    return sampler;
}

void dr_sampler_close(struct dr_sampler *sampler)
{
    if (!sampler)
        return;
    for (int i = 0; i < sampler->server->host.databases; i++) {
        if (sampler->fd[i] >= 0)
            dr_figures_remove(sampler->server->host.served[i].db);
        dr_close(sampler->fd[i]);
    }
    free(sampler);
}
