"""Networks of any depth: their parameters, first weights, logits and loss.

Parameters are ``w1, b1, w2, b2, …``; layer i has the weights wi (in, out) and the biases bi (out,).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

from bakeoff.case import Draw, draw
from bakeoff.program import Value

DATASET = "bakeoff_two_layer:mnist5000"
PIXELS, CLASSES = 784, 10

Activation = Literal["sigmoid", "tanh", "relu"]
FirstWeights = Literal["naive", "glorot", "he"]


@dataclass(frozen=True, slots=True)
class Net:
    """Layers from the pixels over hidden units to the classes.

    ``init`` says how the weights of a layer of n inputs begin: *naive*, U(-1/√n, 1/√n), the
    rule of thumb of the time before 2010 (Glorot and Bengio, AISTATS 2010, eq. 1); *glorot*,
    their eq. 16; *he*, He et al., ICCV 2015, eq. 10. Biases begin at zero.
    """

    hidden: tuple[int, ...]
    activation: Activation
    init: FirstWeights

    @property
    def sizes(self) -> tuple[int, ...]:
        return PIXELS, *self.hidden, CLASSES

    @property
    def shape(self) -> str:
        """The layers in words: ``"784-32-10"``."""
        return "-".join(map(str, self.sizes))

    @property
    def kind(self) -> str:
        return f"{self.activation}-{self.init}"

    @property
    def params(self) -> tuple[str, ...]:
        return self.params_of(len(self.sizes) - 1)

    def params_of(self, layers: int) -> tuple[str, ...]:
        """Return the parameters of the first layers."""
        return tuple(f"{kind}{i + 1}" for i in range(layers) for kind in "wb")

    def values(self, dtype: str, layers: int | None = None) -> list[Value]:
        """Return the parameters of the first layers, or of all, as inputs of a program."""
        return [
            Value(f"{kind}{i + 1}", (n, m) if kind == "w" else (m,), dtype)
            for i, (n, m) in enumerate(zip(self.sizes, self.sizes[1:], strict=False))
            if layers is None or i < layers
            for kind in "wb"
        ]

    def draws(self) -> dict[str, Draw]:
        """Return how each parameter begins."""
        return {v.name: draw("zeros") if len(v.shape) == 1 else self._weights(v.shape[0])
                for v in self.values("float32")}  # fmt: skip

    def _weights(self, n: int) -> Draw:
        limit = 1 / sqrt(n)
        return draw("uniform", low=-limit, high=limit) if self.init == "naive" else draw(self.init)

    def hidden_units(self, ops: Any, params: Sequence[Any], x: Any) -> Any:
        """Return the last hidden layer of as many as there are params; x (N, pixels)."""
        activate = getattr(ops, self.activation)
        for w, b in zip(params[::2], params[1::2], strict=True):
            x = activate(ops.bias_add(ops.matmul(x, w), b))  # (N, units)
        return x

    def logits(self) -> Callable[..., Any]:
        """Return the workload ``f(ops, *params, x)``, of shape (N, classes)."""

        def deep_logits(ops: Any, *tensors: Any) -> Any:
            *params, x = tensors
            hidden = self.hidden_units(ops, params[:-2], x)
            return ops.bias_add(ops.matmul(hidden, params[-2]), params[-1])

        return deep_logits

    def loss(self) -> Callable[..., Any]:
        """Return the workload ``f(ops, *params, x, y)``: the mean cross-entropy; y (N,)."""
        logits = self.logits()

        def deep_loss(ops: Any, *tensors: Any) -> Any:
            *before, y = tensors
            entropies = ops.sparse_softmax_cross_entropy_with_logits(logits(ops, *before), y)
            return ops.mean(entropies)

        return deep_loss


def reconstruction_loss(ops: Any, seen: Any, x: Any) -> Any:
    """Mean squared error of images; both (N, pixels).

    Row by row: a toolkit that adds up 10⁵ numbers one after the other strays further than
    the envelope of rounding allows to a loss, and may do so.
    """
    by_row = ops.mean(ops.squared_error(seen, x), axis=1)  # (N,)
    return ops.mean(by_row)


def rows(batch: int, dtype: str) -> list[Value]:
    """Return a batch of images and their labels as inputs of a program."""
    return [Value("x", (batch, PIXELS), dtype), Value("y", (batch,), "int64")]


def digits() -> dict[str, Draw]:
    """Return how images and labels are drawn: rows of the training set."""
    return {field: draw("dataset", name=DATASET, part="train", field=field) for field in "xy"}
