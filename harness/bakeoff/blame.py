"""Where a training leaves the oracle, and which of its ops, or its optimizer, is to blame.

A training that mismatches says that something is wrong, but not what: a wrong gradient in step 1
is a wrong loss in step 2. So the failing backend is asked for the parts of the program one by
one, on the numbers of the step at which it left: every op forward and backward, then the gradient
as a whole, then the optimizer by itself. The first part that exceeds its own bound is to blame.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bakeoff.case import Case
from bakeoff.dissection import Piece, gradient_piece, op_pieces, optimizer_piece
from bakeoff.errors import BakeoffError
from bakeoff.examiner import Examiner
from bakeoff.record import Check, Record
from bakeoff.replies import Array
from bakeoff.trial import Trial
from bakeoff.truth import kept_steps
from bakeoff.worker import Worker, WorkerFailure

ALONE = " by itself: "  # between the part and its output, in a check's name
MOST_BATCHES = 4  # whose gradients the optimizer meets


def blame(trial: Trial, inputs: Mapping[str, Array], examiner: Examiner) -> None:
    """Find what leads a training astray, if it strayed; the program is resident again then.

    The figure ``left_at_step`` is the step at which it left the oracle. The part to blame is a
    check of its own, named before ``" by itself: "``, and named in the trial's reason.
    """
    step = left_at(trial.series)
    if step is None or not trial.going:
        return
    trial.figures["left_at_step"] = step
    left = f"it left the oracle at step {step}"
    # Whatever comes of it, the trial's own result stands, and a worker lost is not counted
    # against the backend: no case has asked for these parts.
    try:
        found, untold = _search(trial, trial.occupant.worker(), inputs, examiner, step)
    except BakeoffError as error:
        found, untold = None, f"why could not be found out: {error}"
    with suppress(WorkerFailure):
        trial.occupant.worker().prepare(trial.case.program, inputs, trial.case.batches)
    if found is None:
        trial.explain(f"{left}; {untold}")
        return
    trial.judge((found,))
    trial.explain(f"{left}, by {culprit_of(found)}: {found.reason}")


def left_at(series: Mapping[str, tuple[float, ...]]) -> int | None:
    """Return the first step whose loss, or whose update, is off; None: none known to be.

    Parameters
    ----------
    series
        ``losses``, ``oracle_losses`` and ``loss_envelope`` by step; ``compared_steps``, after
        which parameters were compared, and their worst ``param_fractions`` of the envelope.
    """
    by_step = (series.get(n, ()) for n in ("losses", "oracle_losses", "loss_envelope"))
    losses = (
        step
        for step, (got, exact, allowed) in enumerate(zip(*by_step, strict=False), 1)
        if not abs(got - exact) <= allowed
    )
    kept = zip(series.get("compared_steps", ()), series.get("param_fractions", ()), strict=True)
    params = (int(step) for step, fraction in kept if not fraction <= 1)
    return min((s for s in (next(losses, None), next(params, None)) if s is not None), default=None)


def culprit(record: Record) -> str:
    """Return the part that a record blames: ``"relu (v2)"``, ``"optimizer adam"``; or nothing."""
    return next((c for c in map(culprit_of, record.checks or ()) if c), "")


def culprit_of(check: Check) -> str:
    """Return the part that a check is about, if it is about one by itself."""
    what, found, _ = check.output.partition(ALONE)
    return what if found else ""


def _search(
    trial: Trial, worker: Worker, inputs: Mapping[str, Array], examiner: Examiner, step: int
) -> tuple[Check | None, str]:
    """Return the failed check of the part to blame; or None, and what to say instead."""
    capabilities, refusals = trial.occupant.capabilities, []
    for pieces in _in_turn(trial, worker, inputs, step):
        failed: list[Check] = []
        for piece in pieces:
            if refusal := capabilities.refusal(piece.case.program):
                refusals.append(f"{piece.what}: {refusal}")
                continue
            try:
                failed += _failed(piece, _judged(worker, piece, examiner, trial.tf32))
            except WorkerFailure as failure:
                if not worker.alive:
                    raise
                refusals.append(f"{piece.what}: {failure.reason}")
        if failed:
            return _first(failed), ""
    if refusals:
        return None, f"not all of its parts can be asked by themselves ({refusals[0]})"
    return None, "every op, the gradient as a whole and the optimizer are right by themselves"


def _in_turn(
    trial: Trial, worker: Worker, inputs: Mapping[str, Array], step: int
) -> Iterator[Sequence[Piece]]:
    """Yield the parts in the order of suspicion; what lies further only if these are right."""
    case = trial.case
    # A loss that is off may come of the update before it.
    for number in (step, step - 1) if step > 1 else (step,):
        met = _met(case, worker, inputs, number)
        label = f"{trial.occupant.backend.name}-step{number}"
        yield op_pieces(case, met, label)
        yield [gradient_piece(case, met, label)]
    yield [optimizer_piece(case, list(_steps(case, inputs, step)), step)]


def _first(failed: list[Check]) -> Check:
    """Return the first op that is wrong forward; if none is, the first on the way back."""
    forward = [c for c in failed if not c.output.partition(ALONE)[2].startswith("grad")]
    return forward[0] if forward else failed[-1]


def _failed(piece: Piece, checks: tuple[Check, ...]) -> list[Check]:
    return [
        replace(c, output=f"{piece.what}{ALONE}{c.output}", reason=c.reason or "beyond its bound")
        for c in checks
        if not c.passed
    ]


def _judged(worker: Worker, piece: Piece, examiner: Examiner, tf32: bool) -> tuple[Check, ...]:
    case, inputs = piece.case, piece.inputs
    worker.prepare(case.program, inputs, case.batches)
    if case.program.kind != "training":
        outputs, _ = worker.call()
        return examiner.call(case, inputs, outputs, tf32)
    trained = worker.train(case.steps, kept_steps(case.steps))
    checks, _ = examiner.training(case, inputs, trained, tf32)
    return checks[1:]  # without the loss, which is only there to hand gradients on


def _met(case: Case, worker: Worker, inputs: Mapping[str, Array], step: int) -> dict[str, Any]:
    """Return what the backend had before it in a step: its own parameters, and the batch."""
    found = next(_steps(case, inputs, 1, step))
    if step > 1:
        worker.prepare(case.program, inputs, case.batches)
        params = worker.train(step - 1, (step - 1,))["params"][step - 1]
        found.update(zip(case.program.ask["params"], params, strict=True))
    return found


def _steps(
    case: Case, inputs: Mapping[str, Array], count: int, first: int = 1
) -> Iterator[dict[str, Array]]:
    """Yield the inputs of so many steps, the parameters as given."""
    data = {v.name for v in case.program.data_inputs}
    for step in range(first - 1, first - 1 + min(count, MOST_BATCHES, case.batches)):
        yield {n: a[step % case.batches] if n in data else a for n, a in inputs.items()}
