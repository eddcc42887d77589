/* The service's settings: where they come from, which place wins, and that every mistake is one line that says where it is. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/settings.h"

static struct dr_settings settings;
static struct dr_serve_arguments found;
static duckrow_error error;
static const char *folder;

static int begin(void **state)
{
    (void)state;
    folder = temp_folder();
    return dr_settings_begin(&settings, &error);
}

static int end(void **state)
{
    (void)state;
    dr_settings_free(&settings);
    return 0;
}

static void again(void)
{
    dr_settings_free(&settings);
    assert_int_equal(dr_settings_begin(&settings, &error), DUCKROW_OK);
}

static const char *write_bytes(const char *name, const char *text, size_t size)
{
    const char *path = path_in(folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static const char *write_file(const char *text)
{
    return write_bytes("duckrow.conf", text, strlen(text));
}

static void expect_read(const char *text)
{
    again();
    if (dr_settings_read(&settings, write_file(text), &error))
        fail_msg("%s", error.message);
}

/* The line must end with what is given. */
static void expect_line(duckrow_code code, const char *end)
{
    size_t n = strlen(error.message), m = strlen(end);
    assert_int_equal(code, DUCKROW_USAGE);
    if (n < m || strcmp(error.message + n - m, end) != 0)
        fail_msg("%s\ndoes not end with: %s", error.message, end);
    assert_null(strchr(error.message, '\n'));
}

static void refuse_file(const char *text, const char *end)
{
    again();
    expect_line(dr_settings_read(&settings, write_file(text), &error), end);
}

/* The arguments are ended by NULL. */
static duckrow_code give(const char *first, ...)
{
    char *list[32];
    int count = 0;
    va_list more;
    va_start(more, first);
    for (const char *argument = first; argument; argument = va_arg(more, const char *))
        list[count++] = (char *)argument;
    va_end(more);
    return dr_settings_arguments(&settings, count, list, &found, &error);
}

static void expect_given(duckrow_code code)
{
    if (code)
        fail_msg("%s", error.message);
}

static void expect_shown(const char *name, const char *value)
{
    char *text = dr_settings_show(&settings, name);
    assert_non_null(text);
    assert_string_equal(text, value);
    free(text);
}

static void expect_database(int n, const char *name, const char *path)
{
    assert_true(n < settings.databases);
    if (name)
        assert_string_equal(settings.database[n].name, name);
    else
        assert_null(settings.database[n].name);
    assert_string_equal(settings.database[n].path, path);
}

static void defaults_are_those_of_the_list(void **state)
{
    (void)state;
    assert_string_equal(settings.socket, "");
    assert_string_equal(settings.log_format, "text");
    assert_int_equal(settings.max_connections, 1000);
    assert_int_equal(settings.busy_timeout, 10000);
    assert_int_equal(settings.statement_timeout, 0);
    assert_int_equal(settings.max_frame, 64 << 20);
    expect_shown("transaction-timeout", "1min");
    expect_shown("memory_limit", "0");
    expect_shown("send_buffer", "1MiB");
    expect_shown("workers", "64");
    expect_shown("log_level", "info");
    assert_null(dr_settings_show(&settings, "nonsense"));
    assert_null(dr_settings_show(&settings, "worker"));
    assert_null(dr_settings_show(&settings, "workerss"));
}

static void a_setting_is_set_by_either_spelling(void **state)
{
    (void)state;
    assert_int_equal(dr_settings_set(&settings, "idle-in-transaction_session-timeout", "1.5", "x:1", &error), DUCKROW_OK);
    assert_int_equal(settings.idle_in_transaction_session_timeout, 1500);
    assert_int_equal(dr_settings_set(&settings, "users", "alice,bob", "x:1", &error), DUCKROW_OK);
    assert_string_equal(settings.users, "alice,bob");
    assert_int_equal(dr_settings_set(&settings, "metrics", "9100", "x:1", &error), DUCKROW_OK);
    assert_string_equal(settings.metrics, "9100");
}

static void refuse_value(const char *name, const char *value, const char *line)
{
    expect_line(dr_settings_set(&settings, name, value, "x:7", &error), line);
    assert_string_equal(error.message, line);
}

