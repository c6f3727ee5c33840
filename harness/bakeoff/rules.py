"""What the catalogue's rules look at, and the small checks that they share.

A rule takes a `Call` and returns a shape (`bakeoff.shape_rules`), a dtype
(`bakeoff.dtype_rules`) or canonical attributes (`bakeoff.attributes`), or raises `OpError`:
so an ill-formed application is refused, with what was got and expected, before any toolkit
is reached.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from operator import index as as_int
from typing import Any, NoReturn

from bakeoff.errors import OpError

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int32", "int64")
DTYPES = ("bool", *INTEGERS, *FLOATS)
ITEMSIZE = dict(zip(DTYPES, (1, 4, 8, 2, 2, 4, 8), strict=True))

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """A tensor without its values."""

    shape: Shape
    dtype: str

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * ITEMSIZE[self.dtype]


Argument = Spec | bool | int | float | tuple[Spec, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """An op applied to arguments: what every rule looks at."""

    op: str
    args: tuple[Argument, ...]
    attrs: Mapping[str, Any]

    @property
    def specs(self) -> tuple[Spec, ...]:
        """The tensors among the arguments, sequences flattened, scalars left out."""
        found: list[Spec] = []
        for arg in self.args:
            found.extend(arg if isinstance(arg, tuple) else [arg] if isinstance(arg, Spec) else [])
        return tuple(found)

    def refuse(self, message: str) -> NoReturn:
        raise OpError(f"{self.op}: {message}")


def integer(call: Call, name: str, value: Any, least: int | None = None) -> int:
    """Return ``value`` as an int that is at least ``least``."""
    try:
        result = as_int(value)
    except TypeError:
        call.refuse(f"{name} {value!r}, expected an integer")
    if least is not None and result < least:
        call.refuse(f"{name} {result}, expected at least {least}")
    return result


def number(call: Call, name: str, value: Any) -> float:
    """Return ``value`` as a float (booleans and tensors are refused)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        call.refuse(f"{name} {value!r}, expected a number")
    return float(value)


def shape_of(call: Call, value: Any) -> Shape:
    """Return ``value``, an int or a sequence of ints, as a shape."""
    items = value if isinstance(value, Sequence) else (value,)
    return tuple(integer(call, "shape entry", n, 0) for n in items)


def dtype_name(call: Call, value: Any) -> str:
    """Return ``value`` if it names a dtype of the catalogue."""
    if value not in DTYPES:
        call.refuse(f"dtype {value!r}, expected one of {', '.join(DTYPES)}")
    return str(value)


def axis_of(call: Call, axis: Any, ndim: int) -> int:
    """Return ``axis`` counted from the front."""
    result = integer(call, "axis", axis)
    if not -ndim <= result < ndim:
        call.refuse(f"axis {result} is out of range for {ndim} dimensions")
    return result % ndim


def axes_of(call: Call, axis: Any, ndim: int) -> Shape:
    """Return ``axis`` (None, int or sequence) as ascending axes counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(axis_of(call, a, ndim) for a in (axis if isinstance(axis, Sequence) else (axis,)))
    if len(set(axes)) != len(axes):
        call.refuse(f"axis {axis!r} names a dimension twice")
    return tuple(sorted(axes))


def per_dim(call: Call, name: str, value: Any, dims: int, least: int) -> Shape:
    """Return ``value``, one int or one per spatial dimension, as a tuple."""
    items = tuple(value) if isinstance(value, Sequence) else (value,) * dims
    if len(items) != dims:
        call.refuse(f"{name} {value!r}, expected one integer or {dims}")
    return tuple(integer(call, name, v, least) for v in items)


def pairs(call: Call, name: str, value: Any, dims: int) -> tuple[tuple[int, int], ...]:
    """Return padding as one (before, after) pair per dimension."""
    items = tuple(value) if isinstance(value, Sequence) else (value,) * dims
    if len(items) != dims:
        call.refuse(f"{name} {value!r}, expected one entry or {dims}: integers or (before, after)")
    result = []
    for item in items:
        pair = tuple(item) if isinstance(item, Sequence) else (item, item)
        if len(pair) != 2:
            call.refuse(f"{name} entry {item!r}, expected an integer or a pair (before, after)")
        result.append((integer(call, name, pair[0], 0), integer(call, name, pair[1], 0)))
    return tuple(result)
