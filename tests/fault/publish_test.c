/* Publishing with the nth system call failing, and killed at it, for every n. Afterwards a reader gets all that was committed or
 * is told that the snapshot is stale, and the next publish is right. */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../unit/compose.h"
#include "core/ahead.h"
#include "core/slot.h"
#include "faulty.h"

/* ---- a composed database ---- */

/* AHEAD: a slot made level, which was made; NEW: which was not. */
enum scenario { FIRST, APPEND, ROTATION, AHEAD, NEW };

static char path[4000];
static int database = -1; /* never closed in between: that would drop the lock that the turn has on it */
static unsigned char image[COMPOSED_SIZE], wal[4096];
static size_t wal_length;
static int iteration;

static void save_wal(void)
{
    char name[4096];
    snprintf(name, sizeof name, "%s.wal", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(pwrite(fd, wal, wal_length, 0), wal_length);
    close(fd);
}

static void commit(unsigned char value)
{
    if (wal_length == 0)
        wal_length = compose_wal_version(wal, 2, (unsigned char)iteration);
    wal_length += compose_commit(wal + wal_length, value);
    save_wal();
}

/* Writes the block that was free, and frees the other one of 3 and 4. */
static void checkpoint(void)
{
    char name[4096];
    iteration++;
    compose_database(image, (uint64_t)iteration, iteration % 2 ? 3 : 4);
    memset(image + DR_HEADERS + (iteration % 2 ? 4 : 3) * COMPOSED_BLOCK, 0x40 + iteration, COMPOSED_BLOCK);
    assert_int_equal(pwrite(database, image, sizeof image, 0), sizeof image);
    snprintf(name, sizeof name, "%s.wal", path);
    unlink(name);
    wal_length = 0;
}

/* In the free block, and a block behind the end. */
static void write_as_a_bulk_load(void)
{
    unsigned char block[COMPOSED_BLOCK];
    memset(block, 0x11, sizeof block);
    assert_int_equal(pwrite(database, block, sizeof block, DR_HEADERS + (iteration % 2 ? 3 : 4) * COMPOSED_BLOCK), sizeof block);
    assert_int_equal(pwrite(database, block, sizeof block, COMPOSED_SIZE), sizeof block);
}

static duckrow_db *open_db(void)
{
    duckrow_db_options options = DUCKROW_DB_OPTIONS_INIT;
    options.rest_ms = 0;
    duckrow_db *db;
    duckrow_error error;
    if (duckrow_db_open(path, &options, &db, &error))
        fail_msg("%s", error.message);
    return db;
}

static duckrow_turn *take(duckrow_db *db)
{
    duckrow_turn *turn;
    duckrow_error error;
    if (duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "write", 1000, &turn, &error))
        fail_msg("%s", error.message);
    return turn;
}

static duckrow_code publish(duckrow_turn *turn, duckrow_error *error)
{
    duckrow_plan plan;
    duckrow_code code = duckrow_publish_begin(turn, 0, &plan, error);
    return code ? code : duckrow_publish_end(turn, NULL, error);
}

static void publish_well(duckrow_db *db)
{
    duckrow_error error;
    duckrow_turn *turn = take(db);
    if (publish(turn, &error))
        fail_msg("%s", error.message);
    duckrow_turn_release(turn);
}

static void prepare(duckrow_db **db, enum scenario scenario)
{
    if (database >= 0)
        close(database);
    snprintf(path, sizeof path, "%s", path_in(getenv("FAULT_FOLDER"), "core.duckdb"));
    empty_folder(getenv("FAULT_FOLDER"));
    database = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    iteration = 0;
    checkpoint();
    commit(1);
    *db = open_db();
    if (scenario == FIRST)
        return;
    publish_well(*db);
    if (scenario == ROTATION || scenario == AHEAD) {
        checkpoint();
        publish_well(*db);
        commit(2);
        publish_well(*db);
    }
    if (scenario == ROTATION)
        checkpoint();
    if (scenario == AHEAD || scenario == NEW)
        write_as_a_bulk_load();
    else
        commit(3);
}

static int is_ahead(enum scenario scenario)
{
    return scenario == AHEAD || scenario == NEW;
}

/* What is tested: a publish, or what is done ahead of one and needs none to be right. */
static duckrow_code act(enum scenario scenario, duckrow_turn *turn, duckrow_error *error)
{
    if (!is_ahead(scenario))
        return publish(turn, error);
    dr_ahead_begin(turn, 1);
    dr_ahead_copy(turn);
    dr_ahead_end(turn);
    dr_ahead_tidy(turn);
    return DUCKROW_OK;
}

/* The rotation that it was for. */
static void go_on(enum scenario scenario)
{
    if (is_ahead(scenario)) {
        checkpoint();
        commit(4);
    }
}

