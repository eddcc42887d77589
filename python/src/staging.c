/* Stage: a file on its way into a table (duckrow_stage). And those that are there already, to read them. */
#include <limits.h>
#include <stdlib.h>

#include "core/config.h"
#include "core/db.h"
#include "core/staging.h"
#include "module.h"

typedef struct {
    PyObject_HEAD
    duckrow_db *db;
    duckrow_stage *stage; /* NULL: staged, or given up */
} Stage;

typedef struct {
    PyObject_HEAD
    int fd;
    unsigned forks;
} OpenFile;

static PyTypeObject *stage_type, *open_file_type;

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

/* ---- reading ---- */

/* Steals the value; NULL where there is none. */
static int append(PyObject *list, PyObject *value)
{
    int failed = !value || PyList_Append(list, value) < 0;
    Py_XDECREF(value);
    return failed;
}

static PyObject *list_folder(const duckrow_db *db, const char *folder, duckrow_error *error, int *failed)
{
    char table[2 * DR_STAGING_NAME + 8];
    struct dr_staged_file *files;
    int count, left;
    duckrow_code code;
    Py_BEGIN_ALLOW_THREADS
    code = dr_staging_list(db, folder, INT_MAX, &files, &count, &left, error);
    Py_END_ALLOW_THREADS
    if (code) {
        *failed = 1;
        return NULL;
    }
    PyObject *list = PyList_New(0);
    int broken = !list || !dr_staging_table(folder, table, sizeof table);
    for (int i = 0; !broken && i < count; i++)
        broken = append(list, Py_BuildValue("NLLL", PyUnicode_DecodeFSDefault(files[i].name), (long long)files[i].inode,
                                            (long long)files[i].size, (long long)files[i].modified_ns));
    free(files);
    if (!broken)
        return Py_BuildValue("NNN", PyUnicode_DecodeFSDefault(folder), PyUnicode_DecodeFSDefault(table), list);
    Py_XDECREF(list);
    return NULL;
}

PyObject *dr_py_staged(const duckrow_db *db)
{
    char (*folders)[DR_STAGING_NAME];
    duckrow_error error = {0};
    duckrow_code code;
    int count, failed = 0;
    Py_BEGIN_ALLOW_THREADS
    code = dr_staging_folders(db, &folders, &count, &error);
    Py_END_ALLOW_THREADS
    if (code)
        return dr_py_raise(&error);
    PyObject *list = PyList_New(0);
    int broken = !list;
    for (int i = 0; !broken && i < count; i++)
        broken = append(list, list_folder(db, folders[i], &error, &failed));
    free(folders);
    if (!broken)
        return list;
    Py_XDECREF(list);
    return failed ? dr_py_raise(&error) : NULL;
}

PyObject *dr_py_ingest_adds_columns(const duckrow_db *db)
{
    struct dr_config config;
    duckrow_error error = {0};
    return dr_config_read(db, &config, &error) ? dr_py_raise(&error) : PyBool_FromLong((long)config.ingest_add_columns);
}

PyObject *dr_py_open_staged(const duckrow_db *db, PyObject *arguments)
{
    struct dr_staged_file file = {0};
    duckrow_error error = {0};
    PyObject *folder, *name;
    long long inode, size, modified_ns;
    int fd;
    if (!PyArg_ParseTuple(arguments, "O&(O&LLL):open_staged", PyUnicode_FSConverter, &folder, PyUnicode_FSConverter, &name,
                          &inode, &size, &modified_ns))
        return NULL;
    snprintf(file.name, sizeof file.name, "%s", PyBytes_AsString(name));
    file.inode = inode;
    file.size = size;
    file.modified_ns = modified_ns;
    duckrow_code code = dr_staging_open(db, PyBytes_AsString(folder), &file, &fd, &error);
    Py_DECREF(folder);
    Py_DECREF(name);
    if (code)
        return dr_py_raise(&error);
    if (fd < 0)
        Py_RETURN_NONE;
    allocfunc allocate = (allocfunc)PyType_GetSlot(open_file_type, Py_tp_alloc);
    OpenFile *made = (OpenFile *)allocate(open_file_type, 0);
    if (!made) {
        dr_close(fd);
        return NULL;
    }
    made->fd = fd;
    made->forks = dr_fork_count();
    return (PyObject *)made;
}

/* A forked child has none of them: the number may be another file's there. */
static PyObject *open_file_close(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    OpenFile *self = (OpenFile *)object;
    if (self->fd >= 0 && self->forks == dr_fork_count())
        dr_close(self->fd);
    self->fd = -1;
    Py_RETURN_NONE;
}

static void open_file_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Py_DECREF(open_file_close(object, NULL));
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyObject *open_file_path(PyObject *object, void *ignored)
{
    (void)ignored;
    OpenFile *self = (OpenFile *)object;
    if (self->fd < 0) {
        PyErr_SetString(PyExc_ValueError, "the file is closed");
        return NULL;
    }
    return PyUnicode_FromFormat("/proc/self/fd/%d", self->fd);
}

static PyMethodDef open_file_methods[] = {
    {"close", open_file_close, METH_NOARGS, "Lets go of it."},
    {0},
};
static PyGetSetDef open_file_attributes[] = {
    {"path", open_file_path, NULL, "where this process can read it, also when it was removed", NULL},
    {0},
};
static PyType_Slot open_file_slots[] = {
    {Py_tp_dealloc, open_file_dealloc},
    {Py_tp_methods, open_file_methods},
    {Py_tp_getset, open_file_attributes},
    {0},
};
static PyType_Spec open_file_spec = {"duckrow._core.OpenFile", sizeof(OpenFile), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, open_file_slots};

int dr_py_add_staging(PyObject *module)
{
    return dr_py_add_type(module, &stage_spec, &stage_type) < 0 || dr_py_add_type(module, &open_file_spec, &open_file_type) < 0
               ? -1
               : 0;
}
