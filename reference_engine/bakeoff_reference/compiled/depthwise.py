"""Depthwise convolution as loops: a filter reads one channel, so there is no matrix product.

Three texts, one per pass, with all sizes written out. A channel's image is copied into a padded
one that stays in the first cache; the innermost loop runs along a row and adds all products of an
output at once, so that it is vectorised and outputs are written once.

|err| <= γ_n |x| |w| with n = prod(K): the sums are direct, from the first filter element on.
"""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, Literal

from bakeoff_reference.plan.recorded import Recorded, Statement

Pass = Literal["forward", "input_grad", "filter_grad"]
Shape = tuple[int, ...]

MOST_TAPS = 49
"""Filter elements that are written out: all products of a 7 × 7 filter."""


def depthwise(
    xp: Any, which: Pass, a: Recorded, b: Recorded, shape: Shape, geo: Any
) -> Recorded | None:
    """Record a pass of a convolution in two dimensions; None if it is not for these loops.

    Parameters
    ----------
    a, b
        Input and filter; cotangent and filter; cotangent and input.
    shape
        Of the result.
    """
    x_shape, w_shape, y_shape = _shapes(which, a.shape, b.shape, shape)
    if not _applies(w_shape, x_shape, y_shape, a) or a.root.kind == b.root.kind == "constant":
        return None
    sizes = _Sizes(x_shape, w_shape, geo)
    name = f"depthwise_{which}_{len(xp.statements)}"
    header, body, scratch = getattr(sizes, which)()
    buffers = [xp.empty(s, a.dtype) for s in scratch]
    target: Recorded = xp.empty(shape, a.dtype)
    text = "\n".join([f"def {name}({header}):", *(f"    {line}" for line in body)])
    args = (a, b, *buffers, target)
    xp.statements.append(Statement("write", depthwise, name, args, {}, target, definition=text))
    return target


def _shapes(which: Pass, a: Shape, b: Shape, result: Shape) -> tuple[Shape, Shape, Shape]:
    """The shapes of input, filter and output."""
    return {
        "forward": (a, b, result),
        "input_grad": (result, b, a),
        "filter_grad": (b, result, a),
    }[which]


def _applies(w_shape: Shape, x_shape: Shape, y_shape: Shape, a: Recorded) -> bool:
    return (
        len(w_shape) == 4
        and w_shape[1] == 1 < x_shape[1]
        and prod(w_shape[2:]) <= MOST_TAPS
        and a.dtype.char in "fd"
        and prod(x_shape) * prod(y_shape) > 0
    )


