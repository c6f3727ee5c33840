"""The cases: the cost of a training step, and training to a stated accuracy.

The target is 0.92 of the 1,000 test images, chosen by measurement: with the rates of
`OPTIMIZERS`, a 784-128-10 network at batch 64 came to it in each of 20 trials (``Case.seed``
and ``Fit.order_seed`` from 0 to 19, float32, NumPy): after 5 to 9 epochs with plain SGD,
2 to 4 with momentum, Nesterov and Adam; 784-1024-10 at batch 256 after 3 or 4 epochs with
Adam in each of 5. With the seeds used here (0 for weights, `ORDER_SEED` for the batches)
the epoch before the last is at least 3 images below the target and the last at least 3
above it, so that rounding alone should not move the epoch in which a backend arrives.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bakeoff.case import PRESETS, Case, Draw, Fit, Preset, Suite, draw
from bakeoff.passes import includes
from bakeoff.program import Program, Value, trace, training
from bakeoff_two_layer import cnn
from bakeoff_two_layer.lecture import variations
from bakeoff_two_layer.seeds import seeds
from bakeoff_two_layer.workloads import linear_loss, two_layer_logits, two_layer_loss

DATASET = "bakeoff_two_layer:mnist5000"
PIXELS, CLASSES, TEST_ROWS = 784, 10, 1000
PARAMS = ("w1", "b1", "w2", "b2")

# The solution that linear regression must find.
WEIGHT = (2.0, -3.4, 0.5, 1.5, -1.0, 0.25, 4.0, -2.5)
BIAS = 4.2
NOISE = 0.01


@dataclass(frozen=True, slots=True)
class Choice:
    """Learning rates for timing a step and for training to the target; epochs allowed."""

    step_lr: float
    fit_lr: float
    epochs: int


OPTIMIZERS = {
    "sgd": Choice(0.01, 0.1, 20),
    "momentum": Choice(0.01, 0.05, 12),
    "nesterov": Choice(0.01, 0.05, 12),
    "adam": Choice(0.001, 0.001, 12),
}
TARGET_ACCURACY = 0.92
ORDER_SEED = 5
HIDDEN = (128, 1024)
BATCHES = {16: 8, 64: 8, 256: 4, 512: 4, 1024: 3}  # batch size -> how many of them lie ready
SCALED = (16, 1024)  # for cost against size, and with few optimizers

_SMALL: dict[tuple[int, int, str], Preset] = {
    (128, 64, "sgd"): "smoke",
    (128, 64, "nesterov"): "quick",
    (128, 64, "adam"): "quick",
    (128, 256, "adam"): "quick",
}


def cases(preset: Preset) -> Iterator[Case]:
    """Yield the cells of a preset."""
    level = PRESETS.index(preset)
    yield linear_case("float32")
    if preset == "full":
        yield linear_case("float64")
    for hidden in HIDDEN:
        for batch in BATCHES:
            for optimizer in ("sgd", "adam") if batch in SCALED else OPTIMIZERS:
                if PRESETS.index(_first(hidden, batch, optimizer)) <= level:
                    yield step_case(hidden, batch, optimizer, "float32")
                if preset == "full" and batch == 64:
                    yield step_case(hidden, batch, optimizer, "float64")
    for optimizer in OPTIMIZERS:
        if PRESETS.index("quick" if optimizer == "adam" else "standard") <= level:
            yield fit_case(128, 64, optimizer)
    if level >= PRESETS.index("standard"):
        base = fit_case(128, 64, "sgd")
        yield from variations(base)
        yield from seeds(base)
    if preset == "full":
        yield fit_case(1024, 256, "adam")
    yield from cnn.cases(preset)


def museum() -> Iterator[Case]:
    """Yield the network as lectures show it: its steps, compared for 100, and one training."""
    for optimizer in ("sgd", "adam"):
        yield step_case(128, 64, optimizer, "float32")
    yield fit_case(128, 64, "adam")


def _first(hidden: int, batch: int, optimizer: str) -> Preset:
    """Return the smallest preset that times the step."""
    if batch in SCALED:
        return "standard" if (hidden, optimizer) == (128, "sgd") else "full"
    if hidden == 128 or optimizer in ("sgd", "adam"):
        return _SMALL.get((hidden, batch, optimizer), "standard")
    return "full"


def linear_case(dtype: str) -> Case:
    """Linear regression by Adam, on data with a known solution; 200 steps come to it."""
    batch, features = 64, len(WEIGHT)
    program = trace(
        linear_loss,
        [
            Value("x", (batch, features), dtype),
            Value("y", (batch, 1), dtype),
            Value("w", (features, 1), dtype),
            Value("b", (1,), dtype),
        ],
        training(["w", "b"], "adam", {"lr": 0.1}),
    )
    weight = [[w] for w in WEIGHT]  # (features, 1)
    return Case(
        suite="two_layer",
        name=f"linear-{dtype}-batch{batch}-adam-step",
        program=program,
        inputs={
            "x": draw("normal"),
            "y": draw("affine", of="x", weight=weight, bias=BIAS, noise=NOISE),
            "w": draw("normal"),
            "b": draw("zeros"),
        },
        dtype=dtype,
        title=f"Linear regression, {features} features, batch {batch}, Adam: one step",
        includes=includes(program),
        steps=200,
        batches=8,
        tags={
            "shape": "linear",
            "batch": batch,
            "optimizer": "adam",
            "dtype": dtype,
            "pass": "training",
        },
    )


def step_case(hidden: int, batch: int, optimizer: str, dtype: str) -> Case:
    """One training step of the network, on digits."""
    program = _training(hidden, batch, optimizer, OPTIMIZERS[optimizer].step_lr, dtype)
    return Case(
        suite="two_layer",
        name=f"{_net(hidden)}-{dtype}-batch{batch}-{optimizer}-step",
        program=program,
        inputs=_draws(),
        dtype=dtype,
        title=f"{_net(hidden)}, batch {batch}, {optimizer}: one step",
        includes=includes(program),
        steps=100 if hidden == 128 and batch == 64 else 20,
        batches=BATCHES[batch],
        tags=_tags(hidden, batch, optimizer, dtype),
    )


def fit_case(hidden: int, batch: int, optimizer: str) -> Case:
    """Train the network on digits until it reaches the target accuracy."""
    dtype, choice = "float32", OPTIMIZERS[optimizer]
    program = _training(hidden, batch, optimizer, choice.fit_lr, dtype)
    predict = trace(
        two_layer_logits,
        [*_parameters(hidden, dtype), Value("x", (TEST_ROWS, PIXELS), dtype)],
    )
    return Case(
        suite="two_layer",
        name=f"{_net(hidden)}-{dtype}-batch{batch}-{optimizer}-fit",
        program=program,
        inputs=_draws(),
        dtype=dtype,
        title=f"{_net(hidden)}, batch {batch}, {optimizer}: to {TARGET_ACCURACY:.0%} right",
        includes=(
            "Training, epoch by epoch, until the first whose test accuracy reaches "
            f"{TARGET_ACCURACY}: gathering each batch from arrays on the host, moving it to the "
            "device, and the training step; what is compiled at the first step is in it. "
            "Evaluation on the test images is not."
        ),
        fit=Fit(predict, DATASET, batch, choice.epochs, TARGET_ACCURACY, ORDER_SEED),
        batches=BATCHES[batch],
        timed=False,
        tags=_tags(hidden, batch, optimizer, dtype),
    )


def _training(hidden: int, batch: int, optimizer: str, lr: float, dtype: str) -> Program:
    return trace(
        two_layer_loss,
        [
            *_parameters(hidden, dtype),
            Value("x", (batch, PIXELS), dtype),
            Value("y", (batch,), "int64"),
        ],
        training(PARAMS, optimizer, {"lr": lr}),
    )


def _parameters(hidden: int, dtype: str) -> list[Value]:
    shapes = ((PIXELS, hidden), (hidden,), (hidden, CLASSES), (CLASSES,))
    return [Value(name, shape, dtype) for name, shape in zip(PARAMS, shapes, strict=True)]


def _draws() -> dict[str, Draw]:
    return {
        "w1": draw("he"),
        "b1": draw("zeros"),
        "w2": draw("glorot"),
        "b2": draw("zeros"),
        "x": draw("dataset", name=DATASET, part="train", field="x"),
        "y": draw("dataset", name=DATASET, part="train", field="y"),
    }


def _net(hidden: int) -> str:
    return f"{PIXELS}-{hidden}-{CLASSES}"


def _tags(hidden: int, batch: int, optimizer: str, dtype: str) -> dict[str, str | int | float]:
    return {
        "shape": _net(hidden),
        "hidden": hidden,
        "batch": batch,
        "optimizer": optimizer,
        "dtype": dtype,
        "pass": "training",
    }


SUITE = Suite(
    name="two_layer",
    title="Two-layer training",
    summary=(
        "Linear regression with a known solution, networks with one hidden layer and a small "
        "convolutional one on handwritten digits: the cost of a training step, and the time to a "
        "stated accuracy, from the same weights and batches on every backend."
    ),
    cases=cases,
    museum=museum,
)