/* Every block in use, the headers and the WAL are what the database has. */
static void check_copy(const char *copy)
{
    unsigned char found[COMPOSED_SIZE], tail[sizeof wal];
    int free_block = iteration % 2 ? 3 : 4;
    int fd = open(copy, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, found, sizeof found, 0), sizeof found);
    close(fd);
    memcpy(found + DR_HEADERS + free_block * COMPOSED_BLOCK, image + DR_HEADERS + free_block * COMPOSED_BLOCK, COMPOSED_BLOCK);
    assert_memory_equal(found, image, sizeof image);
    char name[4096];
    snprintf(name, sizeof name, "%s.wal", copy);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, tail, sizeof tail, 0), wal_length);
    assert_memory_equal(tail, wal, wal_length);
    close(fd);
}

static void check_reader(duckrow_db *db, int must)
{
    duckrow_snapshot *snapshot;
    duckrow_error error;
    duckrow_code code = duckrow_snapshot_pin(db, 1000, &snapshot, &error);
    if (code == DUCKROW_OK) {
        check_copy(duckrow_snapshot_path(snapshot));
        duckrow_snapshot_unpin(snapshot);
    } else if (must || (code != DUCKROW_STALE && code != DUCKROW_NO_SNAPSHOT)) {
        fail_msg("%s: %s", duckrow_code_name(code), error.message);
    }
}

/* A stock tool knows of no records: what it finds must be whole whenever it looks. */
static void check_link(const duckrow_db *db)
{
    struct dr_slot slot;
    int64_t current = dr_slot_current(db);
    if (current >= 0 && (!dr_slot_read(db, current, &slot) || !dr_slot_sound(db, &slot, 1)))
        fail_msg("%s leads to slot %d, which is not whole", duckrow_db_read_path(db), (int)current);
}

static int descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void fail_everywhere(enum scenario scenario)
{
    const int faults[] = {ENOSPC, EIO, EACCES, EMFILE, EINTR, SHORT};
    const duckrow_code codes[] = {DUCKROW_DISK_FULL, DUCKROW_IO, DUCKROW_PERMISSION, DUCKROW_IO, DUCKROW_INTERRUPTED, DUCKROW_OK};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        int through = 0;
        for (int n = 1; !through; n++) {
            duckrow_db *db;
            duckrow_error error;
            prepare(&db, scenario);
            duckrow_turn *turn = take(db);
            int before = descriptors();
            assert_int_equal(dr_ahead_open(turn, &error), DUCKROW_OK);
            arm(n, faults[i]);
            duckrow_code code = act(scenario, turn, &error);
            dr_os = real;
            through = calls < n;
            dr_ahead_close(turn);
            if (descriptors() != before)
                fail_msg("call %d, fault %d: descriptors %d, were %d", n, faults[i], descriptors(), before);
            /* From fcntl, EACCES says that somebody else has the lock. */
            int locked = code == DUCKROW_IO && faults[i] == EACCES && strstr(error.message, "cannot lock");
            int fits = code == DUCKROW_OK || ((code == codes[i] || locked) && !through);
            if (!fits)
                print_error("call %d, fault %d: %s: %s\n", n, faults[i], duckrow_code_name(code), error.message);
            assert_true(fits);
            duckrow_turn_release(turn);
            check_link(db);
            check_reader(db, is_ahead(scenario));
            go_on(scenario);
            publish_well(db);
            check_reader(db, 1);
            duckrow_db_close(db);
        }
    }
}

static void kill_everywhere(enum scenario scenario)
{
    int status = SIGKILL;
    for (int n = 1; status; n++) {
        duckrow_db *db;
        prepare(&db, scenario);
        pid_t pid = fork();
        if (pid == 0) {
            duckrow_db *own = open_db();
            duckrow_turn *turn = take(own);
            _exit(dr_ahead_open(turn, NULL) ? 1 : (arm(n, KILL), act(scenario, turn, NULL)));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (status && !WIFSIGNALED(status))
            fail_msg("call %d: exit status %d", n, WEXITSTATUS(status));
        check_link(db);
        check_reader(db, is_ahead(scenario));
        go_on(scenario);
        publish_well(db);
        check_reader(db, 1);
        duckrow_db_close(db);
    }
}

static void first_snapshot_fails(void **state)
{
    (void)state;
    fail_everywhere(FIRST);
}

static void append_fails(void **state)
{
    (void)state;
    fail_everywhere(APPEND);
}

static void rotation_fails(void **state)
{
    (void)state;
    fail_everywhere(ROTATION);
}

static void what_is_done_ahead_fails(void **state)
{
    (void)state;
    fail_everywhere(AHEAD);
    fail_everywhere(NEW);
}

static void killed_at_every_call(void **state)
{
    (void)state;
    kill_everywhere(FIRST);
    kill_everywhere(APPEND);
    kill_everywhere(ROTATION);
    kill_everywhere(AHEAD);
    kill_everywhere(NEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_snapshot_fails), cmocka_unit_test(append_fails),
                                       cmocka_unit_test(rotation_fails), cmocka_unit_test(what_is_done_ahead_fails),
                                       cmocka_unit_test(killed_at_every_call)};
    real = dr_os;
    /* Thousands of small files come and go: on a busy disk that takes minutes. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    setenv("FAULT_FOLDER", temp_folder(), 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
