/* Errors inside the library. Every function that can fail returns a duckrow_code and fills the caller's duckrow_error through
 * one of these two, so that a message is written once, where the reason is known. */
#ifndef DR_ERROR_H
#define DR_ERROR_H

#include "duckrow.h"

#define DR_PRINTF(line, first) __attribute__((__format__(__printf__, line, first)))

/* Fills *error (may be NULL) with code and a formatted line; returns code. */
duckrow_code dr_fail(duckrow_error *error, duckrow_code code, const char *format, ...) DR_PRINTF(3, 4);
/* The same for a failed system call: the code follows from errno, and ": " and errno's text are appended. */
duckrow_code dr_fail_os(duckrow_error *error, int os_errno, const char *format, ...) DR_PRINTF(3, 4);
duckrow_code dr_code_of_errno(int os_errno);
void dr_error_clear(duckrow_error *error);

#endif
