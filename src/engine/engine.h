/* DuckDB, found and loaded at run time. Nothing links it: the engine is whatever DuckDB the user has.
 *
 * Search order: the file given (--engine), DUCKROW_ENGINE, functions that this process has already (a program that loaded
 * DuckDB with global symbols), the loader's path (libduckdb.so). The first that is there decides: where it can't be used, that
 * is an error, not a reason to look on, for the user said which one, or two DuckDBs in one process would mix their symbols.
 *
 * A loaded engine is never unloaded; DuckDB has threads and thread-local destructors of its own. */
#ifndef DR_ENGINE_H
#define DR_ENGINE_H

#include <limits.h>

#include "core/error.h"
#include "functions.h"

typedef struct dr_engine {
    struct dr_duckdb duckdb;
    char version[64];    /* as DuckDB says it: v1.5.6 */
    char path[PATH_MAX]; /* of the shared library or program that holds it; "" when not known */
} dr_engine;

/* wanted: a file, or NULL. Errors: NO_ENGINE, whose message says what was found where and how to get one. */
duckrow_code dr_engine_load(const char *wanted, dr_engine **engine, duckrow_error *error);
void dr_engine_free(dr_engine *engine);

/* Can duckrow work with a DuckDB that calls itself this? NULL, or why not. A version before a release (v1.5.6-dev12, v2.0.0-rc1)
 * is older than that release. */
const char *dr_engine_version_refused(const char *version);

#endif
