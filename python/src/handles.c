/* Database, Turn and Snapshot: one Python object for each handle of duckrow.h. */
#include <stddef.h>

#include "module.h"

typedef struct {
    PyObject_HEAD
    duckrow_db *db;
} Database;

typedef struct {
    PyObject_HEAD
    Database *database;
    duckrow_turn *turn;
} Turn;

typedef struct {
    PyObject_HEAD
    Database *database;
    duckrow_snapshot *snapshot;
} Snapshot;

static PyTypeObject *database_type, *turn_type, *snapshot_type;

/* A wait was disturbed by a signal: let Python run its handlers. Ctrl-C raises, and ends the wait. */
static int interrupted(void *context)
{
    (void)context;
    PyGILState_STATE state = PyGILState_Ensure();
    int stop = PyErr_CheckSignals() < 0;
    PyGILState_Release(state);
    return stop;
}

static void free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *closed(const char *what)
{
    PyErr_Format(PyExc_ValueError, "the %s is closed", what);
    return NULL;
}

/* ---- Snapshot ---- */

static void snapshot_dealloc(PyObject *object)
{
    Snapshot *self = (Snapshot *)object;
    duckrow_snapshot_unpin(self->snapshot);
    Py_XDECREF(self->database);
    free_object(object);
}

static PyObject *snapshot_unpin(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Snapshot *self = (Snapshot *)object;
    duckrow_snapshot_unpin(self->snapshot);
    self->snapshot = NULL;
    Py_RETURN_NONE;
}

static PyObject *snapshot_check(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Snapshot *self = (Snapshot *)object;
    return PyBool_FromLong(self->snapshot && duckrow_snapshot_check(self->snapshot, NULL) == DUCKROW_OK);
}

static PyObject *snapshot_path(PyObject *object, void *ignored)
{
    (void)ignored;
    Snapshot *self = (Snapshot *)object;
    return self->snapshot ? PyUnicode_DecodeFSDefault(duckrow_snapshot_path(self->snapshot)) : closed("snapshot");
}

static PyObject *snapshot_generation(PyObject *object, void *ignored)
{
    (void)ignored;
    Snapshot *self = (Snapshot *)object;
    return self->snapshot ? PyLong_FromLongLong(duckrow_snapshot_generation(self->snapshot)) : closed("snapshot");
}

static PyObject *snapshot_sequence(PyObject *object, void *ignored)
{
    (void)ignored;
    Snapshot *self = (Snapshot *)object;
    return self->snapshot ? PyLong_FromLongLong(duckrow_snapshot_sequence(self->snapshot)) : closed("snapshot");
}

static PyObject *snapshot_published_at(PyObject *object, void *ignored)
{
    (void)ignored;
    Snapshot *self = (Snapshot *)object;
    return self->snapshot ? PyLong_FromLongLong(duckrow_snapshot_published_at(self->snapshot)) : closed("snapshot");
}

static PyMethodDef snapshot_methods[] = {
    {"unpin", snapshot_unpin, METH_NOARGS, "Lets the slot be used again."},
    {"check", snapshot_check, METH_NOARGS, "check() -> bool. Is it still the newest?"},
    {0},
};
static PyGetSetDef snapshot_attributes[] = {
    {"path", snapshot_path, NULL, "the file to open read-only", NULL},
    {"generation", snapshot_generation, NULL, "the slot's number", NULL},
    {"sequence", snapshot_sequence, NULL, "grows with each publish", NULL},
    {"published_at", snapshot_published_at, NULL, "when it was published: milliseconds since 1970", NULL},
    {0},
};
static PyType_Slot snapshot_slots[] = {
    {Py_tp_dealloc, snapshot_dealloc},
    {Py_tp_methods, snapshot_methods},
    {Py_tp_getset, snapshot_attributes},
    {0},
};
static PyType_Spec snapshot_spec = {"duckrow._core.Snapshot", sizeof(Snapshot), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, snapshot_slots};

/* ---- Turn ---- */

static void turn_dealloc(PyObject *object)
{
    Turn *self = (Turn *)object;
    duckrow_turn_release(self->turn);
    Py_XDECREF(self->database);
    free_object(object);
}

static PyObject *turn_release(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Turn *self = (Turn *)object;
    duckrow_turn_release(self->turn);
    self->turn = NULL;
    Py_RETURN_NONE;
}

static PyObject *turn_guard(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Turn *self = (Turn *)object;
    duckrow_error error;
    if (!self->turn)
        return closed("turn");
    if (duckrow_turn_guard(self->turn, &error))
        return dr_py_raise(&error);
    Py_RETURN_NONE;
}

static PyObject *turn_moved(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Turn *self = (Turn *)object;
    return self->turn ? PyBool_FromLong(duckrow_turn_moved(self->turn)) : closed("turn");
}

