"""Options and consoles that commands share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from bakeoff import plugins
from bakeoff.commands.display import printable

RESULTS = Path("bakeoff-results")
F = TypeVar("F", bound=Callable[..., Any])


def out_console() -> Console:
    """Return the console for results; in a pipe or a file nothing is cut or wrapped."""
    console = Console(soft_wrap=True)
    return console if console.is_terminal else Console(soft_wrap=True, width=1000)


def err_console() -> Console:
    """Return the console for problems and progress."""
    return Console(stderr=True, soft_wrap=True)


def plugin_option(function: F) -> F:
    """Add ``--plugin``, which may be repeated."""
    option = click.option(
        "--plugin", "plugin", multiple=True, metavar="FILE_OR_MODULE",
        help="Load a plugin: a Python file or an importable module. May be repeated.",
    )  # fmt: skip
    return option(function)


def folder_argument(function: F) -> F:
    """Add the argument DIR, a run's folder."""
    argument = click.argument(
        "folder", metavar="[DIR]", default=RESULTS, type=click.Path(path_type=Path)
    )
    return argument(function)


def load_plugins(extra: Sequence[str]) -> plugins.Plugins:
    """Load the plugins; show those that failed, which stop nothing."""
    found = plugins.load(extra)
    console = err_console()
    for problem in found.problems:
        console.print(f"[yellow]problem:[/] {printable(problem)}", highlight=False)
    return found


def names(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Split what was given, possibly repeatedly, at commas."""
    return tuple(part.strip() for text in value for part in text.split(",") if part.strip())
