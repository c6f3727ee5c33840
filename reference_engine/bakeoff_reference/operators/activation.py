"""Activations of neural networks."""

from math import prod
from typing import Any

from bakeoff_reference.arguments import axis_of
from bakeoff_reference.arrays import XP, Array, is_half
from bakeoff_reference.broadcasting import total
from bakeoff_reference.errors import refuse
from bakeoff_reference.primitive import primitive


def _bias_add(x: Array, bias: Array) -> dict[str, Any]:
    if x.ndim < 2 or bias.shape != (x.shape[1],):
        refuse(
            "bias_add",
            f"x {x.shape} and bias {bias.shape}, expected x (N, C, ...) and bias (C,); "
            "the channels are dimension 1",
        )
    return {}


@primitive(prepare=_bias_add)
def bias_add(xp: XP, x: Array, bias: Array, /) -> Array:
    """Return ``x`` (N, C, ...) plus ``bias`` (C,)."""
    return xp.add(x, _channels(x, bias))


def _channels(x: Array, bias: Array) -> Array:
    """(C,) --> (C, 1, ...), to broadcast along dimension 1."""
    return bias if x.ndim == 2 else bias.reshape(bias.shape + (1,) * (x.ndim - 2))


def _bias_grad(xp: XP, g: Array, y: Array, x: Array, bias: Array) -> Array:
    if x.ndim == 2:
        return g
    g = g.reshape((*g.shape[:2], prod(g.shape[2:])))  # (N, C, ...) --> (N, C, prod(...))
    if is_half(g.dtype):  # rounded once, after the last sum
        return total(xp, g, (0, 2))
    return xp.sum(g, axis=2)  # contiguous sums first; `unbroadcast` adds up the batch


bias_add.defvjp(lambda xp, g, y, x, bias: g, _bias_grad)


@primitive
def relu(xp: XP, x: Array, /) -> Array:
    """Return ``max(x, 0)``; its derivative at 0 is taken as 0.

    Source: Nair & Hinton, Rectified linear units improve restricted Boltzmann machines (2010).
    """
    return xp.maximum(x, 0)


relu.defvjp(lambda xp, g, y, x: g * xp.greater(y, 0))


def logistic(xp: XP, x: Array) -> Array:
    """Return ``1 / (1 + exp(-x))`` without overflow, to full relative accuracy."""
    small = xp.exp(xp.negative(xp.absolute(x)))  # in (0, 1]: exp(x) overflows float32 above 88
    return xp.where(xp.less(x, 0), small, 1) / (small + 1)


@primitive
def sigmoid(xp: XP, x: Array, /) -> Array:
    """Return the logistic function ``1 / (1 + exp(-x))``."""
    return logistic(xp, x)


sigmoid.defvjp(lambda xp, g, y, x: g * (y * (1 - y)))


@primitive(ufunc="tanh")
def tanh(xp: XP, x: Array, /) -> Array:
    """Return the hyperbolic tangent."""
    return xp.tanh(x)


tanh.defvjp(lambda xp, g, y, x: g * (1 - y * y))


@primitive(saves=True)
def silu(xp: XP, x: Array, /) -> Array:
    """Return ``x * sigmoid(x)``.

    Source: Elfwing, Uchibe & Doya, Neural Networks 107 (2018).
    """
    s = logistic(xp, x)
    return x * s, s


silu.defvjp(lambda xp, g, s, x: g * (s * (1 + x * (1 - s))))


def _axis(op: str) -> Any:
    def prepare(x: Array, *, axis: int) -> dict[str, Any]:
        position = axis_of(op, axis, x.ndim)
        if x.shape[position] == 0:
            refuse(op, f"no elements along axis {position} of shape {x.shape}")
        return {"axis": position}

    return prepare


def normalized(xp: XP, x: Array, axis: int) -> Array:
    """Return the softmax of ``x``: exponentials of ``x - max(x)``, which cannot overflow."""
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


def log_normalized(xp: XP, x: Array, axis: int) -> Array:
    """Return the logarithm of the softmax; large negative results stay exact."""
    z = x - xp.max(x, axis=axis, keepdims=True)
    return z - xp.log(xp.sum(xp.exp(z), axis=axis, keepdims=True))


@primitive(prepare=_axis("softmax"), accumulates=True)
def softmax(xp: XP, x: Array, /, *, axis: int = -1) -> Array:
    """Return ``exp(x) / sum(exp(x))`` along an axis."""
    return normalized(xp, x, axis)


softmax.defvjp(
    lambda xp, g, y, x, axis: y * (g - xp.sum(g * y, axis=axis, keepdims=True)),
)


@primitive(prepare=_axis("log_softmax"), accumulates=True)
def log_softmax(xp: XP, x: Array, /, *, axis: int = -1) -> Array:
    """Return ``log(softmax(x))`` along an axis."""
    return log_normalized(xp, x, axis)


log_softmax.defvjp(
    lambda xp, g, y, x, axis: g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True),
)


def _dropout(x: Array, noise: Array, *, rate: float) -> dict[str, Any]:
    if not 0 <= rate < 1:
        refuse("dropout", f"rate {rate}, expected 0 <= rate < 1")
    if x.shape != noise.shape:
        refuse("dropout", f"x {x.shape} and noise {noise.shape} differ, expected equal shapes")
    return {"rate": rate}


@primitive(prepare=_dropout)
def dropout(xp: XP, x: Array, noise: Array, /, *, rate: float = 0.5) -> Array:
    """Return ``x / (1 - rate)`` where ``noise >= rate``, else 0.

    ``noise`` is uniform on [0, 1) and of the shape of ``x``: given, not drawn, so that every
    toolkit drops the same units. Source: Srivastava et al., JMLR 15 (2014), inverted.
    """
    return xp.where(xp.greater_equal(noise, rate), x / (1 - rate), 0)


dropout.defvjp(
    lambda xp, g, y, x, noise, rate: xp.where(xp.greater_equal(noise, rate), g / (1 - rate), 0),
    None,
)
