"""Products of many matrices, each in blocks where `bakeoff_reference.products` finds them faster.

OpenBLAS's kernels for small matrices keep the bits of a product, but for two kinds: where the
second factor lies transposed in memory they add up otherwise, and so they do in a last, narrower
part of the columns. There no clock may choose, or results would differ from process to process:
a rule by sizes does, fit to measurements. Where such blocks have the bits of the whole, BLAS has
no kernel of its own for them, and there is nothing to gain.
"""

import numpy

from bakeoff_reference.arrays import NUMPY, XP, Array
from bakeoff_reference.products import LANES, MOST, Cut, best_cut, fastest_cut, halved, part

DEPTH, AREA = 200, 1024  # the least k that gains, and the most elements of a block, if transposed
LONGEST = 448  # elements that are added up at once: longer sums lose accuracy


def ruled(m: int, k: int, n: int, *, transposed: bool) -> Cut | None:
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
    return Cut(rows, columns, depths) if rows else None


def blas_threads() -> int:
    """Return how many threads BLAS may use."""
    from threadpoolctl import threadpool_info  # here: not all that use the engine have it

    pools = (p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")
    return max(pools, default=1)


def ruled_cut(a: Array, b: Array) -> Cut | None:
    """Return the rule's blocks if BLAS has a kernel for them, else the fastest of the same bits."""
    transposed = b.strides[0] < b.strides[1]
    # several threads would share the whole, and none of its blocks
    cut = ruled(len(a), *b.shape, transposed=transposed) if blas_threads() == 1 else None
    if cut is not None and (multiply(NUMPY, cut, a, b) != NUMPY.matmul(a, b)).any():
        return cut
    return fastest_cut(a, b)


def product(xp: XP, a: Array, b: Array, out: Array | None = None) -> Array:
    """(..., m, k) @ (..., k, n) --> (..., m, n), in blocks where that takes less time."""
    cut = best_cut(a, b, ruled_cut) if xp.name in ("numpy", "plan") else None
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
