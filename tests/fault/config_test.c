/* A setting is changed with the nth system call failing, and killed at it, for every n: afterwards the file holds the old value or the
 * new one, and can be changed again. */
#include "support.h"

#include <string.h>
#include <sys/wait.h>

#include "../unit/compose.h"
#include "core/config.h"
#include "faulty.h"

static duckrow_db *db;
static duckrow_error error;

static int make_database(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE];
    const char *path = path_in(temp_folder(), "core.duckdb");
    compose_database(image, 1, 3);
    return write_file(path, image, sizeof image) || duckrow_db_open(path, NULL, &db, &error) || dr_db_make_folder(db, &error) ||
           dr_config_write(db, "snapshots", "off", &error) || dr_config_write(db, "max_slots", "4", &error);
}

static int close_database(void **state)
{
    (void)state;
    duckrow_db_close(db);
    return 0;
}

/* Old or new; then old again. */
static void check(void)
{
    struct dr_config config;
    if (dr_config_read(db, &config, &error))
        fail_msg("%s", error.message);
    assert_int_equal(config.snapshots, 0);
    assert_true(config.max_slots == 4 || config.max_slots == 9);
    assert_int_equal(dr_config_write(db, "max_slots", "4", &error), DUCKROW_OK);
}

static void failing(void **state)
{
    (void)state;
    const int faults[] = {ENOSPC, EIO, EACCES, EMFILE, SHORT};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        int through = 0;
        for (int n = 1; !through; n++) {
            struct dr_config config;
            arm(n, faults[i]);
            duckrow_code code = dr_config_write(db, "max_slots", "9", &error);
            dr_os = real;
            through = calls < n;
            assert_int_equal(dr_config_read(db, &config, &error), DUCKROW_OK);
            assert_int_equal(config.max_slots, code == DUCKROW_OK ? 9 : 4);
            check();
        }
    }
}

static void killed(void **state)
{
    (void)state;
    int status = SIGKILL;
    for (int n = 1; status; n++) {
        pid_t pid = fork();
        if (pid == 0) {
            arm(n, KILL);
            _exit((int)dr_config_write(db, "max_slots", "9", NULL));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(status == 0 || WIFSIGNALED(status));
        check();
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_database, close_database)
    const struct CMUnitTest tests[] = {TEST(failing), TEST(killed)};
    real = dr_os;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
