"""The command `bakeoff`: all commands in one group."""

import click

import bakeoff
from bakeoff.commands.adoption import adoption_group
from bakeoff.commands.compare import compare_command
from bakeoff.commands.display import printable
from bakeoff.commands.env import env_group
from bakeoff.commands.health import doctor_command
from bakeoff.commands.history import history_command
from bakeoff.commands.listing import list_group
from bakeoff.commands.mcnemar import mcnemar_command
from bakeoff.commands.options import err_console
from bakeoff.commands.results import export, report
from bakeoff.commands.run import run
from bakeoff.commands.serve import serve_command
from bakeoff.errors import BakeoffError

USAGE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(bakeoff.__version__, prog_name="bakeoff")
def bakeoff_group() -> None:
    """The same deep-learning workloads on every toolkit: right, fast, and is it real?"""


for command in (
    run, list_group, report, serve_command, compare_command, history_command, mcnemar_command,
    export, adoption_group, env_group, doctor_command,
):  # fmt: skip
    bakeoff_group.add_command(command)


def execute(arguments: list[str] | None) -> int:
    """Run a command; return its exit code. What a user can mend is told without a traceback."""
    try:
        code = bakeoff_group.main(arguments, prog_name="bakeoff", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BakeoffError as error:
        err_console().print(f"[red]bakeoff:[/] {printable(str(error))}", highlight=False)
        return USAGE
    except click.Abort:  # click's name for Ctrl-C
        raise KeyboardInterrupt from None
