"""An array module that writes down what is called: `Recorder` in the place of ``xp``.

Running the tape's own rules on it yields a plan's statements, so there is one definition of
every op and every gradient.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy

from bakeoff_reference.arrays import NUMPY, UFUNCS, Array
from bakeoff_reference.batched import multiply
from bakeoff_reference.conv.settings import DEFAULT, ConvSettings
from bakeoff_reference.plan.recorded import Kind, Recorded, Root, Scalar, Statement
from bakeoff_reference.products import best_cut

Function = Callable[..., Any]


class Loops(Protocol):
    """What fuses a plan's statements: `bakeoff_reference.compiled.Loops`."""

    def fused(
        self, statements: Sequence[Statement], outputs: Sequence[Recorded]
    ) -> list[Statement]:
        """Return statements of the same results, some with a definition."""

    def convolution(
        self, xp: Any, which: Any, a: Recorded, b: Recorded, shape: tuple[int, ...], geo: Any
    ) -> Recorded | None:
        """Record a pass of a convolution; None to leave it to NumPy."""

    def names(self) -> dict[str, Any]:
        """Return what definitions refer to."""

    def file_of(self, source: str) -> str:
        """Return a file that holds a plan's text; "" without."""

    def specialise(self, function: Function, arguments: Sequence[Any]) -> None:
        """Make a defined function ready for its arguments."""


