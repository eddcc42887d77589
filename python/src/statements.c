/* What SQL text says, as far as duckrow must know before DuckDB gets it. */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "engine/attach.h"

/* None, or {"kind": "attach" | "detach", …}: the fields of struct dr_attach; name: the alias, or what DuckDB makes of the path;
 * is_file: is path a local file that can hold a DuckDB database? */
static PyObject *parse_attach(PyObject *module, PyObject *text)
{
    (void)module;
    Py_ssize_t size;
    const char *sql = PyUnicode_AsUTF8AndSize(text, &size);
    if (!sql)
        return NULL;
    struct dr_attach attach;
    dr_attach_parse(sql, &attach);
    /* A zero byte: DuckDB sees the rest, we don't. */
    if (attach.kind == DR_ATTACH_NONE || (size_t)size != strlen(sql)) {
        dr_attach_free(&attach);
        Py_RETURN_NONE;
    }
    int is_attach = attach.kind == DR_ATTACH_ATTACH;
    char *derived = is_attach && !attach.alias ? dr_attach_name(attach.path) : NULL;
    PyObject *read_only = attach.read_only < 0 ? Py_None : attach.read_only ? Py_True : Py_False;
    PyObject *found =
        Py_BuildValue("{s:s, s:O, s:O, s:O, s:z, s:z, s:z, s:O, s:z, s:O, s:z, s:O}", "kind", is_attach ? "attach" : "detach",
                      "if_exists", attach.if_exists ? Py_True : Py_False, "if_not_exists",
                      attach.if_not_exists ? Py_True : Py_False, "or_replace", attach.or_replace ? Py_True : Py_False, "path",
                      attach.path, "alias", attach.alias, "name", attach.alias ? attach.alias : derived, "read_only", read_only,
                      "type", attach.type, "encrypted", attach.encrypted ? Py_True : Py_False, "options", attach.options,
                      "is_file", is_attach && dr_attach_is_file(attach.path, attach.type) ? Py_True : Py_False);
    free(derived);
    dr_attach_free(&attach);
    return found;
}

static PyObject *database_name(PyObject *module, PyObject *path)
{
    (void)module;
    PyObject *bytes;
    if (!PyUnicode_FSConverter(path, &bytes))
        return NULL;
    char *name = dr_attach_name(PyBytes_AsString(bytes));
    Py_DECREF(bytes);
    if (!name)
        Py_RETURN_NONE;
    PyObject *text = PyUnicode_DecodeFSDefault(name);
    free(name);
    return text;
}

static PyMethodDef functions[] = {
    {"database_name", database_name, METH_O, "database_name(path) -> str or None. What DuckDB calls the database in this file."},
    {"parse_attach", parse_attach, METH_O, "parse_attach(sql) -> dict or None. What one ATTACH or DETACH statement says."},
    {0},
};

int dr_py_add_statements(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
