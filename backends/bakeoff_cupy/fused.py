"""Ops and optimizers of the engine that one kernel of ours does, in place of many of CuPy's."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from bakeoff_reference.bfloat16 import with_bfloat16
from bakeoff_reference.optimizers import DEFINITIONS, complete
from bakeoff_reference.primitive import PRIMITIVES, Primitive

from .cublaslt import MOST_ALIGNED
from .launch import Kernels, elementwise, has, instantiation, row_threads

Array = Any
CROSS_ENTROPY = "sparse_softmax_cross_entropy_with_logits"

# The numbers of a step in the order in which the kernels read them (`Definition.scalars`).
NUMBERS: dict[str, tuple[str, ...]] = {
    "sgd": ("lr",),
    "momentum": ("lr", "momentum"),
    "nesterov": ("lr", "momentum"),
    "adagrad": ("lr", "eps"),
    "rmsprop": ("step", "eps", "decay"),
    "adam": ("b1", "b2", "eps", "step"),
    "adamw": ("b1", "b2", "eps", "step", "shrink"),
}


def primitives(cp: Any, kernels: Kernels) -> dict[str, Primitive]:
    """Return the catalogue's ops, those with a kernel of their own replaced.

    float64 takes the reference's own rules. Products of 16 bits are not widened first:
    cuBLASLt adds them up in float32.
    """
    own = {CROSS_ENTROPY: _cross_entropy(cp, kernels), "matmul": PRIMITIVES["matmul"].unwidened()}
    return {**with_bfloat16(PRIMITIVES), **own}


def _cross_entropy(cp: Any, kernels: Kernels) -> Primitive:
    reference = PRIMITIVES[CROSS_ENTROPY]

    def sparse_softmax_cross_entropy_with_logits(xp: Any, logits: Array, labels: Array, /) -> Any:
        """Return one loss per row, and keep the gradient that the same pass computes."""
        if not has(logits.dtype) or logits.size == 0:
            return reference.forward(xp, logits, labels)
        z, flat = cp.ascontiguousarray(logits), cp.ascontiguousarray(labels)
        losses, grad = cp.empty(labels.shape, z.dtype), cp.empty(z.shape, z.dtype)
        classes = z.shape[-1]
        kernels.launch(
            "softmax_cross_entropy",
            instantiation("softmax_cross_entropy", z.dtype, flat.dtype),
            (flat.size,),
            (row_threads(classes),),
            (z, flat, losses, grad, np.int32(classes)),
        )
        return losses, grad

    def vjp(xp: Any, g: Array, saved: Array, logits: Array, labels: Array) -> Array:
        if not has(logits.dtype) or logits.size == 0:
            return reference.vjps[0](xp, g, saved, logits, labels)  # type: ignore[misc]
        return saved * g.reshape((*g.shape, 1))

    op = Primitive(
        sparse_softmax_cross_entropy_with_logits, reference.prepare, saves=True,
        accumulates=False, variadic=False, same=(0,), ufunc="",
    )  # fmt: skip
    op.defvjp(vjp, None)
    return op


class ArenaOptimizer:
    """One kernel per step, over all parameters of a dtype in one flat array.

    float64 takes the reference's passes over the same array. The parameters that `update`
    returns are views of it.
    """

    def __init__(
        self, cp: Any, xp: Any, kernels: Kernels, wrap: Any, name: str, hyper: Mapping[str, float]
    ) -> None:
        self._cp, self._xp, self._kernels, self._wrap, self.name = cp, xp, kernels, wrap, name
        self._definition, self._hyper = DEFINITIONS[name], complete(name, hyper)

    def init(self, params: Sequence[Any]) -> "list[Arena]":
        """Return the state: an arena per dtype, the parameters' values copied into it."""
        values = [p.value for p in params]
        return [
            Arena(self._cp, {i: v for i, v in enumerate(values) if str(v.dtype) == dtype},
                  len(self._definition.slots))
            for dtype in dict.fromkeys(str(v.dtype) for v in values)
        ]  # fmt: skip

    def update(
        self, params: Sequence[Any], grads: Sequence[Any], state: "list[Arena]", lr: float, t: int
    ) -> "tuple[Sequence[Any], list[Arena]]":
        """Do step ``t``; the state holds the parameters, ``params`` are views of it or equal."""
        for arena in state:
            arena.gather(grads)
            if has(arena.weights.dtype):
                numbers = self._cp.asarray(self.numbers(lr, t), "float32")
                self.launch(arena, numbers)
            else:
                scalars = self._definition.scalars(self._hyper, lr, t)
                scratch = self._cp.empty_like(arena.weights)
                self._definition.step(
                    self._xp, arena.weights, arena.grads, arena.slots, scratch, **scalars
                )
        return self.params(state), state

    def numbers(self, lr: float, t: int) -> list[float]:
        """Return the numbers of step ``t`` in the order in which the kernel reads them."""
        scalars = self._definition.scalars(self._hyper, lr, t)
        return [scalars[n] for n in NUMBERS[self.name]]

    def launch(self, arena: "Arena", numbers: Array) -> None:
        """Queue the kernel, on gradients that the arena has gathered."""
        size = arena.weights.size
        grid, block = elementwise(size)
        arguments = (arena.weights, arena.grads, *arena.slots, numbers, np.int64(size))
        kernel = instantiation(self.name, arena.weights.dtype)
        self._kernels.launch("optimizers", kernel, grid, block, arguments)

    def params(self, state: "Sequence[Arena]") -> list[Any]:
        """Return the parameters, views of the arenas, in their order."""
        views = {i: view for arena in state for i, view in arena.views.items()}
        return [self._wrap(views[i]) for i in range(len(views))]


