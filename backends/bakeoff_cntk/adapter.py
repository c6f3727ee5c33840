"""CNTK in the worker: functions of inputs, and a Trainer with its learners.

Source: https://learn.microsoft.com/python/api/cntk
"""

import importlib.util
import os
import sys
import warnings
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported
from bakeoff_worker.graph import StepNumbers, grow
from bakeoff_worker.program import Node, Program, Value

from . import mpi
from .operators import UNSUPPORTED, MeanOverBatch, Symbol, operators
from .windows import windows

Tensor = Any

_NOTES = (
    "inputs are NDArrayViews; results come as NumPy arrays, copied in the measured time: a "
    "Value that CNTK returns is no longer valid after the next call",
    "integers and booleans are held as floats: CNTK computes on nothing else",
    "forward and gradient programs run without a batch axis, except inside convolution and "
    "pooling; training runs with it, in a Trainer, whose mean over the batch is the program's",
    "of several outputs the gradient is that of the sum of their products with the cotangents: "
    "CNTK propagates back from one root",
    "only SGD is CNTK's own learner: its momentum has the rate inside the velocity, its Adam "
    "epsilon outside the bias correction; the others are update functions of its universal learner",
)


class CntkAdapter(Adapter):
    """CNTK 2.7 on the CPU."""

    name = "cntk"
    dtypes = ("bool", "int64", "float32", "float64")
    unsupported = UNSUPPORTED

    def __init__(self, threads: int = 1) -> None:
        package = importlib.util.find_spec("cntk")
        if package is None or package.origin is None:
            raise Unsupported("CNTK: the package cntk is not installed in %s" % sys.prefix)
        site = os.path.dirname(os.path.dirname(package.origin))
        self._mpi = mpi.load(site, os.path.join(sys.prefix, "mpi-stand-ins"))
        import numpy

        with warnings.catch_warnings():  # about distributions and graphics cards it does not know
            warnings.simplefilter("ignore")
            import cntk
        cntk.cntk_py.set_max_num_cputhreads(threads)
        cntk.device.try_set_default_device(cntk.device.cpu())
        self.np = numpy
        self.cntk = cntk
        self.ops = dict(operators(cntk), **windows(cntk))

    def kind(self, dtype: str) -> Any:
        """Return the NumPy type in which CNTK holds a dtype."""
        return self.np.float64 if dtype == "float64" else self.np.float32

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a view object with memory of its own."""
        return Held(self, array, dtype)

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return the values; a result is a NumPy array already."""
        return tensor.numpy() if isinstance(tensor, Held) else tensor

    def view(self, array: Any, kind: Any) -> Any:
        """Return an NDArrayView with a copy of the values."""
        held = self.np.ascontiguousarray(array, dtype=kind).reshape(array.shape)
        return self.cntk.NDArrayView.from_dense(held)

    def describe(self) -> Dict[str, Any]:
        """Return version, device and threads as CNTK reports them."""
        origin = dict.fromkeys(self.optimizers, "composed")
        origin["sgd"] = "native"
        return {
            "toolkit": "CNTK",
            "version": self.cntk.__version__,
            "device": str(self.cntk.device.use_default_device()),
            "threads": self.cntk.cntk_py.get_max_num_cputhreads(),
            "precision": "full",
            "layout": "channels first (N, C, *spatial)",
            "blas": "MKL (mkl_cntk_p)",
            "mpi": self._mpi,
            "compiled": False,
            "optimizer_origin": origin,
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the program as one CNTK function."""
        if program.kind == "training":
            return Training(self, program)
        return Function(self, program)

    def grown(self, program: Program, inputs: Mapping[str, Symbol]) -> Dict[str, Symbol]:
        """Return the symbols of all values."""

        def apply(node: Node, args: Tuple[Any, ...]) -> Symbol:
            flat = [x for a in args for x in (a if isinstance(a, list) else [a])]
            if any(isinstance(a, MeanOverBatch) for a in flat):
                raise Unsupported("CNTK's mean over the batch is the last thing a loss does")
            result: Symbol = self.ops[node.op](*args, **node.attrs)
            return result

        return grow(program, inputs, apply)

    def input(
        self, program: Program, value: Value, gradient: bool = False, batched: bool = False
    ) -> Symbol:
        """Return an input variable, with CNTK's batch axis or without any."""
        options: Dict[str, Any] = {} if batched else {"dynamic_axes": []}
        variable = self.cntk.input_variable(
            tuple(value.shape[1:] if batched else value.shape),
            dtype=self.held(program, value), needs_gradient=gradient, name=value.name, **options
        )  # fmt: skip
        return Symbol(variable, value.shape, value.dtype, batched)

    def held(self, program: Program, value: Value) -> Any:
        """Return the type in which a program's input is held: a function has one for all."""
        if value.dtype.startswith("float"):
            return self.kind(value.dtype)
        return self.kind("float64" if any(v.dtype == "float64" for v in program.inputs) else "")


class Held(object):
    """A tensor: NDArrayViews of its values, one per type in which a program wants them."""

    def __init__(self, adapter: CntkAdapter, array: Any, dtype: str) -> None:
        self._adapter = adapter
        self._shape = tuple(array.shape)
        self._dtype = dtype
        first = adapter.kind(dtype)
        self._views = {first: adapter.view(array, first)}

    def view(self, kind: Any) -> Any:
        """Return the values in a type; made at the first call that asks for it."""
        if kind not in self._views:
            self._views[kind] = self._adapter.view(self.numpy(), kind)
        return self._views[kind]

    def numpy(self) -> Any:
        """Return a copy of the values."""
        view = next(iter(self._views.values()))
        return view.asarray().reshape(self._shape).astype(self._dtype)


class Function(object):
    """A forward or gradient program; results are NumPy arrays."""

    def __init__(self, adapter: CntkAdapter, program: Program) -> None:
        C, ask = adapter.cntk, program.ask
        self._np = adapter.np
        wrt = ask.get("wrt", [])
        inputs = {v.name: adapter.input(program, v, v.name in wrt) for v in program.inputs}
        symbols = adapter.grown(program, inputs)
        self._inputs = [inputs[v.name].variable for v in program.inputs]
        self._kinds = [adapter.held(program, v) for v in program.inputs]
        self._outputs = [symbols[name] for name in program.outputs]
        # An output may be an input, or the same twice: each is a function of its own.
        roots = [C.alias(s.variable) for s in self._outputs]
        self._wrt = [inputs[n] for n in wrt]
        self._variables = [r.output for r in roots]
        self._cotangent = None
        if program.kind == "gradient":
            gs = [inputs[n].variable for n in ask["cotangents"]]
            if len(roots) == 1:
                self._root, self._cotangent = self._variables[0], self._inputs.index(gs[0])
            else:
                parts = [C.reduce_sum(C.element_times(r, g)) for r, g in zip(roots, gs)]
                total = parts[0]
                for part in parts[1:]:
                    total = C.plus(total, part)
                self._root = total.output
                roots.append(total)
        self._function = C.combine(roots) if len(roots) > 1 else roots[0]
        self._reached = set(self._function.arguments)

    def __call__(self, *tensors: Held) -> Tuple[Any, ...]:
        views = [t.view(kind) for t, kind in zip(tensors, self._kinds)]
        given = {v: x for v, x in zip(self._inputs, views) if v in self._reached}
        if not self._wrt:
            found = self._function.forward(given, self._variables, set(), as_numpy=True)[1]
            return self._results(found)
        state, found = self._function.forward(
            given, [*self._variables, self._root], {self._root}, as_numpy=True
        )
        g = self._np.ones((), found[self._root].dtype) if self._cotangent is None else views[
            self._cotangent
        ]  # fmt: skip
        wrt = {s.variable for s in self._wrt if s.variable in self._reached}
        grads = self._function.backward(state, {self._root: g}, wrt, as_numpy=True)
        return self._results(found) + tuple(
            self._own(grads[s.variable], s)
            if s.variable in grads
            else self._np.zeros(s.shape, s.dtype)
            for s in self._wrt
        )

    def _results(self, found: Mapping[Any, Any]) -> Tuple[Any, ...]:
        return tuple(self._own(found[v], s) for v, s in zip(self._variables, self._outputs))

    def _own(self, array: Any, symbol: Symbol) -> Any:
        return self._np.array(array, dtype=symbol.dtype).reshape(symbol.shape)


class Training(object):
    """A Trainer whose minibatch is the program's batch."""

    def __init__(self, adapter: CntkAdapter, program: Program) -> None:
        C, ask = adapter.cntk, program.ask
        self._adapter = adapter
        types = {v.name: v for v in program.inputs}
        sizes = {v.shape[0] for v in program.data_inputs if v.shape}
        if len(sizes) != 1 or not all(v.shape for v in program.data_inputs):
            raise Unsupported("CNTK trains on batches: the data's first dimensions must agree")
        (self._batch,) = sizes
        inputs = {v.name: adapter.input(program, v, batched=True) for v in program.data_inputs}
        self._data = [inputs[v.name].variable for v in program.data_inputs]
        self._kinds = [adapter.held(program, v) for v in program.data_inputs]
        self._values = [types[n] for n in ask["params"]]
        self._params = []
        for v in self._values:
            p = C.parameter(v.shape, init=0, dtype=adapter.kind(v.dtype), name=v.name)
            self._params.append(p)
            inputs[v.name] = Symbol(p, v.shape, v.dtype)
        (loss,) = [adapter.grown(program, inputs)[n] for n in program.outputs]
        if not isinstance(loss, MeanOverBatch):
            raise Unsupported("CNTK's Trainer takes the mean over the batch: the loss must be one")
        self._loss = loss.variable
        self._numbers = StepNumbers(program)
        self._native = ask["optimizer"] == "sgd"
        self._slots: List[Any] = []
        self._fed: List[Any] = []
        self.trainer = C.Trainer(None, (self._loss,), [self._learner()])
        self._loaded = False
        self._t = 0

    def _learner(self) -> Any:
        C = self._adapter.cntk
        if self._native:
            return C.sgd(self._params, self._schedule(1))

        def update(params: Sequence[Any], grads: Sequence[Any]) -> Any:
            return self._update(params, grads)  # itself it has one argument more, which CNTK counts

        return C.universal(update, self._params)

    def _schedule(self, t: int) -> Any:
        C = self._adapter.cntk
        return C.learning_parameter_schedule(
            self._numbers.rate(t), minibatch_size=C.learners.IGNORE
        )

    def _update(self, params: Sequence[Any], grads: Sequence[Any]) -> Any:
        """Return the updates as a CNTK function; the learner's gradients are sums, not means."""
        C, kind = self._adapter.cntk, self._adapter.kind(self._values[0].dtype)

        def number(value: float) -> Any:
            return C.constant(value, dtype=kind)

        self._fed = [number(0.0) for _ in self._numbers.changing]
        k = {n: number(v) for n, v in self._numbers.fixed.items()}
        k.update(zip(self._numbers.changing, self._fed))
        count = number(float(self._batch))
        updates = []
        for p, total in zip(params, grads):
            slots = tuple(
                C.parameter(p.shape, init=0, dtype=kind) for _ in self._numbers.definition.slots
            )
            new, news = self._numbers.definition.update(p, total / count, slots, k, C.sqrt)
            updates += [C.assign(old, value) for old, value in zip((p, *slots), (new, *news))]
            self._slots.extend(slots)
        return C.combine(updates)

    def load(self, params: Sequence[Held]) -> None:
        """Set the parameters (copied) and zero the optimizer's state; the trainer stays."""
        adapter = self._adapter
        for p, value, held in zip(self._params, self._values, params):
            p.value = adapter.np.array(adapter.to_numpy(held), dtype=adapter.kind(value.dtype))
        for slot in self._slots:
            slot.value = adapter.np.zeros(slot.shape, slot.dtype)
        self._loaded = True
        self._t = 0

    def params(self) -> Tuple[Held, ...]:
        """Return copies of the present parameters."""
        self._check()
        return tuple(
            self._adapter.tensor(p.value, v.dtype) for p, v in zip(self._params, self._values)
        )

    def __call__(self, *data: Held) -> Tuple[Any, ...]:
        self._check()
        self._t += 1
        trainer = self.trainer
        if self._native:
            trainer.parameter_learners[0].reset_learning_rate(self._schedule(self._t))
        else:
            for constant, number in zip(self._fed, self._numbers.at(self._t)):
                constant.value = self._adapter.np.array(number, constant.dtype)
        trainer.train_minibatch(
            {v: t.view(kind) for v, t, kind in zip(self._data, data, self._kinds)}
        )
        return (self._adapter.np.array(trainer.previous_minibatch_loss_average),)

    def _check(self) -> None:
        if not self._loaded:
            raise ValueError("training: no parameters; call load(params) first")
