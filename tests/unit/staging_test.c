/* Staged files: the folders' names, what counts as a whole file, and who a file is. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "compose.h"
#include "core/staging.h"
#include "staged.h"

/* The database doesn't exist. */
static int name_database(void **state)
{
    (void)state;
    error = (duckrow_error){0};
    return duckrow_db_open(path_in(temp_folder(), "core.duckdb"), NULL, &db, &error);
}

static int close_database(void **state)
{
    (void)state;
    duckrow_db_close(db);
    return 0;
}

/* Writes a file by the C calls; its path. */
static char *stage(const char *table, const char *text)
{
    duckrow_stage *stage;
    char *path;
    if (duckrow_stage_begin(db, table, &stage, &error))
        fail_msg("%s", error.message);
    assert_int_equal(write_file(duckrow_stage_path(stage), text, strlen(text)), 0);
    if (duckrow_stage_commit(stage, &path, &error))
        fail_msg("%s", error.message);
    return path;
}

static int listed(const char *folder, int most, struct dr_staged_file **files, int *left)
{
    int count;
    if (dr_staging_list(db, folder, most, files, &count, left, &error))
        fail_msg("%s", error.message);
    return count;
}

static void names(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"t", "t", "\"t\""},
        {"s.t", "s.t", "\"s\".\"t\""},
        {"Events_2024-01", "Events_2024-01", "\"Events_2024-01\""},
        {"\"my \"\"t\"\".x\"", "my%20%22t%22%2Ex", "\"my \"\"t\"\".x\""},
        {"s.\"a/b\n\"", "s.a%2Fb%0A", "\"s\".\"a/b\n\""},
        {"ünï", "ünï", "\"ünï\""},
        {"\".tmp\"", "%2Etmp", "\".tmp\""},
        {"a b", "a%20b", "\"a b\""},
        {"done", "%64one", "\"done\""},
        {"s.done", "s.done", "\"s\".\"done\""},
    };
    static const char *const wrong[] = {"", ".", "t.", ".t", "a.b.c", "\"t", "\"\"", "\"t\"x", "s.\"\""};
    static const char *const odd[] = {"a%2", "a%zz", "a%00", "a.b.c", ".a", "a.", "a b", "a%2e", ""};
    char folder[DR_STAGING_NAME], table[1024], longest[300];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (dr_staging_folder(cases[i][0], folder, &error))
            fail_msg("%s", error.message);
        assert_string_equal(folder, cases[i][1]);
        assert_true(dr_staging_table(folder, table, sizeof table));
        assert_string_equal(table, cases[i][2]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (dr_staging_folder(wrong[i], folder, &error) != DUCKROW_USAGE)
            fail_msg("%s: %s", wrong[i], folder);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        if (dr_staging_table(odd[i], table, sizeof table))
            fail_msg("%s: %s", odd[i], table);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(dr_staging_folder(longest, folder, &error), DUCKROW_USAGE);
    longest[255] = 0;
    assert_int_equal(dr_staging_folder(longest, folder, &error), DUCKROW_OK);
}

static void staged_once_it_is_whole(void **state)
{
    (void)state;
    struct dr_staged_file *files;
    int left;
    duckrow_stage *stage_, *given_up;
    char (*folders)[DR_STAGING_NAME];
    int count;
    struct stat st;
    /* Nothing was ever staged. */
    assert_int_equal(listed("t", 10, &files, &left), 0);
    assert_int_equal(dr_staging_folders(db, &folders, &count, &error), DUCKROW_OK);
    assert_int_equal(count, 0);
    assert_int_equal(duckrow_stage_begin(db, "s.t", &stage_, &error), DUCKROW_OK);
    assert_int_equal(write_file(duckrow_stage_path(stage_), "rows", 4), 0);
    assert_int_equal(listed("s.t", 10, &files, &left), 0);
    char *path;
    assert_int_equal(duckrow_stage_commit(stage_, &path, &error), DUCKROW_OK);
    assert_int_equal(listed("s.t", 10, &files, &left), 1);
    assert_int_equal(files[0].size, 4);
    assert_string_equal(strrchr(path, '/') + 1, files[0].name);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_ino, files[0].inode);
    free(files);
    duckrow_free(path);
    assert_int_equal(duckrow_stage_begin(db, "t", &given_up, &error), DUCKROW_OK);
    char *left_at = strdup(duckrow_stage_path(given_up));
    assert_int_equal(write_file(left_at, "rows", 4), 0);
    duckrow_stage_abandon(given_up);
    assert_int_equal(stat(left_at, &st), -1);
    free(left_at);
    assert_int_equal(listed("t", 10, &files, &left), 0);
    /* Nothing was written. */
    assert_int_equal(duckrow_stage_begin(db, "t", &stage_, &error), DUCKROW_OK);
    assert_int_equal(duckrow_stage_commit(stage_, NULL, &error), DUCKROW_USAGE);
    assert_int_equal(dr_staging_folders(db, &folders, &count, &error), DUCKROW_OK);
    assert_int_equal(count, 2);
    assert_string_equal(folders[0], "s.t");
    assert_string_equal(folders[1], "t");
    free(folders);
}

