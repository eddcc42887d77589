/* The list in src/engine/functions.h against DuckDB's own header: if this file compiles, every signature, constant and layout is
 * the same. Build it once with the duckdb.h of each supported version (-I), and run it against nothing: there is no main. */
#include <duckdb.h>

#define DR_DUCKDB_HEADER
#include "../../src/engine/functions.h"

#define SAME_FUNCTION(result, name, parameters)                                                                                  \
    _Static_assert(__builtin_types_compatible_p(__typeof__(&duckdb_##name), result(*) parameters), "duckdb_" #name);
DR_DUCKDB_FUNCTIONS(SAME_FUNCTION)

#define SAME_CONSTANT(name, theirs, value) _Static_assert((int)name == (int)theirs, #theirs);
DR_DUCKDB_CONSTANTS(SAME_CONSTANT)

_Static_assert(sizeof(duckdb_result_type) == 4 && sizeof(duckdb_statement_type) == 4, "enums are ints");
_Static_assert(sizeof(duckdb_config_option_scope) == 4 && DuckDBSuccess == 0 && DuckDBError == 1, "enums are ints");
