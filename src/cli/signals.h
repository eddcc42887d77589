/* Signals while a subcommand runs: the first of INT, TERM or HUP ends waits and statements, so that what is open is closed in
 * order; the third ends the process at once. PIPE is ignored: writing fails instead. What was set up before is put back at the
 * end, for the program may run inside another (pip's script). */
#ifndef DR_SIGNALS_H
#define DR_SIGNALS_H

#include <sys/types.h>

#include "engine/session.h"

void dr_signals_begin(void);
void dr_signals_end(void);
/* The number of the first signal that came, or 0. */
int dr_signals_received(void);
/* So long, or until one comes. */
void dr_signals_wait(int64_t milliseconds);
/* The session whose statements a signal ends; NULL: none. */
void dr_signals_watch(const dr_session *session);
/* From begin to end signals go to a child, QUIT, USR1 and USR2 too, instead of ending waits; those that come before there is one
 * are sent to it then. A signal that the terminal sends reaches the child by itself, as it is in the same process group. */
void dr_signals_forward_begin(void);
void dr_signals_forward_to(pid_t pid);
void dr_signals_forward_end(void);
/* For a child before it executes something else: signals as they were before dr_signals_begin and dr_signals_forward_begin. */
void dr_signals_reset_in_child(void);

#endif
