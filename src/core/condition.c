#include "condition.h"

#include <time.h>

#include "os.h"

void dr_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* dr_clock_ms counts sleep of the machine, the condition doesn't, so what is left is asked each time. */
int dr_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until)
{
    int64_t left = until - dr_clock_ms();
    if (left <= 0)
        return 0;
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += left / 1000;
    at.tv_nsec += left % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(condition, mutex, &at);
    return 1;
}

int64_t dr_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int dr_condition_wait_us(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until)
{
    struct timespec at = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
    return pthread_cond_timedwait(condition, mutex, &at) == 0;
}
