/* JavaScript values from and to C's. */
#include <stdlib.h>
#include <string.h>

#include "module.h"

int dr_call_read(napi_env env, napi_callback_info info, struct dr_call *call)
{
    call->count = DR_ARGUMENTS;
    return napi_get_cb_info(env, info, &call->count, call->argument, &call->self, NULL) == napi_ok ? 0 : -1;
}

char *dr_value_text(napi_env env, napi_value value)
{
    size_t length;
    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
        dr_node_throw_type(env, "a string is expected");
        return NULL;
    }
    char *text = malloc(length + 1);
    if (text)
        napi_get_value_string_utf8(env, value, text, length + 1, &length);
    else
        napi_throw_error(env, NULL, "out of memory");
    if (text && strlen(text) != length) {
        dr_node_throw_type(env, "a string without NUL is expected");
        free(text);
        return NULL;
    }
    return text;
}

int dr_value_number(napi_env env, napi_value value, int64_t *number)
{
    if (napi_get_value_int64(env, value, number) == napi_ok)
        return 0;
    dr_node_throw_type(env, "a number is expected");
    return -1;
}

int dr_value_flag(napi_env env, napi_value value, int *flag)
{
    bool found;
    if (napi_get_value_bool(env, value, &found) != napi_ok) {
        dr_node_throw_type(env, "true or false is expected");
        return -1;
    }
    *flag = found;
    return 0;
}

napi_value dr_nothing(napi_env env)
{
    napi_value value;
    napi_get_undefined(env, &value);
    return value;
}

/* Paths and command lines may have any bytes: V8 puts U+FFFD for those that are no UTF-8. */
napi_value dr_text(napi_env env, const char *text)
{
    napi_value value;
    if (!text || napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) != napi_ok)
        napi_get_null(env, &value);
    return value;
}

napi_value dr_number(napi_env env, int64_t number)
{
    napi_value value;
    napi_create_int64(env, number, &value);
    return value;
}

napi_value dr_flag(napi_env env, int flag)
{
    napi_value value;
    napi_get_boolean(env, flag, &value);
    return value;
}

void dr_set(napi_env env, napi_value object, const char *name, napi_value value)
{
    napi_set_named_property(env, object, name, value);
}
