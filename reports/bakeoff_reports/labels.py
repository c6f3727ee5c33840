"""Where to write the names of points, so that no name lies on another or on a point."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

NEAR = 9.0  # pixels from a point to its name
RINGS = (NEAR, 20.0, 32.0, 46.0, 62.0, 80.0, 100.0, 124.0, 150.0)
# Beside the point first: there the eye looks for a name. Then along the diagonals, and up.
_DEGREES = (0, 180, 40, -40, 140, -140, 90, -90, 20, -20, 160, -160, 65, -65, 115, -115)


class Box(NamedTuple):
    """A rectangle in pixels, y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def holds(self, other: "Box") -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )


class Label(NamedTuple):
    """A name's place; ``far`` says that a line should lead to it from its point."""

    box: Box
    far: bool


def place(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    frame: Box,
    taken: Sequence[Box] = (),
) -> list[Label]:
    """Return a place for the name of each point, the nearest that is free.

    Parameters
    ----------
    points
        In pixels, y upwards.
    sizes
        Width and height of each name.
    frame
        What no name may leave.
    taken
        What no name may cover: the points' own marks and their intervals.
    """
    occupied = list(taken)
    found: dict[int, Label] = {}
    # The crowded first: a point that stands alone finds room in any case.
    order = sorted(range(len(points)), key=lambda i: (-_neighbours(points, i), i))
    for i in order:
        candidates = list(_around(points[i], sizes[i]))
        inside = [c for c in candidates if frame.holds(c.box)] or candidates[:1]
        free = (c for c in inside if not any(c.box.overlaps(other) for other in occupied))
        found[i] = next(free, inside[-1])
        occupied.append(found[i].box)
    return [found[i] for i in range(len(points))]


def _neighbours(points: Sequence[tuple[float, float]], i: int) -> int:
    return sum(math.dist(points[i], other) < RINGS[-1] for other in points)


def _around(point: tuple[float, float], size: tuple[float, float]) -> Iterator[Label]:
    (x, y), (width, height) = point, size
    for ring in RINGS:
        for degrees in _DEGREES:
            across, up = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            # The name's nearest edge stands at the ring: left of it, right of it, or across.
            left = x + ring * across - width * (1 - across) / 2
            bottom = y + ring * up - height * (1 - up) / 2
            yield Label(Box(left, bottom, left + width, bottom + height), ring > NEAR)
