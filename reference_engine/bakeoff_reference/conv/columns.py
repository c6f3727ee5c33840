"""Columns of a block of images, copied in two steps: the second one in long runs.

First the images are shifted as the filter's elements along all axes but the first ask for it;
padding is in these copies, and where the first axis has a stride, its rows lie sorted by their
remainder. Then the columns of a filter's row are one run of memory of the shifted images. Copying
rows of an image is mostly overhead, which so is paid for a k-th of the columns only.
"""

from collections.abc import Iterator
from math import prod

from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.conv.geometry import Geometry, spots


class Columns:
    """A buffer for the columns of ``size`` images, filled anew for every block of them.

    Attributes
    ----------
    matrices
        The columns: (n, G, C/G * prod(K), prod(out)).
    """

    def __init__(self, xp: XP, x: Array, size: int, geo: Geometry) -> None:
        n, c, length = size, x.shape[1], prod(geo.out)
        self._inner, starts = _shifts(geo)
        inner = self._inner
        # zeros: where padding is met, nothing is ever written
        self._shifted = xp.zeros((n, c, *inner.kernel, *inner.out), x.dtype)
        flat = self._shifted.reshape((n, c, *inner.kernel, prod(inner.out)))
        # of each row of the filter: (n, C, *K[1:], L)
        self._runs = [flat[:, :, phase, ..., i : i + length] for phase, i in starts]
        self._columns = xp.empty((n, c, *geo.kernel, length), x.dtype)
        depth = c // geo.groups * prod(geo.kernel)
        self.matrices = self._columns.reshape((n, geo.groups, depth, length))

    @staticmethod
    def bytes(x: Array, geo: Geometry) -> int:
        """Return the size of one image's columns and shifted copies."""
        inner, _ = _shifts(geo)
        elements = prod(geo.kernel + geo.out) + prod(inner.kernel + inner.out)
        return x.shape[1] * elements * x.dtype.itemsize  # type: ignore[no-any-return]

    def fill(self, xp: XP, x: Array) -> None:
        """Copy the windows of images (n, C, *space) into the columns."""
        for shifted, inputs in self._pairs(x):
            xp.copyto(shifted, inputs)
        for k, run in enumerate(self._runs):
            xp.copyto(self._columns[:, :, k], run)

    def add_back(self, xp: XP, x: Array) -> None:
        """Add each element of the columns to that of the images (n, C, *space) it stands for."""
        xp.copyto(self._shifted, 0)
        for k, run in enumerate(self._runs):
            xp.add(run, self._columns[:, :, k], out=run)
        for shifted, inputs in self._pairs(x):
            xp.add(inputs, shifted, out=inputs)

    def _pairs(self, x: Array) -> Iterator[tuple[Array, Array]]:
        """Yield elements of the shifted images, and those of images that they stand for."""
        every = (slice(None), slice(None))
        for offset, outputs, inputs in spots(x.shape[2:], self._inner):
            yield self._shifted[every + offset + outputs], x[every + inputs]


def _shifts(geo: Geometry) -> tuple[Geometry, list[tuple[int, int]]]:
    """Return how images are shifted, and where runs start in them for each row of the filter.

    Row i of the outputs meets row i * stride + dilation * k of the padded image for the filter's
    row k: row i + start of those with the same remainder, which is the phase.
    """
    stride, dilation = geo.stride[0], geo.dilation[0]
    met = [divmod(dilation * k, stride) for k in range(geo.kernel[0])]
    inner = geo._replace(
        kernel=(max(phase for _, phase in met) + 1, *geo.kernel[1:]),
        out=(met[-1][0] + geo.out[0], *geo.out[1:]),
        dilation=(1, *geo.dilation[1:]),
    )
    width = prod(geo.out[1:])
    return inner, [(phase, start * width) for start, phase in met]
