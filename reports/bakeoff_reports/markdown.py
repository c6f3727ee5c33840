"""A run as Markdown, for a pull request: the page's sections without its figures.

Every text is escaped: it can neither become HTML or a link, nor mention anyone.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bakeoff.markdown import escape, row, rule
from bakeoff.reporting import AdoptionMetric, ReportSection
from bakeoff.whole import write_whole
from bakeoff_reports import content
from bakeoff_reports.analysis import Analysis, analyse, load
from bakeoff_reports.page import Built, built_sections

FILE_NAME = "report.md"

# Sections that a pull request has no room for: they stand on the page.
LEFT_OUT = ("adoption", "reading")

_FENCE = re.compile(r"`{3,}")


def write(
    run_dir: Path, sections: Sequence[ReportSection], metrics: Sequence[AdoptionMetric]
) -> Path:
    """Write a run's Markdown beside its journal; return its path."""
    return write_whole(run_dir / FILE_NAME, render(analyse(load(run_dir), metrics), sections))


def render(analysis: Analysis, sections: Sequence[ReportSection]) -> str:
    """Return the run as Markdown."""
    built = built_sections(analysis, sections)
    return assembled([section for section in built if section.name not in LEFT_OUT])


def assembled(built: Sequence[Built]) -> str:
    """Return sections that are built already as Markdown."""
    lines = ["# bakeoff report", ""]
    for section in built:
        lines += [f"## {escape(section.title)}", "", *blocks(section.blocks)]
    return "\n".join(lines).rstrip() + "\n"


def blocks(found: Iterable[content.Block]) -> Iterator[str]:
    """Yield the lines of blocks, each followed by an empty one; data have no place here."""
    for block in found:
        if not isinstance(block, content.Data):
            yield from _block(block)
            yield ""


def _block(block: content.Block) -> Iterator[str]:
    match block:
        case content.Paragraph():
            yield _spans(block)
        case content.Heading():
            yield f"{'#' * block.level} {escape(block.text)}"
        case content.Code():
            yield from (f"{escape(block.label)}:", "", *_fenced(block.text))
        case content.Bullets():
            yield from (f"- {_spans(item)}" for item in block.items)
        case content.Definitions():
            yield from (f"- **{escape(term)}**: {_spans(item)}" for term, item in block.items)
        case content.Figure():
            yield f"*{escape(block.alt)}*"
        case content.Table() if not block.filterable:
            yield from _table(block)
        case content.Table():
            yield from _folded(escape(block.caption), _table(block))
        case content.Scoreboard():
            yield from _scoreboard(block)
        case content.Details():
            yield from _folded(_html(block.summary), blocks(block.blocks))


def _folded(summary: str, lines: Iterable[str]) -> Iterator[str]:
    yield from (f"<details><summary>{summary}</summary>", "", *lines, "", "</details>")


def _fenced(text: str) -> list[str]:
    """Return text in a fence longer than any run of backticks in it."""
    longest = max((len(run) for run in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return [fence, *text.splitlines(), fence]


def _spans(item: content.Paragraph) -> str:
    return "".join(_span(span) for span in item.spans).strip()


def _span(span: content.Span) -> str:
    text = escape(span.text)
    if span.kind in ("strong", "chip") and text.strip():
        return f"**{text.strip()}**" + " " * text.endswith(" ")
    return text


def _html(item: content.Paragraph) -> str:
    """Return a summary line, which stands inside an HTML element."""
    return escape(content.plain(item))


def _table(table: content.Table) -> Iterator[str]:
    heads = [f"{c.title} ({c.note})" if c.note else c.title for c in table.columns]
    if any(group.title for group in table.groups):
        heads.insert(0, "Case")
    yield row(escape(head) for head in heads)
    numbers = [column.kind == "number" for column in table.columns]
    yield rule([False] * (len(heads) - len(numbers)) + numbers)
    for group in table.groups:
        for line in group.rows:
            cells = [_cell(cell) for cell in line]
            if len(heads) > len(cells):
                cells.insert(0, escape(group.title))
            yield row(cells)


def _scoreboard(board: content.Scoreboard) -> Iterator[str]:
    weights = [f"{w.title} (weight {w.value:g})" for w in board.weights]
    yield row(escape(head) for head in ("Place", "Backend", "Score", "Known", *weights))
    yield rule([True, False] + [True] * (2 + len(weights)))
    decimals = board.methods[0][2]
    for i, line in enumerate(board.rows):
        known, of = board.known(i)
        added = [f"{part:.{decimals}f}" for part in board.contributions(i)]
        score = f"{board.scores[i]:.{decimals}f}"
        yield row([str(board.places[i]), escape(line.name), score, f"{known} of {of}", *added])


def _cell(cell: content.Cell) -> str:
    return escape(f"{cell.text} [{cell.note}]" if cell.note else cell.text)
