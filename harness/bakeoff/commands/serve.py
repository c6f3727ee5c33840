"""`bakeoff serve`: a run's page in the browser, live while the run goes on."""

import os
from functools import partial
from pathlib import Path

import click

from bakeoff.commands.display import printable
from bakeoff.commands.options import (
    err_console,
    folder_argument,
    load_plugins,
    out_console,
    plugin_option,
    tell_problems,
)
from bakeoff.commands.results import write_report
from bakeoff.live import LivePage
from bakeoff.serving import LOOPBACK, Server

POLITE = 10  # more than a run's workers: theirs is the processor


@click.command("serve")
@folder_argument
@click.option("--host", default=LOOPBACK, show_default=True,
              help="Address to listen at; at 0.0.0.0 others can read the page.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=8642, show_default=True,
              help="Port to listen at; 0 takes a free one.")  # fmt: skip
@plugin_option
def serve_command(folder: Path, host: str, port: int, plugin: tuple[str, ...]) -> None:
    """Show the page of the run in DIR (bakeoff-results), live while the run goes on.

    The page follows the journal; it is drawn only while somebody looks, in at most a tenth of
    a core. Ctrl-C ends it, with exit code 0.
    """
    plugins = load_plugins(plugin)
    write = partial(write_report, plugins=plugins, format="html")
    page = LivePage(folder, write, lambda problem: tell_problems([problem]))
    with Server(page, host, port) as server:
        page.current()  # what is wrong with the folder is said at once
        os.nice(POLITE)
        told = f"{printable(str(folder))} at {server.address}"
        out_console().print(f"Serving {told} until Ctrl-C", highlight=False)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            err_console().print("Ended.", highlight=False)
