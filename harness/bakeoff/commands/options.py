"""Options and consoles that commands share."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from bakeoff import plugins, sources, variants
from bakeoff.commands.display import printable
from bakeoff.export import Contents

RESULTS = Path("bakeoff-results")
WIDE = 1000  # columns: what no table reaches
F = TypeVar("F", bound=Callable[..., Any])


class Unread(Console):
    """A console whose reader may leave (``| head``): what is under way goes on in silence."""

    def on_broken_pipe(self) -> None:
        """Be quiet from now on, also when Python flushes the stream at its end."""
        self.quiet = True
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, self.file.fileno())
        os.close(devnull)


def out_console() -> Console:
    """Return the console for results; in a pipe or a file nothing is cut or wrapped."""
    console = Unread(soft_wrap=True)
    return console if console.is_terminal else Unread(soft_wrap=True, width=WIDE)


def err_console() -> Console:
    """Return the console for problems and progress."""
    return Unread(stderr=True, soft_wrap=True)


def tell_problems(problems: Iterable[object]) -> None:
    """Show what went wrong and stops nothing."""
    console = err_console()
    for problem in problems:
        console.print(f"[yellow]problem:[/] {printable(str(problem))}", highlight=False)


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
    tell_problems(found.problems)
    return found


def read_run(path: Path, salvaging: bool = False) -> Contents:
    """Return a run's contents; show what is not whole or not known in them."""
    contents = sources.read(path, salvaging)
    tell_problems(f"{path}: {problem}" for problem in contents.problems)
    return contents


def names(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Split what was given, possibly repeatedly, at commas."""
    found = tuple(part.strip() for text in value for part in text.split(",") if part.strip())
    return _something(found, context, parameter, value)


def backend_names(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Split as `names` does, but leave version specifiers whole: ``jax>=0.9,<0.10``."""
    return _something(variants.names_in(value), context, parameter, value)


def _something(
    found: tuple[str, ...], context: click.Context, parameter: click.Parameter,
    value: tuple[str, ...],
) -> tuple[str, ...]:  # fmt: skip
    if value and not found:
        raise click.BadParameter(
            f"{','.join(value)!r} names nothing, expected A,B", context, parameter
        )
    return found
