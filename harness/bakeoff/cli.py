"""The command line: ``bakeoff run|list|report|export|env|doctor``.

Exit codes: 0 well, 1 a cell failed (``run``), 2 the command was wrong, 3 nothing could be
measured (``run``), 130 interrupted.
"""

import click

import bakeoff
from bakeoff.commands.display import printable
from bakeoff.commands.env import env_group
from bakeoff.commands.health import doctor_command
from bakeoff.commands.listing import list_group
from bakeoff.commands.options import err_console
from bakeoff.commands.results import export, report
from bakeoff.commands.run import INTERRUPTED, run
from bakeoff.errors import BakeoffError

USAGE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(bakeoff.__version__, prog_name="bakeoff")
def cli() -> None:
    """The same deep-learning workloads on every toolkit: right, fast, and is it real?"""


for command in (run, list_group, report, export, env_group, doctor_command):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit code. What a user can mend is told without a traceback."""
    try:
        code = cli.main(arguments, prog_name="bakeoff", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BakeoffError as error:
        err_console().print(f"[red]bakeoff:[/] {printable(str(error))}", highlight=False)
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        err_console().print("Interrupted.")
        return INTERRUPTED
