/* The client of the service, against one that says what it is told to. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/remote.h"

/* What it says: to the startup message, and to a statement. */
struct said {
    char bytes[1024];
    size_t size;
};
struct script {
    struct said start, answer;
};

static void say_raw(struct said *said, const char *bytes, size_t size)
{
    memcpy(said->bytes + said->size, bytes, size);
    said->size += size;
}

static void say(struct said *said, char type, const char *body, size_t size)
{
    const char head[] = {type, 0, 0, (char)((size + 4) >> 8), (char)(size + 4)};
    say_raw(said, head, sizeof head);
    say_raw(said, body, size);
}
#define SAY(said, type, body) say(said, type, body, sizeof(body) - 1)

/* One that has begun a session. */
static struct script ready(void)
{
    struct script script = {0};
    SAY(&script.start, 'R', "\0\0\0\0");
    SAY(&script.start, 'K', "\0\0\0\1\0\0\0\2");
    SAY(&script.start, 'Z', "I");
    SAY(&script.answer, '1', "");
    SAY(&script.answer, '2', "");
    return script;
}

/* And describes a column: "i" of INTEGER in format 2, if nothing else is said. */
#define COLUMN(name) "\0\1" name "\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\2"
static struct script with_rows(void)
{
    struct script script = ready();
    SAY(&script.answer, 'T', COLUMN("7:INTEGERi"));
    return script;
}

static char folder[64];
static int listener;
static duckrow_error error;

