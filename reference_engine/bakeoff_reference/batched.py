"""Products of many matrices, each in blocks where `bakeoff_reference.products` finds them faster.

Blocks of equal size are one more dimension of the batch. They are views, and NumPy takes them
all in one call, so that a block costs the call of BLAS and nothing else.
"""

from collections.abc import Iterator
from typing import Any

import numpy

from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.products import DEPTHS, MOST, STEP, Cut, Step, best_cut, halved

LANES = 16  # columns of a block are a multiple: narrower edges are rounded otherwise


class Grid(Cut):
    """A cut of each of a batch's products into blocks of equal size."""

    __slots__ = ()

    def views(self, m: int) -> int:
        """Return 0: the number of views does not depend on the number of blocks."""
        return 0

    def steps(self, a: Any, b: Any, out: Any, scratch: Any) -> Iterator[Step]:
        """Yield what to call, by name, and with what; ``scratch`` is an array like ``out``."""
        for start, stop in self.depths:
            into = scratch if start else out
            rows = self._rows(a[..., start:stop])
            yield "matmul", rows, self._columns(b[..., start:stop, :]), self._blocks(into)
            if start:
                yield "add", out, scratch, out

    def _rows(self, a: Array) -> Array:
        """(..., m, k) --> (..., m / rows, 1, rows, k)."""
        *batch, m, k = a.shape
        return a.reshape((*batch, m // self.rows, 1, self.rows, k))

    def _columns(self, b: Array) -> Array:
        """(..., k, n) --> (..., 1, n / columns, k, columns)."""
        *batch, k, n = b.shape
        return b.reshape((*batch, 1, k, n // self.columns, self.columns)).swapaxes(-3, -2)

    def _blocks(self, out: Array) -> Array:
        """(..., m, n) --> (..., m / rows, n / columns, rows, columns)."""
        *batch, m, n = out.shape
        split = (*batch, m // self.rows, self.rows, n // self.columns, self.columns)
        return out.reshape(split).swapaxes(-3, -2)


def grids(m: int, k: int, n: int) -> Iterator[Grid]:
    """Yield the cuts to try: of every width, the highest blocks."""
    for depths in dict.fromkeys(halved(k, most) for most in (k, *DEPTHS)):
        deepest = max(stop - start for start, stop in depths)
        for columns in (w for w in range(n, 0, -1) if n % w == 0 and (w == n or w % LANES == 0)):
            most = MOST // (deepest * columns)
            heights = (r for r in range(min(m, most), 0, -1) if m % r == 0)
            rows = next((r for r in heights if r == m or r % STEP == 0), 0)
            if rows:
                yield Grid(rows, columns, depths)


def product(xp: XP, a: Array, b: Array, out: Array | None = None) -> Array:
    """(..., m, k) @ (..., k, n) --> (..., m, n), with the bits of ``matmul``."""
    grid = best_cut(a, b, grids) if xp.name in ("numpy", "plan") else None
    if grid is None:
        return xp.matmul(a, b) if out is None else xp.matmul(a, b, out=out)
    if out is None:
        batch = numpy.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = xp.empty((*batch, a.shape[-2], b.shape[-1]), a.dtype)
    scratch = xp.empty(out.shape, out.dtype) if len(grid.depths) > 1 else out
    for name, first, second, into in grid.steps(a, b, out, scratch):
        getattr(xp, name)(first, second, out=into)
    return out
