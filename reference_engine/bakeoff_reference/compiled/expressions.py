"""What a statement computes of each element, as text for a loop."""

from typing import Any, NamedTuple

import numpy

from bakeoff_reference.plan.recorded import Recorded, Scalar, Statement

# Operands are names, so that one may stand twice. NaN passes through maximum and minimum.
EXPRESSIONS = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "maximum": "{0} if {0} > {1} or {0} != {0} else {1}",
    "minimum": "{0} if {0} < {1} or {0} != {0} else {1}",
    "negative": "-{0}",
    "absolute": "abs({0})",
    "square": "{0} * {0}",
    "sqrt": "sqrt({0})",
    "exp": "exp({0})",
    "expm1": "expm1({0})",
    "log": "log({0})",
    "log1p": "log1p({0})",
    "tanh": "tanh({0})",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "logical_and": "{0} and {1}",
    "logical_not": "not {0}",
    "copy": "{0}",
    "select": "{0} if {1} else {2}",
}
"""By the name of the ufunc; ``copy`` and ``select`` are what ``copyto`` does."""

REDUCTIONS = {"add_reduce": "add", "maximum_reduce": "maximum", "minimum_reduce": "minimum"}
STARTS = {"add": "0.0", "maximum": "-inf", "minimum": "inf"}

COSTLY = frozenset({"exp", "expm1", "log", "log1p", "tanh"})
"""One call of the C library per element here, where NumPy computes a vector at a time."""

FLOATS = ("float32", "float64")


class Operation(NamedTuple):
    """A statement in one form.

    Attributes
    ----------
    kind
        ``map``, ``reduce``, ``pick`` or ``pick_subtract``.
    name
        A key of `EXPRESSIONS`; of a reduction, that of its operation.
    operands
        Arrays under recording, `Scalar` and numbers.
    dtypes
        What each operand is converted to before; then the result's.
    axes
        Of a reduction.
    """

    kind: str
    name: str
    operands: tuple[Any, ...]
    target: Recorded
    dtypes: tuple[str, ...]
    axes: tuple[int, ...] = ()


def operation(s: Statement) -> Operation | None:
    """Return what a statement does, None if no loop is written for such."""
    if any(r.dtype.name not in (*FLOATS, "bool") for r in (s.target, *_elements(s))):
        return None
    if s.name in REDUCTIONS:
        return _reduction(s)
    if s.name == "copyto":
        return _copy(s)
    if s.name in ("pick", "pick_subtract"):
        return Operation(s.name, s.name, s.args, s.target, ())
    if s.name not in EXPRESSIONS or s.kwargs.keys() - {"out"}:
        return None
    return Operation("map", s.name, s.args, s.target, _resolved(s.name, s.args))


def _elements(s: Statement) -> list[Recorded]:
    """The arrays read, without labels."""
    if s.name in ("pick", "pick_subtract"):
        return [r for r in s.reads if r.dtype.kind not in "iu"]
    return s.reads


def _reduction(s: Statement) -> Operation | None:
    (x,), axis = s.args, s.kwargs.get("axis")
    if "dtype" in s.kwargs or x.dtype.name not in FLOATS:
        return None
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    name, dtype = REDUCTIONS[s.name], x.dtype.name
    return Operation(
        "reduce", name, (x,), s.target, (dtype, dtype), tuple(sorted(a % x.ndim for a in axes))
    )


def _copy(s: Statement) -> Operation | None:
    target, source = s.args
    dtype = target.dtype.name
    if "where" in s.kwargs:
        operands = (source, s.kwargs["where"], target)
        return Operation("map", "select", operands, target, (dtype, "bool", dtype, dtype))
    return Operation("map", "copy", (source,), target, (dtype, dtype))


def _resolved(name: str, args: tuple[Any, ...]) -> tuple[str, ...]:
    """The dtypes of a ufunc's loop, as NumPy chooses it: Python numbers adapt to arrays."""
    given: list[Any] = [
        a.dtype if isinstance(a, Recorded) else float if isinstance(a, Scalar) else type(a)
        for a in args
    ]
    found = getattr(numpy, name).resolve_dtypes((*given, None))
    return tuple(d.name for d in found)
