"""What all pictures share: their paper, and axes of ratios."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from bakeoff.statistics import MINIMUM_EFFECT
from bakeoff_reports.style import BAND, INK, PAPER, RULE, SERIES

WIDTH = 840  # pixels: a page of GitHub's is not wider, so that nothing is made smaller
BLUE, ORANGE, GREEN, PURPLE = SERIES[:4]

Data = Mapping[str, Any]

# Text as outlines: a picture in a page brings no typeface along.
RC: Any = {"svg.fonttype": "path", "svg.hashsalt": "bakeoff", "savefig.facecolor": PAPER}


def svg(figure: Figure) -> str:
    """Return the figure on its own paper, text as outlines, one unit a CSS pixel."""
    target = io.StringIO()
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    width, height = (round(72 * side) for side in figure.get_size_inches())
    head, _, rest = target.getvalue().partition("<svg ")
    tag, _, rest = rest.partition(">")
    sizes = {f'width="{width}pt"': f'width="{width}"', f'height="{height}pt"': f'height="{height}"'}
    for old, new in sizes.items():
        tag = tag.replace(old, new)
    return "".join(line.rstrip() + "\n" for line in f"{head}<svg {tag}>{rest}".splitlines())


def _percent(value: float) -> str:
    whole = round(100 * value)
    return f"{whole:+d} %".replace("-", "−") if whole else "0 %"


def in_percent(axis: Any, steps: Sequence[float]) -> None:
    """Label an axis of logs at these ratios less one."""
    axis.set_major_locator(FixedLocator([math.log1p(s) for s in steps]))
    axis.set_major_formatter(FuncFormatter(lambda v, _: _percent(math.expm1(v))))


def title(axes: Axes, text: str) -> None:
    """Set the title: what the picture shows, in a sentence."""
    axes.set_title(text, color=INK)


def margin_band(axes: Axes, across: bool = False) -> None:
    """Shade the ratios that are taken for no difference."""
    edge = math.log1p(MINIMUM_EFFECT)
    (axes.axhspan if across else axes.axvspan)(-edge, edge, color=BAND, lw=0)
    (axes.axhline if across else axes.axvline)(0, color=RULE, lw=1)


def steps(reach: float) -> list[float]:
    """Return ratios less one at which to label an axis that reaches so far."""
    size = next((s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if reach / s < 5), 1.0)
    return [size * i for i in range(-9, 10) if size * i > -1]
