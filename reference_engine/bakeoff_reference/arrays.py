"""The array module that the engine computes with, held explicitly as ``xp``.

Rules never import an array library: they are given ``xp``, a namespace with the functions
below, and arrays that know ``shape, ndim, strides, dtype, size, reshape, swapaxes, transpose,
astype``, basic indexing and the arithmetic operators. `array_module` makes the namespace from
NumPy; CuPy has the same functions and can take its place. `bakeoff_reference.plan.recorder`
offers the same interface and writes down what is called.
"""

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy

Array = Any  # an array of xp: foreign to us
XP = Any  # an array module

UFUNCS = (
    *("add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "matmul"),
    *("negative", "absolute", "sign", "square", "sqrt", "exp", "expm1", "log", "log1p", "tanh"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and"),
    *("logical_not",),
)
"""Elementwise functions and ``matmul``: all take ``out=``."""

CREATION = ("zeros", "ones", "full", "empty", "arange", "linspace", "eye")
MOVEMENT = ("reshape", "broadcast_to", "concatenate", "stack", "where", "copyto", "argmax")

SHORT = 1024  # elements of a sum
UNSIGNED = {4: numpy.dtype("uint32"), 8: numpy.dtype("uint64")}

DTYPES = ("bool", "int32", "int64", "float16", "float32", "float64")


BFLOAT16 = "E"  # the char of bfloat16 that the package ml_dtypes gives NumPy and CuPy
HALVES = ("e", BFLOAT16)


def array_module(np: Any, reductions: Any = None) -> Any:
    """Return the namespace ``xp`` of an array library with NumPy's functions.

    ``reductions`` are ``sum``, ``max`` and ``min``; by default the ``reduce`` of NumPy's ufuncs.
    """
    # np.sum and its kin are Python around these; reduce alone is 1-2 µs faster per call
    sum_, max_, min_ = reductions or (np.add.reduce, np.maximum.reduce, np.minimum.reduce)

    def take(x: Array, indices: Array, axis: int) -> Array:
        """Elements of ``x`` along ``axis``; an index out of range is an IndexError."""
        return np.take(x, indices, axis)

    def add_at(x: Array, indices: Array, values: Array) -> None:
        """``x[indices] += values`` along the first axis, repeated indices added each time."""
        np.add.at(x, indices, values)

    def pick(x: Array, labels: Array) -> Array:
        """``x[..., labels]``, one element per row: (..., C), (...) -> (...)."""
        flat, classes = labels.reshape(-1), x.shape[-1]
        check_labels(flat, classes)
        return x.reshape(-1)[flat + starts(flat.size, classes)].reshape(labels.shape)

    def pick_subtract(x: Array, labels: Array, values: Array) -> None:
        """``x[..., labels] -= values`` of labels that `pick` was given.

        A matrix may lie in memory by columns, as what was computed from a transposed one does;
        with more dimensions ``x`` is contiguous.
        """
        flat = labels.reshape(-1)
        rows = x if x.ndim == 2 else x.reshape((-1, x.shape[-1]))
        rows[starts(flat.size, 1), flat] -= values.reshape(-1)

    def column_sums(x: Array) -> Array:
        """(N, C) -> (C,)."""
        if reductions is None and short(x, 0):
            return np.dot(units(x.shape[0], x.dtype.char), x)
        return sum_(x, axis=0, dtype=x.dtype)

    def row_sums(x: Array) -> Array:
        """(..., C) -> (..., 1)."""
        if reductions is None and short(x, -1):
            return np.dot(x, units(x.shape[1], x.dtype.char).reshape(-1, 1))
        return sum_(x, axis=-1, keepdims=True)

    def windows(x: Array, kernel: Any, stride: Any, dilation: Any) -> Array:
        """A view of all windows: (N, C, *spatial) -> (N, C, *kernel, *out)."""
        space = x.shape[2:]
        out = tuple(
            (n - d * (k - 1) - 1) // s + 1
            for n, k, s, d in zip(space, kernel, stride, dilation, strict=True)
        )
        steps = x.strides[2:]
        strides = (
            *x.strides[:2],
            *(d * step for d, step in zip(dilation, steps, strict=True)),
            *(s * step for s, step in zip(stride, steps, strict=True)),
        )
        return np.lib.stride_tricks.as_strided(x, (*x.shape[:2], *kernel, *out), strides)

    def astype(x: Array, dtype: str) -> Array:
        """``x`` itself if it has the dtype already."""
        return x.astype(dtype, copy=False)

    named = {name: getattr(np, name) for name in (*UFUNCS, *CREATION, *MOVEMENT)}
    return SimpleNamespace(
        name=np.__name__,
        shares_memory=np.shares_memory,
        errstate=np.errstate,
        asarray=np.asarray,
        sum=sum_,
        max=max_,
        min=min_,
        take=take,
        add_at=add_at,
        pick=pick,
        pick_subtract=pick_subtract,
        column_sums=column_sums,
        row_sums=row_sums,
        windows=windows,
        astype=astype,
        **named,
    )


def short(x: Array, axis: int) -> bool:
    """Whether sums of a matrix along an axis are rather products with ones.

    BLAS takes a third of the time that NumPy's sums need for a few thousand elements. Its error
    grows with the length of the sum, which NumPy's pairwise sums avoid: only short ones.
    """
    return bool(x.ndim == 2 and 0 < x.shape[axis] <= SHORT and x.size and x.dtype.char in "fd")


@cache
def units(size: int, dtype: str) -> Array:
    """Return ones, the same array every time, which cannot be written to."""
    ones = numpy.ones(size, dtype)
    ones.flags.writeable = False
    return ones


@cache
def starts(rows: int, size: int) -> Array:
    """Return where rows of a size begin in a flat matrix: the same array every time."""
    found = numpy.arange(rows) * size
    found.flags.writeable = False
    return found


def check_labels(labels: Array, classes: int) -> None:
    """Refuse labels of which one is no class."""
    if not labels.size:
        return
    # as an unsigned number a negative label is larger than any class; argmax takes a third of
    # the time of max
    numbers = labels.view(UNSIGNED[labels.itemsize])
    if numbers.item(numbers.argmax()) >= classes:
        raise IndexError(f"labels: expected at least 0 and less than {classes}")


def dtype_name(dtype: Any) -> str:
    """Return the name of a dtype given as a name, a type or a dtype object."""
    return dtype if isinstance(dtype, str) else numpy.dtype(dtype).name


def is_half(dtype: Any) -> bool:
    """Return whether numbers have 16 bits: they are stored so, and added up in float32."""
    # dtype.char, because comparing dtypes with a string costs ten times as much
    return dtype.char in HALVES


def is_floating(dtype: Any) -> bool:
    """Return whether numbers are floating-point; bfloat16 is a foreign kind to NumPy."""
    return dtype.kind == "f" or dtype.char == BFLOAT16  # type: ignore[no-any-return]


def to_numpy(array: Array) -> "numpy.ndarray[Any, Any]":
    """Return a NumPy array of the same values (CuPy arrays are copied to the host)."""
    return numpy.asarray(array.get() if hasattr(array, "get") else array)


NUMPY = array_module(numpy)
