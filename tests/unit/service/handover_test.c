/* Handing the database over within one process: a thread holds it, others work in the service. */
#include "support.h"

#include "served.h"

#include "service/handover.h"

static struct dr_handover *handover;
static struct dr_lane *lane;

enum { ROUNDS = 3, UNITS = 40 };

static void begin(void)
{
    duckrow_error error = {0};
    run_alone("CREATE TABLE t (i INTEGER)");
    ok(dr_lane_open(&host, 0, &lane, &error), &error);
    ok(dr_handover_open(&host, statements, &handover, &error), &error);
}

static void end(void)
{
    dr_handover_close(handover);
    dr_lane_close(lane);
}

/* ---- who holds ---- */

struct holder {
    pthread_t thread;
    atomic_int has, let_go;
};

static void *hold(void *argument)
{
    struct holder *holder = argument;
    duckrow_error error = {0};
    duckrow_db *db;
    duckrow_turn *turn;
    ok(duckrow_db_open(served_path, NULL, &db, &error), &error);
    ok(duckrow_turn_take(db, DUCKROW_EXCLUSIVE, "hold", WAIT_MS, &turn, &error), &error);
    assert_int_equal(duckrow_turn_open_files(turn), 0);
    assert_int_equal(duckrow_turn_level(turn), 1);
    holder->has = 1;
    while (!holder->let_go)
        sleep_ms(2);
    duckrow_turn_release(turn);
    duckrow_db_close(db);
    return NULL;
}

static void start(struct holder *holder)
{
    *holder = (struct holder){0};
    assert_int_equal(pthread_create(&holder->thread, NULL, hold, holder), 0);
    WAIT_UNTIL(holder->has, WAIT_MS);
}

static void finish(struct holder *holder)
{
    holder->let_go = 1;
    pthread_join(holder->thread, NULL);
}

/* ---- who works ---- */

struct session {
    struct dr_backend backend;
    struct dr_unit unit;
};

static void open_session(struct session *session)
{
    memset(session, 0, sizeof *session);
    dr_backend_init(&session->backend, &host, views, statements);
    dr_unit_reset(&session->unit);
}

static void close_session(struct session *session)
{
    dr_unit_free(&session->unit);
    dr_backend_free(&session->backend);
}

static void run(struct session *session, const char *sql, const char *const *parameters)
{
    dr_unit_reset(&session->unit);
    add(&session->unit, sql, parameters);
    dr_backend_run_alone(&session->backend, &session->unit);
    unit_ok(&session->unit);
}

/* Rows for the lane, put while the database is away, or not. */
static void put_units(struct dr_unit *units)
{
    units_done = 0;
    for (int i = 0; i < UNITS; i++) {
        units[i] = (struct dr_unit){0};
        dr_unit_reset(&units[i]);
        add(&units[i], "INSERT INTO t VALUES ($1)", PARAMETERS("1"));
        units[i].done = count_done;
        dr_lane_put(lane, &units[i]);
    }
}

static void finish_units(struct dr_unit *units)
{
    WAIT_UNTIL(units_done == UNITS, WAIT_MS);
    for (int i = 0; i < UNITS; i++) {
        unit_ok(&units[i]);
        dr_unit_free(&units[i]);
    }
}

static void work_goes_on(void)
{
    struct dr_unit units[UNITS];
    struct session session;
    struct holder holder;
    begin();
    open_session(&session);
    for (int i = 0; i < ROUNDS; i++) {
        char expected[16];
        /* Its prepared statements and the lane's appender are of the file as it was before. */
        run(&session, "INSERT INTO t VALUES ($1::INTEGER + 1)", PARAMETERS("1"));
        put_units(units);
        start(&holder);
        finish_units(units);
        put_units(units);
        sleep_ms(20);
        assert_int_equal(units_done, 0);
        snprintf(expected, sizeof expected, "%d", (2 * i + 1) * UNITS + i + 1);
        assert_string_equal(published("SELECT count(*)::VARCHAR FROM t"), expected);
        finish(&holder);
        finish_units(units);
        run(&session, "DELETE FROM t WHERE i > $1", PARAMETERS("100"));
    }
    close_session(&session);
    end();
}

static void a_transaction_is_ended(void)
{
    struct session session;
    struct holder holder;
    duckrow_error error = {0};
    begin();
    open_session(&session);
    add(&session.unit, "INSERT INTO t VALUES ($1)", PARAMETERS("1"));
    ok(dr_backend_begin(&session.backend, &error), &error);
    dr_backend_run(&session.backend, &session.unit);
    unit_ok(&session.unit);
    holder = (struct holder){0};
    assert_int_equal(pthread_create(&holder.thread, NULL, hold, &holder), 0);
    WAIT_UNTIL(session.backend.member.cancelled, WAIT_MS);
    assert_int_equal(holder.has, 0);
    assert_int_equal(dr_backend_commit(&session.backend, &error), DUCKROW_BUSY);
    assert_string_equal(dr_sqlstate(&error), "40001");
    assert_non_null(strstr(error.message, "duckrow hold"));
    WAIT_UNTIL(holder.has, WAIT_MS);
    /* What waits is told who holds. */
    session.backend.busy_timeout = 50;
    assert_int_equal(dr_backend_begin(&session.backend, &error), DUCKROW_BUSY);
    assert_string_equal(dr_sqlstate(&error), "55P03");
    assert_non_null(strstr(error.message, "core has been held by pid"));
    finish(&holder);
    session.backend.busy_timeout = WAIT_MS;
    run(&session, "INSERT INTO t VALUES ($1)", PARAMETERS("2"));
    assert_string_equal(published("SELECT string_agg(i) FROM t"), "2");
    close_session(&session);
    end();
}

/* The service ends while the database is away. */
static void it_stays_away(void)
{
    struct holder holder;
    struct dr_unit units[UNITS];
    begin();
    dr_statement_put(statement("INSERT INTO t VALUES ($1)"));
    start(&holder);
    put_units(units);
    dr_handover_stop(handover);
    WAIT_UNTIL(units_done == UNITS, WAIT_MS);
    for (int i = 0; i < UNITS; i++) {
        assert_int_equal(units[i].error.code, DUCKROW_BUSY);
        assert_string_equal(units[i].error.message, "the service is leaving");
        dr_unit_free(&units[i]);
    }
    end();
    finish(&holder);
}

static void work(void **state)
{
    (void)state;
    with_each_engine(NULL, work_goes_on);
}

static void impatient(void)
{
    settings.ddl_wait = 20;
}

static void transactions(void **state)
{
    (void)state;
    with_each_engine(impatient, a_transaction_is_ended);
}

static void leaving(void **state)
{
    (void)state;
    with_each_engine(NULL, it_stays_away);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work),
        cmocka_unit_test(transactions),
        cmocka_unit_test(leaving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
