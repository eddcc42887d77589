#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signals.h"

/* The mode a new file gets from the umask; there is no way to ask for it without setting it. */
static mode_t default_mode(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static duckrow_code open_temporary(struct dr_output *output, const struct stat *existing, duckrow_error *error)
{
    if (snprintf(output->temporary, sizeof output->temporary, "%s.XXXXXX", output->path) >= (int)sizeof output->temporary) {
        output->temporary[0] = 0;
        return dr_fail_os(error, ENAMETOOLONG, "cannot write %s", output->name);
    }
    output->fd = mkostemp(output->temporary, O_CLOEXEC);
    if (output->fd < 0) {
        int saved = errno;
        output->temporary[0] = 0;
        return dr_fail_os(error, saved, "cannot write beside %s", output->name);
    }
    if (fchmod(output->fd, existing ? existing->st_mode & 0777 : default_mode()) < 0)
        return dr_fail_os(error, errno, "cannot set the mode of %s", output->temporary);
    return DUCKROW_OK;
}

duckrow_code dr_output_open(struct dr_output *output, const char *file, duckrow_error *error)
{
    output->fd = STDOUT_FILENO;
    output->broken = 0;
    output->path[0] = output->temporary[0] = 0;
    output->name = "standard output";
    output->used = 0;
    if (!file || strcmp(file, "-") == 0)
        return DUCKROW_OK;
    output->fd = -1;
    output->name = file;
    struct stat st;
    int there = stat(file, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return dr_fail(error, DUCKROW_USAGE, "--output %s is a folder: name a file", file);
    if (there && !S_ISREG(st.st_mode)) {
        output->fd = open(file, O_WRONLY | O_CLOEXEC);
        return output->fd < 0 ? dr_fail_os(error, errno, "cannot write %s", file) : DUCKROW_OK;
    }
    if (there ? !realpath(file, output->path) : snprintf(output->path, PATH_MAX, "%s", file) >= PATH_MAX) {
        output->path[0] = 0;
        return dr_fail_os(error, there ? errno : ENAMETOOLONG, "cannot write %s", file);
    }
    return open_temporary(output, there ? &st : NULL, error);
}

static duckrow_code write_out(struct dr_output *output, const char *data, size_t size, duckrow_error *error)
{
    while (size) {
        ssize_t n = write(output->fd, data, size);
        if (n < 0 && errno == EINTR && dr_signals_received())
            return dr_fail(error, DUCKROW_INTERRUPTED, "interrupted while writing %s", output->name);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = output->fd, .events = POLLOUT};
            poll(&wait, 1, -1);
        }
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0) {
            output->broken = errno == EPIPE;
            return dr_fail_os(error, errno, "cannot write %s", output->name);
        }
        data += n;
        size -= (size_t)n;
    }
    return DUCKROW_OK;
}

duckrow_code dr_output_flush(struct dr_output *output, duckrow_error *error)
{
    size_t used = output->used;
    output->used = 0;
    return write_out(output, output->buffer, used, error);
}

duckrow_code dr_output_write(struct dr_output *output, const void *data, size_t size, duckrow_error *error)
{
    if (size > sizeof output->buffer - output->used) {
        duckrow_code code = dr_output_flush(output, error);
        if (code)
            return code;
    }
    if (size > sizeof output->buffer)
        return write_out(output, data, size, error);
    memcpy(output->buffer + output->used, data, size);
    output->used += size;
    return DUCKROW_OK;
}

duckrow_code dr_output_print(struct dr_output *output, duckrow_error *error, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    duckrow_code code = dr_output_write(output, text, (size_t)length, error);
    free(text);
    return code;
}

duckrow_code dr_output_finish(struct dr_output *output, duckrow_error *error)
{
    duckrow_code code = dr_output_flush(output, error);
    if (code || !output->temporary[0])
        return code;
    int fd = output->fd;
    output->fd = -1;
    if (close(fd) < 0)
        return dr_fail_os(error, errno, "cannot write %s", output->name);
    if (rename(output->temporary, output->path) < 0)
        return dr_fail_os(error, errno, "cannot rename %s to %s", output->temporary, output->path);
    output->temporary[0] = 0;
    return DUCKROW_OK;
}

void dr_output_close(struct dr_output *output)
{
    if (output->fd > STDERR_FILENO)
        close(output->fd);
    output->fd = -1;
    if (output->temporary[0])
        unlink(output->temporary);
    output->temporary[0] = 0;
}
