/* Slots in use, and space: when a rotation waits, fails, and goes on. */
#include "support.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "compose.h"
#include "core/choose.h"
#include "core/turn.h"

static duckrow_db *db;
static duckrow_error error;
static unsigned char image[COMPOSED_SIZE];
static int database = -1; /* kept: a close would drop the lock of a turn */
static int iteration;
static struct dr_os_table real;

static void checkpoint(void)
{
    iteration++;
    compose_database(image, (uint64_t)iteration, 3);
    assert_int_equal(pwrite(database, image, sizeof image, 0), sizeof image);
}

static int make_database(void **state)
{
    (void)state;
    const char *path = path_in(temp_folder(), "core.duckdb");
    real = dr_os;
    iteration = 0;
    database = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    checkpoint();
    if (duckrow_db_open(path, NULL, &db, &error))
        return -1;
    db->options.rest_ms = 0;
    return 0;
}

static int close_database(void **state)
{
    (void)state;
    dr_os = real;
    duckrow_db_close(db);
    close(database);
    return 0;
}

/* A checkpoint, and another slot for it. */
static duckrow_code rotate(void)
{
    duckrow_turn *turn;
    if (duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", 0, &turn, &error))
        fail_msg("%s", error.message);
    checkpoint();
    duckrow_code code = duckrow_publish_end(turn, NULL, &error);
    duckrow_turn_release(turn);
    return code;
}

static duckrow_snapshot *pin(void)
{
    duckrow_snapshot *snapshot;
    if (duckrow_snapshot_pin(db, 0, &snapshot, &error))
        fail_msg("%s", error.message);
    return snapshot;
}

static int slots(void)
{
    int64_t generations[DR_SLOTS];
    return dr_slot_list(db, generations);
}

static void max_slots_is_not_exceeded(void **state)
{
    (void)state;
    duckrow_snapshot *pinned[3], *none;
    db->options.max_slots = 3;
    assert_int_equal(rotate(), DUCKROW_OK);
    for (int i = 0; i < 2; i++) {
        pinned[i] = pin();
        assert_int_equal(rotate(), DUCKROW_OK);
    }
    pinned[2] = pin();
    assert_int_equal(slots(), 3);
    assert_int_equal(rotate(), DUCKROW_DISK_FULL);
    assert_int_equal(error.holder.pid, getpid());
    char me[32];
    snprintf(me, sizeof me, "pid %d (", (int)getpid());
    assert_non_null(strstr(error.message, me));
    assert_non_null(strstr(error.message, "max_slots 4"));
    assert_int_equal(slots(), 3);
    /* Readers know, and those there were keep what they have. */
    assert_int_equal(duckrow_snapshot_pin(db, 0, &none, &error), DUCKROW_STALE);
    struct stat st;
    for (int i = 0; i < 3; i++)
        assert_int_equal(stat(duckrow_snapshot_path(pinned[i]), &st), 0);
    /* After the first second nobody is waited for. */
    int64_t asked = clock_ms();
    WAIT_UNTIL(clock_ms() > asked + 1000, 2000);
    asked = clock_ms();
    assert_int_equal(rotate(), DUCKROW_DISK_FULL);
    assert_true(clock_ms() - asked < 500);
    duckrow_snapshot_unpin(pinned[0]);
    assert_int_equal(rotate(), DUCKROW_OK);
    duckrow_snapshot_unpin(pin());
    duckrow_snapshot_unpin(pinned[1]);
    duckrow_snapshot_unpin(pinned[2]);
}

static void a_default_gives_way_to_freshness(void **state)
{
    (void)state;
    duckrow_snapshot *pinned[5];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(rotate(), DUCKROW_OK);
        pinned[i] = pin();
    }
    assert_int_equal(slots(), 5);
    for (int i = 0; i < 5; i++)
        duckrow_snapshot_unpin(pinned[i]);
    assert_int_equal(rotate(), DUCKROW_OK);
    assert_int_equal(slots(), 3);
}

static int unpin_soon(int channel, void *context)
{
    (void)context;
    duckrow_db *own;
    duckrow_snapshot *snapshot;
    if (duckrow_db_open(db->path, NULL, &own, NULL) || duckrow_snapshot_pin(own, 1000, &snapshot, NULL))
        return 1;
    channel_send(channel, 'p');
    channel_receive(channel, 20000);
    sleep_ms(100);
    duckrow_snapshot_unpin(snapshot);
    return 0;
}

static void a_brief_reader_is_waited_for(void **state)
{
    (void)state;
    db->options.max_slots = 2;
    assert_int_equal(rotate(), DUCKROW_OK);
    child reader = child_start(unpin_soon, NULL);
    assert_int_equal(channel_receive(reader.channel, 20000), 'p');
    assert_int_equal(rotate(), DUCKROW_OK);
    channel_send(reader.channel, 'g');
    assert_int_equal(rotate(), DUCKROW_OK);
    assert_int_equal(slots(), 2);
    assert_int_equal(child_wait(&reader, 20000), 0);
}

