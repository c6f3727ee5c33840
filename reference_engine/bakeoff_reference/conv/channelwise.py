"""Depthwise convolution: a channel has filters of its own, so columns are short and many.

The padded images are laid out flat. A filter element then meets the inputs at one flat distance
from its outputs, and a channel's columns are a few long runs of memory. Of each row the last sums
wrap around into the next one: they are not copied out, and their cotangents are zero.

|err| <= γ_n |x| |w| with n = prod(K): the sums are direct.
"""

from itertools import product
from math import prod

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.conv.blocked import blocks
from bakeoff_reference.conv.geometry import Geometry


def applies(geo: Geometry, weight_shape: Shape) -> bool:
    """Whether each filter reads one channel, at every place."""
    return weight_shape[1] == 1 and geo.dense


def forward(xp: XP, x: Array, weight: Array, geo: Geometry, limit: int) -> Array:
    """(N, C, *space), (C * M, 1, *K) --> (N, C * M, *out)."""
    n, c = x.shape[:2]
    y = xp.empty((n, weight.shape[0], *geo.out), x.dtype)
    flat = Flat(geo)
    size, parts = blocks(n, flat.bytes(x), limit)
    cols, images = flat.columns(xp, x, size), flat.images(xp, x, size, c)
    sums = flat.images(xp, x, size, weight.shape[0])
    w = weight.reshape((c, weight.shape[0] // c, prod(geo.kernel)))
    runs = sums.reshape((size, *w.shape[:2], flat.extent))[..., : flat.length]
    for part in parts:
        flat.fill(xp, cols, images, x[part])
        xp.matmul(w, cols, out=runs)  # (C, M, K) @ (n, C, K, L) --> (n, C, M, L)
        xp.copyto(y[part], flat.outputs(sums))
    return y


def filter_grad(
    xp: XP, g: Array, x: Array, weight_shape: Shape, geo: Geometry, limit: int
) -> Array:
    """(N, C * M, *out), (N, C, *space) --> (C * M, 1, *K)."""
    n, c = x.shape[:2]
    flat = Flat(geo)
    size, parts = blocks(n, flat.bytes(x), limit)
    cols, images = flat.columns(xp, x, size), flat.images(xp, x, size, c)
    cotangents = flat.images(xp, x, size, g.shape[1])
    runs = cotangents.reshape((size, c, g.shape[1] // c, flat.extent))[..., : flat.length]
    total = xp.zeros((c, g.shape[1] // c, prod(geo.kernel)), x.dtype)
    for part in parts:
        flat.fill(xp, cols, images, x[part])
        xp.copyto(flat.outputs(cotangents), g[part])
        # (n, C, M, L) @ (n, C, L, K) --> (n, C, M, K), added up over n
        each = xp.matmul(runs, cols.swapaxes(-1, -2))
        xp.add(total, xp.sum(each, axis=0), out=total)
    return total.reshape(weight_shape)


class Flat:
    """Distances in a padded image that is laid out flat."""

    def __init__(self, geo: Geometry) -> None:
        self.geo = geo
        reach = [d * (k - 1) for k, d in zip(geo.kernel, geo.dilation, strict=True)]
        self.padded = tuple(o + r for o, r in zip(geo.out, reach, strict=True))
        steps = [prod(self.padded[i + 1 :]) for i in range(len(self.padded))]
        self.distances = [
            sum(i * d * step for i, d, step in zip(offset, geo.dilation, steps, strict=True))
            for offset in product(*map(range, geo.kernel))
        ]
        self.extent = prod(self.padded)
        self.length = self.extent - self.distances[-1]  # as far as the last element reaches

    def bytes(self, x: Array) -> int:
        """Return the size of one image's columns."""
        return prod((x.shape[1], len(self.distances), self.length, x.dtype.itemsize))

    def columns(self, xp: XP, x: Array, size: int) -> Array:
        """Return a buffer (n, C, K, L)."""
        return xp.empty((size, x.shape[1], len(self.distances), self.length), x.dtype)

    def images(self, xp: XP, x: Array, size: int, channels: int) -> Array:
        """Return a buffer (n, channels, extent) of zeros."""
        return xp.zeros((size, channels, self.extent), x.dtype)

    def fill(self, xp: XP, cols: Array, images: Array, x: Array) -> None:
        """Lay out a block, and copy a run for every filter element."""
        inside, taken = [], []
        for n, p, (lo, _) in zip(x.shape[2:], self.padded, self.geo.padding, strict=True):
            count = max(0, min(n, p - lo))
            inside.append(slice(lo, lo + count))
            taken.append(slice(0, count))
        every = (slice(None), slice(None))
        xp.copyto(self._spatial(images)[every + tuple(inside)], x[every + tuple(taken)])
        for i, distance in enumerate(self.distances):
            xp.copyto(cols[:, :, i, :], images[:, :, distance : distance + self.length])

    def outputs(self, images: Array) -> Array:
        """View the outputs' places: (n, channels, *out)."""
        return self._spatial(images)[(..., *(slice(0, n) for n in self.geo.out))]

    def _spatial(self, images: Array) -> Array:
        return images.reshape((*images.shape[:2], *self.padded))
