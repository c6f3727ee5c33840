"""Student's t and the beta distribution with nothing but `math`: the harness needs no SciPy.

Source: Abramowitz & Stegun, Handbook of Mathematical Functions, 26.5.8 (the continued
fraction of the incomplete beta function) and 26.7.1 (its relation to t).
"""

import math
from collections.abc import Callable
from functools import lru_cache

_TINY = 1e-300
_TERMS = 500


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), to about 1e-14.

    The continued fraction is evaluated by Lentz's method; it converges fast for
    x < (a + 1)/(a + b + 2), and elsewhere I_x(a, b) = 1 − I_{1−x}(b, a) is used.
    """
    if not 0.0 <= x <= 1.0:
        raise ValueError(f"incomplete_beta: x {x}, expected 0 to 1")
    if x in (0.0, 1.0):
        return x
    if x > (a + 1) / (a + b + 2):
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return math.exp(log_front) * fraction / a


@lru_cache(maxsize=4096)
def beta_quantile(p: float, a: float, b: float) -> float:
    """Return x with I_x(a, b) = p, by bisection to machine precision."""
    if not 0.0 < p < 1.0 or a <= 0 or b <= 0:
        raise ValueError(f"beta_quantile: p {p}, a {a}, b {b}; expected 0 < p < 1, a, b > 0")
    return _root(lambda x: incomplete_beta(a, b, x) < p, 0.0, 1.0)


def _root(below: Callable[[float], bool], low: float, high: float) -> float:
    """Return where ``below`` becomes false, to the last bit."""
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        if below(middle):
            low = middle
        else:
            high = middle


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def t_cdf(t: float, df: float) -> float:
    """Return P(T ≤ t) for Student's t with ``df`` > 0 degrees of freedom."""
    tail = 0.5 * incomplete_beta(df / 2, 0.5, df / (df + t * t))
    return tail if t < 0 else 1.0 - tail


@lru_cache(maxsize=1024)
def t_quantile(p: float, df: float) -> float:
    """Return t with P(T ≤ t) = p, by bisection of `t_cdf` to machine precision.

    Raises
    ------
    ValueError
        If p is not strictly between 0 and 1, or df is not positive.
    """
    if not 0.0 < p < 1.0 or df <= 0:
        raise ValueError(f"t_quantile: p {p}, df {df}; expected 0 < p < 1 and df > 0")
    if p == 0.5:
        return 0.0
    if p < 0.5:
        return -t_quantile(1.0 - p, df)
    low, high = 0.0, 1.0
    while t_cdf(high, df) < p:
        low, high = high, high * 2
    return _root(lambda t: t_cdf(t, df) < p, low, high)
