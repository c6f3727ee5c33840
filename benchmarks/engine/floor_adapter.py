"""The GEMM-only floor: of a training step nothing but its matrix products, into resident memory.

For each product of the program: itself, and for each factor that depends on a parameter the
product that is its gradient. A network of two layers has five: x W1 and h W2 forward, and behind
them h' G2, G2 W2', and x' G1. The step reads its batch, and no other value is right: cells of this
backend mismatch, as they must, and are timed.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bakeoff_worker.program import Program, references

from .resident import ResidentAdapter

Array = Any


OFFERED = ("matmul", "bias_add", "relu", "sparse_softmax_cross_entropy_with_logits", "mean")


class FloorAdapter(ResidentAdapter):
    """Runs training programs, but their products alone."""

    name = "gemm-floor"
    asks = ("training",)
    ops = dict.fromkeys(OFFERED, np.matmul)  # by name: only products are computed

    def compile(self, program: Program) -> "Products":
        return Products(program)


class Products:
    """The products of a training step, each on memory of its own but for inputs."""

    def __init__(self, program: Program) -> None:
        self._names = [v.name for v in program.data_inputs]
        self._params = program.ask["params"]
        self._program = program
        self._loss = np.zeros((), np.float32)
        self._values: dict[str, Array] = {}
        self._before: list[Callable[[Mapping[str, Array]], None]] = []

    def load(self, params: Sequence[Array]) -> None:
        self._values = {n: p.copy() for n, p in zip(self._params, params, strict=True)}
        self._before = list(products(self._program, self._values))

    def params(self) -> tuple[Array, ...]:
        return tuple(self._values[n].copy() for n in self._params)

    def __call__(self, *data: Array) -> tuple[Array, ...]:
        inputs = dict(zip(self._names, data, strict=True))
        for product in self._before:
            product(inputs)
        return (self._loss.copy(),)


def products(
    program: Program, params: Mapping[str, Array]
) -> list[Callable[[Mapping[str, Array]], None]]:
    """Return the calls of the step, forward and then backward, given the batch's tensors."""
    depends = set(params)
    forward, backward = [], []
    table, rng = program.values(), np.random.default_rng(0)
    held: dict[str, Array] = dict(params)

    def filled(shape: Sequence[int]) -> Array:
        return rng.standard_normal(shape).astype(np.float32)

    for node in program.nodes:
        depends |= {node.name} if depends & set(references(node)) else set()
        if node.op != "matmul":
            continue
        a, b = (str(arg) for arg in node.args)
        held |= {n: filled(table[n].shape) for n in (a, b) if n not in held}
        g, out = filled(node.shape), np.empty(node.shape, np.float32)
        forward.append(partial(_product, a, b, held, out))
        if b in depends:
            backward.append(partial(_of_second, a, held, g, np.empty_like(held[b])))
        if a in depends:
            backward.append(partial(_of_first, b, held, g, np.empty_like(held[a])))
    return forward + backward[::-1]


def _product(
    a: str, b: str, held: Mapping[str, Array], out: Array, batch: Mapping[str, Array]
) -> None:
    np.matmul(batch.get(a, held[a]), held[b], out=out)


def _of_second(
    a: str, held: Mapping[str, Array], g: Array, out: Array, batch: Mapping[str, Array]
) -> None:
    np.matmul(batch.get(a, held[a]).T, g, out=out)


def _of_first(
    b: str, held: Mapping[str, Array], g: Array, out: Array, batch: Mapping[str, Array]
) -> None:
    np.matmul(g, held[b].T, out=out)
