"""Convolution with 1 x 1 filters: a matrix product on the images as they lie, nothing copied.

|err| <= γ_n |x| |w| with n = C/G, of the gradients O/G and N * prod(out).
"""

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.batched import product
from bakeoff_reference.conv.geometry import Geometry
from bakeoff_reference.conv.im2col import filters, grouped


def forward(xp: XP, x: Array, weight: Array, geo: Geometry, limit: int) -> Array:
    """(N, C, *space), (O, C/G, 1...) --> (N, O, *space)."""
    y = product(xp, filters(weight, geo), grouped(x, geo))  # (G, O/G, C/G) @ (N, G, C/G, L)
    return y.reshape((x.shape[0], weight.shape[0], *geo.out))


def input_grad(xp: XP, g: Array, weight: Array, x_shape: Shape, geo: Geometry, limit: int) -> Array:
    """(N, O, *space), (O, C/G, 1...) --> (N, C, *space)."""
    x = product(xp, filters(weight, geo).swapaxes(1, 2), grouped(g, geo))
    return x.reshape(x_shape)


def filter_grad(
    xp: XP, g: Array, x: Array, weight_shape: Shape, geo: Geometry, limit: int
) -> Array:
    """(N, O, *space), (N, C, *space) --> (O, C/G, 1...)."""
    # (N, G, O/G, L) @ (N, G, L, C/G) --> (N, G, O/G, C/G), added up over N
    each = product(xp, grouped(g, geo), grouped(x, geo).swapaxes(-1, -2))
    return xp.sum(each, axis=0).reshape(weight_shape)
