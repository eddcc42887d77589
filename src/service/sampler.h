/* Looks at the service once a second: for what it did in the last seconds, and to leave its figures for those who look from outside
 * (core/figures.h). In the loop. */
#ifndef DR_SAMPLER_H
#define DR_SAMPLER_H

#include "server.h"

struct dr_rates {
    int64_t transactions, commits, ingested_rows; /* a second, of the last DR_RATE_SECONDS */
};
enum { DR_RATE_SECONDS = 5 };

/* NULL: no memory. A file that can't be made is logged, and done without. */
struct dr_sampler *dr_sampler_open(struct dr_server *server);
/* At any time, and often: it looks at the clock. */
void dr_sampler_tick(struct dr_sampler *sampler, int64_t now);
/* Removes the files. */
void dr_sampler_close(struct dr_sampler *sampler);
/* sampler may be NULL: zeros. */
void dr_sampler_rates(const struct dr_sampler *sampler, int database, struct dr_rates *rates);

#endif
