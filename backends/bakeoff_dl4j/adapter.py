"""DL4J's engine in the worker: SameDiff graphs over ND4J's arrays, called through JPype.

The layers of deeplearning4j-nn are not in the wheel; this is what lies below them.

Source: https://deeplearning4j.konduit.ai
"""

from typing import Any, Dict, List, Sequence, Tuple

from bakeoff_worker import Adapter
from bakeoff_worker.graph import StepNumbers, grow
from bakeoff_worker.program import Node, Program

from . import jvm
from .operators import UNSUPPORTED, Graph, Symbol, inner, operators
from .windows import windows

Tensor = Any

_NOTES = (
    "ND4J and SameDiff 1.0.0-beta3, the engine of DL4J; not its layers, which no wheel carries",
    "tensors are INDArrays; one is copied into the graph's variable when another was there, in "
    "training that is each batch, in the measured time",
    "integers and booleans are held as float32: ND4J has one dtype per process",
    "losses of classes are composed with log(softmax): logSoftmax's gradient is zero",
    "conv1d is conv2d with height 1, for SameDiff's has no gradient",
    "convolution on the processor is slow in this release, whatever the layout of its weights: "
    "seconds where others take milliseconds",
    "optimizers are composed in ND4J's arithmetic: its updaters' Adam has epsilon outside the "
    "bias correction, and their Nesterov, AdaGrad and RmsProp other forms",
)


def table_of(graph: Graph) -> Dict[str, Any]:
    """Return all ops, as functions that add to the graph."""
    return dict(operators(graph), **windows(graph))


