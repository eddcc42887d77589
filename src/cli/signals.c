#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { ENDING = 3 }; /* the first of these end waits; the others matter only to a child */
static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static struct sigaction before[NUMBERS], pipe_before;
static volatile sig_atomic_t received, times;
static const dr_session *volatile watched;

/* The engine's threads take signals too, whatever the main thread has blocked: so forwarding begins before there is a child, and
 * what comes early is kept. Who takes a number out of early sends it. */
static atomic_int child;
static atomic_uint early;
enum { NOT_YET = -1 };

static void send_early(int i)
{
    unsigned bit = 1U << i;
    int pid = child;
    if (pid > 0 && (atomic_fetch_and(&early, ~bit) & bit))
        kill(pid, numbers[i]);
}

static void forward(int number)
{
    for (int i = 0; i < NUMBERS; i++)
        if (numbers[i] == number) {
            atomic_fetch_or(&early, 1U << i);
            send_early(i);
        }
}

static void handle(int number, siginfo_t *info, void *context)
{
    (void)context;
    int saved = errno;
    if (child) {
        /* A positive code is the kernel's, so the terminal's. */
        if (info->si_code <= 0)
            forward(number);
    } else {
        if (!received)
            received = number;
        times = times + 1;
        if (times >= 3)
            _exit(128 + number);
        if (watched)
            dr_session_interrupt(watched);
    }
    errno = saved;
}

static void install(int first, int end)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    sigfillset(&action.sa_mask);
    for (int i = first; i < end; i++) {
        sigaction(numbers[i], NULL, &before[i]);
        /* Whoever started us has decided (nohup). */
        if ((before[i].sa_flags & SA_SIGINFO) || before[i].sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

static void restore(int first, int end)
{
    for (int i = first; i < end; i++)
        sigaction(numbers[i], &before[i], NULL);
}

void dr_signals_begin(void)
{
    received = times = 0;
    child = 0;
    watched = NULL;
    install(0, ENDING);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, &pipe_before);
}

void dr_signals_end(void)
{
    restore(0, ENDING);
    sigaction(SIGPIPE, &pipe_before, NULL);
}

int dr_signals_received(void)
{
    return received;
}

void dr_signals_wait(int64_t milliseconds)
{
    struct timespec left = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    while (!dr_signals_received() && nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

void dr_signals_watch(const dr_session *session)
{
    watched = session;
}

void dr_signals_forward_begin(void)
{
    early = 0;
    child = NOT_YET;
    install(ENDING, NUMBERS);
}

void dr_signals_forward_to(pid_t pid)
{
    child = pid;
    for (int i = 0; i < NUMBERS; i++)
        send_early(i);
}

void dr_signals_forward_end(void)
{
    restore(ENDING, NUMBERS);
    child = 0;
}

void dr_signals_reset_in_child(void)
{
    restore(ENDING, NUMBERS);
    dr_signals_end();
}
