/* duckrow version: duckrow's, and that of the DuckDB it finds. Finding none is an answer, not an error. */
#include <stdio.h>

#include "cli.h"
#include "core/json.h"
#include "engine/engine.h"

static int print_json(const dr_engine *engine, const duckrow_error *error)
{
    struct dr_json json = {0};
    dr_json_open(&json, NULL, '{');
    dr_json_string(&json, "version", duckrow_version());
    if (engine) {
        dr_json_open(&json, "engine", '{');
        dr_json_string(&json, "version", engine->version);
        dr_json_string(&json, "path", engine->path);
        dr_json_close(&json, '}');
    } else {
        dr_json_null(&json, "engine");
        dr_json_string(&json, "reason", error->message);
    }
    dr_json_close(&json, '}');
    return dr_print_json(&json);
}

static int run_version(const struct dr_options *options)
{
    duckrow_error error = {0};
    dr_engine *engine;
    dr_engine_load(options->engine, &engine, &error);
    int status;
    if (options->json) {
        status = print_json(engine, &error);
    } else {
        printf("duckrow %s\n", duckrow_version());
        if (engine)
            printf("DuckDB %s, %s\n", engine->version, engine->path);
        else
            printf("DuckDB none: %s\n", error.message);
        status = dr_end_printing();
    }
    dr_engine_free(engine);
    return status;
}

const struct dr_command dr_command_version = {
    "version",
    "version [--json] [--engine FILE]",
    "print the versions of duckrow and of the DuckDB it uses",
    "Prints duckrow's version, and the version and path of the DuckDB that it finds, or why it finds none.\n"
    "\n"
    "  --json         one object: version, engine (version, path; null: none, and then reason)\n"
    "  --engine FILE  the libduckdb.so to use; default: DUCKROW_ENGINE, then the loader's path\n",
    DR_TAKES_JSON | DR_TAKES_ENGINE,
    run_version,
};
