"""What tensors and graph nodes have in common: Python's operators, as ops."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

UNARY = {"__neg__": "negative", "__abs__": "abs"}
BINARY = {
    **{"__add__": "add", "__sub__": "subtract", "__mul__": "multiply", "__truediv__": "divide"},
    **{"__pow__": "pow", "__matmul__": "matmul", "__eq__": "equal", "__ne__": "not_equal"},
    **{"__lt__": "less", "__le__": "less_equal", "__gt__": "greater", "__ge__": "greater_equal"},
}


class Overloads:
    """Operators and methods that apply ops: ``a @ w + b``, ``a[0, :]``, ``a.sum(axis=1)``.

    ``==`` and ``!=`` compare elements, as ``<`` does; identity is ``is``.
    """

    __slots__ = ()
    ops: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    __array_ufunc__ = None  # so that ``ndarray * tensor`` is left to us
    __hash__ = object.__hash__

    def __add__(self, other: Any) -> Self:
        return self.ops["add"](self, other)  # type: ignore[no-any-return]

    def __radd__(self, other: Any) -> Self:
        return self.ops["add"](other, self)  # type: ignore[no-any-return]

    def __sub__(self, other: Any) -> Self:
        return self.ops["subtract"](self, other)  # type: ignore[no-any-return]

    def __rsub__(self, other: Any) -> Self:
        return self.ops["subtract"](other, self)  # type: ignore[no-any-return]

    def __mul__(self, other: Any) -> Self:
        return self.ops["multiply"](self, other)  # type: ignore[no-any-return]

    def __rmul__(self, other: Any) -> Self:
        return self.ops["multiply"](other, self)  # type: ignore[no-any-return]

    def __truediv__(self, other: Any) -> Self:
        return self.ops["divide"](self, other)  # type: ignore[no-any-return]

    def __rtruediv__(self, other: Any) -> Self:
        return self.ops["divide"](other, self)  # type: ignore[no-any-return]

    def __pow__(self, other: Any) -> Self:
        return self.ops["pow"](self, other)  # type: ignore[no-any-return]

    def __rpow__(self, other: Any) -> Self:
        return self.ops["pow"](other, self)  # type: ignore[no-any-return]

    def __matmul__(self, other: Any) -> Self:
        return self.ops["matmul"](self, other)  # type: ignore[no-any-return]

    def __rmatmul__(self, other: Any) -> Self:
        return self.ops["matmul"](other, self)  # type: ignore[no-any-return]

    def __neg__(self) -> Self:
        return self.ops["negative"](self)  # type: ignore[no-any-return]

    def __abs__(self) -> Self:
        return self.ops["abs"](self)  # type: ignore[no-any-return]

    def __eq__(self, other: Any) -> Self:  # type: ignore[override]  # elementwise, as in NumPy
        return self.ops["equal"](self, other)  # type: ignore[no-any-return]

    def __ne__(self, other: Any) -> Self:  # type: ignore[override]  # elementwise, as in NumPy
        return self.ops["not_equal"](self, other)  # type: ignore[no-any-return]

    def __lt__(self, other: Any) -> Self:
        return self.ops["less"](self, other)  # type: ignore[no-any-return]

    def __le__(self, other: Any) -> Self:
        return self.ops["less_equal"](self, other)  # type: ignore[no-any-return]

    def __gt__(self, other: Any) -> Self:
        return self.ops["greater"](self, other)  # type: ignore[no-any-return]

    def __ge__(self, other: Any) -> Self:
        return self.ops["greater_equal"](self, other)  # type: ignore[no-any-return]

    def __getitem__(self, index: Any) -> Self:
        return self.ops["getitem"](self, index)  # type: ignore[no-any-return]

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> Self:
        return self.ops["sum"](self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def mean(self, axis: Any = None, *, keepdims: bool = False) -> Self:
        return self.ops["mean"](self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def max(self, axis: Any = None, *, keepdims: bool = False) -> Self:
        return self.ops["max"](self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def min(self, axis: Any = None, *, keepdims: bool = False) -> Self:
        return self.ops["min"](self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def reshape(self, *shape: Any) -> Self:
        new = shape[0] if len(shape) == 1 else shape
        return self.ops["reshape"](self, new)  # type: ignore[no-any-return]

    def astype(self, dtype: Any) -> Self:
        return self.ops["astype"](self, dtype)  # type: ignore[no-any-return]


def specialise(cls: type[Overloads], ops: Mapping[str, Callable[..., Any]]) -> None:
    """Bind a class to an engine's ops; operators become the ops themselves, one call fewer."""
    cls.ops = ops
    for method, name in {**UNARY, **BINARY}.items():
        setattr(cls, method, ops[name])
