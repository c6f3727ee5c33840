"""Rules of library functions: exp, log, tanh and their like."""

from collections.abc import Callable, Mapping

import numpy as np

from bakeoff.bounds.balls import Arithmetic, Array, Ball, spread
from bakeoff.bounds.table import ONE, TWO, Applied, Ruled, Vjp, rule
from bakeoff.ops import OPS

_FUNCTIONS: Mapping[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "exp": (np.exp, np.exp),
    "expm1": (np.expm1, np.exp),
    "log": (np.log, lambda x: 1 / x),
    "log1p": (np.log1p, lambda x: 1 / (1 + x)),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
}


@rule(*_FUNCTIONS)
def _function(at: Applied, x: Ball) -> Ruled:
    """The catalogue's ulp: |err| ≤ n ulp(y) ≤ 2nu|y|, and the error that the argument carries.

    A monotone function of a ball strays furthest at an end of it. Gradients are composed from
    the result y, and so inherit its error: g/(2y), g y, g (y + 1), g/x, g (1 - y²). What libraries
    promise: Gladman et al. (2024); sqrt is correctly rounded by IEEE 754 section 5.4.1, and
    allowed 1 ulp for devices that approximate it.
    """
    fl = at.fl
    y = fl.unary(*_FUNCTIONS[at.op], x, at.ulp)
    vjps: dict[str, Vjp] = {
        "sqrt": lambda g: fl.divide(g, fl.multiply(TWO, y)),
        "exp": lambda g: fl.multiply(g, y),
        "expm1": lambda g: fl.multiply(g, fl.add(y, ONE)),  # or exp(x), which is closer
        "log": lambda g: fl.divide(g, x),
        "log1p": lambda g: fl.divide(g, fl.add(x, ONE)),
        "tanh": lambda g: _through_tanh(fl, g, y),
    }
    return y, (vjps[at.op],)


def _through_tanh(fl: Arithmetic, g: Ball, y: Ball) -> Ball:
    """g (1 - y²), or (g + g y)(1 - y), which rounds g y before it is multiplied by 1 - y."""
    slope, high = 1 - y.mid**2, y.size
    rad = None
    if spread(g, y):
        rad = g.size * (np.abs(y.mid) + high) * y.radius + g.radius * slope
    local = fl.format.u * g.size * high * (1 + high)
    return fl.settle(g.mid * slope, rad, roundings=3.0, local=local)


def sigmoid(fl: Arithmetic, x: Ball) -> Ball:
    """Right to the catalogue's ulp, or to u near zero: (1 + tanh(x/2))/2 is a fair formula."""
    return fl.unary(logistic, logistic_slope, x, OPS["sigmoid"].ulp, local=fl.format.u)


def logistic(x: Array) -> Array:
    e = np.exp(-np.abs(x))  # at most 1: exp of a large x would overflow
    return np.asarray(np.where(x >= 0, 1.0, e) / (1 + e))


def logistic_slope(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.asarray(e / (1 + e) ** 2)


@rule("sigmoid", "silu")
def _sigmoid_silu(at: Applied, x: Ball) -> Ruled:
    """σ within the catalogue's ulp or u, whichever is more; x σ(x) one rounding more.

    Gradients σ(1 - σ) and σ(1 + x(1 - σ)), each operation rounded once (Higham, eq. 2.4): 1 - σ
    cancels where σ is near 1, so that the error there is u and not u(1 - σ).
    """
    fl = at.fl
    s = sigmoid(fl, x)
    rest = fl.subtract(ONE, s)
    if at.op == "sigmoid":
        return s, (lambda g: fl.multiply(g, fl.multiply(s, rest)),)
    # x σ(x); derivative σ (1 + x (1 - σ))
    slope = fl.multiply(s, fl.add(ONE, fl.multiply(x, rest)))
    return fl.multiply(x, s), (lambda g: fl.multiply(g, slope),)
