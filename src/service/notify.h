/* Tells systemd how the service is: sd_notify(3)'s protocol, datagrams to the socket that NOTIFY_SOCKET names. */
#ifndef DR_NOTIFY_H
#define DR_NOTIFY_H

#include "core/error.h"

/* "READY=1", "STOPPING=1": one assignment a line. 1: told; 0: nobody wants to know; -1 with errno. */
int dr_notify(const char *state);
/* The line that systemctl status shows. Never waits; control characters become blanks, so that it stays one assignment. */
int dr_notify_status(const char *format, ...) DR_PRINTF(1, 2);

#endif
