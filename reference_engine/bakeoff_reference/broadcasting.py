"""Broadcasting undone, once for all rules."""

from math import prod

from bakeoff_reference.arrays import XP, Array, is_half


def unbroadcast(xp: XP, grad: Array, shape: tuple[int, ...]) -> Array:
    """Return ``grad`` summed, or spread, to ``shape``.

    What broadcasting repeated in the forward pass is added up in the backward pass. A rule may
    also return a gradient smaller than its argument, which is then repeated.

    >>> import numpy
    >>> from bakeoff_reference.arrays import NUMPY
    >>> unbroadcast(NUMPY, numpy.ones((4, 3)), (3,))
    array([4., 4., 4.])
    """
    # nothing (a size of 0) can be added up to anything, and spread to nothing but itself
    if prod(shape) > grad.size > 0 or (grad.ndim < len(shape) and grad.size == prod(shape) != 1):
        return xp.broadcast_to(grad, shape)
    extra = grad.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and grad.shape[i + extra] != 1
    )
    if axes:
        grad = total(xp, grad, axes)
    return grad if grad.shape == shape else grad.reshape(shape)


def total(xp: XP, x: Array, axes: tuple[int, ...]) -> Array:
    """Sum over axes in the dtype of ``x``; 16 bits are added up in float32."""
    if is_half(x.dtype):
        return xp.astype(xp.sum(xp.astype(x, "float32"), axis=axes), x.dtype)
    if axes == (0,) and x.ndim == 2:
        return xp.column_sums(x)
    return xp.sum(x, axis=axes, dtype=x.dtype)
