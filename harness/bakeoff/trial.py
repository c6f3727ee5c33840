"""One case on one worker in one round: its steps, and the record that they add up to."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any, TypeVar

import numpy as np

from bakeoff.bits import digest
from bakeoff.case import Case
from bakeoff.occupant import Occupant
from bakeoff.plan import Cell
from bakeoff.record import Block, Check, Outcome, Record
from bakeoff.replies import Trained
from bakeoff.timing import clock_for, contended, disturbed
from bakeoff.worker import Worker, WorkerFailure

T = TypeVar("T")

_OF_COMPILING = frozenset({"compile_ns", "first_call_ns"})
COLD_CALLS = 5  # beside each block on a device; fewer where a block holds fewer calls


class Trial:
    """A cell in a round, while it is being measured.

    Every step returns None, and does nothing, once the trial has failed; a failure of the
    worker is noted, not raised.

    Parameters
    ----------
    case, occupant, number
        What runs where, in which round.
    threads
        Of the worker; decides by which clock blocks count as disturbed.
    first
        Whether the cell was never measured before. Later workers of a toolkit that caches what
        it compiles tell nothing of what compiling costs: then there are no such figures.
    """

    def __init__(
        self, case: Case, occupant: Occupant, number: int, threads: int = 1, first: bool = True
    ) -> None:
        self.case = case
        self.occupant = occupant
        self.number = number
        self._compiles = first or not occupant.caches
        self.loops = 0
        self.checks: tuple[Check, ...] | None = None
        self.figures: dict[str, float] = {}
        self.series: dict[str, tuple[float, ...]] = {}
        self.blocks: list[Block] = []
        self.stolen_share = 0.0  # of the time in which the blocks were run
        self.digests: list[str] = []
        self.devices: tuple[str | None, ...] = ()
        self._clock = clock_for(threads, occupant.backend.device)
        self._failure: WorkerFailure | None = None
        self._reason = ""
        self._outcome = Outcome.OK
        self._began = time.monotonic()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    @property
    def cell(self) -> Cell:
        return Cell(self.case.id, *self.occupant.seat)

    @property
    def tf32(self) -> bool:
        """Whether the toolkit says that it rounds operands of float32 products to TF32."""
        described = self.occupant.hello.get("describe", {})
        return described.get("modes", {}).get("tf32") is True

    @property
    def failure(self) -> WorkerFailure | None:
        """What ended the trial, if something did."""
        return self._failure

    @property
    def going(self) -> bool:
        """Whether nothing has ended the trial yet. A mismatch does not."""
        return self._failure is None

    def attempt(self, step: Callable[[Worker], T]) -> T | None:
        """Take a step on the worker; note a failure, and return None after one."""
        if not self.going:
            return None
        try:
            return step(self.occupant.worker())
        except WorkerFailure as failure:
            self.fail(failure)
            return None

    def fail(self, failure: WorkerFailure) -> None:
        """End the trial with a failure."""
        self._failure = failure
        self._outcome, self._reason = failure.outcome, failure.reason
        self.occupant.lost(failure)

    def prepare(self, files: Mapping[str, Path]) -> None:
        """Refuse what the toolkit does not offer; make the program resident."""

        def step(worker: Worker) -> None:
            refusal = self.case.refusal(self.occupant.backend.device)
            refusal = refusal or self.occupant.capabilities.refusal(self.case.program) or ""
            if refusal:
                raise WorkerFailure(Outcome.UNSUPPORTED, refusal)
            self.figures.update(worker.prepare(self.case.program, files, self.case.batches))

        self.attempt(step)

    def call(self) -> list[Any] | None:
        """Run a forward or gradient program once; return its outputs."""
        answer = self.attempt(lambda worker: worker.call())
        if answer is None:
            return None
        outputs, costs = answer
        self.figures["first_call_ns"] = costs["wall_ns"]
        self.digests.append(digest(outputs))
        if self.case.program.kind == "gradient":
            self.series["norms"] = tuple(map(_norm, outputs))
        self.devices = costs["devices"]
        return outputs

    def train(self, steps: int, keep: tuple[int, ...]) -> Trained | None:
        """Run training steps from the case's parameters; return losses and parameters."""
        trained = self.attempt(lambda worker: worker.train(steps, keep))
        if trained is not None:
            self.figures["first_call_ns"] = trained["first_step_ns"]
            self.series["losses"] = tuple(float(v) for v in trained["losses"])
            self.digests.append(digest([trained["losses"][:1], *trained["params"].get(1, ())]))
            self.devices = trained["devices"]
        return trained

    def judge(self, checks: tuple[Check, ...]) -> None:
        """Take the checks' result; a mismatch does not end the trial."""
        self.checks = (self.checks or ()) + checks
        worst = max(checks, key=_badness, default=None)
        if worst is not None and not worst.passed and self._outcome is Outcome.OK:
            self._outcome = Outcome.MISMATCH
            self._reason = worst.reason or (
                f"{worst.output}: error {worst.error:.3g} is {worst.fraction:.3g} times its "
                f"bound {worst.bound:.3g} ({worst.kind})"
            )

    def explain(self, text: str) -> None:
        """Say more of why the trial is a mismatch."""
        if self._outcome is Outcome.MISMATCH:
            self._reason += f"; {text}"

    def inherit(self, examined: Record | None) -> None:
        """Take over the verdict of the round in which correctness was examined."""
        if examined is not None and examined.outcome is Outcome.MISMATCH:
            self._outcome = Outcome.MISMATCH
            self._reason = f"in round {examined.round}: {examined.reason}"

    def calibrate(self, target_ns: int) -> None:
        """Warm up, and find how many calls make a block."""
        self.loops = self.attempt(lambda worker: worker.calibrate(target_ns)) or 0

    def block(self, position: int) -> None:
        """Time one block."""
        taken = self.attempt(lambda worker: worker.block(self.loops))
        if taken is not None:
            self.blocks.append(Block(position, **asdict(taken)))
            self._cold(min(COLD_CALLS, self.loops))

    def _cold(self, calls: int) -> None:
        """Time a few calls with the device's cache cold, where there are events to do it by."""
        if self.occupant.hello.get("device_events"):
            taken = self.attempt(lambda worker: worker.cold(calls))
            self.series["cold_ns"] = self.series.get("cold_ns", ()) + tuple(taken or ())

    def usage(self) -> None:
        """Note the memory that the case took, and what starting the worker took."""
        used = self.attempt(lambda worker: worker.usage())
        for name, value in (used or {}).items():
            if name.endswith("_bytes"):
                self.figures[name] = value
        hello = self.occupant.hello
        self.figures.update((k, hello[k]) for k in ("import_ns", "ready_ns") if k in hello)
        self.figures.update(_spread("cold", self.series.get("cold_ns", ())))
        if self.blocks:
            count = sum(disturbed(b, self._clock) for b in self.blocks)
            self.figures["disturbed_blocks"] = count
            busy = contended(self.blocks, self._clock, self.stolen_share)
            if busy and self._outcome is Outcome.OK:
                self._outcome, self._reason = Outcome.CONTENDED, self._of_machine(count)

    def _of_machine(self, disturbed_blocks: int) -> str:
        return (
            f"other jobs had the processor in {disturbed_blocks} of {len(self.blocks)} blocks, the "
            f"hypervisor for {100 * self.stolen_share:.0f} % of their time: the machine, and not "
            "the code, decided the time"
        )

    def release(self) -> None:
        """Put the program away; the trial's result stands whatever comes of that."""
        worker = self.occupant.worker if self.going else None
        if worker is None:
            return
        try:
            worker().release()
            self.occupant.survived()
        except WorkerFailure as failure:
            self.occupant.lost(failure)

    def record(self, environment_id: str) -> Record:
        """Return the record of what happened."""
        failure = self._failure
        told = {k: v for k, v in self.figures.items() if self._compiles or k not in _OF_COMPILING}
        log = "\n".join(t for t in (failure.stack, failure.log_tail) if t) if failure else ""
        return Record(
            *self.cell,
            round=self.number,
            outcome=self._outcome,
            reason=self._reason,
            checks=self.checks,
            figures=told,
            series=dict(self.series),
            blocks=tuple(self.blocks),
            digests=tuple(self.digests),
            environment_id=environment_id,
            log=log,
            started=self._started,
            elapsed_s=round(time.monotonic() - self._began, 6),
        )


def _badness(check: Check) -> float:
    """Return the fraction of the bound; NaN, which passes no comparison, is the worst."""
    return check.fraction if check.fraction == check.fraction else float("inf")


def _norm(array: Any) -> float:
    """Return the root of the sum of squares, in float64."""
    return float(np.linalg.norm(np.asarray(array, dtype=np.float64).ravel()))


def _spread(name: str, values: Sequence[float]) -> dict[str, float]:
    """Return the median and the 10th and 90th percentiles, if there are values."""
    if not values:
        return {}
    several = len(values) > 1
    deciles = quantiles(values, n=10, method="inclusive") if several else list(values)
    return {
        f"{name}_ns": median(values),
        f"{name}_p10_ns": deciles[0],
        f"{name}_p90_ns": deciles[-1],
    }
