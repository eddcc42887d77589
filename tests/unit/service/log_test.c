/* Log lines as they come out of standard error. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/log.h"

static int before = -1, file = -1;
static char text[4 << 20];
static const struct dr_log_about about = {.session = 12, .database = "core", .client = "alice(1000) psql"};

/* From here on standard error is a file. */
static int catch_lines(void **state)
{
    (void)state;
    fflush(stderr);
    before = dup(STDERR_FILENO);
    file = open(path_in(temp_folder(), "log"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return before < 0 || file < 0 || dup2(file, STDERR_FILENO) < 0;
}

static int let_go(void **state)
{
    (void)state;
    if (before >= 0) {
        dup2(before, STDERR_FILENO);
        close(before);
        close(file);
        before = -1;
    }
    unsetenv("JOURNAL_STREAM");
    return 0;
}

/* All that was written; standard error is again what it was. */
static size_t caught(void)
{
    ssize_t n = pread(file, text, sizeof text - 1, 0);
    let_go(NULL);
    assert_true(n >= 0);
    text[n] = 0;
    return (size_t)n;
}

/* The text is the pattern, in which 0 stands for any digit. */
static void expect(const char *pattern)
{
    caught();
    for (size_t i = 0; pattern[i] || text[i]; i++)
        if (pattern[i] != text[i] && !(pattern[i] == '0' && text[i] >= '0' && text[i] <= '9'))
            fail_msg("%s\nis not: %s(from byte %zu)", text, pattern, i);
}

static void a_line_of_text(void **state)
{
    (void)state;
    dr_log_begin(DR_LOG_INFO, 0);
    dr_log(DR_LOG_DEBUG, &about, "not written");
    errno = ERANGE;
    dr_log(DR_LOG_INFO, &about, "message %d", 5);
    assert_int_equal(errno, ERANGE);
    dr_log(DR_LOG_WARNING, NULL, "plain");
    dr_log(DR_LOG_ERROR, &(struct dr_log_about){.database = "core"}, "one name");
    dr_log(DR_LOG_INFO, &(struct dr_log_about){.session = 3, .client = "bob"}, "two");
    expect("0000-00-00 00:00:00.000 UTC info [session 12, core, alice(1000) psql] message 5\n"
           "0000-00-00 00:00:00.000 UTC warning plain\n"
           "0000-00-00 00:00:00.000 UTC error [core] one name\n"
           "0000-00-00 00:00:00.000 UTC info [session 3, bob] two\n");
}

static const struct dr_log_field fields[] = {{.name = "rows", .number = -7}, {.name = "table", .text = "a\"b\\c\nd"}, {0}};
static const struct dr_log_about with_fields = {.session = 1, .fields = fields};

static void a_line_of_json(void **state)
{
    (void)state;
    dr_log_begin(DR_LOG_DEBUG, 1);
    dr_log(DR_LOG_DEBUG, &about, "say \"%s\"\n", "hi");
    dr_log(DR_LOG_ERROR, NULL, "plain");
    dr_log(DR_LOG_INFO, &with_fields, "more");
    expect("{\"time\": \"0000-00-00T00:00:00.000Z\", \"level\": \"debug\", \"session\": 12, \"database\": \"core\", "
           "\"client\": \"alice(1000) psql\", \"message\": \"say \\\"hi\\\"\\n\"}\n"
           "{\"time\": \"0000-00-00T00:00:00.000Z\", \"level\": \"error\", \"message\": \"plain\"}\n"
           "{\"time\": \"0000-00-00T00:00:00.000Z\", \"level\": \"info\", \"session\": 1, \"message\": \"more\", \"rows\": -7, "
           "\"table\": \"a\\\"b\\\\c\\nd\"}\n");
}

static void fields_in_text(void **state)
{
    (void)state;
    dr_log_begin(DR_LOG_INFO, 0);
    dr_log(DR_LOG_INFO, &with_fields, "more");
    dr_log(DR_LOG_INFO, &(struct dr_log_about){.fields = fields + 2}, "none");
    expect("0000-00-00 00:00:00.000 UTC info [session 1] more (rows -7, table a\"b\\c\\nd)\n"
           "0000-00-00 00:00:00.000 UTC info none\n");
}

static void nobody_can_forge_a_line(void **state)
{
    (void)state;
    const struct dr_log_about forger = {.database = "x\r\ny", .client = "\x1b[2Jz"};
    dr_log_begin(DR_LOG_INFO, 0);
    dr_log(DR_LOG_INFO, &forger, "a\nb\tc\x7f \xff\xc2\x85 \xe2\x82 ü € 😀 \xed\xa0\x80");
    expect(
        "0000-00-00 00:00:00.000 UTC info [x\\r\\ny, \\x1b[2Jz] a\\nb\\tc\\x7f \\xff\\u0085 \\xe2\\x82 ü € 😀 \\xed\\xa0\\x80\n");
}

static void json_stays_json_whatever_the_bytes(void **state)
{
    (void)state;
    dr_log_begin(DR_LOG_INFO, 1);
    dr_log(DR_LOG_INFO, NULL, "a\x01\x7f\xff\xc2\x85\xf0\x9f\x98 ü €");
    expect("{\"time\": \"0000-00-00T00:00:00.000Z\", \"level\": \"info\", \"message\": "
           "\"a\\u0001\\u007f\\ufffd\\u0085\\ufffd\\ufffd\\ufffd ü €\"}\n");
}

static void the_journal_gets_priorities_and_no_time(void **state)
{
    (void)state;
    char stream[64];
    struct stat st;
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    dr_log_begin(DR_LOG_DEBUG, 0);
    dr_log(DR_LOG_DEBUG, NULL, "a");
    dr_log(DR_LOG_INFO, &about, "b\n<2>c");
    dr_log(DR_LOG_WARNING, NULL, "d");
    dr_log(DR_LOG_ERROR, NULL, "e");
    /* Standard error was led elsewhere. */
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    dr_log_begin(DR_LOG_DEBUG, 0);
    dr_log(DR_LOG_INFO, NULL, "f");
    expect("<7>debug a\n<6>info [session 12, core, alice(1000) psql] b\\n<2>c\n<4>warning d\n<3>error e\n"
           "0000-00-00 00:00:00.000 UTC info f\n");
}

static int ends_with(const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static void log_long_lines(int json, const char *piece)
{
    char *message = calloc(1, 40000), *name = calloc(1, 4000);
    for (size_t i = 0; i < 9000; i++)
        memcpy(message + i * strlen(piece), piece, strlen(piece));
    for (size_t i = 0; i < 900; i++)
        memcpy(name + i * strlen(piece), piece, strlen(piece));
    const struct dr_log_field many[] = {{.name = "one", .text = name},   {.name = "two", .text = name},
                                        {.name = "three", .text = name}, {.name = "four", .text = name},
                                        {.name = "five", .number = 5},   {0}};
    dr_log_begin(DR_LOG_INFO, json);
    dr_log(DR_LOG_INFO, &(struct dr_log_about){.session = 1, .database = name, .client = name}, "%s", message);
    dr_log(DR_LOG_INFO, &(struct dr_log_about){.session = 1, .fields = many}, "%s", message);
    free(message);
    free(name);
}

/* Every quote that isn't escaped opens or closes; nothing is left open. */
static int quotes_match(const char *line, size_t size)
{
    int open = 0;
    for (size_t i = 0; i < size; i++) {
        if (line[i] == '\\')
            i++;
        else if (line[i] == '"')
            open = !open;
    }
    return !open;
}

static void a_long_line_is_cut_at_a_character(void **state)
{
    static const char *const pieces[] = {"a", "é", "€", "😀", "\n", "\"", "\x01"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        for (int json = 0; json < 2; json++) {
            assert_int_equal(catch_lines(state), 0);
            log_long_lines(json, pieces[i]);
            size_t size = caught();
            char *second = strchr(text, '\n') + 1;
            size_t first_size = (size_t)(second - text);
            assert_in_range(first_size, DR_LOG_LINE - 20, DR_LOG_LINE);
            assert_in_range(size - first_size, DR_LOG_LINE - 600, DR_LOG_LINE);
            assert_int_equal(strchr(second, '\n') - second, (ptrdiff_t)(size - first_size - 1));
            assert_memory_equal(second - (json ? 6 : 4), json ? "…\"}\n" : "…\n", json ? 6 : 4);
            assert_non_null(strstr(second, json ? "…\", \"one\": \"" : "… (one "));
            assert_non_null(strstr(second, json ? "\"two\": \"" : ", two "));
            assert_true(ends_with(json ? "}\n" : ")\n"));
            assert_true(!json || (quotes_match(text, first_size) && quotes_match(second, size - first_size)));
            for (size_t at = 0; at + 3 <= size; at++) /* no half of an escape before a cut */
                assert_true(memcmp(text + at, "\\…", 4) != 0 && memcmp(text + at, "\\x…", 5) != 0);
        }
    }
}

enum { THREADS = 4, LINES = 400 };

static void *log_many(void *name)
{
    const struct dr_log_about one = {.session = 9, .client = name};
    char message[200];
    memset(message, *(char *)name, sizeof message - 1);
    message[sizeof message - 1] = 0;
    for (int i = 0; i < LINES; i++)
        dr_log(DR_LOG_INFO, &one, "%s", message);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    static char names[THREADS][2] = {"a", "b", "c", "d"};
    pthread_t threads[THREADS];
    dr_log_begin(DR_LOG_INFO, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    caught();
    int count = 0;
    for (char *line = text, *end; *line; line = end + 1, count++) {
        assert_non_null(end = strchr(line, '\n'));
        char *name = strstr(line, "[session 9, ") + strlen("[session 9, ");
        assert_int_equal(name[1], ']');
        assert_int_equal(strspn(name + 3, (char[]){*name, 0}), 199);
        assert_ptr_equal(name + 3 + 199, end);
    }
    assert_int_equal(count, THREADS * LINES);
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_int_equal(dr_log_level_named("debug"), DR_LOG_DEBUG);
    assert_int_equal(dr_log_level_named("error"), DR_LOG_ERROR);
    assert_int_equal(dr_log_level_named("loud"), -1);
    dr_log_begin(DR_LOG_WARNING, 0);
    assert_false(dr_log_wants(DR_LOG_INFO));
    assert_true(dr_log_wants(DR_LOG_WARNING));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catch_lines, let_go)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_of_text),
        TEST(a_line_of_json),
        TEST(fields_in_text),
        TEST(nobody_can_forge_a_line),
        TEST(json_stays_json_whatever_the_bytes),
        TEST(the_journal_gets_priorities_and_no_time),
        cmocka_unit_test(a_long_line_is_cut_at_a_character),
        TEST(lines_of_threads_do_not_mix),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
