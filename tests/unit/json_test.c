#include "support.h"

#include <stdlib.h>

#include "core/json.h"

static void writes_nested_values(void **state)
{
    (void)state;
    struct dr_json json = {0};
    dr_json_open(&json, NULL, '{');
    dr_json_string(&json, "text", "a\"b\\c\n\x1f");
    dr_json_number(&json, "least", INT64_MIN);
    dr_json_bool(&json, "yes", 1);
    dr_json_bool(&json, "no", 0);
    dr_json_null(&json, "none");
    dr_json_open(&json, "list", '[');
    dr_json_number(&json, NULL, 1);
    dr_json_number(&json, NULL, 2);
    dr_json_close(&json, ']');
    dr_json_open(&json, "empty", '[');
    dr_json_close(&json, ']');
    dr_json_close(&json, '}');
    assert_false(json.failed);
    assert_string_equal(json.text, "{\"text\": \"a\\\"b\\\\c\\u000a\\u001f\", \"least\": -9223372036854775808, \"yes\": true, "
                                   "\"no\": false, \"none\": null, \"list\": [1, 2], \"empty\": []}");
    free(json.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(writes_nested_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