static void a_bad_value_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    refuse_value("busy_timeout", "soon", "x:7: busy_timeout soon is not understood: a time is needed, such as 10s, 500ms or 2m");
    refuse_value("busy_timeout", "-1", "x:7: busy_timeout -1 is not understood: a time is needed, such as 10s, 500ms or 2m");
    refuse_value("max_frame", "1M", "x:7: max_frame 1M is not understood: a size is needed, such as 64MiB, 8MB or 4096");
    refuse_value("max_frame", "1kB", "x:7: max_frame 1kB is out of range: from 1KiB to 1GiB");
    refuse_value("workers", "0", "x:7: workers 0 is out of range: from 1 to 10000");
    refuse_value("workers", "10001", "x:7: workers 10001 is out of range: from 1 to 10000");
    refuse_value("workers", "many", "x:7: workers many is not understood: a whole number is needed");
    refuse_value("workers", "", "x:7: workers  is not understood: a whole number is needed");
    refuse_value("workers", " 7", "x:7: workers  7 is not understood: a whole number is needed");
    refuse_value("workers", "99999999999999999999",
                 "x:7: workers 99999999999999999999 is not understood: a whole number is needed");
    refuse_value("log_level", "loud", "x:7: log_level loud is not understood: debug, info, warning or error");
    refuse_value("log_format", "", "x:7: log_format  is not understood: text or json");
    refuse_value("metrics", "0", "x:7: metrics 0 is not understood: a port is from 1 to 65535");
    refuse_value("metrics", "65536", "x:7: metrics 65536 is not understood: a port is from 1 to 65535");
    refuse_value("wrokers", "1", "x:7: unknown setting wrokers; did you mean workers?");
    refuse_value("banana", "1", "x:7: unknown setting banana; see duckrow serve --help");
    expect_line(dr_settings_set(&settings, "busy_timeout", "x", NULL, &error),
                "--busy-timeout x is not understood: a time is needed, such as 10s, 500ms or 2m");
    expect_line(dr_settings_set(&settings, "bussy_timeout", "x", NULL, &error),
                "unknown option --bussy_timeout; did you mean --busy-timeout?");
    assert_int_equal(settings.busy_timeout, 10000);
    assert_int_equal(settings.workers, 64);
    assert_string_equal(settings.log_level, "info");
    /* The largest that is allowed is allowed. */
    assert_int_equal(dr_settings_set(&settings, "workers", "10000", NULL, &error), DUCKROW_OK);
    assert_int_equal(dr_settings_set(&settings, "metrics", "65535", NULL, &error), DUCKROW_OK);
}

static void reads_a_file(void **state)
{
    (void)state;
    expect_read("# comment\n; another\n\n[service]\n  busy_timeout = 5s ; of clients\n\tlog-level: debug\r\nsocket=run/s\n"
                "metrics = 9100\nengine = /opt/libduckdb.so\nusers =\n"
                "[databases]\ncore = data/core.duckdb\nruns = /srv/runs.duckdb");
    assert_int_equal(settings.busy_timeout, 5000);
    assert_string_equal(settings.log_level, "debug");
    assert_string_equal(settings.socket, path_in(folder, "run/s"));
    assert_string_equal(settings.metrics, "9100");
    assert_string_equal(settings.engine, "/opt/libduckdb.so");
    assert_string_equal(settings.users, "");
    assert_int_equal(settings.databases, 2);
    expect_database(0, "core", path_in(folder, "data/core.duckdb"));
    expect_database(1, "runs", "/srv/runs.duckdb");
    expect_read("[service]\nmetrics = m.sock\n");
    assert_string_equal(settings.metrics, path_in(folder, "m.sock"));
    expect_read("\xef\xbb\xbf[service]\nworkers = 1\n");
    assert_int_equal(settings.workers, 1);
    expect_read("");
    assert_int_equal(settings.databases, 0);
}

static void a_file_in_the_current_folder_has_its_paths_left_alone(void **state)
{
    (void)state;
    int here = open(".", O_PATH | O_CLOEXEC);
    write_file("[databases]\ncore = core.duckdb\n");
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(dr_settings_read(&settings, "duckrow.conf", &error), DUCKROW_OK);
    assert_int_equal(fchdir(here), 0);
    close(here);
    expect_database(0, "core", "core.duckdb");
}

