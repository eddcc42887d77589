#include "support.h"

#include <string.h>

#include "service/messages.h"

#define FRAME(text) (struct dr_frame){.at = (const unsigned char *)text, .end = (const unsigned char *)text + sizeof(text) - 1}

static void startup_gives_its_parameters(void **state)
{
    (void)state;
    struct dr_frame frame = FRAME("\0\3\0\0user\0me\0database\0core\0options\0\0\0");
    struct dr_startup startup;
    const char *name, *value;
    assert_int_equal(dr_message_startup(&frame, &startup, NULL), DUCKROW_OK);
    assert_int_equal(startup.code, DR_PROTOCOL_3);
    static const char *const expected[] = {"user", "me", "database", "core", "options", ""};
    for (int i = 0; i < 6; i += 2) {
        assert_int_equal(dr_startup_next(&startup, &name, &value), 1);
        assert_string_equal(name, expected[i]);
        assert_string_equal(value, expected[i + 1]);
    }
    assert_int_equal(dr_startup_next(&startup, &name, &value), 0);

    frame = FRAME("\4\322\26\56\0\0\0\1\0\0\0\2");
    assert_int_equal(dr_message_startup(&frame, &startup, NULL), DUCKROW_OK);
    assert_int_equal(startup.code, DR_CANCEL_REQUEST);
    assert_int_equal(startup.backend, 1);
    assert_int_equal(startup.secret, 2);
    frame = FRAME("\4\322\26\57");
    assert_int_equal(dr_message_startup(&frame, &startup, NULL), DUCKROW_OK);
    assert_int_equal(startup.code, DR_SSL_REQUEST);
    frame = FRAME("\0\2\0\0what was said then");
    assert_int_equal(dr_message_startup(&frame, &startup, NULL), DUCKROW_OK);
    assert_int_equal(startup.code, 2 << 16);
}

static void parse_has_types(void **state)
{
    (void)state;
    struct dr_frame frame = FRAME("s1\0SELECT $1\0\0\2\0\0\0\27\0\0\4\23");
    struct dr_parse parse;
    assert_int_equal(dr_message_parse(&frame, &parse, NULL), DUCKROW_OK);
    assert_string_equal(parse.name, "s1");
    assert_string_equal(parse.sql, "SELECT $1");
    assert_int_equal(parse.types.count, 2);
    assert_int_equal(dr_parse_type(&parse, 0), 23);
    assert_int_equal(dr_parse_type(&parse, 1), 1043);
    assert_int_equal(dr_parse_type(&parse, 2), 0);
}

static void bind_has_parameters(void **state)
{
    (void)state;
    struct dr_frame frame = FRAME("p\0s\0\0\3\0\0\0\1\0\0\0\3\0\0\0\2ab\377\377\377\377\0\0\0\0\0\1\0\1");
    struct dr_bind bind;
    const unsigned char *bytes;
    size_t size;
    assert_int_equal(dr_message_bind(&frame, &bind, NULL), DUCKROW_OK);
    assert_string_equal(bind.portal, "p");
    assert_string_equal(bind.statement, "s");
    assert_int_equal(bind.parameters, 3);
    assert_int_equal(dr_format_of(&bind.formats, 0), 0);
    assert_int_equal(dr_format_of(&bind.formats, 1), 1);
    assert_int_equal(dr_format_of(&bind.result_formats, 5), 1); /* one for all */
    assert_int_equal(dr_format_of(&(struct dr_numbers){0}, 0), 0);
    assert_int_equal(dr_bind_next(&bind, &bytes, &size), 1);
    assert_int_equal(size, 2);
    assert_memory_equal(bytes, "ab", 2);
    assert_int_equal(dr_bind_next(&bind, &bytes, &size), 1);
    assert_null(bytes);
    assert_int_equal(dr_bind_next(&bind, &bytes, &size), 1);
    assert_non_null(bytes);
    assert_int_equal(size, 0);
    assert_int_equal(dr_bind_next(&bind, &bytes, &size), 0);
}

static void the_others_are_short(void **state)
{
    (void)state;
    struct dr_target target;
    struct dr_execute execute;
    const char *text;
    const unsigned char *bytes;
    size_t size;
    struct dr_frame frame = FRAME("Ss\0");
    assert_int_equal(dr_message_describe(&frame, &target, NULL), DUCKROW_OK);
    assert_int_equal(target.kind, 'S');
    assert_string_equal(target.name, "s");
    frame = FRAME("P\0");
    assert_int_equal(dr_message_close(&frame, &target, NULL), DUCKROW_OK);
    assert_int_equal(target.kind, 'P');
    frame = FRAME("p\0\0\0\0\12");
    assert_int_equal(dr_message_execute(&frame, &execute, NULL), DUCKROW_OK);
    assert_string_equal(execute.portal, "p");
    assert_int_equal(execute.rows, 10);
    frame = FRAME("p\0\377\377\377\377");
    assert_int_equal(dr_message_execute(&frame, &execute, NULL), DUCKROW_OK);
    assert_int_equal(execute.rows, 0);
    frame = FRAME("SELECT 1\0");
    assert_int_equal(dr_message_text(&frame, &text, NULL), DUCKROW_OK);
    assert_string_equal(text, "SELECT 1");
    frame = FRAME("a\0b");
    dr_message_data(&frame, &bytes, &size);
    assert_int_equal(size, 3);
    assert_true(dr_frame_ok(&frame));
    frame = FRAME("");
    assert_int_equal(dr_message_nothing(&frame, NULL), DUCKROW_OK);
}

