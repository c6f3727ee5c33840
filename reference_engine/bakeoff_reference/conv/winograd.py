"""Convolution of 3 x 3 filters by Winograd's minimal filtering, F(2, 3) and F(4, 3).

A tile of m x m outputs takes (m + 2)² multiplications per pair of channels, not 9 m²: filter and
input tile are transformed, multiplied element by element, and transformed back::

    y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ d B)] A        per tile d of (m + 2) x (m + 2) inputs

Summed over channels, each of the (m + 2)² elements is one matrix product. The gradient of the
filter is the same identity transposed: Gᵀ [(A g Aᵀ) ⊙ (Bᵀ d B)] G, summed over tiles.

The error is not the direct sum's: it keeps to the largest values of tile and filter rather than
to those of an element's own products (`growth`), and an infinity or NaN reaches its whole tile.

Sources: Winograd, Arithmetic Complexity of Computations (1980); Lavin & Gray, Fast Algorithms
for Convolutional Neural Networks, CVPR 2016; Barabasz et al., Error Analysis and Improving the
Accuracy of Winograd Convolution for Deep Neural Networks, ACM TOMS 46 (2020).
"""

from math import prod
from typing import NamedTuple

import numpy

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.batched import product
from bakeoff_reference.conv.geometry import Geometry
from bakeoff_reference.conv.tiles import Matrix, Sandwich, Tiles


class Transform(NamedTuple):
    """F(m, 3): Aᵀ (m, m + 2), G (m + 2, 3), Bᵀ (m + 2, m + 2)."""

    m: int
    AT: Matrix
    G: Matrix
    BT: Matrix

    @property
    def size(self) -> int:
        """Elements of a transformed tile along one axis."""
        return self.m + 2

    def growth(self, channels: int) -> float:
        """Return how far results may stray, in units of γ_n n max|x| max|w| of the direct sum.

        Both are first-order bounds for max|x| = max|w| = 1. The direct sum's is n² u with
        n = 9 C. Here, after Barabasz et al. (theorem 2, in two dimensions), it is the sizes that
        the transforms can give, C (max over rows of |Aᵀ| |G|1 |Bᵀ|1)², times their roundings:
        C of the sum over channels, and two times each transform's terms.
        """
        at, g, bt = (numpy.abs(numpy.array(m)) for m in (self.AT, self.G, self.BT))
        size = float(numpy.max(at @ (g.sum(axis=1) * bt.sum(axis=1))))
        terms = sum(2 * int(numpy.max(numpy.count_nonzero(m, axis=1)) + 1) for m in (at, g, bt))
        return channels * size**2 * (channels + terms) / (9 * channels) ** 2


F23 = Transform(
    2,
    AT=((1, 1, 1, 0), (0, 1, -1, -1)),
    G=((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
    BT=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
)
F43 = Transform(
    4,
    AT=((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
    G=(
        (1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1),
    ),
    BT=(
        (4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1),
    ),
)  # fmt: skip


def applies(geo: Geometry) -> bool:
    """Whether the filter is 3 x 3, without strides and holes."""
    return geo.kernel == (3, 3) and geo.dense and geo.undilated


def forward(xp: XP, x: Array, weight: Array, geo: Geometry, limit: int, f: Transform) -> Array:
    """(N, C, H, W), (O, C/G, 3, 3) --> (N, O, *out)."""
    c, o, size = x.shape[1], weight.shape[0], f.size
    y = xp.empty((x.shape[0], o, *geo.out), x.dtype)
    tiles = Tiles(geo, f.m, size**2 * max(c, o), x, limit)
    u = _transformed_filters(xp, weight, geo, f, tiles)  # (f * f, 1, G, O/G, C/G)
    phases = tiles.phases(xp, c, halo=1)
    to_inputs = Sandwich(xp, f.BT, phases.shape, tiles, tiles.height)
    products = tiles.buffer(xp, size, 1, size, tiles.height * o * tiles.width)
    to_outputs = Sandwich(xp, f.AT, products.shape, tiles, 1)
    outputs = to_outputs.result.reshape((f.m, f.m, tiles.height, o * tiles.width))
    v, m = (_matrices(a, geo, tiles) for a in (to_inputs.result, products))
    for part in tiles.parts:
        tiles.sort(xp, phases, x[part], [lo for lo, _ in geo.padding])
        for step, wider in tiles.steps():
            to_inputs(xp, phases[:, wider])
            # (f * f, 1, G, O/G, C/G) @ (f * f, rows, G, C/G, L) --> (f * f, rows, G, O/G, L)
            product(xp, u, v, out=m)
            to_outputs(xp, products)
            tiles.unsort(xp, y[part], outputs, step)
    return y


def filter_grad(
    xp: XP, g: Array, x: Array, weight_shape: Shape, geo: Geometry, limit: int, f: Transform
) -> Array:
    """(N, O, *out), (N, C, H, W) --> (O, C/G, 3, 3)."""
    c, o, size = x.shape[1], g.shape[1], f.size
    tiles = Tiles(geo, f.m, size**2 * max(c, o), x, limit)
    phases, cotangents = tiles.phases(xp, c, halo=1), tiles.phases(xp, o)
    to_inputs = Sandwich(xp, f.BT, phases.shape, tiles, tiles.height)
    turned = tuple(zip(*f.AT, strict=True))
    to_products = Sandwich(xp, turned, cotangents.shape, tiles, tiles.height)
    v, w = (_matrices(s.result, geo, tiles) for s in (to_inputs, to_products))
    each = xp.empty((*v.shape[:4], w.shape[3]), x.dtype)
    total = xp.zeros((v.shape[0], *each.shape[2:]), x.dtype)
    for part in tiles.parts:
        tiles.sort(xp, phases, x[part], [lo for lo, _ in geo.padding])
        tiles.sort(xp, cotangents, g[part], (0, 0))
        for step, wider in tiles.steps():
            to_inputs(xp, phases[:, wider])
            to_products(xp, cotangents[:, step])
            # (f * f, rows, G, C/G, L) @ (f * f, rows, G, L, O/G), added up over rows
            product(xp, v, w.swapaxes(-1, -2), out=each)
            for row in range(tiles.height):
                xp.add(total, each[:, row], out=total)
    planes = total.reshape((size, 1, size, prod(total.shape[1:])))
    to_filters = Sandwich(xp, tuple(zip(*f.G, strict=True)), planes.shape, tiles, 1)
    to_filters(xp, planes)
    gw = to_filters.result.reshape((9, *total.shape[1:]))
    return gw.transpose((1, 3, 2, 0)).reshape(weight_shape)


def _matrices(x: Array, geo: Geometry, tiles: Tiles) -> Array:
    """(f, f, rows, C * L), or the same flat, --> (f * f, rows, G, C/G, L)."""
    size, rows, groups, width = x.shape[0], tiles.height, geo.groups, tiles.width
    return x.reshape((size**2, rows, groups, x.size // (size**2 * rows * groups * width), width))


def _transformed_filters(xp: XP, weight: Array, geo: Geometry, f: Transform, tiles: Tiles) -> Array:
    """G w Gᵀ: (O, C/G, 3, 3) --> (f * f, 1, G, O/G, C/G)."""
    o, c = weight.shape[:2]
    planes = weight.transpose((2, 3, 0, 1)).reshape((3, 1, 3, o * c))
    transform = Sandwich(xp, f.G, planes.shape, tiles, 1)
    transform(xp, planes)
    return transform.result.reshape((f.size**2, 1, geo.groups, o // geo.groups, c))
