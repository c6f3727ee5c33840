"""Arithmetic and functions of each element, with broadcasting."""

from typing import Any

from bakeoff_reference.arguments import dtype_of
from bakeoff_reference.arrays import XP, Array, is_floating
from bakeoff_reference.errors import refuse
from bakeoff_reference.primitive import primitive

Scalar = bool | int | float


@primitive(ufunc="add")
def add(xp: XP, a: Array, b: Array, /) -> Array:
    """Return ``a + b``."""
    return xp.add(a, b)


add.defvjp(lambda xp, g, y, a, b: g, lambda xp, g, y, a, b: g)


@primitive(ufunc="subtract")
def subtract(xp: XP, a: Array, b: Array, /) -> Array:
    """Return ``a - b``."""
    return xp.subtract(a, b)


subtract.defvjp(lambda xp, g, y, a, b: g, lambda xp, g, y, a, b: xp.negative(g))


@primitive(ufunc="multiply")
def multiply(xp: XP, a: Array, b: Array, /) -> Array:
    """Return ``a * b``."""
    return xp.multiply(a, b)


multiply.defvjp(lambda xp, g, y, a, b: g * b, lambda xp, g, y, a, b: g * a)


@primitive(ufunc="divide")
def divide(xp: XP, a: Array, b: Array, /) -> Array:
    """Return ``a / b``."""
    return xp.divide(a, b)


divide.defvjp(lambda xp, g, y, a, b: g / b, lambda xp, g, y, a, b: -g * y / b)


@primitive
def pow_(xp: XP, a: Array, b: Array, /) -> Array:
    """Return ``a ** b``."""
    if type(b) in (int, float) and b == 2:
        return xp.square(a)
    return xp.power(a, b)


def _pow_base(xp: XP, g: Array, y: Array, a: Array, b: Any) -> Array:
    if type(b) in (int, float):
        # 0 * 0 ** -1 would be NaN where the derivative of a ** 0 is 0
        return g * (2 * a) if b == 2 else g * 0 if b == 0 else g * (b * xp.power(a, b - 1))
    return g * (b * xp.power(a, xp.where(xp.equal(b, 0), 1, b - 1)))


def _pow_exponent(xp: XP, g: Array, y: Array, a: Any, b: Array) -> Array:
    # a ** b does not move with b where a is 0; log(0) must not enter
    base = xp.asarray(a, b.dtype) if isinstance(a, (int, float)) else a
    return g * (y * xp.log(xp.where(xp.equal(base, 0), 1, base)))


pow_.defvjp(_pow_base, _pow_exponent)


@primitive(ufunc="maximum")
def maximum(xp: XP, a: Array, b: Array, /) -> Array:
    """Return the larger of ``a`` and ``b``; at a tie each gets half of the cotangent."""
    return xp.maximum(a, b)


@primitive(ufunc="minimum")
def minimum(xp: XP, a: Array, b: Array, /) -> Array:
    """Return the smaller of ``a`` and ``b``; at a tie each gets half of the cotangent."""
    return xp.minimum(a, b)


def _share(xp: XP, g: Array, y: Array, mine: Any, other: Any) -> Array:
    """The cotangent where ``mine`` is the result, halved where ``other`` is too."""
    won, tied = xp.equal(mine, y), xp.equal(mine, other)
    return xp.where(won, xp.where(tied, g * 0.5, g), 0)


for _op in (maximum, minimum):
    _op.defvjp(
        _share,
        lambda xp, g, y, a, b: _share(xp, g, y, b, a),
    )


@primitive(ufunc="negative")
def negative(xp: XP, x: Array, /) -> Array:
    """Return ``-x``."""
    return xp.negative(x)


negative.defvjp(lambda xp, g, y, x: xp.negative(g))


@primitive(ufunc="absolute")
def abs_(xp: XP, x: Array, /) -> Array:
    """Return the absolute value; its derivative at 0 is taken as 0."""
    return xp.absolute(x)


