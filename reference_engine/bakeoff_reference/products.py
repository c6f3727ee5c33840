"""Products of matrices in blocks, where that takes less time and gives the same bits.

BLAS copies both factors into an order of its own before it multiplies (Goto & van de Geijn,
Anatomy of high-performance matrix multiplication, ACM TOMS 34(3), 2008). For a batch of 64 the
copies are a tenth of the work. OpenBLAS has kernels that do without, for processors with AVX-512
and up to 100^3 multiplications; cut into blocks of that size, a larger product takes them too.
Blocks of equal size are a view with two dimensions more, along which ``matmul`` walks: one call
multiplies all, and a block costs the call of BLAS and nothing else.

Long sums BLAS adds up in parts. A product cut at the same places has the same bits: which those
are, and whether cutting saves time here, is tried once per process for each shape. An input fed
in another memory order than the plan was built for may be rounded otherwise.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from math import inf
from time import perf_counter
from typing import Any, NamedTuple

import numpy

from bakeoff_reference.arrays import Array

MOST = 100**3  # multiplications of a block
LARGEST = 2**25  # of a product that is tried: of larger ones few gain, and trials take longer
DEPTHS = (512, 448, 384, 320, 256)  # elements that BLAS libraries add up at once
STEP, LANES = 8, 16  # rows and columns of a block are a multiple: BLAS takes so many at once
ROUNDS = 25
GAIN, NEAR = 0.97, 1.01

Step = tuple[str, Any, Any, Any]
Span = tuple[int, int]  # start and stop
Clock = Callable[[], float]
Way = Callable[[], object]
Find = Callable[[Array, Array], "Cut | None"]


class Cut(NamedTuple):
    """How a product (..., m, k) @ (..., k, n) is cut: into equal blocks, multiplied by one call.

    Attributes
    ----------
    rows, columns
        Of a block of the result: they divide m and n.
    depths
        The parts of k; their products are added up in this order.
    """

    rows: int
    columns: int
    depths: tuple[Span, ...]

    def views(self, m: int) -> int:
        """Return how many views of the first factor a plan makes, at each call if it is fed."""
        return len(self.depths) * ((len(self.depths) > 1) + 2 * (self.rows < m))

    def steps(self, a: Any, b: Any, out: Any, scratch: Any) -> Iterator[Step]:
        """Yield what to call, by name, and with what; ``scratch`` is an array like ``out``."""
        for start, stop in self.depths:
            depth, into = stop - start, scratch if start else out
            whole = depth == a.shape[-1]
            p, q = (a, b) if whole else (a[..., start:stop], b[..., start:stop, :])
            p, q = blocks(p, self.rows, depth), blocks(q, depth, self.columns)
            yield "matmul", p, q, blocks(into, self.rows, self.columns)
            if start:
                yield "add", out, scratch, out


def blocks(x: Any, rows: int, columns: int) -> Any:
    """(..., m, n) -> (..., m / rows, n / columns, rows, columns); one whole matrix as it is."""
    *batch, m, n = x.shape
    if (rows, columns) == x.shape:
        return x
    return x.reshape((*batch, m // rows, rows, n // columns, columns)).swapaxes(-3, -2)


def halved(size: int, most: int) -> tuple[Span, ...]:
    """Return the parts of a sum as OpenBLAS takes them, the last two about equal.

    Source: OpenBLAS, driver/level3/level3.c.
    """
    parts, start = [], 0
    while start < size:
        rest = size - start
        taken = most if rest >= 2 * most else rest if rest <= most else -(-(rest // 2) // 16) * 16
        parts.append((start, start + taken))
        start += taken
    return tuple(parts)


def cuts(m: int, k: int, n: int) -> Iterator[Cut]:
    """Yield the cuts to try, of every width the highest blocks; those of equal sums together."""
    for depths in dict.fromkeys(halved(k, most) for most in (k, *DEPTHS)):
        deepest = max(stop - start for start, stop in depths)
        for columns in (w for w in range(n, 0, -1) if n % w == 0 and (w == n or w % LANES == 0)):
            rows = part(m, MOST // (deepest * columns))
            if rows:
                yield Cut(rows, columns, depths)


def part(size: int, most: int) -> int:
    """Return the largest divisor of a size that is all of it or a multiple of STEP; 0 if none."""
    fitting = range(min(size, most), 0, -1)
    return next((d for d in fitting if size % d == 0 and (d == size or d % STEP == 0)), 0)


def fastest_cut(a: Array, b: Array) -> Cut | None:
    """Return the cut of a product that is faster than the whole; None if there is none."""
    return fastest(a, b, tuple(cuts(len(a), *b.shape)))


def best_cut(a: Array, b: Array, find: Find = fastest_cut) -> Cut | None:
    """Return what ``find`` does for matrices of such sizes, once per process.

    Of arrays with more dimensions it is that of each of their matrices.
    """
    (m, k), n = a.shape[-2:], b.shape[-1]
    if not MOST < m * k * n <= LARGEST or a.dtype.char not in "fd":
        return None
    orders = _order(a), _order(b)
    return None if "" in orders else _found(find, m, k, n, a.dtype.char, *orders)


def _order(x: Array) -> str:
    """Along which dimension elements are neighbours: as BLAS takes a matrix, or empty."""
    return {x.strides[-2]: "F", x.strides[-1]: "C"}.get(x.dtype.itemsize, "")


@cache
def _found(find: Find, m: int, k: int, n: int, dtype: str, first: str, second: str) -> Cut | None:
    rng = numpy.random.default_rng(0)
    a, b = (
        rng.standard_normal(shape, dtype)  # type: ignore[call-overload]
        if order == "C"
        else rng.standard_normal(shape[::-1], dtype).T  # type: ignore[call-overload]
        for shape, order in (((m, k), first), ((k, n), second))
    )
    return find(a, b)


def fastest(a: Array, b: Array, given: Sequence[Cut], clock: Clock = perf_counter) -> Cut | None:
    """Time cuts of the same bits beside the whole product; return one that gains enough.

    Of those near the fastest it is the one with the fewest views to make.
    """
    expected = numpy.dot(a, b)
    out, scratch = numpy.empty_like(expected), numpy.empty_like(expected)
    ways: dict[Cut, Way] = {}
    for cut in given:
        way = _bound(cut.steps(a, b, out, scratch))
        way()
        if (out == expected).all():
            ways[cut] = way
    whole, *taken = least_times([partial(numpy.dot, a, b, out), *ways.values()], clock)
    limit = min(GAIN * whole, NEAR * min(taken, default=inf))
    near = [cut for cut, duration in zip(ways, taken, strict=True) if duration <= limit]
    return min(near, key=lambda cut: cut.views(len(a)), default=None)


def least_times(ways: Sequence[Way], clock: Clock) -> list[float]:
    """Return the shortest time that each way took, all done in turn."""
    taken = [inf] * len(ways)
    for _ in range(ROUNDS):
        for i, way in enumerate(ways):
            begin = clock()
            way()
            taken[i] = min(taken[i], clock() - begin)
    return taken


def _bound(steps: Iterable[Step]) -> Way:
    """Return a function that does the steps, with nothing left to prepare."""
    calls = [(getattr(numpy, name), *arrays) for name, *arrays in steps]

    def way() -> None:
        for function, a, b, out in calls:
            function(a, b, out)

    return way
