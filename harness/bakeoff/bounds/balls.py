"""Ball arithmetic: values in float64, each with a radius that holds every honest result.

A `Ball` is a midpoint, the exact result as float64 knows it, and a radius that bounds how
far the result of a careful implementation in the dtype under test may lie from it. An
operation's radius is what its operands' radii amount to in its result, plus its own rounding.
This is running error analysis in midpoint-radius form.

The model of rounding (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed.
2002, eq. 2.4 and 2.8): one operation gives fl(x op y) = (x op y)(1 + δ) + η with |δ| ≤ u.
A sum of n products, in any order, with or without fused multiply-adds, lies within
γ_n Σ|a||b| of the exact one, where γ_n = nu/(1 - nu) (eq. 3.5 and lemma 3.1).

What is assumed of a toolkit besides:

- float16 and bfloat16 are storage: each op rounds its result to them, but sums (matmul,
  convolutions, reductions) run in float32. One that sums in half precision exceeds its bound.
- Operands and results below the smallest normal number may be taken for zero, but not in
  float16, whose subnormals all processors keep.
- A zero that no rounding made is exact, and has its sign: 0 x, 0 / x, √0, f(0) = 0.
- A sum of finite terms whose magnitudes add up to more than the dtype holds may overflow on
  the way, or not, by its order: it is undecided, unless all terms are of one sign.
- Cotangents that meet in one element (overlapping windows, an index taken twice, a batch that
  was broadcast) may be rounded to the dtype before each is added.
- In the mode TF32 the operands of float32 products are rounded to 11 bits, by at most `TF32`
  of themselves; sums run in float32.
- Fusing ops, or computing in higher precision between them, only removes roundings.

Source for midpoint-radius arithmetic: Rump, *Fast and parallel interval arithmetic*, BIT 39
(1999). The radii themselves are rounded to nearest, not up: that is 1e-16 of a radius.
"""

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]


class Format(NamedTuple):
    """The numbers of a dtype.

    ``u`` is the unit roundoff of results, ``u_sum`` that of sums inside an op; ``eta`` the
    absolute error of results near zero; ``smallest`` the smallest positive normal number
    (smallest subnormal spacing: ``smallest * 2 * u``); ``largest`` the largest finite one.
    """

    u: float
    u_sum: float
    eta: float
    smallest: float
    largest: float

    @property
    def largest_sum(self) -> float:
        """The largest finite number of sums inside an op."""
        return self.largest if self.u == self.u_sum else FORMATS["float32"].largest


FORMATS = {
    "float16": Format(2.0**-11, 2.0**-24, 2.0**-24, 2.0**-14, 65504.0),
    "bfloat16": Format(2.0**-8, 2.0**-24, 2.0**-126, 2.0**-126, (2 - 2.0**-7) * 2.0**127),
    "float32": Format(2.0**-24, 2.0**-24, 2.0**-126, 2.0**-126, (2 - 2.0**-23) * 2.0**127),
    "float64": Format(2.0**-53, 2.0**-53, 2.0**-1022, 2.0**-1022, float(np.finfo("f8").max)),
}
SIGMAS = 4.0  # see `random_walk`
# Unit roundoff of TF32: 10 bits of mantissa are stored, the exponent is float32's. Source: NVIDIA
# A100 Tensor Core GPU Architecture (white paper, 2020), "TensorFloat-32".
TF32 = 2.0**-11
_EXACT = Format(0.0, 0.0, 0.0, 0.0, np.inf)  # bool and integers


