/* Settings: what is understood, what is refused with its line, and what a change leaves alone. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compose.h"
#include "core/choose.h"
#include "core/turn.h"

static duckrow_db *db;
static duckrow_error error;
static struct dr_config config;

static int make_database(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE];
    const char *path = path_in(temp_folder(), "core.duckdb");
    compose_database(image, 1, 3);
    return write_file(path, image, sizeof image) || duckrow_db_open(path, NULL, &db, &error) || dr_db_make_folder(db, &error);
}

static int close_database(void **state)
{
    (void)state;
    duckrow_db_close(db);
    return 0;
}

static void write_text(const char *text)
{
    assert_int_equal(write_file(path_in(db->folder, "config"), text, strlen(text)), 0);
}

static void expect(int max_slots, int snapshots)
{
    if (dr_config_read(db, &config, &error))
        fail_msg("%s", error.message);
    assert_int_equal(config.max_slots, max_slots);
    assert_int_equal(config.snapshots, snapshots);
}

static void refuse(const char *text, const char *line, const char *why)
{
    write_text(text);
    assert_int_equal(dr_config_read(db, &config, &error), DUCKROW_USAGE);
    if (!strstr(error.message, line) || !strstr(error.message, why))
        fail_msg("%s", error.message);
    assert_non_null(strstr(error.message, "core.duckdb.duckrow/config:"));
    assert_null(strchr(error.message, '\n'));
}

static void what_is_not_there_has_its_default(void **state)
{
    (void)state;
    expect(3, 1);
    write_text("");
    expect(3, 1);
    write_text("# nothing\n\n   \t\n");
    expect(3, 1);
}

static void lines_are_read(void **state)
{
    (void)state;
    write_text("max_slots=5\nsnapshots = off");
    expect(5, 0);
    write_text("# of ours\n  snapshots\t=  on # yes\r\nmax_slots = 32\r\n");
    expect(32, 1);
    write_text("max_slots = 4\nmax_slots = 7\n");
    expect(7, 1);
}

static void what_is_not_understood_is_named_with_its_line(void **state)
{
    (void)state;
    refuse("max_slots = 3\nslots = 4\n", "config:2:", "no setting slots");
    refuse("# x\n\nmax_slots\n", "config:3:", "not understood");
    refuse("max_slots = 1\n", "config:1:", "2 to 32, not 1");
    refuse("max_slots = 33", "config:1:", "not 33");
    refuse("max_slots = 3x", "config:1:", "not 3x");
    refuse("max_slots = 99999999999999999999", "config:1:", "2 to 32");
    refuse("max_slots =\n", "config:1:", "not empty");
    refuse("snapshots = maybe\n", "config:1:", "on or off, not maybe");
    refuse("= 3\n", "config:1:", "no setting");
    static char long_text[70000];
    memset(long_text, '#', sizeof long_text - 1);
    write_text(long_text);
    assert_int_equal(dr_config_read(db, &config, &error), DUCKROW_USAGE);
    assert_non_null(strstr(error.message, "too long"));
}

static void of_ingest(void **state)
{
    (void)state;
    char text[32];
    expect(3, 1);
    static const char *const standard[] = {"on", "1s", "4096", "1GiB", "off", "off", "off"};
    for (int i = 2; i < DR_SETTINGS; i++)
        assert_string_equal(dr_config_value(&config, i, text), standard[i - 2]);
    static const char *const other[] = {"off", "250ms", "100000", "64MiB", "on", "on", "7d"};
    for (int i = 2; i < DR_SETTINGS; i++)
        assert_int_equal(dr_config_write(db, dr_config_name(i), other[i - 2], &error), DUCKROW_OK);
    expect(3, 1);
    for (int i = 2; i < DR_SETTINGS; i++)
        assert_string_equal(dr_config_value(&config, i, text), other[i - 2]);
    assert_int_equal(config.ingest, 0);
    assert_int_equal(config.ingest_interval_ms, 250);
    assert_int_equal(config.ingest_bytes, 64 << 20);
    assert_int_equal(config.ingest_keep, INT64_C(7) * 24 * 3600 * 1000);
    write_text("ingest_keep = on\ningest_interval = 10ms");
    expect(3, 1);
    assert_int_equal(config.ingest_keep, DR_KEEP);
    assert_string_equal(dr_config_value(&config, dr_config_find("ingest_keep"), text), "on");
    assert_int_equal(config.holds, 0);
    refuse("ingest_interval = 9ms", "config:1:", "10ms or more, such as 1s, not 9ms");
    refuse("ingest_interval = soon", "config:1:", "not soon");
    refuse("ingest_files = 0", "config:1:", "1 to 100000, not 0");
    refuse("ingest_files = 100001", "config:1:", "not 100001");
    refuse("ingest_bytes = 0", "config:1:", "a size, such as 1GiB or 64MiB, not 0");
    refuse("ingest_bytes = much", "config:1:", "not much");
    refuse("ingest_create = 1", "config:1:", "on or off, not 1");
    refuse("ingest_keep = week", "config:1:", "on, off or a time, such as 7d, not week");
    refuse("ingest_keep = -1s", "config:1:", "not -1s");
    refuse("ingested = on", "config:1:", "choose max_slots, snapshots, ingest, ");
}

static void a_broken_file_stops_readers_and_writers(void **state)
{
    (void)state;
    duckrow_turn *turn;
    duckrow_snapshot *snapshot;
    duckrow_status *status = calloc(1, sizeof *status);
    write_text("colour = blue\n");
    assert_int_equal(duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", 0, &turn, &error), DUCKROW_USAGE);
    assert_int_equal(duckrow_snapshot_pin(db, 0, &snapshot, &error), DUCKROW_USAGE);
    assert_int_equal(duckrow_status_read(db, status, &error), DUCKROW_USAGE);
    free(status);
}

static void a_change_leaves_the_rest_alone(void **state)
{
    (void)state;
    char text[256];
    write_text("# mine\nsnapshots = on # for now\n\nmax_slots = 4\nsnapshots = on");
    assert_int_equal(dr_config_write(db, "snapshots", "off", &error), DUCKROW_OK);
    expect(4, 0);
    FILE *file = fopen(path_in(db->folder, "config"), "re");
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = 0;
    assert_string_equal(text, "# mine\nsnapshots = off\n\nmax_slots = 4\n");
    assert_int_equal(dr_config_write(db, "max_slots", "2", &error), DUCKROW_OK);
    expect(2, 0);
    struct stat st;
    assert_int_equal(stat(path_in(db->folder, ".config"), &st), -1);
}

static void a_wrong_change_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(dr_config_write(db, "max_slots", "1", &error), DUCKROW_USAGE);
    assert_int_equal(dr_config_write(db, "max_slots", "", &error), DUCKROW_USAGE);
    assert_int_equal(dr_config_write(db, "size", "1", &error), DUCKROW_USAGE);
    expect(3, 1);
    struct stat st;
    assert_int_equal(stat(path_in(db->folder, "config"), &st), -1);
}

static void options_come_before_the_file(void **state)
{
    (void)state;
    write_text("max_slots = 5\n");
    db->options.max_slots = 2;
    expect(2, 1);
}

/* ---- what they do ---- */

