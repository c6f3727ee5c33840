"""PaddlePaddle in the worker, in dynamic mode: ops run as Python reaches them.

Source: https://www.paddlepaddle.org.cn/documentation/docs/en/api/index_en.html
"""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from bakeoff_worker import Adapter, optimizers
from bakeoff_worker.adapter import GradientExecutable
from bakeoff_worker.ownership import COPY, with_own_outputs
from bakeoff_worker.program import Program, straight_line
from bakeoff_worker.training import InPlaceTraining

from .operators import VIEWS, operators

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

_COMPOSED = {
    "rmsprop": "composed: paddle.optimizer.RMSProp has eps inside the root",
}
_FLOAT32 = "native: in float64 composed, for the kernel takes %s as a float32"
_ORIGINS = dict(
    _COMPOSED,
    momentum=_FLOAT32 % "the momentum",
    nesterov=_FLOAT32 % "the momentum",
    adamw=_FLOAT32 % "the decay rate",
)
_NOTES = (
    "results that would be views of inputs (reshape, permute_dims, getitem, ...) are copied",
    "conv and pool with unequal padding at the two ends pad explicitly first",
    "16-bit floats are not offered: on the CPU few kernels have them",
    "softmax_cross_entropy_with_logits and sigmoid_cross_entropy_with_logits are composed: "
    "Paddle's have no gradient in the labels",
    "matmul of batches that both broadcast expands them first: its own gradient raises",
)


class PaddleAdapter(Adapter):
    """PaddlePaddle on the CPU."""

    name = "paddle"
    dtypes = ("bool", "int32", "int64", "float32", "float64")

    def __init__(self, threads: int = 1) -> None:
        import paddle

        paddle.set_device("cpu")
        paddle.set_flags({"FLAGS_paddle_num_threads": threads})
        paddle.base.core.set_num_threads(threads)
        self.paddle = paddle
        self.ops = operators(paddle)

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return a tensor that owns a copy of the values."""
        return self.paddle.to_tensor(array, dtype=dtype)

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return a copy of the values."""
        return tensor.numpy().copy()

    def value_and_grad(self, fn: Fn, wrt: Sequence[int]) -> Callable[..., Any]:
        """Return ``g(args, cotangents)`` through ``paddle.grad``."""
        paddle, positions = self.paddle, tuple(wrt)

        def value_and_grad(args: Sequence[Tensor], cotangents: Optional[Sequence[Tensor]]) -> Any:
            args, leaves = list(args), []
            for i in positions:
                args[i] = args[i].detach()
                args[i].stop_gradient = False
                leaves.append(args[i])
            outputs = fn(*args)
            given = cotangents if cotangents is not None else (None,) * len(outputs)
            pairs = [(y, g) for y, g in zip(outputs, given) if not y.stop_gradient]
            grads: Sequence[Any] = [None] * len(leaves)
            if pairs:
                ys, gs = [list(items) for items in zip(*pairs)]
                grads = paddle.grad(ys, leaves, gs, allow_unused=True)
            return tuple(y.detach() for y in outputs), tuple(
                paddle.zeros_like(x) if g is None else g for x, g in zip(leaves, grads)
            )

        return value_and_grad

    def describe(self) -> Dict[str, Any]:
        """Return versions, threads, precision and layout as PaddlePaddle reports them."""
        paddle = self.paddle
        flag = "FLAGS_paddle_num_threads"
        return {
            "toolkit": "PaddlePaddle",
            "version": paddle.__version__,
            "device": paddle.get_device(),
            "threads": paddle.get_flags([flag])[flag],
            "blas": "MKL" if paddle.version.mkl() == "ON" else "OpenBLAS",
            "onednn": paddle.base.core.is_compiled_with_mkldnn(),
            "precision": "the tensor's own dtype",
            "layout": "contiguous, channels first (N, C, *spatial)",
            "optimizer_origin": {n: _ORIGINS.get(n, "native") for n in self.optimizers},
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the program as straight-line Python with its aliases broken."""
        program = with_own_outputs(program, VIEWS)
        ops = dict(self.ops)
        ops[COPY] = self.paddle.clone
        fn: Fn = straight_line(program, ops)
        if program.kind == "training":
            return Training(self, program, fn)
        return GradientExecutable(self, program, fn) if program.kind == "gradient" else fn


class Training(InPlaceTraining):
    """One step per call in Paddle's idiom: forward, ``backward``, ``step``, ``clear_grad``."""

    def __init__(self, adapter: PaddleAdapter, program: Program, fn: Fn) -> None:
        super().__init__(program)
        ask = program.ask
        self._adapter = adapter
        self._paddle = adapter.paddle
        self._fn = fn
        self._name = ask["optimizer"]
        self._hyper = optimizers.hyperparameters(self._name, ask["hyper"])
        self._lr = float(ask["hyper"]["lr"])
        self._dtype = {v.name: v.dtype for v in program.inputs}[ask["params"][0]]
        coarse = self._dtype == "float64" and self._name in _ORIGINS
        self._composed = (
            adapter.optimizer(self._name, ask["hyper"])
            if coarse or self._name in _COMPOSED
            else None
        )
        self._leaves: List[Any] = []
        self._optimizer: Any = None
        self._slots: Any = None

    def start(self, params: Sequence[Tensor]) -> List[Any]:
        """Return Parameters, and start with a fresh optimizer."""
        paddle = self._paddle
        self._leaves = []
        for p in params:
            leaf = paddle.create_parameter(p.shape, self._dtype)
            leaf.set_value(p)
            self._leaves.append(leaf)
        if self._composed is not None:
            self._slots = self._composed.init(self._leaves)
        else:
            # Learning rates are kept in the default dtype.
            paddle.set_default_dtype(self._dtype)
            self._optimizer = _MAKERS[self._name](
                paddle.optimizer, self._lr, self._leaves, self._hyper
            )
        return self._leaves

    def step(self, arguments: Sequence[Any], lr: float, t: int) -> Tensor:
        """Step and return the loss."""
        (loss,) = self._fn(*arguments)
        loss.backward()
        if self._composed is not None:
            self._step_composed(self._composed, lr, t)
        else:
            if lr != self._lr:
                self._lr = lr
                self._optimizer.set_lr(lr)
            self._optimizer.step()
            self._optimizer.clear_grad()
        return loss.detach()

    def _step_composed(self, optimizer: Any, lr: float, t: int) -> None:
        with self._paddle.no_grad():
            grads = [p.grad for p in self._leaves]
            new, self._slots = optimizer.update(self._leaves, grads, self._slots, lr, t)
            for leaf, value in zip(self._leaves, new):
                leaf.set_value(value)
                leaf.clear_gradient()

    def copy(self, param: Any) -> Tensor:
        """Return a copy outside the graph."""
        return param.detach().clone()


_MAKERS: Dict[str, Callable[..., Any]] = {
    "sgd": lambda optim, lr, params, h: optim.SGD(lr, params),
    "momentum": lambda optim, lr, params, h: optim.Momentum(lr, h["momentum"], params),
    "nesterov": lambda optim, lr, params, h: optim.Momentum(
        lr, h["momentum"], params, use_nesterov=True
    ),
    "adagrad": lambda optim, lr, params, h: optim.Adagrad(lr, h["eps"], params),
    "adam": lambda optim, lr, params, h: optim.Adam(lr, h["beta1"], h["beta2"], h["eps"], params),
    "adamw": lambda optim, lr, params, h: optim.AdamW(
        lr, h["beta1"], h["beta2"], h["eps"], params, h["weight_decay"]
    ),
}
