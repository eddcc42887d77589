#include "sqlstate.h"

#include <string.h>

#include "gate.h"

/* prefix: what the message begins with; text: what it holds, NULL for any. The first that fits counts. */
static const struct {
    const char *prefix, *text, *sqlstate;
} states[] = {
    {"cached plan must not change result type", NULL, "0A000"},
    {"Parser Error", NULL, "42601"},
    {"Catalog Error: Schema with name", "already exists", "42P06"},
    {"Catalog Error: Type with name", "already exists", "42710"},
    {"Catalog Error: Function with name", "already exists", "42723"},
    {"Catalog Error", "already exists", "42P07"},
    {"Catalog Error", "Could not drop", "2BP01"},
    {"Catalog Error", "Table with name", "42P01"},
    {"Catalog Error", "Schema with name", "3F000"},
    {"Catalog Error", "Function with name", "42883"},
    {"Catalog Error", "Type with name", "42704"},
    {"Catalog Error", "unrecognized configuration parameter", "42704"},
    {"Catalog Error", "cannot be set locally", "42501"},
    {"Catalog Error", "does not exist", "42P01"},
    {"Catalog Error", NULL, "42704"},
    {"Binder Error", "Referenced column", "42703"},
    {"Binder Error", "Referenced update column", "42703"},
    {"Binder Error", "does not have a column with name", "42703"},
    {"Binder Error", "does not have a column named", "42703"},
    {"Binder Error", "does not have a column with name", "42703"},
    {"Binder Error", "Referenced update column", "42703"},
    {"Binder Error", "Referenced table", "42P01"},
    {"Binder Error", "No function matches", "42883"},
    {"Binder Error", "Ambiguous reference", "42702"},
    {"Binder Error", "must appear in the GROUP BY", "42803"},
    {"Binder Error", "aggregate function calls cannot be nested", "42803"},
    {"Binder Error", "values were supplied", "42601"},
    {"Binder Error", "type mismatch", "42804"},
    {"Binder Error", "Cannot mix values of type", "42804"},
    {"Binder Error", NULL, "42P10"},
    {"Constraint Error", "Duplicate key", "23505"},
    {"Constraint Error", "duplicate key", "23505"},
    {"Constraint Error", "unique constraint", "23505"},
    {"Constraint Error", "NOT NULL constraint", "23502"},
    {"Constraint Error", "CHECK constraint", "23514"},
    {"Constraint Error", "foreign key", "23503"},
    {"Constraint Error", NULL, "23000"},
    {"Conversion Error", "field value out of range", "22008"},
    {"Conversion Error", "out of range", "22003"},
    {"Conversion Error", NULL, "22P02"},
    {"Out of Range Error", NULL, "22003"},
    {"Mismatch Type Error", NULL, "42804"},
    {"Invalid type Error", NULL, "42804"},
    {"Invalid Type Error", NULL, "42804"},
    {"TransactionContext Error", "Conflict", "40001"},
    {"TransactionContext Error", "conflict", "40001"},
    {"TransactionContext Error", "another transaction has", "40001"}, /* altered or dropped the table */
    {"TransactionContext Error", "outstanding updates", "40001"}, /* an index on a table that another transaction has updated */
    {"TransactionContext Error", "PRIMARY KEY or UNIQUE constraint violat", "23505"},
    {"TransactionContext Error", "Failed to commit: Duplicate key", "23505"},
    {"TransactionContext Error", "cannot start a transaction within a transaction", "25001"},
    {"TransactionContext Error", "no transaction is active", "25P01"},
    {"TransactionContext Error", "Current transaction is aborted", "25P02"},
    {"TransactionContext Error", "No space left", "53100"},
    {"TransactionContext Error", "Could not write", "58030"},
    {"TransactionContext Error", "fsync failed", "58030"},
    {"TransactionContext Error", NULL, "40000"},
    {"Serialization Error", NULL, "40001"},
    {"Dependency Error", NULL, "2BP01"},
    {"INTERRUPT", NULL, "57014"},
    {"Interrupt", NULL, "57014"},
    {"Out of Memory Error", NULL, "53200"},
    {"IO Error", "No space left", "53100"},
    {"IO Error", "No files found", "58P01"},
    {"IO Error: Extension", "not found", "58P01"},
    {"IO Error", NULL, "58030"},
    {"Permission Error", NULL, "42501"},
    {"Not implemented Error", NULL, "0A000"},
    {"Invalid Input Error", "Division by zero", "22012"},
    {"Invalid Input Error", "read-only", "25006"},
    {"Invalid Input Error", "parameters", "08P01"},
    {"Invalid Input Error", NULL, "22023"},
    {"Parameter Not Resolved Error", NULL, "42P18"},
    {"Missing Extension Error", NULL, "58P01"},
    {"FATAL Error", NULL, "58000"},
    {"INTERNAL Error", NULL, "XX000"},
};

/* Of parameters that can't be read (types.h), beside the state of DUCKROW_USAGE. */
static const struct {
    const char *prefix, *sqlstate;
} parameter_states[] = {
    {"invalid input syntax", "22P02"},
    {"value \"", "22003"},
    {"date out of range", "22008"},
    {"timestamp out of range", "22008"},
    {"time out of range", "22008"},
    {"time zone displacement", "22009"},
    {"incorrect binary data format", "22P03"},
    {"invalid byte sequence", "22021"},
    {"no binary input function", "42883"},
};

static int begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

const char *dr_sqlstate(const duckrow_error *error)
{
    if (error->code == DUCKROW_BUSY && dr_is_cancelled(error->message))
        return "40001";
    if (error->code == DUCKROW_INTERRUPTED && strcmp(error->message, DR_ENDED_BROKEN) == 0)
        return "57P02";
    if (error->code == DUCKROW_INTERRUPTED && strcmp(error->message, DR_ENDED_LEAVING) == 0)
        return "57P01";
    for (size_t i = 0; error->code == DUCKROW_USAGE && i < sizeof parameter_states / sizeof *parameter_states; i++)
        if (begins(error->message, parameter_states[i].prefix))
            return parameter_states[i].sqlstate;
    if (error->code != DUCKROW_SQL)
        return duckrow_code_sqlstate(error->code);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (begins(error->message, states[i].prefix) && (!states[i].text || strstr(error->message, states[i].text)))
            return states[i].sqlstate;
    return "XX000";
}

int dr_is_conflict(const duckrow_error *error)
{
    return error->code == DUCKROW_SQL && strcmp(dr_sqlstate(error), "40001") == 0;
}

int dr_is_fatal(const duckrow_error *error)
{
    /* Whatever its code: a message may also say what came before it, such as a full disk. */
    return error->code && (begins(error->message, "FATAL Error") || strstr(error->message, "has been invalidated"));
}

int dr_is_read_only(const duckrow_error *error)
{
    return error->code == DUCKROW_SQL &&
           (strstr(error->message, "read-only mode") || strstr(error->message, "read-only database"));
}
