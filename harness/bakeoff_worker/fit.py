"""Training for epochs, to a stated accuracy on rows that were not trained on."""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from bakeoff_worker import measure
from bakeoff_worker.program import Program


class Fitted(NamedTuple):
    """What `fit` returns.

    ``losses`` (epochs, steps) in float64, ``before`` those of the stages before, in one row;
    ``predictions`` the class of each test row
    after the last epoch; ``params`` the final parameters; ``epochs`` one entry each, with
    ``wall_ns`` and ``cpu_ns`` of its training, ``evaluate_ns`` and ``accuracy``; ``before_ns``
    the wall time of the stages before.
    """

    losses: Any
    before: Any
    predictions: Any
    params: List[Any]
    epochs: List[Dict[str, float]]
    reached: bool
    transfer_ns: int
    compile_ns: int
    before_ns: int


def fit(
    adapter: Any,
    program: Program,
    predict: Program,
    params: Mapping[str, Any],
    train: Mapping[str, Any],
    order: Any,
    test_x: Any,
    test_y: Any,
    target_accuracy: Optional[float] = None,
    noise: Optional[Mapping[str, Any]] = None,
    before: Sequence[Tuple[Program, Any]] = (),
) -> Fitted:
    """Train in the given batch order; stop after the epoch that reaches the target.

    An epoch's ``wall_ns`` and ``cpu_ns`` include, for each step: gathering the batch's
    rows from the host arrays, making tensors of them, and the optimizer step; then one
    synchronisation at the end. Evaluation, loading the first parameters and
    `Adapter.compile` are outside; what a toolkit compiles at its first step is in the
    first epoch.

    Parameters
    ----------
    program, predict
        A training program, and a forward program with inputs ``params`` and then one
        input of rows, whose single output is the logits (rows, classes).
    params
        First values by name.
    train
        Arrays of all training rows, by the program's data inputs.
    order
        Row numbers, (epochs, steps, batch).
    noise
        What goes by the step and not by the row: (steps, batch, ...) by data input, the same
        in every epoch. Epochs shuffle the rows, so that none keeps its noise.
    test_x, test_y
        Test rows and their classes. Rows go through ``predict`` in chunks of its batch
        size; the last chunk is filled up with first rows, whose results are dropped.
    before
        Stages of pre-training, each a training program and its order of rows: what they make
        of the parameters is where the next begins.
    """
    types = {v.name: v.dtype for v in program.inputs}
    start = measure.wall_ns()
    params = dict(params)
    earlier: List[float] = []
    for stage, rows_of_stage in before:
        earlier.extend(pretrain(adapter, stage, params, train, rows_of_stage))
    before_ns = measure.wall_ns() - start
    start = measure.wall_ns()
    first = [adapter.tensor(np.array(params[n]), types[n]) for n in program.ask["params"]]
    adapter.synchronize(first)
    transfer_ns = measure.wall_ns() - start
    start = measure.wall_ns()
    step = adapter.compile(program)
    predictor = adapter.compile(predict)
    adapter.synchronize()
    compile_ns = measure.wall_ns() - start
    step.load(first)
    adapter.synchronize()  # the first epoch must not pay for it

    drawn = noise or {}
    losses: List[List[float]] = []
    epochs: List[Dict[str, float]] = []
    predictions = np.zeros(0, dtype=np.int64)
    for rows_of_steps in order:
        watch = measure.Stopwatch()
        watch.start()
        epoch_losses = run_epoch(adapter, program, step, train, drawn, rows_of_steps)
        watch.stop()
        losses.append(as_floats(adapter, epoch_losses))
        start = measure.wall_ns()
        present = dict(zip(program.ask["params"], step.params()))
        predictions = predict_classes(adapter, predict, predictor, present, test_x)
        accuracy = float(np.mean(predictions == np.asarray(test_y)))
        epochs.append(
            {
                "wall_ns": watch.wall_ns,
                "cpu_ns": watch.cpu_ns,
                "evaluate_ns": measure.wall_ns() - start,
                "accuracy": accuracy,
            }
        )
        if target_accuracy is not None and accuracy >= target_accuracy:
            break
    final = [np.array(adapter.to_numpy(p)) for p in step.params()]
    reached = bool(epochs) and target_accuracy is not None
    reached = reached and epochs[-1]["accuracy"] >= (target_accuracy or 0.0)
    return Fitted(
        np.array(losses, "f8"), np.array(earlier, "f8"), predictions, final, epochs, reached,
        transfer_ns, compile_ns, before_ns,
    )  # fmt: skip


def run_epoch(
    adapter: Any,
    program: Program,
    step: Any,
    train: Mapping[str, Any],
    drawn: Mapping[str, Any],
    rows_of_steps: Any,
) -> List[Any]:
    """Take the steps of an epoch, gathering each batch's rows; return the losses when done."""
    columns = [(v.name, v.dtype) for v in program.data_inputs]
    losses: List[Any] = []
    for i, rows in enumerate(rows_of_steps):
        arrays = [train[n][rows] if n in train else drawn[n][i] for n, _ in columns]
        batch = [adapter.tensor(np.asarray(a), t) for a, (_, t) in zip(arrays, columns)]
        losses.extend(step(*batch))
    adapter.synchronize(losses)
    return losses


def as_floats(adapter: Any, losses: Sequence[Any]) -> List[float]:
    """Return losses as numbers: the next epochs must not hold the toolkit's scalars alive."""
    return [float(np.asarray(adapter.to_numpy(x)).reshape(())) for x in losses]


def pretrain(
    adapter: Any, program: Program, params: Dict[str, Any], train: Mapping[str, Any], order: Any
) -> List[float]:
    """Train a program's parameters through all epochs, and put them into ``params``."""
    names = program.ask["params"]
    types = {v.name: v.dtype for v in program.inputs}
    step = adapter.compile(program)
    step.load([adapter.tensor(np.array(params[n]), types[n]) for n in names])
    losses: List[float] = []
    for rows_of_steps in order:
        losses += as_floats(adapter, run_epoch(adapter, program, step, train, {}, rows_of_steps))
    params.update((n, np.array(adapter.to_numpy(p))) for n, p in zip(names, step.params()))
    return losses


def predict_classes(
    adapter: Any, predict: Program, predictor: Any, params: Mapping[str, Any], test_x: Any
) -> Any:
    """Return the class with the greatest logit for each test row, int64."""
    rows = predict.inputs[-1]
    weights = tuple(params[v.name] for v in predict.inputs[:-1])
    size, count = rows.shape[0], len(test_x)
    classes = np.zeros(count, dtype=np.int64)
    for begin in range(0, count, size):
        index = np.arange(begin, begin + size) % count
        x = adapter.tensor(np.asarray(test_x[index]), rows.dtype)
        (logits,) = predictor(*weights, x)
        end = min(begin + size, count)
        best = np.argmax(np.asarray(adapter.to_numpy(logits)), axis=-1)  # (size,)
        classes[begin:end] = best[: end - begin]
    return classes
