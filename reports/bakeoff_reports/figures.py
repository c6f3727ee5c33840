"""The figures, drawn from plain data with matplotlib's object-oriented interface."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bakeoff_reports import legend, style, words

Looks = Mapping[str, tuple[str, str]]  # backend → colour, marker
T = TypeVar("T")
TITLE = 23.0  # pixels of a panel's title, with room below it


@dataclass(frozen=True, slots=True)
class Point:
    """A ratio with its interval. ``ranked`` False draws it hollow."""

    backend: str
    ratio: float
    low: float
    high: float
    ranked: bool = True


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of a forest plot: one label, its points by panel."""

    label: str
    panels: Mapping[str, Sequence[Point]]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a curve plot: values over sizes, or over steps."""

    backend: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, slots=True)
class Tile:
    """A field of the error map: a share of the bound, or why there is none."""

    state: Literal["ok", "mismatch", "failed", "absent", "unknown"]
    fraction: float = math.nan


def forest(lanes: Sequence[Lane], panels: Sequence[str], looks: Looks, unit: str,
           noise: float | None) -> Figure:  # fmt: skip
    """Draw ratios with their intervals: a row per lane, a panel per pass.

    Left of 1 is faster than the reference; the shaded band is the noise floor.
    """
    backends = [b for b in looks if any(p.backend == b for _, p in _points(lanes))]
    pitch, gap, bottom = 13.0, 12.0, 46.0
    tall = len(lanes) * (max(len(backends), 1) * pitch + gap)
    left = 20 + 6.6 * max((len(lane.label) for lane in lanes), default=10)
    top = legend.height(backends, left - 8) + (TITLE if len(panels) > 1 else 0)
    with style.house_style():
        figure = style.canvas(top + tall + bottom)
        wide = (style.WIDTH - left - 20) / max(len(panels), 1)
        span = ratio_span([p for _, p in _points(lanes)])
        for number, panel in enumerate(panels):
            axes = style.place(figure, left + number * wide, top, wide - 18, tall)
            ratio_axis(axes, span, unit if len(panels) == 1 else "", noise, wide - 18)
            axes.set_title(panel if len(panels) > 1 else "", fontsize=11.5)
            axes.set_ylim(len(lanes), 0)
            axes.yaxis.set_major_locator(FixedLocator([i + 0.5 for i in range(len(lanes))]))
            axes.set_yticklabels([lane.label for lane in lanes] if number == 0 else [])
            axes.tick_params(axis="y", length=0, labelcolor=style.INK)
            axes.spines["left"].set_visible(False)
            for i, lane in enumerate(lanes):
                if i:
                    axes.axhline(i, color=style.RULE, linewidth=0.8)
                for point in lane.panels.get(panel, ()):
                    slot = (backends.index(point.backend) + 0.5) / len(backends)
                    share = len(backends) * pitch / (len(backends) * pitch + gap)
                    draw_point(axes, point, i + 0.5 + (slot - 0.5) * share, looks, span)
        if len(panels) > 1:
            figure.text(
                (left + style.WIDTH - 20) / 2 / style.WIDTH, 8 / (top + tall + bottom), unit,
                ha="center", va="bottom", color=style.SOFT,
            )  # fmt: skip
        legend.draw(figure, backends, looks, left - 8)
    return figure


def _points(lanes: Iterable[Lane]) -> Iterable[tuple[str, Point]]:
    for lane in lanes:
        for panel, points in lane.panels.items():
            for point in points:
                yield panel, point


def draw_point(axes: Axes, point: Point, y: float, looks: Looks, span: tuple[float, float]) -> None:
    colour, marker = looks[point.backend]
    low = max(point.low, span[0])
    high = min(point.high, span[1])
    if math.isfinite(point.low) and point.low > 0 and math.isfinite(point.high):
        axes.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
    axes.plot(
        [point.ratio], [y], marker=marker, markersize=6.5, color=colour, linestyle="none",
        markerfacecolor=colour if point.ranked else style.PAPER, markeredgewidth=1.5,
    )  # fmt: skip


def ratio_span(points: Sequence[Point]) -> tuple[float, float]:
    """Return the range of a ratio axis: the points, 1, and intervals as far as they fit."""
    ratios = [p.ratio for p in points if p.ratio > 0] or [1.0]
    low, high = min(*ratios, 0.8), max(*ratios, 1.25)
    ends = [e for p in points for e in (p.low, p.high) if low / 2 < e < high * 2]
    return min([low, *ends]) / 1.12, max([high, *ends]) * 1.12


def ratio_ticks(low: float, high: float, most: int) -> list[float]:
    """Return round ratios within a range, 1 among them, at most so many."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for steps in (
        (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8),
        (1, 1.5, 2, 3, 5, 7),
        (1, 2, 5),
        (1, 3),
        (1,),
    ):
        ticks = [s * 10.0**d for d in decades for s in steps]
        ticks = [t for t in ticks if low <= t <= high]
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]


