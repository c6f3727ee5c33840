"""Convolutions and windows in NumPy, one kernel offset at a time, for error bounds.

The three maps of a convolution, forward and the two adjoints, are each bilinear, so that
running them on absolute values gives the Σ|a||b| of an error bound. They share nothing with
the reference engine, whose results they confirm. Any number of spatial dimensions.

x (N, C, *S), weight (O, C/groups, *K), y (N, O, *out).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import gcd, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Ints = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Which input element meets which kernel element for which output element."""

    spatial: Ints
    kernel: Ints
    out: Ints
    stride: Ints
    padding: tuple[tuple[int, int], ...]
    dilation: Ints
    groups: int = 1

    @property
    def taps(self) -> int:
        """How many outputs an input element can reach."""
        steps = zip(self.kernel, self.stride, self.dilation, strict=True)
        return prod(-(-k // (s // gcd(s, d))) for k, s, d in steps)

    def offsets(self) -> Iterator[tuple[Ints, tuple[slice, ...]]]:
        """Yield each kernel index and where its inputs lie in the padded input."""
        for index in np.ndindex(*self.kernel):
            yield (
                index,
                tuple(
                    slice(k * d, k * d + (n - 1) * s + 1, s)
                    for k, d, n, s in zip(index, self.dilation, self.out, self.stride, strict=True)
                ),
            )

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """Pad the spatial axes; further at the end where an adjoint's windows reach further."""
        width = [(0, 0)] * (x.ndim - len(self.padding))
        return np.pad(x, (*width, *self.padding), constant_values=value)

    def unpad(self, x: Array) -> Array:
        """The inverse of `pad`."""
        cut = [slice(lo, lo + n) for (lo, _), n in zip(self.padding, self.spatial, strict=True)]
        return np.asarray(x[_at(cut)])

    def padded(self) -> Ints:
        """The spatial shape after `pad`."""
        return tuple(lo + n + hi for n, (lo, hi) in zip(self.spatial, self.padding, strict=True))


def _at(index: Iterable[Any]) -> Any:
    """Index the trailing axes."""
    return (..., *index)


def forward(x: Array, weight: Array, at: Geometry) -> Array:
    """y[n, o] = Σ x[n, c, window] weight[o, c]: sums of C/groups · ∏K products."""
    n, g = x.shape[0], at.groups
    padded = at.pad(x).reshape(n, g, -1, *at.padded())  # (N, g, C/g, *S)
    kernel = weight.reshape(g, -1, *weight.shape[1:])  # (g, O/g, C/g, *K)
    y = np.zeros((n, g, kernel.shape[1], prod(at.out)))
    for index, window in at.offsets():
        seen = padded[_at(window)].reshape(n, g, -1, prod(at.out))  # (N, g, C/g, L)
        y += kernel[_at(index)] @ seen
    return y.reshape(n, -1, *at.out)


def to_input(y: Array, weight: Array, at: Geometry) -> Array:
    """Return `forward`'s adjoint in x: sums of at most O/groups · `Geometry.taps` products."""
    n, g = y.shape[0], at.groups
    kernel = weight.reshape(g, -1, *weight.shape[1:]).swapaxes(1, 2)  # (g, C/g, O/g, *K)
    flat = y.reshape(n, g, -1, prod(at.out))  # (N, g, O/g, L)
    x = np.zeros((n, g, kernel.shape[1], *at.padded()))
    for index, window in at.offsets():
        x[_at(window)] += (kernel[_at(index)] @ flat).reshape(n, g, -1, *at.out)
    return at.unpad(x.reshape(n, -1, *at.padded()))


def to_weight(x: Array, y: Array, at: Geometry) -> Array:
    """Return `forward`'s adjoint in weight: sums of N · ∏out products."""
    n, g = x.shape[0], at.groups
    padded = at.pad(x).reshape(n, g, -1, *at.padded())
    flat = y.reshape(n, g, -1, prod(at.out)).transpose(1, 2, 0, 3)  # (g, O/g, N, L)
    rows = flat.reshape(g, flat.shape[1], -1)  # (g, O/g, N L)
    weight = np.zeros((g, flat.shape[1], padded.shape[2], *at.kernel))
    for index, window in at.offsets():
        seen = padded[_at(window)].reshape(n, g, -1, prod(at.out)).transpose(1, 0, 3, 2)
        weight[_at(index)] = rows @ seen.reshape(g, -1, padded.shape[2])
    return weight.reshape(-1, *weight.shape[2:])


def windows(x: Array, at: Geometry, value: float) -> Array:
    """Return the windows of a pooling: (∏K, N, C, *out)."""
    padded = at.pad(x, value)
    return np.stack([padded[_at(window)] for _, window in at.offsets()])


def scatter(parts: Array, at: Geometry) -> Array:
    """Return `windows`' adjoint: each part added where it came from."""
    x = np.zeros((*parts.shape[1:3], *at.padded()))
    for part, (_, window) in zip(parts, at.offsets(), strict=True):
        x[_at(window)] += part
    return at.unpad(x)