class Ball(NamedTuple):
    """Midpoints and radii. ``rad`` None: exact. Booleans have radius 1 where undecided.

    ``walk`` is known of a sum of products of exact operands: what its error keeps to in
    practice (`random_walk`), where the radius is the worst case.
    """

    mid: Array
    rad: Array | None = None
    walk: Array | None = None

    @property
    def radius(self) -> Any:
        """The radius, 0 where exact."""
        return 0.0 if self.rad is None else self.rad

    @property
    def size(self) -> Array:
        """The largest magnitude in the ball."""
        return np.asarray(np.abs(self.mid) + self.radius)

    def undecided(self, where: Any) -> "Ball":
        """Return the ball with an infinite radius in some places."""
        if not np.any(where):
            return self
        return Ball(self.mid, np.where(where, np.inf, self.radius))

    def widened(self, u: float) -> "Ball":
        """Return the ball of what is left after a rounding by ``u``, relatively."""
        return Ball(self.mid, np.asarray(self.radius + u * self.size))

    def move(self, how: Callable[[Array], Array]) -> "Ball":
        """Apply what only moves, copies or drops elements, or adds zeros."""
        return Ball(*(None if a is None else how(a) for a in self))  # type: ignore[arg-type]


def _alike(a: Array, b: Array) -> Any:
    return (a == b) | (np.isnan(a) & np.isnan(b))


def gamma(n: int, u: float) -> float:
    """Return Higham's γ_n = nu/(1 - nu); infinite where that says nothing (nu ≥ 1)."""
    return n * u / (1 - n * u) if n * u < 1 else np.inf


def random_walk(n: int, u: float, mid: Array, sizes: Array, squares: Array) -> Array:
    """Return what the error of sums of n products keeps to, if the terms are random.

    The error is Σ δ_i s_i, s_i the partial sums, |δ_i| ≤ u. Roundings are random, so that it
    lies within λ √n u max|s_i| with probability 1 - 2 exp(-λ²/2) (Higham and Mary, SIAM J.
    Sci. Comput. 41, 2019, theorem 2.4, for roundings of ±u; those of real sums are spread over
    [-u, u], so that λ = 4 stands for 4 √3 = 6.9, and 2 exp(-6.9²/2) = 8e-11). The partial sums
    of terms whose signs are random stay within |y| + 4 √Σ(ab)², and in any case within Σ|a||b|
    (the same, SIAM J. Sci. Comput. 42, 2020, section 2: random data of mean zero). Neither
    holds for terms that are equal or in a pattern.

    Parameters
    ----------
    mid, sizes, squares
        Σab, Σ|a||b|, Σ(ab)².
    """
    largest = np.minimum(sizes, np.abs(mid) + SIGMAS * np.sqrt(squares))
    return np.asarray(SIGMAS * np.sqrt(n) * u * largest)


def spread(*balls: Ball) -> bool:
    """Whether any of the balls has a radius."""
    return any(b.rad is not None for b in balls)


