/* duckrow._core: the C core as Python sees it. A thin layer, one call to one call; everything idiomatic is in Python.
 * Stable ABI of Python 3.10: one wheel serves all later versions. */
#ifndef DR_PYTHON_MODULE_H
#define DR_PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "duckrow.h"

/* Raises what the Python layer makes of an error (set_error_factory). Always NULL. */
PyObject *dr_py_raise(const duckrow_error *error);
/* Each adds its types or functions to the module: 0, or -1 with an exception. */
int dr_py_add_handles(PyObject *module);
int dr_py_add_methods(PyObject *module);
int dr_py_add_statements(PyObject *module);
int dr_py_add_staging(PyObject *module);
/* What Database has of staging. */
PyObject *dr_py_staged(const duckrow_db *db);
PyObject *dr_py_ingest_adds_columns(const duckrow_db *db);
PyObject *dr_py_open_staged(const duckrow_db *db, PyObject *arguments);
int dr_py_add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type);

#endif
