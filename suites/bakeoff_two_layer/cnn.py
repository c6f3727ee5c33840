"""The cases of a small convolutional network: a training step, and training to an accuracy.

Dropout takes its mask as data, the same on every backend: half of all `NOISE` keeps, half drops.
Neither value is near the rate of 0.5, so that no rounding turns a mask. The biases of the
convolutions begin at `BIAS`: from zero, black pixels would hold every ReLU at exactly 0, where
toolkits differ in what they call its derivative.

The target is 0.95 of the 1,000 test images, chosen by measurement: with the rates of `RATES` and
Adam the network came to it in each of 14 trials (ten values of ``Fit.order_seed``; four of it and
``Case.seed`` together; float32, NumPy) after 3 to 6 epochs. With the seeds used here no epoch comes
nearer than 4 images below it before the sixth, which is 6 above it.
"""

from collections.abc import Iterator

from bakeoff.case import PRESETS, Case, Draw, Fit, Preset, draw
from bakeoff.passes import includes
from bakeoff.program import Program, Value, trace, training
from bakeoff_two_layer.workloads import cnn_logits, cnn_loss

DATASET = "bakeoff_two_layer:mnist5000"
PIXELS, TEST_ROWS = 784, 1000
SHAPES = {
    "k1": (8, 1, 5, 5), "c1": (8,), "k2": (16, 8, 3, 3), "c2": (16,), "w": (784, 10), "b": (10,),
}  # fmt: skip
NOISE = [0.25, 0.75]
BIAS = 0.1

TARGET_ACCURACY = 0.95
EPOCHS = 12
ORDER_SEED = 4
BATCH = 64
RATES = {"sgd": 0.05, "adam": 0.002}


def cases(preset: Preset) -> Iterator[Case]:
    """Yield the cells of a preset."""
    level = PRESETS.index(preset)
    if level >= PRESETS.index("standard"):
        for optimizer in RATES:
            yield step_case(optimizer, "float32")
        yield fit_case("adam")
    if preset == "full":
        for optimizer in RATES:
            yield step_case(optimizer, "float64")


def step_case(optimizer: str, dtype: str) -> Case:
    """One training step of the network, on digits."""
    program = _training(optimizer, dtype)
    return Case(
        suite="two_layer",
        name=f"cnn-{dtype}-batch{BATCH}-{optimizer}-step",
        program=program,
        inputs=_draws(),
        dtype=dtype,
        title=f"cnn, batch {BATCH}, {optimizer}: one step",
        includes=includes(program),
        steps=20,
        batches=8,
        tags=_tags(optimizer, dtype),
    )


def fit_case(optimizer: str) -> Case:
    """Train the network on digits until it reaches the target accuracy."""
    dtype = "float32"
    parameters = _parameters(dtype)
    predict = trace(cnn_logits, [*parameters, Value("x", (TEST_ROWS, PIXELS), dtype)])
    return Case(
        suite="two_layer",
        name=f"cnn-{dtype}-batch{BATCH}-{optimizer}-fit",
        program=_training(optimizer, dtype),
        inputs=_draws(),
        dtype=dtype,
        title=f"cnn, batch {BATCH}, {optimizer}: to {TARGET_ACCURACY:.0%} right",
        includes=(
            "Training, epoch by epoch, until the first whose test accuracy reaches "
            f"{TARGET_ACCURACY}: gathering each batch and its noise from arrays on the host, "
            "moving them to the device, and the training step; what is compiled at the first "
            "step is in it. Evaluation on the test images is not."
        ),
        fit=Fit(predict, DATASET, BATCH, EPOCHS, TARGET_ACCURACY, ORDER_SEED),
        batches=8,
        timed=False,
        tags=_tags(optimizer, dtype),
    )


def _training(optimizer: str, dtype: str) -> Program:
    data = [
        Value("x", (BATCH, PIXELS), dtype),
        Value("y", (BATCH,), "int64"),
        Value("noise", (BATCH, PIXELS), dtype),
    ]
    ask = training(list(SHAPES), optimizer, {"lr": RATES[optimizer]})
    return trace(cnn_loss, [*_parameters(dtype), *data], ask)


def _parameters(dtype: str) -> list[Value]:
    return [Value(name, shape, dtype) for name, shape in SHAPES.items()]


def _draws() -> dict[str, Draw]:
    return {
        "k1": draw("he"),
        "c1": draw("constant", value=BIAS),
        "k2": draw("he"),
        "c2": draw("constant", value=BIAS),
        "w": draw("glorot"),
        "b": draw("zeros"),
        "x": draw("dataset", name=DATASET, part="train", field="x"),
        "y": draw("dataset", name=DATASET, part="train", field="y"),
        "noise": draw("among", values=NOISE),
    }


def _tags(optimizer: str, dtype: str) -> dict[str, str | int | float]:
    return {
        "shape": "cnn",
        "batch": BATCH,
        "optimizer": optimizer,
        "dtype": dtype,
        "pass": "training",
    }
