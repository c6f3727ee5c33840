"""The figure of trajectories: how far each backend's loss is from the oracle's, step by step."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from bakeoff_reports import style

Looks = Mapping[str, tuple[str, str]]  # backend → colour, marker

LEFT, TALL, GAP, BOTTOM = 62.0, 210.0, 82.0, 50.0
LEGEND_LINE, PER_LINE = 21.0, 5  # pixels; names
FEW = 8  # so many backends have a colour each, more only where they leave the envelope
MARKS = 6  # along a line


@dataclass(frozen=True, slots=True)
class Path:
    """A backend's losses: how far from the oracle's at each step, and where it left."""

    backend: str
    apart: Sequence[float]
    left_at: int | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One training: what is allowed at each step, and the backends' paths."""

    title: str
    allowed: Sequence[float]
    paths: Sequence[Path]


def trajectory(panels: Sequence[Panel], looks: Looks, width: float = style.WIDTH) -> Figure:
    """Draw a panel per training: |loss − oracle's| over steps, above the shaded envelope or in it.

    Both ends of the vertical axis are logarithmic sizes; a deviation of zero lies on its foot.
    """
    named = _named(panels, looks)
    quiet = any(p.backend not in named for panel in panels for p in panel.paths)
    columns = min(2, len(panels))
    rows, wide = math.ceil(len(panels) / columns), width / columns
    top = 36 + LEGEND_LINE * math.ceil((len(named) + quiet) / PER_LINE)
    with style.house_style():
        figure = style.canvas(top + rows * (TALL + GAP) - GAP + BOTTOM, width)
        for number, panel in enumerate(panels):
            row, column = divmod(number, columns)
            axes = style.place(
                figure, column * wide + LEFT, top + row * (TALL + GAP), wide - LEFT - 22, TALL
            )
            _draw(axes, panel, looks, named)
            if column == 0:
                axes.set_ylabel("|loss − oracle's|")
        _legend(figure, named, quiet, looks)
    return figure


def _named(panels: Iterable[Panel], looks: Looks) -> list[str]:
    """Return the backends that have a colour of their own, in order."""
    paths = [path for panel in panels for path in panel.paths]
    few = len({p.backend for p in paths}) <= FEW
    chosen = {p.backend for p in paths if few or p.left_at is not None}
    return [b for b in looks if b in chosen]


def _draw(axes: Axes, panel: Panel, looks: Looks, named: Sequence[str]) -> None:
    low, high = _span(panel)
    steps = range(1, len(panel.allowed) + 1)
    axes.set_title(panel.title)
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.set_xlim(1, max(len(panel.allowed), 2))
    axes.fill_between(steps, low, panel.allowed, color=style.BAND, linewidth=0)
    axes.plot(steps, panel.allowed, color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)))
    for nth, path in enumerate(sorted(panel.paths, key=lambda p: p.backend in named)):
        colour, marker = looks[path.backend] if path.backend in named else (style.SOFT, "")
        shown = [min(max(a, low), high) if a == a else high for a in path.apart]
        every = max(1, len(shown) // MARKS)
        thick = 1.4 if marker else 0.6
        axes.plot(
            range(1, len(shown) + 1), shown, color=colour, linewidth=thick, marker=marker,
            markersize=5, markevery=(nth % every, every),
        )  # fmt: skip
        if path.left_at is not None and path.left_at <= len(shown):
            axes.plot(
                [path.left_at], [shown[path.left_at - 1]], marker="o", markersize=13, color=colour,
                markerfacecolor="none", markeredgewidth=1.8, clip_on=False, linestyle="none",
            )  # fmt: skip
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y")


def _span(panel: Panel) -> tuple[float, float]:
    """Return the range of the vertical axis: what is finite and not zero, with some room."""
    values = [v for p in panel.paths for v in p.apart] + list(panel.allowed)
    shown = [v for v in values if 0 < v < math.inf] or [1e-9, 1.0]
    return min(shown) / 3, max(shown) * 3


def _legend(figure: Figure, named: Sequence[str], quiet: bool, looks: Looks) -> None:
    handles = [
        Line2D([], [], color=looks[b][0], marker=looks[b][1], markersize=6, label=b) for b in named
    ]
    if quiet:
        handles.append(Line2D([], [], color=style.SOFT, linewidth=0.6, label="others, all within"))
    figure.legend(
        handles=handles, loc="upper left", ncols=PER_LINE, bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.2, handlelength=1.8, columnspacing=1.6, labelcolor=style.INK,
    )  # fmt: skip
