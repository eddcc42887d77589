/* Where results go: standard output, or a file that appears whole or not at all. A file is written beside its final name and
 * renamed at the end, its mode that of the file it replaces; links are followed. What is there but isn't a regular file (a pipe,
 * /dev/null) is written to directly. */
#ifndef DR_OUTPUT_H
#define DR_OUTPUT_H

#include <limits.h>
#include <stddef.h>

#include "core/error.h"

struct dr_output {
    int fd;
    int broken;                   /* nobody reads any more (EPIPE): end quietly */
    char path[PATH_MAX];          /* final name; "" for standard output and for what is written to directly */
    char temporary[PATH_MAX];     /* "" once it has been renamed or removed */
    const char *name;             /* for messages */
    size_t used;
    char buffer[64 * 1024];
};

/* file NULL or "-": standard output. */
duckrow_code dr_output_open(struct dr_output *output, const char *file, duckrow_error *error);
duckrow_code dr_output_write(struct dr_output *output, const void *data, size_t size, duckrow_error *error);
duckrow_code dr_output_print(struct dr_output *output, duckrow_error *error, const char *format, ...) DR_PRINTF(3, 4);
duckrow_code dr_output_flush(struct dr_output *output, duckrow_error *error);
/* Everything is written: gives the file its name. */
duckrow_code dr_output_finish(struct dr_output *output, duckrow_error *error);
/* Closes; what has not been finished is removed. */
void dr_output_close(struct dr_output *output);

#endif
