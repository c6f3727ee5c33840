"""What went wrong in a worker, as an outcome with a reason.

Three kinds of evidence: an exception that the worker reported and survived, a process
that ended, a deadline that passed.
"""

import re
import signal as signals
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bakeoff import worker_log
from bakeoff.errors import BakeoffError
from bakeoff.record import Outcome

_OUTCOMES = {
    "unsupported": Outcome.UNSUPPORTED,
    "out_of_memory": Outcome.OUT_OF_MEMORY,
    "exit": Outcome.CRASHED,
}
_UNAVAILABLE_TYPES = ("ImportError", "ModuleNotFoundError")
_FAULT = re.compile(r"^Fatal Python error.*", re.MULTILINE | re.DOTALL)
_FRAME = re.compile(r'most recent call first\):\s+File "(.*)", line (\d+) in (\S+)')


class WorkerFailure(BakeoffError):
    """A request that a worker did not answer with a result.

    Attributes
    ----------
    outcome
        ``unsupported``, ``unavailable``, ``error``, ``crashed``, ``timeout`` or
        ``out_of_memory``.
    reason
        One line or a few, for a table.
    signal
        The name of the signal that ended the worker, or "".
    stack
        The Python traceback (most recent call last) or, of a crash or a hang, the stack
        (most recent call first), if known.
    log_tail
        The end of what the worker printed.

    No text of it holds control characters.
    """

    def __init__(
        self, outcome: Outcome, reason: str, signal: str = "", stack: str = "", log_tail: str = ""
    ) -> None:
        super().__init__(outcome, reason, signal, stack, log_tail)
        self.outcome = outcome
        self.reason = worker_log.printable(reason)
        self.signal = signal
        self.stack = worker_log.printable(stack)
        self.log_tail = worker_log.printable(log_tail)

    def __str__(self) -> str:
        return f"{self.outcome}: {self.reason}"


class Evidence(NamedTuple):
    """What a worker left in its files: the end of its log, and the stack of a crash."""

    log_tail: str
    stack: str

    @classmethod
    def of(cls, log: Path, stack_file: Path) -> "Evidence":
        """Read the files; either may be missing."""
        log_tail, stack = worker_log.tail(log), worker_log.head(stack_file)
        # A toolkit may point faulthandler to standard error: then the stack is in the log.
        if not stack and (fault := _FAULT.search(log_tail)):
            stack = fault.group()
        return cls(log_tail, stack)


def reported(command: str, error: Mapping[str, Any], evidence: Evidence) -> WorkerFailure:
    """Return the failure for an exception, as `bakeoff_worker.failures.describe` gives it."""
    kind, message = error["kind"], error["message"]
    outcome = _OUTCOMES.get(kind, Outcome.ERROR)
    if command == "hello" and error["type"] in _UNAVAILABLE_TYPES:
        outcome = Outcome.UNAVAILABLE
    if kind == "unsupported":
        reason = message
    elif kind == "exit":
        reason = f"the toolkit called exit({message}) during {command}"
    else:
        reason = f"{error['type']}: {message}".strip(": ")
    return WorkerFailure(outcome, reason, "", error["traceback"], evidence.log_tail)


def ended(command: str, status: int, kernel_killed: bool, evidence: Evidence) -> WorkerFailure:
    """Return the failure for a process that is gone.

    ``status`` is the exit status, negative for a signal; ``kernel_killed`` whether the
    kernel killed anything for want of memory since the worker began.
    """
    if status >= 0:
        reason = f"the worker exited with status {status} during {command}"
        return WorkerFailure(Outcome.CRASHED, reason, "", evidence.stack, evidence.log_tail)
    signal = _signal_name(-status)
    outcome, reason = Outcome.CRASHED, f"{command}: ended by {signal}"
    if signal == "SIGKILL" and kernel_killed:
        outcome = Outcome.OUT_OF_MEMORY
        reason = f"{command}: killed by the kernel for want of memory"
    elif signal == "SIGABRT" and "std::bad_alloc" in evidence.log_tail:
        outcome = Outcome.OUT_OF_MEMORY
        reason = f"{command}: aborted, as memory ran out (std::bad_alloc)"
    elif where := _innermost(evidence.stack):
        reason += f" {where}"
    return WorkerFailure(outcome, reason, signal, evidence.stack, evidence.log_tail)


def late(command: str, limit_s: float, evidence: Evidence) -> WorkerFailure:
    """Return the failure for a deadline that passed."""
    reason = f"{command}: no answer within {limit_s:g} s"
    if where := _innermost(evidence.stack):
        reason += f"; it was {where}"
    return WorkerFailure(Outcome.TIMEOUT, reason, "", evidence.stack, evidence.log_tail)


def _innermost(stack: str) -> str:
    """Return where a faulthandler stack ends, such as ``in conv (adapter.py, line 9)``."""
    frame = _FRAME.search(stack)
    if frame is None:
        return ""
    path, line, function = frame.groups()
    return f"in {function} ({Path(path).name}, line {line})"


def _signal_name(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time signal has no name of its own
