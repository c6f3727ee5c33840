"""Overlapping tiles of images, in memory where transforms of tiles are sums of long runs.

Inputs lie sorted by their place in the tile: ``phases[p, q]`` holds inputs m t + p, m s + q of all
tiles t, s, flat. The tile's other inputs are those of the next tile, one step (or one row) on in
the flat memory. The last tile of a row is there only to be the next one: what is computed in its
place is not copied out, and its cotangent is zero.
"""

from collections.abc import Sequence
from itertools import product

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.conv.blocked import blocks
from bakeoff_reference.conv.geometry import Geometry, seen

Matrix = tuple[tuple[float, ...], ...]


class Tiles:
    """Tiles of m x m outputs of a block of images: (rows of tiles, n, tiles in a row), flat."""

    def __init__(self, geo: Geometry, m: int, planes: int, x: Array, limit: int) -> None:
        self.m = m
        self.rows, self.columns = (-(-n // m) for n in geo.out)
        each = planes * self.rows * (self.columns + 1) * x.dtype.itemsize
        self.count, self.parts = blocks(x.shape[0], each, limit)
        self.row = self.count * (self.columns + 1)  # one step down
        self.length = self.rows * self.row - 1  # the very last is never used
        self._dtype = x.dtype

    def buffer(self, xp: XP, lead: Shape, halo: int = 0) -> Array:
        """Return zeros (*lead, tiles): what no image covers stays zero."""
        return xp.zeros((*lead, (self.rows + halo) * self.row), self._dtype)

    def sort(self, xp: XP, phases: Array, x: Array, low: Sequence[int]) -> None:
        """(n, C, H, W) --> (m, m, C, tiles), for tiles that begin ``low`` before the image."""
        rows = phases.shape[3] // self.row
        for p, q in product(range(self.m), repeat=2):
            to_rows, from_rows = seen(x.shape[2], p, rows, self.m, low[0])
            to_columns, from_columns = seen(x.shape[3], q, self.columns + 1, self.m, low[1])
            taken = x[:, :, from_rows, from_columns].transpose((1, 2, 0, 3))
            xp.copyto(self._spatial(phases[p, q], rows)[:, to_rows, :, to_columns], taken)

    def unsort(self, xp: XP, y: Array, phases: Array) -> None:
        """(m, m, O, tiles) --> (n, O, *out)."""
        for p, q in product(range(self.m), repeat=2):
            spot = y[:, :, p :: self.m, q :: self.m]
            given = self._spatial(phases[p, q], self.rows)
            given = given[:, : spot.shape[2], :, : spot.shape[3]]
            xp.copyto(spot, given.transpose((2, 0, 1, 3)))

    def _spatial(self, flat: Array, rows: int) -> Array:
        return flat.reshape((flat.shape[0], rows, self.count, self.columns + 1))


class Sandwich:
    """M X Mᵀ over the two leading axes of planes X, where M may reach into the next tile.

    Attributes
    ----------
    result
        The buffer that a call fills: (rows of M, rows of M, C, tiles).
    """

    def __init__(self, xp: XP, matrix: Matrix, tiles: Tiles, channels: int, x: Array) -> None:
        self.matrix, self._tiles, self._x = matrix, tiles, x
        size, period = len(matrix), x.shape[0]
        self._half = tiles.buffer(xp, (size, period, channels))
        self.result = tiles.buffer(xp, (size, size, channels))
        scaled = any(abs(c) not in (0, 1) for row in matrix for c in row)
        self._spare = (
            xp.empty((max(size, period), channels, self.result.shape[-1]), x.dtype)
            if scaled
            else None
        )

    def __call__(self, xp: XP) -> None:
        x, half, result = self._x, self._half, self.result
        full, length, period = half.shape[-1], self._tiles.length, x.shape[0]
        for i, row in enumerate(self.matrix):
            terms = [
                x[k % period, :, :, k // period * self._tiles.row :][..., :full]
                for k in range(len(row))
            ]
            self._combine(xp, half[i], row, terms)
        for j, row in enumerate(self.matrix):
            terms = [half[:, k % period, :, k // period :][..., :length] for k in range(len(row))]
            self._combine(xp, result[:, j, :, :length], row, terms)

    def _combine(self, xp: XP, out: Array, row: Sequence[float], terms: Sequence[Array]) -> None:
        """``out = Σ coefficient * term``: nothing is multiplied where coefficients are ±1."""
        used = [(c, t) for c, t in zip(row, terms, strict=True) if c]
        used.sort(key=lambda pair: (pair[0] != 1, -pair[0]))
        (first, x), *rest = used
        if first != 1:
            x = xp.multiply(x, first, out=out)
        elif not rest:
            xp.copyto(out, x)
        for c, t in rest:
            scaled = t
            if abs(c) != 1 and self._spare is not None:
                spare = self._spare[: t.shape[0], :, : t.shape[-1]]
                scaled = xp.multiply(t, abs(c), out=spare)
            x = (xp.add if c > 0 else xp.subtract)(x, scaled, out=out)
