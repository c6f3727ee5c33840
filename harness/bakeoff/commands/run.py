"""`bakeoff run`."""

import shlex
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from bakeoff import machine
from bakeoff.case import EVERY_PRESET
from bakeoff.ceilings import in_journal
from bakeoff.cli import INTERRUPTED
from bakeoff.commands.display import (
    display_for,
    noise_line,
    printable,
    short_time,
    summary_table,
    warning_lines,
)
from bakeoff.commands.options import (
    RESULTS,
    backend_names,
    err_console,
    load_plugins,
    names,
    out_console,
    plugin_option,
    tell_problems,
)
from bakeoff.commands.results import write_report
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.examiner import Examiner, OracleExaminer, oracle_for
from bakeoff.interface import Backend
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.plan import Plan
from bakeoff.plugins import Plugins
from bakeoff.ranking import settings_of
from bakeoff.runner import Result, Run
from bakeoff.seating import Provided
from bakeoff.sessions import begin, reserved, resume, set_aside
from bakeoff.settings import Settings
from bakeoff.summary import Summary, summarise


@click.command("run")
@click.option(
    "--preset",
    type=click.Choice(EVERY_PRESET),
    default="quick",
    show_default=True,
    help="How many cases, and for how long; museum: a few on every backend of the processor.",
)
@click.option(
    "--backends",
    multiple=True,
    callback=backend_names,
    metavar="A,B",
    help="Backends; the first is the reference of all ratios. A name may carry a version of its "
    "toolkit: 'jax==0.9.*,jax==0.10.*'.  [default: the usual; museum: all]",
)
@click.option(
    "--suites", multiple=True, callback=names, metavar="A,B", help="Suites.  [default: all]"
)
@click.option(
    "--cases",
    multiple=True,
    metavar="GLOB",
    help="Only cases whose id matches, such as 'matmul/*float64*'. May be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    show_default=True,
    help="Folder of the results.",
)
@click.option(
    "--threads",
    type=int,
    default=1,
    show_default=True,
    help="Threads of every backend. With one, workers are pinned to one core.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of inputs and order.")
@click.option(
    "--max-time",
    type=float,
    metavar="S",
    help="Seconds of measuring; the first round is completed in any case.",
)
@click.option(
    "--half-width",
    type=float,
    metavar="W",
    help="What is known to this is measured no more: 0.01 for ±1 %. 0: run every round.",
)
@click.option(
    "--timeout",
    type=float,
    metavar="S",
    help="Seconds after which a request to a worker counts as hung.",
)
@click.option(
    "--in-place", is_flag=True, help="Use the toolkits of this Python; make no environments."
)
@click.option(
    "--resume",
    "resumed",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Measure what the run in DIR lacks. Other options are its own.",
)
@click.option("--no-report", is_flag=True, help="Write no report page.")
@plugin_option
def run(resumed: Path | None, out: Path, no_report: bool, **options: Any) -> int:
    """Measure cases on backends, and write the report.

    \b
    Exit codes:
      0    every cell is ok, or could not be run for a stated reason
      1    a cell mismatched, failed, crashed, hung or ran out of memory
      2    the command was wrong, or a file or folder it needs cannot be used
      3    nothing could be measured
      130  interrupted; what was measured is kept
    """
    plugins = load_plugins(_plugin_names(resumed, options["plugin"]))
    console = err_console()
    settings = _settings(options)
    with ExitStack() as stack:
        if resumed is not None:
            out = resumed
            stack.enter_context(reserved(out))
            journal, kept, plan = resume(out, plugins)
            _tell_what_is_not_applied(settings, kept)
            settings = kept
        else:
            journal, plan = begin(settings, plugins, out, lambda: _make_room(out, console, stack))
            tell_problems(plan.problems)
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, _interrupt))
        with journal:
            result = _measure(journal, settings, plan, plugins, console)
            records = list(journal.records())
            found = settings_of(journal.meta, journal.environments(), records)
            half_width = settings.pace.half_width
            ceilings = in_journal(journal.meta)
            summary = summarise(plan.cases, found, records, half_width, ceilings)
        _tell(summary, result, half_width)
        if not no_report:
            _report(out, plugins)
    if result.ending == "interrupted":
        command = shlex.join(["bakeoff", "run", "--resume", str(out)])
        console.print(
            f"Interrupted. Everything measured is kept; go on with: {printable(command)}",
            highlight=False,
        )
        return INTERRUPTED
    return summary.exit_code()


