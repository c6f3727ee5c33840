"""A toolkit in one page, for tests: NumPy with a small tape, and faults on request.

Use it as a backend with ``adapter="<this file>:FakeAdapter"`` and ``requirements=()``::

    Backend("fake", "Fake", "fake", adapter=f"{fake_adapter.__file__}:FakeAdapter",
            mode={"scale": 1.001})

It runs on Python 3.6 and later. Ops: ``add subtract multiply divide negative matmul
bias_add relu tanh exp sqrt square sum mean zeros ones zeros_like reshape squared_error
sparse_softmax_cross_entropy_with_logits``; dtypes float32, float64, int64 (labels);
all asks; every optimizer, composed.

Modes
-----
scale
    Multiply every first output of a program: 1.001 makes a mismatch.
sleep_s
    Sleep so long in every call: a slower toolkit.
device_peak_bytes
    What the toolkit says that its device took at the most; nothing by default.
lacks
    Op names taken out of ``ops`` (with a reason in ``unsupported``).
fault, at
    One of `FAULTS`, planted at ``"import"``, ``"compile"`` or (default) ``"call"``.
after
    The fault waits until this many calls were made.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np

from bakeoff_worker import Adapter, Unsupported


class Tensor(object):
    """An array with the tensors it came from and, for each, its vjp."""

    def __init__(self, array, parents=()):
        self.array = np.asarray(array)
        self.parents = parents  # pairs (tensor, cotangent -> cotangent)

    def __add__(self, other):
        return add(self, other)

    def __radd__(self, other):
        return add(other, self)

    def __sub__(self, other):
        return subtract(self, other)

    def __rsub__(self, other):
        return subtract(other, self)

    def __mul__(self, other):
        return multiply(self, other)

    def __rmul__(self, other):
        return multiply(other, self)

    def __truediv__(self, other):
        return divide(self, other)

    def __rtruediv__(self, other):
        return divide(other, self)


def value(x):
    return x.array if isinstance(x, Tensor) else x


def unbroadcast(g, shape):
    extra = g.ndim - len(shape)
    axes = [i for i in range(g.ndim) if i < extra or (shape[i - extra] == 1 and g.shape[i] != 1)]
    return g.sum(axis=tuple(axes), keepdims=True).reshape(shape)


def node(array, *parents):
    dtype = next(p.array.dtype for p, _ in parents if isinstance(p, Tensor))
    kept = [(p, vjp) for p, vjp in parents if isinstance(p, Tensor)]
    return Tensor(np.asarray(array, dtype=dtype), kept)


def binary(forward, vjp_a, vjp_b):
    def op(a, b):
        x, y = value(a), value(b)
        return node(
            forward(x, y),
            (a, lambda g: unbroadcast(vjp_a(g, x, y), x.shape)),
            (b, lambda g: unbroadcast(vjp_b(g, x, y), y.shape)),
        )

    return op


def unary(forward, vjp):
    def op(a):
        x = value(a)
        y = forward(x)
        return node(y, (a, lambda g: vjp(g, x, y)))

    return op


add = binary(lambda x, y: x + y, lambda g, x, y: g, lambda g, x, y: g)
subtract = binary(lambda x, y: x - y, lambda g, x, y: g, lambda g, x, y: -g)
multiply = binary(lambda x, y: x * y, lambda g, x, y: g * y, lambda g, x, y: g * x)
divide = binary(lambda x, y: x / y, lambda g, x, y: g / y, lambda g, x, y: -g * x / (y * y))
squared_error = binary(
    lambda x, y: (x - y) ** 2, lambda g, x, y: 2 * g * (x - y), lambda g, x, y: 2 * g * (y - x)
)
negative = unary(lambda x: -x, lambda g, x, y: -g)
relu = unary(lambda x: np.maximum(x, 0), lambda g, x, y: g * (x > 0))
tanh = unary(np.tanh, lambda g, x, y: g * (1 - y * y))
exp = unary(np.exp, lambda g, x, y: g * y)
sqrt = unary(np.sqrt, lambda g, x, y: g / (2 * y))
square = unary(lambda x: x * x, lambda g, x, y: 2 * g * x)


def matmul(a, b):
    x, y = a.array, b.array  # (n, k), (k, m)
    return node(x @ y, (a, lambda g: g @ y.T), (b, lambda g: x.T @ g))


def bias_add(x, bias):
    return add(x, bias)  # (n, c) + (c,)


def reduction(scale):
    def op(a, axis, keepdims):
        x = a.array
        count = int(np.prod([x.shape[i] for i in axis]))
        kept = [1 if i in axis else n for i, n in enumerate(x.shape)]
        factor = 1.0 / count if scale else 1.0

        def vjp(g):
            return np.broadcast_to(g.reshape(kept), x.shape) * x.dtype.type(factor)

        return node(x.sum(axis=tuple(axis), keepdims=keepdims) * factor, (a, vjp))

    return op


def reshape(a, shape):
    return node(a.array.reshape(shape), (a, lambda g: g.reshape(a.array.shape)))


def zeros_like(a):
    return Tensor(np.zeros_like(a.array))


def sparse_softmax_cross_entropy_with_logits(logits, labels):
    x, rows = logits.array, np.arange(len(labels.array))  # (n, c), (n,)
    shifted = x - x.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    probability = np.exp(shifted - log_sum[:, None])

    def vjp(g):
        d = probability.copy()
        d[rows, labels.array] -= 1
        return d * g[:, None]

    return node(log_sum - shifted[rows, labels.array], (logits, vjp))


def backward(outputs, cotangents, wrt):
    """Return the cotangents of ``wrt``: one pass over the tape, last node first."""
    order, seen = [], set()

    def visit(t):
        if id(t) not in seen:
            seen.add(id(t))
            for parent, _ in t.parents:
                visit(parent)
            order.append(t)

    table = {}
    for output, g in zip(outputs, cotangents):
        visit(output)
        table[id(output)] = table.get(id(output), 0) + g
    for t in reversed(order):
        for parent, vjp in t.parents:
            if id(t) in table:
                table[id(parent)] = table.get(id(parent), 0) + vjp(table[id(t)])
    return tuple(Tensor(table.get(id(t), np.zeros_like(t.array))) for t in wrt)


class FakeAdapter(Adapter):
    """NumPy and a tape, behind the adapter's interface."""

    name = "fake"
    dtypes = ("float32", "float64", "int64")

    def __init__(
        self, threads=1, scale=1.0, sleep_s=0.0, lacks=(), fault=None, at="call", after=0,
        device_peak_bytes=None,
    ):  # fmt: skip
        self.device_peak_bytes = device_peak_bytes
        self.threads, self.scale, self.sleep_s = threads, scale, sleep_s
        self.fault, self.at, self.after, self.calls = fault, at, after, 0
        self.ops = {name: op for name, op in OPS.items() if name not in lacks}
        self.unsupported = {name: "the fake lacks %s on purpose" % name for name in lacks}
        self.plant("import")

    def tensor(self, array, dtype):
        return Tensor(np.array(array, dtype=dtype))

    def to_numpy(self, tensor):
        return tensor.array

    def value_and_grad(self, fn, wrt):
        def g(args, cotangents):
            leaves = [Tensor(a.array) for a in args]
            outputs = fn(*leaves)
            if cotangents is None:
                seeds = [np.ones_like(outputs[0].array)]
            else:
                seeds = [c.array for c in cotangents]
            grads = backward(outputs, seeds, [leaves[i] for i in wrt])
            return tuple(Tensor(o.array) for o in outputs), grads

        return g

    def compile(self, program):
        self.plant("compile")
        executable = super(FakeAdapter, self).compile(program)
        return Planted(self, executable)

    def memory(self):
        known = self.device_peak_bytes is not None
        return {"device_peak_bytes": self.device_peak_bytes} if known else {}

    def describe(self):
        return {
            "toolkit": "fake",
            "version": np.__version__,
            "device": "cpu",
            "threads": self.threads,
            "notes": ["numpy scalar: becomes a number", np.float64(1.5)],
        }

    def plant(self, where):
        if self.fault is not None and where == self.at and self.calls >= self.after:
            FAULTS[self.fault]()