class Recorder:
    """``xp`` for rules under recording; `statements` is what they did.

    ``loops`` are for the plan that is made of the statements.
    """

    name = "plan"
    window_function = staticmethod(NUMPY.windows)
    broadcast_function = staticmethod(NUMPY.broadcast_to)

    def __init__(self, conv: ConvSettings = DEFAULT, *, loops: "Loops | None" = None) -> None:
        self.loops = loops
        self.statements: list[Statement] = []
        self.conv = conv
        for name in UFUNCS:
            setattr(self, name, partial(self._ufunc, name))
        for name, ufunc in (("sum", "add"), ("max", "maximum"), ("min", "minimum")):
            setattr(self, name, partial(self._reduce, f"{ufunc}_reduce", getattr(NUMPY, name)))
        for name in ("arange", "linspace", "eye"):
            setattr(self, name, partial(self._known, getattr(NUMPY, name)))

    # --- arrays ------------------------------------------------------------------------------

    def array(self, value: Array, kind: Kind, name: str = "") -> Recorded:
        """Return an array of a given kind under recording."""
        return Recorded(self, value, Root(kind, value, name))

    def _buffer(self, value: Any) -> Recorded:
        """Return a new buffer that holds ``value``; its memory is placed later."""
        array = NUMPY.asarray(value)
        held = NUMPY.empty(array.shape, array.dtype)
        NUMPY.copyto(held, array)
        return self.array(held, "buffer")

    def _known(self, fn: Function, *args: Any, **kwargs: Any) -> Recorded:
        return self.array(fn(*args, **kwargs), "constant")

    def asarray(self, value: Any, dtype: Any = None) -> Recorded:
        if isinstance(value, Recorded):
            return value if dtype is None else self.astype(value, dtype)
        return self._known(NUMPY.asarray, value, dtype)

    # --- functions that compute ----------------------------------------------------------------

    def _ufunc(self, name: str, *args: Any, out: Recorded | None = None) -> Recorded:
        fn = getattr(NUMPY, name)
        if out is not None:
            fn(*map(_plain, args), out=out.value)
            return self._write(fn, name, args, {}, out, keyword="out")
        if name != "matmul":  # whose operands keep their dimensions
            args = tuple(self._number(a, args) for a in args)
        if name == "matmul" and all(a.ndim == 2 and a.dtype.char in "fd" for a in args):
            return self._product(*args)
        return self._call(fn, name, args, {}, elementwise=name != "matmul")

    def _product(self, a: Recorded, b: Recorded) -> Recorded:
        """The product of two matrices, cut into blocks where that is faster."""
        # a matrix by its own transpose is another routine of BLAS, syrk, and rounds otherwise
        cut = None if a.root is b.root else best_cut(a.value, b.value)
        if cut is None:
            # as matmul, with half a microsecond less around it
            return self._call(numpy.dot, "dot", (a, b), {})
        return multiply(self, cut, a, b)  # type: ignore[no-any-return]

    def _number(self, a: Any, args: Sequence[Any]) -> Any:
        """A number, or one repeated, as an array without dimensions.

        NumPy then need not look at its type, or walk along rows, at each call.
        """
        if len(args) != 2:
            return a
        (other,) = [x for x in args if x is not a] or [a]
        if not isinstance(other, Recorded) or other.dtype.char not in "fd":
            return a
        if type(a) in (int, float):
            return self._known(NUMPY.asarray, a, other.dtype.name)
        spread = isinstance(a, Recorded) and 1 < a.size <= other.size and a.ndim <= other.ndim
        if spread and a.root.kind == "constant" and (a.value == a.value.flat[0]).all():
            return self._known(NUMPY.asarray, a.value.flat[0])
        return a

    def column_sums(self, x: Recorded) -> Recorded:
        return self.sum(x, axis=0, dtype=x.dtype)  # type: ignore[no-any-return, attr-defined]

    def row_sums(self, x: Recorded) -> Recorded:
        return self.sum(x, axis=-1, keepdims=True)  # type: ignore[no-any-return, attr-defined]

    def convolution(
        self, which: str, a: Recorded, b: Recorded, shape: tuple[int, ...], geo: Any
    ) -> Recorded | None:
        """A pass of a convolution by the plan's own loops, if they have one for these sizes."""
        if self.loops is None:
            return None
        return self.loops.convolution(self, which, a, b, shape, geo)

    def _reduce(
        self, name: str, fn: Function, x: Recorded, axis: Any = None, keepdims: bool = False,
        dtype: Any = None,
    ) -> Recorded:  # fmt: skip
        kwargs: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
        if dtype is not None and x.dtype.kind != "f":
            kwargs["dtype"] = dtype.name  # sums of int32 would become int64
        return self._call(fn, name, (x,), {k: v for k, v in kwargs.items() if v is not False})

    def _call(
        self, fn: Function, name: str, args: Sequence[Any], kwargs: dict[str, Any],
        elementwise: bool = False,
    ) -> Recorded:  # fmt: skip
        """Record a call that fills a new buffer; with constants only, it is done once, now."""
        result = fn(*map(_plain, args), **kwargs)
        target = self._buffer(result)
        statement = Statement("call", fn, name, tuple(args), kwargs, target, elementwise)
        if all(r.root.kind == "constant" for r in statement.reads) and not _scalars(args):
            target.root.kind = "constant"
            return target
        self.statements.append(statement)
        return target

    def argmax(self, x: Recorded, axis: int | None) -> Recorded:
        return self._call(NUMPY.argmax, "argmax", (x,), {"axis": axis})

    def concatenate(self, arrays: Sequence[Recorded], axis: int) -> Recorded:
        return self._call(NUMPY.concatenate, "concatenate", (tuple(arrays), axis), {})

    def stack(self, arrays: Sequence[Recorded], axis: int) -> Recorded:
        return self._call(NUMPY.stack, "stack", (tuple(arrays), axis), {})

    def where(self, condition: Any, a: Any, b: Any) -> Recorded:
        """Recorded as two copies, because ``where`` itself cannot fill a buffer."""
        target = self._buffer(NUMPY.where(*map(_plain, (condition, a, b))))
        self._copy(target, b)
        self._copy(target, a, where=condition)
        return target

    def pick(self, x: Recorded, labels: Recorded) -> Recorded:
        return self._fresh(NUMPY.pick, "pick", (x, labels))

    def take(self, x: Recorded, indices: Recorded, axis: int) -> Recorded:
        return self._fresh(NUMPY.take, "take", (x, indices, axis))

    def _fresh(self, fn: Function, name: str, args: tuple[Any, ...]) -> Recorded:
        """Record a call that allocates its result: indexing by arrays cannot fill a buffer."""
        target = self.array(NUMPY.asarray(fn(*map(_plain, args))), "fresh")
        self.statements.append(Statement("fresh", fn, name, args, {}, target))
        return target

    # --- functions that write ------------------------------------------------------------------

    def _write(
        self, fn: Function, name: str, args: Sequence[Any], kwargs: dict[str, Any],
        target: Recorded, keyword: str = "",
    ) -> Recorded:  # fmt: skip
        if target.root.kind not in ("buffer", "fixed"):
            raise TypeError(f"plan: {name} writes to a {target.root.kind}, which is not ours")
        given = {**kwargs, keyword: target} if keyword else kwargs
        self.statements.append(Statement("write", fn, name, tuple(args), given, target))
        return target

    def _copy(self, target: Recorded, source: Any, **kwargs: Any) -> None:
        kwargs = {k: v for k, v in kwargs.items() if v is not None}
        NUMPY.copyto(target.value, _plain(source), **{k: _plain(v) for k, v in kwargs.items()})
        self._write(NUMPY.copyto, "copyto", (target, source), kwargs, target)

    def copyto(self, target: Recorded, source: Any, casting: str | None = None) -> None:
        self._copy(target, source, casting=casting)

    def add_at(self, x: Recorded, indices: Recorded, values: Recorded) -> None:
        self._write(NUMPY.add_at, "add_at", (x, indices, values), {}, x)

    def pick_subtract(self, x: Recorded, labels: Recorded, values: Recorded) -> None:
        self._write(NUMPY.pick_subtract, "pick_subtract", (x, labels, values), {}, x)

    def empty(self, shape: Any, dtype: Any) -> Recorded:
        return self._buffer(NUMPY.zeros(shape, dtype))

    def full(self, shape: Any, value: Any, dtype: Any) -> Recorded:
        target = self._buffer(NUMPY.full(shape, value, dtype))
        self._copy(target, NUMPY.full((), value, dtype).item())  # True for bool, not 1
        return target

    def zeros(self, shape: Any, dtype: Any) -> Recorded:
        return self.full(shape, 0, dtype)

    def ones(self, shape: Any, dtype: Any) -> Recorded:
        return self.full(shape, 1, dtype)

    # --- other shapes of the same elements -----------------------------------------------------

    def reshape(self, x: Recorded, shape: tuple[int, ...]) -> Recorded:
        if x.shape == shape:
            return x
        result = x.value.reshape(shape)
        if x.size == 0 or NUMPY.shares_memory(result, x.value):
            return x.derive(lambda a: a.reshape(result.shape), f"{{}}.reshape({result.shape})")
        return self._contiguous(x).reshape(result.shape)

    def _contiguous(self, x: Recorded) -> Recorded:
        if x.root.kind == "constant":
            return self._known(x.value.copy)
        target = self._buffer(x.value)
        self._copy(target, x)
        return target

    def broadcast_to(self, x: Recorded, shape: tuple[int, ...]) -> Recorded:
        return x.derive(lambda a: NUMPY.broadcast_to(a, shape), f"broadcast_to({{}}, {shape})")

    def windows(self, x: Recorded, kernel: Any, stride: Any, dilation: Any) -> Recorded:
        return x.derive(
            lambda a: NUMPY.windows(a, kernel, stride, dilation),
            f"windows({{}}, {kernel}, {stride}, {dilation})",
        )

    def astype(self, x: Recorded, dtype: Any) -> Recorded:
        if x.dtype == dtype:
            return x
        if x.root.kind == "constant":
            return self._known(x.value.astype, dtype)
        target = self._buffer(x.value.astype(dtype))
        self._copy(target, x, casting="unsafe")
        return target


def _plain(value: Any) -> Any:
    """The real array or number that stands behind an argument."""
    if isinstance(value, (Recorded, Scalar)):
        return value.value
    if isinstance(value, (tuple, list)):
        return tuple(map(_plain, value))
    return value


def _scalars(args: Sequence[Any]) -> bool:
    return any(isinstance(a, Scalar) for a in args)