class _Sizes:
    """The numbers of a convolution, and the loops written with them."""

    def __init__(self, x_shape: Shape, w_shape: Shape, geo: Any) -> None:
        self.n, self.c, *self.space = x_shape
        self.m = w_shape[0] // self.c
        self.kernel, self.out, self.stride = geo.kernel, geo.out, geo.stride
        self.low = [lo for lo, _ in geo.padding]
        self.steps = geo.dilation
        self.taps = list(product(*map(range, self.kernel)))
        # as far as outputs reach, which may be less than there is, or more
        self.padded = tuple(
            (o - 1) * s + d * (k - 1) + 1
            for o, s, d, k in zip(self.out, self.stride, self.steps, self.kernel, strict=True)
        )

    def forward(self) -> tuple[str, list[str], list[Shape]]:
        """Filters stay in variables while a channel's image is gone over."""
        sum_ = " + ".join(f"w{i} * p[{self._seen(t)}]" for i, t in enumerate(self.taps))
        body = [
            *self._cleared("p", self.padded),
            f"for n in range({self.n}):",
            f"    for c in range({self.c}):",
            *_deeper(2, self._padding("x")),
            f"        for o in range(c * {self.m}, c * {self.m} + {self.m}):",
            *_deeper(3, self._filters()),
            *_deeper(3, _nest(self.out, [f"y[n, o, i, j] = {sum_}"])),
        ]
        return "x, w, p, y", body, [self.padded]

    def input_grad(self) -> tuple[str, list[str], list[Shape]]:
        """Cotangents are spread out by the stride; each input gathers those that it went into."""
        reach = [d * (k - 1) for d, k in zip(self.steps, self.kernel, strict=True)]
        spread = tuple(
            max(n + lo, (o - 1) * s + 1) + r
            for n, lo, o, s, r in zip(
                self.space, self.low, self.out, self.stride, reach, strict=True
            )
        )
        places = [
            ", ".join(
                f"{i} + {lo + r - k * d}"
                for i, lo, r, k, d in zip("ij", self.low, reach, t, self.steps, strict=True)
            )
            for t in self.taps
        ]
        sum_ = " + ".join(f"w{i} * q[{place}]" for i, place in enumerate(places))
        up = ", ".join(f"{i} * {s} + {r}" for i, s, r in zip("ij", self.stride, reach, strict=True))
        body = [
            *self._cleared("q", spread),
            f"for n in range({self.n}):",
            f"    for c in range({self.c}):",
            f"        for m in range({self.m}):",
            f"            o = c * {self.m} + m",
            *_deeper(3, self._filters()),
            *_deeper(3, _nest(self.out, [f"q[{up}] = g[n, o, i, j]"])),
            "            if m == 0:",
            *_deeper(4, _nest(self.space, [f"x[n, c, i, j] = {sum_}"])),
            "            else:",
            *_deeper(4, _nest(self.space, [f"x[n, c, i, j] += {sum_}"])),
        ]
        return "g, w, q, x", body, [spread]

    def filter_grad(self) -> tuple[str, list[str], list[Shape]]:
        """Sums are kept per column of the image, and added up at the end."""
        width = self.out[1]
        products = [
            f"t[{i}, j] += g[n, o, i, j] * p[{self._seen(t)}]" for i, t in enumerate(self.taps)
        ]
        body = [
            *self._cleared("p", self.padded),
            f"for o in range({self.c * self.m}):",
            f"    c = o // {self.m}",
            *_deeper(1, self._cleared("t", (len(self.taps), width))),
            f"    for n in range({self.n}):",
            *_deeper(2, self._padding("x")),
            *_deeper(2, _nest(self.out, products)),
            f"    for k in range({len(self.taps)}):",
            "        total = t[k, 0]",
            f"        for j in range(1, {width}):",
            "            total += t[k, j]",
            f"        w[o, 0, k // {self.kernel[1]}, k % {self.kernel[1]}] = total",
        ]
        return "g, x, p, t, w", body, [self.padded, (len(self.taps), width)]

    def _filters(self) -> list[str]:
        return [f"w{i} = w[o, 0, {row}, {column}]" for i, (row, column) in enumerate(self.taps)]

    def _seen(self, tap: Shape) -> str:
        """Where output (i, j) meets the padded image, for one filter element."""
        return ", ".join(
            f"{i} * {s} + {k * d}"
            for i, s, k, d in zip("ij", self.stride, tap, self.steps, strict=True)
        )

    def _cleared(self, name: str, shape: Shape) -> list[str]:
        return _nest(shape, [f"{name}[i, j] = 0.0"])

    def _padding(self, name: str) -> list[str]:
        inside = [
            max(0, min(n, p - lo))
            for n, p, lo in zip(self.space, self.padded, self.low, strict=True)
        ]
        here = f"p[i + {self.low[0]}, j + {self.low[1]}]"
        return _nest(inside, [f"{here} = {name}[n, c, i, j]"])


def _nest(shape: Sequence[int], lines: list[str]) -> list[str]:
    rows, columns = shape
    return [
        f"for i in range({rows}):",
        f"    for j in range({columns}):",
        *(f"        {line}" for line in lines),
    ]


def _deeper(levels: int, lines: list[str]) -> list[str]:
    return ["    " * levels + line for line in lines]
