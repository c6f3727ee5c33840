"""Convolution by columns of a few images at a time: the workspace stays in the cache.

The sums are those of `bakeoff_reference.conv.im2col`, and so is the error bound. What differs
is the memory: one buffer of columns is filled anew for every block of images, and what borders
on padding is zero in it from the start.
"""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.conv.geometry import Geometry, seen
from bakeoff_reference.conv.im2col import filters, grouped


def blocks(count: int, bytes_each: int, limit: int) -> tuple[int, list[slice]]:
    """Return equal blocks of images, as many each as fit the limit, at least one."""
    most = max(1, min(count, limit // max(bytes_each, 1)))
    size = next(b for b in range(most, 0, -1) if count % b == 0)
    return size, [slice(i, i + size) for i in range(0, count, size)]


def column_bytes(x: Array, geo: Geometry) -> int:
    """Return the size of one image's columns."""
    return prod((x.shape[1], *geo.kernel, *geo.out, x.dtype.itemsize))


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


def forward(xp: XP, x: Array, weight: Array, geo: Geometry, limit: int) -> Array:
    """(N, C, *space), (O, C/G, *K) --> (N, O, *out)."""
    y = xp.empty((x.shape[0], weight.shape[0], *geo.out), x.dtype)
    w = filters(weight, geo)  # (G, O/G, K)
    size, parts = blocks(x.shape[0], column_bytes(x, geo), limit)
    cols = xp.zeros((size, x.shape[1], *geo.kernel, *geo.out), x.dtype)
    for part in parts:
        flat = _fill(xp, cols, x[part], geo)
        # (G, O/G, K) @ (n, G, K, L) --> (n, G, O/G, L)
        xp.matmul(w, flat, out=grouped(y[part], geo))
    return y


def filter_grad(
    xp: XP, g: Array, x: Array, weight_shape: Shape, geo: Geometry, limit: int
) -> Array:
    """(N, O, *out), (N, C, *space) --> (O, C/G, *K)."""
    groups, depth = geo.groups, prod(weight_shape[1:])
    size, parts = blocks(x.shape[0], column_bytes(x, geo), limit)
    cols = xp.zeros((size, x.shape[1], *geo.kernel, *geo.out), x.dtype)
    total = xp.zeros((groups, depth, weight_shape[0] // groups), x.dtype)
    for part in parts:
        flat = _fill(xp, cols, x[part], geo)
        # (n, G, K, L) @ (n, G, L, O/G) --> (n, G, K, O/G), added up over n; the wider matrix
        # on the left is what BLAS is faster at
        each = xp.matmul(flat, grouped(g[part], geo).swapaxes(-1, -2))
        xp.add(total, each[0] if size == 1 else xp.sum(each, axis=0), out=total)
    return total.swapaxes(1, 2).reshape(weight_shape)


def input_grad(xp: XP, g: Array, weight: Array, x_shape: Shape, geo: Geometry, limit: int) -> Array:
    """(N, O, *out), (O, C/G, *K) --> (N, C, *space)."""
    x = xp.zeros(x_shape, g.dtype)
    w = filters(weight, geo).swapaxes(1, 2)  # (G, K, O/G)
    size, parts = blocks(x_shape[0], column_bytes(x, geo), limit)
    cols = xp.empty((size, x_shape[1], *geo.kernel, *geo.out), g.dtype)
    flat = _flat(cols, geo)
    every = (slice(None), slice(None))
    for part in parts:
        xp.matmul(w, grouped(g[part], geo), out=flat)
        for offset, outputs, inputs in spots(x_shape[2:], geo):
            spot = x[(part, slice(None), *inputs)]
            xp.add(spot, cols[every + offset + outputs], out=spot)
    return x


def _fill(xp: XP, cols: Array, x: Array, geo: Geometry) -> Array:
    every = (slice(None), slice(None))
    for offset, outputs, inputs in spots(x.shape[2:], geo):
        xp.copyto(cols[every + offset + outputs], x[every + inputs])
    return _flat(cols, geo)


def _flat(cols: Array, geo: Geometry) -> Array:
    """(n, C, *K, *out) --> (n, G, C/G * prod(K), L)."""
    depth = prod(cols.shape[1 : -len(geo.out)]) // geo.groups
    return cols.reshape((cols.shape[0], geo.groups, depth, prod(geo.out)))
