"""MindSpore in the worker, in PyNative mode: ops run as Python reaches them.

Source: https://www.mindspore.cn/docs/en/master/index.html
"""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported, optimizers
from bakeoff_worker.adapter import GradientExecutable
from bakeoff_worker.ownership import COPY, with_own_outputs
from bakeoff_worker.program import Program, straight_line
from bakeoff_worker.training import InPlaceTraining

from .operators import DTYPES, VIEWS, dtypes_of, operators

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

_COMPOSED = {
    "adam": "composed: nn.Adam has eps outside the bias correction",
    "adamw": "composed: nn.AdamWeightDecay corrects no bias",
}
_NATIVE = "native: in float64 composed, for nn.SGD and all learning rates are of 32 bits"
_NOTES = (
    "results that would be views of inputs (reshape, permute_dims, getitem, ...) are copied",
    "conv and max_pool2d with unequal padding at the two ends pad explicitly first",
    "pynative_synchronize: ops are done when they return; handed to the pipeline's threads they "
    "take ten times as long on one core",
    "convolutions, and gradients of avg_pool2d and of binary_cross_entropy_with_logits, are "
    "float32 only on the CPU",
    "conv_transpose1d is one of two dimensions, as nn.Conv1dTranspose is; "
    "softmax_cross_entropy_with_logits is composed",
    "a Python number beside a float64 tensor is rounded to float32",
    "its oneDNN takes its reference convolution on processors with AVX-512, 50 times as slow as "
    "what ONEDNN_MAX_CPU_ISA=AVX2 gets: left as users get it",
)


class MindSporeAdapter(Adapter):
    """MindSpore on the CPU."""

    name = "mindspore"
    dtypes = DTYPES

    def __init__(self, threads: int = 1) -> None:
        import mindspore
        import mindspore.experimental.optim

        mindspore.set_context(
            mode=mindspore.PYNATIVE_MODE,
            device_target="CPU",
            runtime_num_threads=threads,
            pynative_synchronize=True,
        )
        self.ms = mindspore
        self.ops = operators(mindspore, Unsupported)
        self._dtypes = dtypes_of(mindspore)

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a tensor that owns a copy of the values."""
        return self.ms.Tensor(array.copy(), self._dtypes[dtype])

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return a copy of the values."""
        return tensor.asnumpy().copy()

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``mindspore.value_and_grad``."""
        ms, positions = self.ms, tuple(wrt)
        plain = ms.value_and_grad(fn, positions)
        seeded = ms.value_and_grad(fn, positions, sens_param=True)

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            if cotangents is None:
                outputs, grads = plain(*args)
            else:
                outputs, grads = seeded(*args, tuple(cotangents))
            return outputs, grads if len(positions) > 1 else (grads,)

        return value_and_grad

    def describe(self) -> Dict[str, Any]:
        """Return versions, threads, precision and layout as MindSpore reports them."""
        return {
            "toolkit": "MindSpore",
            "version": self.ms.__version__,
            "device": self.ms.get_context("device_target"),
            "threads": self.ms.get_context("runtime_num_threads"),
            "precision": "the tensor's own dtype",
            "layout": "contiguous, channels first (N, C, *spatial)",
            "optimizer_origin": {n: _COMPOSED.get(n, _NATIVE) for n in self.optimizers},
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the program as straight-line Python with its aliases broken."""
        program = with_own_outputs(program, VIEWS)
        ops = dict(self.ops)
        ops[COPY] = self.ms.Tensor.copy
        fn: Fn = straight_line(program, ops)
        fn.__module__ = __name__  # MindSpore asks for it; the text has none
        if program.kind == "gradient":
            return GradientExecutable(self, program, fn)
        return Training(self, program, fn) if program.kind == "training" else fn


