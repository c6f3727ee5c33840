"""The section of adoption: how many use a toolkit, as others counted it, with date and source."""

from collections.abc import Sequence
from importlib.resources import files

from bakeoff import adoption as figures
from bakeoff.adoption import AdoptionFigure
from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.content import (
    Bullets,
    Cell,
    Column,
    Content,
    Group,
    Row,
    Span,
    Table,
    code,
    paragraph,
    strong,
)

Kind = tuple[str, str]  # measure, unit


def bundled() -> tuple[AdoptionFigure, ...]:
    """Return the figures that bakeoff carries: each was read at its source."""
    text = files("bakeoff_reports").joinpath(figures.FILE_NAME).read_text(encoding="utf-8")
    return figures.parse(text, f"the bundled {figures.FILE_NAME}")


def adoption(analysis: Analysis) -> Content:
    """Show the user's own figures, or those that bakeoff carries."""
    own = analysis.run.adoption
    found = figures.parse(own, figures.FILE_NAME) if own else bundled()
    if not found:
        return ()
    sources = tuple(dict.fromkeys(f.source for f in found))
    return [
        paragraph(
            strong("Counted by others, not measured here, and in no score above. "),
            "Each figure stands with its date and its source; figures of different dates do not "
            "compare. ",
            *_whence(own),
        ),
        _table(analysis, found, sources),
        Bullets(tuple(paragraph(f"[{i}] ", code(url)) for i, url in enumerate(sources, 1))),
    ]


def _whence(own: str) -> tuple[str | Span, ...]:
    if own:
        return ("They come from the file that was given with ", code("--adoption"), ".")
    return (
        "bakeoff carries these few, old as they are, since each could be read at its source. "
        "Newer ones: ",
        code("bakeoff adoption refresh"),
        ", then ",
        code("bakeoff report --adoption adoption.csv"),
        "; or a file of your own.",
    )


def _table(analysis: Analysis, found: Sequence[AdoptionFigure], sources: Sequence[str]) -> Table:
    kinds = tuple(dict.fromkeys((f.measure, f.unit) for f in found))
    here = _toolkits(analysis)
    toolkits = sorted(dict.fromkeys(f.toolkit for f in found), key=lambda t: t.lower() not in here)
    return Table(
        caption="Adoption, as of the dates given",
        columns=(
            Column("Toolkit"),
            *(Column(measure, "number", unit) for measure, unit in kinds),
        ),
        groups=(Group("", tuple(_row(t, kinds, found, sources, here) for t in toolkits)),),
        sortable=True,
    )


def _toolkits(analysis: Analysis) -> set[str]:
    """Return the toolkits of the run, as declared and as they call themselves."""
    declared = [str(b.get("toolkit", "")) for b in analysis.run.meta.get("backends", ())]
    named = [e.toolkit for e in analysis.environments.values()]
    return {name.lower() for name in (*declared, *named)}


def _row(
    toolkit: str,
    kinds: Sequence[Kind],
    found: Sequence[AdoptionFigure],
    sources: Sequence[str],
    here: set[str],
) -> Row:
    note = "in this run" if toolkit.lower() in here else ""
    mine = [f for f in found if f.toolkit == toolkit]
    by_kind = ([f for f in mine if (f.measure, f.unit) == kind] for kind in kinds)
    return (Cell(toolkit, note, sort=toolkit), *(_cell(f, sources) for f in by_kind))


def _cell(found: Sequence[AdoptionFigure], sources: Sequence[str]) -> Cell:
    """Return the newest figure, and below it its date and source, and those before it."""
    if not found:
        return Cell(words.NONE)
    newest, *earlier = sorted(found, key=lambda f: f.date, reverse=True)
    notes = [
        _dated(newest, sources),
        *(f"{written(f.value)} as of {_dated(f, sources)}" for f in earlier),
    ]
    return Cell(written(newest.value), "; ".join(notes), sort=newest.value)


def _dated(figure: AdoptionFigure, sources: Sequence[str]) -> str:
    date = figure.date.replace("-", "\N{NON-BREAKING HYPHEN}")
    return f"{date} [{sources.index(figure.source) + 1}]"


def written(value: float) -> str:
    """Return a number whole or as it was given."""
    text = f"{value:,.0f}" if value == int(value) else f"{value:.10g}"
    return text.replace(",", words.NARROW)
