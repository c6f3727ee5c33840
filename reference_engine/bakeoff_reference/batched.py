"""Products of many matrices, each in blocks where `bakeoff_reference.products` finds them faster.

Blocks of equal size are one more dimension of the batch. They are views, and NumPy takes them
all in one call, so that a block costs the call of BLAS and nothing else.

OpenBLAS's kernels for small matrices keep the bits of a product, but for two kinds: where the
second factor lies transposed in memory they add up otherwise, and so they do in a last, narrower
part of the columns. There no clock may choose, or results would differ from process to process:
a rule by sizes does, fit to measurements. Where such blocks have the bits of the whole, BLAS has
no kernel of its own for them, and there is nothing to gain.
"""

from collections.abc import Iterator
from typing import Any

import numpy

from bakeoff_reference.arrays import NUMPY, XP, Array
from bakeoff_reference.products import DEPTHS, MOST, STEP, Cut, Step, best_cut, fastest, halved

LANES = 16  # columns that a kernel takes at once
DEPTH, AREA = 200, 1024  # the least k that gains, and the most elements of a block, if transposed
LONGEST = 448  # elements that are added up at once: longer sums lose accuracy


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
            rows = part(m, MOST // (deepest * columns))
            if rows:
                yield Grid(rows, columns, depths)


def part(size: int, most: int) -> int:
    """Return the largest divisor of a size that is all of it or a multiple of STEP; 0 if none."""
    fitting = range(min(size, most), 0, -1)
    return next((d for d in fitting if size % d == 0 and (d == size or d % STEP == 0)), 0)


def ruled(m: int, k: int, n: int, *, transposed: bool) -> Grid | None:
    """Return blocks that may be rounded otherwise than the whole, and take less time.

    Sums of a second factor by columns are many short ones, added up; others stay in parts.
    """
    if transposed:
        depths, columns, most = halved(k, k), part(n, LANES), min(AREA, MOST // k)
        gains = k >= DEPTH
    else:
        depths, columns = halved(k, LONGEST), n
        most = MOST // depths[0][1]
        gains = n % LANES != 0 and len(depths) <= 2
    rows = part(m, most // columns) if gains and columns else 0
    return Grid(rows, columns, depths) if rows else None


def blas_threads() -> int:
    """Return how many threads BLAS may use."""
    from threadpoolctl import threadpool_info  # here: not all that use the engine have it

    pools = (p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")
    return max(pools, default=1)


def best_grid(a: Array, b: Array) -> Cut | None:
    """Return the rule's blocks if BLAS has a kernel for them, else the fastest of the same bits."""
    transposed = b.strides[0] < b.strides[1]
    # several threads would share the whole, and none of its blocks
    grid = ruled(len(a), *b.shape, transposed=transposed) if blas_threads() == 1 else None
    if grid is not None and (multiply(NUMPY, grid, a, b) != NUMPY.matmul(a, b)).any():
        return grid
    return fastest(a, b, tuple(grids(len(a), *b.shape)))


def product(xp: XP, a: Array, b: Array, out: Array | None = None) -> Array:
    """(..., m, k) @ (..., k, n) --> (..., m, n), in blocks where that takes less time."""
    cut = best_cut(a, b, best_grid) if xp.name in ("numpy", "plan") else None
    if cut is None:
        return xp.matmul(a, b) if out is None else xp.matmul(a, b, out=out)
    return multiply(xp, cut, a, b, out)


def multiply(xp: XP, cut: Cut, a: Array, b: Array, out: Array | None = None) -> Array:
    """(..., m, k) @ (..., k, n) --> (..., m, n), as it is cut."""
    if out is None:
        batch = numpy.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = xp.empty((*batch, a.shape[-2], b.shape[-1]), a.dtype)
    scratch = xp.empty(out.shape, out.dtype) if len(cut.depths) > 1 else out
    for name, first, second, into in cut.steps(a, b, out, scratch):
        getattr(xp, name)(first, second, out=into)
    return out
