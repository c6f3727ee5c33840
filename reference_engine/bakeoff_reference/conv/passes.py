"""The three passes of a convolution, each by the strategy that is chosen for it.

An array module may compute passes itself: what its ``convolution`` takes is no strategy's.
Strategies add float16 up in float32.
"""

from functools import partial
from typing import Any

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import NUMPY, XP, Array
from bakeoff_reference.conv import adjoint, im2col
from bakeoff_reference.conv.autotune import fastest
from bakeoff_reference.conv.choose import choose, offered
from bakeoff_reference.conv.geometry import Geometry
from bakeoff_reference.conv.settings import DEFAULT, ConvSettings
from bakeoff_reference.conv.strategies import STRATEGIES, Pass, Problem, Strategy
from bakeoff_reference.primitive import widened


def forward(xp: XP, x: Array, weight: Array, geo: Geometry) -> tuple[Array, Array | None]:
    """(N, C, *space), (O, C/G, *K) --> (N, O, *out), and the columns if there were any."""
    y = _own(xp, "forward", x, weight, (x.shape[0], weight.shape[0], *geo.out), geo)
    return _forward(xp, x, weight, geo) if y is None else (y, None)


def input_grad(xp: XP, g: Array, weight: Array, x_shape: Shape, geo: Geometry) -> Array:
    """(N, O, *out), (O, C/G, *K) --> (N, C, *space)."""
    grad = _own(xp, "input_grad", g, weight, x_shape, geo)
    return _input_grad(xp, g, weight, x_shape, geo) if grad is None else grad


def filter_grad(
    xp: XP, g: Array, x: Array, weight_shape: Shape, geo: Geometry, cols: Array | None = None
) -> Array:
    """(N, O, *out), (N, C, *space) --> (O, C/G, *K), from the columns if they were kept."""
    grad = _own(xp, "filter_grad", g, x, weight_shape, geo)
    return _filter_grad(xp, g, x, weight_shape, geo, cols) if grad is None else grad


def _own(xp: XP, which: Pass, a: Array, b: Array, shape: Shape, geo: Geometry) -> Array | None:
    """A pass by the array module itself, if it has one for these sizes; ``shape`` is the result's.

    ``a`` and ``b`` are input and filter, cotangent and filter, or cotangent and input.
    """
    convolution = getattr(xp, "convolution", None)
    return None if convolution is None else convolution(which, a, b, shape, geo)


@partial(widened, saves=True)
def _forward(xp: XP, x: Array, weight: Array, geo: Geometry) -> tuple[Array, Array | None]:
    strategy = _strategy(xp, "forward", Problem(x.shape, weight.shape, geo), x.dtype.name)
    if strategy.name == "im2col":
        cols = im2col.columns(xp, x, geo)
        return im2col.forward(xp, weight, cols, geo), cols
    return run(strategy, "forward", xp, x, weight, x.shape, geo), None


@widened
def _input_grad(xp: XP, g: Array, weight: Array, x_shape: Shape, geo: Geometry) -> Array:
    strategy = _strategy(xp, "input_grad", Problem(x_shape, weight.shape, geo), g.dtype.name)
    return run(strategy, "input_grad", xp, g, weight, x_shape, geo)


@widened
def _filter_grad(
    xp: XP, g: Array, x: Array, weight_shape: Shape, geo: Geometry, cols: Array | None
) -> Array:
    if cols is not None:
        return im2col.filter_grad(xp, g, cols, weight_shape, geo)
    strategy = _strategy(xp, "filter_grad", Problem(x.shape, weight_shape, geo), x.dtype.name)
    return run(strategy, "filter_grad", xp, g, x, weight_shape, geo)


def run(
    strategy: Strategy, which: Pass, xp: XP, a: Array, b: Array, shape: Shape, geo: Geometry
) -> Array:
    """Run one pass of one strategy; ``shape`` is that of the gradient."""
    limit = _settings(xp).workspace_bytes
    if strategy.name == "adjoint":
        return adjoint.input_grad(xp, a, b, shape, geo, lambda *args: forward(*args)[0])
    if strategy.forward is not None and which == "forward":
        return strategy.forward(xp, a, b, geo, limit)
    gradient: Any = getattr(strategy, which)
    return gradient(xp, a, b, shape, geo, limit)


def _settings(xp: XP) -> ConvSettings:
    return getattr(xp, "conv", DEFAULT)


def _strategy(xp: XP, which: Pass, problem: Problem, dtype: str) -> Strategy:
    """Return the strategy of a pass.

    float64 keeps to whole columns whatever is asked: the engine in float64 is the oracle, and
    shares nothing with the strategies that it is to judge.
    """
    settings = _settings(xp)
    if dtype == "float64":
        return STRATEGIES["im2col"]
    if xp.name not in ("numpy", "plan"):
        return _of_other_arrays(xp, which, problem, settings)
    if settings.autotune and xp.name == "plan" and not settings.strategy:
        return _tuned(which, problem, dtype, settings)
    return choose(which, problem, settings)


def _of_other_arrays(xp: XP, which: Pass, problem: Problem, settings: ConvSettings) -> Strategy:
    if settings.strategy and not STRATEGIES[settings.strategy].everywhere:
        able = ", ".join(s.name for s in STRATEGIES.values() if s.everywhere)
        raise ValueError(
            f"conv: strategy {settings.strategy!r} is made for NumPy, got {xp.name}; "
            f"expected one of {able}, or none"
        )
    direct = STRATEGIES["pointwise"]
    return direct if direct.applies(problem) else STRATEGIES["im2col"]


def _tuned(which: Pass, problem: Problem, dtype: str, settings: ConvSettings) -> Strategy:
    x = NUMPY.ones(problem.x_shape, dtype)
    weight = NUMPY.ones(problem.weight_shape, dtype)
    g = NUMPY.ones((x.shape[0], weight.shape[0], *problem.geo.out), dtype)
    a, b, shape = {
        "forward": (x, weight, x.shape),
        "input_grad": (g, weight, x.shape),
        "filter_grad": (g, x, weight.shape),
    }[which]
    given = offered(which, problem, settings)
    ways = {
        name: lambda s=s: run(s, which, NUMPY, a, b, shape, problem.geo)
        for name, s in given.items()
    }
    return given[fastest(ways)]
