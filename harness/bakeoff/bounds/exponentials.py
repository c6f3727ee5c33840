"""Rules of softmax, logsumexp and the losses made of them."""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from bakeoff.bounds.balls import Arithmetic, Array, Ball, Shape, gamma, spread
from bakeoff.bounds.functions import logistic, sigmoid
from bakeoff.bounds.table import EXP, LOG, TWO, Applied, Ruled, kept, mask, nothing, rule, same
from bakeoff.ops import OPS


class _Exponentials(NamedTuple):
    """exp(x - max x) along axes: shifted logits, their shares of the sum, and errors.

    ``each`` bounds the relative error of each exponential, ``whole`` that of their sum,
    ``moved`` by how much the arguments' radii can move the logarithm of the sum.
    """

    top: Array
    shifted: Array
    share: Array
    log: Array
    each: Array
    whole: Array
    moved: Any


def _exponentials(fl: Arithmetic, x: Ball, axes: Shape) -> _Exponentials:
    """Blanchard, Higham, Higham (2021), section 3: logsumexp and softmax, shifted.

    exp(fl(x - m)) has relative error u|x - m| from its argument and the library's own; the
    sum's is the mean of these, weighted by the shares, and γ_{n-1}. Without the shift, the
    errors are smaller where nothing overflows. log Σ exp is 1-Lipschitz in the maximum norm.
    """
    f = fl.format
    top = np.max(x.mid, axis=axes, keepdims=True)
    shifted = x.mid - top
    powers = np.exp(shifted)
    total = np.sum(powers, axis=axes, keepdims=True)
    share = powers / total
    each = f.u * (np.abs(shifted) + EXP)
    n = prod(x.mid.shape[i] for i in axes)
    fl.terms = max(fl.terms, n - 1)
    sums = gamma(n - 1, f.u_sum) + f.u
    whole = np.sum(_part(share, each), axis=axes, keepdims=True) + sums
    moved = 0.0 if x.rad is None else np.max(x.rad, axis=axes, keepdims=True)
    return _Exponentials(top, shifted, share, np.log(total), each, whole, moved)


def _part(share: Array, error: Any) -> Array:
    """share · error: nothing where the share is nothing, as of exp(-inf), whatever its error."""
    return np.where(share == 0, 0.0, share * error)


def _added(fl: Arithmetic, e: _Exponentials, error: Array) -> Array:
    """The error of a sum of ``top`` and ``log`` whose rounding is bounded by ``error``.

    Rounding max + log to nearest moves it by |log| at most, since max itself can be held. Only
    where exp(max) can be, too, is another formula possible than that with the shift.
    """
    shift = np.abs(e.top) > np.log(fl.format.largest)
    return np.where(shift, np.minimum(error, np.abs(e.log) + e.whole + e.moved), error)


def _log_total(fl: Arithmetic, x: Ball, axes: Shape) -> Ball:
    """log Σ exp(x): max + log Σ exp(x - max); max itself where that is infinite."""
    e, u = _exponentials(fl, x, axes), fl.format.u
    mid = np.where(np.isinf(e.top), e.top, e.top + e.log)
    local = e.whole + LOG * u * np.abs(e.log) + _added(fl, e, u * (np.abs(mid) + e.moved))
    return fl.settle(mid, None if x.rad is None else e.moved, roundings=0.0, local=local)


def _log_softmax(fl: Arithmetic, x: Ball, axis: int) -> Ball:
    """x - max - log Σ exp(x - max), or x - logsumexp(x): that is u·(|max| + |x|) more."""
    e, u = _exponentials(fl, x, (axis,)), fl.format.u
    apart = _added(fl, e, u * (np.abs(e.top) + np.abs(x.mid)))
    sizes = np.abs(e.shifted) + LOG * np.abs(e.log)
    rad = None if x.rad is None else x.rad + e.moved
    return fl.settle(e.shifted - e.log, rad, local=e.whole + u * sizes + apart)


def _softmax(fl: Arithmetic, x: Ball, axes: Shape, log_error: Any = 0.0) -> Ball:
    """exp(x - max) / Σ: the share's relative errors add up.

    Or the exponential of its logarithm, whose absolute error ``log_error`` becomes a relative
    one: exp(x - logsumexp(x)), exp(log_softmax(x)), which vjps take from the result at hand.
    """
    e, u = _exponentials(fl, x, axes), fl.format.u
    relative = np.maximum(e.each + e.whole, EXP * u + np.expm1(log_error))
    rad = None if x.rad is None else _part(e.share, np.expm1(x.rad + e.moved))
    return fl.settle(e.share, rad, roundings=2.0, local=_part(e.share, relative))


def _through_total(fl: Arithmetic, x: Ball, axes: Shape) -> Ball:
    """Softmax as exp(x - logsumexp(x)), or directly."""
    total = _log_total(fl, Ball(x.mid), axes)
    gap = np.abs(x.mid - total.mid)
    return _softmax(fl, x, axes, total.radius + fl.format.u * (gap + total.radius))


def _through_log(fl: Arithmetic, x: Ball, axis: int) -> Ball:
    """Softmax as exp(log_softmax(x)), or directly."""
    return _softmax(fl, x, (axis,), _log_softmax(fl, Ball(x.mid), axis).radius)


@rule("logsumexp")
def _logsumexp(at: Applied, x: Ball) -> Ruled:
    """See `_log_total`; the gradient is g times softmax, as exp(x - y) or as a share."""
    fl, axes = at.fl, at.attrs["axis"]
    if not axes:
        return x, (same,)
    y = _log_total(fl, x, axes)
    if not at.attrs["keepdims"]:
        y = y.move(lambda a: np.squeeze(a, axis=axes))
    back = kept(x, axes)
    return y, (lambda g: fl.multiply(back(g), _through_total(fl, x, axes)),)


