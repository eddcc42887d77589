/* Making a connection of duckrow out of one of DuckDB's, so that it stays one in every respect.
 *
 * A class of ours derives from duckdb.DuckDBPyConnection, and an object that DuckDB made is given that class. duckdb 2.0's classes
 * (nanobind) take a class made in Python; 1.5's (pybind11) are not garbage collected, and a class made in Python always is, so
 * there the class comes from PyType_FromSpec. Neither adds a field, so the objects' memory fits.
 *
 * Its methods must not show up as Python frames: DuckDB's replacement scans look for data frames in the variables of the frame
 * that calls. So a Hook is a method in C: it calls `before` (Python), then DuckDB's own method with the caller's frame on top,
 * then `after` (Python). */
#include <stddef.h>

#include "module.h"

typedef struct {
    PyObject_HEAD
    PyObject *before, *target, *after, *rescue;
} Hook;

static PyTypeObject *hook_type;
static PyObject *method_type; /* types.MethodType */

static PyObject *hook_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"target", "before", "after", "rescue", NULL};
    PyObject *target, *before = Py_None, *after = Py_None, *rescue = Py_None;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|OOO:Hook", names, &target, &before, &after, &rescue))
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Hook *self = (Hook *)allocate(type, 0);
    if (!self)
        return NULL;
    Py_INCREF(target);
    Py_INCREF(before);
    Py_INCREF(after);
    Py_INCREF(rescue);
    self->rescue = rescue;
    self->target = target;
    self->before = before;
    self->after = after;
    return (PyObject *)self;
}

static int hook_traverse(PyObject *object, visitproc visit, void *arg)
{
    Hook *self = (Hook *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->before);
    Py_VISIT(self->target);
    Py_VISIT(self->after);
    Py_VISIT(self->rescue);
    return 0;
}

static int hook_clear(PyObject *object)
{
    Hook *self = (Hook *)object;
    Py_CLEAR(self->before);
    Py_CLEAR(self->target);
    Py_CLEAR(self->after);
    Py_CLEAR(self->rescue);
    return 0;
}

static void hook_dealloc(PyObject *object)
{
    PyObject_GC_UnTrack(object);
    hook_clear(object);
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* rescue(error, args, kwargs) → a list of one: the result in place of the error; None: the error stays. */
static PyObject *rescued(Hook *self, PyObject *arguments, PyObject *keywords)
{
    PyObject *type, *value, *traceback, *result = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *answer = PyObject_CallFunctionObjArgs(self->rescue, value, arguments, keywords ? keywords : Py_None, NULL);
    if (!answer || PyList_Check(answer)) {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        result = answer ? PyList_GetItem(answer, 0) : NULL;
        Py_XINCREF(result);
    } else {
        PyErr_Restore(type, value, traceback);
    }
    Py_XDECREF(answer);
    return result;
}

/* before(*args, **kwargs) returns None to go on; (args, kwargs) to go on with others; or a list of one: the result.
 * after(self, result) runs when DuckDB's method has returned, or raised: then result is NotImplemented. What it returns, unless
 * None, takes the result's place. An exception of after's replaces no other. rescue runs last, where DuckDB's method has raised. */
static PyObject *hook_call(PyObject *object, PyObject *arguments, PyObject *keywords)
{
    Hook *self = (Hook *)object;
    PyObject *answer = NULL, *result;
    if (self->before != Py_None) {
        answer = PyObject_Call(self->before, arguments, keywords);
        if (!answer)
            return NULL;
        if (PyList_Check(answer)) {
            result = PyList_GetItem(answer, 0);
            Py_XINCREF(result);
            Py_DECREF(answer);
            return result;
        }
        if (PyTuple_Check(answer)) {
            arguments = PyTuple_GetItem(answer, 0);
            keywords = PyTuple_GetItem(answer, 1);
            if (!arguments || !keywords) {
                Py_DECREF(answer);
                return NULL;
            }
        }
    }
    result = PyObject_Call(self->target, arguments, keywords);
    if (self->after != Py_None) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyObject *done =
            PyObject_CallFunctionObjArgs(self->after, PyTuple_GetItem(arguments, 0), result ? result : Py_NotImplemented, NULL);
        if (type) {
            if (!done)
                PyErr_Clear();
            PyErr_Restore(type, value, traceback);
        } else if (done != Py_None) {
            Py_XDECREF(result);
            result = done;
            done = NULL;
        }
        Py_XDECREF(done);
    }
    if (!result && self->rescue != Py_None)
        result = rescued(self, arguments, keywords);
    Py_XDECREF(answer);
    return result;
}

