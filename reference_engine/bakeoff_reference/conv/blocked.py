"""Convolution by columns of a few images at a time: the workspace stays in the cache.

The sums are those of `bakeoff_reference.conv.im2col`, and so is the error bound. What differs
is the memory: one buffer of columns is filled anew for every block of images. With a row of the
filter at a time no columns are needed but those that lie in images shifted along a row: so it is
done if none of their rows are skipped.
"""

from math import prod

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.batched import product
from bakeoff_reference.conv.columns import Columns, Shifted
from bakeoff_reference.conv.geometry import Geometry
from bakeoff_reference.conv.im2col import filters, grouped

SHORTEST = 16  # elements of a filter's row that are worth a product by themselves


def blocks(count: int, bytes_each: int, limit: int) -> tuple[int, list[slice]]:
    """Return equal blocks of images, as many each as fit the limit, at least one."""
    most = max(1, min(count, limit // max(bytes_each, 1)))
    size = next(b for b in range(most, 0, -1) if count % b == 0)
    return size, [slice(i, i + size) for i in range(0, count, size)]


def forward(xp: XP, x: Array, weight: Array, geo: Geometry, limit: int) -> Array:
    """(N, C, *space), (O, C/G, *K) --> (N, O, *out)."""
    n, (o, c, k, *rest), groups = x.shape[0], weight.shape, geo.groups
    depth = c * prod(rest)
    # outputs added up cost more than columns copied if filters are many, or sums are short
    if geo.stride[0] > 1 or depth < SHORTEST or o // groups >= 2 * depth:
        return _forward_by_columns(xp, x, weight, geo, limit)
    y = xp.empty((n, o, *geo.out), x.dtype)
    size, parts = blocks(n, Shifted.bytes(x, geo), limit)
    shifted = Shifted(xp, x, size, geo)
    windows = shifted.windows(xp, geo)
    seen = [windows[:, i].reshape((size, groups, *windows.shape[2:])) for i in range(k)]
    w = weight.swapaxes(1, 2).reshape((groups, o // groups, k, depth))
    scratch = xp.empty((size, groups, o // groups, prod(geo.out)), x.dtype) if k > 1 else y
    for part in parts:
        shifted.fill(xp, x[part])
        sums = grouped(y[part], geo)
        for i in range(k):
            # (G, O/G, C/G * rest) @ (n, G, C/G * rest, L) --> (n, G, O/G, L)
            product(xp, w[:, :, i], seen[i], out=scratch if i else sums)
            if i:
                xp.add(sums, scratch, out=sums)
    return y


def _forward_by_columns(xp: XP, x: Array, weight: Array, geo: Geometry, limit: int) -> Array:
    y = xp.empty((x.shape[0], weight.shape[0], *geo.out), x.dtype)
    w = filters(weight, geo)  # (G, O/G, K)
    size, parts = blocks(x.shape[0], Columns.bytes(x, geo), limit)
    columns = Columns(xp, x, size, geo)
    for part in parts:
        columns.fill(xp, x[part])
        # (G, O/G, K) @ (n, G, K, L) --> (n, G, O/G, L)
        product(xp, w, columns.matrices, out=grouped(y[part], geo))
    return y


def filter_grad(
    xp: XP, g: Array, x: Array, weight_shape: Shape, geo: Geometry, limit: int
) -> Array:
    """(N, O, *out), (N, C, *space) --> (O, C/G, *K)."""
    if geo.stride[0] > 1:
        return _filter_grad_by_columns(xp, g, x, weight_shape, geo, limit)
    groups, (o, c, k, *rest) = geo.groups, weight_shape
    size, parts = blocks(x.shape[0], Shifted.bytes(x, geo), limit)
    shifted = Shifted(xp, x, size, geo)
    windows = shifted.windows(xp, geo)
    total = xp.zeros((groups, k, c * prod(rest), o // groups), x.dtype)
    for part in parts:
        shifted.fill(xp, x[part])
        cotangents = g[part].reshape((size * groups, 1, o // groups, prod(geo.out)))
        # (n * G, K[0], C/G * rest, L) @ (n * G, 1, L, O/G), added up over n
        each = product(xp, windows, cotangents.swapaxes(-1, -2))
        xp.add(total, xp.sum(each.reshape((size, *total.shape)), axis=0), out=total)
    total = total.reshape((groups, k, c, *rest, o // groups))
    axes = (0, total.ndim - 1, 2, 1, *range(3, total.ndim - 1))
    return total.transpose(axes).reshape(weight_shape)


def _filter_grad_by_columns(
    xp: XP, g: Array, x: Array, weight_shape: Shape, geo: Geometry, limit: int
) -> Array:
    groups, depth = geo.groups, prod(weight_shape[1:])
    size, parts = blocks(x.shape[0], Columns.bytes(x, geo), limit)
    columns = Columns(xp, x, size, geo)
    total = xp.zeros((groups, depth, weight_shape[0] // groups), x.dtype)
    for part in parts:
        columns.fill(xp, x[part])
        # (n, G, K, L) @ (n, G, L, O/G) --> (n, G, K, O/G), added up over n; the wider matrix
        # on the left is what BLAS is faster at
        each = product(xp, columns.matrices, grouped(g[part], geo).swapaxes(-1, -2))
        xp.add(total, each[0] if size == 1 else xp.sum(each, axis=0), out=total)
    return total.swapaxes(1, 2).reshape(weight_shape)


def input_grad(xp: XP, g: Array, weight: Array, x_shape: Shape, geo: Geometry, limit: int) -> Array:
    """(N, O, *out), (O, C/G, *K) --> (N, C, *space)."""
    x = xp.zeros(x_shape, g.dtype)
    w = filters(weight, geo).swapaxes(1, 2)  # (G, K, O/G)
    size, parts = blocks(x_shape[0], Columns.bytes(x, geo), limit)
    columns = Columns(xp, x, size, geo)
    for part in parts:
        # (G, K, O/G) @ (n, G, O/G, L) --> (n, G, K, L)
        product(xp, w, grouped(g[part], geo), out=columns.matrices)
        columns.add_back(xp, x[part])
    return x
