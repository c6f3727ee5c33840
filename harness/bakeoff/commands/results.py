"""`bakeoff report` and `bakeoff export`: what can be made of a run's journal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bakeoff import adoption
from bakeoff import export as exporting
from bakeoff.commands.display import printable
from bakeoff.commands.options import (
    RESULTS,
    folder_argument,
    load_plugins,
    out_console,
    plugin_option,
    read_run,
)
from bakeoff.errors import BakeoffError, PluginError, UsageError
from bakeoff.journal import FILE_NAME
from bakeoff.plan import choose
from bakeoff.plugins import Plugins
from bakeoff.reporting import ReportFormat, resolve


def write_report(folder: Path, plugins: Plugins, format: str) -> Path:
    """Write a run's report; return where it is.

    Raises
    ------
    UsageError
        If no plugin offers the format.
    BakeoffError
        If the journal cannot be read, or the report's code fails.
    """
    return _written(_format(plugins, format).write, plugins, format, folder)


def write_merged(folders: Sequence[Path], target: Path, plugins: Plugins, format: str) -> Path:
    """Write one report of several runs; return where it is.

    Raises
    ------
    UsageError
        If a run is named twice, no plugin offers the format, or it holds one run only.
    BakeoffError
        If a journal cannot be read, or the report's code fails.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UsageError(f"report: {', '.join(map(str, folders))}: a run is named twice")
    write = _format(plugins, format).write_several
    if not write:
        able = [name for name, f in plugins.report_formats.items() if f.write_several]
        raise UsageError(
            f"report: the format {format} holds one run; expected {' or '.join(able)} for several"
        )
    return _written(write, plugins, format, folders, target)


def _format(plugins: Plugins, name: str) -> ReportFormat:
    choose("report format", [name], plugins.report_formats)
    return plugins.report_formats[name]


def _written(function: str, plugins: Plugins, format: str, *where: Any) -> Path:
    write = resolve(function)
    sections = sorted(plugins.report_sections.values(), key=lambda s: (s.order, s.name))
    try:
        return Path(write(*where, sections, list(plugins.adoption_metrics.values())))
    except BakeoffError:
        raise
    except Exception as error:  # a plugin's code
        raise PluginError(
            f"report {format}: {type(error).__name__}: {error}; the results are not touched"
        ) from error


@click.command("report")
@click.argument("folders", metavar="[DIR]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "format", default="html", show_default=True,
              help="html, pdf, png, md, csv, json, parquet, verdicts, or a plugin's.")  # fmt: skip
@click.option("--pdf", is_flag=True, help="Short for --format pdf.")
@click.option("--adoption", "own", type=click.Path(path_type=Path), metavar="FILE",
              help="Your own figures of adoption, in CSV; kept beside the journal.")  # fmt: skip
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False),
              help="File for several runs' report.  [default: bakeoff-report.FORMAT]")  # fmt: skip
@plugin_option
def report(
    folders: tuple[Path, ...], format: str, pdf: bool, own: Path | None, to: Path | None,
    plugin: tuple[str, ...],
) -> None:  # fmt: skip
    """Write the report of the run in DIR (bakeoff-results), beside its journal.

    Of several runs, of one machine or many, one report: each run's speeds stay its own, and
    how right each backend was stands side by side.
    """
    format = "pdf" if pdf else format
    if len(folders) > 1:
        if own:
            raise UsageError("report: --adoption is for one run; give it to each run's own report")
        target = to or Path(f"bakeoff-report.{format}")
        path = write_merged(folders, target, load_plugins(plugin), format)
    else:
        if to:
            raise UsageError("report: --to is for several runs; the report of one is in its folder")
        folder = folders[0] if folders else RESULTS
        if own:
            _keep_adoption(own, folder)
        path = write_report(folder, load_plugins(plugin), format)
    out_console().print(f"Report: {printable(str(path))}", highlight=False)


def _keep_adoption(own: Path, folder: Path) -> None:
    """Keep a user's figures beside the journal of a run."""
    figures = adoption.read(own)
    if (folder / FILE_NAME).is_file():
        adoption.write(folder / adoption.FILE_NAME, figures)


@click.command("export")
@folder_argument
@click.option("--format", "format", type=click.Choice(list(exporting.WRITERS)), default="csv",
              show_default=True)  # fmt: skip
@click.option("--to", type=click.Path(path_type=Path, file_okay=False),
              help="Folder for the files.  [default: DIR/export]")  # fmt: skip
@click.option("--salvage", is_flag=True, help="Write what is whole in a damaged journal.")
def export(folder: Path, format: str, to: Path | None, salvage: bool) -> None:
    """Write the records of the run in DIR (bakeoff-results) as tables.

    DIR may be a JSON file of pytest-benchmark, or a folder of such files. The format
    pytest-benchmark writes them, one per process round.
    """
    contents = read_run(folder, salvage)
    beside = folder if folder.is_dir() else folder.parent
    for path in exporting.export(contents, to or beside / "export", format):
        out_console().print(printable(str(path)), highlight=False)
