"""The table of rules: how balls pass through each op of the catalogue, and back.

A rule takes an `Applied` (the op, its attributes, its arithmetic) and the balls of its
arguments. It returns the result's ball and, per argument, a function from the result's
cotangent to the argument's: vjps written in ball arithmetic, so that a gradient's bound
comes out with the gradient. Where toolkits use different formulas, the radius holds all
of them; each rule says which.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from bakeoff.bounds.balls import FORMATS, Arithmetic, Array, Ball, Shape
from bakeoff.inputs import rounded
from bakeoff.ops import OPS

Vjp = Callable[[Ball], Ball]
Ruled = tuple[Ball, tuple[Vjp, ...]]


class Applied(NamedTuple):
    """One op application: result shape and dtype's arithmetic, argument dtypes."""

    op: str
    attrs: Mapping[str, Any]
    shape: Shape
    fl: Arithmetic
    dtypes: tuple[str, ...]

    @property
    def ulp(self) -> float:
        """The catalogue's allowance for a library function."""
        return OPS[self.op].ulp

    def number(self, value: float) -> Ball:
        """Return an attribute's value as the dtype holds it."""
        return scalar(value, self.fl.dtype)


RULES: dict[str, Callable[..., Ruled]] = {}
ONE = Ball(np.asarray(1.0))
TWO = Ball(np.asarray(2.0))
EXP = 2 * OPS["exp"].ulp  # relative error in units of u; an ulp is at most 2u
LOG = 2 * OPS["log"].ulp


def rule(*ops: str) -> Callable[[Callable[..., Ruled]], Callable[..., Ruled]]:
    """Register a rule for some ops."""

    def register(function: Callable[..., Ruled]) -> Callable[..., Ruled]:
        RULES.update(dict.fromkeys(ops, function))
        return function

    return register


def scalar(value: Any, dtype: str) -> Ball:
    """Return a Python number as an operand of a dtype.

    Toolkits round it to the dtype first, or use it as it is in wider arithmetic.
    """
    if dtype not in FORMATS or isinstance(value, bool):
        return Ball(np.asarray(value))
    mid = nearest(float(value), dtype)
    exact = mid == value or value != value
    return Ball(np.asarray(mid), None if exact else np.asarray(abs(mid - value)))


def nearest(value: float, dtype: str) -> float:
    """Round to a floating-point dtype by name."""
    return float(rounded(np.asarray(value, dtype=np.float64), dtype))


def like(fl: Arithmetic, g: Ball, to: Ball) -> Ball:
    """Sum a cotangent over the axes along which ``to`` was broadcast."""
    shape = to.mid.shape
    lead = g.mid.ndim - len(shape)
    axes = (*range(lead), *(i + lead for i, n in enumerate(shape) if n != g.mid.shape[i + lead]))
    return fl.sum(g, axes, keepdims=True).move(lambda x: x.reshape(shape))


def kept(x: Ball, axes: Shape) -> Vjp:
    """Broadcast a reduction's cotangent back over the axes."""
    shape = x.mid.shape
    thin = tuple(1 if i in axes else n for i, n in enumerate(shape))
    return lambda g: g.move(lambda a: np.broadcast_to(a.reshape(thin), shape))


def same(g: Ball) -> Ball:
    """The vjp of what only adds."""
    return g


def nothing(x: Ball) -> Vjp:
    """The vjp of what ``x`` does not move."""
    return lambda g: Ball(np.zeros(x.mid.shape))


def mask(chosen: Array, undecided: Any = None) -> Ball:
    """Return 1 where chosen, 0 where not, any of [0, 1] where undecided."""
    mid = np.asarray(chosen, dtype=np.float64)
    if undecided is None or not np.any(undecided):
        return Ball(mid)
    return Ball(mid, np.where(undecided, np.maximum(mid, 1 - mid), 0.0))


def gated(fl: Arithmetic, g: Ball, gate: Ball) -> Ball:
    """Return g where the gate is 1 and 0 where it is 0, exactly; the rest is a product."""
    passed = g.move(lambda x: np.where(gate.mid == 1, x, 0.0))
    sure = ((gate.mid == 0) | (gate.mid == 1)) & (gate.radius == 0)
    if np.all(sure):
        return passed
    scaled = fl.multiply(g, gate)
    return Ball(
        np.where(sure, passed.mid, scaled.mid), np.where(sure, passed.radius, scaled.radius)
    )


def contested(high: Ball, axes: Shape | None) -> Array | None:
    """Return where an element may be the greatest, and is not the only such."""
    if axes == ():
        return None
    floor = np.max(high.mid - high.radius, axis=axes, keepdims=True)
    able = high.mid + high.radius >= floor
    return np.asarray(able & (np.sum(able, axis=axes, keepdims=True) > 1))
