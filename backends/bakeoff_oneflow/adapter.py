"""OneFlow in the worker, eager: ops run as Python reaches them, and leave a tape.

Source: https://oneflow.readthedocs.io/en/v0.9.0/
"""

import ctypes
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from bakeoff_worker import Adapter, optimizers
from bakeoff_worker.adapter import GradientExecutable
from bakeoff_worker.ownership import COPY, with_own_outputs
from bakeoff_worker.program import Program, straight_line
from bakeoff_worker.training import InPlaceTraining

from .operators import DTYPES, VIEWS, operators

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

# At the first steps 1 - beta^t is a small difference: 6 times what rounding allows.
_BIAS = "composed: OneFlow corrects the bias by 1 - beta^t in float32, which cancels"
_COMPOSED = {
    "adam": _BIAS,
    "adamw": _BIAS,
    "rmsprop": "composed: oneflow.optim.RMSprop has eps inside the root",
}
_NATIVE = "native: in float64 composed, for the kernel takes learning rates as float32"
_NOTES = (
    "results that would be views of inputs (reshape, permute_dims, getitem, ...) are copied",
    "conv and pool with unequal padding at the two ends pad explicitly first",
    "set_num_threads cannot be read back: threads is what was set, or OpenBLAS's own if more",
    "16-bit floats are not offered: OneFlow has them on GPUs",
    "softmax_cross_entropy_with_logits is composed; matmul of two vectors is oneflow.dot",
)


class OneFlowAdapter(Adapter):
    """OneFlow on the CPU."""

    name = "oneflow"
    dtypes = DTYPES

    def __init__(self, threads: int = 1) -> None:
        import oneflow

        oneflow.set_num_threads(threads)
        self._threads = threads
        self.flow = oneflow
        self._library = ctypes.CDLL(oneflow._oneflow_internal.__file__)
        self.ops = operators(oneflow)
        self._dtypes = {name: getattr(oneflow, name) for name in DTYPES}

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a tensor that owns a copy of the values."""
        return self.flow.tensor(array, dtype=self._dtypes[dtype])

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return a copy of the values."""
        return tensor.detach().numpy().copy()

    def synchronize(self, values: Any = None) -> None:
        """Wait until the virtual machine's threads have done what was asked of them."""
        self.flow._oneflow_internal.eager.Sync()

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``oneflow.autograd.backward``."""
        flow, positions = self.flow, tuple(wrt)

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            args, leaves = list(args), []
            for i in positions:
                args[i] = args[i].detach().requires_grad_()
                leaves.append(args[i])
            outputs = fn(*args)
            given = cotangents if cotangents is not None else (flow.ones_like(outputs[0]),)
            pairs = [(y, g) for y, g in zip(outputs, given) if y.requires_grad]
            if pairs:
                ys, gs = [list(items) for items in zip(*pairs)]
                flow.autograd.backward(ys, gs)  # autograd.grad raises where a leaf is not used
            return tuple(y.detach() for y in outputs), tuple(
                flow.zeros_like(x) if x.grad is None else x.grad for x in leaves
            )

        return value_and_grad

    def describe(self) -> Dict[str, Any]:
        """Return versions, threads, precision and layout as OneFlow reports them."""
        return {
            "toolkit": "OneFlow",
            "version": self.flow.__version__,
            "device": "cpu",
            "threads": max(self._threads, self._library.openblas_get_num_threads()),
            "blas": "OpenBLAS, linked into OneFlow",
            "precision": "the tensor's own dtype",
            "layout": "contiguous, channels first (N, C, *spatial)",
            "optimizer_origin": {n: _COMPOSED.get(n, _NATIVE) for n in self.optimizers},
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the program as straight-line Python with its aliases broken."""
        program = with_own_outputs(program, VIEWS)
        ops = dict(self.ops)
        ops[COPY] = self.flow.Tensor.clone
        fn: Fn = straight_line(program, ops)
        if program.kind == "training":
            return Training(self, program, fn)
        return GradientExecutable(self, program, fn) if program.kind == "gradient" else fn


class Training(InPlaceTraining):
    """One step per call in OneFlow's idiom: ``zero_grad``, forward, ``backward``, ``step``."""

    def __init__(self, adapter: OneFlowAdapter, program: Program, fn: Fn) -> None:
        super().__init__(program)
        ask = program.ask
        self._flow = adapter.flow
        self._fn = fn
        self._name = ask["optimizer"]
        self._hyper = optimizers.hyperparameters(self._name, ask["hyper"])
        self._lr = float(ask["hyper"]["lr"])
        dtype = {v.name: v.dtype for v in program.inputs}[ask["params"][0]]
        composed = dtype == "float64" or self._name in _COMPOSED
        self._composed = adapter.optimizer(self._name, ask["hyper"]) if composed else None
        self._leaves: List[Any] = []
        self._optimizer: Any = None
        self._slots: Any = None

    def start(self, params: Sequence[Tensor]) -> List[Any]:
        """Return Parameters, and start with a fresh optimizer."""
        self._leaves = [self._flow.nn.Parameter(p.detach().clone()) for p in params]
        if self._composed is not None:
            self._slots = self._composed.init(self._leaves)
        else:
            make = _MAKERS[self._name]
            self._optimizer = make(self._flow.optim, self._lr, self._leaves, self._hyper)
        return self._leaves

    def step(self, arguments: Sequence[Any], lr: float, t: int) -> Tensor:
        """Step and return the loss."""
        (loss,) = self._fn(*arguments)
        loss.backward()
        if self._composed is not None:
            self._step_composed(self._composed, lr, t)
        else:
            self._optimizer.param_groups[0]["lr"] = lr
            self._optimizer.step()
            self._optimizer.zero_grad()
        return loss.detach()

    def _step_composed(self, optimizer: Any, lr: float, t: int) -> None:
        with self._flow.no_grad():
            grads = [p.grad for p in self._leaves]
            new, self._slots = optimizer.update(self._leaves, grads, self._slots, lr, t)
            for leaf, value in zip(self._leaves, new):
                leaf.copy_(value)
                leaf.grad = None

    def copy(self, param: Any) -> Tensor:
        """Return a copy outside the tape."""
        return param.detach().clone()


_MAKERS: Dict[str, Callable[..., Any]] = {
    "sgd": lambda optim, lr, params, h: optim.SGD(params, lr),
    "momentum": lambda optim, lr, params, h: optim.SGD(params, lr, h["momentum"]),
    "nesterov": lambda optim, lr, params, h: optim.SGD(params, lr, h["momentum"], nesterov=True),
    "adagrad": lambda optim, lr, params, h: optim.Adagrad(params, lr, eps=h["eps"]),
}
