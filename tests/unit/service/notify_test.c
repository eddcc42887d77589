/* What systemd's socket receives. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "service/notify.h"

static int listener(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    memcpy(address.sun_path, name, n);
    if (*name == '@')
        address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void expect(int fd, const char *state)
{
    char text[2048];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    assert_true(n >= 0);
    text[n] = 0;
    assert_string_equal(text, state);
}

static void told_through(const char *name)
{
    int fd = listener(name);
    assert_int_equal(dr_notify("READY=1"), 1);
    assert_int_equal(dr_notify_status("%d sessions\nREADY=0\x1b", 3), 1);
    assert_int_equal(dr_notify("STOPPING=1"), 1);
    expect(fd, "READY=1");
    expect(fd, "STATUS=3 sessions READY=0 ");
    expect(fd, "STOPPING=1");
    close(fd);
}

static void a_socket_in_a_folder(void **state)
{
    (void)state;
    told_through(path_in(temp_folder(), "notify"));
}

static void a_socket_in_no_file_system(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@duckrow-notify-test-%d", (int)getpid());
    told_through(name);
}

static void nobody_listens(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(dr_notify("READY=1"), 0);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(dr_notify("READY=1"), 0);
    setenv("NOTIFY_SOCKET", path_in(temp_folder(), "nothing"), 1);
    assert_int_equal(dr_notify("READY=1"), -1);
    assert_int_equal(errno, ENOENT);
    setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
    assert_int_equal(dr_notify("READY=1"), -1);
    assert_int_equal(errno, EINVAL);
    char longest[200] = "/";
    memset(longest + 1, 'x', 107);
    setenv("NOTIFY_SOCKET", longest, 1);
    assert_int_equal(dr_notify("READY=1"), -1);
    assert_int_equal(errno, EINVAL);
}

static void a_status_never_waits(void **state)
{
    (void)state;
    int fd = listener(path_in(temp_folder(), "notify")), sent = 0;
    while (sent < 100000 && dr_notify_status("x") == 1)
        sent++;
    assert_int_equal(errno, EAGAIN);
    assert_in_range(sent, 1, 99999);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_in_a_folder),
        cmocka_unit_test(a_socket_in_no_file_system),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_status_never_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
