"""Convolution without the columns' copies along the first axis: windows overlap in memory.

Only the axes after the first are unrolled. With the rows of the image outermost, the windows of
one row of outputs lie side by side: they are one matrix, and that of the next row of outputs is
the same memory a stride further on. A k x k filter needs k copies of the input, not k * k, and
every sum is one matrix product's.

Source: Cho & Brand, MEC: Memory-efficient Convolution for Deep Neural Network, ICML 2017.
The sums are direct: |err| <= γ_n |x| |w| with n = C/G * prod(K).
"""

from math import prod

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.batched import product
from bakeoff_reference.conv.blocked import blocks
from bakeoff_reference.conv.geometry import Geometry, spots


def applies(geo: Geometry) -> bool:
    """Whether there is an axis to unroll, and none of the first axis's rows is skipped."""
    return len(geo.kernel) > 1 and geo.dilation[0] == 1


def row_bytes(x: Array, geo: Geometry) -> int:
    """Return the size of one image's unrolled rows."""
    return prod((x.shape[1], _rows(geo), *geo.kernel[1:], *geo.out[1:], x.dtype.itemsize))


def forward(xp: XP, x: Array, weight: Array, geo: Geometry, limit: int) -> Array:
    """(N, C, *space), (O, C/G, *K) --> (N, O, *out)."""
    y = xp.empty((x.shape[0], weight.shape[0], *geo.out), x.dtype)
    size, parts = blocks(x.shape[0], row_bytes(x, geo), limit)
    unrolled = Unrolled(xp, x, size, geo)
    w = unrolled.filters(weight)
    for part in parts:
        # (G, 1, O/G, K) @ (G, H, K, n * rest) --> (G, H, O/G, n * rest)
        each = product(xp, w, unrolled.windows(xp, x[part]))
        xp.copyto(unrolled.by_rows(y[part]), each.reshape((*each.shape[:3], size, *geo.out[1:])))
    return y


def filter_grad(
    xp: XP, g: Array, x: Array, weight_shape: Shape, geo: Geometry, limit: int
) -> Array:
    """(N, O, *out), (N, C, *space) --> (O, C/G, *K)."""
    size, parts = blocks(x.shape[0], row_bytes(x, geo), limit)
    unrolled = Unrolled(xp, x, size, geo)
    depth, filters = prod(weight_shape[1:]), weight_shape[0] // geo.groups
    total = xp.zeros((geo.groups, depth, filters), x.dtype)
    rows = xp.empty((geo.groups, geo.out[0], filters, size, *geo.out[1:]), x.dtype)
    flat = rows.reshape((*rows.shape[:3], prod(rows.shape[3:])))
    for part in parts:
        xp.copyto(rows, unrolled.by_rows(g[part]))
        # (G, H, K, n * rest) @ (G, H, n * rest, O/G) --> (G, H, K, O/G), added up over H
        each = product(xp, unrolled.windows(xp, x[part]), flat.swapaxes(-1, -2))
        xp.add(total, xp.sum(each, axis=1), out=total)
    return unrolled.unfiltered(total, weight_shape)


class Unrolled:
    """A buffer for a block of images: (G, rows, C/G, *K[1:], n, *out[1:])."""

    def __init__(self, xp: XP, x: Array, size: int, geo: Geometry) -> None:
        self.geo = geo
        self._inner = self._axis(geo)
        lead = (geo.groups, _rows(geo), x.shape[1] // geo.groups)
        # zeros: where padding is met, nothing is ever written
        self.rows = xp.zeros((*lead, *geo.kernel[1:], size, *geo.out[1:]), x.dtype)

    @staticmethod
    def _axis(geo: Geometry) -> Geometry:
        """The geometry of the axes that are unrolled."""
        return Geometry(
            geo.kernel[1:], geo.out[1:], geo.stride[1:], geo.padding[1:], geo.dilation[1:],
            geo.groups,
        )  # fmt: skip

    def windows(self, xp: XP, x: Array) -> Array:
        """Unroll a block; return its windows (G, H, K, n * rest), which overlap in memory."""
        geo, rows = self.geo, self.rows
        low = geo.padding[0][0]
        high = min(rows.shape[1], low + x.shape[2])
        source = self.by_rows(x)  # (G, rows, C/G, n, *rest)
        every = (slice(None),) * 2
        for offset, outputs, inputs in spots(x.shape[3:], self._inner):
            target = rows[
                (slice(None), slice(low, high), slice(None), *offset, slice(None), *outputs)
            ]
            taken = source[(slice(None), slice(0, max(high - low, 0)), *every, *inputs)]
            xp.copyto(target, taken)
        step = prod(rows.shape[2 : 2 + len(geo.kernel)])  # C/G * prod(K[1:])
        wide = prod(rows.shape[2 + len(geo.kernel) :])
        flat = rows.reshape((geo.groups, 1, rows.shape[1] * step, wide))
        seen = xp.windows(flat, (geo.kernel[0] * step, wide), (geo.stride[0] * step, 1), (1, 1))
        return seen[:, 0, :, :, :, 0].transpose((0, 3, 1, 2))

    def by_rows(self, x: Array) -> Array:
        """(n, C, H, *rest) --> (G, H, C/G, n, *rest), a view."""
        groups = self.geo.groups
        split = x.reshape((x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
        return split.transpose((1, 3, 2, 0, *range(4, split.ndim)))

    def filters(self, weight: Array) -> Array:
        """(O, C/G, *K) --> (G, 1, O/G, K[0] * C/G * prod(K[1:]))."""
        groups, depth = self.geo.groups, prod(weight.shape[1:])
        rows_first = weight.swapaxes(1, 2)  # (O, K[0], C/G, *K[1:])
        return rows_first.reshape((groups, 1, weight.shape[0] // groups, depth))

    def unfiltered(self, total: Array, weight_shape: Shape) -> Array:
        """(G, K[0] * C/G * prod(K[1:]), O/G) --> (O, C/G, *K)."""
        o, c, k, *rest = weight_shape
        return total.swapaxes(1, 2).reshape((o, k, c, *rest)).swapaxes(1, 2)


def _rows(geo: Geometry) -> int:
    """How many rows of the padded input are met."""
    return (geo.out[0] - 1) * geo.stride[0] + geo.kernel[0]
