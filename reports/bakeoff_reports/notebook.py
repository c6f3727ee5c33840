"""A run's report in a notebook.

>>> from bakeoff_reports.notebook import show
>>> show("bakeoff-results")  # doctest: +SKIP
"""

import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from markupsafe import escape

from bakeoff import plugins
from bakeoff.reporting import ReportSection
from bakeoff_reports import markdown, page, words
from bakeoff_reports.analysis import Analysis, analyse, load

HEIGHT = 720  # pixels


class Shown:
    """A report that notebooks display: the page, or Markdown where they show no HTML.

    Attributes
    ----------
    analysis
        What the report is of; its ``cells`` are a pandas table.
    """

    def __init__(self, analysis: Analysis, sections: Sequence[ReportSection]) -> None:
        self.analysis = analysis
        self._sections = tuple(sections)

    @cached_property
    def html(self) -> str:
        """The whole page."""
        return page.render(self.analysis, self._sections)

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own origin: its script and style reach no further."""
        return (
            f'<iframe sandbox="allow-scripts" title="bakeoff report" width="100%" '
            f'height="{HEIGHT}" style="border:0" srcdoc="{escape(self.html)}"></iframe>'
        )

    def _repr_markdown_(self) -> str:
        return markdown.render(self.analysis, self._sections)

    def __repr__(self) -> str:
        cases = words.count(len(self.analysis.cases), "case")
        return f"<bakeoff report: {cases} on {', '.join(self.analysis.backends)}>"


def show(folder: str | Path = "bakeoff-results") -> Shown:
    """Return the report of the run in a folder, for a notebook to display.

    Raises
    ------
    JournalError
        If there is no run in the folder, or it is damaged.
    """
    run = load(Path(folder))
    found = plugins.load()
    for problem in found.problems:
        warnings.warn(f"bakeoff: {problem}", stacklevel=2)
    metrics = tuple(found.adoption_metrics.values())
    return Shown(analyse(run, metrics), tuple(found.report_sections.values()))