def ratio_axis(axes: Axes, span: tuple[float, float], unit: str, noise: float | None,
                wide: float) -> None:  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(*span)
    ticks = ratio_ticks(*span, most=max(3, int(wide / 46)))
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="x")
    if noise:
        axes.axvspan(1 / (1 + noise), 1 + noise, color=style.BAND, linewidth=0, zorder=0.4)
    axes.axvline(1, color=style.SOFT, linewidth=1.2, zorder=1)
    axes.set_xlabel(unit)


def at_a_glance(points: Mapping[str, Sequence[float]], means: Mapping[str, Point], looks: Looks,
                unit: str, noise: float | None) -> Figure:  # fmt: skip
    """Draw every ranked ratio of a run: a lane per backend, its geometric mean below the dots."""
    lane, top, bottom = 46.0, 14.0, 46.0
    with style.house_style():
        figure = style.canvas(top + lane * len(points) + bottom)
        left = 24 + 7.4 * max(len(name) for name in points)
        axes = style.place(figure, left, top, style.WIDTH - left - 20, lane * len(points))
        everything = [Point(b, r, r, r) for b, ratios in points.items() for r in ratios]
        span = ratio_span([*everything, *means.values()])
        ratio_axis(axes, span, unit, noise, style.WIDTH - left - 20)
        axes.set_ylim(len(points), 0)
        axes.yaxis.set_major_locator(FixedLocator([i + 0.5 for i in range(len(points))]))
        axes.set_yticklabels(list(points))
        axes.tick_params(axis="y", length=0, labelcolor=style.INK, labelsize=12)
        axes.spines["left"].set_visible(False)
        for i, (backend, ratios) in enumerate(points.items()):
            if i:
                axes.axhline(i, color=style.RULE, linewidth=0.8)
            colour, _ = looks[backend]
            scatter = [i + 0.33 + 0.12 * ((k * 0.618) % 1 - 0.5) for k in range(len(ratios))]
            axes.plot(
                list(ratios), scatter,
                marker="o", markersize=5, linestyle="none", color=colour, alpha=0.45,
                markeredgewidth=0,
            )  # fmt: skip
            if backend in means and means[backend].ratio > 0:
                draw_point(axes, means[backend], i + 0.72, looks, span)
    return figure


def curves(panels: Mapping[str, Sequence[Line]], looks: Looks, xlabel: str, ylabel: str) -> Figure:
    """Draw values over sizes, both axes logarithmic: a panel per dtype and pass."""
    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    names = {line.backend for lines in panels.values() for line in lines}
    named = [b for b in looks if b in names]
    tall, wide, gap = 220.0, style.WIDTH / columns, 78.0
    top = legend.height(named, 62) + TITLE
    with style.house_style():
        figure = style.canvas(top + rows * (tall + gap) - gap + 50)
        values = [y for lines in panels.values() for line in lines for y in line.y if y > 0]
        for number, (title, lines) in enumerate(panels.items()):
            row, column = divmod(number, columns)
            axes = style.place(
                figure, column * wide + 62, top + row * (tall + gap), wide - 84, tall
            )
            axes.set_title(title)
            axes.set_xscale("log")
            axes.set_yscale("log")
            sizes = sorted({x for line in lines for x in line.x})
            for line in lines:
                colour, marker = looks[line.backend]
                axes.plot(line.x, line.y, color=colour, marker=marker)
            axes.set_ylim(min(values) / 1.4, max(values) * 1.4)
            axes.set_xlim(sizes[0] / 1.25, sizes[-1] * 1.25)
            _log_ticks(axes, sizes, values)
            axes.grid(axis="y")
            axes.set_xlabel(xlabel)
            if column == 0:
                axes.set_ylabel(ylabel)
        legend.draw(figure, named, looks, 62)
    return figure


