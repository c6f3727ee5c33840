"""Arrays that write down what is done to them, and the statements that result.

A `Recorded` array carries a real array, so shapes and dtypes need no rules of their own: they
are what NumPy gives. What is recorded belongs to a `Root`, one piece of memory; views know
their base.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from bakeoff_reference.arrays import Array

Kind = Literal["input", "constant", "buffer", "fixed", "fresh", "returned"]


@dataclass(eq=False, slots=True)
class Root:
    """A piece of memory.

    ``input`` is fed at every call, ``constant`` known when the plan is built, ``buffer`` ours
    to place and reuse, ``fixed`` at a place of its own that lives on between calls, ``fresh``
    allocated by NumPy at every call, ``returned`` allocated by the plan and given away.
    """

    kind: Kind
    value: Array
    name: str = ""

    @property
    def static(self) -> bool:
        """Whether the memory is the same at every call, so that views can be made once."""
        return self.kind in ("constant", "buffer", "fixed")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number that changes from call to call: a learning rate, a bias correction."""

    name: str
    value: float = 0.5


@dataclass(eq=False, slots=True)
class View:
    """How a view comes from its base: a function, and its text with ``{}`` for the base."""

    apply: Callable[[Array], Array]
    text: str


@dataclass(eq=False, slots=True)
class Statement:
    """One line of a plan.

    ``call`` fills the whole of ``target``, a root of its own; ``write`` changes part of a root
    or uses what is there; ``fresh`` binds a new array to ``target``. A ``definition`` is the text
    of a function that the plan itself defines.
    """

    kind: Literal["call", "write", "fresh"]
    fn: Callable[..., Any]
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    target: "Recorded"
    elementwise: bool = False
    definition: str = ""
    reads: list["Recorded"] = field(default_factory=list)

    def __post_init__(self) -> None:
        values = [*self.args, *self.kwargs.values()]
        flat = [v for a in values for v in (a if isinstance(a, (tuple, list)) else (a,))]
        self.reads = [v for v in flat if isinstance(v, Recorded)]


class Recorded:
    """An array under recording. Arithmetic goes to the recorder, views remember their base."""

    __slots__ = ("base", "recorder", "root", "value", "view", "views")
    __array_ufunc__ = None
    __hash__ = object.__hash__

    def __init__(
        self, recorder: Any, value: Array, root: Root,
        base: "Recorded | None" = None, view: View | None = None,
    ) -> None:  # fmt: skip
        self.recorder, self.value, self.root, self.base, self.view = (
            recorder, value, root, base, view,
        )  # fmt: skip
        self.views: dict[str, Recorded] = {}

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        return self.value.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        return self.value.size  # type: ignore[no-any-return]

    @property
    def strides(self) -> tuple[int, ...]:
        return self.value.strides  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    def reshape(self, *shape: Any) -> "Recorded":
        new = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        return self.recorder.reshape(self, new)  # type: ignore[no-any-return]

    def swapaxes(self, a: int, b: int) -> "Recorded":
        if self.ndim == 2 and a % 2 != b % 2:
            return self.derive(lambda x: x.T, "{}.T")
        return self.derive(lambda x: x.swapaxes(a, b), f"{{}}.swapaxes({a}, {b})")

    def transpose(self, axes: tuple[int, ...]) -> "Recorded":
        return self.derive(lambda x: x.transpose(axes), f"{{}}.transpose({axes})")

    def __getitem__(self, index: Any) -> "Recorded":
        items = index if isinstance(index, tuple) else (index,)
        # a[1, 2] would be a number and no view: a[1, 2, ...] is one
        if not any(i is Ellipsis or isinstance(i, slice) for i in items):
            items = (*items, Ellipsis)
        return self.derive(lambda x: x[items], f"{{}}[{', '.join(map(_item, items))}]")

    def derive(self, apply: Callable[[Array], Array], text: str) -> "Recorded":
        """Return a view; the same one if it was made before."""
        if text not in self.views:
            view = View(apply, text)
            self.views[text] = Recorded(self.recorder, apply(self.value), self.root, self, view)
        return self.views[text]

    def __bool__(self) -> bool:
        raise TypeError("plan: a rule decides by an array's values, which a plan cannot follow")

    def __add__(self, other: Any) -> "Recorded":
        return self.recorder.add(self, other)  # type: ignore[no-any-return]

    def __radd__(self, other: Any) -> "Recorded":
        return self.recorder.add(other, self)  # type: ignore[no-any-return]

    def __sub__(self, other: Any) -> "Recorded":
        return self.recorder.subtract(self, other)  # type: ignore[no-any-return]

    def __rsub__(self, other: Any) -> "Recorded":
        return self.recorder.subtract(other, self)  # type: ignore[no-any-return]

    def __mul__(self, other: Any) -> "Recorded":
        return self.recorder.multiply(self, other)  # type: ignore[no-any-return]

    def __rmul__(self, other: Any) -> "Recorded":
        return self.recorder.multiply(other, self)  # type: ignore[no-any-return]

    def __truediv__(self, other: Any) -> "Recorded":
        return self.recorder.divide(self, other)  # type: ignore[no-any-return]

    def __rtruediv__(self, other: Any) -> "Recorded":
        return self.recorder.divide(other, self)  # type: ignore[no-any-return]

    def __neg__(self) -> "Recorded":
        return self.recorder.negative(self)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<recorded {self.root.kind} {self.dtype} {self.shape}>"


def _item(item: Any) -> str:
    if isinstance(item, slice):
        parts = ["" if p is None else str(p) for p in (item.start, item.stop, item.step)]
        return ":".join(parts if item.step not in (None, 1) else parts[:2])
    return "..." if item is Ellipsis else str(item)
