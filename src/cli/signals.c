#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum { ENDING = 3 }; /* the first of these end waits; the others matter only to a child */
static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static struct sigaction before[NUMBERS], pipe_before;
static volatile sig_atomic_t received, times, child;
static const dr_session *volatile watched;

static void handle(int number, siginfo_t *info, void *context)
{
    (void)context;
    int saved = errno;
    if (child) {
        /* A positive code is the kernel's, so the terminal's. */
        if (info->si_code <= 0)
            kill(child, number);
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
    received = times = child = 0;
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

void dr_signals_watch(const dr_session *session)
{
    watched = session;
}

void dr_signals_forward(int64_t pid)
{
    if (pid && !child)
        install(ENDING, NUMBERS);
    else if (!pid && child)
        restore(ENDING, NUMBERS);
    child = (sig_atomic_t)pid;
}

void dr_signals_reset_in_child(void)
{
    dr_signals_end();
}
