"""Tensors from nothing, and from a tensor's shape. None has a gradient."""

from typing import Any

from bakeoff_reference.arguments import dtype_of, shape_of
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.errors import refuse
from bakeoff_reference.primitive import primitive


def _filled(op: str) -> Any:
    def prepare(*, shape: Any, dtype: Any, **fill: Any) -> dict[str, Any]:
        return {"shape": shape_of(op, shape), "dtype": dtype_of(op, dtype), **fill}

    return prepare


def _arange(*, start: Any, stop: Any, step: Any, dtype: Any) -> dict[str, Any]:
    if stop is None:
        start, stop = 0, start
    if step == 0:
        refuse("arange", "step 0, expected another")
    return {"start": start, "stop": stop, "step": step, "dtype": dtype_of("arange", dtype)}


def _linspace(*, start: Any, stop: Any, num: int, dtype: Any) -> dict[str, Any]:
    if num < 0:
        refuse("linspace", f"num {num}, expected at least 0")
    return {"start": start, "stop": stop, "num": num, "dtype": dtype_of("linspace", dtype)}


def _eye(*, n_rows: int, n_cols: int | None, k: int, dtype: Any) -> dict[str, Any]:
    columns = n_rows if n_cols is None else n_cols
    return {"n_rows": n_rows, "n_cols": columns, "k": k, "dtype": dtype_of("eye", dtype)}


@primitive(prepare=_filled("zeros"))
def zeros(xp: XP, shape: Any, *, dtype: Any = "float32") -> Array:
    """Return a tensor of zeros."""
    return xp.zeros(shape, dtype)


@primitive(prepare=_filled("ones"))
def ones(xp: XP, shape: Any, *, dtype: Any = "float32") -> Array:
    """Return a tensor of ones."""
    return xp.ones(shape, dtype)


@primitive(prepare=_filled("full"))
def full(xp: XP, shape: Any, fill_value: Any, *, dtype: Any = "float32") -> Array:
    """Return a tensor with every element ``fill_value``."""
    return xp.full(shape, fill_value, dtype)


@primitive(prepare=_arange)
def arange(xp: XP, start: Any, stop: Any = None, step: Any = 1, *, dtype: Any = "float32") -> Array:
    """Return evenly spaced values in [start, stop); with one argument, in [0, start)."""
    return xp.arange(start, stop, step, dtype)


@primitive(prepare=_linspace)
def linspace(xp: XP, start: Any, stop: Any, num: int, *, dtype: Any = "float32") -> Array:
    """Return ``num`` evenly spaced values in [start, stop]."""
    return xp.linspace(start, stop, num, dtype=dtype)


@primitive(prepare=_eye)
def eye(
    xp: XP, n_rows: int, n_cols: int | None = None, *, k: int = 0, dtype: Any = "float32"
) -> Array:
    """Return a matrix with ones on the ``k``-th diagonal and zeros elsewhere."""
    return xp.eye(n_rows, n_cols, k, dtype)


@primitive
def zeros_like(xp: XP, x: Array, /) -> Array:
    """Return zeros of the shape and dtype of ``x``."""
    return xp.zeros(x.shape, x.dtype)


@primitive
def ones_like(xp: XP, x: Array, /) -> Array:
    """Return ones of the shape and dtype of ``x``."""
    return xp.ones(x.shape, x.dtype)


@primitive
def full_like(xp: XP, x: Array, /, fill_value: Any) -> Array:
    """Return ``fill_value`` in the shape and dtype of ``x``."""
    return xp.full(x.shape, fill_value, x.dtype)


for _op in (zeros_like, ones_like, full_like):
    _op.defvjp(None)
