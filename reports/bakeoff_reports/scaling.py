"""The section on cost against size: time over size, and the exponents, backend by backend."""

import math
from collections.abc import Iterator, Mapping, Sequence

from bakeoff.record import Outcome
from bakeoff.scaling import Exponent, Family, exponent, families, largest, slope
from bakeoff_reports import figures, style, words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.content import (
    Block,
    Cell,
    Column,
    Content,
    Figure,
    Group,
    Heading,
    Row,
    Table,
    paragraph,
)
from bakeoff_reports.figures import Line
from bakeoff_reports.suite_figures import PASS_WORDS

MOST_PANELS = 6  # of a figure; the table holds every family
SIZE_WORDS = {"n": "size n", "batch": "batch size"}

Times = Mapping[float, Mapping[int, float]]  # size → process round → ns


def scaling(analysis: Analysis) -> Content:
    """Show how time grows with size; nothing where no cases differ in a size alone."""
    there = [f for f in families(analysis.run.cases) if _lines(analysis, f)]
    if not there:
        return []
    blocks: list[Block] = [
        paragraph(
            "Cases that are alike but for one size. The exponent is the slope of log time over "
            "log size, with its 95 % interval over process rounds. Small sizes cost what a call "
            "costs; where it leads says the slope between the two largest, beside that of the "
            "operations themselves."
        )
    ]
    for suite in dict.fromkeys(f.suite for f in there):
        mine = [f for f in there if f.suite == suite]
        blocks.append(Heading(_title(analysis, suite), 3, f"scaling-{suite}"))
        blocks += [_figure(analysis, size, mine) for size in dict.fromkeys(f.size for f in mine)]
        blocks.append(_table(analysis, mine))
    return blocks


def _title(analysis: Analysis, suite: str) -> str:
    known = {s["name"]: s["title"] for s in analysis.run.meta.get("suites", ())}
    return str(known.get(suite, suite))


def _times(analysis: Analysis, family: Family, backend: str) -> Times:
    """Return the times of the sizes that are right, by process round."""
    return {
        n: times
        for n, case in family.cases.items()
        if analysis.ranking.outcome(case.id, backend) in (Outcome.OK, Outcome.CONTENDED)
        and (times := analysis.ranking.times(case.id, backend))
    }


def _lines(analysis: Analysis, family: Family) -> list[Line]:
    found = {b: _medians(_times(analysis, family, b)) for b in analysis.backends}
    return [Line(b, list(p), [ns / 1e6 for ns in p.values()]) for b, p in found.items() if p]


def _medians(times: Times) -> dict[float, float]:
    return {n: sorted(rounds.values())[len(rounds) // 2] for n, rounds in times.items()}


def _figure(analysis: Analysis, size: str, there: Sequence[Family]) -> Figure:
    mine = [f for f in there if f.size == size][:MOST_PANELS]
    drawing = figures.curves(
        {_name(f): _lines(analysis, f) for f in mine},
        style.series(analysis.backends), SIZE_WORDS[size], "ms per call",
    )  # fmt: skip
    return Figure(
        drawing,
        f"Time per call against {SIZE_WORDS[size]}, both axes logarithmic: a straight line is a "
        "power, and its slope the exponent.",
        "Exponents of time: "
        + "; ".join(
            f"{_name(f)}: "
            + ", ".join(f"{b} {e.value:.2f}" for b, e in _exponents(analysis, f).items())
            for f in mine
        )
        + ".",
    )


def _exponents(analysis: Analysis, family: Family) -> dict[str, Exponent]:
    """Return the exponent of each backend that has all sizes."""
    found = {}
    for backend in analysis.backends:
        times = _times(analysis, family, backend)
        if len(times) == len(family.cases) and (e := exponent(times)):
            found[backend] = e
    return found


def _name(family: Family) -> str:
    """Return what sets a family apart, in the words of its tags."""
    tags = dict(family.tags)
    asked = str(tags.pop("pass", ""))
    parts = [str(tags[k]) for k in ("shape", "op", "optimizer", "dtype") if k in tags]
    return ", ".join([*parts, PASS_WORDS.get(asked, asked)])


def _table(analysis: Analysis, there: Sequence[Family]) -> Table:
    return Table(
        caption="Exponents of time over size",
        columns=(
            Column("Backend"),
            Column("Exponent", "number", "over all sizes"),
            Column("At the end", "number", "between the two largest"),
            Column("Operations", "number", "between the same"),
            Column("Rounds", "number"),
        ),
        groups=tuple(_group(analysis, family) for family in there),
    )


def _group(analysis: Analysis, family: Family) -> Group:
    sizes = ", ".join(f"{n:g}" for n in family.cases)
    rows = tuple(_rows(analysis, family))
    return Group(_name(family), rows, note=f"{SIZE_WORDS[family.size]} {sizes}")


def _rows(analysis: Analysis, family: Family) -> Iterator[Row]:
    ends = largest(family.cases)
    operations = slope({n: family.flops[n] for n in ends})
    for backend, over_all in _exponents(analysis, family).items():
        times = _times(analysis, family, backend)
        at_end = exponent({n: times[n] for n in ends})
        yield (
            Cell(backend),
            _cell(over_all),
            _cell(at_end),
            Cell(f"{operations:.2f}"),
            Cell(str(over_all.rounds)),
        )


def _cell(found: Exponent | None) -> Cell:
    if found is None:
        return Cell(words.NONE)
    known = math.isfinite(found.low)
    note = f"{found.low:.2f} to {found.high:.2f}" if known else "one round"
    return Cell(f"{found.value:.2f}", note, sort=found.value)
