/* What a pinned snapshot says of itself. */
#include "support.h"

#include "compose.h"
#include "core/slot.h"
#include "core/turn.h"

static duckrow_db *db;
static duckrow_error error;

static int publish_database(void **state)
{
    (void)state;
    unsigned char image[COMPOSED_SIZE];
    const char *path = path_in(temp_folder(), "core.duckdb");
    duckrow_turn *turn;
    compose_database(image, 1, 3);
    if (write_file(path, image, sizeof image) || duckrow_db_open(path, NULL, &db, &error) ||
        duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", 0, &turn, &error) || duckrow_publish_end(turn, NULL, &error))
        return -1;
    duckrow_turn_release(turn);
    return 0;
}

static int close_database(void **state)
{
    (void)state;
    duckrow_db_close(db);
    return 0;
}

static duckrow_snapshot *pin(void)
{
    duckrow_snapshot *snapshot;
    if (duckrow_snapshot_pin(db, 0, &snapshot, &error))
        fail_msg("%s", error.message);
    return snapshot;
}

static void it_says_when_it_was_published(void **state)
{
    (void)state;
    struct dr_slot slot;
    duckrow_snapshot *snapshot = pin();
    int64_t now = dr_calendar_ms(), at = duckrow_snapshot_published_at(snapshot);
    assert_in_range(at, now - 60000, now);
    assert_int_equal(dr_slot_read(db, duckrow_snapshot_generation(snapshot), &slot), 1);
    assert_int_equal(at, slot.published_at);
    /* What is published later into the same slot is not what was pinned. */
    slot.published_at += 1000;
    assert_int_equal(dr_slot_write(db, &slot, &error), DUCKROW_OK);
    assert_int_equal(duckrow_snapshot_published_at(snapshot), at);
    duckrow_snapshot_unpin(snapshot);
    snapshot = pin();
    assert_int_equal(duckrow_snapshot_published_at(snapshot), at + 1000);
    duckrow_snapshot_unpin(snapshot);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, publish_database, close_database)
    const struct CMUnitTest tests[] = {TEST(it_says_when_it_was_published)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
