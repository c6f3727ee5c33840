"""The first call of a prepared program, and its judgement: what runs and pytest both begin with."""

from collections.abc import Mapping

from bakeoff.examiner import Examiner
from bakeoff.replies import Array
from bakeoff.trial import Trial
from bakeoff.truth import kept_steps


def first_call(trial: Trial, inputs: Mapping[str, Array], examiner: Examiner | None) -> None:
    """Call a program for the first time, or train with it, and have the result judged.

    Without an examiner nothing is judged, and a training program does a single step.
    """
    case = trial.case
    if case.program.kind == "training":
        steps = max(1, case.steps) if examiner is not None else 1
        trained = trial.train(steps, kept_steps(steps))
        if trained is not None and examiner is not None and case.steps:
            checks, series = examiner.training(case, inputs, trained, trial.tf32)
            trial.series.update(series)
            trial.judge(checks)
        return
    outputs = trial.call()
    if outputs is not None and examiner is not None:
        trial.judge(examiner.call(case, inputs, outputs, trial.tf32))
