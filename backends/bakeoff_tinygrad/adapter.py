"""tinygrad in the worker, on the CPU: lazy tensors, whole programs under ``TinyJit``.

Source: https://docs.tinygrad.org
"""

import atexit
import os
import shutil
import tempfile
from importlib.util import find_spec
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported, optimizers, schedules
from bakeoff_worker.adapter import GradientExecutable
from bakeoff_worker.program import Program, straight_line

from .operators import DTYPES, UNSUPPORTED, operators

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

_NATIVE = "native: in float64 composed, for tinygrad.nn.optim keeps rates and slots in float32"
_FLOAT32 = "composed: tinygrad.nn.optim corrects the bias by 1 - beta^t in float32, which cancels"
_ABSENT = "composed: tinygrad.nn.optim has none"
_ORIGINS = {
    "sgd": _NATIVE,
    "momentum": _NATIVE,
    "nesterov": _NATIVE,
    "adagrad": _ABSENT,
    "rmsprop": _ABSENT,
    "adam": _FLOAT32,
    "adamw": _FLOAT32,
}
_NOTES = (
    "programs and training steps run under TinyJit: the first call runs and compiles kernel by "
    "kernel, the second captures, later ones replay",
    "results are read out of the JIT's buffers at each call, for the next overwrites them",
    "no cache of compiled kernels is shared between processes",
    "16-bit floats are not offered",
    "softmax_cross_entropy_with_logits and squared_error are composed",
)


class TinygradAdapter(Adapter):
    """tinygrad on the CPU."""

    name = "tinygrad"
    dtypes = DTYPES
    unsupported = UNSUPPORTED

    def __init__(self, threads: int = 1) -> None:
        self._compiler = _provide_clang()
        import numpy
        import tinygrad
        import tinygrad.nn.optim
        from tinygrad import helpers

        self.tinygrad = tinygrad
        self._numpy = numpy
        self._helpers = helpers
        self.ops = operators(tinygrad, Unsupported)
        self._dtypes = {name: getattr(tinygrad.dtypes, name) for name in DTYPES}
        tinygrad.Tensor.ones(2).contiguous().realize()  # the device compiles its own programs

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a realized tensor that owns a copy of the values."""
        made = self.tinygrad.Tensor(self._numpy.array(array, dtype=dtype))
        return (made if made.ndim else made.clone()).realize()  # a scalar would be a constant

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return a copy of the values; what a program returned is an array already."""
        if isinstance(tensor, self._numpy.ndarray):
            return tensor
        return self._numpy.array(tensor.numpy())

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``Tensor.gradient``; lazy."""
        positions = tuple(wrt)

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            outputs = fn(*args)
            leaves = [args[i] for i in positions]
            if cotangents is None:
                return outputs, outputs[0].gradient(*leaves)
            if len(outputs) == 1:
                return outputs, outputs[0].gradient(*leaves, gradient=cotangents[0])
            # tinygrad differentiates one value: of several the sum of products
            pairs = [(y, g) for y, g in zip(outputs, cotangents) if y.is_floating_point()]
            total = sum((y * g).sum() for y, g in pairs)
            return outputs, total.gradient(*leaves)

        return value_and_grad

    def describe(self) -> Dict[str, Any]:
        """Return versions, threads, compiler and layout as tinygrad reports them."""
        from importlib.metadata import version

        return {
            "toolkit": "tinygrad",
            "version": version("tinygrad"),
            "device": self.tinygrad.Device.DEFAULT,
            "threads": self._helpers.NUM_CPU_THREADS.value,
            "blas": "none: its own kernels, compiled by " + self._compiler,
            "precision": "the tensor's own dtype",
            "layout": "contiguous, channels first (N, C, *spatial)",
            "compiled": True,
            "optimizer_origin": dict(_ORIGINS),
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the program under ``TinyJit``."""
        fn: Fn = straight_line(program, dict(self.ops))
        if program.kind == "training":
            return Training(self, program, fn)
        if program.kind == "gradient":
            fn = GradientExecutable(self, program, fn)
        return Replayed(self, fn)


class Replayed(object):
    """A jitted function whose results are read out."""

    def __init__(self, adapter: TinygradAdapter, fn: Fn) -> None:
        self._read = adapter.to_numpy
        realize = adapter.tinygrad.Tensor.realize

        def realized(*tensors: Tensor) -> List[Tensor]:
            # Of what is an input's buffer, the JIT would give that of the call it captured;
            # a constant has no buffer.
            given = {x.uop.base for x in tensors}
            results = [y.clone() if y.uop.base in given else y.contiguous() for y in fn(*tensors)]
            realize(*results)
            return results

        self._jit = adapter.tinygrad.TinyJit(realized)

    def __call__(self, *tensors: Tensor) -> Tuple[Any, ...]:
        return tuple(self._read(y) for y in self._jit(*tensors))