static PyObject *turn_open_files(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Turn *self = (Turn *)object;
    return self->turn ? PyLong_FromLong(duckrow_turn_open_files(self->turn)) : closed("turn");
}

static PyObject *turn_wanted(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Turn *self = (Turn *)object;
    return self->turn ? PyLong_FromLong(duckrow_turn_wanted(self->turn)) : closed("turn");
}

static PyObject *turn_begin(PyObject *object, PyObject *arguments)
{
    Turn *self = (Turn *)object;
    duckrow_error error;
    duckrow_plan plan;
    duckrow_code code;
    int flags = 0;
    if (!PyArg_ParseTuple(arguments, "|i:begin", &flags))
        return NULL;
    if (!self->turn)
        return closed("turn");
    Py_BEGIN_ALLOW_THREADS
    code = duckrow_publish_begin(self->turn, (uint32_t)flags, &plan, &error);
    Py_END_ALLOW_THREADS
    return code ? dr_py_raise(&error) : Py_BuildValue("(Niz)", PyBool_FromLong(plan.checkpoint), plan.commits, plan.reason);
}

static PyObject *turn_end(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Turn *self = (Turn *)object;
    duckrow_error error;
    duckrow_published published;
    duckrow_code code;
    if (!self->turn)
        return closed("turn");
    Py_BEGIN_ALLOW_THREADS
    code = duckrow_publish_end(self->turn, &published, &error);
    Py_END_ALLOW_THREADS
    if (code)
        return dr_py_raise(&error);
    return Py_BuildValue("{s:L,s:L,s:N,s:L,s:L,s:L}", "generation", (long long)published.generation, "sequence",
                         (long long)published.sequence, "rotated", PyBool_FromLong(published.rotated), "bytes",
                         (long long)published.bytes, "compared", (long long)published.compared, "copied",
                         (long long)published.copied);
}

static PyObject *turn_level(PyObject *object, void *ignored)
{
    (void)ignored;
    Turn *self = (Turn *)object;
    return self->turn ? PyBool_FromLong(duckrow_turn_level(self->turn)) : closed("turn");
}

static PyMethodDef turn_methods[] = {
    {"release", turn_release, METH_NOARGS, "Gives the turn up."},
    {"guard", turn_guard, METH_NOARGS, "Takes the lock on the file again: a close() in this process may have dropped it."},
    {"moved", turn_moved, METH_NOARGS, "moved() -> bool. Have the file's headers changed since the turn was taken?"},
    {"open_files", turn_open_files, METH_NOARGS, "open_files() -> int. Descriptors on the file besides duckrow's own."},
    {"wanted", turn_wanted, METH_NOARGS, "wanted() -> int. How many wait in the queue behind this turn. Cheap."},
    {"begin", turn_begin, METH_VARARGS, "begin(flags=0) -> (checkpoint, commits, reason)."},
    {"end", turn_end, METH_NOARGS, "end() -> dict. Publishes."},
    {0},
};
static PyGetSetDef turn_attributes[] = {
    {"level", turn_level, NULL, "is the snapshot as new as the file was when the turn was taken?", NULL},
    {0},
};
static PyType_Slot turn_slots[] = {
    {Py_tp_dealloc, turn_dealloc},
    {Py_tp_methods, turn_methods},
    {Py_tp_getset, turn_attributes},
    {0},
};
static PyType_Spec turn_spec = {"duckrow._core.Turn", sizeof(Turn), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                turn_slots};

/* ---- Database ---- */

static PyObject *database_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"path", "flags", "max_slots", "rest_ms", "checkpoint_commits", NULL};
    duckrow_db_options options = DUCKROW_DB_OPTIONS_INIT;
    duckrow_error error;
    PyObject *path;
    int flags = 0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&|iiii:Database", names, PyUnicode_FSConverter, &path, &flags,
                                     &options.max_slots, &options.rest_ms, &options.checkpoint_commits))
        return NULL;
    options.flags = (uint32_t)flags;
    options.interrupted = interrupted;
    duckrow_db *db;
    duckrow_code code = duckrow_db_open(PyBytes_AsString(path), &options, &db, &error);
    Py_DECREF(path);
    if (code)
        return dr_py_raise(&error);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Database *self = (Database *)allocate(type, 0);
    if (self)
        self->db = db;
    else
        duckrow_db_close(db);
    return (PyObject *)self;
}

static void database_dealloc(PyObject *object)
{
    duckrow_db_close(((Database *)object)->db);
    free_object(object);
}

