/* What Prometheus collects: the numbers of stats.h as text, on a Unix socket or a loopback port, to whoever asks.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4), over HTTP/1.0: any request gets the same answer.
 *
 *     # TYPE duckrow_sessions gauge
 *     duckrow_sessions 3
 *     # TYPE duckrow_commits counter
 *     duckrow_commits{database="core"} 1200
 */
#ifndef DR_METRICS_H
#define DR_METRICS_H

#include "buffer.h"
#include "stats.h"

/* Listens where the settings say; nothing where they say nothing. Errors: USAGE, IO. */
duckrow_code dr_metrics_start(struct dr_server *server, duckrow_error *error);
/* The text, for tests and the answer. */
void dr_metrics_text(const struct dr_server *server, struct dr_buffer *out);

#endif