/* In the order in which they were staged, the first ones first; none of them twice under a name. */
static void order(void **state)
{
    (void)state;
    struct dr_staged_file *files;
    int left;
    for (int i = 0; i < 20; i++) {
        char text[8];
        snprintf(text, sizeof text, "%d", i);
        duckrow_free(stage("t", text));
    }
    assert_int_equal(listed("t", 15, &files, &left), 15);
    assert_int_equal(left, 5);
    for (int i = 0; i < 15; i++) {
        char path[PATH_MAX], text[8] = "", wanted[8];
        dr_staging_path(db, path, &error, "t/%s", files[i].name);
        int fd = open(path, O_RDONLY);
        assert_true(read(fd, text, 7) > 0);
        close(fd);
        snprintf(wanted, sizeof wanted, "%d", i);
        assert_string_equal(text, wanted);
    }
    free(files);
}

static void what_is_no_staged_file(void **state)
{
    (void)state;
    struct dr_staged_file *files;
    int left, count;
    char (*folders)[DR_STAGING_NAME];
    duckrow_free(stage("t", "rows"));
    assert_int_equal(write_file(in("t/.hidden.parquet"), "x", 1), 0);
    assert_int_equal(write_file(in("t/half.parquet.tmp"), "x", 1), 0);
    assert_int_equal(write_file(in("t/.parquet"), "x", 1), 0);
    assert_int_equal(mkdir(in("t/folder.parquet"), 0755), 0);
    assert_int_equal(mkdir(in("odd name"), 0755), 0);
    assert_int_equal(write_file(path_in(temp_folder(), "secret.parquet"), "x", 1), 0);
    assert_int_equal(symlink(path_in(temp_folder(), "secret.parquet"), in("t/link.parquet")), 0);
    assert_int_equal(write_file(in("t/it's \"a\"\nname.parquet"), "rows", 4), 0);
    assert_int_equal(listed("t", 10, &files, &left), 2);
    assert_string_equal(files[1].name, "it's \"a\"\nname.parquet");
    free(files);
    assert_int_equal(dr_staging_folders(db, &folders, &count, &error), DUCKROW_OK);
    assert_int_equal(count, 1);
    free(folders);
}

static void a_new_file_of_the_same_name_is_another(void **state)
{
    (void)state;
    struct dr_staged_file *files;
    int left;
    duckrow_free(stage("t", "rows"));
    assert_int_equal(listed("t", 10, &files, &left), 1);
    assert_true(dr_staging_same(db, "t", &files[0]));
    char path[PATH_MAX];
    dr_staging_path(db, path, &error, "t/%s", files[0].name);
    assert_int_equal(write_file(in(".tmp/new"), "ROWS", 4), 0);
    assert_int_equal(rename(in(".tmp/new"), path), 0);
    assert_false(dr_staging_same(db, "t", &files[0]));
    unlink(path);
    assert_false(dr_staging_same(db, "t", &files[0]));
    free(files);
}

/* Only the file that was listed is opened, and it stays readable when it is removed. */
static void opened_as_listed(void **state)
{
    (void)state;
    struct dr_staged_file *files;
    char path[PATH_MAX], text[8] = "";
    int left, fd;
    duckrow_free(stage("t", "rows"));
    assert_int_equal(listed("t", 10, &files, &left), 1);
    dr_staging_path(db, path, &error, "t/%s", files[0].name);
    assert_int_equal(dr_staging_open(db, "t", &files[0], &fd, &error), DUCKROW_OK);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(rename(path, in(".tmp/kept")), 0);
    assert_int_equal(read(fd, text, 7), 4);
    assert_string_equal(text, "rows");
    dr_close(fd);
    /* Gone; a folder, a link, a FIFO, another file in its place; then itself again. */
    assert_int_equal(dr_staging_open(db, "t", &files[0], &fd, &error), DUCKROW_OK);
    assert_int_equal(fd, -1);
    for (int i = 0; i < 4; i++) {
        int made = i == 0   ? mkdir(path, 0755)
                   : i == 1 ? symlink(in(".tmp/kept"), path)
                   : i == 2 ? mkfifo(path, 0644)
                            : write_file(path, "rows", 4);
        assert_int_equal(made, 0);
        assert_int_equal(dr_staging_open(db, "t", &files[0], &fd, &error), DUCKROW_OK);
        assert_int_equal(fd, -1);
        assert_int_equal(i == 0 ? rmdir(path) : unlink(path), 0);
    }
    assert_int_equal(rename(in(".tmp/kept"), path), 0);
    assert_int_equal(dr_staging_open(db, "t", &files[0], &fd, &error), DUCKROW_OK);
    assert_true(fd >= 0);
    dr_close(fd);
    free(files);
}

