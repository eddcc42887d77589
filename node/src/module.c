#include "module.h"

#include <stdlib.h>

struct dr_node *dr_node_get(napi_env env)
{
    void *node = NULL;
    napi_get_instance_data(env, &node);
    return node;
}

/* ---- errors ---- */

static napi_value process_object(napi_env env, const duckrow_process *process)
{
    napi_value object;
    if (!process->pid && !process->foreign_pid && !*process->command) {
        napi_get_null(env, &object);
        return object;
    }
    napi_create_object(env, &object);
    dr_set(env, object, "pid", dr_number(env, process->pid));
    dr_set(env, object, "foreignPid", dr_number(env, process->foreign_pid));
    dr_set(env, object, "sinceAt", dr_number(env, process->since_at));
    dr_set(env, object, "kind", dr_text(env, process->kind));
    dr_set(env, object, "command", dr_text(env, process->command));
    return object;
}

napi_value dr_node_error(napi_env env, const duckrow_error *error)
{
    struct dr_node *node = dr_node_get(env);
    napi_value make, fields, undefined = dr_nothing(env), made = NULL;
    if (napi_create_object(env, &fields) != napi_ok || napi_get_reference_value(env, node->make_error, &make) != napi_ok)
        return NULL;
    dr_set(env, fields, "code", dr_text(env, duckrow_code_name(error->code)));
    dr_set(env, fields, "message", dr_text(env, error->message));
    dr_set(env, fields, "errno", dr_number(env, error->os_errno));
    dr_set(env, fields, "sqlState", dr_text(env, duckrow_code_sqlstate(error->code)));
    dr_set(env, fields, "waiting", dr_number(env, error->waiting));
    dr_set(env, fields, "waitedMs", dr_number(env, error->waited_ms));
    dr_set(env, fields, "holder", process_object(env, &error->holder));
    return napi_call_function(env, undefined, make, 1, &fields, &made) == napi_ok ? made : NULL;
}

napi_value dr_node_throw(napi_env env, const duckrow_error *error)
{
    napi_value made = dr_node_error(env, error);
    if (made)
        napi_throw(env, made);
    return NULL;
}

napi_value dr_node_throw_type(napi_env env, const char *message)
{
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending)
        napi_throw_type_error(env, NULL, message);
    return NULL;
}

/* ---- classes ---- */

static napi_value construct(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    return dr_call_read(env, info, &call) < 0 ? NULL : call.self;
}

int dr_node_add_class(napi_env env, const char *name, const napi_property_descriptor *members, size_t count,
                      napi_ref *constructor)
{
    napi_value made;
    if (napi_define_class(env, name, NAPI_AUTO_LENGTH, construct, NULL, count, members, &made) != napi_ok)
        return -1;
    return napi_create_reference(env, made, 1, constructor) == napi_ok ? 0 : -1;
}

napi_value dr_node_make(napi_env env, napi_ref constructor, void *wrapped, napi_finalize finalize)
{
    napi_value function, object;
    if (napi_get_reference_value(env, constructor, &function) == napi_ok &&
        napi_new_instance(env, function, 0, NULL, &object) == napi_ok &&
        napi_wrap(env, object, wrapped, finalize, NULL, NULL) == napi_ok)
        return object;
    finalize(env, wrapped, NULL);
    napi_throw_error(env, NULL, "out of memory");
    return NULL;
}

void *dr_node_unwrap(napi_env env, napi_value self)
{
    void *wrapped = NULL;
    if (napi_unwrap(env, self, &wrapped) != napi_ok)
        dr_node_throw_type(env, "not an object of duckrow");
    return wrapped;
}

/* ---- the module ---- */

static void end(void *data)
{
    dr_node_end_jobs(data);
}

static void free_node(napi_env env, void *data, void *hint)
{
    (void)env;
    (void)hint;
    free(data);
}

/* init(makeError): what makes an exception of an error's fields. */
static napi_value init(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    struct dr_node *node = dr_node_get(env);
    if (dr_call_read(env, info, &call) < 0)
        return NULL;
    napi_delete_reference(env, node->make_error);
    node->make_error = NULL;
    napi_create_reference(env, call.argument[0], 1, &node->make_error);
    return dr_nothing(env);
}

static napi_value error_list(napi_env env)
{
    napi_value list;
    uint32_t n = 0;
    napi_create_array(env, &list);
#define ROW(NAME, number, text, status, state)                                                                                   \
    {                                                                                                                            \
        napi_value row;                                                                                                          \
        napi_create_object(env, &row);                                                                                           \
        dr_set(env, row, "code", dr_text(env, "DUCKROW_" #NAME));                                                                \
        dr_set(env, row, "message", dr_text(env, text));                                                                         \
        dr_set(env, row, "exitStatus", dr_number(env, status));                                                                  \
        dr_set(env, row, "sqlState", dr_text(env, state));                                                                       \
        napi_set_element(env, list, n++, row);                                                                                   \
    }
    DUCKROW_ERRORS(ROW)
#undef ROW
    return list;
}

NAPI_MODULE_INIT()
{
    struct dr_node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->env = env;
    napi_property_descriptor functions[] = {DR_METHOD("init", init)};
    if (napi_set_instance_data(env, node, free_node, NULL) != napi_ok) {
        free(node);
        return NULL;
    }
    if (dr_node_add_jobs(node) < 0 || napi_add_env_cleanup_hook(env, end, node) != napi_ok ||
        napi_define_properties(env, exports, DR_COUNT(functions), functions) != napi_ok ||
        dr_node_add_handles(node, exports) < 0 || dr_node_add_staging(node, exports) < 0 ||
        dr_node_add_functions(node, exports) < 0)
        return NULL;
    dr_set(env, exports, "version", dr_text(env, duckrow_version()));
    dr_set(env, exports, "errors", error_list(env));
    return exports;
}
