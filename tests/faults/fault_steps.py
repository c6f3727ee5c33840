"""The steps of a cell through the controller, as in a round of a run."""

from collections.abc import Callable
from pathlib import Path

from bakeoff.case import Case
from bakeoff.examiner import Examiner
from bakeoff.occupant import Occupant
from bakeoff.pytest_verdict import examine
from bakeoff.record import Record
from bakeoff.remarks import Evidence, Remark, remarks
from bakeoff.trial import Trial

Measure = Callable[[Occupant, Case], Record]
Seated = Callable[..., Occupant]

BLOCK_NS = 1_000_000


def remarks_on(case: Case, record: Record) -> tuple[Remark, ...]:
    """Return what is to be known of a cell that was measured in one round."""
    return remarks(Evidence(case, record.backend, [record], [record], "cpu"))


def measured(occupant: Occupant, case: Case, examiner: Examiner, scratch: Path) -> Record:
    """Judge a case on a worker, time two blocks, and return the record."""
    trial = Trial(case, occupant, 0)
    examine(trial, examiner, scratch, timeout_s=60)
    trial.calibrate(BLOCK_NS)
    if trial.loops:
        trial.block(0)
        trial.block(1)
    trial.usage()
    trial.release()
    return trial.record("")
