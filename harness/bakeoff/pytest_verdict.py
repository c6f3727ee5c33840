"""One cell's verdict for pytest: run it, compare it with the oracle, tell what differs."""

from pathlib import Path
from tempfile import TemporaryDirectory

from bakeoff.blame import blame
from bakeoff.conduct import watch
from bakeoff.examiner import Examiner
from bakeoff.fitting import fit
from bakeoff.inputs import draw_inputs, fit_arrays, save_inputs
from bakeoff.opening import first_call
from bakeoff.record import Check, Outcome, Record
from bakeoff.rounds import FIT_PATIENCE
from bakeoff.trial import Trial

LOG_LINES = 30


class CellFailure(AssertionError):
    """A cell whose outcome is neither ok nor a reason to skip; the message tells all."""

    def __init__(self, record: Record) -> None:
        super().__init__(describe(record))
        self.record = record


def examine(trial: Trial, examiner: Examiner, scratch: Path, timeout_s: float) -> None:
    """Run a case once on a worker and have it judged; its program stays resident.

    Parameters
    ----------
    trial
        Of the cell; it notes what goes wrong.
    examiner
        Compares with the oracle.
    scratch
        Folder for arrays in passing.
    timeout_s
        Of a request; a training to an accuracy may take longer.
    """
    case = trial.case
    with TemporaryDirectory(dir=scratch, prefix="inputs-") as folder:
        inputs = draw_inputs(case)
        if case.timed or case.fit is None or case.steps:
            trial.prepare(save_inputs(inputs, Path(folder)))
            first_call(trial, inputs, examiner)
        if case.fit is None:
            watch(trial, inputs, examiner)
            blame(trial, inputs, examiner)
        else:
            fit(trial, inputs, fit_arrays(case.fit), FIT_PATIENCE * timeout_s, examiner)


# --- in words -------------------------------------------------------------------------------


def describe(record: Record) -> str:
    """Return a record in words: the outputs compared, or what the toolkit said.

    A mismatch has one line per output, with the worst element where one is wrong::

        matmul/square-float32-8-forward on torch: mismatch: 1 of 1 outputs beyond its bound
          MISMATCH  y[3, 7]: got 1.25, expected 1; error 0.25, allowed 1.9e-06 (gamma) ...
    """
    head = f"{record.case_id} on {record.backend}: {record.outcome}"
    if record.outcome is Outcome.MISMATCH:
        checks = record.checks or ()  # an output may have several, of later calls too
        failed = {c.output for c in checks if not c.passed}
        outputs = {c.output for c in checks}
        lines = [f"{head}: {len(failed)} of {len(outputs)} outputs beyond the error bound"]
        return "\n".join([*lines, *(f"  {_line(c)}" for c in checks)])
    lines = [f"{head}: {record.reason}"]
    if record.log:
        log = record.log.rstrip().splitlines()
        left_out = len(log) - LOG_LINES
        lines += [f"  ({left_out} earlier lines left out)"] if left_out > 0 else []
        lines += [f"  | {line}" for line in log[-LOG_LINES:]]
    return "\n".join(lines)


def _line(check: Check) -> str:
    """Return a check in one line; its reason names the worst element."""
    numbers = f"error {check.error:.3g}, bound {check.bound:.3g} ({check.kind})"
    fraction = f"{check.fraction:.3g} of the bound"
    if check.passed:
        remark = f"; {check.reason}" if check.reason else ""
        return f"ok        {check.output}: {numbers}, {fraction}{remark}"
    return f"MISMATCH  {check.reason or f'{check.output}: {numbers}'}; {fraction}"