class Planted(object):
    """An executable that counts its calls, sleeps, scales, and fails when asked to."""

    def __init__(self, adapter, executable):
        self.adapter, self.executable = adapter, executable

    def __call__(self, *tensors):
        adapter = self.adapter
        adapter.plant("call")
        adapter.calls += 1
        if adapter.sleep_s:
            time.sleep(adapter.sleep_s)
        results = tuple(self.executable(*tensors))
        if adapter.scale != 1.0:
            results = (results[0] * adapter.scale, *results[1:])
        return results

    def load(self, params):
        self.executable.load(params)

    def params(self):
        return self.executable.params()


OPS = {
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "negative": negative,
    "matmul": matmul,
    "bias_add": bias_add,
    "relu": relu,
    "tanh": tanh,
    "exp": exp,
    "sqrt": sqrt,
    "square": square,
    "sum": reduction(scale=False),
    "mean": reduction(scale=True),
    "reshape": reshape,
    "zeros": lambda shape, dtype: Tensor(np.zeros(shape, dtype)),
    "ones": lambda shape, dtype: Tensor(np.ones(shape, dtype)),
    "zeros_like": zeros_like,
    "squared_error": squared_error,
    "sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy_with_logits,
}


def fail():
    raise RuntimeError("the fake fails on purpose \x1b[31mred\x1b[0m")


