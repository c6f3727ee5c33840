"""The catalogue's ops for an array module that has bfloat16, as CuPy does; NumPy has none.

bfloat16 beside a Python float is promoted to float32, or to float64, which float16 is not;
CuPy's ``where`` gives float32 at any rate. Results, and gradients, are rounded back.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import wraps
from typing import Any

from bakeoff_reference.arrays import BFLOAT16, XP, Array
from bakeoff_reference.primitive import Primitive, Rule


def with_bfloat16(primitives: Mapping[str, Primitive]) -> dict[str, Primitive]:
    """Return ops that take bfloat16, by name and by dtype, and give it back."""
    return {name: _taking(op) for name, op in primitives.items()}


def _taking(op: Primitive) -> Primitive:
    taking = copy(op)
    if "dtype" in op.defaults or "dtype" in op.positional:
        assert op.prepare is not None  # it checks the name
        taking.prepare = _naming(op.prepare)
    elif not op.accumulates:  # those are rounded as they are
        taking.ufunc, taking.forward = "", _rounded(op.forward)
        taking.vjps = tuple(_rounded(r) if r else r for r in op.vjps)
    return taking


def _naming(prepare: Rule) -> Rule:
    """Let a check of attributes pass the dtype's name, which NumPy does not know."""

    @wraps(prepare)
    def prepared(*values: Array, dtype: Any, **attrs: Any) -> Any:
        if str(dtype) != "bfloat16":
            return prepare(*values, dtype=dtype, **attrs)
        return {**prepare(*values, dtype="float32", **attrs), "dtype": "bfloat16"}

    return prepared


def _rounded(rule: Rule) -> Rule:
    @wraps(rule)
    def kept(xp: XP, *values: Array, **attrs: Any) -> Any:
        result = rule(xp, *values, **attrs)
        if isinstance(result, tuple):  # with what it saves, which may be wider
            return _back(xp, result[0], values), result[1]
        return _back(xp, result, values)

    return kept


def _back(xp: XP, result: Array, values: Sequence[Any]) -> Array:
    if result.dtype.char in "fd":
        for v in values:
            if hasattr(v, "dtype") and v.dtype.char == BFLOAT16:
                return xp.astype(result, v.dtype)
    return result
