/* A condition variable whose waits end at a time of dr_clock_ms. */
#ifndef DR_CONDITION_H
#define DR_CONDITION_H

#include <pthread.h>
#include <stdint.h>

void dr_condition_init(pthread_cond_t *condition);
/* Waits for a signal, until `until` at most. 0: that is past; 1: look again, whatever woke it. */
int dr_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until);

#endif