def _log_ticks(axes: Axes, sizes: Sequence[float], values: Sequence[float]) -> None:
    axes.xaxis.set_major_locator(FixedLocator(list(sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ticks = ratio_ticks(min(values) / 1.4, max(values) * 1.4, most=6)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def trajectories(losses: Sequence[Line], oracle: Line | None, accuracies: Sequence[Line],
                 target: float | None, looks: Looks, per: str) -> Figure:  # fmt: skip
    """Draw training: the loss beside the oracle's, and the accuracy over seconds.

    ``per`` is what a loss belongs to: a step or an epoch.
    """
    both = bool(losses or oracle) and bool(accuracies)
    names = {line.backend for line in [*losses, *accuracies]}
    named = [b for b in looks if b in names]
    top, tall, wide = legend.height(named, 62) + TITLE, 240.0, style.WIDTH / (2 if both else 1)
    with style.house_style():
        figure = style.canvas(top + tall + 50)
        place = 0.0
        if losses or oracle:
            axes = style.place(figure, 62, top, wide - 84, tall)
            place = wide
            axes.set_title(f"Loss per {per}")
            if oracle:
                axes.plot(oracle.x, oracle.y, color=style.RULE, linewidth=7, solid_capstyle="round")
                axes.annotate(
                    "float64 oracle", (oracle.x[len(oracle.x) // 2], oracle.y[len(oracle.y) // 2]),
                    xytext=(14, 12), textcoords="offset points", color=style.SOFT, fontsize=11,
                )  # fmt: skip
            for nth, line in enumerate(losses):  # thin over thick: equal lines all stay visible
                width = 1.4 + 1.1 * (len(losses) - 1 - nth)
                axes.plot(line.x, line.y, color=looks[line.backend][0], linewidth=width)
            axes.set_xlabel(per)
            axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
            axes.set_ylabel("loss")
            axes.set_ylim(bottom=0)
            axes.grid(axis="y")
        if accuracies:
            axes = style.place(figure, place + 62, top, wide - 84, tall)
            axes.set_title("Accuracy over time" + ("" if target is None else f", to {target:.0%}"))
            for line in accuracies:
                colour, marker = looks[line.backend]
                axes.plot(line.x, line.y, color=colour, marker=marker, markersize=5)
            if target is not None:
                axes.axhline(target, color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)))
            axes.set_xlabel("seconds of training")
            axes.set_ylabel("share of test images right")
            axes.set_xlim(left=0)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
            axes.grid(axis="y")
        legend.draw(figure, named, looks, 62)
    return figure


_MARKS = {"mismatch": "×", "failed": "!", "absent": "–", "unknown": "?"}
_LIMITS = (0.01, 0.1, 0.5)


def error_table(ops: Sequence[str], backends: Mapping[str, Sequence[Tile]]) -> Figure:
    """Draw how near each op comes to its error bound, with the numbers: for few ops.

    A row per op, a column per backend; shades and marks as in `error_map`.
    """
    left, wide = _table_columns(ops, backends)
    tall, top = 24.0 * len(ops), 66.0
    with style.house_style():
        figure = style.canvas(top + tall + 6)
        axes = _tile_axes(figure, left, top, wide * len(backends), tall, len(backends), len(ops))
        axes.set_xticks([i + 0.5 for i in range(len(backends))], list(backends))
        axes.set_yticks([i + 0.5 for i in range(len(ops))], list(ops))
        for x, tiles in enumerate(backends.values()):
            for y, tile in enumerate(tiles):
                _draw_tile(axes, tile, x, y, words.fraction_of_bound(tile.fraction), gap=0.02)
        _tile_legend(figure, left)
    return figure


def _table_columns(ops: Iterable[str], backends: Iterable[str]) -> tuple[float, float]:
    """Return where an error table's columns begin, and how wide each is."""
    return 22 + 6.9 * max(map(len, ops)), max(104.0, 14 + 7.2 * max(map(len, backends)))


def fits_in_table(ops: Iterable[str], backends: Sequence[str]) -> bool:
    """Return whether an error table of so many backends stays within the figure."""
    left, wide = _table_columns(ops, backends)
    return left + wide * len(backends) <= style.WIDTH


def error_map(
    columns: Sequence[str], rows: Mapping[str, Sequence[Tile]], per_band: int = 40
) -> Figure:
    """Draw how near each op comes to its error bound: a column per op, a row per backend.

    Shades run from far below the bound to just below it; what failed carries a mark, so
    that nothing rests on colour alone. Long lists continue in further bands.
    """
    return banded(columns, rows, _draw_tile, _tile_legend, per_band)


def banded(
    columns: Sequence[str], rows: Mapping[str, Sequence[T]],
    draw: Callable[[Axes, T, float, float], None], key: Callable[[Figure, float], None],
    per_band: int = 40,
) -> Figure:  # fmt: skip
    """Draw a field per column and row in bands of so many columns, and a key on top."""
    bands = math.ceil(len(columns) / per_band)
    per_band = math.ceil(len(columns) / bands)
    left = 22 + 7.0 * max(len(name) for name in rows)
    side = min(26.0, (style.WIDTH - left - 12) / per_band)
    head = 16 + 5.6 * max(len(name) for name in columns)
    tall = 20.0 * len(rows)
    height = 34 + bands * (head + tall + 14)
    with style.house_style():
        figure = style.canvas(height)
        for band in range(bands):
            names = columns[band * per_band : (band + 1) * per_band]
            top = 34 + band * (head + tall + 14) + head
            axes = _tile_axes(figure, left, top, side * len(names), tall, len(names), len(rows))
            axes.set_xticks([i + 0.5 for i in range(len(names))], names, rotation=90)
            axes.set_yticks([i + 0.5 for i in range(len(rows))], list(rows))
            for i, fields in enumerate(rows.values()):
                for j, field in enumerate(fields[band * per_band : (band + 1) * per_band]):
                    draw(axes, field, j, i)
        key(figure, left)
    return figure


def _tile_axes(figure: Figure, left: float, top: float, wide: float, tall: float,
               across: int, down: int) -> Axes:  # fmt: skip
    axes = style.place(figure, left, top, wide, tall)
    axes.set_xlim(0, across)
    axes.set_ylim(down, 0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, pad=5, labelcolor=style.INK, labelsize=11)
    axes.xaxis.tick_top()
    return axes


def _tile_colour(tile: Tile) -> str:
    if tile.state in ("mismatch", "failed"):
        return style.BAD
    if tile.state == "ok":
        return style.SHADES[int(np.searchsorted(_LIMITS, tile.fraction))]
    return style.VOID


def _draw_tile(
    axes: Axes, tile: Tile, x: float, y: float, text: str = "", gap: float = 0.05
) -> None:
    axes.add_patch(
        Rectangle((x + gap, y + 0.06), 1 - 2 * gap, 0.88, facecolor=_tile_colour(tile), linewidth=0)
    )
    if tile.state == "ok" and text:
        axes.text(x + 0.5, y + 0.53, text, ha="center", va="center", fontsize=11)
    if tile.state in _MARKS:
        bad = tile.state in ("mismatch", "failed")
        axes.text(
            x + 0.5, y + 0.53, _MARKS[tile.state], ha="center", va="center", fontsize=11,
            color=style.PAPER if bad else style.SOFT, fontweight="bold" if bad else "normal",
        )  # fmt: skip


def _tile_legend(figure: Figure, left: float) -> None:
    keys = [
        (Tile("ok", 0.001), "below 1 % of the bound"), (Tile("ok", 0.05), "1–10 %"),
        (Tile("ok", 0.3), "10–50 %"), (Tile("ok", 0.9), "50–100 %"),
        (Tile("mismatch"), "mismatch"), (Tile("failed"), "failed"), (Tile("absent"), "unsupported"),
    ]  # fmt: skip
    axes = style.place(figure, left, 4, style.WIDTH - left, 18)
    axes.set_axis_off()
    axes.set_xlim(0, (style.WIDTH - left) / 18)
    axes.set_ylim(1, 0)
    x = 0.0
    for tile, label in keys:
        _draw_tile(axes, tile, x, 0)
        axes.text(x + 1.25, 0.53, label, va="center", fontsize=11, color=style.SOFT)
        x += 2.1 + 0.38 * len(label)


def describe_ratio(point: Point) -> str:
    """Return a point in words, for a figure's text alternative."""
    return f"{point.backend} {words.ratio(point.ratio, point.low, point.high)}"
