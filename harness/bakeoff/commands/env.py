"""`bakeoff env`: the environments of the backends."""

import json

import click
from rich.table import Table

from bakeoff.commands.display import printable
from bakeoff.commands.options import (
    backend_names,
    err_console,
    load_plugins,
    out_console,
    plugin_option,
)
from bakeoff.errors import EnvironmentFailure
from bakeoff.plan import USUAL_BACKENDS, choose_backends

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
        cells = (e.key, e.python_version, size, e.created, ", ".join(e.requirements))
        table.add_row(*(printable(cell) for cell in cells))
    console = out_console()
    console.print(table)
    console.print(f"in {printable(str(environments.cache_folder()))}", highlight=False)


@env_group.command("create")
@click.argument("backends", nargs=-1, callback=backend_names)
@plugin_option
def create_command(backends: tuple[str, ...], plugin: tuple[str, ...]) -> int:
    """Make the environments of BACKENDS (the usual ones) now; exit 1 if one cannot be made.

    A name may carry a version of its toolkit: "jax==0.9.*".
    """
    from bakeoff import environments

    known = load_plugins(plugin).backends
    console = err_console()
    failed = False
    usual = [b for b in USUAL_BACKENDS if b in known]
    for backend in choose_backends(backends or usual, known):
        name = printable(backend.name)
        try:
            made = environments.provide(
                backend, progress=lambda line: console.print(printable(line), highlight=False)
            )
        except EnvironmentFailure as failure:
            failed = True
            console.print(f"[red]{name}:[/] {printable(str(failure))}", highlight=False)
        else:
            out_console().print(f"{name}: {printable(made.key)}", highlight=False)
    return FAILED if failed else 0


@env_group.command("remove")
@click.argument("keys", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Remove every environment.")
def remove_command(keys: tuple[str, ...], everything: bool) -> None:
    """Remove environments by KEY (`bakeoff env list` shows them)."""
    from bakeoff import environments

    if not keys and not everything:
        raise click.UsageError("name environments to remove, or say --all")
    chosen = [e.key for e in environments.list_environments()] if everything else keys
    for key in chosen:
        freed = environments.remove(key)
        out_console().print(f"removed {printable(key)}, {freed / 1e6:.0f} MB", highlight=False)
