"""DyNet in the worker: a graph for every call, parameters in a collection, trainers.

Source: https://dynet.readthedocs.io, and ``help(dynet)`` of 2.2
"""

from typing import Any, Callable, Dict, List, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported
from bakeoff_worker.program import Program, references, straight_line

from .learner import Training, columns_first
from .operators import UNSUPPORTED, operators
from .windows import windows

Tensor = Any
Expression = Any

# Ops of empty tensors that DyNet computes; of others it refuses the sizes, or its process ends.
_EMPTY = frozenset(
    [
        *("add", "subtract", "multiply", "divide", "maximum", "minimum", "negative", "abs"),
        *("square", "sqrt", "exp", "log", "tanh", "relu", "sigmoid", "silu", "squared_error"),
        *("zeros_like", "ones_like", "full_like", "bias_add", "reshape", "permute_dims", "sum"),
        *("take", "matmul"),
    ]
)
_INDICES = ("take", "one_hot", "sparse_softmax_cross_entropy_with_logits")
_ORIGINS = {
    "sgd": "native",
    "momentum": "native: its velocity holds the learning rate, another equation when that changes; "
    "composed for schedules other than constant",
    "nesterov": "composed: DyNet has none",
    "adagrad": "composed: AdagradTrainer has epsilon inside the root",
    "rmsprop": "composed: RMSPropTrainer has epsilon inside the root",
    "adam": "composed: AdamTrainer has epsilon outside the bias correction",
    "adamw": "composed: DyNet has none",
}
_NOTES = (
    "every call builds its graph anew, as DyNet's users do; data go into it, and values come "
    "out, number by number through lists of Python",
    "tensors lie columns first: ours, rows first, are given with reversed axes, without a copy, "
    "and the first axis becomes DyNet's batch where an op has one",
    "conv1d is conv2d with height 1; padding other than SAME is put around the image first",
    "composed: avg_pool2d (of conv2d with ones), grouped conv2d, maximum and clip with a number, "
    "and losses other than pickneglogsoftmax; autobatching is off",
    "composed optimizers work on parameters read and set through NumPy; trainers work in place",
)


class DynetAdapter(Adapter):
    """DyNet on the CPU: Eigen, in one thread."""

    name = "dynet"
    dtypes = ("int32", "int64", "float32")
    unsupported = UNSUPPORTED

    def __init__(self, threads: int = 1) -> None:
        import dynet_config

        dynet_config.set(mem=512, random_seed=1, autobatch=False)
        import dynet
        import numpy

        self.dy, self.np = dynet, numpy
        self.ops = dict(operators(dynet), **windows(dynet))

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return an array of its own: DyNet's tensors live no longer than a graph."""
        return self.np.array(array, dtype=dtype, order="C")

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return the array itself."""
        return self.np.asarray(tensor)

    def release(self) -> None:
        """Forget the last graph."""
        self.dy.renew_cg()

    def describe(self) -> Dict[str, Any]:
        """Return what is known of the wheel: DyNet reports neither version nor threads."""
        return {
            "toolkit": "DyNet",
            "version": "2.2",
            "device": "cpu",
            "threads": 1,  # its devices compute in the thread that calls
            "blas": "none: Eigen's own products",
            "precision": "float32 only",
            "layout": "channels first, columns first: (W, H, C) and a batch",
            "optimizer_origin": _ORIGINS,
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return what builds the program's graph, and runs it."""
        fn = straight_line(told_shapes(program), dict(self.ops))
        if program.kind == "training":
            return Training(self, program, fn)
        return Graph(self, program, fn)

    def expression(self, array: Tensor) -> Expression:
        """Return an input of the present graph; integers stay as they are, for indices."""
        if array.dtype != self.np.float32:
            return array
        return self.dy.inputTensor(columns_first(array))

    def array(self, values: Any, shape: Tuple[int, ...]) -> Tensor:
        """Return DyNet's values, columns first and float64, as an array of ours."""
        rows = self.np.ascontiguousarray(values.T, dtype="float32")
        return rows.reshape(shape)


def told_shapes(program: Program) -> Program:
    """Return the program with shapes among the attributes of its ops.

    Raises
    ------
    Unsupported
        If an expression would have to be of another dtype than float32, or of a size of 0 that
        DyNet does not take.
    """
    values = program.values()
    nodes = []
    for node in program.nodes:
        names = references(node)
        dtypes = [node.dtype] + [values[n].dtype for n in names if node.op not in _INDICES]
        if node.op != "astype" and any(dtype != "float32" for dtype in dtypes):
            raise Unsupported("DyNet: %s of integers; its expressions are float32" % node.op)
        of = tuple(values[n].shape for n in names)
        if refuses_empty(node.op, of, node.shape):
            raise Unsupported("DyNet: %s takes no dimension of size 0" % node.op)
        nodes.append(node._replace(attrs=dict(node.attrs, of=of, to=node.shape)))
    return program._replace(nodes=tuple(nodes))


def refuses_empty(op: str, of: Sequence[Tuple[int, ...]], to: Tuple[int, ...]) -> bool:
    """Return whether tensors are empty and DyNet fails: in the op, or to broadcast 1 to 0."""
    if not any(0 in shape for shape in [*of, to]):
        return False
    pairs = [pair for shape in of for pair in zip(reversed(shape), reversed(to))]
    return op not in _EMPTY or (1, 0) in pairs


class Graph(object):
    """Outputs of a graph, and gradients of its inputs."""

    def __init__(self, adapter: DynetAdapter, program: Program, fn: Callable[..., Any]) -> None:
        values = program.values()
        self._adapter = adapter
        self._fn = fn
        self._names = [v.name for v in program.inputs]
        self._forward = [v.name for v in program.forward_inputs]
        self._shapes = [values[n].shape for n in program.outputs]
        self._wrt = [values[n] for n in program.ask.get("wrt", ())]
        self._cotangents = list(program.ask.get("cotangents", ()))

    def __call__(self, *tensors: Tensor) -> Tuple[Tensor, ...]:
        adapter = self._adapter
        adapter.dy.renew_cg()
        inputs = {n: adapter.expression(x) for n, x in zip(self._names, tensors)}
        outputs = self._fn(*[inputs[n] for n in self._forward])
        grads: List[Tensor] = []
        if self._wrt:
            self._total(outputs, inputs).backward(full=True)
            grads = [adapter.array(inputs[v.name].gradient(), v.shape) for v in self._wrt]
        return tuple(self._value(y, s) for y, s in zip(outputs, self._shapes)) + tuple(grads)

    def _total(self, outputs: Sequence[Expression], inputs: Dict[str, Expression]) -> Expression:
        """Return the sum of the outputs' products with their cotangents."""
        dy = self._adapter.dy
        pairs = zip(outputs, self._cotangents)
        return dy.esum([dy.sum_elems(dy.cmult(y, inputs[n])) for y, n in pairs])

    def _value(self, output: Any, shape: Tuple[int, ...]) -> Tensor:
        if isinstance(output, self._adapter.dy.Expression):
            return self._adapter.array(output.npvalue(), shape)
        return output.copy()  # an input of indices, given back
