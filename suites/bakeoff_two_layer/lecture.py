"""What lectures vary of the training: the learning rate over time, the first weights, dropout.

Each is held to the float64 oracle for `STEPS` steps, losses and parameters, and trained to the
target. Schedules count steps, 62 to an epoch. The first weights are, for a layer of n
inputs: *naive*, U(-1/√n, 1/√n), the rule of thumb of the time before 2010 (Glorot and Bengio,
AISTATS 2010, eq. 1); *glorot*, their eq. 16. The suite's other cases begin with He's.

Dropout is trained for its steps only: its noise is drawn once, the same for every toolkit.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import sqrt
from typing import Any

from bakeoff.case import Case, Draw, draw
from bakeoff.passes import includes
from bakeoff.program import Value, trace, training

STEPS = 100
EPOCH = 62  # steps

SCHEDULES: dict[str, dict[str, float]] = {
    "step_decay": {"d": 0.5, "t0": 2.0 * EPOCH},  # eta = eta0 d^((t - t0)/t0)
    "exponential": {"gamma": 0.998},
    "cosine": {"steps": 20.0 * EPOCH, "lr_min": 0.001},
    "warmup": {"steps": 2.0 * EPOCH},
}
SCHEDULED_LR = 0.2
RATE = 0.5  # of dropout


def variations(base: Case) -> Iterator[Case]:
    """Yield the base's training with each schedule, from each kind of weights, and dropout.

    Each is first held to the oracle for its steps, and then trained to the target.
    """
    ask = base.program.ask
    for name, parameters in SCHEDULES.items():
        scheduled = training(
            ask["params"], ask["optimizer"], {"lr": SCHEDULED_LR}, {"name": name, **parameters}
        )
        varied = replace(base, program=base.program._replace(ask=scheduled))
        yield from _varied(varied, "schedule", name)
    for name, weights in _first_weights(base).items():
        yield from _varied(replace(base, inputs={**base.inputs, **weights}), "init", name)
    yield _steps(_with_dropout(base), "regularisation", "dropout")


def _first_weights(base: Case) -> dict[str, dict[str, Draw]]:
    shapes = {v.name: v.shape for v in base.program.inputs if v.name in ("w1", "w2")}
    limits = {name: 1 / sqrt(shape[0]) for name, shape in shapes.items()}
    return {
        "naive": {name: draw("uniform", low=-x, high=x) for name, x in limits.items()},
        "glorot": {name: draw("glorot") for name in shapes},
    }


def _varied(base: Case, what: str, name: str) -> Iterator[Case]:
    yield _steps(base, what, name)
    assert base.fit is not None
    yield replace(
        base,
        name=f"{base.name.removesuffix('-fit')}-{name}-fit",
        title=f"{base.title}, {name.replace('_', ' ')}",
        fit=replace(base.fit, rounds=2),
        tags={**base.tags, what: name},
    )


def _steps(base: Case, what: str, name: str) -> Case:
    return replace(
        base,
        name=f"{base.name.removesuffix('-fit')}-{name}-steps",
        title=f"{base.title.partition(':')[0]}, {name.replace('_', ' ')}: {STEPS} steps",
        includes=includes(base.program),
        steps=STEPS,
        fit=None,
        tags={**base.tags, what: name},
    )


def dropout_loss(ops: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any, noise: Any) -> Any:
    """Mean cross-entropy of a network of two layers whose hidden units are dropped by chance.

    x (N, pixels), y (N,), noise (N, hidden), uniform: units are kept where it is at least `RATE`.
    """
    hidden = ops.relu(ops.bias_add(ops.matmul(x, w1), b1))  # (N, hidden)
    logits = ops.bias_add(ops.matmul(ops.dropout(hidden, noise, rate=RATE), w2), b2)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(logits, y))


def _with_dropout(base: Case) -> Case:
    """Return the base's training with dropout, on noise that is given."""
    values = {v.name: v for v in base.program.inputs}
    noise = Value("noise", (values["x"].shape[0], values["b1"].shape[0]), base.dtype)
    program = trace(dropout_loss, [*base.program.inputs, noise], base.program.ask)
    inputs = {**base.inputs, "noise": draw("uniform", low=0.0, high=1.0)}
    return replace(base, program=program, inputs=inputs)
