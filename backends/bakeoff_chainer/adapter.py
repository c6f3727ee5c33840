"""Chainer in the worker: Variables, functions, and optimizers over a Chain.

Source: https://docs.chainer.org/en/v7.8.1/
"""

import math
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported, blas, optimizers, schedules
from bakeoff_worker.adapter import GradientExecutable
from bakeoff_worker.ownership import owned
from bakeoff_worker.program import Program, straight_line
from bakeoff_worker.training import InPlaceTraining

from .operators import UNSUPPORTED, filled, operators

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

_ORIGINS = {
    "momentum": "native: its velocity holds the learning rate, another equation when that changes; "
    "composed for schedules other than constant",
    "nesterov": "composed: NesterovAG adds the new velocity where its equation has the old one",
    "adam": "native: eps is given as eps sqrt(1 - beta2^t), which makes the equations equal",
    "adamw": "native: as adam, and the decay rate is given times the learning rate",
}
_NOTES = (
    "results in the memory of an input (reshape, getitem, gradients of add, ...) are copied",
    "conv and pool with unequal padding at the two ends pad explicitly first",
    "composed: sigmoid_cross_entropy_with_logits (Chainer's takes integer targets), "
    "softmax_cross_entropy_with_logits (Chainer's has no gradient in the labels), silu, one_hot "
    "(embed_id of the identity)",
    "on the CPU Chainer computes through NumPy",
)


class ChainerAdapter(Adapter):
    """Chainer on the CPU, through NumPy."""

    name = "chainer"
    dtypes = ("bool", "int32", "int64", "float16", "float32", "float64")
    unsupported = UNSUPPORTED

    def __init__(self, threads: int = 1) -> None:
        import chainer
        import numpy

        blas.limit_threads(threads)
        # infinities and NaN are results here, as they are in every toolkit; not warnings
        numpy.seterr(all="ignore")
        self._numpy, self.chainer = numpy, chainer
        self.ops = operators(chainer, Unsupported)

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a Variable that owns a contiguous copy of the values."""
        return self._variable(self._numpy.array(array, dtype=dtype, order="C"))

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return the array in the Variable."""
        return tensor.array

    def _variable(self, array: Any) -> Tensor:
        return self.chainer.Variable(array, requires_grad=False)

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``chainer.grad``."""
        chainer, positions = self.chainer, tuple(wrt)

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            args, leaves = list(args), []
            for i in positions:
                args[i] = chainer.Variable(args[i].array)
                leaves.append(args[i])
            outputs = fn(*args)
            given = cotangents if cotangents is not None else (None,) * len(outputs)
            # what does not depend on a leaf has no graph, and Chainer refuses it
            pairs = [(y, g) for y, g in zip(outputs, given) if y.creator is not None]
            grads: Sequence[Any] = [None] * len(leaves)
            if pairs:
                ys, gs = zip(*pairs)
                grads = chainer.grad(ys, leaves, [g for g in gs if g is not None] or None)
            return outputs, tuple(
                filled(chainer, 0, x.shape, x.dtype) if g is None else g
                for x, g in zip(leaves, grads)
            )

        return value_and_grad

    def describe(self) -> Dict[str, Any]:
        """Return versions, BLAS and its threads, and where optimizers come from."""
        found = blas.libraries()
        origins = {n: _ORIGINS.get(n, "native") for n in self.optimizers}
        return {
            "toolkit": "Chainer",
            "version": self.chainer.__version__,
            "device": "cpu (NumPy %s)" % self._numpy.__version__,
            "threads": blas.threads_of(found),
            "blas": found,
            "precision": "the tensor's own dtype",
            "layout": "channels first (N, C, *spatial)",
            "optimizer_origin": origins,
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the program as define-by-run Python."""
        fn = straight_line(program, dict(self.ops))
        if program.kind == "training":
            return Training(self, program, fn)
        if program.kind == "gradient":
            fn = GradientExecutable(self, program, fn)
        backprop = program.kind == "gradient"

        def executable(*tensors: Tensor) -> Tuple[Tensor, ...]:
            with self.chainer.using_config("enable_backprop", backprop):
                results = fn(*tensors)
            inputs = [x.array for x in tensors]
            return tuple(self._variable(owned(y.array, inputs)) for y in results)

        return executable