static void a_lower_max_slots_trims(void **state)
{
    (void)state;
    db->options.max_slots = 4;
    duckrow_snapshot *pinned[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rotate(), DUCKROW_OK);
        pinned[i] = pin();
    }
    assert_int_equal(rotate(), DUCKROW_OK);
    assert_int_equal(slots(), 4);
    for (int i = 0; i < 3; i++)
        duckrow_snapshot_unpin(pinned[i]);
    db->options.max_slots = 2;
    assert_int_equal(rotate(), DUCKROW_OK);
    assert_int_equal(slots(), 2);
}

static ssize_t unreadable(const char *path, char *target, size_t size)
{
    (void)path, (void)target, (void)size;
    errno = EIO;
    return -1;
}

/* Which one readers are given can't be told, so none is. */
static void an_unreadable_link_frees_no_slot(void **state)
{
    (void)state;
    struct dr_choice choice;
    struct dr_config config = {.max_slots = 4, .snapshots = 1};
    assert_int_equal(rotate(), DUCKROW_OK);
    assert_int_equal(rotate(), DUCKROW_OK);
    assert_int_equal(dr_choose(db, &config, &choice, &error), DUCKROW_OK);
    assert_true(choice.generation >= 0);
    dr_close(choice.lock);
    dr_os.readlink = unreadable;
    assert_int_equal(dr_choose(db, &config, &choice, &error), DUCKROW_OK);
    assert_int_equal(choice.generation, -1);
    dr_choose_trim(db, &(struct dr_config){.max_slots = 2});
    dr_os.readlink = real.readlink;
    assert_int_equal(slots(), 2);
}

/* ---- space ---- */

static int64_t free_bytes;
static int writes;

static int little_space(int fd, struct statvfs *space)
{
    int result = real.space(fd, space);
    space->f_bavail = (fsblkcnt_t)free_bytes / space->f_frsize;
    return result;
}

static ssize_t count_copy(int from, off_t *from_offset, int to, off_t *to_offset, size_t size)
{
    writes++;
    return real.copy_range(from, from_offset, to, to_offset, size);
}

static int no_clone(int to, int from)
{
    (void)to, (void)from;
    errno = EOPNOTSUPP;
    return -1;
}

static void a_copy_without_room_is_not_begun(void **state)
{
    (void)state;
    duckrow_snapshot *none;
    dr_os.space = little_space;
    dr_os.copy_range = count_copy;
    dr_os.clone = no_clone;
    free_bytes = 1 << 20; /* the margin, but no more */
    writes = 0;
    assert_int_equal(rotate(), DUCKROW_DISK_FULL);
    assert_int_equal(writes, 0);
    assert_int_equal(slots(), 0);
    assert_non_null(strstr(error.message, "1.0 MiB are free"));
    assert_non_null(strstr(error.message, "20.0 KiB and 1.0 MiB to spare are needed"));
    assert_int_equal(duckrow_snapshot_pin(db, 0, &none, &error), DUCKROW_STALE);
    free_bytes = 4 << 20;
    assert_int_equal(rotate(), DUCKROW_OK);
    assert_true(writes > 0);
    duckrow_snapshot_unpin(pin());
}

static void a_slot_that_has_its_space_needs_none(void **state)
{
    (void)state;
    dr_os.clone = no_clone;
    assert_int_equal(rotate(), DUCKROW_OK);
    assert_int_equal(rotate(), DUCKROW_OK);
    dr_os.space = little_space;
    free_bytes = 0;
    assert_int_equal(rotate(), DUCKROW_OK);
    assert_int_equal(slots(), 2);
}

/* ---- what can wait ---- */

static void commit(int count)
{
    unsigned char wal[4096];
    size_t n = compose_wal_version(wal, 2, (unsigned char)iteration);
    for (int i = 0; i < count; i++)
        n += compose_commit(wal + n, (unsigned char)i);
    assert_int_equal(write_file(db->wal, wal, n), 0);
}

static int wants_checkpoint(void)
{
    duckrow_turn *turn;
    duckrow_plan plan;
    assert_int_equal(duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", 0, &turn, &error), DUCKROW_OK);
    assert_int_equal(duckrow_publish_begin(turn, 0, &plan, &error), DUCKROW_OK);
    duckrow_turn_release(turn);
    return plan.checkpoint;
}

static void a_rotation_that_can_wait_waits(void **state)
{
    (void)state;
    db->options.max_slots = 2;
    assert_int_equal(rotate(), DUCKROW_OK);
    commit(40);
    assert_int_equal(wants_checkpoint(), 1);
    dr_os.space = little_space;
    free_bytes = 0;
    assert_int_equal(wants_checkpoint(), 0);
    dr_os = real;
    unlink(db->wal);
    duckrow_snapshot *pinned = pin();
    assert_int_equal(rotate(), DUCKROW_OK);
    commit(40);
    assert_int_equal(wants_checkpoint(), 0);
    duckrow_snapshot_unpin(pinned);
    assert_int_equal(wants_checkpoint(), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_database, close_database)
    const struct CMUnitTest tests[] = {TEST(a_default_gives_way_to_freshness),     TEST(max_slots_is_not_exceeded),
                                       TEST(a_brief_reader_is_waited_for),         TEST(a_lower_max_slots_trims),
                                       TEST(an_unreadable_link_frees_no_slot),     TEST(a_copy_without_room_is_not_begun),
                                       TEST(a_slot_that_has_its_space_needs_none), TEST(a_rotation_that_can_wait_waits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
