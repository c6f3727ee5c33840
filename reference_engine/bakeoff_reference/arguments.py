"""Attributes as a caller may write them, brought to their one canonical form, and checked."""

from collections.abc import Sequence
from operator import index
from typing import Any

from bakeoff_reference.arrays import DTYPES, dtype_name
from bakeoff_reference.errors import refuse

Shape = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


def is_sequence(value: Any) -> bool:
    # the two builtins first: asking the abstract class takes ten times as long
    return isinstance(value, (tuple, list)) or (
        isinstance(value, Sequence) and not isinstance(value, str)
    )


def dtype_of(op: str, dtype: Any) -> str:
    """Return the name of a dtype that the engine has."""
    try:
        name = dtype_name(dtype)
    except TypeError:
        name = repr(dtype)
    if name not in DTYPES:
        refuse(op, f"dtype {name}, expected one of {', '.join(DTYPES)}")
    return name


def shape_of(op: str, shape: Any) -> Shape:
    """Return an int or a sequence of ints as a shape."""
    sizes = tuple(map(index, shape)) if is_sequence(shape) else (index(shape),)
    if any(n < 0 for n in sizes):
        refuse(op, f"shape {sizes}, expected sizes of at least 0")
    return sizes


def axis_of(op: str, axis: Any, ndim: int) -> int:
    """Return an axis counted from the front."""
    position = index(axis)
    if not -ndim <= position < ndim:
        refuse(op, f"axis {position} is out of range for {ndim} dimensions")
    return position % ndim


def axes_of(op: str, axis: Any, ndim: int) -> Shape:
    """Return None (all), an int or a sequence as axes counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(axis_of(op, a, ndim) for a in (axis if is_sequence(axis) else (axis,)))
    if len(set(axes)) != len(axes):
        refuse(op, f"axis {axis!r} names a dimension twice")
    return axes


def per_dim(op: str, name: str, value: Any, dims: int, least: int = 1) -> Shape:
    """Return one int, or one per spatial dimension, as a tuple."""
    values = tuple(map(index, value)) if is_sequence(value) else (index(value),) * dims
    if len(values) != dims or any(v < least for v in values):
        refuse(op, f"{name} {value!r}, expected one integer or {dims}, each at least {least}")
    return values


def pairs_of(op: str, name: str, value: Any, dims: int) -> Pairs:
    """Return padding as one (before, after) pair per dimension."""
    items = tuple(value) if is_sequence(value) else (value,) * dims
    if len(items) != dims:
        refuse(op, f"{name} {value!r}, expected one entry or {dims}: integers or (before, after)")
    pairs = tuple(tuple(map(index, i)) if is_sequence(i) else (index(i),) * 2 for i in items)
    if any(len(p) != 2 or min(p) < 0 for p in pairs):
        refuse(op, f"{name} {value!r}, expected entries of at least 0: n or (before, after)")
    return pairs  # type: ignore[return-value]  # the lengths were just checked


def window_extent(
    op: str, space: Shape, kernel: Shape, stride: Shape, padding: Pairs, dilation: Shape
) -> Shape:
    """Return the output's spatial shape of a sliding window.

    Raises
    ------
    OpError
        If the (dilated) kernel is larger than the padded input.
    """
    padded = tuple(n + lo + hi for n, (lo, hi) in zip(space, padding, strict=True))
    extent = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if any(e > n for e, n in zip(extent, padded, strict=True)):
        refuse(
            op,
            f"kernel {kernel} exceeds padded input {padded}; raise padding\n"
            f"  input    {space}\n  stride   {stride}\n"
            f"  padding  {padding}\n  dilation {dilation}",
        )
    return tuple((n - e) // s + 1 for n, e, s in zip(padded, extent, stride, strict=True))