def refuse():
    raise Unsupported("the fake refuses this program")


def segfault():
    ctypes.string_at(0)


def bad_alloc():
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def hang_in_python():
    while True:
        time.sleep(0.01)


def hang_holding_the_gil():
    ctypes.PyDLL(None).sleep(600)  # PyDLL: the GIL is not released around the call


def memory_error():
    np.ones(1 << 60, dtype="uint8")


def toolkit_out_of_memory():
    raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 123 bytes")


def garbage():
    """Print what could be mistaken for replies, on every standard descriptor."""
    print('{"id": 1, "ok": true}')
    sys.stderr.write("\x00\x1b[2J\xff garbage \u202e\n")
    os.write(1, b'{"id": 2, "ok": true}\n\xff\xfe\x00')
    sys.stdout.flush()


def flood():
    line = b"flood " * 2000 + b"\n"
    for _ in range(4000):  # 48 MB
        os.write(2, line)


def break_protocol():
    """Write into every open pipe: the worst that a toolkit could do."""
    for fd in range(3, 1024):  # a session of many tests has its pipes at high numbers
        try:
            os.write(fd, b"not JSON\n")
        except OSError:
            pass


def grandchild():
    """Leave a process behind in the group."""
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


def daemon():
    """Leave a process behind that has left the group and the session."""
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)


def spin():
    """Leave a thread behind that waits for work by trying."""

    def wait():
        while True:
            pass

    threading.Thread(target=wait, daemon=True).start()


FAULTS = {
    "raise": fail,
    "refuse": refuse,
    "abort": os.abort,
    "segfault": segfault,
    "bad_alloc": bad_alloc,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(0),
    "sys_exit": lambda: sys.exit(0),
    "hang": hang_in_python,
    "hang_gil": hang_holding_the_gil,
    "memory_error": memory_error,
    "toolkit_memory": toolkit_out_of_memory,
    "garbage": garbage,
    "flood": flood,
    "break_protocol": break_protocol,
    "grandchild": grandchild,
    "daemon": daemon,
    "spin": spin,
}