static void old_temporary_files_go(void **state)
{
    (void)state;
    struct stat st;
    struct utimbuf old = {.actime = time(NULL) - 25 * 3600, .modtime = time(NULL) - 25 * 3600};
    dr_staging_sweep(db);
    duckrow_free(stage("t", "rows"));
    assert_int_equal(write_file(in(".tmp/new.parquet"), "x", 1), 0);
    assert_int_equal(write_file(in(".tmp/old.parquet"), "x", 1), 0);
    assert_int_equal(utime(in(".tmp/old.parquet"), &old), 0);
    dr_staging_sweep(db);
    assert_int_equal(stat(in(".tmp/new.parquet"), &st), 0);
    assert_int_equal(stat(in(".tmp/old.parquet"), &st), -1);
}

/* ---- kept for a time ---- */

static void pass_ms(int ms)
{
    struct timespec time = {.tv_nsec = ms * 1000000};
    nanosleep(&time, NULL);
}

/* done/.clock as it would be, were the clock ahead by so much more. */
static void set_clock(const char *boot, int64_t ahead, int64_t hold)
{
    char text[128];
    snprintf(text, sizeof text, "%s %lld %lld\n", boot, (long long)(dr_calendar_ms() - dr_clock_ms() + ahead), (long long)hold);
    put("done/.clock", text);
}

static void kept_files_go_when_they_are_old(void **state)
{
    (void)state;
    struct stat st;
    char today[64];
    time_t now = time(NULL);
    strftime(today, sizeof today, "done/t/%Y-%m-%d/a.parquet", gmtime(&now));
    dr_staging_sweep_done(db, 1);
    put("done/t/2020-01-01/a.parquet", "x");
    put("done/t/2020-01-01/b.parquet", "x");
    put("done/s.t/2020-01-01/a.parquet", "x");
    put("done/t/2999-01-01/a.parquet", "x");
    put("done/t/old/a.parquet", "x");
    put(today, "x");
    char *elsewhere = strdup(path_in(temp_folder(), "elsewhere"));
    assert_int_equal(write_file(elsewhere, "x", 1), 0);
    assert_int_equal(symlink(elsewhere, in("done/t/2020-01-01/link.parquet")), 0);
    set_clock(dr_boot_id(), 0, 0);
    pass_ms(20);
    dr_staging_sweep_done(db, 0);
    /* The folder is old enough, the files aren't; and the other way about. */
    dr_staging_sweep_done(db, 3600 * 1000);
    assert_true(is_there("done/t/2020-01-01/a.parquet"));
    dr_staging_sweep_done(db, 10);
    assert_false(is_there("done/t/2020-01-01/a.parquet"));
    assert_false(is_there("done/t/2020-01-01/b.parquet"));
    assert_false(is_there("done/s.t/2020-01-01"));
    assert_true(is_there("done/t/2020-01-01/link.parquet"));
    assert_true(is_there("done/t/2999-01-01/a.parquet"));
    assert_true(is_there("done/t/old/a.parquet"));
    assert_int_equal(stat(elsewhere, &st), 0);
    free(elsewhere);
}

static int swept_with(const char *boot, int64_t ahead, int64_t hold)
{
    put("done/t/2020-01-01/a.parquet", "x");
    if (boot)
        set_clock(boot, ahead, hold);
    pass_ms(20);
    dr_staging_sweep_done(db, 10);
    return !is_there("done/t/2020-01-01/a.parquet");
}

/* A week, by which a clock was wrong when files were ingested or is now: they are only as old as it says if it hasn't jumped. */
static void a_clock_that_jumps_removes_nothing(void **state)
{
    (void)state;
    const int64_t week = INT64_C(7) * 24 * 3600 * 1000;
    assert_int_equal(swept_with(NULL, 0, 0), 0);
    assert_int_equal(swept_with(dr_boot_id(), 0, 0), 1);
    assert_int_equal(swept_with(dr_boot_id(), -week, 0), 0);
    assert_int_equal(swept_with(dr_boot_id(), week, 0), 0);
    /* From then on they are as old as they seem. */
    assert_int_equal(swept_with(NULL, 0, 0), 1);
    assert_int_equal(swept_with(dr_boot_id(), 1000, 0), 1);
    assert_int_equal(swept_with("another-boot", -week, 0), 1);
    assert_int_equal(swept_with(dr_boot_id(), 0, dr_calendar_ms() + 5), 1);
    put("done/.clock", "half of i");
    assert_int_equal(swept_with(NULL, 0, 0), 0);
    /* Nothing is held for longer than files are kept, whatever the clock said once. */
    set_clock("another-boot", 0, dr_calendar_ms() + week);
    assert_int_equal(swept_with(NULL, 0, 0), 0);
    assert_int_equal(swept_with(NULL, 0, 0), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, name_database, close_database)
    const struct CMUnitTest tests[] = {TEST(names),
                                       TEST(staged_once_it_is_whole),
                                       TEST(order),
                                       TEST(what_is_no_staged_file),
                                       TEST(a_new_file_of_the_same_name_is_another),
                                       TEST(opened_as_listed),
                                       TEST(old_temporary_files_go),
                                       TEST(kept_files_go_when_they_are_old),
                                       TEST(a_clock_that_jumps_removes_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
