"""What a section of the page is made of: plain data that every format can render.

Nothing here holds HTML. Texts are texts, whatever they contain: the page escapes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.figure import Figure as Drawing

Tone = Literal["", "good", "warn", "bad", "none"]
SpanKind = Literal["plain", "strong", "muted", "code", "chip"]


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text. A ``chip`` is an outcome or verdict: a word with a ``tone``."""

    text: str
    kind: SpanKind = "plain"
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section; ``level`` 3 or 4. ``anchor`` makes it a link target."""

    text: str
    level: Literal[3, 4] = 3
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Lines to be copied, or a log's tail."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class Definitions:
    """Terms and what they mean or hold."""

    items: tuple[tuple[str, Paragraph], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A matplotlib figure; ``alt`` says in words what it shows."""

    drawing: Drawing
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; ``note`` stands small under the title (a unit, a convention)."""

    title: str
    kind: Literal["text", "number"] = "text"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell.

    Attributes
    ----------
    text, note
        The value, and what is muted beside it (an interval).
    tone, chip
        Colour, always beside a word; as a chip where the cell is one word.
    sort
        What sorting goes by; None sorts last.
    bar
        Length of a bar behind a number, 0 to 1.
    story
        In the first cell of a row: which of the page's stories the row belongs to.
    link
        The anchor that the text leads to.
    """

    text: str
    note: str = ""
    tone: Tone = ""
    chip: bool = False
    sort: float | str | None = None
    bar: float | None = None
    story: int | None = None
    link: str = ""


Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under a common heading; ``more`` opens below the heading."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""
    more: "tuple[Block, ...]" = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Its first column holds the row headers."""

    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    sortable: bool = False
    filterable: bool = False


@dataclass(frozen=True, slots=True)
class Weight:
    """A column of a scoreboard, and what it weighs to begin with."""

    title: str
    value: float


@dataclass(frozen=True, slots=True)
class Points:
    """A row of a scoreboard: which columns are known, and by method the points of each."""

    name: str
    known: tuple[bool, ...]
    by_method: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Rows with scores from weights, which the reader may change where scripts run.

    ``methods`` are name, title and decimals; ``places`` and ``scores`` those of the first
    with the weights given, in the order of the rows.
    """

    caption: str
    methods: tuple[tuple[str, str, int], ...]
    weights: tuple[Weight, ...]
    rows: tuple[Points, ...]
    places: tuple[int, ...]
    scores: tuple[float, ...]

    def contributions(self, row: int) -> tuple[float, ...]:
        """Return what each column adds to a row's score."""
        method = self.methods[0][0]
        total = sum(w.value for w in self.weights)
        pairs = zip(self.weights, self.rows[row].by_method[method], strict=True)
        return tuple(w.value * points / total for w, points in pairs)

    def known(self, row: int) -> tuple[int, int]:
        """Return of how many columns that weigh a row's value is known, and how many weigh."""
        pairs = zip(self.weights, self.rows[row].known, strict=True)
        of = [known for w, known in pairs if w.value > 0]
        return sum(of), len(of)


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks behind a summary line, opened without JavaScript.

    ``anchor`` makes what is behind the line a link target: who follows the link finds it open.
    """

    summary: Paragraph
    blocks: "tuple[Block, ...]"
    open: bool = False
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Data:
    """What one of the page's scripts reads, from the element ``data-{name}``; nothing is shown.

    ``value`` is JSON data without NaN or infinities. It is never run, whatever it holds.
    """

    name: str
    value: Any


Block = (
    Paragraph
    | Heading
    | Code
    | Bullets
    | Definitions
    | Figure
    | Table
    | Scoreboard
    | Details
    | Data
)
Content = Sequence[Block]


def paragraph(*pieces: str | Span) -> Paragraph:
    """Return a paragraph of plain texts and spans."""
    return Paragraph(tuple(Span(p) if isinstance(p, str) else p for p in pieces))


def strong(text: str) -> Span:
    return Span(text, "strong")


def muted(text: str) -> Span:
    return Span(text, "muted")


def code(text: str) -> Span:
    return Span(text, "code")


def chip(text: str, tone: Tone) -> Span:
    return Span(text, "chip", tone)


def plain(item: Paragraph) -> str:
    """Return a paragraph's text without its marks."""
    return "".join(span.text for span in item.spans)
