"""Convolutions and pools in DyNet's expressions: of two dimensions, one being of height 1.

Source: DyNet 2.2, ``help(dynet.conv2d)``.
"""

from functools import partial
from typing import Any, Callable, Dict, Sequence, Tuple

from bakeoff_worker import Unsupported
from bakeoff_worker.shapes import size

from .operators import Pairs, Shape, Shapes, dims, padded

Expression = Any
Op = Callable[..., Expression]


def windows(dy: Any) -> Dict[str, Op]:
    """Return the ops by their catalogue names."""
    return {
        "conv1d": partial(_conv, dy),
        "conv2d": partial(_conv, dy),
        "max_pool2d": partial(_max_pool2d, dy),
        "avg_pool2d": partial(_avg_pool2d, dy),
    }


def _images(dy: Any, x: Expression, shape: Shape) -> Expression:
    """Return (N, C, *spatial) as a batch of images, (W, H, C)."""
    height = (1,) if len(shape) == 3 else ()
    return dy.reshape(x, dims(shape[1:2] + height + shape[2:]), batch_size=shape[0])


def _between(
    dy: Any, x: Expression, shape: Shape, padding: Pairs, value: float
) -> Tuple[Expression, Shape]:
    """Return a padded image and its shape."""
    x = padded(dy, x, shape, ((0, 0), (0, 0)) + tuple(padding), value)
    return x, shape[:2] + tuple(lo + n + hi for n, (lo, hi) in zip(shape[2:], padding))


def _same(sizes: Shape, kernel: Shape, stride: Shape, padding: Pairs, counts: Shape) -> bool:
    """Return whether a padding is what DyNet calls SAME."""
    wanted = []
    for n, k, s in zip(sizes, kernel, stride):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        wanted.append((total // 2, total - total // 2))
    return wanted == list(padding) and counts == tuple(-(-n // s) for n, s in zip(sizes, stride))


def _conv(
    dy: Any, x: Expression, weight: Expression, stride: Shape, padding: Pairs, dilation: Shape,
    groups: int, of: Shapes, to: Shape,
) -> Expression:  # fmt: skip
    if any(d > 1 for d in dilation):
        raise Unsupported("DyNet: conv2d has no dilation")
    shape, (filters, depth), kernel = of[0], of[1][:2], of[1][2:]
    same = any(map(any, padding)) and _same(shape[2:], kernel, stride, padding, to[2:])
    if not same:
        x, shape = _between(dy, x, shape, padding, 0.0)
    flat = (1,) * (len(shape) == 3)
    images = _images(dy, x, shape)  # (W, H, C)
    weights = dy.reshape(weight, dims((filters, depth) + flat + kernel))  # (Kw, Kh, C / G, F)
    steps = list(dims(flat + tuple(stride)))
    if groups == 1:
        result = dy.conv2d(images, weights, steps, is_valid=not same)
    else:
        part = filters // groups
        result = dy.concatenate(
            [
                dy.conv2d(
                    dy.pick_range(images, g * depth, (g + 1) * depth, 2),
                    dy.pick_range(weights, g * part, (g + 1) * part, 3),
                    steps,
                    is_valid=not same,
                )
                for g in range(groups)
            ],
            d=2,
        )
    return dy.reshape(result, dims(to), batch_size=1)


def _max_pool2d(
    dy: Any, x: Expression, kernel_size: Shape, stride: Shape, padding: Pairs, of: Shapes,
    to: Shape,
) -> Expression:  # fmt: skip
    x, shape = _between(dy, x, of[0], padding, -float("inf"))
    images = _images(dy, x, shape)
    result = dy.maxpooling2d(images, list(dims(kernel_size)), list(dims(stride)), is_valid=True)
    return dy.reshape(result, dims(to), batch_size=1)


def _avg_pool2d(
    dy: Any, x: Expression, kernel_size: Shape, stride: Shape, padding: Pairs,
    count_include_pad: bool, of: Shapes, to: Shape,
) -> Expression:  # fmt: skip
    """Return convolutions of every channel by itself with ones, over the number of places."""

    def total(x: Expression, shape: Sequence[int]) -> Expression:
        x, whole = _between(dy, x, tuple(shape), padding, 0.0)
        planes = _images(dy, x, (whole[0] * whole[1], 1) + whole[2:])
        ones = dy.ones(dims((1, 1) + tuple(kernel_size)))
        return dy.conv2d(planes, ones, list(dims(stride)), is_valid=True)

    sums = dy.reshape(total(x, of[0]), dims(to), batch_size=1)
    if count_include_pad or not any(map(any, padding)):
        return dy.cdiv(sums, dy.scalarInput(size(kernel_size)))
    shape = (1, 1) + of[0][2:]
    places = total(dy.ones(dims(shape)), shape)
    return dy.cdiv(sums, dy.reshape(places, dims(to[2:]), batch_size=1))