@rule("softmax")
def _softmax_rule(at: Applied, x: Ball) -> Ruled:
    """y (g - Σ g y), or y g - y Σ g y."""
    fl, axis = at.fl, at.attrs["axis"]
    y = _through_log(fl, x, axis)

    def to_x(g: Ball) -> Ball:
        inner = fl.sum(fl.multiply(g, y), (axis,), keepdims=True)
        return fl.subtract(fl.multiply(g, y), fl.multiply(y, inner))

    return y, (to_x,)


@rule("log_softmax")
def _log_softmax_rule(at: Applied, x: Ball) -> Ruled:
    """See `_log_softmax`; the gradient is g - softmax Σg, one product, one sum, one difference."""
    fl, axis = at.fl, at.attrs["axis"]

    def to_x(g: Ball) -> Ball:
        total = fl.sum(g, (axis,), keepdims=True)
        return fl.subtract(g, fl.multiply(_through_log(fl, x, axis), total))

    return _log_softmax(fl, x, axis), (to_x,)


@rule("dropout")
def _dropout(at: Applied, x: Ball, noise: Ball) -> Ruled:
    """x/(1 - rate), or x times a rounded 1/(1 - rate)."""
    fl, rate = at.fl, at.attrs["rate"]
    drawn = at.number(rate)
    undecided = np.abs(noise.mid - drawn.mid) <= drawn.radius if spread(drawn) else None
    kept = mask(noise.mid >= drawn.mid, undecided)
    scale = fl.settle(np.asarray(1 / (1 - rate)), roundings=3.0)
    return (
        fl.multiply(kept, fl.multiply(x, scale)),
        (lambda g: fl.multiply(kept, fl.multiply(g, scale)), nothing(noise)),
    )


@rule("sigmoid_cross_entropy_with_logits")
def _sigmoid_loss(at: Applied, x: Ball, target: Ball) -> Ruled:
    """max(x, 0) - x t + log(1 + exp(-|x|)), or (1 - t) x - log σ(x), whose terms may be |x|."""
    fl, u = at.fl, at.fl.format.u
    soft = np.log1p(np.exp(-np.abs(x.mid)))
    linear = np.abs(x.mid) * (1 + np.abs(target.mid))
    mid = np.maximum(x.mid, 0) - x.mid * target.mid + soft
    local = u * (3 * linear + 2 * OPS["log1p"].ulp * soft + EXP * (1 - logistic(np.abs(x.mid))))
    rad = None
    if spread(x, target):  # the slope in x lies in [-|t|, 1 + |t|]
        rad = x.radius * (1 + target.size) + target.radius * np.abs(x.mid)
    y = fl.settle(mid, rad, local=local + u)
    slope = fl.subtract(sigmoid(fl, x), target)
    return y, (
        lambda g: fl.multiply(g, slope),
        lambda g: fl.negative(fl.multiply(g, x)),
    )


@rule("softmax_cross_entropy_with_logits")
def _softmax_loss(at: Applied, x: Ball, labels: Ball) -> Ruled:
    """-Σ labels log_softmax(x), or logsumexp(x) Σ labels - Σ labels x."""
    fl, axis = at.fl, at.attrs["axis"]
    logs = _log_softmax(fl, x, axis)
    terms = fl.multiply(labels, logs)
    whole = fl.sum(terms, (axis,))
    n = x.mid.shape[axis]
    weighted = np.sum(labels.size * x.size, axis=axis)
    y = fl.settle(
        -whole.mid, whole.radius, local=(gamma(n, fl.format.u_sum) + fl.format.u) * weighted
    )
    thin = kept(x, (axis,))

    def to_logits(g: Ball) -> Ball:
        total = fl.sum(labels, (axis,), keepdims=True)
        slope = fl.subtract(fl.multiply(_through_log(fl, x, axis), total), labels)
        return fl.multiply(thin(g), slope)

    def to_labels(g: Ball) -> Ball:
        return fl.negative(fl.multiply(thin(g), logs))

    return y, (to_logits, to_labels)


@rule("sparse_softmax_cross_entropy_with_logits")
def _sparse_loss(at: Applied, x: Ball, labels: Ball) -> Ruled:
    """-log_softmax(x)[label]."""
    fl, axis = at.fl, x.mid.ndim - 1
    logs = _log_softmax(fl, x, axis)
    rows = labels.mid[..., None]
    y = fl.negative(logs).move(lambda a: np.take_along_axis(a, rows, axis=-1)[..., 0])
    truth = Ball(np.arange(x.mid.shape[-1]) == rows).move(lambda a: a * 1.0)

    def to_logits(g: Ball) -> Ball:
        slope = fl.subtract(_through_log(fl, x, axis), truth)
        return fl.multiply(g.move(lambda a: a[..., None]), slope)

    return y, (to_logits, nothing(labels))


@rule("squared_error")
def _squared_error(at: Applied, p: Ball, t: Ball) -> Ruled:
    """fl(p - t) has one rounding, its square twice that and its own: |err| ≤ (3u + O(u²)) y."""
    fl = at.fl
    gap = fl.subtract(p, t)
    twice = fl.multiply(TWO, gap)
    return fl.multiply(gap, gap), (
        lambda g: fl.multiply(g, twice),
        lambda g: fl.negative(fl.multiply(g, twice)),
    )
