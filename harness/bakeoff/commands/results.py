"""`bakeoff report` and `bakeoff export`: what can be made of a run's journal."""

from pathlib import Path

import click

from bakeoff import adoption
from bakeoff import export as exporting
from bakeoff.commands.display import printable
from bakeoff.commands.options import (
    folder_argument,
    load_plugins,
    out_console,
    plugin_option,
    read_run,
)
from bakeoff.errors import BakeoffError, PluginError
from bakeoff.journal import FILE_NAME
from bakeoff.plan import choose
from bakeoff.plugins import Plugins
from bakeoff.reporting import resolve


def write_report(folder: Path, plugins: Plugins, format: str) -> Path:
    """Write a run's report; return where it is.

    Raises
    ------
    UsageError
        If no plugin offers the format.
    BakeoffError
        If the journal cannot be read, or the report's code fails.
    """
    choose("report format", [format], plugins.report_formats)
    write = resolve(plugins.report_formats[format].write)
    sections = sorted(plugins.report_sections.values(), key=lambda s: (s.order, s.name))
    try:
        return Path(write(folder, sections, list(plugins.adoption_metrics.values())))
    except BakeoffError:
        raise
    except Exception as error:  # a plugin's code
        raise PluginError(
            f"report {format}: {type(error).__name__}: {error}; the results are not touched"
        ) from error


@click.command("report")
@folder_argument
@click.option("--format", "format", default="html", show_default=True, help="A report format.")
@click.option("--pdf", "format", flag_value="pdf", help="Short for --format pdf.")
@click.option("--adoption", "own", type=click.Path(path_type=Path), metavar="FILE",
              help="Your own figures of adoption, in CSV; kept beside the journal.")  # fmt: skip
@plugin_option
def report(folder: Path, format: str, own: Path | None, plugin: tuple[str, ...]) -> None:
    """Write the report of the run in DIR (bakeoff-results)."""
    if own:
        figures = adoption.read(own)
        if (folder / FILE_NAME).is_file():
            adoption.write(folder / adoption.FILE_NAME, figures)
    path = write_report(folder, load_plugins(plugin), format)
    out_console().print(f"Report: {printable(str(path))}", highlight=False)


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
