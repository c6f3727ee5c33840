"""The section of error against time: what speed costs in precision, op by op."""

import math
from collections import defaultdict
from typing import Any

from bakeoff_reports import style, words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.cells import rows_of
from bakeoff_reports.content import Content, Figure, paragraph
from bakeoff_reports.pareto_panels import Result, front, pareto_panels
from bakeoff_reports.sections import unit

PER_SUITE = 6  # ops that are shown: more is a wall


def pareto(analysis: Analysis) -> Content:
    """Show the error against the time, op by op; nothing where neither is known."""
    found: dict[str, list[Result]] = {}
    for suite in analysis.suites:
        for op, its in results(analysis, suite).items():
            found[f"{op} ({suite})" if op in found else op] = its
    if not found:
        return ()
    lead = (
        "A toolkit can be fast by being less precise. Further left is faster, further down more "
        "precise; the steps join those that no other beats in both, and these are named."
    )
    return [paragraph(lead), _figure(analysis, found)]


def results(analysis: Analysis, suite: str) -> dict[str, list[Result]]:
    """Return each op's results on the backends, of ops that two or more computed.

    Of a long suite only the ops on whose cases the reference spends the most time.
    """
    rows: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in rows_of(analysis.cells[analysis.cells["suite"] == suite]):
        if row.time_ns > 0 and words.is_number(row.error_fraction):
            rows[_subject(analysis, row.case)][row.backend].append(row)
    found = {
        op: [r for b, its in by_backend.items() if (r := _result(analysis, b, its))]
        for op, by_backend in rows.items()
    }
    spent = {
        op: sum(row.time_ns for row in rows[op].get(analysis.reference, ()))
        for op, its in found.items()
        if len(its) > 1
    }
    chosen = sorted(spent, key=lambda op: -spent[op])[:PER_SUITE]
    return {op: its for op, its in found.items() if op in chosen}


def _subject(analysis: Analysis, case_id: str) -> str:
    """Return what a case is about: an op, or the kind of program it is."""
    case = analysis.cases[case_id]
    if case.program.kind == "training":
        return "training step"
    last = case.program.nodes[-1].op if case.program.nodes else case.name
    return str(case.tags.get("op", last))


def _result(analysis: Analysis, backend: str, rows: list[Any]) -> Result | None:
    """Return the mean ratio and the worst error of an op's cells on a backend."""
    is_reference = backend == analysis.reference
    logs = [math.log(row.ratio) for row in rows if row.ratio > 0]
    if not (logs or is_reference):
        return None
    ratio = 1.0 if is_reference else math.exp(math.fsum(logs) / len(logs))
    return Result(backend, ratio, max(row.error_fraction for row in rows))


def _figure(analysis: Analysis, found: dict[str, list[Result]]) -> Figure:
    return Figure(
        pareto_panels(found, style.series(analysis.backends), unit(analysis)),
        "Worst error as a share of its bound against the mean time of an op's cases, both axes "
        "logarithmic. Above the dashed line it is wrong, and drawn hollow; errors below 0.0001 "
        f"stand at it. Of each suite the ops are shown, at most {PER_SUITE}, that take "
        f"{analysis.reference} the longest.",
        f"Error against {unit(analysis)}. Beaten by none in both: "
        + "; ".join(
            f"{op}: "
            + ", ".join(
                f"{r.backend} {words.ratio(r.ratio)} at {words.fraction_of_bound(r.error)}"
                for r in front(its)
            )
            for op, its in found.items()
        )
        + ".",
    )
