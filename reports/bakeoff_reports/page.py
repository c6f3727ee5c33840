"""A run as one HTML file that asks the network for nothing.

Texts may come from anywhere (toolkits, logs, plugins), so that the template escapes all
of them, and a content security policy allows only the page's own style sheet and scripts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

import bakeoff
from bakeoff.reporting import AdoptionMetric, ReportSection, resolve
from bakeoff.whole import write_whole
from bakeoff_reports import assets, content, svg, words
from bakeoff_reports.analysis import Analysis, analyse, load

FILE_NAME = "report.html"
MOST_IN_TITLE = 8  # names; more are no title


def write(
    run_dir: Path, sections: Sequence[ReportSection], metrics: Sequence[AdoptionMetric]
) -> Path:
    """Write a run's page beside its journal; return its path."""
    return write_whole(run_dir / FILE_NAME, render(analyse(load(run_dir), metrics), sections))


def render(analysis: Analysis, sections: Sequence[ReportSection], *, scripted: bool = True) -> str:
    """Return the page; not ``scripted``, it is what a reader without JavaScript sees."""
    created = str(analysis.run.meta.get("created", ""))
    built = built_sections(analysis, sections)
    return assembled(_title(analysis), built, created, scripted=scripted)


def assembled(
    title: str, built: "Sequence[Built]", created: str = "", *, scripted: bool = True
) -> str:
    """Return a page of sections that are built already."""
    template = _environment().from_string(assets.text("page.html.j2"))
    sheet, scripts = assets.sheet(), assets.scripts() if scripted else []
    return template.render(
        title=title,
        policy=assets.policy(sheet, scripts),
        sheet=Markup(sheet),
        scripts=[Markup(script) for script in scripts],
        sections=built,
        version=bakeoff.__version__,
        created=created,
        draw=_Drawer(),
    )


@dataclass(frozen=True, slots=True)
class Built:
    """A section with its content, ready for a template."""

    name: str
    title: str
    blocks: Sequence[content.Block]
    headings: tuple[content.Heading, ...]


def built_sections(analysis: Analysis, sections: Sequence[ReportSection]) -> list[Built]:
    """Build the sections in their order; one that fails says so in its place.

    A section that has nothing to say of this run is left out.
    """
    result = []
    for section in sorted(sections, key=lambda s: s.order):
        try:
            blocks = tuple(resolve(section.build)(analysis))
        except Exception as error:  # a plugin's section must not cost its users the page
            blocks = (
                content.paragraph(
                    content.chip("section failed", "bad"),
                    f" {section.build} raised {type(error).__name__}: {error}",
                ),
            )
        if not blocks:
            continue
        anchors = tuple(b for b in blocks if isinstance(b, content.Heading) and b.anchor)
        result.append(Built(section.name, section.title, blocks, anchors))
    return result


def _title(analysis: Analysis) -> str:
    others = [b for b in analysis.backends if b != analysis.reference]
    if len(others) > MOST_IN_TITLE:
        return f"{len(others)} backends against {analysis.reference}"
    return f"{words.listed(others)} against {analysis.reference}" if others else analysis.reference


@dataclass(slots=True)
class _Drawer:
    """Gives each figure ids of its own."""

    numbers: Any = field(default_factory=lambda: count(1))

    def __call__(self, figure: content.Figure) -> Markup:
        return Markup(svg.inline(figure.drawing, f"f{next(self.numbers)}", figure.alt))


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(assets.text),
    )
    environment.filters["sort_key"] = _sort_key
    environment.filters["packed"] = assets.packed
    environment.tests["block"] = lambda block, kind: type(block).__name__ == kind
    return environment


def _sort_key(cell: content.Cell) -> Markup:
    """Return ``=key``, or nothing where the cell's own text is the key."""
    if cell.sort == cell.text:
        return Markup("")
    if isinstance(cell.sort, str):
        return Markup('="{}"').format(cell.sort)
    return Markup("={}").format(min(f"{cell.sort:.6g}", f"{cell.sort:.4g}", key=len))