class Dl4jAdapter(Adapter):
    """SameDiff on ND4J's native backend."""

    name = "dl4j"
    dtypes = ("bool", "int64", "float32")
    unsupported = UNSUPPORTED

    def __init__(self, threads: int = 1) -> None:
        import numpy

        jpype = jvm.start()
        self.np = numpy
        self.jpype = jpype
        self.nd4j = jpype.JClass("org.nd4j.linalg.factory.Nd4j")
        self.transforms = jpype.JClass("org.nd4j.linalg.ops.transforms.Transforms")
        self.backend = self.nd4j.getBackend()
        holder = jpype.JClass("org.nd4j.nativeblas.NativeOpsHolder").getInstance()
        self._native = holder.getDeviceNativeOps()
        self._native.setOmpNumThreads(threads)
        self.ops = table_of(Graph(jpype))

    def tensor(self, array: Any, dtype: str) -> "Array":
        """Return an INDArray with a copy of the values."""
        jpype, np = self.jpype, self.np
        flat = np.ascontiguousarray(array, dtype="float32").reshape(-1)
        made = self.nd4j.create(
            jpype.JArray(jpype.JFloat)(flat),
            jpype.JArray(jpype.JInt)([int(n) for n in inner(array.shape)]),
            jpype.JChar("c"),
        )
        return Array(self, made, array.shape, dtype)

    def to_numpy(self, tensor: "Array") -> Any:
        """Return a copy of the values."""
        held = tensor.array.dup(self.jpype.JChar("c")).data().asFloat()
        values = self.np.array(held, dtype="float32").reshape(tensor.shape)
        return values.astype(tensor.dtype)

    def describe(self) -> Dict[str, Any]:
        """Return versions, backend and threads as ND4J and Java report them."""
        system = self.jpype.JClass("java.lang.System")
        return {
            "toolkit": "ND4J/SameDiff",
            "version": "1.0.0-beta3",
            "java": str(system.getProperty("java.version")),
            "device": str(self.backend.getClass().getSimpleName()),
            "threads": int(self._native.ompGetMaxThreads()),
            "precision": str(self.nd4j.dataType()),
            "layout": "channels first (N, C, *spatial)",
            "blas": "MKL or OpenBLAS, through JavaCPP",
            "compiled": False,
            "optimizer_origin": dict.fromkeys(self.optimizers, "composed"),
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the program as a SameDiff graph."""
        return Training(self, program) if program.kind == "training" else Function(self, program)


class Array(object):
    """An INDArray with the program's shape and dtype; ``+ - * /`` are ND4J's."""

    def __init__(self, adapter: Dl4jAdapter, array: Any, shape: Sequence[int], dtype: str) -> None:
        self._adapter = adapter
        self.array = array
        self.shape = tuple(shape)
        self.dtype = dtype

    def _like(self, array: Any) -> "Array":
        return Array(self._adapter, array, self.shape, self.dtype)

    def __add__(self, other: Any) -> "Array":
        return self._like(self.array.add(_operand(other)))

    def __sub__(self, other: Any) -> "Array":
        return self._like(self.array.sub(_operand(other)))

    def __mul__(self, other: Any) -> "Array":
        return self._like(self.array.mul(_operand(other)))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Array":
        return self._like(self.array.div(_operand(other)))

    def sqrt(self) -> "Array":
        """Return square roots."""
        return self._like(self._adapter.transforms.sqrt(self.array, True))


def _operand(value: Any) -> Any:
    return value.array if isinstance(value, Array) else float(value)


class Samediff(object):
    """A program's graph, its variables filled from tensors.

    Attributes
    ----------
    graph
        The graph, and Java's types.
    """

    def __init__(self, adapter: Dl4jAdapter, program: Program) -> None:
        self._adapter = adapter
        graph = self.graph = Graph(adapter.jpype)
        table = table_of(graph)
        inputs = {v.name: Symbol(graph.variable(v.shape), v.shape) for v in program.inputs}

        def apply(node: Node, args: Tuple[Any, ...]) -> Symbol:
            result: Symbol = table[node.op](*args, **node.attrs)
            return result

        self.symbols = grow(program, inputs, apply)
        self._inputs = [inputs[v.name].variable for v in program.inputs]
        self._held: List[Any] = [None] * len(self._inputs)

    def fill(self, tensors: Sequence[Array]) -> None:
        """Copy the tensors that are not there yet into the variables."""
        for i, (variable, tensor) in enumerate(zip(self._inputs, tensors)):
            if self._held[i] is not tensor:
                variable.getArr().assign(tensor.array)
                self._held[i] = tensor

    def gradient(self, variable: Any, value: Symbol) -> Array:
        """Return a copy of the gradient in a variable; zero where the root does not reach."""
        found = self.graph.sd.grad(variable.getVarName())
        shape, graph = inner(value.shape), self.graph
        if found is None or found.getArr() is None:
            array = variable.getArr().mul(0.0)
        else:
            array = found.getArr().dup().reshape(graph.ints(shape))
        return Array(self._adapter, array, value.shape, "float32")


class Function(object):
    """A forward or gradient program; results are copies."""

    def __init__(self, adapter: Dl4jAdapter, program: Program) -> None:
        self._adapter = adapter
        self._samediff = Samediff(adapter, program)
        symbols, sd = self._samediff.symbols, self._samediff.graph.sd
        values = program.values()
        inputs = {v.name for v in program.inputs}
        # An input is no result: an operation makes it one.
        self._outputs = [
            (symbols[n].variable.add(0.0) if n in inputs else symbols[n].variable, values[n])
            for n in program.outputs
        ]
        self._wrt = [symbols[n] for n in program.ask.get("wrt", [])]
        if self._wrt:  # the last operation is the root: cotangents' products with the outputs
            products = [
                self._summed(sd, y.mul(symbols[n].variable), v.shape)
                for (y, v), n in zip(self._outputs, program.ask["cotangents"])
            ]
            root = products[0]
            for product in products[1:]:
                root = root.add(product)

    def _summed(self, sd: Any, product: Any, shape: Sequence[int]) -> Any:
        axes = self._samediff.graph.ints(range(len(inner(shape))))
        return sd.sum(product, axes)

    def __call__(self, *tensors: Array) -> Tuple[Array, ...]:
        samediff, sd = self._samediff, self._samediff.graph.sd
        samediff.fill(tensors)
        sd.execAndEndResult()
        results = tuple(
            Array(self._adapter, y.getArr().dup(), v.shape, v.dtype) for y, v in self._outputs
        )
        if not self._wrt:
            return results
        sd.execBackwards()
        return results + tuple(samediff.gradient(s.variable, s) for s in self._wrt)


class Training(object):
    """A graph that gives loss and gradients, and updates in ND4J's arithmetic."""

    def __init__(self, adapter: Dl4jAdapter, program: Program) -> None:
        self.samediff = Samediff(adapter, program)
        names = [v.name for v in program.inputs]
        self._adapter = adapter
        self._numbers = StepNumbers(program)
        self._symbols = [self.samediff.symbols[n] for n in program.ask["params"]]
        self._positions = [names.index(n) for n in program.ask["params"]]
        self._data = [names.index(v.name) for v in program.data_inputs]
        self._arguments: List[Any] = [None] * len(names)
        (loss,) = program.outputs
        self._loss = self.samediff.symbols[loss].variable
        self._params: List[Array] = []
        self._slots: List[Tuple[Array, ...]] = []
        self._t = 0

    def load(self, params: Sequence[Array]) -> None:
        """Set the parameters (copied) and zero the slots."""
        count = len(self._numbers.definition.slots)
        self._params = [p * 1.0 for p in params]
        self._slots = [tuple(p * 0.0 for _ in range(count)) for p in params]
        self._t = 0

    def params(self) -> Tuple[Array, ...]:
        """Return copies of the present parameters."""
        self._check()
        return tuple(p * 1.0 for p in self._params)

    def __call__(self, *data: Array) -> Tuple[Array, ...]:
        self._check()
        for position, tensor in zip(self._data + self._positions, [*data, *self._params]):
            self._arguments[position] = tensor
        samediff, sd = self.samediff, self.samediff.graph.sd
        samediff.fill(self._arguments)
        sd.execAndEndResult()
        loss = Array(self._adapter, self._loss.getArr().dup(), (), "float32")
        sd.execBackwards()
        self._t += 1
        k: Dict[str, Any] = dict(self._numbers.fixed)
        k.update(zip(self._numbers.changing, self._numbers.at(self._t)))
        update = self._numbers.definition.update
        for i, (p, slots) in enumerate(zip(self._params, self._slots)):
            g = samediff.gradient(self._symbols[i].variable, self._symbols[i])
            self._params[i], self._slots[i] = update(p, g, slots, k, Array.sqrt)
        return (loss,)

    def _check(self) -> None:
        if not self._params:
            raise ValueError("training: no parameters; call load(params) first")
