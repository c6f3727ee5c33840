"""Convolution as one batched matrix product over columns of windows.

Forward copies all windows into columns, (N, G, C/G * prod(K), prod(out)); a pointwise
convolution needs no copy, its columns are the input itself. The filter's gradient uses the kept
columns again; the input's gradient is a matrix product added back window by window.

Its error is that of the matrix product: |err| <= γ_n |x| |w| with n = C/G * prod(K).
"""

from itertools import product
from math import prod

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.conv.geometry import Geometry
from bakeoff_reference.padding import interior, padded


def columns(xp: XP, x: Array, geo: Geometry) -> Array:
    """(N, C, *space) --> (N, G, C/G * prod(K), prod(out))."""
    if any(map(any, geo.padding)):
        x = padded(xp, x, ((0, 0), (0, 0), *geo.padding), 0)
    view = xp.windows(x, geo.kernel, geo.stride, geo.dilation)  # (N, C, *K, *out)
    if view.shape[-len(geo.out) :] != geo.out:
        view = view[(..., *(slice(0, n) for n in geo.out))]
    n, c = x.shape[:2]
    depth = c // geo.groups * prod(geo.kernel)
    return view.reshape((n, geo.groups, depth, prod(geo.out)))


def forward(xp: XP, weight: Array, cols: Array, geo: Geometry) -> Array:
    """(O, C/G, *K), (N, G, C/G * prod(K), L) --> (N, O, *out)."""
    y = xp.matmul(filters(weight, geo), cols)  # (G, O/G, K) @ (N, G, K, L) --> (N, G, O/G, L)
    return y.reshape((cols.shape[0], weight.shape[0], *geo.out))


def filter_grad(xp: XP, g: Array, cols: Array, weight_shape: Shape, geo: Geometry) -> Array:
    """(N, O, *out), columns --> (O, C/G, *K)."""
    # (N, G, O/G, L) @ (N, G, L, K) --> (N, G, O/G, K), added up over N
    each = xp.matmul(grouped(g, geo), cols.swapaxes(-1, -2))
    return xp.sum(each, axis=0).reshape(weight_shape)


def input_grad(xp: XP, g: Array, weight: Array, x_shape: Shape, geo: Geometry) -> Array:
    """(N, O, *out), (O, C/G, *K) --> (N, C, *space)."""
    # (G, K, O/G) @ (N, G, O/G, L) --> (N, G, K, L)
    cols = xp.matmul(filters(weight, geo).swapaxes(1, 2), grouped(g, geo))
    if geo.pointwise and x_shape[2:] == geo.out:  # output_padding can make the input larger
        return cols.reshape(x_shape)
    cols = cols.reshape((*x_shape[:2], *geo.kernel, *geo.out))
    x = xp.zeros(
        x_shape[:2]
        + tuple(n + lo + hi for n, (lo, hi) in zip(x_shape[2:], geo.padding, strict=True)),
        g.dtype,
    )
    every = (slice(None), slice(None))
    for offset in product(*map(range, geo.kernel)):
        spot = x[every + taps(offset, geo)]
        xp.add(spot, cols[every + offset], out=spot)
    return x[every + interior(x_shape[2:], geo.padding)]


def taps(offset: Shape, geo: Geometry) -> tuple[slice, ...]:
    """Where in the padded input the kernel element at ``offset`` falls, for every output."""
    return tuple(
        slice(d * k, d * k + s * (n - 1) + 1, s)
        for k, d, s, n in zip(offset, geo.dilation, geo.stride, geo.out, strict=True)
    )


def filters(weight: Array, geo: Geometry) -> Array:
    """View the filters as matrices: (O, C/G, *K) --> (G, O/G, C/G * prod(K))."""
    return weight.reshape((geo.groups, weight.shape[0] // geo.groups, prod(weight.shape[1:])))


def grouped(g: Array, geo: Geometry) -> Array:
    """View images as matrices: (N, O, *out) --> (N, G, O/G, prod(out))."""
    return g.reshape((g.shape[0], geo.groups, g.shape[1] // geo.groups, prod(geo.out)))