class Arithmetic:
    """Operations on balls whose results are rounded to one dtype.

    >>> fl = Arithmetic("float32")
    >>> product = fl.multiply(fl.scalar(3.0), fl.scalar(5.0))
    >>> float(product.rad / product.mid) * 2.0**24   # one rounding, in units of u
    1.0

    Parameters
    ----------
    dtype
        Of the results.
    tf32
        Whether operands of float32 products may be rounded to TF32.
    """

    def __init__(self, dtype: str, tf32: bool = False) -> None:
        self.dtype = dtype
        self.tf32 = tf32 and dtype == "float32"
        self.format = FORMATS.get(dtype, _EXACT)
        self.terms = 1  # of the longest sum so far

    def scalar(self, value: float) -> Ball:
        """Return an exact ball."""
        return Ball(np.asarray(value))

    # --- roundings ----------------------------------------------------------------------

    def settle(self, mid: Array, rad: Any = None, roundings: float = 1.0, local: Any = 0.0) -> Ball:
        """Return the result of an operation: add its error and see to its range.

        Parameters
        ----------
        mid
            The exact result on the operands' midpoints.
        rad
            What the operands' radii amount to in it; None if they are exact.
        roundings
            The operation's relative error, in units of u.
        local
            Its further absolute error.
        """
        f = self.format
        if not f.u:
            return Ball(mid, rad)
        carried = 0.0 if rad is None else rad
        eta = f.eta * (mid != 0) if rad is None else f.eta
        radius = carried + local + roundings * f.u * (np.abs(mid) + carried) + eta
        return self._ranged(mid, np.asarray(radius))

    def _ranged(self, mid: Array, rad: Array) -> Ball:
        """Overflow: infinite where certain, undecided (infinite radius) where possible."""
        f = self.format
        if not mid.size or float(np.max(np.abs(mid) + rad)) <= f.largest:  # False for NaN too
            return Ball(mid, rad)
        rad = np.where(np.isnan(rad), np.inf, rad)
        known = np.isfinite(mid)
        certain = known & (np.abs(mid) - rad > f.largest * (1 + f.u))
        possible = known & ~certain & (np.abs(mid) + rad > f.largest)
        rad = np.where(certain | ~known, 0.0, np.where(possible, np.inf, rad))
        return Ball(np.where(certain, np.copysign(np.inf, mid), mid), rad)

    # --- arithmetic ---------------------------------------------------------------------

    def add(self, a: Ball, b: Ball) -> Ball:
        rad = a.radius + b.radius if spread(a, b) else None
        return self.settle(np.asarray(a.mid + b.mid), rad)

    def subtract(self, a: Ball, b: Ball) -> Ball:
        return self.add(a, self.negative(b))

    def negative(self, a: Ball) -> Ball:
        return Ball(np.negative(a.mid), a.rad)

    def multiply(self, a: Ball, b: Ball) -> Ball:
        rad = None
        if spread(a, b):
            rad = np.abs(a.mid) * b.radius + a.radius * b.size
        return self.settle(np.asarray(a.mid * b.mid), rad)

    def divide(self, a: Ball, b: Ball) -> Ball:
        """Two roundings: some toolkits multiply by the reciprocal of a constant."""
        mid = np.asarray(a.mid / b.mid)
        if not spread(a, b):
            return self.settle(mid, roundings=2.0)
        away = np.abs(b.mid) - b.radius  # from zero
        rad = np.where(away > 0, (a.radius + np.abs(mid) * b.radius) / away, 0.0)
        y = self.settle(mid, rad, roundings=2.0)
        # x / 0 is known if the divisor is 0 for sure, and x surely of one sign, or 0 as well
        known = (b.mid == 0) & (b.radius == 0) & ((a.radius == 0) | (np.abs(a.mid) > a.radius))
        return y.undecided(~((away > 0) | known | np.isnan(b.mid)))

    def unary(
        self,
        f: Callable[[Array], Array],
        slope: Callable[[Array], Array],
        a: Ball,
        ulp: float,
        local: Any = 0.0,
    ) -> Ball:
        """Apply a monotone library function that is right to so many ulp (≤ 2u each).

        Over a ball, a monotone function strays furthest at one of the ends. The slope is
        for radii too small to be seen in float64 (the dtype under test is float64).
        """
        mid = np.asarray(f(a.mid))
        local = local + self.underflow(mid, a)
        if a.rad is None:
            return self.settle(mid, roundings=2 * ulp, local=local)
        high, low = f(a.mid + a.rad), f(a.mid - a.rad)
        ends = np.maximum(np.abs(high - mid), np.abs(low - mid))
        rad = np.maximum(ends, np.abs(slope(a.mid)) * a.rad)
        y = self.settle(mid, rad, roundings=2 * ulp, local=local)
        # an infinity or NaN is known only if the whole ball has it: √ and log end at zero
        return y.undecided(~np.isfinite(mid) & ~(_alike(high, mid) & _alike(low, mid)))

    def underflow(self, mid: Array, a: Ball) -> Any:
        """Return the error near zero of a function that is 0 in float64 but not of 0."""
        return self.format.eta * ((mid == 0) & (a.mid != 0))

    # --- sums ---------------------------------------------------------------------------

    def sum(self, a: Ball, axes: tuple[int, ...], keepdims: bool = False) -> Ball:
        """Sum over axes: γ_{n-1} Σ|a|, then the rounding to storage."""
        n = prod(a.mid.shape[i] for i in axes)
        if n == 1 or not axes:
            return a.move(lambda x: np.sum(x, axis=axes, keepdims=keepdims) if axes else x)
        return self.contract(
            lambda x, _: np.asarray(np.sum(x, axis=axes, keepdims=keepdims)), a, None, n - 1
        )

    def contract(
        self,
        f: Callable[[Array, Array], Array],
        a: Ball,
        b: Ball | None,
        n: int,
        stored: bool = False,
        divisor: float = 1.0,
        fast: float = 1.0,
    ) -> Ball:
        """Apply a bilinear map whose results are sums of n products of a and b.

        |fl(Σab) - Σab| ≤ γ_n Σ|a||b| (Higham, eq. 3.5), where Σ|a||b| is the same map of
        the absolute values; plus what the operands' radii contribute,
        Σ (r_a|b| + |a|r_b + r_a r_b), plus the rounding to storage. With b None the map is
        linear in a, and n counts the additions. With ``stored`` the partial sums live in
        the dtype itself, as where cotangents are added in place one after the other. Where
        the sums are divided by ``divisor``, they may overflow before that. A ``fast``
        algorithm may stray so many times as far as random sums do. In the mode TF32 both operands
        have a radius of `TF32` of their own size besides.
        """
        self.terms = max(self.terms, n)
        one = Ball(np.asarray(1.0))
        second = one if b is None else b
        exact = not spread(a, second)
        if self.tf32 and b is not None:
            a, second = a.widened(TF32), second.widened(TF32)
        mid = np.asarray(f(a.mid, second.mid))
        size_b = second.size
        g = gamma(n, self.format.u if stored else self.format.u_sum)
        sizes = f(a.size, size_b) if self.format.u else None
        # 1/(1 - nu): the sums that are rounded are those of computed products.
        rad = None if sizes is None else g * sizes
        if a.rad is not None:
            rad = f(a.rad, size_b) + (0.0 if rad is None else rad)
        if second.rad is not None:
            rad = f(np.abs(a.mid), second.rad) + (0.0 if rad is None else rad)
        stored_apart = self.format.u > self.format.u_sum
        local = n * self.format.eta if self.format.u_sum == self.format.u else 0.0
        y = self.settle(mid, rad, roundings=float(stored_apart), local=local)
        if exact and not (stored_apart or stored or sizes is None):
            squares = f(np.square(a.mid), np.square(second.mid))
            walk = fast * random_walk(n, self.format.u, mid, sizes, squares)
            if self.tf32 and b is not None:  # a term is off by at most 2u of itself, at random
                walk = walk + SIGMAS * 2 * TF32 * np.sqrt(squares)
            y = y._replace(walk=walk + local + self.format.eta)
        if sizes is None or not np.any(sizes * divisor > self.format.largest_sum):
            return y
        return y.undecided(self._overflows(mid, sizes, divisor, a, second))

    def _overflows(self, mid: Array, sizes: Array, divisor: float, a: Ball, b: Ball) -> Any:
        """Return where finite terms of both signs may overflow on the way to their sum."""
        given = np.all(np.isfinite(a.mid)) and np.all(np.isfinite(b.mid))
        mixed = ~(np.abs(mid) >= (1 - 1e-9) * sizes)
        return (
            (sizes * divisor > self.format.largest_sum)
            & (mixed | (divisor > 1))
            & (given | np.isfinite(mid))
        )

    def total(self, parts: list[Ball]) -> Ball:
        """Add balls of one shape in any order, as gradients of a value used twice are."""
        first, *rest = parts
        if not rest:
            return first
        mid = np.asarray(sum((p.mid for p in rest), first.mid))
        rad = sum((np.asarray(p.radius) for p in rest), np.asarray(first.radius))
        sizes = sum((p.size for p in rest), first.size)
        return self.settle(mid, rad + gamma(len(rest), self.format.u) * sizes, roundings=0.0)