abs_.defvjp(lambda xp, g, y, x: g * xp.sign(x))


@primitive(ufunc="sign")
def sign(xp: XP, x: Array, /) -> Array:
    """Return -1, 0 or 1; its gradient is 0."""
    return xp.sign(x)


sign.defvjp(lambda xp, g, y, x: xp.zeros(x.shape, x.dtype))


@primitive(ufunc="square")
def square(xp: XP, x: Array, /) -> Array:
    """Return ``x * x``."""
    return xp.square(x)


square.defvjp(lambda xp, g, y, x: g * (2 * x))


@primitive(ufunc="sqrt")
def sqrt(xp: XP, x: Array, /) -> Array:
    """Return the square root."""
    return xp.sqrt(x)


sqrt.defvjp(lambda xp, g, y, x: g * 0.5 / y)


@primitive(ufunc="exp")
def exp(xp: XP, x: Array, /) -> Array:
    """Return e to the power of ``x``."""
    return xp.exp(x)


exp.defvjp(lambda xp, g, y, x: g * y)


@primitive(ufunc="expm1")
def expm1(xp: XP, x: Array, /) -> Array:
    """Return ``exp(x) - 1``, accurate near 0."""
    return xp.expm1(x)


expm1.defvjp(lambda xp, g, y, x: g * (y + 1))


@primitive(ufunc="log")
def log(xp: XP, x: Array, /) -> Array:
    """Return the natural logarithm."""
    return xp.log(x)


log.defvjp(lambda xp, g, y, x: g / x)


@primitive(ufunc="log1p")
def log1p(xp: XP, x: Array, /) -> Array:
    """Return ``log(1 + x)``, accurate near 0."""
    return xp.log1p(x)


log1p.defvjp(lambda xp, g, y, x: g / (1 + x))


def _clip(x: Array, *, min: Scalar | None, max: Scalar | None) -> dict[str, Any]:
    if min is None and max is None:
        refuse("clip", "min and max are both None, expected at least one number")
    if min is not None and max is not None and not min <= max:
        refuse("clip", f"min {min} and max {max}, expected min <= max")
    return {"min": min, "max": max}


@primitive(prepare=_clip)
def clip(xp: XP, x: Array, /, min: Scalar | None = None, max: Scalar | None = None) -> Array:
    """Return ``x`` limited to [min, max]; the gradient passes inside and on the limits."""
    y = x if min is None else xp.maximum(x, _limit(min, x))
    return y if max is None else xp.minimum(y, _limit(max, x))


def _limit(value: Any, x: Array) -> Any:
    # adapters get limits as floats, which integer tensors must not be promoted by
    return int(value) if x.dtype.kind == "i" and abs(value) < 2**31 else value


clip.defvjp(lambda xp, g, y, x, min, max: g * xp.equal(x, y))


@primitive(same=(1, 2))
def where(xp: XP, condition: Array, a: Array, b: Array, /) -> Array:
    """Return ``a`` where the condition holds, else ``b``."""
    return xp.where(condition, a, b)


where.defvjp(
    None,
    lambda xp, g, y, c, a, b: xp.where(c, g, 0),
    lambda xp, g, y, c, a, b: xp.where(c, 0, g),
)


def _astype(x: Array, *, dtype: Any) -> dict[str, Any]:
    return {"dtype": dtype_of("astype", dtype)}


@primitive(prepare=_astype)
def astype(xp: XP, x: Array, /, dtype: Any) -> Array:
    """Return ``x`` in another dtype; the gradient comes back in the dtype of ``x``."""
    return xp.astype(x, dtype)


def _astype_vjp(xp: XP, g: Array, y: Array, x: Array, dtype: str) -> Array:
    if not (is_floating(x.dtype) and is_floating(g.dtype)):
        return xp.zeros(x.shape, x.dtype)  # an integer moves in steps: no gradient passes
    return xp.astype(g, x.dtype.name)


astype.defvjp(_astype_vjp)
