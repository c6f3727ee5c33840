"""The scorecard as one picture, to be shared: a PNG beside the journal."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

import bakeoff
from bakeoff.errors import BakeoffError
from bakeoff.reporting import AdoptionMetric, ReportSection
from bakeoff.whole import write_whole
from bakeoff_reports import scores, style, words
from bakeoff_reports.analysis import Analysis, analyse, load
from bakeoff_reports.scorecard import card_of, parts_of
from bakeoff_reports.stacked import stacked

FILE_NAME = "scorecard.png"
DPI = 144  # twice the figures' own: sharp on any screen


def write(
    run_dir: Path, sections: Sequence[ReportSection], metrics: Sequence[AdoptionMetric]
) -> Path:
    """Write a run's scorecard beside its journal; return its path.

    Raises
    ------
    BakeoffError
        If there are no two backends with a result to be told apart.
    """
    drawn = draw(analyse(load(run_dir), metrics))
    if drawn is None:
        raise BakeoffError(
            f"report png: {run_dir} holds no two backends with a result, expected two or more to "
            "score; run further backends"
        )
    out = io.BytesIO()
    drawn.savefig(out, format="png", dpi=DPI, facecolor=style.PAPER)
    return write_whole(run_dir / FILE_NAME, out.getvalue())


def draw(analysis: Analysis) -> Figure | None:
    """Return the picture; None where there is nothing to score."""
    card = card_of(analysis)
    if card is None:
        return None
    return stacked(
        card.backends,
        parts_of(card),
        f"{words.count(len(card.backends), 'backend')}, "
        f"{words.count(len(analysis.cases), 'case')}, one score",
        _below(analysis.run.meta),
    )


def _below(meta: Mapping[str, Any]) -> str:
    """Say where and when it was measured, and by what: a score means nothing without."""
    cpu = (meta.get("machine") or {}).get("cpu")
    parts = [
        f"bakeoff {bakeoff.__version__}",
        f"on {cpu}" if isinstance(cpu, str) else "",
        str(meta.get("created", ""))[:10],
        scores.METHODS[0].title,
        "weights are an opinion: change them on the page",
    ]
    return "   ·   ".join(filter(None, parts))
