"""What a program does beside computing: to its inputs, to earlier results, to later ones.

Right values at the first call can come of wrong conduct. A program that changes its inputs is
timed on others than it was given. One that keeps state, such as gradients that add up, is wrong
later. One whose results lie in its inputs' memory, or change with its next call, leaves out a
copy that others make. One that gives an earlier call's result again does not compute at all.
One whose results lie elsewhere than on the declared device was not timed on that.

What is right for one draw of the inputs can be wrong for another: results on a second one are
judged, too. And the bits of the second call on the same inputs are kept beside the first's.

Each fault is a `Check` of kind ``conduct``, with an infinite fraction; good conduct leaves none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf

import numpy as np

from bakeoff.bits import digest
from bakeoff.case import Case
from bakeoff.examiner import Examiner
from bakeoff.inputs import draw_inputs
from bakeoff.record import Check
from bakeoff.replies import Array, Observed
from bakeoff.trial import Trial

KIND = "conduct"
SEEDS_APART = 1_000_003  # between a case's inputs and the others that it is tried on


def watch(trial: Trial, inputs: Mapping[str, Array], examiner: Examiner) -> None:
    """Judge a prepared program's conduct; the last thing to ask of it, when all is measured.

    Parameters
    ----------
    trial
        Its results have been judged, its calls made.
    inputs
        What was sent.
    examiner
        Of the trial's results.
    """
    case = trial.case
    resident = trial.attempt(lambda worker: worker.inputs())
    if resident is None:
        return
    names = [c.output for c in trial.checks or ()]
    changed = tuple(_changed(case, inputs, resident))
    trial.judge((*changed, *_misplaced(trial, names)))
    # Training is judged over many steps. On changed inputs results cannot be right.
    if changed or case.program.kind == "training":
        return
    first = trial.checks or ()
    called = trial.attempt(lambda worker: worker.call())
    if called is not None:
        trial.digests.append(digest(called[0]))
        trial.judge(tuple(_worse(first, examiner.call(case, inputs, called[0], trial.tf32))))
    others = replace(case, seed=case.seed + SEEDS_APART)
    drawn = draw_inputs(others)
    seen = trial.attempt(lambda worker: worker.observe(drawn))
    if seen is None:
        return
    checks = examiner.call(others, drawn, seen["outputs"], trial.tf32)
    # Some results are the same for all inputs; the oracle knows.
    trial.judge((*_kept(checks, seen["same"]), *_shared(names, seen)))
    trial.judge(tuple(_worse_on_others(first, checks, seen["same"])))


def _changed(
    case: Case, sent: Mapping[str, Array], resident: Mapping[str, Sequence[Array]]
) -> Iterator[Check]:
    """Yield a check for each input that is no longer what was sent."""
    training = case.program.kind == "training"
    batched = {v.name for v in case.program.data_inputs} if training else set()
    for name, array in sent.items():
        batches = array if name in batched else array[None]
        if not _as_sent(np.stack(resident[name]), batches):
            yield _fault(f"input {name}", "is changed by the program, which must leave it alone")


def _as_sent(now: Array, sent: Array) -> bool:
    """Compare values; a device without subnormal numbers has zero for them."""
    if now.shape != sent.shape or sent.dtype.kind != "f":
        return bool(np.array_equal(now, sent))
    with np.errstate(invalid="ignore"):
        near = np.abs(now - sent) < np.finfo(sent.dtype).tiny
    return bool(np.all((now == sent) | near | (np.isnan(now) & np.isnan(sent))))


def _worse(first: Sequence[Check], later: Sequence[Check]) -> Iterator[Check]:
    """Yield the checks of a later call that fail, though those of the first call passed."""
    if all(c.passed for c in first):
        for check in later:
            if not check.passed:
                yield replace(check, reason=f"right at first, wrong later: {check.reason}")


def _worse_on_others(
    first: Sequence[Check], others: Sequence[Check], same: Sequence[int]
) -> Iterator[Check]:
    """Yield the checks on other inputs that say more than those of the first."""
    known = {c.output: c.fraction for c in first}
    for i, check in enumerate(others):
        if i not in same and not check.fraction <= known.get(check.output, inf):
            told = "" if check.passed else "on other inputs: "
            yield replace(check, reason=f"{told}{check.reason}")


def _misplaced(trial: Trial, names: Sequence[str]) -> Iterator[Check]:
    """Yield a fault for each result that does not lie where the backend says that it runs."""
    declared, named = trial.occupant.backend.device, dict(enumerate(names))
    for i, device in enumerate(trial.devices):
        if device not in (None, declared):
            yield _fault(named.get(i, f"result {i}"), f"lies on {device}, declared is {declared}")


def _kept(checks: Sequence[Check], same: Sequence[int]) -> Iterator[Check]:
    """Yield a fault for each of the results ``same`` that should not be so on other inputs."""
    for i in same:
        if i < len(checks) and not checks[i].passed:
            yield _fault(checks[i].output, "is an earlier call's result, given again")


def _shared(names: Sequence[str], seen: Observed) -> Iterator[Check]:
    named = dict(enumerate(names))  # of as many results as there should be
    for i, source in seen["shared"]:
        what = named.get(i, f"result {i}")
        yield _fault(what, f"lies in the memory of input {source}; results must be copies")
    for i in seen["overwritten"]:
        yield _fault(named.get(i, f"result {i}"), "is overwritten by the next call")


def _fault(what: str, does: str) -> Check:
    return Check(what, KIND, inf, 0.0, inf, reason=f"{what} {does}")