def _plugin_names(resumed: Path | None, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the plugins to load: a resumed run's too."""
    if resumed is None:
        return given
    with Journal(resumed / FILE_NAME) as journal:
        before = tuple(journal.meta["settings"].get("plugins", ()))
    return tuple(dict.fromkeys((*before, *given)))


def _settings(options: dict[str, Any]) -> Settings:
    ours = len(machine.allowed_cpus())
    if options["threads"] > ours:
        raise UsageError(
            f"threads {options['threads']}, expected at most {ours}: the processors of this process"
        )
    return Settings(
        preset=options["preset"],
        backends=options["backends"],
        suites=options["suites"],
        cases=options["cases"],
        threads=options["threads"],
        seed=options["seed"],
        in_place=options["in_place"],
        plugins=tuple(
            str(Path(p).resolve()) if p.endswith(".py") else p for p in options["plugin"]
        ),
        max_time_s=options["max_time"],
        timeout_s=options["timeout"],
        half_width=options["half_width"],
    )


def _tell_what_is_not_applied(asked: Settings, applied: Settings) -> None:
    """Name the options given with --resume that differ from the run's own."""
    context = click.get_current_context()
    names = {"max_time": "max_time_s", "timeout": "timeout_s"}
    ignored = [
        f"--{option.replace('_', '-')}"
        for option in context.params
        if context.get_parameter_source(option) is ParameterSource.COMMANDLINE
        and hasattr(asked, field := names.get(option, option))
        and getattr(asked, field) != getattr(applied, field)
    ]
    if ignored:
        tell_problems([f"not applied: {', '.join(ignored)}; a resumed run keeps its own options"])


def _make_room(out: Path, console: Console, stack: ExitStack) -> None:
    """Reserve the folder; what an earlier run left in it is moved aside, and that is said."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        stack.enter_context(reserved(out))
        kept = set_aside(out)
    except OSError as error:
        raise UsageError(
            f"--out {out}: {error.strerror}; expected a folder that can be written to"
        ) from error
    if kept is not None:
        console.print(f"An earlier run is kept in {printable(str(kept))}", highlight=False)


def _measure(
    journal: Journal, settings: Settings, plan: Plan, plugins: Plugins, console: Console
) -> Result:
    def provide(backend: Backend, progress: Callable[[str], None]) -> Provided:
        from bakeoff import environments

        found = environments.provide(backend, in_place=settings.in_place, progress=progress)
        installed = found.to_json()
        del installed["python"]
        return Provided(str(found.python), installed)

    def examiner_for(scratch: Path, stack: ExitStack) -> Examiner:
        return OracleExaminer(stack.enter_context(oracle_for(plugins.backends, scratch)))

    with display_for(console) as display:
        session = Run(journal, settings, plan, plugins, display, provide, examiner_for)
        return session.measure()


def _tell(summary: Summary, result: Result, half_width: float) -> None:
    console = out_console()
    console.print(summary_table(summary))
    console.print(noise_line(summary), highlight=False)
    for line in warning_lines(summary):
        console.print(line, highlight=False)
    if result.ending == "deadline" and not result.rounds:
        console.print("Nothing more was measured: the time of this run was up before.")
        return
    ended = {"complete": "", "deadline": ": the time was up", "interrupted": ": interrupted"}
    rounds = f"{result.rounds} process round{'' if result.rounds == 1 else 's'}"
    took = f"{rounds} in {short_time(result.elapsed_s)}{ended[result.ending]}"
    console.print(f"{took}{_known(summary, half_width)}.", highlight=False)


def _known(summary: Summary, half_width: float) -> str:
    """Say how many ratios are known as well as was asked."""
    known, ranked = summary.known
    if not (ranked and half_width):
        return ""
    return f"; {known} of {ranked} ratios are known to ±{100 * half_width:.3g} %"


def _report(out: Path, plugins: Plugins) -> None:
    """Write the page; a report that fails is a problem, not the end of the results."""
    try:
        path = write_report(out, plugins, "html")
    except BakeoffError as error:
        tell_problems([error])
    else:
        out_console().print(f"Report: {printable(str(path))}", highlight=False)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Treat a request to terminate as Ctrl-C: end in order and keep everything."""
    raise KeyboardInterrupt
