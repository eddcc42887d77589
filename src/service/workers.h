/* Threads for what may take long: statements beside the lane, reads, looking at statements. Started when there is more to do than idle
 * threads, up to a limit; then tasks wait in order. An urgent task, one that others may be waiting for, always gets a thread. */
#ifndef DR_WORKERS_H
#define DR_WORKERS_H

#include "core/error.h"

struct dr_task {
    struct dr_task *next;
    void (*run)(struct dr_task *task);
};

struct dr_workers;
struct dr_workers *dr_workers_open(int most); /* NULL: no memory */
/* After the last task. */
void dr_workers_close(struct dr_workers *workers);
void dr_workers_put(struct dr_workers *workers, struct dr_task *task, int urgent);

#endif
