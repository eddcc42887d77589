/* Files leave quarantine with the nth system call failing, and killed at it, for every n: each is in one place, whole, and what was staged
 * meanwhile under its name stays what it was. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/compose.h"
#include "../unit/staged.h"
#include "core/quarantine.h"
#include "faulty.h"

static const char *folder;

/* taken: a file of that name was staged since. */
static void begin(int taken)
{
    if (db)
        duckrow_db_close(db);
    empty_folder(folder);
    if (duckrow_db_open(path_in(folder, "core.duckdb"), NULL, &db, &error))
        fail_msg("%s", error.message);
    put("quarantine/t/a.parquet", "rows");
    put("quarantine/t/a.parquet.error", "a.parquet: it doesn't fit\n");
    put("quarantine/t/b.parquet", "others");
    if (taken)
        put("t/a.parquet", "newer rows");
}

/* How many of that many bytes there are in a folder, where each file is one of them or of `others` bytes. */
static int count_of(const char *where, int64_t size, int64_t other)
{
    struct dr_staged_file *files;
    int count, left, found = 0;
    if (dr_staging_list(db, where, 10, &files, &count, &left, &error))
        fail_msg("%s", error.message);
    for (int i = 0; i < count; i++) {
        found += files[i].size == size;
        assert_true(files[i].size == size || files[i].size == other);
    }
    free(files);
    return found;
}

static void check(int taken, int done, int drops, const char *when)
{
    int staged = count_of("t", 4, 10), aside = count_of("quarantine/t", 4, 6);
    assert_int_equal(count_of("t", 10, 4), taken);
    assert_int_equal(count_of("quarantine/t", 6, 4), 1);
    if (drops ? staged || (done && aside) : staged + aside != 1 || (done && !staged))
        fail_msg("%s: %d staged, %d in quarantine", when, staged, aside);
    /* Who is there has a reason. */
    char reason[64];
    int64_t since;
    dr_quarantine_reason(db, "t", "a.parquet", reason, sizeof reason, &since);
    if (aside && strcmp(reason, "it doesn't fit") != 0)
        fail_msg("%s: in quarantine for '%s'", when, reason);
}

static duckrow_code leave(int drops, int *gone)
{
    return (drops ? dr_quarantine_drop : dr_quarantine_retry)(db, "t", "a.parquet", gone, &error);
}

static void failing(void **state)
{
    (void)state;
    static const int faults[] = {EIO, ENOSPC, EACCES, ENOSYS, EINVAL};
    for (int mode = 0; mode < 4; mode++)
        for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
            for (int n = 1, last = 0; !last; n++) {
                char when[64];
                int taken = mode & 1, drops = mode >> 1, gone = 0;
                begin(taken);
                arm(n, faults[i]);
                duckrow_code code = leave(drops, &gone);
                dr_os = real;
                last = calls < n;
                snprintf(when, sizeof when, "call %d, errno %d", n, faults[i]);
                check(taken, code == DUCKROW_OK, drops, when);
                assert_false(gone);
                if (code && !*error.message)
                    fail_msg("%s: no message", when);
                if (code)
                    assert_int_equal(leave(drops, &gone), DUCKROW_OK);
                check(taken, 1, drops, when);
            }
}

static void killed(void **state)
{
    (void)state;
    for (int mode = 0; mode < 4; mode++)
        for (int n = 1, last = 0; !last; n++) {
            int status, gone, taken = mode & 1, drops = mode >> 1;
            begin(taken);
            pid_t child = fork();
            if (child == 0) {
                duckrow_db *own;
                if (duckrow_db_open(path_in(folder, "core.duckdb"), NULL, &own, NULL))
                    _exit(2);
                db = own;
                arm(n, KILL);
                _exit(leave(drops, &gone) ? 2 : 0);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            last = WIFEXITED(status);
            assert_true(!last || WEXITSTATUS(status) == 0);
            check(taken, last, drops, "killed");
            assert_int_equal(leave(drops, &gone), DUCKROW_OK);
            check(taken, 1, drops, "killed, and again");
        }
}

int main(void)
{
    real = dr_os;
    folder = temp_folder();
    const struct CMUnitTest tests[] = {cmocka_unit_test(failing), cmocka_unit_test(killed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
