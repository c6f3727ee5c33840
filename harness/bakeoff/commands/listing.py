"""`bakeoff list`: what there is. Imports no toolkit."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import click
from packaging.requirements import Requirement
from rich.table import Table

from bakeoff.case import EVERY_PRESET
from bakeoff.commands.display import in_room, printable
from bakeoff.commands.options import (
    load_plugins,
    names,
    out_console,
    plugin_option,
    tell_problems,
)
from bakeoff.interface import Backend
from bakeoff.plan import collect_cases
from bakeoff.settings import Settings
from bakeoff.variants import toolkit_requirement

Row = dict[str, Any]


@click.group("list")
def list_group() -> None:
    """List backends, suites, cases or ops."""


def _json_option(function: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="For programs.")(function)


@list_group.command("backends")
@_json_option
@plugin_option
def list_backends(as_json: bool, plugin: tuple[str, ...]) -> None:
    """List the registered backends; --json says all that each installs."""
    backends = load_plugins(plugin).backends.values()
    rows = [
        asdict(b) | ({} if as_json else {"requirements": in_room(_toolkit_first(b))})
        for b in backends
    ]
    _show(rows, ("name", "title", "device", "requirements", "python", "summary"), as_json)


def _toolkit_first(backend: Backend) -> list[str]:
    toolkit = toolkit_requirement(backend)
    name = toolkit.name if toolkit else ""
    return sorted(backend.requirements, key=lambda r: Requirement(r).name != name)


@list_group.command("suites")
@_json_option
@plugin_option
def list_suites(as_json: bool, plugin: tuple[str, ...]) -> None:
    """List the registered suites."""
    rows = [
        {"name": s.name, "title": s.title, "summary": s.summary}
        for s in load_plugins(plugin).suites.values()
    ]
    _show(rows, ("name", "title", "summary"), as_json)


@list_group.command("cases")
@click.option("--preset", type=click.Choice(EVERY_PRESET), default="quick", show_default=True)
@click.option("--suites", multiple=True, callback=names, metavar="A,B")
@click.option("--cases", multiple=True, metavar="GLOB")
@_json_option
@plugin_option
def list_cases(
    preset: Any, suites: tuple[str, ...], cases: tuple[str, ...], as_json: bool,
    plugin: tuple[str, ...],
) -> None:  # fmt: skip
    """List the cases of a preset."""
    found, problems = collect_cases(
        Settings(preset=preset, suites=suites, cases=cases), load_plugins(plugin).suites
    )
    tell_problems(problems)
    rows = [
        {"id": c.id, "title": c.title, "dtype": c.dtype, "asks": c.program.kind,
         "timed": c.timed, "includes": c.includes, "tags": dict(c.tags)}
        for c in found
    ]  # fmt: skip
    _show(rows, ("id", "dtype", "asks", "title"), as_json)


@list_group.command("ops")
@_json_option
def list_ops(as_json: bool) -> None:
    """List the op catalogue."""
    from bakeoff.ops import OPS

    rows = [
        {"name": op.name, "family": op.family, "signature": f"{op.name}({op.signature})",
         "differentiable": [op.tensors[i] for i in op.differentiable], "bound": op.bound,
         "source": op.source}
        for op in OPS.values()
    ]  # fmt: skip
    _show(rows, ("family", "signature", "differentiable", "source"), as_json)


def _show(rows: Sequence[Row], columns: Iterable[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(list(rows), indent=1))
        return
    table = Table(show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(printable(_text(row[column])) for column in columns))
    out_console().print(table)


def _text(value: Any) -> str:
    return ", ".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)
