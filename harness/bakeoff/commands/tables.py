"""How comparisons are shown: tables for a terminal and for a pull request, numbers for both."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

from rich import table as rich_table
from rich.console import Console

from bakeoff import markdown
from bakeoff.commands.display import printable
from bakeoff.statistics import Interval


class Table(NamedTuple):
    """A table; columns whose head begins with one of ``numbers`` stand to the right."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: tuple[str, ...]

    def is_number(self, head: str) -> bool:
        return head.startswith(self.numbers)


def show(title: str, tables: Iterable[Table], lines: Iterable[str], console: Console) -> None:
    """Print a title, tables, and lines below them, for people."""
    console.print(printable(title), highlight=False)
    for table in tables:
        shown = rich_table.Table(
            title=table.title, title_justify="left", show_edge=False, pad_edge=False
        )
        for head in table.heads:
            justify: Any = "right" if table.is_number(head) else "left"
            shown.add_column(printable(head), justify=justify, overflow="fold")
        for row in table.rows:
            shown.add_row(*(printable(cell) for cell in row))
        console.print()
        console.print(shown)
    console.print()
    for line in lines:
        console.print(printable(line), highlight=False)


def as_markdown(
    title: str, conclusion: str, tables: Iterable[Table], lines: Iterable[str]
) -> Iterator[str]:
    """Yield the lines of the same for a pull request, the conclusion first."""
    yield f"## {markdown.escape(title)}"
    yield from ("", f"**{markdown.escape(conclusion)}**", "")
    for table in tables:
        yield from (f"### {table.title}", "", markdown.row(map(markdown.escape, table.heads)))
        yield markdown.rule(table.is_number(head) for head in table.heads)
        yield from (markdown.row(markdown.escape(cell) for cell in row) for row in table.rows)
        yield ""
    yield from (f"- {markdown.escape(line)}" for line in lines)


def ratio_words(speed: Interval | None) -> tuple[str, str]:
    """Return a ratio and its interval in figures; dashes for none."""
    if speed is None:
        return "–", "–"
    known = isfinite(speed.half_width)
    return f"{speed.ratio:.3f}", f"{speed.low:.3f} to {speed.high:.3f}" if known else "unknown"


def ratio_json(speed: Interval) -> Mapping[str, Any]:
    """Return a ratio and its interval as JSON data."""
    return {
        "ratio": number_json(speed.ratio),
        "low": number_json(speed.low),
        "high": number_json(speed.high),
        "rounds": speed.rounds,
    }


def cells(count: int) -> str:
    """Return a number of cells in words.

    >>> cells(1), cells(20)
    ('1 cell', '20 cells')
    """
    return f"{count} cell{'' if count == 1 else 's'}"


def number_json(value: float | None) -> float | str | None:
    """Return a number as JSON data; those that JSON lacks as strings, as in exports."""
    if value is None or isfinite(value):
        return value
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