static void *serve(void *argument)
{
    const struct script *script = argument;
    char ignored[4096];
    int fd = accept(listener, NULL, NULL);
    assert_true(recv(fd, ignored, sizeof ignored, 0) > 0);
    (void)!send(fd, script->start.bytes, script->start.size, MSG_NOSIGNAL);
    if (script->answer.size && recv(fd, ignored, sizeof ignored, 0) > 0)
        (void)!send(fd, script->answer.bytes, script->answer.size, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static duckrow_code connect_to(const struct script *script, pthread_t *thread, struct dr_remote **remote)
{
    char dsn[128];
    error = (duckrow_error){0};
    snprintf(dsn, sizeof dsn, "host='%s' dbname='core'\n", folder);
    assert_int_equal(pthread_create(thread, NULL, serve, (void *)script), 0);
    return dr_remote_open(dsn, 1000, remote, &error);
}

/* The code of running a statement to its end; *rows: how many came. */
static duckrow_code run(const struct script *script, int *rows, char tag[64])
{
    pthread_t thread;
    struct dr_remote *remote;
    struct dr_remote_columns columns = {.count = -1};
    const char *const *values;
    const size_t *sizes;
    int more = 1;
    *rows = 0;
    duckrow_code code = connect_to(script, &thread, &remote);
    if (!code && !(code = dr_remote_execute(remote, "SELECT 1", &columns, &error)))
        while (columns.count >= 0 && (more = dr_remote_row(remote, &values, &sizes, &error)) > 0)
            (*rows)++;
    if (!code)
        code = more < 0 ? error.code : dr_remote_finish(remote, tag, &error);
    dr_remote_columns_free(&columns);
    dr_remote_close(remote);
    pthread_join(thread, NULL);
    return code;
}

static void refuse(const struct script *script, duckrow_code expected, const char *says)
{
    char tag[64];
    int rows;
    assert_int_equal(run(script, &rows, tag), expected);
    assert_int_equal(error.code, expected);
    if (!strstr(error.message, says))
        fail_msg("%s: %s", says, error.message);
}

static void rows_and_tags(void **state)
{
    (void)state;
    char tag[64];
    int rows;
    struct script script = with_rows();
    SAY(&script.answer, 'D',
        "\0\1\0\0\0\1"
        "7");
    SAY(&script.answer, 'D', "\0\1\xff\xff\xff\xff");
    SAY(&script.answer, 'C', "SELECT 2\0");
    SAY(&script.answer, 'Z', "I");
    assert_int_equal(run(&script, &rows, tag), DUCKROW_OK);
    assert_int_equal(rows, 2);
    assert_string_equal(tag, "SELECT 2");
    script = ready();
    SAY(&script.answer, 'n', "");
    SAY(&script.answer, 'C', "INSERT 0 1\0");
    SAY(&script.answer, 'Z', "T");
    assert_int_equal(run(&script, &rows, tag), DUCKROW_OK);
    assert_string_equal(tag, "INSERT 0 1");
}

static void starting(void **state)
{
    (void)state;
    static const struct {
        char type;
        const char *body;
        size_t size;
        duckrow_code code;
        const char *says;
    } cases[] = {
        {'E', "C57P03\0Mbye\0", 12, DUCKROW_NOT_FOUND, "bye"},
        {'E', "C53300\0Mfull\0", 13, DUCKROW_BUSY, "full"},
        {'E', "C28000", 6, DUCKROW_SQL, ""},
        {'R', "\0\0\0\5salt", 8, DUCKROW_UNSUPPORTED, "wants more"},
        {'?', "", 0, DUCKROW_UNSUPPORTED, ""},
    };
    struct script script = {0};
    refuse(&script, DUCKROW_NOT_FOUND, "leaving");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        script = (struct script){0};
        say(&script.start, cases[i].type, cases[i].body, cases[i].size);
        refuse(&script, cases[i].code, cases[i].says);
    }
    script = (struct script){0};
    say_raw(&script.start, "HTTP/1.0 400 Bad Request", 24);
    refuse(&script, DUCKROW_NOT_FOUND, "");
    struct dr_remote *remote;
    assert_int_equal(dr_remote_open("host='/nowhere' dbname='core'", 0, &remote, &error), DUCKROW_NOT_FOUND);
    assert_int_equal(dr_remote_open("port=5432", 0, &remote, &error), DUCKROW_IO);
    assert_int_equal(dr_remote_open("host='/no", 0, &remote, &error), DUCKROW_IO);
}

static void errors(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        size_t size;
        duckrow_code code;
        const char *says;
    } cases[] = {
        {"C42P01\0Mno table\0", 17, DUCKROW_SQL, "no table"},
        {"C55P03\0Mit waits\0", 17, DUCKROW_BUSY, "it waits"},
        {"C53200\0MIO Error: x\0", 20, DUCKROW_SQL, "IO Error: x"},
        {"C53100\0MIO Error: No space left\0", 32, DUCKROW_DISK_FULL, "No space"},
        {"C57014\0Mended\0", 14, DUCKROW_INTERRUPTED, "ended"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int late = 0; late < 2; late++) {
            struct script script = late ? with_rows() : ready();
            say(&script.answer, 'E', cases[i].body, cases[i].size);
            SAY(&script.answer, 'Z', "I");
            refuse(&script, cases[i].code, cases[i].says);
        }
    struct script script = ready();
    refuse(&script, DUCKROW_IO, "not known");
    SAY(&script.answer, 'n', "");
    struct script out = script;
    SAY(&script.answer, 'G', "\0\0\0");
    refuse(&script, DUCKROW_UNSUPPORTED, "FROM STDIN");
    SAY(&out.answer, 'H', "\0\0\0");
    refuse(&out, DUCKROW_UNSUPPORTED, "TO STDOUT");
}

static void lies(void **state)
{
    (void)state;
    struct script script = ready();
    say_raw(&script.answer, "D\0\0\0\3", 5);
    refuse(&script, DUCKROW_IO, "not a service");
    script = ready();
    say_raw(&script.answer, "D\xff\xff\xff\xff", 5);
    refuse(&script, DUCKROW_IO, "not a service");
    script = ready();
    SAY(&script.answer, 'D', "");
    refuse(&script, DUCKROW_IO, "not understood");
    static const char *const names[] = {"9:INTEGERi", "INTEGERi", "-1:x", ":", "99999999999999999999:x"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char body[64] = {0, 1};
        size_t size = strlen(names[i]);
        memcpy(body + 2, names[i], size);
        memcpy(body + 2 + size, "\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\2", 19);
        script = ready();
        say(&script.answer, 'T', body, 2 + size + 19);
        refuse(&script, DUCKROW_IO, "not understood");
    }
    /* Columns that aren't there; rows of other columns; values that end behind their row. */
    script = ready();
    SAY(&script.answer, 'T', "\x7f\xff");
    refuse(&script, DUCKROW_IO, "");
    script = with_rows();
    SAY(&script.answer, 'D', "\0\2");
    refuse(&script, DUCKROW_IO, "another kind");
    script = with_rows();
    SAY(&script.answer, 'D',
        "\0\1\0\0\0\x09"
        "x");
    refuse(&script, DUCKROW_IO, "not whole");
}

static int begin(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(folder, "/tmp/drXXXXXX");
    if (!mkdtemp(folder))
        return 1;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", folder);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(listener, (const struct sockaddr *)&address, sizeof address) || listen(listener, 8);
}

static int end(void **state)
{
    (void)state;
    close(listener);
    empty_folder(folder);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_and_tags), cmocka_unit_test(starting), cmocka_unit_test(errors),
                                       cmocka_unit_test(lies)};
    return cmocka_run_group_tests(tests, begin, end);
}
