"""Runs the steps one after the other, each in a process of its own, and keeps what they tell.

A lost device is lost to the process that had it: the next step begins with a context of its own.
Every row is on the disk before the next is asked for.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

from judged import STATUSES, Row, row, worst
from steps import Step

CHILD = Path(__file__).with_name("child.py")
GRACE_S = 3.0  # for a step to leave when asked to
LOOK_S = 0.05  # between looks for new rows
TAIL = 600  # characters of a failed step's output
Command = Callable[[Step], Sequence[str]]  # raises what says that it is not available
Keep = Callable[[Row], None]


@dataclass
class Done:
    """What came of a step."""

    step: Step
    rows: list[Row] = field(default_factory=list)
    elapsed_s: float = 0.0

    @property
    def status(self) -> str:
        return worst(self.rows)


def run(
    steps: Sequence[Step], command: Command, records: IO[str], say: Callable[[str], None]
) -> Iterator[Done]:
    """Yield the steps as they are done; after Ctrl-C the rest is "not run"."""
    interrupted = False
    for step in steps:
        done, began = Done(step), time.monotonic()
        keep = partial(_keep, done, records)
        if interrupted:
            keep(row(step.title, "not run", "interrupted before it began"))
            yield done
            continue
        say(f"{step.name}: {step.title}")
        try:
            _take(step, command, keep)
        except KeyboardInterrupt:
            interrupted = True
            keep(row(step.title, "interrupted", "by the keyboard"))
        done.elapsed_s = time.monotonic() - began
        say(f"{step.name}: {done.status}, {done.elapsed_s:.1f} s")
        yield done


def _keep(done: Done, records: IO[str], found: Row) -> None:
    done.rows.append(found)
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    records.write(json.dumps({"at": at, "step": done.step.name, **found}) + "\n")
    records.flush()
    os.fsync(records.fileno())


def _take(step: Step, command: Command, keep: Keep) -> None:
    """Keep a step's rows as they come, and at the end how it ended if that was not well."""
    try:
        asked = command(step)
    except Exception as error:  # no environment: the other steps may have theirs
        keep(row(step.title, "not available", str(error)))
        return
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as folder:
        output, log = Path(folder, "rows"), Path(folder, "log")
        with output.open("wb") as out, log.open("wb") as err:
            process = subprocess.Popen(asked, stdout=out, stderr=err, start_new_session=True)
        try:
            late = _follow(process, output, keep, step.limit_s)
        finally:
            _end(process)
        if late or process.returncode:
            keep(_ended(step, late, process.returncode, _tail(log)))


def _follow(process: "subprocess.Popen[bytes]", output: Path, keep: Keep, limit_s: float) -> bool:
    """Keep rows until the process ends or its time is up: then return True.

    Rows come through a file: what was written before an interrupt is kept after it.
    """
    until = time.monotonic() + limit_s
    late = False
    with output.open("rb") as rows:
        try:
            while process.poll() is None and not late:
                _drain(rows, keep)
                time.sleep(LOOK_S)
                late = time.monotonic() > until
        finally:
            _end(process)
            _drain(rows, keep)
    return late


def _drain(rows: IO[bytes], keep: Keep) -> None:
    """Keep the whole lines that are there; half a line is left for later."""
    while (line := rows.readline()).endswith(b"\n"):
        keep(_read(line.decode("utf-8", "replace")))
    rows.seek(-len(line), os.SEEK_CUR)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process with its children, if it still is there: workers hold the device."""
    for number in (signal.SIGINT, signal.SIGKILL):  # the first lets it clean up behind it
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, number)
            process.wait(GRACE_S)


def _read(line: str) -> Row:
    try:
        found = json.loads(line)
        if found["status"] in STATUSES and {"what", "found"} <= found.keys():
            return dict(found)
    except (ValueError, KeyError, TypeError):
        pass
    return row("output", "error", f"{line.strip()[:200]!r}, expected a row as JSON")


def _ended(step: Step, late: bool, code: int, tail: str) -> Row:
    if late:
        return row(step.title, "timeout", f"ended after {step.limit_s:g} s; {tail}")
    if code < 0:
        return row(step.title, "lost", f"killed by {signal.Signals(-code).name}; {tail}")
    lost = any(word in tail for word in LOST)
    return row(step.title, "lost" if lost else "error", tail or f"exit code {code}, nothing said")


# What CUDA says when a context, or the device itself, is gone.
LOST = (
    "cudaErrorIllegalAddress", "cudaErrorLaunchFailure", "cudaErrorDevicesUnavailable",
    "cudaErrorECCUncorrectable", "cudaErrorNoDevice", "cudaErrorDeviceUninitialized",
    "has fallen off the bus", "device is lost",
)  # fmt: skip


def _tail(log: Path) -> str:
    """Return the last lines that say something: of a traceback, not the marks under its code."""
    lines = log.read_text("utf-8", "replace")[-TAIL:].splitlines()
    return " | ".join([line.strip() for line in lines if line.strip(" ^~")][-3:])


def commands(python_of_cupy: Callable[[], str], in_place: bool) -> Command:
    """Return what starts a step: under CuPy's Python, or under the running one."""

    def command(step: Step) -> list[str]:
        python = python_of_cupy() if step.kind == "device" else sys.executable
        return [python, "-u", str(CHILD), step.name, *["--in-place"] * in_place]

    return command
