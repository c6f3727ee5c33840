"""One report of several runs, of one machine or many.

Only times of one run compare, so that each run has a part of its own, and no ratio, mean or
figure holds two. How right a backend was needs no clock: that stands side by side. A part has
the sections that say what a run found; every cell is on the run's own page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bakeoff.record import Outcome
from bakeoff.reporting import AdoptionMetric, ReportSection
from bakeoff.whole import write_whole
from bakeoff_reports import markdown, page, words
from bakeoff_reports.analysis import Analysis, analyse, load
from bakeoff_reports.cells import rows_of
from bakeoff_reports.commands import in_lines
from bakeoff_reports.content import (
    Block,
    Cell,
    Code,
    Column,
    Group,
    Heading,
    Row,
    Table,
    paragraph,
)
from bakeoff_reports.page import Built, built_sections
from bakeoff_reports.suite_figures import draw_suite

PARTS = ("headline", "coverage", "speeds", "pareto", "roofline", "environment")
MOST_ROWS = 200

Sections = Sequence[ReportSection]
Metrics = Sequence[AdoptionMetric]


@dataclass(frozen=True, slots=True)
class Part:
    """One run of the report; ``name`` is its folder's."""

    name: str
    folder: Path
    analysis: Analysis


def write_html(folders: Sequence[Path], target: Path, sections: Sections, metrics: Metrics) -> Path:
    """Write the runs' page; return its path."""
    parts = read(folders, metrics)
    return write_whole(target, page.assembled(title(parts), built(parts, sections)))


def write_markdown(
    folders: Sequence[Path], target: Path, sections: Sections, metrics: Metrics
) -> Path:
    """Write the runs' Markdown; return its path."""
    return write_whole(target, markdown.assembled(built(read(folders, metrics), sections)))


def read(folders: Sequence[Path], metrics: Metrics) -> list[Part]:
    """Return the runs in the order given, each under a name that no other has."""
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    return [
        Part(name, folder, analyse(load(folder), metrics))
        for name, folder in zip(names, folders, strict=True)
    ]


def title(parts: Sequence[Part]) -> str:
    return f"{words.count(len(parts), 'run')}: {words.listed([part.name for part in parts])}"


def built(parts: Sequence[Part], sections: Sections) -> list[Built]:
    """Return a section on what the runs are and how right, then one of each run."""
    chosen = [s for s in sections if s.name in PARTS]
    return [
        Built("runs", "The runs", (_lead(), _machines(parts)), ()),
        Built("correctness", "Right, run by run", tuple(_correctness(parts)), ()),
        *(_built(f"run-{number}", part, chosen) for number, part in enumerate(parts, 1)),
    ]


def _lead() -> Block:
    return paragraph(
        "Times compare within a run only: nothing here ranks one machine against another. Each "
        "run has a part of its own, with its own reference and noise floor."
    )


def _machines(parts: Sequence[Part]) -> Table:
    columns = [Column("Run"), Column("Machine"), Column("Reference"), Column("Backends", "number"),
               Column("Noise floor", "number")]  # fmt: skip
    return Table("The runs", tuple(columns), (Group("", tuple(map(_machine, parts))),))


def _machine(part: Part) -> Row:
    machine = part.analysis.run.meta.get("machine") or {}
    noise = part.analysis.noise_floor
    return (
        Cell(part.name, str(part.analysis.run.meta.get("created", ""))),
        Cell(str(machine.get("cpu") or "not recorded"), str(machine.get("os") or "")),
        Cell(part.analysis.reference),
        Cell(str(len(part.analysis.backends))),
        Cell(words.NONE if noise is None else f"±{100 * noise:.1f}{words.NARROW}%"),
    )


def _correctness(parts: Sequence[Part]) -> Iterator[Block]:
    backends = dict.fromkeys(b for part in parts for b in part.analysis.backends)
    columns = (Column("Backend"), *(Column(p.name, "number", "right, of planned") for p in parts))
    lines = tuple((Cell(b), *(_right(p.analysis, b) for p in parts)) for b in backends)
    yield Table("How right each backend was, run by run", columns, (Group("", lines),))
    unlike = list(_unlike(parts))
    if not unlike:
        yield paragraph("Every cell that two runs have in common ended alike in both.")
        return
    heads = (Column("Cell"), Column("Backend"), *(Column(p.name) for p in parts))
    yield Table("Cells that ended differently", heads, (Group("", tuple(unlike[:MOST_ROWS])),))
    if len(unlike) > MOST_ROWS:
        yield paragraph(f"And {len(unlike) - MOST_ROWS} more.")


def _right(analysis: Analysis, backend: str) -> Cell:
    if backend not in analysis.backends:
        return Cell(words.NONE)
    outcomes = list(analysis.of(backend)["outcome"])
    right, wrong = outcomes.count(Outcome.OK), outcomes.count(Outcome.MISMATCH)
    note = words.count(wrong, "mismatch", "mismatches") if wrong else ""
    return Cell(f"{right}/{len(outcomes)}", note, "bad" if wrong else "")


def _unlike(parts: Sequence[Part]) -> Iterator[Row]:
    """Yield a row per cell whose outcome is another in another run."""
    found: dict[tuple[str, str], dict[int, Outcome]] = {}
    for number, part in enumerate(parts):
        for row in rows_of(part.analysis.cells):
            found.setdefault((str(row.case), str(row.backend)), {})[number] = row.outcome
    for (case, backend), by_run in found.items():
        if len(set(by_run.values())) > 1:
            yield (Cell(case), Cell(backend), *(_outcome(by_run.get(i)) for i in range(len(parts))))


def _outcome(outcome: Outcome | None) -> Cell:
    if outcome is None:
        return Cell("not planned", tone="none")
    return Cell(words.OUTCOME_WORDS[outcome], tone=words.OUTCOME_TONES[outcome], chip=True)


def _built(name: str, part: Part, sections: Sections) -> Built:
    """Return a run's part: the sections' own headings one level down, all anchors its own."""
    blocks: list[Block] = []
    for section in built_sections(part.analysis, sections):
        blocks.append(Heading(section.title, 3, f"{name}-{section.name}"))
        blocks += [_lowered(block, name) for block in section.blocks]
    for suite in part.analysis.suites:
        blocks += [Heading(f"Suite {suite}", 3, f"{name}-suite-{suite}")]
        blocks += draw_suite(part.analysis, suite)
    own = in_lines(["bakeoff", "report", words.without_folders(str(part.folder))])
    blocks.append(Code(own, "Every cell of this run, on a page of its own"))
    anchors = tuple(b for b in blocks if isinstance(b, Heading) and b.level == 3)
    return Built(name, part.name, blocks, anchors)


def _lowered(block: Block, name: str) -> Block:
    if not isinstance(block, Heading):
        return block
    return replace(block, level=4, anchor=f"{name}-{block.anchor}" if block.anchor else "")
