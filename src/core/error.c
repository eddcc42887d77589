#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *message, *sqlstate;
    int status;
} codes[] = {
#define ROW(name, code, message, status, sqlstate) [code] = {"DUCKROW_" #name, message, sqlstate, status},
    DUCKROW_ERRORS(ROW)
#undef ROW
};

static int known(duckrow_code code)
{
    return (size_t)code < sizeof codes / sizeof *codes;
}

const char *duckrow_version(void)
{
    return DUCKROW_VERSION;
}

const char *duckrow_code_name(duckrow_code code)
{
    return known(code) ? codes[code].name : NULL;
}

const char *duckrow_code_message(duckrow_code code)
{
    return known(code) ? codes[code].message : NULL;
}

int duckrow_code_exit_status(duckrow_code code)
{
    return known(code) ? codes[code].status : 70;
}

const char *duckrow_code_sqlstate(duckrow_code code)
{
    return known(code) ? codes[code].sqlstate : NULL;
}

void duckrow_free(void *memory)
{
    free(memory);
}

void dr_error_clear(duckrow_error *error)
{
    if (error)
        memset(error, 0, sizeof *error);
}

duckrow_code dr_code_of_errno(int os_errno)
{
    switch (os_errno) {
    case ENOENT:
    case ENOTDIR:
        return DUCKROW_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return DUCKROW_PERMISSION;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return DUCKROW_DISK_FULL;
    case ENOMEM:
        return DUCKROW_NO_MEMORY;
    case EINTR:
        return DUCKROW_INTERRUPTED;
    case ENAMETOOLONG:
    case ELOOP:
        return DUCKROW_USAGE;
    default:
        return DUCKROW_IO;
    }
}

static void fill(duckrow_error *error, duckrow_code code, int os_errno, const char *format, va_list arguments)
{
    if (!error)
        return;
    char message[DUCKROW_MESSAGE_SIZE];
    int n = vsnprintf(message, sizeof message, format, arguments);
    if (os_errno && n >= 0 && (size_t)n < sizeof message) {
        char text[128];
        snprintf(message + n, sizeof message - (size_t)n, ": %s", strerror_r(os_errno, text, sizeof text));
    }
    error->code = code;
    error->os_errno = os_errno;
    memcpy(error->message, message, sizeof message);
}

duckrow_code dr_fail(duckrow_error *error, duckrow_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, code, 0, format, arguments);
    va_end(arguments);
    return code;
}

duckrow_code dr_fail_os(duckrow_error *error, int os_errno, const char *format, ...)
{
    duckrow_code code = dr_code_of_errno(os_errno);
    va_list arguments;
    va_start(arguments, format);
    fill(error, code, os_errno, format, arguments);
    va_end(arguments);
    return code;
}
