"""The section on what did not work: every cell without a good result, with its reason."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from bakeoff.record import Outcome
from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.cells import rows_of
from bakeoff_reports.commands import command
from bakeoff_reports.content import (
    Block,
    Bullets,
    Code,
    Content,
    Details,
    Heading,
    chip,
    code,
    muted,
    paragraph,
    strong,
)
from bakeoff_reports.sections import first_line

# Most alarming first: a wrong answer before none.
ORDER = (
    Outcome.MISMATCH, Outcome.CRASHED, Outcome.OUT_OF_MEMORY, Outcome.TIMEOUT, Outcome.ERROR,
    Outcome.CONTENDED, Outcome.UNAVAILABLE, Outcome.UNSUPPORTED, Outcome.INTERRUPTED,
)  # fmt: skip


def failures(analysis: Analysis) -> Content:
    """List the cells that are not ok, like ones together, each openable."""
    blocks: list[Block] = []
    for outcome, groups in groupby(_groups(analysis), key=lambda group: group.outcome):
        word = words.OUTCOME_WORDS[outcome]
        blocks.append(Heading(word.capitalize(), 3))
        blocks.append(paragraph(muted(f"{words.OUTCOME_MEANINGS[outcome].capitalize()}.")))
        blocks += [_story(analysis, group) for group in groups]
    problems = analysis.run.meta.get("problems") or []
    if problems:
        blocks.append(Heading("Plugins that could not be used", 3))
        blocks.append(Bullets(tuple(paragraph(words.without_folders(p)) for p in problems)))
    if not blocks:
        return [
            paragraph(chip("all ok", "good"), " Every planned cell ran to its end and is right.")
        ]
    return blocks


def anchors(analysis: Analysis) -> dict[tuple[str, str], str]:
    """Return where each cell that is not ok, by case and backend, is told of in this section."""
    return {
        (str(row.case), str(row.backend)): group.anchor
        for group in _groups(analysis)
        for row in group.rows
    }


class _Alike(NamedTuple):
    """Cells of one outcome that have their story in common."""

    anchor: str
    outcome: Outcome
    rows: Sequence[Any]


def _groups(analysis: Analysis) -> list[_Alike]:
    found = [(outcome, rows) for outcome in ORDER for rows in _alike(analysis, outcome)]
    return [_Alike(f"failure-{i}", *group) for i, group in enumerate(found, 1)]


def _alike(analysis: Analysis, outcome: Outcome) -> list[list[Any]]:
    """Return the cells of an outcome, grouped by backend and reason."""
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in rows_of(analysis.cells):
        if row.outcome is outcome:
            distinct = str(row.case) if outcome is Outcome.MISMATCH else ""
            groups.setdefault((str(row.backend), f"{row.reason}{distinct}"), []).append(row)
    return list(groups.values())


def _story(analysis: Analysis, group: _Alike) -> Details:
    anchor, outcome, rows = group
    first = rows[0]
    where = first.case if len(rows) == 1 else words.count(len(rows), "cell")
    blocks: list[Block] = []
    if first.reason:
        blocks.append(Code(first.reason, "Reason"))
    if words.is_number(first.error_fraction) and first.error_fraction > 1:
        blocks.append(
            paragraph(
                "Worst in output ", code(first.error_output), ": error ",
                words.scientific(first.error), ", bound ", words.scientific(first.error_bound),
                f" ({first.error_kind}): {words.fraction_of_bound(first.error_fraction)} times "
                "what is allowed.",
            )
        )  # fmt: skip
    log = next((row.log for row in rows if row.log), "")
    if log:
        blocks.append(Code(log, "End of the worker's log"))
    if len(rows) > 1:
        blocks.append(Bullets(tuple(paragraph(code(str(row.case))) for row in rows)))
    pattern = str(first.case) if len(rows) == 1 else _pattern([str(row.case) for row in rows])
    blocks.append(Code(command(analysis, pattern, [first.backend]), "Run it again"))
    return Details(
        paragraph(
            chip(words.OUTCOME_WORDS[outcome], words.OUTCOME_TONES[outcome]),
            " ", strong(first.backend), f" · {where} ", muted(first_line(first.reason, 120)),
        ),
        tuple(blocks),
        anchor=anchor,
    )  # fmt: skip


def _pattern(cases: Sequence[str]) -> str:
    """Return a glob that holds the cases: their suite if it is one, else all."""
    found = {case.partition("/")[0] for case in cases}
    return f"{found.pop()}/*" if len(found) == 1 else "*"
