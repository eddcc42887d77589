/* What needs no handle: how DuckDB names a file, and becoming another program. */
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
    const napi_property_descriptor functions[] = {DR_METHOD("databaseName", database_name), DR_METHOD("execute", execute)};
    return napi_define_properties(node->env, exports, DR_COUNT(functions), functions) == napi_ok ? 0 : -1;
}
