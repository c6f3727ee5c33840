"""Depthwise convolution as loops: a filter reads one channel, so there is no matrix product.

Three texts, one per pass, with all sizes written out. A channel's image is copied into a padded
one that stays in the first cache; the innermost loop runs along some rows and adds all products
of an output at once, so that it is vectorised and outputs are written once.

|err| <= γ_n |x| |w| with n = prod(K): the sums are direct, from the first filter element on.
"""

from itertools import product
from math import prod
from typing import Any, Literal

from bakeoff_reference.compiled.windows import (
    PRODUCTS,
    ROWS,
    VECTOR,
    Shape,
    Windows,
    cleared,
    deeper,
    nest,
)
from bakeoff_reference.plan.recorded import Recorded, Statement

Pass = Literal["forward", "input_grad", "filter_grad"]
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
    """The numbers of a convolution, and the loops written with them.

    Each pass is the arguments, the lines, and the shapes of the buffers among the arguments.
    """

    def __init__(self, x_shape: Shape, w_shape: Shape, geo: Any) -> None:
        self.n, self.c, *self.space = x_shape
        self.m = w_shape[0] // self.c
        self.kernel, self.out, self.stride = geo.kernel, geo.out, geo.stride
        self.low = [lo for lo, _ in geo.padding]
        self.reach = [d * (k - 1) for d, k in zip(geo.dilation, self.kernel, strict=True)]
        self.taps = [
            tuple(i * d for i, d in zip(tap, geo.dilation, strict=True))
            for tap in product(*map(range, self.kernel))
        ]
        # as far as outputs reach, which may be less than there is, or more
        self.padded = [
            (o - 1) * s + r + 1 for o, s, r in zip(self.out, self.stride, self.reach, strict=True)
        ]
        self.seen = Windows(self.out, self.stride, self.taps, self.padded[1])

    def forward(self) -> tuple[str, list[str], list[Shape]]:
        """Filters stay in variables while a channel's image is gone over."""
        scratch = [(self.seen.image_size(self.padded[0]),), self.seen.line_shape()]
        body = [
            *cleared("p", scratch[0]),
            f"outputs = y.reshape({self.n * self.c * self.m * prod(self.out)})",
            f"for n in range({self.n}):",
            f"    for c in range({self.c}):",
            *deeper(2, self._padding()),
            f"        for o in range(c * {self.m}, c * {self.m} + {self.m}):",
            *deeper(3, self._filters()),
            f"            to = outputs[(n * {self.c * self.m} + o) * {prod(self.out)}:]",
            *deeper(3, self.seen.sums("p")),
        ]
        return "x, w, p, line, y", body, scratch

    def input_grad(self) -> tuple[str, list[str], list[Shape]]:
        """Cotangents are spread out by the stride; each input gathers those that it went into."""
        rows, pitch = (
            max(n + lo, (o - 1) * s + 1) + r
            for n, lo, o, s, r in zip(
                self.space, self.low, self.out, self.stride, self.reach, strict=True
            )
        )
        taps = [
            tuple(lo + r - t for lo, r, t in zip(self.low, self.reach, tap, strict=True))
            for tap in self.taps
        ]
        seen = Windows(tuple(self.space), (1, 1), taps, pitch)
        scratch = [(seen.image_size(rows),), seen.line_shape()]
        gathered = seen.sums("q")
        if self.m > 1:
            first = f"if o == c * {self.m}:"
            gathered = [first, *deeper(1, gathered), "else:", *deeper(1, seen.added("q"))]
        start = self.reach[0] * pitch + self.reach[1]
        place = f"i * {self.stride[0] * pitch} + j * {self.stride[1]} + {start}"
        body = [
            *cleared("q", scratch[0]),
            f"inputs = x.reshape({self.n * self.c * prod(self.space)})",
            f"for n in range({self.n}):",
            f"    for c in range({self.c}):",
            f"        to = inputs[(n * {self.c} + c) * {prod(self.space)}:]",
            f"        for o in range(c * {self.m}, c * {self.m} + {self.m}):",
            *deeper(3, self._filters()),
            *deeper(3, nest(self.out, [f"q[{place}] = g[n, o, i, j]"])),
            *deeper(3, gathered),
        ]
        return "g, w, q, line, x", body, scratch

    def filter_grad(self) -> tuple[str, list[str], list[Shape]]:
        """Sums are kept per column of the image, and added up at the end.

        Cotangents are copied to whole vectors. What is added for the columns after the last one
        is left out at the end; no rows are added, where zero times infinity would count.
        """
        rows, columns = self.out
        most = max(1, PRODUCTS // len(self.taps))
        some = next(n for n in range(min(most, ROWS[-1], rows), 0, -1) if rows % n == 0)
        seen, width = self.seen, -(-columns // VECTOR) * VECTOR
        size = self.padded[0] * seen.pitch + (width - columns) * self.stride[1]
        scratch: list[Shape] = [(size,), (rows * width,), (len(self.taps) * width,)]
        products = [
            f"t{k} = "
            + " + ".join(f"part[{r * width} + j] * seen[{seen.place(t, r)}]" for r in range(some))
            for k, t in enumerate(self.taps)
        ]
        # all are read before one is written: a compiler cannot know that they lie apart
        products += [f"t[{k * width} + j] += t{k}" for k in range(len(self.taps))]
        body = [
            *cleared("p", scratch[0]),
            *cleared("q", scratch[1]),
            f"for o in range({self.c * self.m}):",
            f"    c = o // {self.m}",
            *deeper(1, cleared("t", scratch[2])),
            f"    for n in range({self.n}):",
            *deeper(2, self._padding()),
            *deeper(2, nest(self.out, [f"q[i * {width} + j] = g[n, o, i, j]"])),
            f"        for block in range({rows // some}):",
            f"            seen = p[block * {some * self.stride[0] * seen.pitch}:]",
            f"            part = q[block * {some * width}:]",
            f"            for j in range({width}):",
            *deeper(4, products),
            f"    for k in range({len(self.taps)}):",
            f"        total = t[k * {width}]",
            f"        for j in range(1, {columns}):",
            f"            total += t[k * {width} + j]",
            f"        w[o, 0, k // {self.kernel[1]}, k % {self.kernel[1]}] = total",
        ]
        return "g, x, p, q, t, w", body, scratch

    def _filters(self) -> list[str]:
        return [
            f"w{k} = w[o, 0, {row}, {column}]"
            for k, (row, column) in enumerate(product(*map(range, self.kernel)))
        ]

    def _padding(self) -> list[str]:
        inside = [
            max(0, min(n, p - lo))
            for n, p, lo in zip(self.space, self.padded, self.low, strict=True)
        ]
        pitch = self.padded[1]
        place = f"i * {pitch} + j + {self.low[0] * pitch + self.low[1]}"
        return nest(inside, [f"p[{place}] = x[n, c, i, j]"])
