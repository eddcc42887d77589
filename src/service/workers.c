#include "workers.h"

#include <pthread.h>
#include <stdlib.h>

struct dr_workers {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    struct dr_task *first, **last;
    int idle, count, most, waiting, closing;
    pthread_t *thread;
};

struct dr_workers *dr_workers_open(int most)
{
    struct dr_workers *workers = calloc(1, sizeof *workers);
    pthread_t *threads = calloc((size_t)most, sizeof *threads);
    if (!workers || !threads) {
        free(workers);
        free(threads);
        return NULL;
    }
    workers->thread = threads;
    workers->most = most;
    workers->last = &workers->first;
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_cond_init(&workers->arrived, NULL);
    return workers;
}

static void *work(void *argument)
{
    struct dr_workers *workers = argument;
    pthread_mutex_lock(&workers->mutex);
    for (;;) {
        workers->idle++;
        while (!workers->first && !workers->closing)
            pthread_cond_wait(&workers->arrived, &workers->mutex);
        workers->idle--;
        struct dr_task *task = workers->first;
        if (!task)
            break;
        workers->first = task->next;
        if (!workers->first)
            workers->last = &workers->first;
        workers->waiting--;
        pthread_mutex_unlock(&workers->mutex);
        task->run(task);
        pthread_mutex_lock(&workers->mutex);
    }
    pthread_mutex_unlock(&workers->mutex);
    return NULL;
}

void dr_workers_put(struct dr_workers *workers, struct dr_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&workers->mutex);
    *workers->last = task;
    workers->last = &task->next;
    workers->waiting++;
    /* Where no thread can be started the task waits for one that there is; the first is started with the service. */
    if (workers->waiting > workers->idle && workers->count < workers->most &&
        pthread_create(&workers->thread[workers->count], NULL, work, workers) == 0)
        workers->count++;
    pthread_cond_signal(&workers->arrived);
    pthread_mutex_unlock(&workers->mutex);
}

void dr_workers_close(struct dr_workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->mutex);
    workers->closing = 1;
    pthread_cond_broadcast(&workers->arrived);
    pthread_mutex_unlock(&workers->mutex);
    for (int i = 0; i < workers->count; i++)
        pthread_join(workers->thread[i], NULL);
    free(workers->thread);
    free(workers);
}
