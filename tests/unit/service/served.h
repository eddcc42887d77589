/* A service's parts on a new database, with each engine in DUCKROW_TEST_ENGINES: the writing engine, views, statements; and units
 * made of SQL. Include it after support.h. */
#ifndef SERVED_H
#define SERVED_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/os.h"
#include "service/backend.h"
#include "service/cursor.h"
#include "service/lane.h"
#include "service/sqlstate.h"

enum { WAIT_MS = 10000 };

static struct dr_settings settings;
static struct dr_host host;
static struct dr_views *views;
static struct dr_statements *statements;
static char served_path[512];

__attribute__((unused)) static void ok(duckrow_code code, const duckrow_error *error)
{
    if (code)
        fail_msg("%s: %s", duckrow_code_name(code), error->message);
}

__attribute__((unused)) static void open_host(void)
{
    duckrow_error error = {0};
    ok(dr_host_open(&host, &settings, NULL, &error), &error);
    ok(dr_views_open(&host, &views, &error), &error);
    ok(dr_statements_open(&host, &statements, &error), &error);
}

__attribute__((unused)) static void close_host(void)
{
    dr_statements_close(statements);
    dr_views_close(views);
    dr_host_close(&host);
}

/* A new database, open; `change` may change the settings before. */
__attribute__((unused)) static void with_each_engine(void (*change)(void), void (*body)(void))
{
    static int count;
    const char *list = getenv("DUCKROW_TEST_ENGINES");
    if (!list || !*list)
        skip();
    /* Many small commits: on a busy disk they take seconds. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    while (*list) {
        char entry[4096], path[600];
        duckrow_error error = {0};
        size_t length = strcspn(list, ":");
        snprintf(entry, sizeof entry, "%.*s", (int)length, list);
        list += length + (list[length] == ':');
        snprintf(served_path, sizeof served_path, "%s/%d", temp_folder(), count++);
        assert_int_equal(mkdir(served_path, 0777), 0);
        snprintf(path, sizeof path, "%s/core.duckdb", served_path);
        snprintf(served_path, sizeof served_path, "%s", path);
        ok(dr_settings_begin(&settings, &error), &error);
        ok(dr_settings_set(&settings, "engine", strchr(entry, '=') ? strchr(entry, '=') + 1 : entry, NULL, &error), &error);
        settings.databases = 1;
        settings.database[0].path = strdup(path);
        settings.threads = 2;
        if (change)
            change();
        open_host();
        body();
        close_host();
        dr_settings_free(&settings);
    }
}

/* ---- SQL past the service, on a connection of the writing engine ---- */

__attribute__((unused)) static duckdb_connection connect_host(void)
{
    duckdb_connection connection;
    duckrow_error error = {0};
    ok(dr_host_connect(&host, 0, &connection, &error), &error);
    return connection;
}

__attribute__((unused)) static void run_on(duckdb_connection connection, const char *sql)
{
    duckrow_error error = {0};
    if (dr_connection_run(host.duckdb, connection, sql, &error))
        fail_msg("%s: %s", sql, error.message);
}

/* The only value of a query that gives text, in one of a few static buffers. */
__attribute__((unused)) static const char *text_on(duckdb_connection connection, const char *sql)
{
    static _Thread_local char buffers[8][1024];
    static _Thread_local int turn;
    char *text = buffers[turn++ % 8];
    duckdb_result result = {0};
    if (host.duckdb->query(connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s: %s", sql, host.duckdb->result_error(&result));
    duckdb_data_chunk chunk = host.duckdb->fetch_chunk(result);
    assert_non_null(chunk);
    duckdb_vector vector = host.duckdb->data_chunk_get_vector(chunk, 0);
    uint64_t *validity = host.duckdb->vector_get_validity(vector);
    size_t length = 4;
    const char *bytes = "NULL";
    if (!validity || validity[0] & 1)
        bytes = dr_string(host.duckdb->vector_get_data(vector), &length);
    snprintf(text, sizeof buffers[0], "%.*s", (int)length, bytes);
    host.duckdb->destroy_data_chunk(&chunk);
    host.duckdb->destroy_result(&result);
    return text;
}

/* Of the writing engine, committed. */
__attribute__((unused)) static const char *written(const char *sql)
{
    duckdb_connection connection = connect_host();
    const char *text = text_on(connection, sql);
    host.duckdb->disconnect(&connection);
    return text;
}

/* As readers see it. */
__attribute__((unused)) static const char *published(const char *sql)
{
    struct dr_lease lease = {0};
    duckrow_error error = {0};
    ok(dr_views_lease(views, 0, dr_clock_ms() + WAIT_MS, &lease, &error), &error);
    const char *text = text_on(lease.connection, sql);
    dr_views_return(views, &lease, 0);
    return text;
}

/* ---- statements and units ---- */

__attribute__((unused)) static struct dr_statement *statement(const char *sql)
{
    static const struct dr_catalog_context context = {.user = "anna", .server_version = "15.0"};
    struct dr_statement *made = dr_statements_find(statements, sql, 0);
    duckrow_error error = {0};
    if (!made && dr_statements_make(statements, &(struct dr_look){.sql = sql, .shared = 1}, &context, &made, &error))
        fail_msg("%s: %s", sql, error.message);
    return made;
}

/* Parameters as text; NULL ends them, "NULL" is one. */
__attribute__((unused)) static void add(struct dr_unit *unit, const char *sql, const char *const *parameters)
{
    struct dr_statement *made = statement(sql);
    int count = made->parameters;
    struct dr_operation *operation = dr_unit_add(unit, made);
    assert_non_null(operation);
    for (int i = 0; i < count; i++) {
        int null = strcmp(parameters[i], "NULL") == 0;
        struct dr_parameter parameter = {null ? NULL : (const unsigned char *)parameters[i], strlen(parameters[i]), made->oids[i],
                                         0};
        dr_unit_put_parameter(unit, &parameter);
    }
    operation->formats = dr_buffer_size(&unit->values);
    dr_buffer_u16(&unit->values, 0);
    unit->deadline = dr_clock_ms() + WAIT_MS;
}

#define PARAMETERS(...) ((const char *const[]){__VA_ARGS__, NULL})

__attribute__((unused)) static void unit_ok(const struct dr_unit *unit)
{
    if (unit->failed >= 0)
        fail_msg("operation %d failed: %s", unit->failed, unit->error.message);
}

/* As a transaction of its own, by a session of its own. */
__attribute__((unused)) static void run_alone(const char *sql)
{
    struct dr_backend backend;
    struct dr_unit unit = {0};
    dr_backend_init(&backend, &host, views, statements);
    dr_unit_reset(&unit);
    add(&unit, sql, NULL);
    dr_backend_run_alone(&backend, &unit);
    if (unit.failed >= 0)
        fail_msg("%s: %s", sql, unit.error.message);
    dr_unit_free(&unit);
    dr_backend_free(&backend);
}

/* ---- the lane ---- */

static atomic_int units_done;

__attribute__((unused)) static void count_done(struct dr_unit *unit)
{
    (void)unit;
    units_done++;
}

/* All at once, as one group if they fit; waits for them. */
__attribute__((unused)) static void run_in_lane(struct dr_lane *lane, struct dr_unit *units, int count)
{
    units_done = 0;
    for (int i = 0; i < count; i++)
        units[i].done = count_done;
    /* The lane is held back until all of them are there. */
    struct dr_member alone = {0};
    duckrow_error error = {0};
    ok(dr_gate_alone(&host.gate, &alone, dr_clock_ms() + WAIT_MS, WAIT_MS, &error), &error);
    for (int i = 0; i < count; i++)
        dr_lane_put(lane, &units[i]);
    sleep_ms(5);
    dr_gate_leave(&host.gate, &alone);
    WAIT_UNTIL(units_done == count, 2 * WAIT_MS);
}

#endif