class Training(InPlaceTraining):
    """One step per call in Chainer's idiom: ``cleargrads``, forward, ``backward``, ``update``."""

    def __init__(self, adapter: ChainerAdapter, program: Program, fn: Fn) -> None:
        super().__init__(program)
        ask = program.ask
        self._adapter = adapter
        self._chainer = adapter.chainer
        self._fn = fn
        self._name = ask["optimizer"]
        self._hyper = optimizers.hyperparameters(self._name, ask["hyper"])
        self._lr = float(ask["hyper"]["lr"])
        steady = schedules.is_constant(ask.get("schedule"))
        self._native = steady if self._name == "momentum" else self._name != "nesterov"
        self._composed = adapter.optimizer(self._name, ask["hyper"])
        self._model: Any = None
        self._optimizer: Any = None
        self._slots: Any = None

    def start(self, params: Sequence[Tensor]) -> List[Any]:
        """Return the Parameters of a fresh Chain, set up with its optimizer."""
        chainer = self._chainer
        parameters = [chainer.Parameter(p.array.copy()) for p in params]
        self._model = chainer.Chain()
        with self._model.init_scope():
            for i, parameter in enumerate(parameters):
                setattr(self._model, "p%d" % i, parameter)
        if self._native:
            self._optimizer = native_optimizer(chainer, self._name, self._hyper, self._lr)
            self._optimizer.setup(self._model)
        else:
            self._slots = self._composed.init(params)
        return parameters

    def step(self, arguments: Sequence[Tensor], lr: float, t: int) -> Tensor:
        """Step and return the loss, without its graph."""
        self._model.cleargrads()
        (loss,) = self._fn(*arguments)
        loss.backward()
        if self._native:
            set_rate(self._optimizer, self._name, self._hyper, lr, t)
            self._optimizer.update()
        else:
            self._update(lr, t)
        return self._adapter._variable(loss.array)

    def _update(self, lr: float, t: int) -> None:
        parameters = list(self._model.params())
        with self._chainer.no_backprop_mode():
            grads = [p.grad_var for p in parameters]
            new, self._slots = self._composed.update(parameters, grads, self._slots, lr, t)
        for parameter, value in zip(parameters, new):
            parameter.array = value.array

    def copy(self, param: Any) -> Tensor:
        """Return a copy of a Parameter."""
        return self._adapter._variable(param.array.copy())


def native_optimizer(chainer: Any, name: str, hyper: Mapping[str, float], lr: float) -> Any:
    """Return the object of ``chainer.optimizers``; `set_rate` makes its equation ours."""
    optim = chainer.optimizers
    if name == "sgd":
        return optim.SGD(lr)
    if name == "momentum":
        return optim.MomentumSGD(lr, hyper["momentum"])
    if name == "adagrad":
        return optim.AdaGrad(lr, hyper["eps"])
    if name == "rmsprop":
        return optim.RMSprop(lr, hyper["decay"], hyper["eps"])
    if name not in ("adam", "adamw"):
        raise Unsupported("chainer.optimizers: no counterpart of %r is known" % name)
    return optim.Adam(lr, hyper["beta1"], hyper["beta2"], hyper["eps"])


def set_rate(optimizer: Any, name: str, hyper: Mapping[str, float], lr: float, t: int) -> None:
    """Set the learning rate of step ``t``, and what depends on it.

    Chainer's Adam is ``lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)``: with eps times
    ``sqrt(1 - b2^t)`` it is the catalogue's. Its decay is not multiplied by the rate.
    """
    k = optimizer.hyperparam
    if name not in ("adam", "adamw"):
        k.lr = lr
        return
    k.alpha = lr
    k.eps = hyper["eps"] * math.sqrt(1.0 - hyper["beta2"] ** t)
    if name == "adamw":
        k.weight_decay_rate = lr * hyper["weight_decay"]
