"""Rules of sums, means and extremes."""

from math import prod

import numpy as np

from bakeoff.bounds.balls import Array, Ball
from bakeoff.bounds.table import Applied, Ruled, contested, gated, kept, mask, nothing, rule


@rule("sum", "mean")
def _sum(at: Applied, x: Ball) -> Ruled:
    """The mean adds a division, or a product with a rounded 1/n: two roundings more."""
    fl, axes, keep = at.fl, at.attrs["axis"], at.attrs["keepdims"]
    back = kept(x, axes)
    if at.op == "sum":
        return fl.sum(x, axes, keep), (back,)
    n = prod(x.mid.shape[i] for i in axes)
    count = fl.scalar(float(n))

    def mean(a: Array, _: Array) -> Array:
        return np.asarray(np.mean(a, axis=axes, keepdims=keep) if axes else a)

    y = fl.contract(mean, x, None, n + 1, divisor=n) if n > 1 else fl.sum(x, axes, keep)
    return y, (lambda g: back(fl.divide(g, count) if n > 1 else g),)


@rule("max", "min")
def _extreme(at: Applied, x: Ball) -> Ruled:
    """Exact; ties share the cotangent equally, or in any other way: all are subgradients."""
    fl, axes, keep = at.fl, at.attrs["axis"], at.attrs["keepdims"]
    back = kept(x, axes)
    best = getattr(np, at.op)
    mid = best(x.mid, axis=axes, keepdims=keep) if axes else x.mid
    rad = None if x.rad is None else np.max(x.rad, axis=axes, keepdims=keep) if axes else x.rad
    y = Ball(np.asarray(mid), rad)

    def to_x(g: Ball) -> Ball:
        at_best = x.mid == back(y).mid
        tied = np.sum(at_best, axis=axes, keepdims=True) if axes else 1
        return gated(fl, back(g), mask(at_best / tied, contested(_high(at.op, x), axes)))

    return y, (to_x,)


def _high(op: str, x: Ball) -> Ball:
    return x if op == "max" else Ball(-x.mid, x.rad)


@rule("argmax")
def _argmax(at: Applied, x: Ball) -> Ruled:
    """Exact, the first of those tied; undecided where the greatest balls meet."""
    axis, keep = at.attrs["axis"], at.attrs["keepdims"]
    mid = np.asarray(np.argmax(x.mid, axis=axis, keepdims=keep))
    axes = tuple(range(x.mid.ndim)) if axis is None else (axis,)
    open_ = None if x.rad is None else contested(x, axes)  # of exact ties it is the first
    if open_ is None:
        return Ball(mid), (nothing(x),)
    undecided = np.any(open_, axis=axes, keepdims=keep)
    return Ball(mid, np.where(undecided, np.inf, 0.0)), (nothing(x),)