static PyObject *hook_get(PyObject *self, PyObject *instance, PyObject *owner)
{
    (void)owner;
    if (!instance || instance == Py_None) {
        Py_INCREF(self);
        return self;
    }
    return PyObject_CallFunctionObjArgs(method_type, self, instance, NULL);
}

static PyObject *hook_doc(PyObject *object, void *ignored)
{
    (void)ignored;
    return PyObject_GetAttrString(((Hook *)object)->target, "__doc__");
}

static PyObject *hook_name(PyObject *object, void *ignored)
{
    (void)ignored;
    return PyObject_GetAttrString(((Hook *)object)->target, "__name__");
}

static PyGetSetDef hook_attributes[] = {
    {"__doc__", hook_doc, NULL, NULL, NULL},
    {"__name__", hook_name, NULL, NULL, NULL},
    {"__qualname__", hook_name, NULL, NULL, NULL},
    {0},
};
static PyType_Slot hook_slots[] = {
    {Py_tp_new, hook_new},   {Py_tp_dealloc, hook_dealloc}, {Py_tp_traverse, hook_traverse}, {Py_tp_clear, hook_clear},
    {Py_tp_call, hook_call}, {Py_tp_descr_get, hook_get},   {Py_tp_getset, hook_attributes}, {0},
};
static PyType_Spec hook_spec = {"duckrow._core.Hook", sizeof(Hook), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, hook_slots};

static PyObject *subclass(PyObject *module, PyObject *arguments)
{
    (void)module;
    const char *name;
    PyObject *base;
    if (!PyArg_ParseTuple(arguments, "sO!:subclass", &name, &PyType_Type, &base))
        return NULL;
    PyType_Slot slots[] = {{Py_tp_doc, (void *)"A DuckDB connection that takes turns."}, {0}};
    PyType_Spec spec = {name, 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    PyObject *bases = PyTuple_Pack(1, base);
    PyObject *type = bases ? PyType_FromSpecWithBases(&spec, bases) : NULL;
    Py_XDECREF(bases);
    return type;
}

static PyObject *retype(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *object, *type;
    if (!PyArg_ParseTuple(arguments, "OO!:retype", &object, &PyType_Type, &type))
        return NULL;
    PyTypeObject *before = Py_TYPE(object);
    if (!PyType_IsSubtype((PyTypeObject *)type, before)) {
        PyErr_SetString(PyExc_TypeError, "retype() needs a class derived from the object's own");
        return NULL;
    }
    Py_INCREF(type);
    Py_SET_TYPE(object, (PyTypeObject *)type);
    Py_DECREF(before);
    Py_INCREF(object);
    return object;
}

static PyMethodDef functions[] = {
    {"subclass", subclass, METH_VARARGS, "subclass(name, base) -> type. Not garbage collected, no new fields."},
    {"retype", retype, METH_VARARGS, "retype(object, type) -> object. Its class becomes a derived one without new fields."},
    {0},
};

int dr_py_add_methods(PyObject *module)
{
    PyObject *types = PyImport_ImportModule("types");
    if (!types)
        return -1;
    method_type = PyObject_GetAttrString(types, "MethodType");
    Py_DECREF(types);
    if (!method_type || dr_py_add_type(module, &hook_spec, &hook_type) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}
