"""What NumPy computes sooner by another call, for plans without loops of their own.

A plan knows shapes, and can make constants and buffers beforehand, so that it may call what
would not pay, or not be known to be right, on the tape. The results are the tape's to the last
bit; only sums that `bakeoff_reference.arrays.short` names are products there as well.
"""

from typing import Any

import numpy

from bakeoff_reference.arrays import NUMPY, Array, check_labels, short, starts, units
from bakeoff_reference.conv.settings import DEFAULT, ConvSettings
from bakeoff_reference.plan.recorded import Recorded, Scalar
from bakeoff_reference.plan.recorder import Recorder

FEW = 1 << 16
"""Elements of a constant array up to which reading it costs less than it saves."""
NARROW = 32
"""Row lengths up to which NumPy finds the largest of rows sooner down the columns."""


class SwiftRecorder(Recorder):
    """A recorder that chooses NumPy's quicker calls."""

    def __init__(self, conv: ConvSettings = DEFAULT) -> None:
        super().__init__(conv)
        self.maximum = self._maximum
        self.max = self._max
        self._filled: dict[tuple[Any, ...], Recorded] = {}
        self._positions: dict[tuple[int, int], Recorded] = {}
        self._numbers: dict[tuple[str, str], Recorded] = {}

    def _ufunc(self, name: str, *args: Any, out: Recorded | None = None) -> Recorded:
        return super()._ufunc(name, *(self._held(a, args) for a in args), out=out)

    def _held(self, a: Any, args: Any) -> Any:
        """A number of a step as an array, so that NumPy converts it once and not at each use."""
        if not isinstance(a, Scalar):
            return a
        dtype = next(x.dtype for x in args if isinstance(x, Recorded))
        key = (a.name, dtype.char)
        if key not in self._numbers:
            held = self._numbers[key] = self._buffer(dtype.type(a.value))
            self._write(numpy.ndarray.fill, "fill", (held, a), {}, held)
        return self._numbers[key]

    def _maximum(self, a: Any, b: Any, out: Recorded | None = None) -> Recorded:
        """``maximum`` is vectorised for two arrays, not for an array and a number."""
        if isinstance(a, Recorded) and isinstance(b, (int, float)) and a.size <= FEW:
            b = self._full_of(b, a.shape, a.dtype)
            if out is None:  # `_ufunc` would make one number of it again
                return self._call(NUMPY.maximum, "maximum", (a, b), {}, elementwise=True)
        return self._ufunc("maximum", a, b, out=out)

    def _full_of(self, value: float, shape: tuple[int, ...], dtype: Any) -> Recorded:
        key = (value, shape, dtype)
        if key not in self._filled:
            self._filled[key] = self._known(NUMPY.full, shape, value, dtype)
        return self._filled[key]

    def _max(self, x: Recorded, axis: Any = None, keepdims: bool = False) -> Recorded:
        """The largest of many short rows: one comparison of whole columns per element of a row."""
        narrow = x.ndim == 2 and x.shape[1] <= NARROW < x.shape[0] and x.dtype.char in "fd"
        if not narrow or axis not in (-1, 1, (1,), (-1,)):
            return self._reduce("maximum_reduce", NUMPY.max, x, axis=axis, keepdims=keepdims)
        columns = self.empty(x.shape[::-1], x.dtype)
        self.copyto(columns, x.swapaxes(0, 1))
        found = self._reduce("maximum_reduce", NUMPY.max, columns, axis=0)
        return found.reshape((x.shape[0], 1)) if keepdims else found

    def column_sums(self, x: Recorded) -> Recorded:
        if not short(x, 0):
            return super().column_sums(x)
        return self._call(numpy.dot, "dot", (self._ones(x.shape[0], x), x), {})

    def row_sums(self, x: Recorded) -> Recorded:
        if not short(x, -1):
            return super().row_sums(x)
        column = self._ones(x.shape[1], x).reshape((x.shape[1], 1))
        return self._call(numpy.dot, "dot", (x, column), {})

    def _ones(self, size: int, like: Recorded) -> Recorded:
        return self.array(units(size, like.dtype.char), "constant")

    def pick(self, x: Recorded, labels: Recorded) -> Recorded:
        places = self._places(x, labels)
        found = self._call(take_flat, "take_flat", (self._flat(x), places), {})
        return found.reshape(labels.shape)

    def pick_subtract(self, x: Recorded, labels: Recorded, values: Recorded) -> None:
        given = values.reshape((values.size,))
        args = (self._flat(x), self._places(x, labels), given)
        self._write(subtract_flat, "subtract_flat", args, {}, x)

    def _flat(self, x: Recorded) -> Recorded:
        return x.reshape((x.size,))

    def _places(self, x: Recorded, labels: Recorded) -> Recorded:
        """Where the labelled elements lie in ``x`` flattened: found and checked once a call."""
        classes, key = x.shape[-1], (id(labels), x.shape[-1])
        if key not in self._positions:
            begin = self._known(starts, labels.size, classes)
            args = (labels.reshape((labels.size,)), begin, classes)
            self._positions[key] = self._call(places, "places", args, {})
        return self._positions[key]


def places(labels: Array, begin: Array, classes: int, out: Array | None = None) -> Array:
    """Return ``begin + labels``; a label that is no class is an IndexError."""
    check_labels(labels, classes)
    return NUMPY.add(labels, begin, out=out)


def take_flat(x: Array, positions: Array, out: Array | None = None) -> Array:
    """Return elements of a flat array; ``places`` has checked the positions."""
    return x.take(positions, out=out, mode="clip")


def subtract_flat(x: Array, positions: Array, values: Array) -> None:
    """``x[positions] -= values`` of a flat array, no position twice."""
    x[positions] -= values
