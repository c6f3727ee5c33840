"""The sizes of a convolution, checked once."""

from typing import NamedTuple

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
        ones = (1,) * len(self.kernel)
        return self.kernel == self.stride == ones and not any(map(any, self.padding))


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
