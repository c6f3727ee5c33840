"""`bakeoff env`: the environments of the backends."""

import json
from collections.abc import Collection, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import click
from rich.table import Table

from bakeoff.commands.display import in_room, printable
from bakeoff.commands.options import (
    backend_names,
    err_console,
    load_plugins,
    out_console,
    plugin_option,
)
from bakeoff.plan import USUAL_BACKENDS, choose_backends, every_on_cpu

if TYPE_CHECKING:
    from bakeoff.provisioning import Survey, Wanted

FAILED = 1


@click.group("env")
def env_group() -> None:
    """List, create or remove the environments in which backends run."""


@env_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_command(as_json: bool) -> None:
    """List the environments that are there, with their sizes."""
    from bakeoff import environments

    found = environments.list_environments()
    if as_json:
        click.echo(json.dumps([e.to_json() for e in found], indent=1))
        return
    table = Table(show_edge=False, pad_edge=False)
    for column in ("key", "Python", "MB", "created", "requirements"):
        table.add_column(column, justify="right" if column == "MB" else "left")
    for e in found:
        size = f"{e.size_bytes / 1e6:.0f}"
        cells = (e.key, e.python_version, size, e.created, in_room(e.requirements))
        table.add_row(*(printable(cell) for cell in cells))
    console = out_console()
    console.print(table)
    console.print(f"in {printable(str(environments.cache_folder()))}", highlight=False)


@env_group.command("create")
@click.argument("backends", nargs=-1, callback=backend_names)
@click.option("--all", "everything", is_flag=True, help="Of every backend of the processor.")
@plugin_option
def create_command(backends: tuple[str, ...], everything: bool, plugin: tuple[str, ...]) -> int:
    """Make the environments of BACKENDS (the usual ones) now, several at a time.

    A name may carry a version of its toolkit: "jax==0.9.*".

    Exit code 1 if one cannot be made; the others are made all the same.
    """
    from bakeoff import provisioning

    if backends and everything:
        raise click.UsageError("name backends or say --all, not both")
    known = load_plugins(plugin).backends
    usual = every_on_cpu(known) if everything else [b for b in USUAL_BACKENDS if b in known]
    found = provisioning.survey(choose_backends(backends or usual, known))
    console = err_console()
    for line in _announcement(found, provisioning.free_bytes()):
        console.print(line, highlight=False)
    ended: list[Wanted] = []
    with closing(
        provisioning.make(
            found.missing,
            progress=lambda line: console.print(printable(line), highlight=False),
        )
    ) as made:
        for one in made:
            ended.append(one)
            console.print(f"{len(ended)} of {len(found.missing)}: {_ending(one)}", highlight=False)
    everyone = (*found.there, *ended, *found.unavailable)
    out_console().print(_made_table(everyone, {w.key for w in found.there}))
    failed = [w for w in everyone if w.reason]
    for one in failed:
        console.print(f"[red]unavailable:[/] {printable(one.reason)}", highlight=False)
    return FAILED if failed else 0


def _announcement(found: "Survey", free: int) -> list[str]:
    """Say what is there, what is to be made, and how large that will be."""
    lines = []
    if found.there:
        lines.append(f"{_many(found.there)} there already, {_size(found.bytes_there)}")
    if found.missing:
        about = f"about {_size(found.bytes_expected)}, as their backends state"
        unknown = found.of_unknown_size
        if unknown == len(found.missing):
            about = "their sizes are not known"
        elif unknown:
            about += f", and {unknown} of unknown size"
        lines.append(f"{_many(found.missing)} to make: {about}; {_size(free)} free on the disk")
        if found.bytes_expected > free:
            lines.append("[yellow]problem:[/] that may not fit; BAKEOFF_CACHE_DIR moves the cache")
    return lines


def _many(wanted: "Sequence[Wanted]") -> str:
    backends = sum(len(w.backends) for w in wanted)
    return (
        f"{len(wanted)} environment{'' if len(wanted) == 1 else 's'} "
        f"of {backends} backend{'' if backends == 1 else 's'}"
    )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


def _ending(one: "Wanted") -> str:
    if one.made is None:
        return f"[red]{printable(one.names)} cannot be made[/]"
    return f"{printable(one.names)} ready, {_size(one.made.size_bytes)}"


def _made_table(wanted: "Sequence[Wanted]", there: Collection[str]) -> Table:
    """Return a row per environment, with the sizes measured, and their sum."""
    total = sum(w.made.size_bytes for w in wanted if w.made)
    table = Table(show_edge=False, pad_edge=False, show_footer=True)
    table.add_column("backends", "together", overflow="fold")
    table.add_column("environment")
    table.add_column("state")
    table.add_column("size", _size(total), justify="right")
    table.add_column("made in", justify="right")
    for w in wanted:
        name = printable(w.names)
        if w.made is None:
            table.add_row(name, w.key, "unavailable", "", "")
        else:
            state = "there" if w.key in there else "made"
            table.add_row(name, w.key, state, _size(w.made.size_bytes), f"{w.made.seconds:.0f} s")
    return table


@env_group.command("remove")
@click.argument("keys", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Remove every environment.")
def remove_command(keys: tuple[str, ...], everything: bool) -> None:
    """Remove environments by KEY (`bakeoff env list` shows them)."""
    from bakeoff import environments

    if not keys and not everything:
        raise click.UsageError("name environments to remove, or say --all")
    chosen = [e.key for e in environments.list_environments()] if everything else keys
    total = 0
    for key in chosen:
        freed = environments.remove(key)
        total += freed
        out_console().print(f"removed {printable(key)}, {_size(freed)}", highlight=False)
    if len(chosen) != 1:
        out_console().print(f"{len(chosen)} environments, {_size(total)}", highlight=False)
