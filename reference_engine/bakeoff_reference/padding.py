"""Constant borders around arrays."""

from typing import Any

from bakeoff_reference.arguments import Pairs, Shape
from bakeoff_reference.arrays import XP, Array


def interior(shape: Shape, pad_width: Pairs) -> tuple[slice, ...]:
    """The index of the unpadded part of a padded array."""
    return tuple(slice(lo, lo + n) for n, (lo, _) in zip(shape, pad_width, strict=True))


def padded(xp: XP, x: Array, pad_width: Pairs, value: Any) -> Array:
    """Return ``x`` with a border of ``value``."""
    shape = tuple(n + lo + hi for n, (lo, hi) in zip(x.shape, pad_width, strict=True))
    y = xp.full(shape, value, x.dtype) if value else xp.zeros(shape, x.dtype)
    xp.copyto(y[interior(x.shape, pad_width)], x)
    return y
