#include "workers.h"

#include <pthread.h>
#include <stdlib.h>

struct queue {
    struct dr_task *first, **last;
    int waiting;
};

struct worker {
    struct worker *next;
    struct dr_workers *workers;
    pthread_t thread;
};

struct dr_workers {
    pthread_mutex_t mutex;
    pthread_cond_t arrived, left;
    struct worker *ended; /* to be joined: what DuckDB has for a thread must be gone before DuckDB is */
    struct queue urgent, others;
    int idle, count, most, closing;
};

static void init_queue(struct queue *queue)
{
    *queue = (struct queue){.last = &queue->first};
}

static void add(struct queue *queue, struct dr_task *task)
{
    task->next = NULL;
    *queue->last = task;
    queue->last = &task->next;
    queue->waiting++;
}

static struct dr_task *take(struct queue *queue)
{
    struct dr_task *task = queue->first;
    if (!task)
        return NULL;
    queue->first = task->next;
    if (!queue->first)
        queue->last = &queue->first;
    queue->waiting--;
    return task;
}

struct dr_workers *dr_workers_open(int most)
{
    struct dr_workers *workers = calloc(1, sizeof *workers);
    if (!workers)
        return NULL;
    workers->most = most;
    init_queue(&workers->urgent);
    init_queue(&workers->others);
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_cond_init(&workers->arrived, NULL);
    pthread_cond_init(&workers->left, NULL);
    return workers;
}

/* The next task. Threads beyond the limit have been started for what is urgent, and leave the others to the others. */
static struct dr_task *next_task(struct dr_workers *workers)
{
    struct dr_task *task = take(&workers->urgent);
    return task || workers->count > workers->most ? task : take(&workers->others);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct dr_workers *workers = worker->workers;
    pthread_mutex_lock(&workers->mutex);
    for (;;) {
        struct dr_task *task = next_task(workers);
        if (task) {
            pthread_mutex_unlock(&workers->mutex);
            task->run(task);
            pthread_mutex_lock(&workers->mutex);
            continue;
        }
        if (workers->closing || workers->count > workers->most)
            break;
        workers->idle++;
        pthread_cond_wait(&workers->arrived, &workers->mutex);
        workers->idle--;
    }
    workers->count--;
    worker->next = workers->ended;
    workers->ended = worker;
    pthread_cond_signal(&workers->left);
    pthread_mutex_unlock(&workers->mutex);
    return NULL;
}

static void join_ended(struct dr_workers *workers)
{
    while (workers->ended) {
        struct worker *worker = workers->ended;
        workers->ended = worker->next;
        pthread_join(worker->thread, NULL);
        free(worker);
    }
}

static void start_thread(struct dr_workers *workers)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return;
    worker->workers = workers;
    if (pthread_create(&worker->thread, NULL, work, worker) == 0)
        workers->count++;
    else
        free(worker);
}

void dr_workers_put(struct dr_workers *workers, struct dr_task *task, int urgent)
{
    pthread_mutex_lock(&workers->mutex);
    join_ended(workers);
    add(urgent ? &workers->urgent : &workers->others, task);
    /* Where no thread can be started the task waits for one that there is; the first is started with the service. */
    if (workers->urgent.waiting + workers->others.waiting > workers->idle && (urgent || workers->count < workers->most))
        start_thread(workers);
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
    while (workers->count)
        pthread_cond_wait(&workers->left, &workers->mutex);
    join_ended(workers);
    pthread_mutex_unlock(&workers->mutex);
    pthread_cond_destroy(&workers->arrived);
    pthread_cond_destroy(&workers->left);
    pthread_mutex_destroy(&workers->mutex);
    free(workers);
}
