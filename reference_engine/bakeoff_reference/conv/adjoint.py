"""The gradient of a convolution's input, as convolutions of the cotangent with stride 1.

Input i meets filter element k at output y where y * stride = i + low - dilation * k. Without a
stride that is a convolution with the filter turned round. With stride s the inputs of each
phase, i mod s, meet every s-th filter element: a small convolution of their own. So no element
is added twice, and every strategy for the forward pass serves.

Source: Dumoulin & Visin, A guide to convolution arithmetic (2016), chapter 4; the phases are
those of Shi et al., Is the deconvolution layer the same as a convolutional layer? (2016).
"""

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.conv.geometry import Geometry

Forward = Callable[[XP, Array, Array, Geometry], Array]


class Phase(NamedTuple):
    """One axis of one phase: which inputs, which filter elements (in their own order)."""

    inputs: slice
    taps: slice
    size: int
    low: int
    out: int


def applies(geo: Geometry) -> bool:
    """Whether no axis has both a stride and a dilation."""
    return all(s == 1 or d == 1 for s, d in zip(geo.stride, geo.dilation, strict=True))


def phases(n: int, kernel: int, stride: int, dilation: int, low: int) -> list[Phase]:
    """Return the phases of one axis of ``n`` inputs."""
    found = []
    for a in range(min(stride, n)):
        first = (a + low) % stride
        size = -(-(kernel - first) // stride) if first < kernel else 0
        # the last tap of the phase comes first when the filter is turned round
        new_low = dilation * (size - 1) - (a + low - first) // stride
        found.append(
            Phase(slice(a, n, stride), slice(first, kernel, stride), size, new_low,
                  -(-(n - a) // stride))
        )  # fmt: skip
    return found


def input_grad(
    xp: XP, g: Array, weight: Array, x_shape: Shape, geo: Geometry, forward: Forward
) -> Array:
    """(N, O, *out), (O, C/G, *K) --> (N, C, *space), each phase by ``forward``."""
    axes = [
        phases(n, k, s, d, lo)
        for n, k, s, d, (lo, _) in zip(
            x_shape[2:], geo.kernel, geo.stride, geo.dilation, geo.padding, strict=True
        )
    ]
    if geo.dense:
        return _phase(xp, g, weight, [axis[0] for axis in axes], geo, forward)
    x = xp.empty(x_shape, g.dtype)
    for parts in product(*axes):
        spot = x[(slice(None), slice(None), *(p.inputs for p in parts))]
        if all(p.size for p in parts):
            xp.copyto(spot, _phase(xp, g, weight, parts, geo, forward))
        else:
            xp.copyto(spot, 0)  # a filter smaller than the stride misses these
    return x


def _phase(
    xp: XP, g: Array, weight: Array, parts: "list[Phase] | tuple[Phase, ...]", geo: Geometry,
    forward: Forward,
) -> Array:  # fmt: skip
    every = (slice(None), slice(None))
    w = turned(xp, weight[every + tuple(p.taps for p in parts)], geo.groups)
    cut, padding = [], []
    for p, n, d in zip(parts, g.shape[2:], geo.dilation, strict=True):
        high = p.out + d * (p.size - 1) - p.low - n
        cut.append(slice(max(0, -p.low), max(0, n + min(0, high))))
        padding.append((max(0, p.low), max(0, high)))
    ones = (1,) * len(parts)
    sub = Geometry(
        tuple(p.size for p in parts), tuple(p.out for p in parts), ones, tuple(padding),
        geo.dilation, geo.groups,
    )  # fmt: skip
    return forward(xp, g[every + tuple(cut)], w, sub)


def turned(xp: XP, weight: Array, groups: int) -> Array:
    """(O, C/G, *K) --> (C, O/G, *K), every spatial axis reversed."""
    o, c, *kernel = weight.shape
    split = weight.reshape((groups, o // groups, c, *kernel)).swapaxes(1, 2)
    result = xp.empty(split.shape, weight.dtype)
    # a copy: BLAS takes no matrix that runs backwards
    xp.copyto(result, split[(..., *(slice(None, None, -1),) * len(kernel))])
    return result.reshape((groups * c, o // groups, *kernel))
