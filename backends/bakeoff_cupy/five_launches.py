"""The training step of a network of two layers, in five launches.

(1) x W1 with its bias and its ReLU, by cuBLASLt; (2) the second layer, the loss and its gradient,
and the step's numbers; (3) dW2, db2, dh with the ReLU's mask, and the mean loss; (4) dW1 and db1,
by cuBLASLt; (5) the optimizer, over all parameters. Gradients are written where the optimizer
reads them, so that nothing is copied. A program is recognised by its structure, whatever its names.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from bakeoff_worker.program import Node, Program, Value

from .cublaslt import CublasLt, Operand
from .fused import CROSS_ENTROPY, Arena, ArenaOptimizer
from .launch import Kernels, has, instantiation
from .training import Numbers

Array = Any

OPS = ("matmul", "bias_add", "relu", "matmul", "bias_add", CROSS_ENTROPY, "mean")
MOST_CLASSES = 32  # a lane each
STRIPES = 8  # rows of `classify_grad`'s blocks
ROWS_PER_BLOCK = 4  # of `classify`


class TwoLayers(NamedTuple):
    """Which inputs of a program are what.

    Attributes
    ----------
    params
        Positions of W1, b1, W2 and b2 among the parameters.
    data
        Positions of x and of the labels among the data.
    """

    params: tuple[int, int, int, int]
    data: tuple[int, int]


def two_layers(program: Program) -> TwoLayers | None:
    """Return a program's layers, if it trains what the kernels compute; else None."""
    if program.kind != "training" or tuple(n.op for n in program.nodes) != OPS:
        return None
    inputs = {v.name: v for v in program.inputs}
    names = _chain(program.nodes)
    if names is None or len(inputs.keys() & set(names)) != len(inputs):
        return None
    x, *layers, labels = names
    params, data = program.ask["params"], [v.name for v in program.data_inputs]
    if set(params) != set(layers) or not _fit([inputs[n] for n in names]):
        return None
    w1, b1, w2, b2 = map(params.index, layers)
    return TwoLayers((w1, b1, w2, b2), (data.index(x), data.index(labels)))


def _chain(nodes: Sequence[Node]) -> list[str] | None:
    """Return x, W1, b1, W2, b2 and the labels, if each node continues the one before it."""
    if any(node.args[0] != before.name for before, node in pairwise(nodes)):
        return None
    names = [nodes[0].args[0], *(a for node in nodes for a in node.args[1:])]
    return names if len(set(names)) == 6 else None


def _fit(values: Sequence[Value]) -> bool:
    shapes = [v.shape for v in values]
    dtypes = {v.dtype for v in values[:-1]}
    return (
        [len(s) for s in shapes] == [2, 2, 1, 2, 1, 1]
        and 0 not in {size for s in shapes for size in s}
        and shapes[4][0] <= MOST_CLASSES
        and len(dtypes) == 1 and has(*dtypes)
    )  # fmt: skip


def offered(products: CublasLt, program: Program, layers: TwoLayers) -> bool:
    """Return whether cuBLASLt offers both products of a step, with what comes with them."""
    x = program.data_inputs[layers.data[0]]
    (w1,) = (v for v in program.inputs if v.name == program.ask["params"][layers.params[0]])
    (rows, pixels), (_, hidden) = x.shape, w1.shape
    lines = Operand(rows, pixels, pixels, False, 1, rows * pixels)
    weight = Operand(pixels, hidden, hidden, False, 1, pixels * hidden)
    cotangent = Operand(rows, hidden, hidden, False, 1, rows * hidden)
    return products.offers(lines, weight, x.dtype, "bias+relu") and products.offers(
        lines._replace(transposed=True), cotangent, x.dtype, "bias_grad"
    )


class FiveLaunches:
    """The step; ``layers`` as `two_layers` found them."""

    def __init__(
        self, cp: Any, kernels: Kernels, products: CublasLt, layers: TwoLayers,
        optimizer: ArenaOptimizer,
    ) -> None:  # fmt: skip
        self._cp, self._kernels, self._products = cp, kernels, products
        self._layers, self._optimizer = layers, optimizer
        self.launches: int | None = 5

    def __call__(
        self, state: Sequence[Arena], data: Sequence[Array], numbers: Numbers, loss: Array
    ) -> None:
        (arena,) = state
        w1, b1, w2, b2 = (arena.views[i] for i in self._layers.params)
        dw1, db1, dw2, db2 = (arena.grad_views[i] for i in self._layers.params)
        x, labels = (data[i] for i in self._layers.data)
        h = self._products.matmul(_batch(x), _batch(w1), b1, relu=True)[0]
        losses, dz = self._classify(h, w2, b2, labels, numbers)
        dh = self._cp.empty(h.shape, h.dtype)
        self._classify_grad(h, w2, dz, losses, (dw2, db2, dh, loss))
        self._products.matmul(_batch(x).swapaxes(1, 2), _batch(dh), bias_grad=db1, out=_batch(dw1))
        self._optimizer.launch(arena, numbers.present)

    def _classify(
        self, h: Array, weight: Array, bias: Array, labels: Array, numbers: Numbers
    ) -> tuple[Array, Array]:
        rows, sizes = h.shape[0], _sizes(h, weight)
        losses = self._cp.empty((rows,), h.dtype)
        dz = self._cp.empty((rows, weight.shape[1]), h.dtype)
        self._kernels.launch(
            "two_layer", instantiation("classify", h.dtype, labels.dtype),
            (-(-rows // ROWS_PER_BLOCK),), (32, ROWS_PER_BLOCK),
            (h, weight, bias, labels, losses, dz, *sizes,
             numbers.table, numbers.row, numbers.present, np.int32(numbers.count)),
        )  # fmt: skip
        return losses, dz

    def _classify_grad(
        self, h: Array, weight: Array, dz: Array, losses: Array, out: Sequence[Array]
    ) -> None:
        rows, hidden = h.shape
        self._kernels.launch(
            "two_layer", instantiation("classify_grad", h.dtype),
            (hidden + 2 + -(-rows // STRIPES),), (32, STRIPES),
            (h, weight, dz, losses, *out, *_sizes(h, weight)),
        )  # fmt: skip


def _batch(x: Array) -> Array:
    """A matrix as a batch of one."""
    return x.reshape((1, *x.shape))


def _sizes(h: Array, weight: Array) -> tuple[Any, Any, Any]:
    """Rows, hidden units and classes, as kernels take them."""
    return np.int32(h.shape[0]), np.int32(h.shape[1]), np.int32(weight.shape[1])
