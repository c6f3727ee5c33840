"""Rules of matrix products, convolutions and pooling."""

from collections.abc import Callable
from math import prod

import numpy as np

from bakeoff.bounds import correlation
from bakeoff.bounds.balls import Arithmetic, Array, Ball, Shape
from bakeoff.bounds.table import Applied, Ruled, Vjp, contested, like, mask, rule, same

# Winograd's F(4 x 4, 3 x 3) in float32 strays about ten times as far as a direct sum (Lavin and
# Gray, CVPR 2016, table 3; Barabasz et al., ACM TOMS 46, 2020), Fourier's less. It may exceed γ_K
# where channels are few, and is then a mismatch; where it does not, it is no reduced precision.
WINOGRAD = 8.0  # times a random walk, which leaves room for 3 already


@rule("matmul")
def _matmul(at: Applied, a: Ball, b: Ball) -> Ruled:
    """γ_K Σ|a||b|; a gradient that is summed over broadcast batches sums K·batches products."""
    fl = at.fl
    wide_a = a.move(lambda x: x[None, :] if x.ndim == 1 else x)  # (..., M, K)
    wide_b = b.move(lambda x: x[:, None] if x.ndim == 1 else x)  # (..., K, N)
    batch = np.broadcast_shapes(wide_a.mid.shape[:-2], wide_b.mid.shape[:-2])
    full = (*batch, wide_a.mid.shape[-2], wide_b.mid.shape[-1])

    def to(
        x: Ball, wide: Ball, product: Callable[[Array, Array], Array], other: Ball, k: int
    ) -> Vjp:
        batches = prod(batch) // max(prod(wide.mid.shape[:-2]), 1)

        def each(g: Array, o: Array) -> Array:
            return product(g.reshape(full), o)

        def added(g: Array, o: Array) -> Array:
            return like(Arithmetic("int64"), Ball(each(g, o)), wide).mid

        def vjp(g: Ball) -> Ball:
            y = fl.contract(added, g, other, k * batches)
            if batches > 1 and fl.format.u > fl.format.u_sum:  # each product may be stored
                apart = like(fl, fl.contract(each, g, other, k), wide)
                y = Ball(y.mid, np.maximum(y.radius, apart.radius))
            return y.move(lambda p: p.reshape(x.mid.shape))

        return vjp

    y = fl.contract(lambda p, q: (p @ q).reshape(at.shape), wide_a, wide_b, wide_a.mid.shape[-1])
    return y, (
        to(a, wide_a, lambda g, o: g @ o.swapaxes(-1, -2), wide_b, full[-1]),
        to(b, wide_b, lambda g, o: o.swapaxes(-1, -2) @ g, wide_a, full[-2]),
    )


@rule("bias_add")
def _bias_add(at: Applied, x: Ball, bias: Ball) -> Ruled:
    """One rounding; the bias's gradient sums over batch and space, within γ_{n-1} Σ|g|."""
    fl = at.fl
    wide = bias.move(lambda b: b.reshape(-1, *(1,) * (x.mid.ndim - 2)))  # (C, 1, ...)
    axes = (0, *range(2, x.mid.ndim))
    return fl.add(x, wide), (same, lambda g: fl.sum(g, axes))


def _geometry(at: Applied, spatial: Shape, kernel: Shape, out: Shape) -> correlation.Geometry:
    a = at.attrs
    return correlation.Geometry(
        spatial, kernel, out, a["stride"], a["padding"], a["dilation"], a["groups"]
    )


def _stray(weight: Ball) -> float:
    return WINOGRAD if prod(weight.mid.shape[2:]) > 1 else 1.0


