#include "module.h"

#include <stdlib.h>

static PyObject *error_factory;

/* factory(code, message, os_errno, (pid, foreign_pid, since_at, kind, command), waiting, waited_ms) → exception */
PyObject *dr_py_raise(const duckrow_error *error)
{
    if (PyErr_Occurred())
        return NULL;
    if (!error_factory || error_factory == Py_None) {
        PyErr_SetString(PyExc_RuntimeError, error->message);
        return NULL;
    }
    const duckrow_process *holder = &error->holder;
    /* Messages have paths in them, and command lines any bytes. */
    PyObject *exception = PyObject_CallFunction(
        error_factory, "iNi(LLLsN)iL", (int)error->code, PyUnicode_DecodeFSDefault(error->message), error->os_errno,
        (long long)holder->pid, (long long)holder->foreign_pid, (long long)holder->since_at, holder->kind,
        PyUnicode_DecodeFSDefault(holder->command), error->waiting, (long long)error->waited_ms);
    if (exception) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        Py_DECREF(exception);
    }
    return NULL;
}

static PyObject *set_error_factory(PyObject *module, PyObject *factory)
{
    (void)module;
    PyObject *before = error_factory;
    Py_INCREF(factory);
    error_factory = factory;
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

int dr_py_add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type)
{
    PyObject *made = PyType_FromSpec(spec);
    if (!made)
        return -1;
    *type = (PyTypeObject *)made;
    return PyModule_AddType(module, *type);
}

/* [(name, code, message, exit status, sqlstate), …]: the one list of errors */
static int add_errors(PyObject *module)
{
#define ROW(name, code, message, status, sqlstate) Py_BuildValue("(sisis)", #name, code, message, status, sqlstate),
    PyObject *rows[] = {DUCKROW_ERRORS(ROW)};
#undef ROW
    PyObject *list = PyList_New(0);
    int failed = !list;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        failed = failed || !rows[i] || PyList_Append(list, rows[i]) < 0;
        Py_XDECREF(rows[i]);
    }
    if (failed || PyModule_AddObjectRef(module, "ERRORS", list) < 0) {
        Py_XDECREF(list);
        return -1;
    }
    Py_DECREF(list);
    return 0;
}

static PyMethodDef functions[] = {
    {"set_error_factory", set_error_factory, METH_O, "Sets what makes an exception of an error."},
    {0},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "duckrow._core", .m_doc = "The C core of duckrow.", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__core(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (!module || add_errors(module) < 0 || dr_py_add_handles(module) < 0 || dr_py_add_methods(module) < 0 ||
        dr_py_add_statements(module) < 0 || dr_py_add_staging(module) < 0 ||
        PyModule_AddStringConstant(module, "VERSION", duckrow_version()) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
