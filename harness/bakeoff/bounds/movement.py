"""Rules of what creates, casts and moves."""

from typing import Any

import numpy as np

from bakeoff.bounds.balls import FORMATS, Arithmetic, Array, Ball, spread
from bakeoff.bounds.table import Applied, Ruled, Vjp, like, mask, nothing, rule, scalar


@rule("zeros", "ones", "full", "eye", "arange", "linspace", "zeros_like", "ones_like", "full_like")
def _create(at: Applied, *like: Ball) -> Ruled:
    """Exact: the dtype's own value. A fill value is rounded to it first; see `_sequence`."""
    a, fl = at.attrs, at.fl
    if at.op in ("arange", "linspace"):
        return _sequence(at), ()
    if at.op == "eye":
        return Ball(np.eye(a["n_rows"], a["n_cols"], a["k"])), ()
    value = {"zeros": 0.0, "ones": 1.0}.get(at.op.removesuffix("_like"), a.get("fill_value"))
    number = scalar(value, fl.dtype)
    ball = Ball(np.broadcast_to(number.mid, at.shape))  # the dtype's own value: exact
    return ball, tuple(nothing(x) for x in like)


def _sequence(at: Applied) -> Ball:
    """start + i·step: two roundings of start + i·step, and one of step, i times."""
    a, n = at.attrs, at.shape[0]
    step = a["step"] if at.op == "arange" else (a["stop"] - a["start"]) / max(n - 1, 1)
    i = np.arange(n)
    mid = a["start"] + i * step
    if at.op == "linspace" and n > 1:
        mid = np.where(i == n - 1, a["stop"], mid)
    if not at.fl.format.u or (float(step).is_integer() and float(a["start"]).is_integer()):
        return Ball(mid)
    sizes = abs(a["start"]) + abs(a.get("stop") or 0.0) + np.abs(i * step)
    return at.fl.settle(mid, roundings=1.0, local=3 * at.fl.format.u * sizes)


@rule("astype")
def _astype(at: Applied, x: Ball) -> Ruled:
    """One rounding into a narrower dtype, none into a wider; into integers, truncation.

    The cotangent is cast back. Source: IEEE 754 sections 5.4.2 and 5.8.
    """
    return _cast(x, at.dtypes[0], at.fl.dtype), (lambda g: _cast(g, at.fl.dtype, at.dtypes[0]),)


def _cast(x: Ball, source: str, target: str) -> Ball:
    if target == "bool":
        undecided = None if x.rad is None else (x.mid != 0) & (x.rad >= np.abs(x.mid))
        return mask(x.mid != 0, undecided)
    fl = Arithmetic(target)
    if not fl.format.u:
        cut = Ball(np.trunc(x.mid))
        if x.rad is None:
            return cut
        crossed = np.maximum(
            np.abs(np.trunc(x.mid + x.rad) - cut.mid), np.abs(np.trunc(x.mid - x.rad) - cut.mid)
        )
        return Ball(cut.mid, crossed)
    wider = source in FORMATS and FORMATS[source].u >= fl.format.u
    keeps = source == "bool" or (wider and FORMATS[source].largest <= fl.format.largest)
    return Ball(x.mid * 1.0, x.rad) if keeps else fl.settle(x.mid * 1.0, x.rad)


@rule("reshape")
def _reshape(at: Applied, x: Ball) -> Ruled:
    """Exact, both ways: nothing is computed."""
    old = x.mid.shape
    return x.move(lambda a: a.reshape(at.shape)), (lambda g: g.move(lambda a: a.reshape(old)),)


@rule("permute_dims")
def _permute(at: Applied, x: Ball) -> Ruled:
    """Exact, both ways: nothing is computed."""
    axes = at.attrs["axes"]
    back = tuple(int(i) for i in np.argsort(axes))
    return (
        x.move(lambda a: a.transpose(axes)),
        (lambda g: g.move(lambda a: a.transpose(back)),),
    )


@rule("broadcast_to")
def _broadcast(at: Applied, x: Ball) -> Ruled:
    """Exact; cotangents are added up over the copies, within γ_{n-1} Σ|g| (Higham, eq. 3.5)."""
    y = x.move(lambda a: np.broadcast_to(a, at.shape))
    return y, (lambda g: like(at.fl, g, x),)


@rule("concat", "stack")
def _join(at: Applied, *parts: Ball) -> Ruled:
    """Exact, both ways: nothing is computed."""
    axis = at.attrs["axis"]
    join: Any = np.concatenate if at.op == "concat" else np.stack
    rads = [p.radius + np.zeros(p.mid.shape) for p in parts] if spread(*parts) else None
    y = Ball(
        join([p.mid for p in parts], axis=axis), None if rads is None else join(rads, axis=axis)
    )
    if at.op == "stack":
        return y, tuple(_cut(axis, i) for i in range(len(parts)))
    ends = np.cumsum([p.mid.shape[axis] for p in parts])
    return y, tuple(
        _cut(axis, slice(int(end) - p.mid.shape[axis], int(end)))
        for p, end in zip(parts, ends, strict=True)
    )


def _cut(axis: int, index: int | slice) -> Vjp:
    where = (slice(None),) * axis + (index,)
    return lambda g: g.move(lambda a: a[where])


@rule("pad")
def _pad(at: Applied, x: Ball) -> Ruled:
    """Exact, both ways: nothing is computed."""
    width = at.attrs["pad_width"]
    value = at.number(at.attrs["value"])  # the dtype's own: exact
    y = Ball(
        np.pad(x.mid, width, constant_values=value.mid),
        None if x.rad is None else np.pad(x.rad, width),
    )
    inner = tuple(slice(lo, lo + n) for (lo, _), n in zip(width, x.mid.shape, strict=True))
    return y, (lambda g: g.move(lambda a: a[inner]),)


@rule("getitem")
def _getitem(at: Applied, x: Ball) -> Ruled:
    """Exact, both ways: no element is taken twice."""
    index = tuple(slice(*i) if isinstance(i, tuple) else i for i in at.attrs["index"])

    def back(a: Array) -> Array:
        whole = np.zeros(x.mid.shape)
        whole[index] = a
        return whole

    return x.move(lambda a: np.asarray(a[index])), (lambda g: g.move(back),)


@rule("take")
def _take(at: Applied, x: Ball, indices: Ball) -> Ruled:
    """The vjp adds up the cotangents of an index that is taken several times."""
    axis, rows = at.attrs["axis"], indices.mid
    most = int(np.max(np.bincount(rows))) if rows.size else 1

    def back(a: Array, _: Array) -> Array:
        whole = np.zeros(x.mid.shape)
        np.add.at(whole, (slice(None),) * axis + (rows,), a)
        return whole

    y = x.move(lambda a: np.take(a, rows, axis=axis))
    return y, (lambda g: at.fl.contract(back, g, None, most - 1, stored=True), nothing(indices))


@rule("one_hot")
def _one_hot(at: Applied, indices: Ball) -> Ruled:
    """Exact: zeros and ones."""
    return Ball(np.eye(at.attrs["num_classes"])[indices.mid]), (nothing(indices),)
