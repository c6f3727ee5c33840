"""The section of speeds: each backend's geometric mean, of every suite and of all."""

import math

from bakeoff_reports import figures, style
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.content import Content, Figure, paragraph
from bakeoff_reports.figures import Point
from bakeoff_reports.sections import unit
from bakeoff_reports.speed_panels import Mean, speed_panels


def speeds(analysis: Analysis) -> Content:
    """Show the geometric means by suite; nothing of a run without ranked cells."""
    found = [mean for b in analysis.backends if (mean := mean_speed(analysis, b))]
    if not found:
        return ()
    order = [m.point.backend for m in sorted(found, key=lambda m: m.point.ratio)]
    panels = {"all": found}
    if len(analysis.suites) > 1:
        for suite in analysis.suites:
            means = [mean for b in order if (mean := mean_speed(analysis, b, suite))]
            panels |= {suite: means} if means else {}
    noise = analysis.noise_floor
    figure = Figure(
        speed_panels(panels, order, style.series(analysis.backends), noise),
        f"Geometric mean of {unit(analysis)}, with 95 % intervals over process rounds, the fastest "
        "first; beside each, the cases it covers of those timed."
        + (" The shaded band is the noise floor." if noise else ""),
        f"Geometric mean of {unit(analysis)}. "
        + " ".join(
            f"{title}: {', '.join(figures.describe_ratio(m.point) for m in means)}."
            for title, means in panels.items()
        ),
    )
    lead = "How fast each is on average, over cases that both it and the reference got right."
    return [paragraph(lead), figure]


def mean_speed(analysis: Analysis, backend: str, suite: str | None = None) -> Mean | None:
    """Return a backend's mean; None of the reference, and where nothing was ranked."""
    if backend == analysis.reference:
        return None
    found = analysis.aggregate(backend, suite)
    interval = found.interval
    if not found.covered or math.isnan(interval.ratio):
        return None
    point = Point(backend, interval.ratio, interval.low, interval.high)
    return Mean(point, found.covered, found.total)
