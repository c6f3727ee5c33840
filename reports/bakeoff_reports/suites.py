"""The sections of the suites: a figure each, and a table with the outcome of every cell."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from bakeoff.case import Case
from bakeoff.record import Outcome
from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.cells import rows_of
from bakeoff_reports.commands import quoted
from bakeoff_reports.content import (
    Block,
    Cell,
    Column,
    Content,
    Details,
    Group,
    Heading,
    Row,
    Table,
    code,
    paragraph,
    strong,
)
from bakeoff_reports.device_views import device_views
from bakeoff_reports.failures import anchors
from bakeoff_reports.sections import first_line
from bakeoff_reports.stories import stories
from bakeoff_reports.suite_figures import draw_suite


def suites(analysis: Analysis) -> Content:
    """Show each suite of the run: what it is, its figures, its cells."""
    blocks: list[Block] = []
    known_suites = {s["name"]: s for s in analysis.run.meta.get("suites", ())}
    for suite in analysis.suites:
        about = known_suites.get(suite, {})
        blocks.append(Heading(str(about.get("title") or suite), 3, f"suite-{suite}"))
        if about.get("summary"):
            blocks.append(paragraph(str(about["summary"])))
        if usual := _usual(analysis, suite):
            blocks.append(
                paragraph(strong("A time includes, if its case says nothing else: "), usual)
            )
        blocks += draw_suite(analysis, suite)
        blocks += [table(analysis, suite), _kept_apart(analysis, suite)]
    return [*blocks, stories(analysis)]


def _usual(analysis: Analysis, suite: str) -> str:
    """Return what most cases of a suite say that their time includes, told once for all."""
    said = Counter(c.includes for c in analysis.run.cases if c.suite == suite and c.includes)
    return said.most_common(1)[0][0] if said.total() > 1 else ""


def table(analysis: Analysis, suite: str) -> Table:
    """Return a suite's cells: a group per case, a row per backend."""
    cells = analysis.cells[analysis.cells["suite"] == suite]
    told, usual = anchors(analysis), _usual(analysis, suite)
    reference = analysis.reference
    return Table(
        caption=f"Every cell of the suite {suite}",
        columns=(
            Column("Backend"),
            Column("Outcome"),
            Column("Time", "number", "per call"),
            Column(f"× {reference}", "number", f"time ÷ {reference}'s; below 1 is faster"),
            Column("Verdict"),
            Column("Error", "number", "of its bound; ≤ 1 is right"),
            Column("Remark"),
        ),
        groups=tuple(
            _group(analysis, analysis.cases[case], list(rows), told, usual)
            for case, rows in groupby(rows_of(cells), key=lambda row: str(row.case))
        ),
        sortable=True,
        filterable=True,
    )


Anchors = Mapping[tuple[str, str], str]


def _group(analysis: Analysis, case: Case, rows: Sequence[Any], told: Anchors, usual: str) -> Group:
    includes = case.includes or "What the time includes was not stated by the suite."
    more: list[Block] = [
        *([] if includes == usual else [paragraph(includes)]),
        *device_views(analysis, rows),
        # the whole command in each case would be a tenth of the page; a cell's story has it
        paragraph(
            "To run it again: ",
            code(f"--cases {quoted(case.id)}"),
            " with the command of “How to reproduce”.",
        ),
    ]
    return Group(
        title=case.name,
        note=case.title if case.title != case.name else "",
        rows=tuple(_row(analysis, row, told.get((row.case, row.backend), "")) for row in rows),
        more=tuple(more),
    )


def _row(analysis: Analysis, row: Any, anchor: str) -> Row:
    outcome: Outcome = row.outcome
    is_reference = row.backend == analysis.reference
    return (
        Cell(row.backend, sort=row.backend, story=row.Index),
        Cell(
            words.OUTCOME_WORDS[outcome],
            tone=words.OUTCOME_TONES[outcome],
            chip=True,
            sort=list(Outcome).index(outcome),
        ),
        Cell(words.duration(row.time_ns), sort=known(row.time_ns)),
        _ratio(row, is_reference),
        Cell(row.verdict, tone=words.VERDICT_TONES.get(row.verdict, ""), sort=row.verdict or None)
        if row.verdict
        else Cell("reference" if is_reference and outcome.measured else words.NONE, tone="none"),
        Cell(
            words.fraction_of_bound(row.error_fraction),
            tone="bad" if row.error_fraction > 1 else "",
            sort=known(row.error_fraction),
        ),
        Cell(_remark(row), link=anchor),
    )


def _ratio(row: Any, is_reference: bool) -> Cell:
    if is_reference or not words.is_number(row.ratio):
        return Cell(words.NONE)
    note = words.interval(row.ratio, row.ratio_low, row.ratio_high)
    text = words.ratio(row.ratio, row.ratio_low, row.ratio_high)
    return Cell(
        text, note or "one round", tone="none" if row.unranked else "", sort=float(row.ratio)
    )


def _remark(row: Any) -> str:
    parts = [] if row.outcome is Outcome.OK else [first_line(row.reason)]
    if row.outcome is Outcome.OK and row.unranked:
        parts.append(row.unranked)
    if row.undecided.startswith("beyond"):
        parts.append(row.undecided)
    if row.remarks and row.remarks not in row.unranked:
        parts.append(row.remarks)
    if words.is_number(row.accuracy):
        parts.append(f"accuracy {100 * row.accuracy:.1f}{words.NARROW}%")
    if words.is_number(row.time_to_target_ns):
        parts.append(f"target reached after {words.duration(row.time_to_target_ns)}")
    return "; ".join(filter(None, parts))


def known(value: float) -> float | None:
    """Return a number to sort by, or None for a missing one."""
    return None if math.isnan(value) else float(value)


def _kept_apart(analysis: Analysis, suite: str) -> Details:
    """Return what is kept apart from the time per call: the start, memory, spacing of errors."""
    cells = analysis.cells[analysis.cells["suite"] == suite]
    ran = [row for row in rows_of(cells) if row.outcome.measured]
    table = Table(
        caption=f"Kept apart from the time per call, of the suite {suite}",
        columns=(
            Column("Backend"),
            Column("Of ceiling", "number", "which binds"),
            Column("Compile", "number"),
            Column("First call", "number"),
            Column("Transfer", "number"),
            Column("Peak memory", "number"),
            Column("Rounds", "number"),
            Column("ULP", "number", "greatest; 99 % below"),
        ),
        groups=tuple(
            Group(analysis.cases[case].name, tuple(_apart(row) for row in rows))
            for case, rows in groupby(ran, key=lambda row: str(row.case))
        ),
    )
    return Details(paragraph("Compiling, first call, transfer, memory, ceiling, ULP"), (table,))


def _apart(row: Any) -> Row:
    return (
        Cell(row.backend, story=row.Index),
        Cell(words.percent(row.ceiling_fraction), row.ceiling),
        Cell(words.duration(row.compile_ns)),
        Cell(words.duration(row.first_call_ns)),
        Cell(words.duration(row.transfer_ns)),
        Cell(
            words.size(row.peak_rss_bytes),
            "since the worker's start" if row.peak_is_of_program == 0 else "",
        ),
        Cell(f"{row.rounds:.0f}"),
        Cell(words.ulps(row.ulp_max), "" if math.isnan(row.ulp_p99) else words.ulps(row.ulp_p99)),
    )
