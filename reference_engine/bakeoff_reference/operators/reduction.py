"""Sums, means, extremes over axes. Attributes: ``axis`` (None: all) and ``keepdims``."""

from math import prod
from typing import Any

from bakeoff_reference.arguments import axes_of, axis_of
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.errors import refuse
from bakeoff_reference.primitive import primitive

Axes = tuple[int, ...]


def _axes(op: str, *, empty: bool) -> Any:
    def prepare(x: Array, *, axis: Any, keepdims: bool) -> dict[str, Any]:
        axes = axes_of(op, axis, x.ndim)
        if not empty and any(x.shape[a] == 0 for a in axes):
            refuse(op, f"no elements along axis {axes} of shape {x.shape}")
        return {"axis": axes, "keepdims": bool(keepdims)}

    return prepare


def _kept(x: Array, axis: Axes) -> Axes:
    """The shape of a reduction of ``x`` with ``keepdims``."""
    return tuple(1 if i in axis else n for i, n in enumerate(x.shape))


@primitive(prepare=_axes("sum", empty=True), accumulates=True)
def sum_(xp: XP, x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """Return the sum over axes, in the dtype of ``x``."""
    return xp.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype)


sum_.defvjp(lambda xp, g, y, x, axis, keepdims: xp.broadcast_to(g.reshape(_kept(x, axis)), x.shape))


@primitive(prepare=_axes("mean", empty=False), accumulates=True)
def mean(xp: XP, x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """Return the arithmetic mean over axes."""
    return xp.sum(x, axis=axis, keepdims=keepdims) / _count(x, axis)


def _count(x: Array, axis: Axes) -> int:
    return prod(x.shape[a] for a in axis)


mean.defvjp(
    lambda xp, g, y, x, axis, keepdims: xp.broadcast_to(
        (g / _count(x, axis)).reshape(_kept(x, axis)), x.shape
    )
)


@primitive(prepare=_axes("max", empty=False))
def max_(xp: XP, x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """Return the largest element over axes; tied elements share the cotangent equally."""
    return xp.max(x, axis=axis, keepdims=keepdims)


@primitive(prepare=_axes("min", empty=False))
def min_(xp: XP, x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """Return the smallest element over axes; tied elements share the cotangent equally."""
    return xp.min(x, axis=axis, keepdims=keepdims)


def _extreme(xp: XP, g: Array, y: Array, x: Array, axis: Axes, keepdims: bool) -> Array:
    kept = _kept(x, axis)
    won = xp.astype(xp.equal(x, y.reshape(kept)), x.dtype.name)
    return won * (g.reshape(kept) / xp.sum(won, axis=axis, keepdims=True))


max_.defvjp(_extreme)
min_.defvjp(_extreme)


@primitive(prepare=_axes("logsumexp", empty=False), accumulates=True)
def logsumexp(xp: XP, x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """Return ``log(sum(exp(x)))`` over axes, without overflow, right for infinite elements.

    Source: Blanchard, Higham & Higham, IMA J. Numer. Anal. 41 (2021), equation 1.3.
    """
    top = xp.max(x, axis=axis, keepdims=True)
    # the shift is finite: inf - inf would be NaN where the answer is inf
    shift = xp.minimum(xp.maximum(top, _lowest(x)), -_lowest(x))
    total = xp.sum(xp.exp(x - shift), axis=axis, keepdims=True)
    # the largest term is exp(0) = 1; less only if all are exp(-inf), and then top is the answer
    y = xp.log(xp.maximum(total, 1)) + top
    return y if keepdims else y.reshape(tuple(n for i, n in enumerate(x.shape) if i not in axis))


def _lowest(x: Array) -> float:
    return {"f": -3.4028234663852886e38, "d": -1.7976931348623157e308}[x.dtype.char]


logsumexp.defvjp(
    lambda xp, g, y, x, axis, keepdims: (
        g.reshape(_kept(x, axis)) * xp.exp(x - y.reshape(_kept(x, axis)))
    )
)


def _argmax(x: Array, *, axis: Any, keepdims: bool) -> dict[str, Any]:
    axis = None if axis is None else axis_of("argmax", axis, x.ndim)
    if (x.size if axis is None else x.shape[axis]) == 0:
        refuse("argmax", f"no elements along axis {axis} of shape {x.shape}")
    return {"axis": axis, "keepdims": bool(keepdims)}


@primitive(prepare=_argmax)
def argmax(xp: XP, x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the int64 index of the largest element, the first of ties; None: of x flattened."""
    y = xp.argmax(x, axis)
    if keepdims:
        axes = tuple(range(x.ndim)) if axis is None else (axis,)
        return y.reshape(_kept(x, axes))
    return y


argmax.defvjp(None)
