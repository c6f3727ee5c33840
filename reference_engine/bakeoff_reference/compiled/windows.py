"""Sums over windows as text of loops that a compiler turns into vector instructions.

What is left of a row when no vector is full is computed one element at a time, which takes as
long as the vectors did, and a loop of fewer than 16 elements is left alone altogether. So loops
run over whole vectors: over the last 16 elements of a row again, where some are left over, for
the results are the same; rows of fewer get 16 columns in a buffer and are copied out. Some rows
at a time share what they read. Arrays are flat: distances are then numbers, and it is plain that
what is written is not what is read.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

Shape = tuple[int, ...]

VECTOR = 16
"""Elements of a loop: the fewest that LLVM vectorises, of any machine's vectors a multiple."""

PRODUCTS, ROWS = 45, (4, 5)
"""Products that are written out in one loop, and how many rows may share it, from and to."""

WIDE = 32
"""Columns above which two rows do: more rows are written at once for more than reads save."""


class Windows(NamedTuple):
    """Where outputs (i, j) meet a flat image.

    Attributes
    ----------
    shape
        Rows and columns of the outputs.
    steps
        How far on the next output's window is, in rows and columns of the image.
    taps
        Where the elements of a window are in it.
    pitch
        Columns of the image.
    """

    shape: Shape
    steps: Shape
    taps: Sequence[Shape]
    pitch: int

    @property
    def columns(self) -> int:
        """Columns of outputs that are computed: at least a vector."""
        return max(self.shape[1], VECTOR)

    @property
    def together(self) -> int:
        """Rows that share a loop: as many as leave the fewest to be computed twice."""
        rows, columns = self.shape
        least, most = (2, 2) if columns > WIDE else (ROWS[0], ROWS[-1])
        most = max(1, min(rows, most, PRODUCTS // len(self.taps)))
        some = range(min(least, most), most + 1)
        return min(some, key=lambda n: (-rows % n, n))

    def place(self, tap: Shape, row: int) -> str:
        """The index of what a window's element is, in a given row of outputs and column j."""
        start = (row * self.steps[0] + tap[0]) * self.pitch + tap[1]
        return f"j * {self.steps[1]} + {start}"

    def image_size(self, rows: int) -> int:
        """Elements of an image of so many rows, and of what the last vector reads after it."""
        return rows * self.pitch + (self.columns - self.shape[1]) * self.steps[1]

    def line_shape(self) -> Shape:
        """The buffer of rows that are narrower than a vector."""
        return (self.together * VECTOR,) if self.shape[1] < VECTOR else (0,)

    def sums(self, image: str) -> list[str]:
        """Fill the array ``to`` with sums of ``w0, w1, ...`` times an image's elements."""
        rows, width = self.shape
        some, narrow = self.together, width < VECTOR
        sums = [
            f"t{r} = " + " + ".join(f"w{k} * seen[{self.place(t, r)}]" for k, t in
                                    enumerate(self.taps))
            for r in range(some)
        ]  # fmt: skip
        target, pitch = ("line", VECTOR) if narrow else ("part", width)
        lines = [*sums, *(f"{target}[j + {r * pitch}] = t{r}" for r in range(some))]
        copied = nest((some, width), [f"part[i * {width} + j] = line[i * {VECTOR} + j]"])
        return [
            f"for block in range({-(-rows // some)}):",
            f"    first = min(block * {some}, {rows - some})",
            f"    seen = {image}[first * {self.steps[0] * self.pitch}:]",
            f"    part = to[first * {width}:]",
            *deeper(1, [text for run in _runs(width) for text in _loop(run, lines)]),
            *(deeper(1, copied) if narrow else []),
        ]

    def added(self, image: str) -> list[str]:
        """Add such sums to the array ``to``: nothing may be computed twice, so row by row."""
        rows, width = self.shape
        sum_ = " + ".join(f"w{k} * seen[{self.place(t, 0)}]" for k, t in enumerate(self.taps))
        return [
            f"for i in range({rows}):",
            f"    seen = {image}[i * {self.steps[0] * self.pitch}:]",
            f"    part = to[i * {width}:]",
            *deeper(1, _loop((0, width), [f"part[j] += {sum_}"])),
        ]


def _runs(width: int) -> list[Shape]:
    """The columns that loops run over."""
    full = max(width, VECTOR) // VECTOR * VECTOR
    rest: list[Shape] = [(width - VECTOR, width)] if width > full else []
    return [(0, full), *rest]


def _loop(run: Shape, lines: Sequence[str]) -> list[str]:
    return [f"for j in range({run[0]}, {run[1]}):", *deeper(1, lines)]


def nest(shape: Sequence[int], lines: list[str]) -> list[str]:
    """Return loops over rows i and columns j."""
    rows, columns = shape
    return [f"for i in range({rows}):", *deeper(1, _loop((0, columns), lines))]


def cleared(name: str, shape: Shape) -> list[str]:
    """Return a loop that fills a flat array with zeros."""
    return [f"for i in range({prod(shape)}):", f"    {name}[i] = 0.0"]


def deeper(levels: int, lines: Sequence[str]) -> list[str]:
    """Return lines as they stand in so many loops."""
    return ["    " * levels + line for line in lines]