static void a_mistake_in_a_file_is_named_with_its_line(void **state)
{
    (void)state;
    refuse_file("[service]\n\nbusy_tiemout = 5s\n", "/duckrow.conf:3: unknown setting busy_tiemout; did you mean busy_timeout?");
    refuse_file("[service]\nworkers = x\nsocket = y\nworkers\n",
                "/duckrow.conf:2: workers x is not understood: a whole number is needed");
    refuse_file("[service]\nworkers = 1\n  workers = 2\n", "/duckrow.conf:3: workers is set already, in line 2");
    refuse_file("[service]\nmax_frame = 2KiB\nmax-frame = 4KiB\n", "/duckrow.conf:3: max_frame is set already, in line 2");
    refuse_file("[servce]\nworkers = 1\n", "/duckrow.conf:2: unknown section [servce]; did you mean [service]?");
    refuse_file("[metrics]\nworkers = 1\n", "/duckrow.conf:2: unknown section [metrics]: there are [service] and [databases]");
    refuse_file("workers = 1\n", "/duckrow.conf:1: a line stands before the first section: begin with [service]");
    refuse_file("[service\n", "/duckrow.conf:1: neither [section] nor name = value");
    refuse_file("[service]\n# x\nworkers\nnonsense = 1\n", "/duckrow.conf:3: neither [section] nor name = value");
    refuse_file("[databases]\ncore = a\nCORE = b\n", "/duckrow.conf:3: there is a database CORE already");
    refuse_file("[databases]\ncore =\n", "/duckrow.conf:2: a database has no path");
    refuse_file("[databases]\n= x\n", "/duckrow.conf:2: a database has no name: write name = path");
    refuse_file("[databases]\ncore = a # main\n",
                "/duckrow.conf:2: a comment behind a value begins with a semicolon, not with #");
    again();
    expect_line(dr_settings_read(&settings, write_bytes("duckrow.conf", "[service]\nusers = a\0b\n", 22), &error),
                "/duckrow.conf:2: a byte is 0");
}

static void a_line_is_taken_whole_or_refused(void **state)
{
    (void)state;
    char text[512] = "[service]\nusers=", comment[512] = "#";
    memset(text + strlen(text), 'a', 192);
    expect_read(text);
    assert_int_equal(strlen(settings.users), 192);
    strcat(text, "a");
    refuse_file(text, "/duckrow.conf:2: a line has more than 198 bytes");
    memset(comment + 1, 'c', 400);
    strcat(comment, "\n[service]\nworkers = 5\n");
    expect_read(comment);
    assert_int_equal(settings.workers, 5);
}

static void more_databases_than_there_is_room_for(void **state)
{
    (void)state;
    char text[512] = "[databases]\n";
    for (int i = 0; i < DR_DATABASES; i++)
        snprintf(text + strlen(text), 32, "d%d = d%d\n", i, i);
    expect_read(text);
    assert_int_equal(settings.databases, DR_DATABASES);
    strcat(text, "more = more\n");
    refuse_file(text, "/duckrow.conf:18: one service has 16 databases at most");
}

static void a_file_that_cannot_be_read(void **state)
{
    (void)state;
    assert_int_equal(dr_settings_read(&settings, path_in(folder, "nothing"), &error), DUCKROW_NOT_FOUND);
    assert_non_null(strstr(error.message, "cannot open "));
    assert_int_equal(dr_settings_read(&settings, folder, &error), DUCKROW_IO);
    assert_non_null(strstr(error.message, "cannot read "));
}

static void reads_arguments(void **state)
{
    (void)state;
    expect_given(give("a.duckdb", "--busy-timeout", "5s", "runs=dir/b.duckdb", "--workers=3", "./c=d.duckdb", "--users=a=b",
                      "--check", "--", "--odd.duckdb", NULL));
    assert_true(found.check);
    assert_false(found.help);
    assert_int_equal(settings.busy_timeout, 5000);
    assert_int_equal(settings.workers, 3);
    assert_string_equal(settings.users, "a=b");
    assert_int_equal(settings.databases, 4);
    expect_database(0, NULL, "a.duckdb");
    expect_database(1, "runs", "dir/b.duckdb");
    expect_database(2, NULL, "./c=d.duckdb");
    expect_database(3, NULL, "--odd.duckdb");
    again();
    expect_given(give("--socket", "--help", NULL));
    assert_string_equal(settings.socket, "--help");
    assert_false(found.help);
    expect_given(give("--config", "/nowhere", "-h", NULL));
    assert_true(found.help);
}

static void flags_win_over_the_file_wherever_they_stand(void **state)
{
    (void)state;
    const char *path = write_file("[service]\nworkers = 7\nbusy_timeout = 1s\n[databases]\ncore = c.duckdb\nruns = r.duckdb\n");
    expect_given(give("--workers", "3", "--config", path, NULL));
    assert_int_equal(settings.workers, 3);
    assert_int_equal(settings.busy_timeout, 1000);
    assert_int_equal(settings.databases, 2);
    again();
    expect_given(give("--config", path, "--workers", "3", "other.duckdb", NULL));
    assert_int_equal(settings.workers, 3);
    assert_int_equal(settings.databases, 1);
    expect_database(0, NULL, "other.duckdb");
}

