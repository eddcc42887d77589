/* Views: what a lease shows, whom it is shared with, and what becomes of old ones. */
#include "support.h"

#include "served.h"

static struct dr_lease lease(void)
{
    struct dr_lease lease = {0};
    duckrow_error error = {0};
    ok(dr_views_lease(views, 0, dr_clock_ms() + WAIT_MS, &lease, &error), &error);
    return lease;
}

static void give_back(struct dr_lease *lease)
{
    dr_views_return(views, lease, 0);
    assert_null(lease->view);
}

static const char *rows(const struct dr_lease *lease)
{
    return text_on(lease->connection, "SELECT count(*)::VARCHAR FROM t");
}

static void set_up(void)
{
    run_alone("CREATE TABLE t (i INTEGER)");
    run_alone("INSERT INTO t VALUES (1)");
}

/* A lease that is held keeps its rows; a new one has the newest. */
static void freshness(void)
{
    set_up();
    struct dr_lease old = lease(), same = lease();
    assert_ptr_equal(old.view, same.view);
    assert_ptr_not_equal(old.connection, same.connection);
    run_alone("INSERT INTO t VALUES (2)");
    struct dr_lease new = lease();
    assert_ptr_not_equal(old.view, new.view);
    assert_string_equal(rows(&new), "2");
    assert_string_equal(rows(&old), "1");
    assert_string_equal(rows(&same), "1");
    give_back(&same);
    assert_string_equal(rows(&old), "1");
    give_back(&old);
    give_back(&new);
    /* Through a change of the schema and a checkpoint too. */
    old = lease();
    run_alone("ALTER TABLE t ADD COLUMN x VARCHAR DEFAULT 'x'");
    new = lease();
    assert_string_equal(text_on(new.connection, "SELECT max(x) FROM t"), "x");
    assert_string_equal(rows(&old), "2");
    give_back(&old);
    give_back(&new);
}

/* An idle view is used again, with its connections; one with settings of a session's is not. */
static void used_again(void)
{
    set_up();
    struct dr_lease first = lease();
    struct dr_view *view = first.view;
    duckdb_connection connection = first.connection;
    give_back(&first);
    for (int i = 0; i < 5; i++) {
        char text[16];
        run_alone("INSERT INTO t VALUES (3)");
        first = lease();
        assert_ptr_equal(first.view, view);
        assert_ptr_equal(first.connection, connection);
        snprintf(text, sizeof text, "%d", i + 2);
        assert_string_equal(rows(&first), text);
        give_back(&first);
    }
    first = lease();
    run_on(first.connection, "SET VARIABLE mine = 'x'");
    dr_views_return(views, &first, 1);
    first = lease();
    assert_string_equal(text_on(first.connection, "SELECT getvariable('mine')::VARCHAR"), "NULL");
    give_back(&first);
    dr_views_return(views, &first, 0);
}

/* Sixteen older states are being read: the next must wait, until its deadline or a return. */
static void no_place(void)
{
    enum { VIEWS = 16 };
    struct dr_lease held[VIEWS], more = {0};
    duckrow_error error = {0};
    set_up();
    for (int i = 0; i < VIEWS; i++) {
        held[i] = lease();
        run_alone("INSERT INTO t VALUES (1)");
    }
    int64_t began = clock_ms();
    assert_int_equal(dr_views_lease(views, 0, dr_clock_ms() + 50, &more, &error), DUCKROW_BUSY);
    assert_in_range(clock_ms() - began, 45, 500);
    assert_null(more.view);
    assert_non_null(strstr(error.message, "16 reads"));
    for (int i = 0; i < VIEWS; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i + 1);
        assert_string_equal(rows(&held[i]), text);
    }
    give_back(&held[7]);
    more = lease();
    assert_string_equal(rows(&more), "17");
    give_back(&more);
    for (int i = 0; i < VIEWS; i++)
        dr_views_return(views, &held[i], 0);
}

/* Of slots, as status counts them. */
static int readers(void)
{
    duckrow_status status = {0};
    duckrow_error error = {0};
    ok(duckrow_status_read(host.served[0].db, &status, &error), &error);
    int count = 0;
    for (int i = 0; i < status.slots; i++)
        count += status.slot[i].readers;
    return count;
}

static void tidying(void)
{
    set_up();
    struct dr_lease old = lease();
    run_alone("INSERT INTO t VALUES (2)");
    run_alone("CREATE TABLE u (i INTEGER)");
    dr_views_tidy(views);
    assert_string_equal(rows(&old), "1");
    give_back(&old);
    assert_int_equal(readers(), 1);
    dr_views_tidy(views);
    assert_int_equal(readers(), 1);
    sleep_ms(1050);
    dr_views_tidy(views);
    assert_int_equal(readers(), 0);
    assert_string_equal(published("SELECT count(*)::VARCHAR FROM t"), "2");
}

static void unpublished(void)
{
    struct dr_lease none = {0};
    duckrow_error error = {0};
    set_up();
    duckrow_code before = host.served[0].unpublished;
    host.served[0].unpublished = DUCKROW_DISK_FULL;
    assert_int_equal(dr_views_lease(views, 0, dr_clock_ms() + WAIT_MS, &none, &error), DUCKROW_NO_SNAPSHOT);
    host.served[0].unpublished = before;
    assert_null(none.view);
    assert_string_equal(published("SELECT count(*)::VARCHAR FROM t"), "1");
}

/* ---- readers and a writer at the same time: nobody sees less than was committed when he came ---- */

static atomic_int committed, writing;

static void *read_on(void *argument)
{
    (void)argument;
    while (writing) {
        int least = committed;
        struct dr_lease now = lease();
        int found = atoi(rows(&now));
        dr_views_return(views, &now, 0);
        if (found < least)
            fail_msg("%d rows, not %d", found, least);
    }
    return NULL;
}

static void together(void)
{
    pthread_t thread[3];
    set_up();
    committed = 1;
    writing = 1;
    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, read_on, NULL);
    for (int i = 0; i < scaled(1000, 60); i++) {
        run_alone("INSERT INTO t VALUES (5)");
        committed++;
        if (i % 20 == 0)
            dr_views_tidy(views);
    }
    writing = 0;
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
}

#define ENGINE_TEST(body)                                                                                                        \
    static void test_##body(void **state)                                                                                        \
    {                                                                                                                            \
        (void)state;                                                                                                             \
        with_each_engine(NULL, body);                                                                                            \
    }
ENGINE_TEST(freshness)
ENGINE_TEST(used_again)
ENGINE_TEST(no_place)
ENGINE_TEST(tidying)
ENGINE_TEST(unpublished)
ENGINE_TEST(together)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_freshness),   cmocka_unit_test(test_used_again),
                                       cmocka_unit_test(test_no_place),    cmocka_unit_test(test_tidying),
                                       cmocka_unit_test(test_unpublished), cmocka_unit_test(test_together)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
