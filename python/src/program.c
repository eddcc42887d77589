/* The extension module duckrow._program: the program inside Python. The console script that pip installs calls the same main as the
 * executable. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "service/commands.h"

static PyObject *run_main(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_ssize_t count = PySequence_Size(arguments);
    if (count < 0)
        return NULL;
    char **argv = calloc((size_t)count + 1, sizeof *argv);
    if (!argv)
        return PyErr_NoMemory();
    int failed = 0;
    for (Py_ssize_t i = 0; i < count && !failed; i++) {
        PyObject *item = PySequence_GetItem(arguments, i), *bytes = NULL;
        /* As the shell gave them, whatever their encoding. */
        failed = !item || !PyUnicode_FSConverter(item, &bytes) || !(argv[i] = strdup(PyBytes_AsString(bytes)));
        Py_XDECREF(bytes);
        Py_XDECREF(item);
    }
    int status = 70;
    if (!failed) {
        Py_BEGIN_ALLOW_THREADS
        status = duckrow_main((int)count, argv, dr_service_commands);
        Py_END_ALLOW_THREADS
    }
    for (Py_ssize_t i = 0; i < count; i++)
        free(argv[i]);
    free(argv);
    return failed ? NULL : PyLong_FromLong(status);
}

static PyMethodDef functions[] = {
    {"main", run_main, METH_O, "main(arguments) -> exit status. The duckrow program, in this process."},
    {0},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "duckrow._program", .m_doc = "The duckrow program.", .m_size = 0, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__program(void)
{
    return PyModule_Create(&definition);
}