class Training(InPlaceTraining):
    """One step per call in MindSpore's idiom: ``value_and_grad`` of Parameters, ``optimizer``."""

    def __init__(self, adapter: MindSporeAdapter, program: Program, fn: Fn) -> None:
        super().__init__(program)
        ask = program.ask
        self._ms = adapter.ms
        self._name = ask["optimizer"]
        self._hyper = optimizers.hyperparameters(self._name, ask["hyper"])
        self._lr = float(ask["hyper"]["lr"])
        self._dtype = {v.name: v.dtype for v in program.inputs}[ask["params"][0]]
        self._native = self._dtype == "float32" and self._name not in _COMPOSED
        self._forward = _loss_of(fn)
        self._leaves: List[Any] = []
        self._gradient: Any = None
        self._optimizer: Any = None
        self._rate_of: Any = None
        self._slots: Any = None

    def start(self, params: Sequence[Tensor]) -> List[Any]:
        """Return Parameters, and start with a fresh optimizer."""
        ms = self._ms
        self._leaves = [ms.Parameter(p.copy(), name="p%d" % i) for i, p in enumerate(params)]
        self._gradient = ms.value_and_grad(self._forward, None, self._leaves)
        if self._native:
            made = _MAKERS[self._name](ms, self._leaves, self._lr, self._hyper)
            self._optimizer, self._rate_of = made
        else:
            self._optimizer = Composed(ms, self._name, self._hyper, self._dtype)
            self._slots = self._optimizer.init(self._leaves)
        return self._leaves

    def step(self, arguments: Sequence[Any], lr: float, t: int) -> Tensor:
        """Step and return the loss."""
        loss, grads = self._gradient(*arguments)
        if self._native:
            if lr != self._lr:
                self._lr = lr
                self._ms.ops.assign(self._rate_of, self._ms.Tensor(lr, self._ms.float32))
            self._optimizer(grads)
        else:
            new, self._slots = self._optimizer.update(self._leaves, grads, self._slots, lr, t)
            for leaf, value in zip(self._leaves, new):
                self._ms.ops.assign(leaf, value)
        return loss

    def copy(self, param: Any) -> Tensor:
        """Return a copy that is no Parameter."""
        return self._ms.Tensor(param.asnumpy().copy())


class Composed(optimizers.Composed):
    """Numbers become tensors: MindSpore rounds a Python number to float32 beside a float64."""

    def __init__(self, ms: Any, name: str, hyper: Any, dtype: str) -> None:
        super().__init__(name, hyper, ms.ops.sqrt, ms.ops.zeros_like)
        scalars, kind = self.definition.scalars, getattr(ms, dtype)
        self.definition = self.definition._replace(
            scalars=lambda h, lr, t: {k: ms.Tensor(v, kind) for k, v in scalars(h, lr, t).items()}
        )


def _loss_of(fn: Fn) -> Callable[..., Tensor]:
    def forward(*arguments: Tensor) -> Tensor:
        return fn(*arguments)[0]

    return forward


def _sgd(ms: Any, params: List[Any], lr: float, h: Dict[str, float]) -> Tuple[Any, Any]:
    made = ms.nn.SGD(params, lr, h.get("momentum", 0.0))
    return made, made.learning_rate


def _nesterov(ms: Any, params: List[Any], lr: float, h: Dict[str, float]) -> Tuple[Any, Any]:
    made = ms.nn.SGD(params, lr, h["momentum"], nesterov=True)
    return made, made.learning_rate


def _adagrad(ms: Any, params: List[Any], lr: float, h: Dict[str, float]) -> Tuple[Any, Any]:
    made = ms.experimental.optim.Adagrad(params, lr, eps=h["eps"])
    return made, made.param_groups[0]["lr"]


def _rmsprop(ms: Any, params: List[Any], lr: float, h: Dict[str, float]) -> Tuple[Any, Any]:
    made = ms.experimental.optim.RMSprop(params, lr, h["decay"], h["eps"])
    return made, made.param_groups[0]["lr"]


# Each makes an optimizer, and gives the Parameter that holds its learning rate.
_MAKERS: Dict[str, Callable[..., Tuple[Any, Any]]] = {
    "sgd": _sgd,
    "momentum": _sgd,
    "nesterov": _nesterov,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
}
