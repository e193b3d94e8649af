/* The floor: an awaitable that gives back its value, in C, with only the slots that `await` needs.
 *
 * `Floor()` awaits to `"Ended"`, without suspending. It defines how few instructions an await of
 * a hand-written class can take; benchmarks/instructions.py counts them. Nothing else uses it.
 *
 * Support for the collector is part of the floor: a class that holds any object needs it, and the
 * coroutines of chapter 03 do. `FloorWithoutGC` shows what that takes. `FloorWithSend` has the slot
 * `am_send` too, through which it returns its value without a StopIteration.
 */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyObject *value;
} Floor;

static PyObject *ended; /* the value that every Floor awaits to */

static PyObject *floor_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    Floor *self;

    if (!PyArg_UnpackTuple(args, "Floor", 0, 0)) {
        return NULL;
    }
    self = (Floor *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->value = Py_NewRef(ended);
    }
    return (PyObject *)self;
}

static int floor_traverse(Floor *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->value);
    return 0;
}

static void floor_dealloc(Floor *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->value);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Raises StopIteration(value): a tuple or an exception as a value must be wrapped. */
static PyObject *floor_next(Floor *self)
{
    PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, self->value);

    if (stop != NULL) {
        PyErr_SetObject(PyExc_StopIteration, stop);
        Py_DECREF(stop);
    }
    return NULL;
}

static void floor_dealloc_without_gc(Floor *self)
{
    PyTypeObject *type = Py_TYPE(self);

    Py_XDECREF(self->value);
    type->tp_free(self);
    Py_DECREF(type);
}

static PySendResult floor_send(Floor *self, PyObject *sent, PyObject **result)
{
    *result = Py_NewRef(self->value);
    return PYGEN_RETURN;
}

static PyType_Slot floor_slots[] = {
    {Py_tp_new, floor_new},
    {Py_tp_traverse, floor_traverse},
    {Py_tp_dealloc, floor_dealloc},
    {Py_am_await, PyObject_SelfIter},
    {Py_tp_iternext, floor_next},
    {0, NULL},
};

static PyType_Spec floor_spec = {
    .name = "floor.Floor",
    .basicsize = sizeof(Floor),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = floor_slots,
};

static PyType_Slot floor_without_gc_slots[] = {
    {Py_tp_new, floor_new},
    {Py_tp_dealloc, floor_dealloc_without_gc},
    {Py_am_await, PyObject_SelfIter},
    {Py_tp_iternext, floor_next},
    {0, NULL},
};

static PyType_Spec floor_without_gc_spec = {
    .name = "floor.FloorWithoutGC",
    .basicsize = sizeof(Floor),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = floor_without_gc_slots,
};

static PyType_Slot floor_with_send_slots[] = {
    {Py_tp_new, floor_new},
    {Py_tp_traverse, floor_traverse},
    {Py_tp_dealloc, floor_dealloc},
    {Py_am_await, PyObject_SelfIter},
    {Py_am_send, floor_send},
    {Py_tp_iternext, floor_next},
    {0, NULL},
};

static PyType_Spec floor_with_send_spec = {
    .name = "floor.FloorWithSend",
    .basicsize = sizeof(Floor),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = floor_with_send_slots,
};

static int add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    int result;

    if (type == NULL) {
        return -1;
    }
    result = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return result;
}

static int floor_exec(PyObject *module)
{
    ended = PyUnicode_InternFromString("Ended");
    if (ended == NULL || add_type(module, &floor_spec) < 0
        || add_type(module, &floor_without_gc_spec) < 0) {
        return -1;
    }
    return add_type(module, &floor_with_send_spec);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, floor_exec},
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "floor",
    .m_doc = "The floor of what an await of a hand-written class costs.",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit_floor(void)
{
    return PyModuleDef_Init(&module);
}
