/* Stage: a file on its way into a table (duckrow_stage). */
#include "module.h"

typedef struct {
    PyObject_HEAD
    duckrow_db *db;
    duckrow_stage *stage; /* NULL: staged, or given up */
} Stage;

static PyTypeObject *stage_type;

static PyObject *stage_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"path", "table", NULL};
    duckrow_error error;
    duckrow_db *db;
    duckrow_stage *stage = NULL;
    PyObject *path;
    const char *table;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&s:Stage", names, PyUnicode_FSConverter, &path, &table))
        return NULL;
    duckrow_code code = duckrow_db_open(PyBytes_AsString(path), NULL, &db, &error);
    Py_DECREF(path);
    if (!code && (code = duckrow_stage_begin(db, table, &stage, &error)))
        duckrow_db_close(db);
    if (code)
        return dr_py_raise(&error);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Stage *self = (Stage *)allocate(type, 0);
    if (!self) {
        duckrow_stage_abandon(stage);
        duckrow_db_close(db);
        return NULL;
    }
    self->db = db;
    self->stage = stage;
    return (PyObject *)self;
}

static PyObject *stage_abandon(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Stage *self = (Stage *)object;
    duckrow_stage_abandon(self->stage);
    self->stage = NULL;
    Py_RETURN_NONE;
}

static void stage_dealloc(PyObject *object)
{
    Stage *self = (Stage *)object;
    PyTypeObject *type = Py_TYPE(object);
    duckrow_stage_abandon(self->stage);
    duckrow_db_close(self->db);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyObject *over(void)
{
    PyErr_SetString(PyExc_ValueError, "it is staged, or given up, already");
    return NULL;
}

static PyObject *stage_commit(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Stage *self = (Stage *)object;
    duckrow_stage *stage = self->stage;
    duckrow_error error;
    duckrow_code code;
    char *path = NULL;
    if (!stage)
        return over();
    self->stage = NULL;
    Py_BEGIN_ALLOW_THREADS
    code = duckrow_stage_commit(stage, &path, &error);
    Py_END_ALLOW_THREADS
    if (code)
        return dr_py_raise(&error);
    PyObject *text = PyUnicode_DecodeFSDefault(path ? path : "");
    duckrow_free(path);
    return text;
}

static PyObject *stage_path(PyObject *object, void *ignored)
{
    (void)ignored;
    Stage *self = (Stage *)object;
    return self->stage ? PyUnicode_DecodeFSDefault(duckrow_stage_path(self->stage)) : over();
}

static PyMethodDef stage_methods[] = {
    {"commit", stage_commit, METH_NOARGS, "commit() -> str. The file at path is staged from here on; its path then."},
    {"abandon", stage_abandon, METH_NOARGS, "Removes what was written."},
    {0},
};
static PyGetSetDef stage_attributes[] = {
    {"path", stage_path, NULL, "where to write the file", NULL},
    {0},
};
static PyType_Slot stage_slots[] = {
    {Py_tp_new, stage_new}, {Py_tp_dealloc, stage_dealloc}, {Py_tp_methods, stage_methods}, {Py_tp_getset, stage_attributes}, {0},
};
static PyType_Spec stage_spec = {"duckrow._core.Stage", sizeof(Stage), 0, Py_TPFLAGS_DEFAULT, stage_slots};

int dr_py_add_staging(PyObject *module)
{
    return dr_py_add_type(module, &stage_spec, &stage_type);
}