static duckrow_code publish(void)
{
    duckrow_turn *turn;
    if (duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", 0, &turn, &error))
        fail_msg("%s", error.message);
    duckrow_code code = duckrow_publish_end(turn, NULL, &error);
    assert_int_equal(duckrow_turn_level(turn), code == DUCKROW_OK || code == DUCKROW_NO_SNAPSHOT);
    duckrow_turn_release(turn);
    return code;
}

static void switched_off_nothing_is_left_to_read(void **state)
{
    (void)state;
    duckrow_snapshot *snapshot, *other;
    struct stat st;
    int64_t generations[DR_SLOTS];
    db->options.rest_ms = 0;
    assert_int_equal(publish(), DUCKROW_OK);
    assert_int_equal(duckrow_snapshot_pin(db, 0, &snapshot, &error), DUCKROW_OK);
    int64_t before = duckrow_snapshot_generation(snapshot);
    write_text("snapshots = off\n");
    assert_int_equal(publish(), DUCKROW_NO_SNAPSHOT);
    assert_non_null(strstr(error.message, "snapshots on"));
    /* Who reads goes on, nobody joins. */
    assert_int_equal(stat(duckrow_snapshot_path(snapshot), &st), 0);
    assert_int_equal(duckrow_snapshot_check(snapshot, &error), DUCKROW_STALE);
    assert_int_equal(duckrow_snapshot_pin(db, 0, &other, &error), DUCKROW_NO_SNAPSHOT);
    assert_int_equal(lstat(duckrow_db_read_path(db), &st), -1);
    duckrow_snapshot_unpin(snapshot);
    assert_int_equal(publish(), DUCKROW_NO_SNAPSHOT);
    assert_int_equal(dr_slot_list(db, generations), 0);
    write_text("snapshots = on\n");
    assert_int_equal(duckrow_snapshot_pin(db, 0, &other, &error), DUCKROW_STALE);
    assert_int_equal(publish(), DUCKROW_OK);
    assert_int_equal(duckrow_snapshot_pin(db, 0, &snapshot, &error), DUCKROW_OK);
    /* No path ever stands for two states. */
    assert_true(duckrow_snapshot_generation(snapshot) > before);
    assert_int_equal(stat(duckrow_db_read_path(db), &st), 0);
    duckrow_snapshot_unpin(snapshot);
}

static void a_link_of_the_users_stays(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(symlink("elsewhere", duckrow_db_read_path(db)), 0);
    dr_choose_retire(db);
    assert_int_equal(lstat(duckrow_db_read_path(db), &st), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_database, close_database)
    const struct CMUnitTest tests[] = {TEST(what_is_not_there_has_its_default),
                                       TEST(lines_are_read),
                                       TEST(what_is_not_understood_is_named_with_its_line),
                                       TEST(of_ingest),
                                       TEST(a_broken_file_stops_readers_and_writers),
                                       TEST(a_change_leaves_the_rest_alone),
                                       TEST(a_wrong_change_changes_nothing),
                                       TEST(options_come_before_the_file),
                                       TEST(switched_off_nothing_is_left_to_read),
                                       TEST(a_link_of_the_users_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
