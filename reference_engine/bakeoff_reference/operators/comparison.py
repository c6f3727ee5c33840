"""Comparisons, with broadcasting: bool results, no gradients."""

from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.primitive import primitive


@primitive(ufunc="equal")
def equal(xp: XP, a: Array, b: Array, /) -> Array:
    """Return ``a == b``."""
    return xp.equal(a, b)


@primitive(ufunc="not_equal")
def not_equal(xp: XP, a: Array, b: Array, /) -> Array:
    """Return ``a != b``."""
    return xp.not_equal(a, b)


@primitive(ufunc="less")
def less(xp: XP, a: Array, b: Array, /) -> Array:
    """Return ``a < b``."""
    return xp.less(a, b)


@primitive(ufunc="less_equal")
def less_equal(xp: XP, a: Array, b: Array, /) -> Array:
    """Return ``a <= b``."""
    return xp.less_equal(a, b)


@primitive(ufunc="greater")
def greater(xp: XP, a: Array, b: Array, /) -> Array:
    """Return ``a > b``."""
    return xp.greater(a, b)


@primitive(ufunc="greater_equal")
def greater_equal(xp: XP, a: Array, b: Array, /) -> Array:
    """Return ``a >= b``."""
    return xp.greater_equal(a, b)


for _op in (equal, not_equal, less, less_equal, greater, greater_equal):
    _op.defvjp(None, None)
