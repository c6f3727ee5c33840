"""The ways to compute a convolution, in one table: what each is for, and how far it may stray.

Three passes: forward, and the gradients of input and filter. ``adjoint`` is the input's gradient
by convolutions of the cotangent, each by whatever strategy is best for it.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

from bakeoff_reference.arguments import Shape
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.conv import (
    adjoint,
    blocked,
    channelwise,
    im2col,
    overlapping,
    pointwise,
    winograd,
)
from bakeoff_reference.conv.geometry import Geometry

Pass = Literal["forward", "filter_grad", "input_grad"]
Forward = Callable[[XP, Array, Array, Geometry, int], Array]
Gradient = Callable[[XP, Array, Array, Shape, Geometry, int], Array]


class Problem(NamedTuple):
    """The sizes of a convolution: all that a choice depends on."""

    x_shape: Shape
    weight_shape: Shape
    geo: Geometry

    @property
    def channels(self) -> int:
        """Channels that a filter reads."""
        return self.weight_shape[1]

    @property
    def filters(self) -> int:
        """Filters that read the same channels."""
        return self.weight_shape[0] // self.geo.groups


class Strategy(NamedTuple):
    """One way to compute convolutions.

    Attributes
    ----------
    applies
        Whether it can compute this convolution.
    forward, filter_grad, input_grad
        Its passes; None where it has none of its own.
    error
        The largest error seen on random data of unit variance, over the largest result, in
        float32 (`benchmarks/convolutions.py --errors`).
    growth
        Its error bound, by the number of channels, in units of the direct sum's γ_n Σ|x||w|. For
        Winograd's that holds of max|x| max|w| in the place of an element's own products.
    small
        Whether its workspace is a block of images' and no more.
    everywhere
        Whether it serves any array module; the others are made for NumPy.
    """

    name: str
    applies: Callable[[Problem], bool]
    forward: Forward | None = None
    filter_grad: Gradient | None = None
    input_grad: Gradient | None = None
    error: float = 1e-6
    growth: Callable[[int], float] = lambda channels: 1.0
    small: bool = True
    everywhere: bool = False

    def offers(self, which: Pass) -> bool:
        """Whether it has this pass."""
        adjoint = self.name == "adjoint" and which == "input_grad"
        return adjoint or getattr(self, which) is not None


def _always(problem: Problem) -> bool:
    return True


def _pointwise(problem: Problem) -> bool:
    return problem.geo.pointwise and problem.x_shape[2:] == problem.geo.out


def _columns(xp: XP, x: Array, weight: Array, geo: Geometry, limit: int) -> Array:
    return im2col.forward(xp, weight, im2col.columns(xp, x, geo), geo)


def _columns_filter(
    xp: XP, g: Array, x: Array, weight_shape: Shape, geo: Geometry, limit: int
) -> Array:
    return im2col.filter_grad(xp, g, im2col.columns(xp, x, geo), weight_shape, geo)


def _columns_input(
    xp: XP, g: Array, weight: Array, x_shape: Shape, geo: Geometry, limit: int
) -> Array:
    return im2col.input_grad(xp, g, weight, x_shape, geo)


def _winograd(name: str, f: winograd.Transform, error: float) -> Strategy:
    return Strategy(
        name,
        lambda p: winograd.applies(p.geo),
        partial(winograd.forward, f=f),
        partial(winograd.filter_grad, f=f),
        small=False,
        error=error,
        growth=f.growth,
    )


STRATEGIES = {
    s.name: s
    for s in (
        Strategy(
            "im2col", _always, _columns, _columns_filter, _columns_input, small=False,
            everywhere=True,
        ),
        Strategy("blocked", _always, blocked.forward, blocked.filter_grad),
        Strategy("col2im", _always, input_grad=blocked.input_grad),
        Strategy("adjoint", lambda p: adjoint.applies(p.geo)),
        Strategy(
            "pointwise", _pointwise, pointwise.forward, pointwise.filter_grad,
            pointwise.input_grad, everywhere=True,
        ),
        Strategy(
            "overlapping", lambda p: overlapping.applies(p.geo), overlapping.forward,
            overlapping.filter_grad,
        ),
        Strategy(
            "channelwise", lambda p: channelwise.applies(p.geo, p.weight_shape),
            channelwise.forward, channelwise.filter_grad,
        ),
        _winograd("winograd2", winograd.F23, error=2e-6),
        _winograd("winograd4", winograd.F43, error=2e-5),
    )
}  # fmt: skip
