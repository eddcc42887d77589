/* Figures that a service leaves: what is written is read, what is torn, cut or not ours isn't. */
#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/figures.h"
#include "core/os.h"

static duckrow_db *db;
static char path[PATH_MAX];

static int begin(void **state)
{
    (void)state;
    static int count;
    char file[PATH_MAX];
    duckrow_error error;
    snprintf(file, sizeof file, "%s/%d.duckdb", temp_folder(), count++);
    assert_int_equal(duckrow_db_open(file, NULL, &db, &error), DUCKROW_OK);
    assert_int_equal(dr_db_make_folder(db, &error), DUCKROW_OK);
    snprintf(path, sizeof path, "%s/figures", duckrow_db_folder(db));
    return 0;
}

static int end(void **state)
{
    (void)state;
    duckrow_db_close(db);
    return 0;
}

static const duckrow_figure some[] = {{"at", 1764086400123}, {"sessions", 3}, {"below", -7}, {"largest", INT64_MAX}};
enum { SOME = sizeof some / sizeof *some };

static int read_all(duckrow_figure figures[64])
{
    memset(figures, 'x', 64 * sizeof *figures);
    return dr_figures_read(db, figures, 64);
}

static void test_there_and_back(void **state)
{
    (void)state;
    duckrow_figure found[64];
    assert_int_equal(read_all(found), 0);
    int fd = dr_figures_open(db);
    assert_true(fd >= 0);
    assert_int_equal(read_all(found), 0);
    dr_figures_write(fd, some, SOME);
    assert_int_equal(read_all(found), SOME);
    for (int i = 0; i < SOME; i++) {
        assert_string_equal(found[i].name, some[i].name);
        assert_int_equal(found[i].value, some[i].value);
    }
    assert_int_equal(dr_figure_of(found, SOME, "sessions"), 3);
    assert_int_equal(dr_figure_of(found, SOME, "session"), -1);
    /* Fewer than before: nothing of the older ones is left. */
    dr_figures_write(fd, some, 1);
    assert_int_equal(read_all(found), 1);
    assert_int_equal(dr_figures_read(db, found, 0), 0);
    dr_figures_remove(db);
    assert_int_equal(read_all(found), 0);
    dr_close(fd);
}

static void put(const char *text, size_t size)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0666);
    assert_int_equal(write(fd, text, size), (ssize_t)size);
    close(fd);
}

/* Each byte changed, each cut: never taken for what it isn't. */
static void test_damaged(void **state)
{
    (void)state;
    char text[512];
    duckrow_figure found[64];
    int fd = dr_figures_open(db);
    dr_figures_write(fd, some, SOME);
    ssize_t size = pread(fd, text, sizeof text, 0);
    dr_close(fd);
    assert_true(size > 40);
    for (ssize_t i = 0; i < size; i++) {
        put(text, (size_t)i);
        assert_int_equal(read_all(found), 0);
        text[i] ^= 1;
        put(text, (size_t)size);
        assert_int_equal(read_all(found), 0);
        text[i] ^= 1;
    }
    put("check \n", 7);
    assert_int_equal(read_all(found), 0);
    put("\0\0\0", 3);
    assert_int_equal(read_all(found), 0);
    static char large[100000];
    put(large, sizeof large);
    assert_int_equal(read_all(found), 0);
    put(text, (size_t)size);
    assert_int_equal(read_all(found), SOME);
}

/* As many as there may be, with the longest names. */
static void test_many(void **state)
{
    (void)state;
    static duckrow_figure many[500], found[500];
    for (int i = 0; i < 500; i++) {
        snprintf(many[i].name, sizeof many[i].name, "%039d", i);
        many[i].value = INT64_MIN;
    }
    int fd = dr_figures_open(db), count;
    dr_figures_write(fd, many, 500);
    count = dr_figures_read(db, found, 500);
    assert_in_range(count, 200, 499);
    assert_memory_equal(found, many, (size_t)count * sizeof *many);
    assert_int_equal(dr_figures_read(db, found, 10), 10);
    dr_close(fd);
}

static atomic_int stop;

static void *keep_writing(void *argument)
{
    duckrow_figure figures[40];
    for (int64_t n = 1; !stop; n++) {
        int count = n % 2 ? 40 : 20;
        for (int i = 0; i < count; i++) {
            snprintf(figures[i].name, sizeof figures[i].name, "figure_%d", i);
            figures[i].value = n * 1000000007;
        }
        dr_figures_write(*(int *)argument, figures, count);
    }
    return NULL;
}

static void test_while_it_is_written(void **state)
{
    (void)state;
    int fd = dr_figures_open(db), whole = 0;
    pthread_t writer;
    duckrow_figure found[64];
    stop = 0;
    pthread_create(&writer, NULL, keep_writing, &fd);
    for (int i = 0; i < 3000; i++) {
        int count = dr_figures_read(db, found, 64);
        whole += count > 0;
        assert_true(count == 0 || count == 20 || count == 40);
        for (int k = 1; k < count; k++)
            assert_int_equal(found[k].value, found[0].value);
    }
    stop = 1;
    pthread_join(writer, NULL);
    dr_close(fd);
    assert_true(whole > 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {TEST(test_there_and_back), TEST(test_damaged), TEST(test_many),
                                       TEST(test_while_it_is_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
