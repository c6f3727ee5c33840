"""Tensors of the eager tape: a value, and how it came about."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from bakeoff_reference.arrays import Array, dtype_name, is_floating, to_numpy
from bakeoff_reference.overloads import Overloads

if TYPE_CHECKING:
    from bakeoff_reference.engine import Engine

LEAF: tuple[Any, ...] = (-1, None, (), (), None, {})
"""The node of a variable: no op made it."""


class Tensor(Overloads):
    """An array that remembers the op that made it, so that gradients can be found.

    Attributes
    ----------
    value
        The array.
    node
        None for a constant; `LEAF` for a variable; else a record of the application:
        ``(number, primitive, parents, argument values, saved, attributes)``.

    Examples
    --------
    >>> from bakeoff_reference import variable
    >>> a, b = variable(5.0), variable(6.0)
    >>> c = a * b
    >>> c
    Tensor(30., dtype=float32)
    >>> c.backward()
    >>> a.grad
    Tensor(6., dtype=float32)
    """

    __slots__ = ("__weakref__", "_grad", "node", "value")
    engine: "Engine"
    value: Array
    node: tuple[Any, ...] | None

    def __init__(self, value: Any, dtype: Any = None, *, requires_grad: bool = False) -> None:
        self.value = self.engine.array(value, dtype)
        if requires_grad and not is_floating(self.value.dtype):
            raise TypeError(
                f"Tensor: dtype {self.value.dtype} with requires_grad, expected floating-point"
            )
        self.node = LEAF if requires_grad else None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return dtype_name(self.value.dtype)

    @property
    def ndim(self) -> int:
        return self.value.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        return self.value.size  # type: ignore[no-any-return]

    @property
    def T(self) -> Self:
        """The tensor with its dimensions reversed."""
        return self.ops["permute_dims"](  # type: ignore[no-any-return]
            self, tuple(range(self.ndim))[::-1]
        )

    @property
    def requires_grad(self) -> bool:
        """Whether a variable is, or went into, this tensor."""
        return self.node is not None

    @property
    def grad(self) -> Self | None:
        """What `backward` left here; None before."""
        return getattr(self, "_grad", None)

    @grad.setter
    def grad(self, grad: Self | None) -> None:
        self._grad = grad

    def backward(self, cotangent: Any = None) -> None:
        """Add the gradient of this tensor to ``grad`` of every variable it came from.

        Parameters
        ----------
        cotangent
            Of this tensor's shape; may be left out for a scalar, where it is 1.
        """
        self.engine.backward(self, cotangent)

    def numpy(self) -> Any:
        """Return a copy of the values as a NumPy array."""
        return to_numpy(self.value).copy()

    def item(self) -> Any:
        """Return the only element as a Python number."""
        return self.value.item()

    def detach(self) -> Self:
        """Return the same values as a constant."""
        return type(self)(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return to_numpy(self.value).astype(dtype or self.value.dtype, copy=bool(copy))

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __repr__(self) -> str:
        values = repr(to_numpy(self.value)).removeprefix("array(").removesuffix(")")
        return f"Tensor({values.rsplit(', dtype', 1)[0]}, dtype={self.dtype})"
