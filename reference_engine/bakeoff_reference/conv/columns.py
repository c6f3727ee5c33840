"""Columns of a block of images, copied in two steps: the second one in long runs.

First the images are shifted as the filter's elements along all axes but the first ask for it;
padding is in these copies, and where the first axis has a stride, its rows lie sorted by their
remainder. Then the columns of a filter's row are one run of memory of the shifted images. Copying
rows of an image is mostly overhead, which so is paid for a k-th of the columns only. Where each
row of the filter is multiplied by itself, the runs are the columns, and nothing more is copied.
"""

from collections.abc import Iterator
from math import prod

from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.conv.geometry import Geometry, spots


class Shifted:
    """A buffer for the shifted copies of ``size`` images, filled anew for every block of them."""

    def __init__(self, xp: XP, x: Array, size: int, geo: Geometry) -> None:
        self._inner, self._starts = _shifts(geo)
        inner = self._inner
        # zeros: where padding is met, nothing is ever written
        self._shifted = xp.zeros((size, x.shape[1], *inner.kernel, *inner.out), x.dtype)

    @staticmethod
    def bytes(x: Array, geo: Geometry) -> int:
        """Return the size of one image's shifted copies."""
        inner, _ = _shifts(geo)
        return prod((x.shape[1], *inner.kernel, *inner.out, x.dtype.itemsize))

    def fill(self, xp: XP, x: Array) -> None:
        """Copy images (n, C, *space)."""
        for shifted, inputs in self._pairs(x):
            xp.copyto(shifted, inputs)

    def windows(self, xp: XP, geo: Geometry) -> Array:
        """View the columns of each of the filter's rows: (n * G, K[0], C/G * prod(K[1:]), L).

        They overlap in memory. The first axis has no stride.
        """
        n, c = self._shifted.shape[:2]
        depth = c // geo.groups * prod(geo.kernel[1:])
        flat = self._shifted.reshape((n * geo.groups, depth, prod(self._inner.out)))
        step = geo.dilation[0] * prod(geo.out[1:])
        return xp.windows(flat, geo.kernel[:1], (1,), (step,)).swapaxes(1, 2)

    def _pairs(self, x: Array) -> Iterator[tuple[Array, Array]]:
        """Yield elements of the shifted images, and those of images that they stand for."""
        every = (slice(None), slice(None))
        for offset, outputs, inputs in spots(x.shape[2:], self._inner):
            yield self._shifted[every + offset + outputs], x[every + inputs]


class Columns(Shifted):
    """A buffer for the columns of a block of images, and for their shifted copies.

    Attributes
    ----------
    matrices
        The columns: (n, G, C/G * prod(K), prod(out)).
    """

    def __init__(self, xp: XP, x: Array, size: int, geo: Geometry) -> None:
        super().__init__(xp, x, size, geo)
        n, c, length = size, x.shape[1], prod(geo.out)
        inner = self._inner
        flat = self._shifted.reshape((n, c, *inner.kernel, prod(inner.out)))
        # of each row of the filter: (n, C, *K[1:], L)
        self._runs = [flat[:, :, phase, ..., i : i + length] for phase, i in self._starts]
        self._columns = xp.empty((n, c, *geo.kernel, length), x.dtype)
        depth = c // geo.groups * prod(geo.kernel)
        self.matrices = self._columns.reshape((n, geo.groups, depth, length))

    @staticmethod
    def bytes(x: Array, geo: Geometry) -> int:
        """Return the size of one image's columns and shifted copies."""
        columns = prod((x.shape[1], *geo.kernel, *geo.out, x.dtype.itemsize))
        return columns + Shifted.bytes(x, geo)

    def fill(self, xp: XP, x: Array) -> None:
        """Copy the windows of images (n, C, *space) into the columns."""
        super().fill(xp, x)
        for k, run in enumerate(self._runs):
            xp.copyto(self._columns[:, :, k], run)

    def add_back(self, xp: XP, x: Array) -> None:
        """Add each element of the columns to that of the images (n, C, *space) it stands for."""
        xp.copyto(self._shifted, 0)
        for k, run in enumerate(self._runs):
            xp.add(run, self._columns[:, :, k], out=run)
        for shifted, inputs in self._pairs(x):
            xp.add(inputs, shifted, out=inputs)


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
