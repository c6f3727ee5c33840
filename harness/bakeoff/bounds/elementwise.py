"""Rules of arithmetic, comparisons and selections."""

from typing import Any

import numpy as np

from bakeoff.bounds.balls import Arithmetic, Array, Ball, spread
from bakeoff.bounds.table import (
    ONE,
    TWO,
    Applied,
    Ruled,
    Vjp,
    gated,
    like,
    mask,
    nothing,
    rule,
    same,
)
from bakeoff.ops import OPS


@rule("add", "subtract", "multiply", "divide")
def _arithmetic(at: Applied, a: Ball, b: Ball) -> Ruled:
    """One rounding, of the exact result on the operands: |err| ≤ u|y| (Higham, eq. 2.4).

    Two in ``divide``, for toolkits that multiply by a constant's reciprocal:
    fl(a fl(1/b)) = (a/b)(1 + δ₁)(1 + δ₂). Gradients are products and quotients again, each
    rounded; where an operand was broadcast they are sums besides, within γ_{n-1} Σ|g|.
    """
    fl = at.fl
    y = getattr(fl, at.op)(a, b)
    to_a: dict[str, Vjp] = {
        "multiply": lambda g: fl.multiply(g, b),
        "divide": lambda g: fl.divide(g, b),
    }
    to_b: dict[str, Vjp] = {
        "subtract": fl.negative,
        "multiply": lambda g: fl.multiply(g, a),
        # -g (a/b)/b and -g a/b² differ by roundings, and by where they overflow.
        "divide": lambda g: fl.negative(fl.divide(fl.multiply(g, fl.divide(a, b)), b)),
    }
    return y, (
        lambda g: like(fl, to_a.get(at.op, same)(g), a),
        lambda g: like(fl, to_b.get(at.op, same)(g), b),
    )


@rule("pow")
def _pow(at: Applied, a: Ball, b: Ball) -> Ruled:
    """The catalogue's ulp, of a power as libraries round it: |err| ≤ n ulp(y) ≤ 2nu|y|.

    Gradients are b a^(b-1) and a^b log a, whose factors have such errors, and the products one
    rounding each. Source of what libraries promise: Gladman, Innocente, Mather, Zimmermann,
    *Accuracy of Mathematical Functions in Single, Double, …* (2024), table of pow.
    """
    fl = at.fl
    y = _power(at, a, b)

    def to_a(g: Ball) -> Ball:
        less = _power(at, a, fl.subtract(b, ONE))  # a^(b-1)
        return like(fl, fl.multiply(g, fl.multiply(b, less)), a)

    def to_b(g: Ball) -> Ball:
        log = fl.unary(np.log, lambda x: 1 / x, a, OPS["log"].ulp)
        return like(fl, fl.multiply(g, fl.multiply(y, log)), b)

    return y, (to_a, to_b)


def _power(at: Applied, a: Ball, b: Ball) -> Ball:
    """a^b is monotone in a and in b: over the balls it strays furthest at a corner."""
    mid = np.asarray(np.power(a.mid, np.asarray(b.mid, dtype=np.float64)))
    rad = None
    if spread(a, b):
        ends = [
            np.abs(np.power(a.mid + i * a.radius, b.mid + j * b.radius) - mid)
            for i in (1, -1)
            for j in (1, -1)
        ]
        slopes = np.abs(mid) * (
            np.abs(b.mid) * a.radius / np.abs(a.mid)
            + np.where(b.radius > 0, np.abs(np.log(np.abs(a.mid))), 0.0) * b.radius
        )
        rad = np.maximum(np.maximum.reduce(ends), slopes)
    y = at.fl.settle(mid, rad, roundings=2 * at.ulp, local=at.fl.underflow(mid, a))
    return y.undecided((a.radius >= np.abs(a.mid)) & (a.radius > 0) & (b.mid < 1))


