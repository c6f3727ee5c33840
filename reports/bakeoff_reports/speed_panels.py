"""Forest plot of geometric means: a row per backend, a panel per suite."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from bakeoff_reports import style
from bakeoff_reports.figures import TITLE, Looks, Point, draw_point, ratio_axis, ratio_span

ROW, BESIDE, BOTTOM, PER_BAND = 22.0, 62.0, 26.0, 5


@dataclass(frozen=True, slots=True)
class Mean:
    """A geometric mean, and the cases it covers of those timed."""

    point: Point
    covered: int
    total: int


def speed_panels(panels: Mapping[str, Sequence[Mean]], backends: Sequence[str], looks: Looks,
                 noise: float | None) -> Figure:  # fmt: skip
    """Draw ratios with their intervals, the cases covered beside each; left of 1 is faster."""
    across = min(PER_BAND, len(panels))
    bands = math.ceil(len(panels) / across)
    left = 20 + 7.4 * max(len(name) for name in backends)
    wide, tall = (style.WIDTH - left) / across, ROW * len(backends)
    band_tall = TITLE + tall + BOTTOM + 14
    span = ratio_span([mean.point for means in panels.values() for mean in means])
    with style.house_style():
        figure = style.canvas(bands * band_tall)
        for number, (title, means) in enumerate(panels.items()):
            band, column = divmod(number, across)
            top = band * band_tall + TITLE
            axes = style.place(figure, left + column * wide, top, wide - BESIDE, tall)
            ratio_axis(axes, span, "", noise, wide - BESIDE)
            axes.set_title(title)
            _name_rows(axes, backends if column == 0 else [""] * len(backends))
            for mean in means:
                row = backends.index(mean.point.backend) + 0.5
                draw_point(axes, mean.point, row, looks, span)
                axes.text(
                    1 + 8 / (wide - BESIDE), row, f"{mean.covered}/{mean.total}", color=style.SOFT,
                    transform=axes.get_yaxis_transform(), va="center_baseline", fontsize=10.5,
                )  # fmt: skip
    return figure


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_ylim(len(names), 0)
    axes.yaxis.set_major_locator(FixedLocator([i + 0.5 for i in range(len(names))]))
    axes.set_yticklabels(names)
    axes.tick_params(axis="y", length=0, labelcolor=style.INK, labelsize=11.5)
    axes.spines["left"].set_visible(False)
    for i in range(1, len(names)):
        axes.axhline(i, color=style.RULE, linewidth=0.6, zorder=0.5)
