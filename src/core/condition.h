/* A condition variable whose waits end at a time of dr_clock_ms, or of dr_now_us. */
#ifndef DR_CONDITION_H
#define DR_CONDITION_H

#include <pthread.h>
#include <stdint.h>

void dr_condition_init(pthread_cond_t *condition);
/* Waits for a signal, until `until` at most. 0: that is past; 1: look again, whatever woke it. */
int dr_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until);
/* For short waits; not counted while the machine sleeps. */
int64_t dr_now_us(void);
int dr_condition_wait_us(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until);

#endif