@rule("conv1d", "conv2d", "conv3d")
def _conv(at: Applied, x: Ball, weight: Ball) -> Ruled:
    """γ_K Σ|x||w|, K = C/groups · ∏kernel, and so for its adjoints: direct, or by im2col."""
    fl, fast = at.fl, _stray(weight)
    w = weight.mid.shape
    to = _geometry(at, x.mid.shape[2:], w[2:], at.shape[2:])
    y = fl.contract(lambda a, b: correlation.forward(a, b, to), x, weight, prod(w[1:]), fast=fast)
    outputs = w[0] // to.groups * to.taps
    return y, (
        lambda g: fl.contract(
            lambda a, b: correlation.to_input(a, b, to), g, weight, outputs, fast=fast
        ),
        lambda g: fl.contract(
            lambda a, b: correlation.to_weight(b, a, to),
            g,
            x,
            x.mid.shape[0] * prod(to.out),
            fast=fast,
        ),
    )


@rule("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _conv_transpose(at: Applied, x: Ball, weight: Ball) -> Ruled:
    """The convolution's adjoint in its input, so that its vjps are the other two maps."""
    fl, fast = at.fl, _stray(weight)
    w = weight.mid.shape
    to = _geometry(at, at.shape[2:], w[2:], x.mid.shape[2:])
    inputs = w[0] // to.groups * to.taps
    y = fl.contract(lambda a, b: correlation.to_input(a, b, to), x, weight, inputs, fast=fast)
    return y, (
        lambda g: fl.contract(
            lambda a, b: correlation.forward(a, b, to), g, weight, prod(w[1:]), fast=fast
        ),
        lambda g: fl.contract(
            lambda a, b: correlation.to_weight(a, b, to),
            g,
            x,
            x.mid.shape[0] * prod(to.out),
            fast=fast,
        ),
    )


def _pooling(at: Applied, x: Ball) -> correlation.Geometry:
    a = at.attrs
    return correlation.Geometry(
        x.mid.shape[2:], a["kernel_size"], at.shape[2:], a["stride"], a["padding"], (1, 1)
    )


@rule("max_pool2d")
def _max_pool(at: Applied, x: Ball) -> Ruled:
    """Exact; the cotangent goes to the first maximum of a window, or to any of those tied."""
    fl, to = at.fl, _pooling(at, x)
    seen = correlation.windows(x.mid, to, -np.inf)  # (∏K, N, C, *out)
    rads = None if x.rad is None else correlation.windows(x.rad, to, 0.0)
    y = Ball(np.max(seen, axis=0), None if rads is None else np.max(rads, axis=0))
    first = np.arange(len(seen)).reshape(-1, 1, 1, 1, 1) == np.argmax(seen, axis=0)
    gate = mask(first, contested(Ball(seen, rads), (0,)))

    def back(a: Array, _: Array) -> Array:
        return correlation.scatter(a, to)

    def to_x(g: Ball) -> Ball:
        parts = Ball(g.mid * gate.mid, g.radius * gate.size + np.abs(g.mid) * gate.radius)
        return fl.contract(
            lambda a, _: correlation.scatter(a, to), parts, None, to.taps - 1, stored=True
        )

    return y, (to_x,)


@rule("avg_pool2d")
def _avg_pool(at: Applied, x: Ball) -> Ruled:
    """A mean over the window; the vjp sums at most `taps` shares of the cotangent."""
    fl, to = at.fl, _pooling(at, x)
    n = prod(to.kernel)
    counted = np.full(to.out, float(n))
    if not at.attrs["count_include_pad"]:
        ones = np.ones((1, 1, *to.spatial))
        counted = correlation.windows(ones, to, 0.0).sum(axis=0)[0, 0]  # (*out)

    def mean(a: Array, _: Array) -> Array:
        return np.asarray(correlation.windows(a, to, 0.0).sum(axis=0) / counted)

    def back(a: Array, _: Array) -> Array:
        return correlation.scatter(np.broadcast_to(a / counted, (n, *a.shape)), to)

    return fl.contract(mean, x, None, n + 1, divisor=n), (
        lambda g: fl.contract(back, g, None, to.taps + 1, True),
    )
