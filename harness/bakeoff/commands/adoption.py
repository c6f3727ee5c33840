"""`bakeoff adoption refresh`: figures of adoption from public endpoints, into a file."""

from datetime import UTC, datetime
from pathlib import Path

import click

from bakeoff import adoption
from bakeoff.adoption_refresh import asking, merged, refresh
from bakeoff.adoption_sources import SOURCES
from bakeoff.commands.display import printable
from bakeoff.commands.options import out_console, tell_problems
from bakeoff.errors import BakeoffError


@click.group("adoption")
def adoption_group() -> None:
    """Figures of adoption: stars, downloads, questions, papers."""


@adoption_group.command("refresh")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False),
              default=Path(adoption.FILE_NAME), show_default=True,
              help="The file; figures in it that are not had anew stay.")  # fmt: skip
def adoption_refresh(out: Path) -> None:
    """Ask GitHub, PyPI Stats, Stack Exchange and OpenAlex for today's figures.

    Each question is asked once, a few dozen in all; some sources allow so many an hour.
    """
    earlier = adoption.read(out) if out.exists() else ()
    with asking() as ask:
        found = refresh(ask, f"{datetime.now(UTC):%Y-%m-%d}", SOURCES)
    tell_problems(found.problems)
    if not found.figures:
        raise BakeoffError(
            f"adoption refresh: no figure could be had; {out} is not touched. "
            "Try again with a network; reports show the figures that bakeoff carries"
        )
    adoption.write(out, merged(earlier, found.figures))
    out_console().print(
        f"{len(found.figures)} figures: {printable(str(out))}\n"
        f"On the page: bakeoff report --adoption {printable(str(out))}",
        highlight=False,
    )
