"""MLX in the worker, on the CPU: lazy arrays, transformed functions, evaluated once per call.

Source: https://ml-explore.github.io/mlx/
"""

import os
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported, optimizers
from bakeoff_worker.adapter import GradientExecutable, TrainingExecutable
from bakeoff_worker.program import Program, straight_line

from .operators import DTYPES, operators

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

_NOTES = (
    "arrays are lazy: a call ends with mx.eval of its results",
    "float64 holds float32: exp (and with it sigmoid, softmax and the losses) and convolutions are "
    "computed in float32, and learning rates are kept in it",
    "the wheel for Linux links the reference BLAS, which is not tuned and has one thread",
    "convolutions and pools are channels last: operands are transposed there and back",
    "dropout with given noise, one_hot (rows of eye) and softmax_cross_entropy_with_logits "
    "(MLX's takes no gradient in the labels) are composed",
)
# At the first steps 1 - beta^t is a small difference: 6 times what rounding allows.
_FLOAT32 = "composed: MLX corrects the bias by 1 - beta^t in float32, which cancels"
_COMPOSED = {"adam": _FLOAT32, "adamw": _FLOAT32}


class MlxAdapter(Adapter):
    """MLX on the CPU."""

    name = "mlx"
    dtypes = DTYPES

    def __init__(self, threads: int = 1) -> None:
        before = _tasks()
        import mlx.core as mx
        import mlx.nn
        import mlx.optimizers
        import numpy

        mx.set_default_device(mx.cpu)
        mx.eval(mx.ones(1) + 1)  # starts the stream's thread
        self.mx, self.optim = mx, mlx.optimizers
        self._numpy = numpy
        self._streams = len(_tasks() - before)
        self.ops = operators(mx, mlx.nn, Unsupported)
        self._dtypes = {name: getattr(mx, "bool_" if name == "bool" else name) for name in DTYPES}

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return an evaluated array that owns a copy of the values."""
        made = self.mx.array(self._numpy.ascontiguousarray(array)) if dtype == "int64" else None
        if made is None:
            made = self.mx.array(array, self._dtypes[dtype])
        self.mx.eval(made)
        return made

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return a copy of the values; bfloat16, which NumPy lacks, as float32."""
        if tensor.dtype == self.mx.bfloat16:
            tensor = tensor.astype(self.mx.float32)
        return self._numpy.array(tensor)

    def synchronize(self, values: Any = None) -> None:
        """Wait for the stream; every call has evaluated what it returned."""
        self.mx.synchronize()

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``mx.vjp``; lazy, as all of MLX."""
        mx, positions = self.mx, tuple(wrt)

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            def partly(*leaves: Tensor) -> List[Tensor]:
                full = list(args)
                for i, leaf in zip(positions, leaves):
                    full[i] = leaf
                return list(fn(*full))

            leaves = [args[i] for i in positions]
            if cotangents is None:
                cotangents = (mx.ones((), leaves[0].dtype),)
            outputs, grads = mx.vjp(partly, leaves, list(cotangents))
            return outputs, grads

        return value_and_grad

    def optimizer(self, name: str, hyper: Mapping[str, float]) -> Any:
        """Return the optimizer of ``mlx.optimizers``, or the composed one."""
        if name in _COMPOSED:
            return super().optimizer(name, hyper)
        return NativeOptimizer(self.optim, name, hyper)

    def describe(self) -> Dict[str, Any]:
        """Return versions, threads, precision and layout."""
        return {
            "toolkit": "MLX",
            "version": self.mx.__version__,
            "device": str(self.mx.default_device()),
            "threads": self._streams,
            "blas": "reference BLAS (netlib), one thread",
            "precision": "the array's own dtype",
            "layout": "channels last inside convolutions and pools (N, *spatial, C)",
            "optimizer_origin": {n: _COMPOSED.get(n, "native") for n in self.optimizers},
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the program as Python that builds a graph and evaluates it."""
        fn = straight_line(program, dict(self.ops))
        if program.kind == "training":
            return Training(self, program, fn)
        if program.kind == "gradient":
            fn = GradientExecutable(self, program, fn)
        evaluate = self.mx.eval

        def executable(*tensors: Tensor) -> Tuple[Tensor, ...]:
            results: Tuple[Tensor, ...] = fn(*tensors)
            evaluate(results)
            return results

        return executable


class NativeOptimizer(object):
    """An optimizer of ``mlx.optimizers`` behind ``init`` and ``update``."""

    def __init__(self, optim: Any, name: str, hyper: Mapping[str, float]) -> None:
        self._make = _MAKERS[name]
        self._optim = optim
        self._hyper = optimizers.hyperparameters(name, hyper)
        self._lr = float(hyper["lr"])

    def init(self, params: Sequence[Tensor]) -> Any:
        """Return MLX's object; it makes its slots at the first step."""
        return self._make(self._optim, self._lr, self._hyper)

    def update(
        self, params: Sequence[Tensor], grads: Sequence[Tensor], state: Any, lr: float, t: int
    ) -> Tuple[Sequence[Tensor], Any]:
        """Return new parameters, evaluated with the slots."""
        if lr != self._lr:
            state.learning_rate = self._lr = lr
        names = ["p%d" % i for i in range(len(params))]
        new = state.apply_gradients(dict(zip(names, grads)), dict(zip(names, params)))
        return [new[name] for name in names], state


_MAKERS: Dict[str, Callable[..., Any]] = {
    "sgd": lambda optim, lr, h: optim.SGD(lr),
    "momentum": lambda optim, lr, h: optim.SGD(lr, momentum=h["momentum"]),
    "nesterov": lambda optim, lr, h: optim.SGD(lr, momentum=h["momentum"], nesterov=True),
    "adagrad": lambda optim, lr, h: optim.Adagrad(lr, eps=h["eps"]),
    "rmsprop": lambda optim, lr, h: optim.RMSprop(lr, alpha=h["decay"], eps=h["eps"]),
}


class Training(TrainingExecutable):
    """One step per call: gradients, ``apply_gradients``, and one evaluation of all."""

    def __init__(self, adapter: MlxAdapter, program: Program, fn: Fn) -> None:
        super().__init__(adapter, program, fn)
        self._eval = adapter.mx.eval

    def __call__(self, *data: Tensor) -> Tuple[Tensor, ...]:
        (loss,) = super().__call__(*data)
        self._eval(loss, self._params, getattr(self._state, "state", self._state))
        return (loss,)


def _tasks() -> Any:
    """Return this process's threads, as the kernel numbers them."""
    try:
        return frozenset(os.listdir("/proc/self/task"))
    except OSError:
        return frozenset()
