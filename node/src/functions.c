/* What needs no handle: how DuckDB names a file, what ATTACH says, and becoming another program. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/attach.h"
#include "module.h"

/* databaseName(path): string | null */
static napi_value database_name(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    char *path = dr_call_read(env, info, &call) < 0 ? NULL : dr_value_text(env, call.argument[0]);
    if (!path)
        return NULL;
    char *name = dr_attach_name(path);
    napi_value value = dr_text(env, name);
    free(name);
    free(path);
    return value;
}

/* parseAttach(sql): what one ATTACH statement says; null: it is none, or not understood. */
static napi_value parse_attach(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    struct dr_attach attach;
    char *sql = dr_call_read(env, info, &call) < 0 ? NULL : dr_value_text(env, call.argument[0]);
    if (!sql)
        return NULL;
    dr_attach_parse(sql, &attach);
    napi_value found;
    if (attach.kind != DR_ATTACH_ATTACH) {
        napi_get_null(env, &found);
    } else {
        char *derived = attach.alias ? NULL : dr_attach_name(attach.path);
        napi_create_object(env, &found);
        dr_set(env, found, "path", dr_text(env, attach.path));
        dr_set(env, found, "name", dr_text(env, attach.alias ? attach.alias : derived));
        dr_set(env, found, "readOnly", attach.read_only < 0 ? dr_nothing(env) : dr_flag(env, attach.read_only));
        dr_set(env, found, "ifNotExists", dr_flag(env, attach.if_not_exists));
        dr_set(env, found, "orReplace", dr_flag(env, attach.or_replace));
        dr_set(env, found, "encrypted", dr_flag(env, attach.encrypted));
        dr_set(env, found, "options", dr_text(env, attach.options));
        dr_set(env, found, "isFile", dr_flag(env, dr_attach_is_file(attach.path, attach.type)));
        free(derived);
    }
    dr_attach_free(&attach);
    free(sql);
    return found;
}

static void free_texts(char **texts)
{
    for (char **each = texts; each && *each; each++)
        free(*each);
    free(texts);
}

/* An array of strings, ended by NULL; NULL with an exception pending. */
static char **texts_of(napi_env env, napi_value array)
{
    uint32_t count;
    if (napi_get_array_length(env, array, &count) != napi_ok) {
        dr_node_throw_type(env, "an array of strings is expected");
        return NULL;
    }
    char **texts = calloc(count + 1, sizeof *texts);
    for (uint32_t i = 0; texts && i < count; i++) {
        napi_value element;
        if (napi_get_element(env, array, i, &element) != napi_ok || !(texts[i] = dr_value_text(env, element))) {
            free_texts(texts);
            return NULL;
        }
    }
    return texts;
}

/* Node ignores some signals, and lets no child have its descriptors; a program expects what a shell gives it. */
static void reset_process(void)
{
    sigset_t none;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        fcntl(fd, F_SETFD, 0);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* execute(program, arguments, environment): this process becomes that program, as execve(2) has it. Returns only by throwing. */
static napi_value execute(napi_env env, napi_callback_info info)
{
    struct dr_call call;
    if (dr_call_read(env, info, &call) < 0)
        return NULL;
    char *program = dr_value_text(env, call.argument[0]);
    char **arguments = program ? texts_of(env, call.argument[1]) : NULL;
    char **environment = arguments ? texts_of(env, call.argument[2]) : NULL;
    if (environment) {
        reset_process();
        execve(program, arguments, environment);
        napi_throw_error(env, NULL, strerror(errno));
    }
    free_texts(environment);
    free_texts(arguments);
    free(program);
    return NULL;
}

int dr_node_add_functions(struct dr_node *node, napi_value exports)
{
    const napi_property_descriptor functions[] = {DR_METHOD("databaseName", database_name),
                                                  DR_METHOD("parseAttach", parse_attach), DR_METHOD("execute", execute)};
    return napi_define_properties(node->env, exports, DR_COUNT(functions), functions) == napi_ok ? 0 : -1;
}