static PyObject *database_take(PyObject *object, PyObject *arguments)
{
    Database *self = (Database *)object;
    duckrow_error error;
    duckrow_turn *turn;
    duckrow_code code;
    const char *kind;
    long long timeout;
    int shared;
    if (!PyArg_ParseTuple(arguments, "psL:take", &shared, &kind, &timeout))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    code = duckrow_turn_take(self->db, shared ? DUCKROW_SHARED : DUCKROW_EXCLUSIVE, kind, timeout, &turn, &error);
    Py_END_ALLOW_THREADS
    if (code)
        return dr_py_raise(&error);
    allocfunc allocate = (allocfunc)PyType_GetSlot(turn_type, Py_tp_alloc);
    Turn *made = (Turn *)allocate(turn_type, 0);
    if (!made) {
        duckrow_turn_release(turn);
        return NULL;
    }
    Py_INCREF(self);
    made->database = self;
    made->turn = turn;
    return (PyObject *)made;
}

static PyObject *database_pin(PyObject *object, PyObject *arguments)
{
    Database *self = (Database *)object;
    duckrow_error error;
    duckrow_snapshot *snapshot;
    duckrow_code code;
    long long timeout;
    if (!PyArg_ParseTuple(arguments, "L:pin", &timeout))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    code = duckrow_snapshot_pin(self->db, timeout, &snapshot, &error);
    Py_END_ALLOW_THREADS
    if (code)
        return dr_py_raise(&error);
    allocfunc allocate = (allocfunc)PyType_GetSlot(snapshot_type, Py_tp_alloc);
    Snapshot *made = (Snapshot *)allocate(snapshot_type, 0);
    if (!made) {
        duckrow_snapshot_unpin(snapshot);
        return NULL;
    }
    Py_INCREF(self);
    made->database = self;
    made->snapshot = snapshot;
    return (PyObject *)made;
}

static PyObject *database_status(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    Database *self = (Database *)object;
    duckrow_error error;
    duckrow_code code;
    char *json;
    Py_BEGIN_ALLOW_THREADS
    code = duckrow_status_json(self->db, &json, &error);
    Py_END_ALLOW_THREADS
    if (code)
        return dr_py_raise(&error);
    PyObject *text = PyUnicode_DecodeFSDefault(json);
    duckrow_free(json);
    return text;
}

static PyObject *database_exists(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    return PyBool_FromLong(duckrow_db_exists(((Database *)object)->db));
}

static PyObject *database_staged(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    return dr_py_staged(((Database *)object)->db);
}

static PyObject *database_ingest_adds_columns(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    return dr_py_ingest_adds_columns(((Database *)object)->db);
}

static PyObject *database_open_staged(PyObject *object, PyObject *arguments)
{
    return dr_py_open_staged(((Database *)object)->db, arguments);
}

static PyObject *database_path(PyObject *object, void *ignored)
{
    (void)ignored;
    return PyUnicode_DecodeFSDefault(duckrow_db_path(((Database *)object)->db));
}

static PyObject *database_read_path(PyObject *object, void *ignored)
{
    (void)ignored;
    return PyUnicode_DecodeFSDefault(duckrow_db_read_path(((Database *)object)->db));
}

static PyMethodDef database_methods[] = {
    {"take", database_take, METH_VARARGS, "take(shared, kind, timeout_ms) -> Turn."},
    {"pin", database_pin, METH_VARARGS, "pin(timeout_ms) -> Snapshot."},
    {"status", database_status, METH_NOARGS, "status() -> str. JSON."},
    {"exists", database_exists, METH_NOARGS, "exists() -> bool."},
    {"staged", database_staged, METH_NOARGS, "staged() -> [(folder, table, [(name, inode, size, modified_ns), ...]), ...]."},
    {"ingest_adds_columns", database_ingest_adds_columns, METH_NOARGS,
     "ingest_adds_columns() -> bool. The setting ingest_add_columns."},
    {"open_staged", database_open_staged, METH_VARARGS, "open_staged(folder, file) -> OpenFile. None: it is another, or gone."},
    {0},
};
static PyGetSetDef database_attributes[] = {
    {"path", database_path, NULL, "absolute, links resolved", NULL},
    {"read_path", database_read_path, NULL, "what stock tools open read-only", NULL},
    {0},
};
static PyType_Slot database_slots[] = {
    {Py_tp_new, database_new},
    {Py_tp_dealloc, database_dealloc},
    {Py_tp_methods, database_methods},
    {Py_tp_getset, database_attributes},
    {0},
};
static PyType_Spec database_spec = {"duckrow._core.Database", sizeof(Database), 0, Py_TPFLAGS_DEFAULT, database_slots};

int dr_py_add_handles(PyObject *module)
{
    return dr_py_add_type(module, &database_spec, &database_type) < 0 || dr_py_add_type(module, &turn_spec, &turn_type) < 0 ||
                   dr_py_add_type(module, &snapshot_spec, &snapshot_type) < 0 ||
                   PyModule_AddIntConstant(module, "MUST_EXIST", DUCKROW_MUST_EXIST) < 0 ||
                   PyModule_AddIntConstant(module, "NETWORK_FS", DUCKROW_NETWORK_FS) < 0
               ? -1
               : 0;
}
