/* What can be a database and what can't, and the paths that follow from its own. */
#include "support.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "compose.h"
#include "core/db.h"

static const char *folder;
static duckrow_error error;

static int make_folder(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE];
    folder = temp_folder();
    compose_database(image, 1, 3);
    return write_file(path_in(folder, "core.duckdb"), image, sizeof image);
}

static void refuse(const char *path, const duckrow_db_options *options, duckrow_code code, const char *words)
{
    duckrow_db *db;
    assert_int_equal(duckrow_db_open(path, options, &db, &error), code);
    assert_null(db);
    assert_int_equal(error.code, code);
    assert_non_null(strstr(error.message, words));
    assert_null(strchr(error.message, '\n'));
}

static duckrow_db *open_at(const char *path)
{
    duckrow_db *db;
    if (duckrow_db_open(path, NULL, &db, &error))
        fail_msg("%s", error.message);
    return db;
}

static void paths_follow_from_the_database_s(void **state)
{
    (void)state;
    const struct {
        const char *name, *read_path;
    } cases[] = {
        {"core.duckdb", "core.read.duckdb"}, {"plain", "plain.read"}, {".hidden", ".hidden.read"}, {"a.b.db", "a.b.read.db"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        duckrow_db *db = open_at(path_in(folder, cases[i].name));
        assert_string_equal(duckrow_db_path(db), path_in(folder, cases[i].name));
        assert_string_equal(duckrow_db_read_path(db), path_in(folder, cases[i].read_path));
        assert_int_equal(duckrow_db_exists(db), i == 0);
        duckrow_db_close(db);
    }
}

static void a_link_stands_for_its_target(void **state)
{
    (void)state;
    assert_int_equal(symlink("core.duckdb", path_in(folder, "link.duckdb")), 0);
    duckrow_db *db = open_at(path_in(folder, "link.duckdb"));
    assert_string_equal(duckrow_db_path(db), path_in(folder, "core.duckdb"));
    duckrow_db_close(db);
    assert_int_equal(symlink("gone.duckdb", path_in(folder, "dangling.duckdb")), 0);
    refuse(path_in(folder, "dangling.duckdb"), NULL, DUCKROW_NOT_FOUND, "link");
}

static void what_is_no_database_is_refused(void **state)
{
    (void)state;
    duckrow_db_options must_exist = DUCKROW_DB_OPTIONS_INIT;
    must_exist.flags = DUCKROW_MUST_EXIST;
    refuse(path_in(folder, "missing.duckdb"), &must_exist, DUCKROW_NOT_FOUND, "does not exist");
    refuse(path_in(folder, "no/core.duckdb"), NULL, DUCKROW_NOT_FOUND, "folder");
    refuse(folder, NULL, DUCKROW_NOT_A_DATABASE, "folder");
    assert_int_equal(write_file(path_in(folder, "text"), "some lines of text, and no database\n", 36), 0);
    refuse(path_in(folder, "text"), NULL, DUCKROW_NOT_A_DATABASE, "not a DuckDB database");
    assert_int_equal(write_file(path_in(folder, "short"), "DUCK", 4), 0);
    refuse(path_in(folder, "short"), NULL, DUCKROW_NOT_A_DATABASE, "not a DuckDB database");
    assert_int_equal(mkfifo(path_in(folder, "pipe"), 0600), 0);
    refuse(path_in(folder, "pipe"), NULL, DUCKROW_NOT_A_DATABASE, "regular");
    /* DuckDB makes a database of an empty file. */
    assert_int_equal(write_file(path_in(folder, "empty"), "", 0), 0);
    duckrow_db_close(open_at(path_in(folder, "empty")));
}

static void names_that_mean_two_things_are_refused(void **state)
{
    (void)state;
    assert_int_equal(link(path_in(folder, "core.duckdb"), path_in(folder, "other.duckdb")), 0);
    refuse(path_in(folder, "core.duckdb"), NULL, DUCKROW_UNSUPPORTED, "hard links");
    refuse(path_in(folder, "what?.duckdb"), NULL, DUCKROW_UNSUPPORTED, "rename it");
}

static void paths_over_the_limits_are_refused(void **state)
{
    (void)state;
    char path[2 * PATH_MAX];
    refuse("", NULL, DUCKROW_USAGE, "empty");
    refuse(NULL, NULL, DUCKROW_USAGE, "empty");
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = 0;
    refuse(path, NULL, DUCKROW_USAGE, "too long");
    /* A name that is short enough by itself, but not with what is put behind it. */
    size_t length = (size_t)snprintf(path, sizeof path, "%s/", folder);
    memset(path + length, 'x', NAME_MAX - 4);
    path[length + NAME_MAX - 4] = 0;
    refuse(path, NULL, DUCKROW_USAGE, "too long");
}

static void options_are_checked(void **state)
{
    (void)state;
    duckrow_db_options options = DUCKROW_DB_OPTIONS_INIT;
    options.max_slots = 1;
    refuse(path_in(folder, "core.duckdb"), &options, DUCKROW_USAGE, "max_slots");
}

static void one_descriptor_is_kept_and_its_locks_are_counted(void **state)
{
    (void)state;
    duckrow_db *db = open_at(path_in(folder, "core.duckdb"));
    struct dr_source *one, *two;
    struct stat st;
    assert_int_equal(dr_source_get(db, &one, &error), DUCKROW_OK);
    assert_int_equal(dr_source_get(db, &two, &error), DUCKROW_OK);
    assert_ptr_equal(one, two);
    assert_int_equal(fstat(one->fd, &st), 0);
    assert_int_equal(dr_open_descriptors(&st, -1), 1);
    struct flock found;
    assert_int_equal(dr_source_lock(one, F_WRLCK), 0);
    assert_int_equal(dr_source_lock(two, F_WRLCK), 0);
    dr_source_unlock(two, F_WRLCK);
    assert_int_equal(dr_lock_test(one->fd, F_RDLCK, 0, 0, &found), 1);
    assert_int_equal(found.l_pid, getpid());
    dr_source_unlock(one, F_WRLCK);
    assert_int_equal(dr_lock_test(one->fd, F_WRLCK, 0, 0, &found), 0);
    dr_source_put(one);
    dr_source_put(two);
    duckrow_db_close(db);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, make_folder)
    const struct CMUnitTest tests[] = {TEST(paths_follow_from_the_database_s),
                                       TEST(a_link_stands_for_its_target),
                                       TEST(what_is_no_database_is_refused),
                                       TEST(names_that_mean_two_things_are_refused),
                                       TEST(paths_over_the_limits_are_refused),
                                       TEST(options_are_checked),
                                       TEST(one_descriptor_is_kept_and_its_locks_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
