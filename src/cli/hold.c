/* duckrow hold: takes the turn and runs a command that then has the file to itself.
 *
 * The snapshot is made level before, so that readers go on while the command runs, and published after it. The command runs in
 * the same process group; signals sent to duckrow are passed on to it. Its descriptors don't include the turn's (close-on-exec),
 * so if duckrow is killed the turn is free, and the command gets SIGTERM (PR_SET_PDEATHSIG). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signals.h"
#include "work.h"

enum { CANNOT_EXECUTE = 126, NOT_FOUND = 127, SIGNALLED = 128 };

/* In the child. Tells errno through the pipe, which a successful exec closes. */
static void become(char **command, int tell, pid_t parent, const sigset_t *mask)
{
    dr_signals_reset_in_child();
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
        _exit(CANNOT_EXECUTE);
    execvp(command[0], command);
    int reason = errno;
    while (write(tell, &reason, sizeof reason) < 0 && errno == EINTR) {
    }
    _exit(CANNOT_EXECUTE);
}

/* Waits for the child; while it can be signalled its id is passed signals, and no longer. */
static int wait_for(pid_t pid)
{
    siginfo_t ended;
    while (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
    dr_signals_forward_end();
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

/* *status: what to exit with. Errors: those of starting the command. */
static duckrow_code run_child(char **command, int *status, duckrow_error *error)
{
    int ends[2], reason = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return dr_fail_os(error, errno, "cannot run %.200s", command[0]);
    fflush(stdout);
    sigset_t all, mask;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &mask);
    dr_signals_forward_begin();
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(command, ends[1], parent, &mask);
    int saved = errno;
    if (pid > 0)
        dr_signals_forward_to(pid);
    else
        dr_signals_forward_end();
    sigprocmask(SIG_SETMASK, &mask, NULL);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return dr_fail_os(error, saved, "cannot run %.200s", command[0]);
    }
    ssize_t n;
    while ((n = read(ends[0], &reason, sizeof reason)) < 0 && errno == EINTR) {
    }
    close(ends[0]);
    *status = wait_for(pid);
    if (n == (ssize_t)sizeof reason) {
        *status = reason == ENOENT || reason == ENOTDIR ? NOT_FOUND : CANNOT_EXECUTE;
        dr_fail_os(error, reason, "cannot run %.200s", command[0]);
        return error->code ? error->code : DUCKROW_IO;
    }
    return DUCKROW_OK;
}

/* Brings the snapshot level; a database that is still to be made has none, and an encrypted one either. */
static duckrow_code publish(struct dr_work *work, duckrow_error *error)
{
    if (!duckrow_db_exists(work->db) || dr_work_encrypted(work))
        return DUCKROW_OK;
    duckrow_code code = dr_work_attach(work, error);
    if (!code)
        code = dr_work_publish(work, 1, NULL, error);
    if (code) {
        duckrow_error ignored;
        dr_session_detach(work->session, &ignored);
    }
    return code == DUCKROW_NO_SNAPSHOT ? DUCKROW_OK : code;
}

static duckrow_code hold(struct dr_work *work, const struct dr_options *options, int *status, duckrow_error *error)
{
    duckrow_error other = {0};
    duckrow_code code = dr_work_take(work, "hold", error);
    if (code)
        return code;
    if (!duckrow_turn_level(work->turn) && publish(work, &other))
        dr_warn("readers wait while the command runs, as the snapshot could not be renewed: %s", other.message);
    if (dr_signals_received())
        return dr_fail(error, DUCKROW_INTERRUPTED, "interrupted");
    code = duckrow_turn_lend(work->turn, error);
    if (code)
        return code;
    /* Statements and waits after the command are not ended by a signal that was meant for it. */
    code = run_child(options->child, status, error);
    duckrow_code after = duckrow_turn_reclaim(work->turn, options->timeout_ms, &other);
    if (!after)
        after = publish(work, &other);
    if (after)
        dr_warn("what the command did stays, but the snapshot could not be renewed, so readers wait for writers: %s",
                other.message);
    dr_work_release(work);
    return code;
}

static int run_hold(const struct dr_options *options)
{
    struct dr_work work;
    duckrow_error error = {0};
    int status = 0;
    duckrow_code code = dr_work_open(&work, options, 0, &error);
    if (!code)
        code = hold(&work, options, &status, &error);
    dr_work_close(&work);
    if (code)
        return status ? (dr_report(&error), status) : dr_report(&error);
    return status;
}

const struct dr_command dr_command_hold = {
    "hold",
    "hold [--timeout 10s] [--engine FILE] DB -- COMMAND [ARGUMENT...]",
    "take the turn and run a command that has the database to itself",
    "Waits for the turn, runs COMMAND, which may open the database in any way, publishes what it has done, and gives the turn\n"
    "up. Readers go on reading the snapshot meanwhile; a service that has the database steps aside, and takes it back. Ends "
    "with\n"
    "COMMAND's status: 128+N if signal N ended it, 126 if it can't be executed, 127 if there is none. Signals are passed on to\n"
    "COMMAND.\n"
    "\n"
    "  --timeout TIME  how long to wait for the turn: 10s, 500ms, 2m, 1.5 (seconds); default 10s\n"
    "  --engine FILE   the libduckdb.so to use; default: DUCKROW_ENGINE, then the loader's path\n",
    DR_TAKES_TIMEOUT | DR_TAKES_ENGINE | DR_TAKES_DATABASE | DR_TAKES_CHILD,
    run_hold,
};
