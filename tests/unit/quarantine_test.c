/* Quarantine: what is listed, where files go back to, and what is left alone. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "compose.h"
#include "core/quarantine.h"
#include "staged.h"

static int name_database(void **state)
{
    (void)state;
    return duckrow_db_open(path_in(temp_folder(), "core.duckdb"), NULL, &db, &error);
}

static int close_database(void **state)
{
    (void)state;
    duckrow_db_close(db);
    return 0;
}

static void lists_files_with_their_reasons(void **state)
{
    (void)state;
    char (*folders)[DR_STAGING_NAME], reason[32];
    struct dr_staged_file *files;
    int count;
    int64_t since;
    assert_int_equal(dr_quarantine_folders(db, &folders, &count, &error), DUCKROW_OK);
    assert_int_equal(count, 0);
    put("quarantine/s.t/b.parquet", "rows");
    put("quarantine/s.t/b.parquet.error", "b.parquet: it doesn't fit\nmore\n");
    put("quarantine/s.t/a\nb.parquet", "row");
    put("quarantine/s.t/a\nb.parquet.error", "a\nb.parquet: a name of two lines, and a reason too long for us\n");
    put("quarantine/s.t/none.parquet", "");
    assert_int_equal(dr_quarantine_folders(db, &folders, &count, &error), DUCKROW_OK);
    assert_int_equal(count, 1);
    assert_string_equal(folders[0], "s.t");
    free(folders);
    assert_int_equal(dr_quarantine_list(db, "s.t", &files, &count, &error), DUCKROW_OK);
    assert_int_equal(count, 3);
    dr_quarantine_reason(db, "s.t", files[1].name, reason, sizeof reason, &since);
    assert_string_equal(reason, "it doesn't fit");
    assert_true(since > dr_calendar_ms() - 60000 && since <= dr_calendar_ms());
    dr_quarantine_reason(db, "s.t", files[0].name, reason, sizeof reason, &since);
    assert_string_equal(reason, "a name of two line");
    dr_quarantine_reason(db, "s.t", files[2].name, reason, sizeof reason, &since);
    assert_string_equal(reason, "");
    assert_int_equal(since, 0);
    free(files);
    assert_int_equal(dr_quarantine_list(db, "other", &files, &count, &error), DUCKROW_OK);
    assert_int_equal(count, 0);
}

static void goes_back_and_overwrites_nothing(void **state)
{
    (void)state;
    struct dr_staged_file *files;
    int gone, count, left;
    put("quarantine/t/a.parquet", "rows");
    put("quarantine/t/a.parquet.error", "a.parquet: no\n");
    assert_int_equal(dr_quarantine_retry(db, "t", "a.parquet", &gone, &error), DUCKROW_OK);
    assert_true(!gone && is_there("t/a.parquet") && !is_there("quarantine/t/a.parquet.error"));
    put("t/a0.parquet", "after");
    put("t/Z.parquet", "before");
    put("quarantine/t/a.parquet", "others");
    assert_int_equal(dr_quarantine_retry(db, "t", "a.parquet", &gone, &error), DUCKROW_OK);
    assert_int_equal(dr_staging_list(db, "t", 10, &files, &count, &left, &error), DUCKROW_OK);
    assert_int_equal(count, 4);
    assert_string_equal(files[0].name, "Z.parquet");
    assert_int_equal(files[1].size, 6);
    assert_string_equal(files[2].name, "a.parquet");
    assert_int_equal(files[2].size, 4);
    assert_string_equal(files[3].name, "a0.parquet");
    free(files);
    assert_int_equal(dr_quarantine_retry(db, "t", "a.parquet", &gone, &error), DUCKROW_OK);
    assert_true(gone);
}

static void drops_one_and_its_reason(void **state)
{
    (void)state;
    int gone;
    put("quarantine/t/a.parquet", "rows");
    put("quarantine/t/a.parquet.error", "a.parquet: no\n");
    put("quarantine/t/b.parquet", "rows");
    put("t/a.parquet", "rows");
    assert_int_equal(dr_quarantine_drop(db, "t", "a.parquet", &gone, &error), DUCKROW_OK);
    assert_true(!gone && !is_there("quarantine/t/a.parquet") && !is_there("quarantine/t/a.parquet.error"));
    assert_true(is_there("quarantine/t/b.parquet") && is_there("t/a.parquet"));
    assert_int_equal(dr_quarantine_drop(db, "t", "a.parquet", &gone, &error), DUCKROW_OK);
    assert_true(gone);
}

static void reasons_of_files_that_left_are_swept(void **state)
{
    (void)state;
    struct utimbuf old = {.actime = time(NULL) - 25 * 3600, .modtime = time(NULL) - 25 * 3600};
    put("quarantine/t/here.parquet", "rows");
    put("quarantine/t/here.parquet.error", "here.parquet: no\n");
    put("quarantine/t/left.parquet.error", "left.parquet: no\n");
    put("quarantine/t/soon.parquet.error", "soon.parquet: no\n");
    assert_int_equal(utime(in("quarantine/t/here.parquet"), &old), 0);
    assert_int_equal(utime(in("quarantine/t/here.parquet.error"), &old), 0);
    assert_int_equal(utime(in("quarantine/t/left.parquet.error"), &old), 0);
    dr_staging_sweep(db);
    assert_true(is_there("quarantine/t/here.parquet") && is_there("quarantine/t/here.parquet.error"));
    assert_true(is_there("quarantine/t/soon.parquet.error") && !is_there("quarantine/t/left.parquet.error"));
}

static void other_names_fit(void **state)
{
    (void)state;
    char other[DR_STAGING_NAME], longest[DR_STAGING_NAME];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    memcpy(longest + sizeof longest - 9, ".parquet", 8);
    assert_int_equal(dr_staging_another_name(longest, sizeof longest, other, &error), DUCKROW_OK);
    assert_true(strlen(other) < DR_STAGING_NAME);
    assert_string_equal(other + strlen(other) - 8, ".parquet");
    assert_int_equal(dr_staging_another_name("ab*c.parquet", 2, other, &error), DUCKROW_OK);
    assert_memory_equal(other, "ab.", 3);
    assert_null(strchr(other, '*'));
}

static void counts(void **state)
{
    (void)state;
    struct dr_backlog backlog = {0};
    char (*folders)[DR_STAGING_NAME];
    int count;
    struct utimbuf old = {.actime = time(NULL) - 100, .modtime = time(NULL) - 100};
    struct utimbuf later = {.actime = time(NULL) + 100, .modtime = time(NULL) + 100};
    assert_int_equal(dr_staging_count(db, "t", &backlog, &error), DUCKROW_OK);
    assert_int_equal(dr_backlog_age_ms(&backlog), -1);
    put("t/later.parquet", "rows");
    assert_int_equal(utime(in("t/later.parquet"), &later), 0);
    assert_int_equal(dr_staging_count(db, "t", &backlog, &error), DUCKROW_OK);
    assert_int_equal(dr_backlog_age_ms(&backlog), 0);
    put("t/old.parquet", "more rows");
    assert_int_equal(utime(in("t/old.parquet"), &old), 0);
    put("t/old.parquet.tmp", "x");
    put("t/.x.parquet", "x");
    assert_int_equal(symlink("old.parquet", in("t/link.parquet")), 0);
    put("quarantine/q/a.parquet", "rows");
    put("quarantine/t/a.parquet", "rows");
    backlog = (struct dr_backlog){0};
    assert_int_equal(dr_staging_count(db, "t", &backlog, &error), DUCKROW_OK);
    assert_int_equal(backlog.files, 2);
    assert_int_equal(backlog.bytes, 13);
    assert_true(dr_backlog_age_ms(&backlog) >= 99000 && dr_backlog_age_ms(&backlog) < 160000);
    assert_int_equal(dr_staging_all_folders(db, &folders, &count, &error), DUCKROW_OK);
    assert_int_equal(count, 2);
    assert_string_equal(folders[0], "q");
    assert_string_equal(folders[1], "t");
    free(folders);
    /* And status says the same. */
    duckrow_status *status = calloc(1, sizeof *status);
    assert_int_equal(duckrow_status_read(db, status, &error), DUCKROW_OK);
    assert_int_equal(status->staging.files, 2);
    assert_int_equal(status->staging.bytes, 13);
    assert_int_equal(status->staging.quarantined, 2);
    assert_int_equal(status->staged_tables, 2);
    assert_string_equal(status->staged_table[0].table, "q");
    assert_int_equal(status->staged_table[0].oldest_ms, -1);
    assert_true(status->staging.oldest_ms == status->staged_table[1].oldest_ms && status->staging.oldest_ms >= 99000);
    free(status);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, name_database, close_database)
    const struct CMUnitTest tests[] = {TEST(lists_files_with_their_reasons),
                                       TEST(goes_back_and_overwrites_nothing),
                                       TEST(drops_one_and_its_reason),
                                       TEST(reasons_of_files_that_left_are_swept),
                                       TEST(other_names_fit),
                                       TEST(counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
