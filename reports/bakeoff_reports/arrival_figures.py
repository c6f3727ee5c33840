"""The figure of time to quality: a lane per backend, a dot per seed, epochs beside seconds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bakeoff.arrival import Trimmed, trimmed_mean
from bakeoff_reports import style
from bakeoff_reports.figures import Looks, ratio_ticks

LANE, TOP, BOTTOM, RIGHT = 46.0, 40.0, 46.0, 20.0
ORACLE = "float64 oracle"


@dataclass(frozen=True, slots=True)
class Lane:
    """A backend's trainings: a number per seed, and the means without the extremes."""

    backend: str
    epochs: Sequence[float]
    seconds: Sequence[float]
    mean_epochs: Trimmed | None
    mean_seconds: Trimmed | None


def arrivals(
    lanes: Sequence[Lane], oracle: Sequence[float], band: tuple[float, float] | None, looks: Looks
) -> Figure:
    """Draw when each seed's training arrived, in epochs and in seconds.

    ``oracle`` are its epochs, in a lane of their own on top; ``band`` is where a mean of epochs
    can lie.
    """
    names = [ORACLE, *(lane.backend for lane in lanes)]
    tall = LANE * len(names)
    left = 24 + 7.4 * max(len(name) for name in names)
    wide = (style.WIDTH - left - 2 * RIGHT) / 2
    colours = {**looks, ORACLE: (style.SOFT, "o")}
    with style.house_style():
        figure = style.canvas(TOP + tall + BOTTOM)
        axes = style.place(figure, left, TOP, wide, tall)
        axes.set_title("Epochs to the target")
        if band:
            axes.axvspan(*band, color=style.BAND, linewidth=0)
        rows = [(ORACLE, oracle, trimmed_mean(oracle))]
        rows += [(lane.backend, lane.epochs, lane.mean_epochs) for lane in lanes]
        _lanes(axes, rows, colours)
        axes.set_yticklabels(names)
        axes.set_xlim(0, 1.06 * max(v for _, values, _ in rows for v in values))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("epochs")
        axes = style.place(figure, left + wide + RIGHT, TOP, wide, tall)
        axes.set_title("Seconds of training")
        timed = [(lane.backend, lane.seconds, lane.mean_seconds) for lane in lanes]
        _lanes(axes, [(ORACLE, (), None), *timed], colours)
        axes.set_yticklabels([])
        _log_seconds(axes, [v for _, values, _ in timed for v in values])
    return figure


Row = tuple[str, Sequence[float], Trimmed | None]


def _lanes(axes: Axes, rows: Sequence[Row], looks: Looks) -> None:
    axes.set_ylim(len(rows), 0)
    axes.yaxis.set_major_locator(FixedLocator([i + 0.5 for i in range(len(rows))]))
    axes.tick_params(axis="y", length=0, labelcolor=style.INK, labelsize=12)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    for i, (name, values, mean) in enumerate(rows):
        if i:
            axes.axhline(i, color=style.RULE, linewidth=0.8)
        colour, marker = looks[name]
        # Whole epochs fall together: dots are spread over the lane, evenly and not by chance.
        heights = [i + 0.3 + 0.28 * ((k * 0.618) % 1 - 0.5) for k in range(len(values))]
        axes.plot(list(values), heights, marker="o", markersize=5, linestyle="none",
                  color=colour, alpha=0.45, markeredgewidth=0)  # fmt: skip
        if mean is not None:
            axes.plot([mean.low, mean.high], [i + 0.75] * 2, color=colour, linewidth=2,
                      solid_capstyle="butt")  # fmt: skip
            axes.plot([mean.mean], [i + 0.75], marker=marker, markersize=6.5, color=colour)


def _log_seconds(axes: Axes, values: Sequence[float]) -> None:
    low, high = min(values) / 1.3, max(values) * 1.3
    shown: Callable[[float, int | None], str] = lambda value, _: f"{value:g}"  # noqa: E731
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(ratio_ticks(low, high, most=7)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(shown))
    axes.set_xlabel("seconds, from the first step to the target")
