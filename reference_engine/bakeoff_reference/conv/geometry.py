"""The sizes of a convolution, checked once."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any, NamedTuple

from bakeoff_reference.arguments import Pairs, Shape


class Geometry(NamedTuple):
    """What a strategy needs to know besides the arrays.

    ``kernel`` and ``out`` are the spatial shapes of the filter and of the convolution's result.
    """

    kernel: Shape
    out: Shape
    stride: Shape
    padding: Pairs
    dilation: Shape
    groups: int

    @property
    def pointwise(self) -> bool:
        """Whether every input element meets exactly one filter element."""
        return self.dense and prod(self.kernel) == 1 and not any(map(any, self.padding))

    @property
    def dense(self) -> bool:
        """Whether every shift of the filter counts: all strides are 1."""
        return prod(self.stride) == 1

    @property
    def undilated(self) -> bool:
        """Whether the filter has no holes: all dilations are 1."""
        return prod(self.dilation) == 1


def transposed_extent(
    space: Shape, kernel: Shape, stride: Shape, padding: Pairs, output_padding: Shape,
    dilation: Shape,
) -> Shape:  # fmt: skip
    """Return the spatial shape of a transposed convolution's result."""
    return tuple(
        (n - 1) * s + d * (k - 1) + 1 + extra - lo - hi
        for n, k, s, (lo, hi), extra, d in zip(
            space, kernel, stride, padding, output_padding, dilation, strict=True
        )
    )


def seen(size: int, kernel: int, out: int, stride: int, low: int) -> tuple[slice, slice]:
    """Where outputs meet inputs, along one axis, for the filter element at ``kernel``.

    Output i meets input i * stride + kernel - low, if there is such a one.

    Returns
    -------
    tuple of slice
        The outputs, and the inputs that they meet.
    """
    shift = kernel - low
    first = max(0, -(shift // stride))  # the least i with i * stride + shift >= 0
    last = min(out, (size - 1 - shift) // stride + 1)
    start = first * stride + shift
    count = max(last - first, 0)
    if not count:
        return slice(0, 0), slice(0, 0)
    return slice(first, last), slice(start, start + (count - 1) * stride + 1, stride)


def spots(space: Shape, geo: Geometry) -> Iterator[tuple[Shape, Any, Any]]:
    """Yield each filter element with the outputs, and the inputs that it makes meet."""
    per_axis = [
        [seen(n, d * i, o, s, lo) for i in range(k)]
        for n, k, o, s, d, (lo, _) in zip(
            space, geo.kernel, geo.out, geo.stride, geo.dilation, geo.padding, strict=True
        )
    ]
    for offset in product(*map(range, geo.kernel)):
        pairs = [axis[i] for axis, i in zip(per_axis, offset, strict=True)]
        yield offset, tuple(o for o, _ in pairs), tuple(i for _, i in pairs)