/* One reader for each type, for a table. */
static duckrow_code read_any(char type, struct dr_frame *frame, duckrow_error *error)
{
    struct dr_startup startup;
    struct dr_parse parse;
    struct dr_bind bind;
    struct dr_target target;
    struct dr_execute execute;
    const char *text;
    switch (type) {
    case 0:
        return dr_message_startup(frame, &startup, error);
    case 'P':
        return dr_message_parse(frame, &parse, error);
    case 'B':
        return dr_message_bind(frame, &bind, error);
    case 'D':
        return dr_message_describe(frame, &target, error);
    case 'C':
        return dr_message_close(frame, &target, error);
    case 'E':
        return dr_message_execute(frame, &execute, error);
    case 'Q':
        return dr_message_text(frame, &text, error);
    default:
        return dr_message_nothing(frame, error);
    }
}

#define LEFT "insufficient data left in message"
#define FORMAT "invalid message format"
#define LAYOUT "invalid startup packet layout: expected terminator as last byte"
#define BAD(type, bytes, message) {type, bytes, sizeof(bytes) - 1, message}

static void what_does_not_add_up_is_refused(void **state)
{
    (void)state;
    static const struct {
        char type;
        const char *bytes;
        size_t size;
        const char *message;
    } table[] = {
        BAD(0, "\0\3\0\0", LAYOUT),
        BAD(0, "\0\3\0\0user\0me\0", LAYOUT),
        BAD(0, "\0\3\0\0user\0me", LAYOUT),
        BAD(0, "\0\3\0\0user\0\0", LAYOUT),
        BAD(0, "\0\3\0\0user\0me\0\0x", LAYOUT),
        BAD(0, "\4\322\26\56\0\0\0\1\0\0\0", LEFT),
        BAD(0, "\4\322\26\56\0\0\0\1\0\0\0\2x", FORMAT),
        BAD(0, "\4\322\26\57x", FORMAT),
        BAD('P', "s\0SELECT", LEFT),
        BAD('P', "\0\0\0", LEFT),
        BAD('P', "\0\0\377\377\0\0\0\27", LEFT),
        BAD('P', "\0\0\0\0x", FORMAT),
        BAD('B', "\0\0\0\0\0\1\0\0\0\2a\0\0", LEFT),
        BAD('B', "\0\0\0\0\0\1\377\377\377\376\0\0", LEFT),
        BAD('B', "\0\0\0\0\377\377\0\0", LEFT),
        BAD('B', "\0\0\377\377\0\0", LEFT),
        BAD('B', "\0\0\0\0\0\0\0\1\0", LEFT),
        BAD('B', "\0\0\0\0\0\0\0\0\0", FORMAT),
        BAD('B', "\0\0\0\2\0\0\0\0\0\1\377\377\377\377\0\0", "bind message has 2 parameter formats but 1 parameters"),
        BAD('D', "", LEFT),
        BAD('D', "X\0", "invalid DESCRIBE message subtype 88"),
        BAD('C', "X\0", "invalid CLOSE message subtype 88"),
        BAD('C', "S\0x", FORMAT),
        BAD('E', "\0\0\0\0", LEFT),
        BAD('E', "\0\0\0\0\0\0", FORMAT),
        BAD('Q', "", LEFT),
        BAD('Q', "x", LEFT),
        BAD('Q', "x\0y\0", FORMAT),
        BAD('S', "x", FORMAT),
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct dr_frame frame = {.at = (const unsigned char *)table[i].bytes,
                                 .end = (const unsigned char *)table[i].bytes + table[i].size};
        duckrow_error error = {0};
        duckrow_code code = read_any(table[i].type, &frame, &error);
        if (code != DUCKROW_USAGE || strcmp(error.message, table[i].message) != 0)
            fail_msg("row %zu: %d %s", i, code, error.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(startup_gives_its_parameters), cmocka_unit_test(parse_has_types),
                                       cmocka_unit_test(bind_has_parameters), cmocka_unit_test(the_others_are_short),
                                       cmocka_unit_test(what_does_not_add_up_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
