/* The floor: an awaitable that gives back its value, in C, with only the slots that `await` needs.
 *
 * `Floor()` awaits to `"Ended"`, without suspending. It defines how few instructions an await of
 * a hand-written class can take; benchmarks/instructions.py counts them. Nothing else uses it.
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

static int floor_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &floor_spec, NULL);

    ended = PyUnicode_InternFromString("Ended");
    if (type == NULL || ended == NULL) {
        return -1;
    }
    return PyModule_AddObject(module, "Floor", type);
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
