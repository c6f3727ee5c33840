"""Training to a stated accuracy on one worker, as part of a trial."""

from itertools import accumulate

from bakeoff.energy import Meter, counters
from bakeoff.examiner import Examiner
from bakeoff.inputs import FitArrays, fit_noise, fit_rows
from bakeoff.record import Check
from bakeoff.replies import Array, Fitted
from bakeoff.trial import Trial


def fit(
    trial: Trial,
    inputs: dict[str, Array],
    data: FitArrays,
    timeout_s: float,
    examiner: Examiner | None = None,
) -> None:
    """Train from the case's parameters, and judge whether the accuracy was reached.

    With an examiner, the training is also compared with the oracle's.

    The figures are ``time_to_target_ns`` (absent if the target was not reached), ``before_ns``
    of the stages before, ``fit_wall_ns`` and ``fit_cpu_ns`` of the training of all epochs run,
    ``epochs``, ``steps`` and ``accuracy``; and ``energy_rapl_j`` and ``energy_nvml_j``, of all
    that ran meanwhile, where they can be read and the training took ten seconds. The series hold
    one number per epoch: ``accuracy``, ``losses`` (the mean over the epoch's steps),
    ``oracle_losses`` (the truth's), ``seconds`` (of training, up to the epoch's end); one per
    step of the stages before, ``before_losses``; and ``predictions``, the class of each test row,
    beside its true one in ``labels``.
    """
    case = trial.case
    assert case.fit is not None
    wanted = case.fit
    epochs = data.order.reshape(wanted.epochs, -1, wanted.batch_size)  # (epochs, steps, batch)
    train, noise = fit_rows(case, data), fit_noise(case)
    params = {name: inputs[name] for name in case.program.ask["params"]}
    meter = Meter(counters())
    fitted = trial.attempt(
        lambda worker: worker.fit(
            case.program,
            wanted.predict,
            params=params,
            train=train,
            noise=noise,
            order=epochs,
            test_x=data.test_x,
            test_y=data.test_y,
            target_accuracy=wanted.target_accuracy,
            before=data.stages(wanted),
            timeout_s=timeout_s,
        )
    )
    if fitted is not None:
        trial.figures.update(meter.figures())
        _note(trial, fitted, wanted.target_accuracy)
        trial.series["labels"] = tuple(int(v) for v in data.test_y)
        if examiner is not None:
            checks, losses = examiner.fit(case, inputs, fitted, trial.tf32)
            trial.series["oracle_losses"] = losses
            trial.judge(checks)


def _note(trial: Trial, fitted: Fitted, target: float | None) -> None:
    accuracy = fitted["accuracy"][-1]
    trial.figures.update(
        transfer_ns=fitted["transfer_ns"],
        compile_ns=fitted["compile_ns"],
        fit_wall_ns=sum(fitted["wall_ns"]),
        fit_cpu_ns=sum(fitted["cpu_ns"]),
        epochs=len(fitted["accuracy"]),
        steps=fitted["losses"].size,
        accuracy=accuracy,
    )
    if fitted["before"].size:
        trial.figures["before_ns"] = fitted["before_ns"]
        trial.series["before_losses"] = tuple(map(float, fitted["before"]))
    if fitted["time_to_target_ns"] is not None:
        trial.figures["time_to_target_ns"] = fitted["time_to_target_ns"]
    trial.series["accuracy"] = tuple(fitted["accuracy"])
    trial.series["losses"] = tuple(float(v) for v in fitted["losses"].mean(axis=1))
    trial.series["seconds"] = tuple(ns / 1e9 for ns in accumulate(fitted["wall_ns"]))
    trial.series["predictions"] = tuple(int(v) for v in fitted["predictions"])
    if target is None:
        return
    error, bound = 1 - accuracy, 1 - target
    reason = "" if fitted["reached"] else (
        f"accuracy {accuracy:.4f} after {len(fitted['accuracy'])} epochs, expected {target}"
    )  # fmt: skip
    fraction = error / bound if bound > 0 else (0.0 if error <= 0 else float("inf"))
    trial.judge((Check("accuracy", "target", error, bound, fraction, reason=reason),))
