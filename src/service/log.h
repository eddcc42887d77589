/* What the service has to say, on standard error, a line at a time.
 *
 * text    2026-11-25 12:00:00.123 UTC info [session 12, core, alice(1000) psql] message (rows 5, table t)
 *         Where standard error is systemd's journal (JOURNAL_STREAM names it) the journal has the time and wants the priority:
 *         <6>info [session 12, core, alice(1000) psql] message
 * json    {"time": "2026-11-25T12:00:00.123Z", "level": "info", "session": 12, "database": "core", "client": "alice(1000) psql",
 *          "message": "message", "rows": 5, "table": "t"}
 *
 * A line is one write(2), so threads and processes don't mix theirs, and has DR_LOG_LINE bytes at most with its end: what is longer
 * is cut at a character, "…" saying so, and a JSON line stays one object. Whatever a client sent, it can't begin a line of its own
 * or reach a terminal: control characters and bytes that aren't UTF-8 are written as \n, \x1b, \xff, and in JSON as JSON has them
 * (U+FFFD for a byte that isn't UTF-8). */
#ifndef DR_LOG_H
#define DR_LOG_H

#include "core/error.h"

enum { DR_LOG_LINE = 8192 };

enum dr_log_level { DR_LOG_DEBUG, DR_LOG_INFO, DR_LOG_WARNING, DR_LOG_ERROR };

/* One thing more that a line says: a text, or, with text NULL, a number. */
struct dr_log_field {
    const char *name, *text;
    int64_t number;
};

/* Whom a line is about. What is 0 or NULL is left out. Names are cut to 256 bytes. */
struct dr_log_about {
    int64_t session;
    const char *database, *client;
    const struct dr_log_field *fields; /* ended by one without a name */
};

/* "debug", "info", "warning", "error"; -1: none of them. */
int dr_log_level_named(const char *name);
/* How lines look and which are written, from here on; text and DR_LOG_INFO before. */
void dr_log_begin(enum dr_log_level least, int json);
/* Is such a line written at all? For what is dear to put together. */
int dr_log_wants(enum dr_log_level level);
/* about may be NULL. errno stays as it is. What standard error doesn't take is lost. */
void dr_log(enum dr_log_level level, const struct dr_log_about *about, const char *format, ...) DR_PRINTF(3, 4);

#endif
