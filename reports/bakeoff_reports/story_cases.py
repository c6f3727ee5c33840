"""What the stories are told from: the cases of the suite `history`, and what their records hold."""

from collections.abc import Callable, Sequence

from bakeoff.case import Case
from bakeoff.record import Outcome, Record
from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.figures import Line

SUITE = "history"


def cases_of(analysis: Analysis, name: str) -> list[Case]:
    """Return the run's cases of a story."""
    return [c for c in analysis.run.cases if c.suite == SUITE and c.tags.get("story") == name]


def record_of(analysis: Analysis, case: Case, series: str) -> Record | None:
    """Return the first record that holds a series, the reference's before the others'."""
    found = (r for b in analysis.backends for r in analysis.ranking.records(case.id, b))
    return next((r for r in found if r.outcome.measured and r.series.get(series)), None)


def lines_of(
    analysis: Analysis, cases: Sequence[Case], series: str, name: Callable[[Case], str]
) -> dict[str, tuple[float, ...]]:
    """Return a series of each case that has one, by the case's name in the figure."""
    records = {name(c): record_of(analysis, c, series) for c in cases}
    return {k: r.series[series] for k, r in records.items() if r is not None}


def agreement(analysis: Analysis, cases: Sequence[Case]) -> str:
    """Say on how many backends all the cases are right, and what became of the rest."""
    right, wrong = [], []
    for backend in analysis.backends:
        outcomes = {analysis.ranking.outcome(c.id, backend) for c in cases}
        if outcomes <= {Outcome.OK, Outcome.CONTENDED}:
            right.append(backend)
        elif Outcome.MISMATCH in outcomes:
            wrong.append(backend)
    said = (
        "No backend came to it within its error bounds"
        if not right
        else f"{words.listed(right)} came to it within {'its' if len(right) == 1 else 'their'} "
        "error bounds"
    )
    rest = len(analysis.backends) - len(right) - len(wrong)
    parts = [f"; {words.listed(wrong)} did not"] if wrong else []
    parts += [f"; {words.count(rest, 'other')} did not run all of it"] if rest else []
    return f"{said}{''.join(parts)}."


def over_steps(name: str, values: Sequence[float]) -> Line:
    """Return values as a line that begins at 1."""
    return Line(name, list(range(1, len(values) + 1)), list(values))
