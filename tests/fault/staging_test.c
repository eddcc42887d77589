/* Staging with the nth system call failing, and killed at it, for every n: who was told that a file is staged finds it, whole, and who
 * was told that it isn't doesn't. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/compose.h"
#include "core/staging.h"
#include "faulty.h"

static const char *folder, *path;
static duckrow_error error;

static duckrow_db *open_db(void)
{
    duckrow_db *db;
    if (duckrow_db_open(path, NULL, &db, &error))
        fail_msg("%s", error.message);
    return db;
}

/* The caller's own writing isn't what is tested. */
static duckrow_code stage(duckrow_db *db, int n, int how)
{
    duckrow_stage *stage;
    arm(n, how);
    duckrow_code code = duckrow_stage_begin(db, "t", &stage, &error);
    if (code)
        return code;
    if (write_file(duckrow_stage_path(stage), "rows", 4))
        fail_msg("cannot write");
    return duckrow_stage_commit(stage, NULL, &error);
}

static int staged(duckrow_db *db)
{
    struct dr_staged_file *files;
    int count, left;
    dr_os = real;
    if (dr_staging_list(db, "t", 10, &files, &count, &left, &error))
        fail_msg("%s", error.message);
    for (int i = 0; i < count; i++)
        assert_int_equal(files[i].size, 4);
    free(files);
    return count;
}

/* known: the folders are there already. */
static void begin(int known)
{
    empty_folder(folder);
    if (!known)
        return;
    duckrow_db *db = open_db();
    assert_int_equal(stage(db, 0, EIO), DUCKROW_OK);
    duckrow_db_close(db);
}

static void failing(void **state)
{
    (void)state;
    static const int faults[] = {EIO, ENOSPC, EACCES};
    for (int known = 0; known < 2; known++)
        for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
            for (int n = 1, last = 0; !last; n++) {
                begin(known);
                duckrow_db *db = open_db();
                duckrow_code code = stage(db, n, faults[i]);
                last = calls < n;
                if (staged(db) != known + (code == DUCKROW_OK))
                    fail_msg("call %d, errno %d: %s, but %d are staged", n, faults[i], code ? error.message : "ok", staged(db));
                if (code && !*error.message)
                    fail_msg("call %d, errno %d: no message", n, faults[i]);
                /* And the next goes well. */
                assert_int_equal(stage(db, 0, EIO), DUCKROW_OK);
                dr_os = real;
                duckrow_db_close(db);
            }
}

static void killed(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++)
        for (int n = 1, last = 0; !last; n++) {
            int told[2], status;
            char byte = 'n';
            begin(known);
            assert_int_equal(pipe(told), 0);
            pid_t child = fork();
            if (child == 0) {
                duckrow_db *db = open_db();
                int done = stage(db, n, KILL) == DUCKROW_OK;
                if (done && write(told[1], "y", 1) != 1)
                    _exit(2);
                _exit(calls < n ? 0 : 1);
            }
            close(told[1]);
            assert_int_equal(waitpid(child, &status, 0), child);
            int got = (int)read(told[0], &byte, 1);
            close(told[0]);
            last = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            duckrow_db *db = open_db();
            int count = staged(db);
            if (count > known + 1 || (got == 1 && count != known + 1))
                fail_msg("killed at call %d: told %c, %d staged", n, byte, count);
            assert_int_equal(stage(db, 0, EIO), DUCKROW_OK);
            assert_int_equal(staged(db), count + 1);
            duckrow_db_close(db);
        }
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* A file that is there is opened, or it is said why not: it never counts as gone. Nothing stays open. */
static void opening(void **state)
{
    (void)state;
    static const int faults[] = {EMFILE, ENFILE, EACCES, EIO};
    struct dr_staged_file *files;
    int count, left;
    begin(1);
    duckrow_db *db = open_db();
    dr_os = real;
    assert_int_equal(dr_staging_list(db, "t", 10, &files, &count, &left, &error), DUCKROW_OK);
    assert_int_equal(count, 1);
    int before = open_descriptors();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (int n = 1, last = 0; !last; n++) {
            int fd;
            error = (duckrow_error){0};
            arm(n, faults[i]);
            duckrow_code code = dr_staging_open(db, "t", files, &fd, &error);
            last = calls < n;
            dr_os = real;
            if ((code == DUCKROW_OK) != (fd >= 0) || (code && !*error.message))
                fail_msg("call %d, errno %d: %d, descriptor %d, \"%s\"", n, faults[i], code, fd, error.message);
            dr_close(fd);
            assert_int_equal(open_descriptors(), before);
        }
    free(files);
    duckrow_db_close(db);
}

int main(void)
{
    real = dr_os;
    folder = temp_folder();
    path = strdup(path_in(folder, "core.duckdb"));
    const struct CMUnitTest tests[] = {cmocka_unit_test(failing), cmocka_unit_test(killed), cmocka_unit_test(opening)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
