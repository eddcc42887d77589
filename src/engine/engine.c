#include "engine.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOW_TO_GET_ONE                                                                                                           \
    "use DuckDB 1.5.6 or later: pip install 'duckdb>=1.5.6' for Python, or a libduckdb.so (npm's "                               \
    "@duckdb/node-bindings-linux-x64 "                                                                                           \
    "has one) named by --engine or DUCKROW_ENGINE"

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define ENTRY(result, name, parameters) {"duckdb_" #name, offsetof(struct dr_duckdb, name)},
    DR_DUCKDB_FUNCTIONS(ENTRY)
#undef ENTRY
};

/* Reads one number and the separator after it. */
static int number(const char **text, int *value)
{
    const char *at = *text;
    for (*value = 0; isdigit((unsigned char)*at); at++) {
        if (*value > 100000)
            return 0;
        *value = *value * 10 + (*at - '0');
    }
    if (at == *text)
        return 0;
    *text = at;
    return 1;
}

const char *dr_engine_version_refused(const char *version)
{
    const char *at = version + (*version == 'v');
    int major, minor, patch;
    if (!number(&at, &major) || *at++ != '.' || !number(&at, &minor) || *at++ != '.' || !number(&at, &patch) ||
        isalnum((unsigned char)*at))
        return "that version is not known to duckrow";
    int prerelease = *at == '-';
    int order = (major * 1000 + minor) * 1000 + patch;
    if (order > 2000000 || (order == 2000000 && !prerelease))
        return NULL;
    if (order == 2000000)
        return "it was built before 2.0.0 was released";
    if (order > 1005006 || (order == 1005006 && !prerelease))
        return NULL;
    if (order >= 1004004)
        return "from 1.4.4 to 1.5.5 a read-only open beside a WAL returns wrong rows through indexes";
    return "it is too old";
}

static duckrow_code fail(duckrow_error *error, const char *where, const char *what)
{
    return dr_fail(error, DUCKROW_NO_ENGINE, "no usable DuckDB: %s%s; " HOW_TO_GET_ONE, where, what);
}

/* Fills in the engine from a handle; where says whence it came, for messages. */
static duckrow_code resolve(dr_engine *engine, void *handle, const char *where, duckrow_error *error)
{
    char text[DUCKROW_MESSAGE_SIZE / 2];
    const char *(*library_version)(void) = NULL;
    void *symbol = dlsym(handle, "duckdb_library_version");
    if (!symbol)
        return fail(error, where, " is not a DuckDB library (it has no duckdb_library_version)");
    memcpy(&library_version, &symbol, sizeof symbol);
    Dl_info info;
    if (dladdr(symbol, &info) && info.dli_fname && !realpath(info.dli_fname, engine->path))
        snprintf(engine->path, sizeof engine->path, "%s", info.dli_fname);
    const char *version = library_version();
    snprintf(engine->version, sizeof engine->version, "%s", version ? version : "");
    const char *refused = dr_engine_version_refused(engine->version);
    if (refused) {
        snprintf(text, sizeof text, " is DuckDB %s, and %s", engine->version, refused);
        return fail(error, where, text);
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        symbol = dlsym(handle, functions[i].name);
        if (!symbol) {
            snprintf(text, sizeof text, " is DuckDB %s without %s, so not the whole C API", engine->version, functions[i].name);
            return fail(error, where, text);
        }
        memcpy((char *)&engine->duckdb + functions[i].offset, &symbol, sizeof symbol);
    }
    return DUCKROW_OK;
}

/* A file named by the user, in the current folder too, where the loader alone wouldn't look. */
static duckrow_code load_file(dr_engine *engine, const char *file, const char *named_by, duckrow_error *error)
{
    char where[PATH_MAX + 64], path[PATH_MAX];
    snprintf(where, sizeof where, "%s%s", named_by, file);
    snprintf(path, sizeof path, "%s%s", strchr(file, '/') || access(file, F_OK) ? "" : "./", file);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        const char *reason = dlerror();
        char text[DUCKROW_MESSAGE_SIZE / 2];
        if (reason && strstr(reason, "undefined symbol: _Py"))
            reason = strstr(reason, "undefined symbol: _Py");
        else if (reason && strstr(reason, "undefined symbol: Py"))
            reason = strstr(reason, "undefined symbol: Py");
        else
            return snprintf(text, sizeof text, " can't be loaded (%s)", reason ? reason : "no reason given"),
                   fail(error, where, text);
        return fail(error, where, " is a module of Python and loads only there, in the program that pip install duckrow makes");
    }
    return resolve(engine, handle, where, error);
}

static duckrow_code load(dr_engine *engine, const char *wanted, duckrow_error *error)
{
    if (wanted)
        return load_file(engine, wanted, "--engine ", error);
    const char *variable = getenv("DUCKROW_ENGINE");
    if (variable && *variable)
        return load_file(engine, variable, "DUCKROW_ENGINE=", error);
    if (dlsym(RTLD_DEFAULT, "duckdb_library_version"))
        return resolve(engine, RTLD_DEFAULT, "the one in this process", error);
    void *handle = dlopen("libduckdb.so", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        const char *reason = dlerror();
        char text[DUCKROW_MESSAGE_SIZE / 2];
        int missing = reason && strstr(reason, "No such file");
        snprintf(text, sizeof text, " is not set, this process has none, and the loader %s%s%s",
                 missing ? "finds no libduckdb.so" : "can't load libduckdb.so (", missing ? "" : reason, missing ? "" : ")");
        return fail(error, "DUCKROW_ENGINE", text);
    }
    return resolve(engine, handle, "libduckdb.so on the loader's path", error);
}

duckrow_code dr_engine_load(const char *wanted, dr_engine **engine, duckrow_error *error)
{
    *engine = calloc(1, sizeof **engine);
    if (!*engine)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    duckrow_code code = load(*engine, wanted, error);
    if (code) {
        free(*engine);
        *engine = NULL;
    }
    return code;
}

void dr_engine_free(dr_engine *engine)
{
    free(engine);
}
