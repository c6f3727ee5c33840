"""The table of ONNX ops, filled by the modules beside this one, one function per op.

A function takes ``(ops, node, *inputs)``: our ops, the node, and its inputs as tensors of
the engine (None where an optional input is left out). It returns the output, or a tuple.
It raises `NotApplicable` for what the catalogue has not.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx_cases import NotApplicable, OnnxNode

Ops = Any  # the engine's namespace of callables by catalogue name
Tensor = Any
OnnxOp = Callable[..., Any]

TABLE: dict[str, OnnxOp] = {}


def onnx_op(*names: str) -> Callable[[OnnxOp], OnnxOp]:
    """Register a function under ONNX op types."""

    def register(function: OnnxOp) -> OnnxOp:
        TABLE.update(dict.fromkeys(names, function))
        return function

    return register


def concrete(x: Tensor) -> np.ndarray[Any, Any]:
    """Return the values of a tensor that ONNX passes as data and we take as an attribute."""
    return np.asarray(x.numpy() if hasattr(x, "numpy") else x)


def integers(x: Tensor) -> tuple[int, ...]:
    """Return a tensor of integers as a tuple: axes, a shape."""
    return tuple(int(i) for i in concrete(x).ravel())


def scalar(x: Tensor) -> Any:
    """Return a one-element tensor as a Python number."""
    return concrete(x).reshape(()).item()


def dtype_name(x: Tensor) -> str:
    return str(np.dtype(x.dtype))


def same_dtype(node: OnnxNode, *tensors: Tensor) -> None:
    """Raise `NotApplicable` where ONNX would promote: the catalogue does not."""
    names = list(dict.fromkeys(dtype_name(t) for t in tensors))
    if len(names) > 1:
        raise NotApplicable(f"{node.op} promotes {' with '.join(names)}")


def axes_of(node: OnnxNode, axes: Tensor | None, ndim: int) -> tuple[int, ...] | None:
    """Return axes, non-negative, given as an input or (earlier opsets) as an attribute."""
    given = node.attrs.get("axes") if axes is None else integers(axes)
    return None if given is None else tuple(a % ndim for a in given)


def axis_of(node: OnnxNode, default: int, ndim: int) -> int:
    """Return the attribute ``axis``, non-negative."""
    return int(node.attrs.get("axis", default)) % ndim


def only_first(node: OnnxNode, others: Sequence[str]) -> None:
    """Raise `NotApplicable` if outputs are read that the catalogue's op has not."""
    if node.wanted > 1:
        raise NotApplicable(f"{node.op}'s output {others[node.wanted - 2]}")