static void a_mistake_in_the_arguments(void **state)
{
    (void)state;
    expect_line(give("--bussy-timeout=5s", NULL), "unknown option --bussy-timeout; did you mean --busy-timeout?");
    expect_line(give("--chek", NULL), "unknown option --chek; did you mean --check?");
    expect_line(give("-x", NULL), "unknown option -x; see duckrow serve --help");
    expect_line(give("--purple-monkey-dishwasher", NULL), "unknown option --purple-monkey-dishwasher; see duckrow serve --help");
    expect_line(give("--workers", NULL), "--workers needs a value; see duckrow serve --help");
    expect_line(give("--check=1", NULL), "--check takes no value; see duckrow serve --help");
    expect_line(give("--config", "a", "--config=b", NULL), "--config is given twice");
    expect_line(give("--workers", "-3", NULL), "--workers -3 is not understood: a whole number is needed");
    expect_line(give("core=", NULL), "core=: a database has no path");
    expect_line(give("", NULL), ": a database has no path");
    assert_int_equal(give("--config", path_in(folder, "nothing"), NULL), DUCKROW_NOT_FOUND);
    char longest[300] = "--";
    memset(longest + 2, 'x', 290);
    assert_int_equal(give(longest, NULL), DUCKROW_USAGE);
}

static void refuse_whole(const char *first, const char *second, const char *end)
{
    again();
    expect_given(give(first, second, NULL));
    expect_line(dr_settings_check(&settings, &error), end);
}

static void checks_the_whole(void **state)
{
    (void)state;
    expect_line(dr_settings_check(&settings, &error),
                "no database given: duckrow serve DATABASE…, or --config FILE with [databases]");
    expect_given(give("x/core.duckdb", "runs=y/core.duckdb", NULL));
    assert_int_equal(dr_settings_check(&settings, &error), DUCKROW_OK);
    expect_database(0, "core", "x/core.duckdb");
    expect_database(1, "runs", "y/core.duckdb");
    refuse_whole("x/core.duckdb", "y/Core.db",
                 "two databases are called Core, x/core.duckdb and y/Core.db: name one, as NAME=PATH");
    refuse_whole("core.duckdb", "two=core.duckdb", "core.duckdb is given twice, as core and as two");
    refuse_whole(":memory:", NULL, ":memory: is no file of DuckDB's: the service opens local files only");
    refuse_whole("Temp=x.duckdb", NULL, "temp is a name of DuckDB's own: call x.duckdb otherwise, as NAME=PATH");
    refuse_whole(".hidden", NULL, "DuckDB has no name for .hidden: give it one, as NAME=PATH");
    char one[512], link[512];
    snprintf(one, sizeof one, "%s", write_bytes("one.duckdb", "", 0));
    snprintf(link, sizeof link, "%s", path_in(folder, "link.duckdb"));
    assert_int_equal(symlink(one, link), 0);
    again();
    expect_given(give(one, link, NULL));
    assert_int_equal(dr_settings_check(&settings, &error), DUCKROW_USAGE);
    assert_non_null(strstr(error.message, "link.duckdb is given twice, as one and as link"));
}

static void help_has_every_setting(void **state)
{
    (void)state;
    char *help = dr_settings_help();
    assert_non_null(help);
#define HAS(kind, name, value, least, most, text) assert_non_null(strstr(help, text));
    DR_SETTINGS(HAS)
    assert_non_null(strstr(help, "  --socket PATH             folder of the socket"));
    assert_non_null(strstr(help,
                           "\n  --idle-in-transaction-session-timeout TIME\n                            longest pause within a "
                           "transaction; 0: any (default: 10s)\n"));
    free(help);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_those_of_the_list),
        TEST(a_setting_is_set_by_either_spelling),
        TEST(a_bad_value_is_refused_and_changes_nothing),
        TEST(reads_a_file),
        TEST(a_file_in_the_current_folder_has_its_paths_left_alone),
        TEST(a_mistake_in_a_file_is_named_with_its_line),
        TEST(a_line_is_taken_whole_or_refused),
        TEST(more_databases_than_there_is_room_for),
        TEST(a_file_that_cannot_be_read),
        TEST(reads_arguments),
        TEST(flags_win_over_the_file_wherever_they_stand),
        TEST(a_mistake_in_the_arguments),
        TEST(checks_the_whole),
        TEST(help_has_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
