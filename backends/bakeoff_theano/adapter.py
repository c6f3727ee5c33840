"""Theano in the worker: each program one ``theano.function``, training with ``updates=``.

Source: https://github.com/Theano/Theano, documentation of 1.0
"""

import ctypes
import glob
import os
import sys
from collections import OrderedDict
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported
from bakeoff_worker.graph import StepNumbers, grow
from bakeoff_worker.program import Node, Program, Value

from .operators import operators

Tensor = Any
Symbol = Any

SHARED_NOTES = (
    "compiled functions are kept in the environment's folder and found again by the next "
    "process: compile time is that of a first process only the first time",
    "scalar operands are constants of the other operand's dtype: under floatX=float32 a bare "
    "Python number would be rounded to float32",
    "data and results are NumPy arrays, which a compiled function reads where they lie; "
    "parameters and optimizer state are shared variables",
)
_NOTES = (
    *SHARED_NOTES,
    "conv1d is conv2d with height 1, and its transpose likewise: Theano has none of its own",
)


class TheanoAdapter(Adapter):
    """Theano on the CPU, its C++ linked with the OpenBLAS that SciPy carries."""

    name = "theano"
    toolkit = "Theano"
    notes: Tuple[str, ...] = _NOTES
    _pattern_name = "broadcastable"  # the keyword of what a type holds of a shape
    dtypes = ("bool", "int32", "int64", "float32", "float64")

    def __init__(self, threads: int = 1) -> None:
        self._load_blas(threads)
        set_flags("theano", {"device": "cpu", "blas.ldflags": link_flags(self._blas)})
        import theano
        import theano.tensor.nnet.abstract_conv
        import theano.tensor.signal.pool

        self._take(theano, operators(theano))

    def _load_blas(self, threads: int) -> None:
        """Load SciPy's OpenBLAS: before what is linked with it."""
        os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
        self._blas = _bundled_openblas(self.toolkit)
        self._openblas = ctypes.CDLL(self._blas)
        self._openblas.openblas_set_num_threads(threads)

    def _take(self, theano: Any, ops: Mapping[str, Any]) -> None:
        """Keep the toolkit's module, or one of its heirs', and its ops."""
        if not theano.config.cxx:
            raise Unsupported(
                "%s: no C++ compiler found, and its Python fallback is not what it is "
                "known for; install one, for example with `apt install g++`" % self.toolkit
            )
        import numpy

        self.np = numpy
        self.theano = theano
        self.ops = ops

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return an array of its own: Theano's tensors on the CPU are NumPy's."""
        return self.np.array(array, dtype=dtype, order="C")

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return the array itself."""
        return self.np.asarray(tensor)

    def describe(self) -> Dict[str, Any]:
        """Return version, threads, BLAS and compiler as Theano and OpenBLAS report them."""
        config = self.theano.config
        described = {
            "toolkit": self.toolkit,
            "version": self.theano.__version__,
            "device": "cpu",  # Theano's flag above, and all that PyTensor has
            "precision": "floatX=%s; no fast math" % config.floatX,
            "layout": "channels first (N, C, *spatial)",
            "compiler": config.cxx,
            "mode": "%s, linker %s" % (config.mode, config.linker),
            "compiled": True,
            "optimizer_origin": dict.fromkeys(
                self.optimizers,
                "composed: %s has no optimizers, users write the updates" % self.toolkit,
            ),
            "notes": list(self.notes),
        }
        described.update(self._blas_in_use())
        return described

    def _blas_in_use(self) -> Dict[str, Any]:
        core = self._openblas.openblas_get_corename
        core.restype = ctypes.c_char_p
        return {
            "threads": self._openblas.openblas_get_num_threads(),
            "blas": "OpenBLAS bundled with SciPy (%s), %s"
            % (os.path.basename(self._blas), core().decode()),
        }

    def compile(self, program: Program) -> Any:
        """Return the program as a compiled function; g++ runs for what is new to the cache."""
        if program.kind == "training":
            return Training(self, program)
        inputs = {v.name: self.variable(v) for v in program.inputs}
        symbols = self.grown(program, inputs)
        outputs = [symbols[name] for name in program.outputs]
        if program.kind == "gradient":
            wrt = [inputs[n] for n in program.ask["wrt"]]
            outputs += self._gradients(program, symbols, wrt)
        function = self.theano.function(
            [inputs[v.name] for v in program.inputs], outputs, on_unused_input="ignore"
        )
        return lambda *tensors: tuple(function(*tensors))

    def variable(self, value: Value) -> Symbol:
        """Return an input of a function."""
        kind = self.theano.tensor.TensorType(value.dtype, self._pattern(value.shape))
        variable = kind(value.name)
        variable.tag.shape = value.shape
        return variable

    def shared(self, value: Value) -> Symbol:
        """Return a variable that keeps its value from call to call, zeros at first."""
        zeros = self.np.zeros(value.shape, value.dtype)
        shared = self.theano.shared(
            zeros, value.name, **{self._pattern_name: self._pattern(value.shape)}
        )
        shared.tag.shape = value.shape
        return shared

    def grown(self, program: Program, inputs: Mapping[str, Symbol]) -> Dict[str, Symbol]:
        """Return the symbols of all values, of the dtypes and shapes that the program says."""
        types = program.values()

        def apply(node: Node, args: Tuple[Any, ...]) -> Symbol:
            names = [a for a in node.args if isinstance(a, str)]
            dtype = types[names[-1]].dtype if names else node.dtype
            # A scalar operand becomes a constant of its neighbour's dtype.
            args = tuple(self._constant(a, dtype) if _scalar(a) else a for a in args)
            return self._settled(self.ops[node.op](*args, **node.attrs), node)

        return grow(program, inputs, apply)

    def _constant(self, value: Any, dtype: str) -> Symbol:
        return self.theano.tensor.constant(value, dtype=dtype)

    def _settled(self, symbol: Symbol, node: Node) -> Symbol:
        """Give a result the dtype and shape that the program says, as far as types hold them."""
        if symbol.dtype != node.dtype:
            symbol = self.theano.tensor.cast(symbol, node.dtype)
        symbol = self._patterned(symbol, self._pattern(node.shape))
        symbol.tag.shape = node.shape
        return symbol

    def _pattern(self, shape: Sequence[int]) -> Tuple[Any, ...]:
        """Return what a type holds of a shape: in Theano, which dimensions are of size 1."""
        return tuple(size == 1 for size in shape)

    def _patterned(self, symbol: Symbol, pattern: Tuple[Any, ...]) -> Symbol:
        if tuple(symbol.broadcastable) == pattern:
            return symbol
        return self.theano.tensor.patternbroadcast(symbol, pattern)

    def _gradients(
        self, program: Program, symbols: Mapping[str, Symbol], wrt: Sequence[Symbol]
    ) -> List[Symbol]:
        known: Any = OrderedDict()  # Theano takes no other
        for name, cotangent in zip(program.outputs, program.ask["cotangents"]):
            y, g = symbols[name], symbols[cotangent]
            known[y] = known[y] + g if y in known else g
        found = self.theano.grad(
            None, list(wrt), known_grads=known, disconnected_inputs="ignore",
            return_disconnected="zero",
        )  # fmt: skip
        return [self.theano.tensor.cast(g, x.dtype) for g, x in zip(found, wrt)]


