"""The command line on terminals and pipes as they are: narrow, closed, of another encoding."""

import io
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import runner_toys
from rich.console import Console

from bakeoff.commands.display import Live, Plain, summary_table
from bakeoff.record import Outcome, Record
from bakeoff.statistics import Aggregate, Interval
from bakeoff.summary import Line, Summary

BAKEOFF = [sys.executable, "-m", "bakeoff"]


def failed(reason: str) -> Record:
    return Record("toy/a", "mine", replica=0, round=0, outcome=Outcome.ERROR, reason=reason)


@pytest.mark.parametrize("display", [Plain, Live])
def test_texts_of_toolkits_are_shown_as_they_are(display: type[Plain | Live]) -> None:
    """Markup is neither obeyed nor marred; control characters are replaced."""
    file = io.StringIO()
    display(Console(file=file, width=200)).record(failed("no [bold]device[/bold] \x1b[31m"))
    assert "no [bold]device[/bold] �[31m" in file.getvalue()


def test_a_narrow_terminal_cuts_no_figure_of_the_summary() -> None:
    speed = Aggregate(Interval(1.234, 1.126, 1.345, rounds=6), covered=33, total=33)
    line = Line("numpy-plan", Counter({Outcome.OK: 33}), speed, 0.0579, "toy/a")
    console = Console(file=io.StringIO(), width=40)
    console.print(summary_table(Summary("numpy", (line,), 0.01)))
    assert isinstance(console.file, io.StringIO)
    assert "…" not in console.file.getvalue()


def test_a_reader_that_leaves_ends_no_run(tmp_path: Path) -> None:
    """``bakeoff run … 2>&1 | head -1`` measures everything and writes the report."""
    command = [
        *BAKEOFF, "run", "--preset", "smoke", "--in-place", "--plugin", runner_toys.__file__,
        "--backends", "honest", "--cases", "toy/product-4", "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    environ = {**os.environ, "BAKEOFF_CACHE_DIR": str(tmp_path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
    assert process.returncode == 0
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize("what", [["doctor"], ["list", "cases", "--preset", "smoke"]])
def test_an_encoding_that_lacks_our_signs_gets_others(what: list[str]) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([*BAKEOFF, *what], env=environ, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert b"?" in done.stdout


def test_an_interrupt_while_the_commands_load_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(
        "print('loading', flush=True)\nimport time\ntime.sleep(20)\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        [*BAKEOFF, "list", "suites"], env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=10)[1]
    assert process.returncode == 130
    assert said == "Interrupted.\n"
