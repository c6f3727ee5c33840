"""Overlapping tiles of images, in memory where transforms of tiles are sums of long runs.

Inputs lie sorted by their place in the tile: ``phases[p, t, q]`` holds, of all channels and
images, inputs m t + p, m s + q for all tiles s of row t, flat. A tile's other inputs are those of
the next tile: one row of tiles on, or one step on in the flat memory. The last tile of a row is
there only to be the next one: what is computed in its place is not copied out, and its cotangent
is zero.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.conv.blocked import blocks
from bakeoff_reference.conv.geometry import Geometry, seen

Matrix = tuple[tuple[float, ...], ...]


class Tiles:
    """Tiles of m x m outputs, some rows of them at a time, of a block of images."""

    def __init__(self, geo: Geometry, m: int, planes: int, x: Array, limit: int) -> None:
        self.m = m
        self.rows, self.columns = (-(-n // m) for n in geo.out)
        bytes_each = prod((m * m, x.shape[1], self.rows + 1, self.columns + 1, x.dtype.itemsize))
        self.images, self.parts = blocks(x.shape[0], bytes_each, limit)
        self.width = self.images * (self.columns + 1)
        # half, because there are as many products as transformed inputs
        row_bytes = planes * self.width * x.dtype.itemsize
        self.height, self._steps = blocks(self.rows, row_bytes, limit // 2)
        self._dtype = x.dtype

    def buffer(self, xp: XP, *shape: int) -> Array:
        """Return zeros: what no image covers stays zero."""
        return xp.zeros(shape, self._dtype)

    def phases(self, xp: XP, channels: int, halo: int = 0) -> Array:
        """Return a buffer (m, rows of tiles, m, channels * width)."""
        return self.buffer(xp, self.m, self.rows + halo, self.m, channels * self.width)

    def sort(self, xp: XP, phases: Array, x: Array, low: Sequence[int]) -> None:
        """(n, C, H, W) --> phases, for tiles that begin ``low`` before the image."""
        rows = phases.shape[1]
        for p, q in product(range(self.m), repeat=2):
            to_rows, from_rows = seen(x.shape[2], p, rows, self.m, low[0])
            to_columns, from_columns = seen(x.shape[3], q, self.columns + 1, self.m, low[1])
            target = self._spatial(phases[p, :, q], x.shape[1])[to_rows, :, :, to_columns]
            xp.copyto(target, x[:, :, from_rows, from_columns].transpose((2, 1, 0, 3)))

    def steps(self) -> Iterator[tuple[slice, slice]]:
        """Yield rows of tiles, and the same with the next tiles'."""
        for step in self._steps:
            yield step, slice(step.start, step.stop + 1)

    def unsort(self, xp: XP, y: Array, phases: Array, step: slice) -> None:
        """(m, m, height, O * width) --> some rows of (n, O, *out)."""
        m = self.m
        for p, q in product(range(m), repeat=2):
            spot = y[:, :, p + m * step.start : m * step.stop : m, q::m]
            given = self._spatial(phases[p, q], y.shape[1])
            given = given[: spot.shape[2], :, :, : spot.shape[3]]
            xp.copyto(spot, given.transpose((2, 1, 0, 3)))

    def _spatial(self, flat: Array, channels: int) -> Array:
        """(rows, channels * width) --> (rows, channels, n, columns + 1)."""
        return flat.reshape((flat.shape[0], channels, self.images, self.columns + 1))


class Sandwich:
    """M X Mᵀ of planes X (p, rows, p, run), where M may reach into the next tile.

    Attributes
    ----------
    result
        The buffer that a call fills: (rows of M, rows of M, rows, run).
    """

    def __init__(self, xp: XP, matrix: Matrix, x_shape: Shape, tiles: Tiles, rows: int) -> None:
        size, (period, _, columns, run) = len(matrix), x_shape
        self._matrix, self._rows = matrix, rows
        # where each of M's columns lies: in which phase, and how many tiles on
        self._places = [divmod(k, period)[::-1] for k in range(len(matrix[0]))]
        self._half = tiles.buffer(xp, size, rows, columns, run)
        self.result = tiles.buffer(xp, size, size, rows, run)
        reach = run - self._places[-1][1]  # the very last tile is never used
        self._terms = [self._half[:, :, q, s : s + reach] for q, s in self._places]
        self._ends = [self.result[:, j, :, :reach] for j in range(size)]
        scaled = any(abs(c) not in (0, 1) for row in matrix for c in row)
        self._spare = tiles.buffer(xp, rows * run * max(size, columns)) if scaled else None

    def __call__(self, xp: XP, x: Array) -> None:
        terms = [x[p, s : s + self._rows] for p, s in self._places]
        for i, row in enumerate(self._matrix):
            self._combine(xp, self._half[i], row, terms)
        for end, row in zip(self._ends, self._matrix, strict=True):
            self._combine(xp, end, row, self._terms)

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
                spare = self._spare[: prod(t.shape)].reshape(t.shape)
                scaled = xp.multiply(t, abs(c), out=spare)
            x = (xp.add if c > 0 else xp.subtract)(x, scaled, out=out)
