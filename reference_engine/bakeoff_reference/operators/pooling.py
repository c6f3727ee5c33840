"""Pooling over windows of images (N, C, H, W): one strided slice per kernel element."""

from itertools import product
from typing import Any

from bakeoff_reference.arguments import Pairs, Shape, pairs_of, per_dim, window_extent
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.conv.geometry import Geometry, spots
from bakeoff_reference.conv.im2col import taps
from bakeoff_reference.errors import refuse
from bakeoff_reference.padding import interior, padded
from bakeoff_reference.primitive import primitive


def _prepare(op: str) -> Any:
    def prepare(x: Array, **attrs: Any) -> dict[str, Any]:
        if x.ndim != 4:
            refuse(op, f"x has shape {x.shape}, expected (N, C, H, W)")
        kernel = per_dim(op, "kernel_size", attrs["kernel_size"], 2)
        stride = attrs["stride"]
        found: dict[str, Any] = {
            "kernel_size": kernel,
            "stride": kernel if stride is None else per_dim(op, "stride", stride, 2),
            "padding": pairs_of(op, "padding", attrs["padding"], 2),
        }
        for k, pair in zip(kernel, found["padding"], strict=True):
            if max(pair) >= k:  # a window of nothing but padding has no maximum and no mean
                refuse(op, f"padding {pair} is not smaller than the kernel {k}; lower padding")
        window_extent(op, x.shape[2:], kernel, found["stride"], found["padding"], (1, 1))
        return {**attrs, **found}

    return prepare


def _geometry(x: Array, kernel: Shape, stride: Shape, padding: Pairs) -> Geometry:
    out = window_extent("pool", x.shape[2:], kernel, stride, padding, (1, 1))
    return Geometry(kernel, out, stride, padding, (1, 1), 1)


def _bordered(xp: XP, x: Array, padding: Pairs, value: float) -> Array:
    return padded(xp, x, ((0, 0), (0, 0), *padding), value) if any(map(any, padding)) else x


def _slices(x: Array, geo: Geometry) -> list[Array]:
    """One view (N, C, *out) of the padded input per kernel element, in row-major order."""
    every = (slice(None), slice(None))
    return [x[every + taps(offset, geo)] for offset in product(*map(range, geo.kernel))]


@primitive(prepare=_prepare("max_pool2d"))
def max_pool2d(
    xp: XP, x: Array, /, *, kernel_size: Any, stride: Any = None, padding: Any = 0
) -> Array:
    """Return the largest element of each window; padding counts as minus infinity.

    Of tied elements the first in the window's row-major order gets the cotangent.
    """
    geo = _geometry(x, kernel_size, stride, padding)
    every = (slice(None), slice(None))
    if any(map(any, padding)):
        y = xp.full((*x.shape[:2], *geo.out), -float("inf"), x.dtype)
        for _, outputs, inputs in spots(x.shape[2:], geo):
            part = y[every + outputs]
            xp.maximum(part, x[every + inputs], out=part)
        return y
    views = _slices(x, geo)
    y = xp.maximum(views[0], views[min(1, len(views) - 1)])
    for view in views[2:]:
        xp.maximum(y, view, out=y)
    return y


def _max_vjp(
    xp: XP, g: Array, y: Array, x: Array, kernel_size: Shape, stride: Shape, padding: Pairs
) -> Array:
    geo = _geometry(x, kernel_size, stride, padding)
    result = xp.zeros(x.shape, x.dtype)
    disjoint = all(k <= s for k, s in zip(geo.kernel, geo.stride, strict=True))
    free = xp.ones(y.shape, "bool")  # windows whose maximum has not been met yet
    hit, share = xp.empty(y.shape, "bool"), xp.empty(y.shape, g.dtype)
    every = (slice(None), slice(None))
    for _, outputs, inputs in spots(x.shape[2:], geo):
        seen, left, new, part = (a[every + outputs] for a in (y, free, hit, share))
        target = result[every + inputs]
        xp.equal(x[every + inputs], seen, out=new)
        xp.logical_and(new, left, out=new)
        xp.greater(left, new, out=left)  # left, and not met now
        xp.multiply(g[every + outputs], new, out=part)
        # an input of one window only has nothing to be added to; -0 becomes 0 as in a sum
        xp.add(part, 0, out=target) if disjoint else xp.add(target, part, out=target)
    return result


max_pool2d.defvjp(_max_vjp)


def _counts(xp: XP, x: Array, geo: Geometry, count_include_pad: bool) -> Any:
    """Elements per window: a number, or (H_out, W_out) if the padding is not counted."""
    if count_include_pad or not any(map(any, geo.padding)):
        return geo.kernel[0] * geo.kernel[1]
    per_dim = [
        [min(i * s - lo + k, n) - max(i * s - lo, 0) for i in range(o)]
        for n, o, k, s, (lo, _) in zip(
            x.shape[2:], geo.out, geo.kernel, geo.stride, geo.padding, strict=True
        )
    ]
    return xp.asarray([[h * w for w in per_dim[1]] for h in per_dim[0]], x.dtype)


@primitive(prepare=_prepare("avg_pool2d"), accumulates=True)
def avg_pool2d(
    xp: XP, x: Array, /, *, kernel_size: Any, stride: Any = None, padding: Any = 0,
    count_include_pad: bool = True,
) -> Array:  # fmt: skip
    """Return the mean of each window; zeros of the padding count unless told otherwise."""
    geo = _geometry(x, kernel_size, stride, padding)
    views = _slices(_bordered(xp, x, padding, 0), geo)
    y = xp.empty(views[0].shape, x.dtype)
    xp.copyto(y, views[0])
    for view in views[1:]:
        xp.add(y, view, out=y)
    return y / _counts(xp, x, geo, count_include_pad)


def _avg_vjp(
    xp: XP, g: Array, y: Array, x: Array, kernel_size: Shape, stride: Shape, padding: Pairs,
    count_include_pad: bool,
) -> Array:  # fmt: skip
    geo = _geometry(x, kernel_size, stride, padding)
    share = g / _counts(xp, x, geo, count_include_pad)
    space = tuple(n + lo + hi for n, (lo, hi) in zip(x.shape[2:], padding, strict=True))
    result = xp.zeros(x.shape[:2] + space, x.dtype)
    for target in _slices(result, geo):
        xp.add(target, share, out=target)
    return result[(slice(None), slice(None), *interior(x.shape[2:], padding))]


avg_pool2d.defvjp(_avg_vjp)