class Arena:
    """Parameters of one dtype in one flat array, with their gradients and slots.

    Each begins where cuBLASLt's fastest algorithms want it to; what lies between is zero, has a
    gradient of zero, and stays zero in every optimizer.

    Attributes
    ----------
    views, grad_views
        Each parameter, and its gradient, as a view of the flat arrays, by its position among
        all parameters.
    """

    def __init__(self, cp: Any, values: Mapping[int, Array], slots: int) -> None:
        self._cp = cp
        (dtype,) = {v.dtype for v in values.values()}
        unit = MOST_ALIGNED // dtype.itemsize
        sizes = [-(-prod(v.shape) // unit) * unit for v in values.values()]
        starts = dict(zip(values, accumulate(sizes, initial=0), strict=False))
        self.weights, self.grads = (cp.zeros((sum(sizes),), dtype) for _ in "wg")
        working = "float32" if has(dtype) else dtype
        self.slots = [cp.zeros(self.weights.shape, working) for _ in range(slots)]
        self.views, self.grad_views = (
            {i: flat[starts[i] : starts[i] + prod(v.shape)].reshape(v.shape)
             for i, v in values.items()}
            for flat in (self.weights, self.grads)
        )  # fmt: skip
        self._put(self.views, values)

    def _put(self, views: Mapping[int, Array], values: Mapping[int, Array]) -> None:
        # one by one: CuPy's concatenate sends pointers from the host, which no graph can hold
        for i, view in views.items():
            self._cp.copyto(view, values[i])

    def copy(self) -> "Arena":
        """Return an arena with the same parameters and slots, in memory of its own."""
        other = Arena(self._cp, self.views, len(self.slots))
        other.slots = [s.copy() for s in self.slots]
        return other

    def restore(self, other: "Arena") -> None:
        """Take another arena's parameters and slots, into the memory that is here."""
        self._cp.copyto(self.weights, other.weights)
        for slot, value in zip(self.slots, other.slots, strict=True):
            self._cp.copyto(slot, value)

    def gather(self, grads: Sequence[Any]) -> None:
        """Copy the parameters' gradients into the flat array."""
        self._put(self.grad_views, {i: grads[i].value for i in self.views})