class Training(object):
    """A ``function`` of a batch whose updates step the shared parameters."""

    def __init__(self, adapter: TheanoAdapter, program: Program) -> None:
        theano, np = adapter.theano, adapter.np
        types = {v.name: v for v in program.inputs}
        self._np = np
        self._numbers = StepNumbers(program)
        self._params: List[Any] = []
        self._slots: List[Any] = []
        inputs = {v.name: adapter.variable(v) for v in program.data_inputs}
        for name in program.ask["params"]:
            shared = adapter.shared(types[name])
            self._params.append(shared)
            inputs[name] = shared
        (loss,) = [adapter.grown(program, inputs)[n] for n in program.outputs]
        numbers = [theano.tensor.scalar(k, dtype="float64") for k in self._numbers.changing]
        updates = self._updates(adapter, types, program, loss, numbers)
        batch = [inputs[v.name] for v in program.data_inputs]
        self.function = theano.function(batch + numbers, loss, updates=updates)
        self._t = 0
        self._loaded = False

    def _updates(
        self, adapter: TheanoAdapter, types: Mapping[str, Value], program: Program, loss: Symbol,
        numbers: Sequence[Symbol],
    ) -> List[Tuple[Any, Symbol]]:  # fmt: skip
        theano, definition = adapter.theano, self._numbers.definition
        T = theano.tensor
        grads = theano.grad(
            loss, self._params, disconnected_inputs="ignore", return_disconnected="zero"
        )
        updates: List[Tuple[Any, Symbol]] = []
        for name, p, g in zip(program.ask["params"], self._params, grads):
            slots = tuple(adapter.shared(types[name]) for _ in definition.slots)
            k = {n: T.constant(v, dtype=p.dtype) for n, v in self._numbers.fixed.items()}
            k.update((s.name, T.cast(s, p.dtype)) for s in numbers)
            new, new_slots = definition.update(p, g, slots, k, T.sqrt)
            updates.append((p, new))
            updates.extend(zip(slots, new_slots))
            self._slots.extend(slots)
        return updates

    def load(self, params: Sequence[Tensor]) -> None:
        """Set the shared parameters (copied) and zero the optimizer's."""
        for shared, value in zip(self._params, params):
            shared.set_value(value)
        for slot in self._slots:
            zeros = self._np.zeros(slot.get_value(borrow=True).shape, slot.dtype)
            slot.set_value(zeros)
        self._t = 0
        self._loaded = True

    def params(self) -> Tuple[Tensor, ...]:
        """Return copies of the present parameters."""
        self._check()
        return tuple(shared.get_value() for shared in self._params)

    def __call__(self, *data: Tensor) -> Tuple[Tensor, ...]:
        self._check()
        self._t += 1
        return (self.function(*(data + tuple(self._numbers.at(self._t)))),)

    def _check(self) -> None:
        if not self._loaded:
            raise ValueError("training: no parameters; call load(params) first")