@rule("maximum", "minimum")
def _pick(at: Applied, a: Ball, b: Ball) -> Ruled:
    """Ties share the cotangent equally, or in any other way: all are subgradients."""
    fl = at.fl
    mid = np.asarray(getattr(np, at.op)(a.mid, b.mid))
    rad = np.maximum(a.radius, b.radius) + np.zeros(mid.shape) if spread(a, b) else None
    undecided = np.abs(a.mid - b.mid) <= a.radius + b.radius

    def to(x: Ball) -> Vjp:
        share = np.where(a.mid == b.mid, 0.5, x.mid == mid)
        return lambda g: like(fl, gated(fl, g, mask(share, undecided)), x)

    return Ball(mid, rad), (to(a), to(b))


@rule("negative")
def _negative(at: Applied, x: Ball) -> Ruled:
    """Exact, both ways: IEEE 754 section 5.5.1, the sign bit alone."""
    return at.fl.negative(x), (at.fl.negative,)


@rule("abs", "sign")
def _sign(at: Applied, x: Ball) -> Ruled:
    """The cotangent of ``abs`` takes the sign; at zero any of [-1, 1] is a subgradient."""
    sign = Ball(np.sign(x.mid), None if x.rad is None else 2.0 * (x.rad >= np.abs(x.mid)))
    if at.op == "sign":
        return sign, (nothing(x),)
    open_ = np.where(x.mid == 0, 1.0, sign.radius)
    return Ball(np.abs(x.mid), x.rad), (lambda g: _signed(at.fl, g, sign.mid, open_),)


def _signed(fl: Arithmetic, g: Ball, sign: Array, open_: Array) -> Ball:
    return (
        Ball(g.mid * sign, g.radius + g.size * open_)
        if np.any(open_)
        else Ball(g.mid * sign, g.rad)
    )


@rule("square")
def _square(at: Applied, x: Ball) -> Ruled:
    """One rounding; its gradient, g (2x), one more: doubling is exact, but may overflow."""
    fl = at.fl
    return fl.multiply(x, x), (lambda g: fl.multiply(g, fl.multiply(TWO, x)),)


@rule("clip", "relu")
def _clip(at: Applied, x: Ball) -> Ruled:
    """The cotangent passes between the ends, and at them (`relu`: not), or by any part there."""
    low, high = (0.0, None) if at.op == "relu" else (at.attrs["min"], at.attrs["max"])
    mid, rad, undecided = x.mid, x.rad, None
    inside: Any = x.mid > 0 if at.op == "relu" else True
    for end, limit in ((low, np.maximum), (high, np.minimum)):
        if end is None:
            continue
        e = at.number(end)
        mid = limit(mid, e.mid)
        inside = inside & (limit(x.mid, e.mid) == x.mid)
        if spread(x, e):
            rad = np.maximum(0.0 if rad is None else rad, e.radius) + np.zeros(mid.shape)
        close = np.abs(x.mid - e.mid) <= x.radius + e.radius
        undecided = close if undecided is None else undecided | close
    gate = mask(inside, undecided)
    return Ball(np.asarray(mid), rad), (lambda g: gated(at.fl, g, gate),)


@rule("where")
def _where(at: Applied, condition: Ball, a: Ball, b: Ball) -> Ruled:
    """Exact: a selection. Where the condition is undecided, anything between the two."""
    fl, chosen = at.fl, condition.mid.astype(bool)
    undecided = None if condition.rad is None else condition.rad > 0
    mid = np.where(chosen, a.mid, b.mid)
    rad = np.where(chosen, a.radius, b.radius) if spread(a, b) else None
    if undecided is not None:
        either = np.abs(a.mid - b.mid) + a.radius + b.radius
        rad = np.where(undecided, either, 0.0 if rad is None else rad)
    to_a = mask(chosen, undecided)
    to_b = mask(~chosen, undecided)
    return Ball(mid, rad), (
        nothing(condition),
        lambda g: like(fl, gated(fl, g, to_a), a),
        lambda g: like(fl, gated(fl, g, to_b), b),
    )


@rule("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
def _compare(at: Applied, a: Ball, b: Ball) -> Ruled:
    """Exact (IEEE 754 section 5.6.1) unless the operands' balls meet: then undecided."""
    undecided = np.abs(a.mid - b.mid) <= a.radius + b.radius if spread(a, b) else None
    mid = getattr(np, at.op)(a.mid, b.mid)
    return Ball(mid, None if undecided is None else undecided.astype("f8")), ()