class Training(object):
    """One jitted step per call: gradients and update realized together; the loss read out."""

    def __init__(self, adapter: TinygradAdapter, program: Program, fn: Fn) -> None:
        ask = program.ask
        names = [v.name for v in program.inputs]
        types = {v.name: v.dtype for v in program.inputs}
        self._adapter = adapter
        self._dtypes = [types[n] for n in ask["params"]]
        self._name = ask["optimizer"]
        self._hyper = optimizers.hyperparameters(self._name, ask["hyper"])
        self._rate = schedules.learning_rate(ask.get("schedule"), ask["hyper"]["lr"])
        self._native = _ORIGINS[self._name] == _NATIVE and "float64" not in self._dtypes
        self._names = names
        self._wrt = [names.index(n) for n in ask["params"]]
        self._data = [names.index(v.name) for v in program.data_inputs]
        self._fn = fn
        self._params: List[Tensor] = []
        self._step: Any = None
        self._sent: Any = None
        self._given: Any = None
        self._t = 0

    def load(self, params: Sequence[Tensor]) -> None:
        """Set the parameters (copied); a fresh optimizer, and a fresh JIT over its buffers."""
        adapter = self._adapter
        self._params = [
            adapter.tensor(adapter.to_numpy(p), d) for p, d in zip(params, self._dtypes)
        ]
        step = self._native_step() if self._native else self._composed_step()
        self._step = adapter.tinygrad.TinyJit(step)
        self._given = None
        self._t = 0

    def params(self) -> Tuple[Tensor, ...]:
        """Return copies of the present parameters."""
        adapter = self._adapter
        return tuple(
            adapter.tensor(adapter.to_numpy(p), d) for p, d in zip(self._loaded(), self._dtypes)
        )

    def __call__(self, *data: Tensor) -> Tuple[Any, ...]:
        self._loaded()
        lr = self._rate(self._t)
        self._t += 1
        loss = self._step(self._numbers(lr), *data)
        return (self._adapter.to_numpy(loss),)

    def _numbers(self, lr: float) -> Tensor:
        """Return the step's numbers as a tensor: constants would be compiled in."""
        if self._native:
            given = {"lr": lr}
        else:
            definition = optimizers.DEFINITIONS[self._name]
            given = definition.scalars(self._hyper, lr, self._t)
        if given != self._given:
            self._given = given
            values = [given[name] for name in sorted(given)]
            self._sent = self._adapter.tensor(values, self._dtypes[0])
        return self._sent

    def _loss(self, data: Sequence[Tensor]) -> Tensor:
        arguments: List[Any] = [None] * len(self._names)
        for i, value in list(zip(self._wrt, self._params)) + list(zip(self._data, data)):
            arguments[i] = value
        return self._fn(*arguments)[0]

    def _native_step(self) -> Callable[..., Tensor]:
        momentum = self._hyper.get("momentum", 0.0)
        optimizer = self._adapter.tinygrad.nn.optim.SGD(
            self._params, momentum=momentum, nesterov=self._name == "nesterov"
        )

        def step(lr: Tensor, *data: Tensor) -> Tensor:
            optimizer.zero_grad()
            optimizer.lr.assign(lr)
            loss = self._loss(data)
            loss.backward()
            # together: a loss that is realized later is that of the new parameters
            return loss.realize(*optimizer.schedule_step())

        return step

    def _composed_step(self) -> Callable[..., Tensor]:
        definition = optimizers.DEFINITIONS[self._name]
        order = sorted(definition.scalars(self._hyper, 1.0, 1))
        sqrt = self._adapter.ops["sqrt"]
        slots = [
            [
                self._adapter.tensor(self._adapter.to_numpy(p.zeros_like()), d)
                for _ in definition.slots
            ]
            for p, d in zip(self._params, self._dtypes)
        ]

        def step(numbers: Tensor, *data: Tensor) -> Tensor:
            loss = self._loss(data)
            grads = loss.gradient(*self._params)
            k = {name: numbers[i] for i, name in enumerate(order)}
            held = []
            for p, g, s in zip(self._params, grads, slots):
                new, new_slots = definition.update(p, g, tuple(s), k, sqrt)
                held.append(p.assign(new))
                held.extend(old.assign(value) for old, value in zip(s, new_slots))
            return loss.realize(*held)

        return step

    def _loaded(self) -> Sequence[Tensor]:
        if not self._params:
            raise ValueError("training: no parameters; call load(params) first")
        return self._params


def _provide_clang() -> str:
    """Tell tinygrad where a clang is, and give it a cache of its own; return what it is.

    A cache shared with earlier processes would hide the compile time, which is the first
    call's figure.
    """
    folder = tempfile.mkdtemp(prefix="tinygrad-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["CACHEDB"] = os.path.join(folder, "cache.db")
    if shutil.which("clang"):
        return "clang"
    zig = find_spec("ziglang")
    if zig is None or zig.origin is None:
        raise Unsupported(
            "tinygrad: no clang found; install it, for example with `apt install clang`, or the "
            "package ziglang, which carries one"
        )
    script = os.path.join(folder, "clang")
    with open(script, "w") as file:
        file.write(
            '#!/bin/sh\nexec "%s" clang "$@"\n' % os.path.join(os.path.dirname(zig.origin), "zig")
        )
    os.chmod(script, 0o755)
    os.environ["CC"] = script
    return "zig's clang"