def _scalar(arg: Any) -> bool:
    return isinstance(arg, (bool, int, float))


def set_flags(package: str, flags: Mapping[str, str]) -> None:
    """Set the environment variable that a toolkit of this family reads when it is imported."""
    folder = os.path.join(sys.prefix, "%s-compiledir" % package)
    given = dict({"floatX": "float32", "openmp": "False", "base_compiledir": folder}, **flags)
    joined = ",".join("%s=%s" % flag for flag in sorted(given.items()))
    os.environ["%s_FLAGS" % package.upper()] = joined


def _bundled_openblas(toolkit: str) -> str:
    """Return the path of the OpenBLAS that SciPy's wheel carries."""
    import scipy
    import scipy.linalg  # loads it, and what it needs itself

    folder = os.path.join(os.path.dirname(os.path.dirname(scipy.__file__)), "scipy.libs")
    found: List[str] = sorted(glob.glob(os.path.join(folder, "libopenblas*.so")))
    if not found:
        raise Unsupported(
            "%s: no libopenblas*.so in %s, expected SciPy's wheel to carry one; "
            "make the environment anew" % (toolkit, folder)
        )
    return found[0]


def link_flags(library: str) -> str:
    """Return what the linker needs; the loader needs nothing, the library being loaded already."""
    folder, name = os.path.split(library)
    return "-L%s -l:%s" % (folder, name)
