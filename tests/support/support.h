/* What C tests share: folders that go away, child processes that never outlive a test, waiting for conditions. Include it first:
 * cmocka's header needs the ones before it. */
#ifndef DUCKROW_SUPPORT_H
#define DUCKROW_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/types.h>

/* The full count under `make soak`, the short one otherwise. */
int scaled(int full, int brief);

/* A new folder; it and everything in it is removed when the test program ends. The string stays until then. */
const char *temp_folder(void);
/* Removes all that is in it. */
void empty_folder(const char *folder);
/* folder/name, in one of a few static buffers. */
const char *path_in(const char *folder, const char *name);

int64_t clock_ms(void);
void sleep_ms(int ms);
/* Fails the test when the condition has not come true within ms. */
#define WAIT_UNTIL(condition, ms)                                                                                                \
    do {                                                                                                                         \
        int64_t wait_until_ = clock_ms() + (ms);                                                                                 \
        while (!(condition)) {                                                                                                   \
            if (clock_ms() > wait_until_)                                                                                        \
                fail_msg("not within %d ms: %s", (int)(ms), #condition);                                                         \
            sleep_ms(2);                                                                                                         \
        }                                                                                                                        \
    } while (0)

/* A forked child and a channel to it. It is killed when the test program ends, however that ends. */
typedef struct child {
    pid_t pid;
    int channel;
} child;

/* body runs in the child; what it returns is the exit status. */
child child_start(int (*body)(int channel, void *context), void *context);
void child_signal(const child *c, int signal);
/* The exit status, or 128 + the signal that ended it; fails the test when it has not ended within ms. */
int child_wait(child *c, int ms);
/* One byte each way, to go in step: 0, or -1 when the other side is gone or (receive) silent for ms. */
int channel_send(int channel, char what);
int channel_receive(int channel, int ms);

#endif
