/* The duckrow program inside Python: the console script that pip installs calls the same main as the executable. */
#include <stdlib.h>
#include <string.h>

#include "module.h"

int duckrow_main(int argc, char **argv);

PyObject *dr_py_main(PyObject *module, PyObject *arguments)
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
        status = duckrow_main((int)count, argv);
        Py_END_ALLOW_THREADS
    }
    for (Py_ssize_t i = 0; i < count; i++)
        free(argv[i]);
    free(argv);
    return failed ? NULL : PyLong_FromLong(status);
}
