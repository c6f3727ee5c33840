"""What depth does to gradients: the winter, and what ended it.

A gradient passes every layer on its way to the first. Sigmoids, whose derivative is 1/4 at the
most, on weights of the old rule of thumb shrink it sevenfold in each: deep networks do not
train. ReLUs on weights that keep the variance pass it on.

The gradients are taken in float64: over eight layers the worst case of float32's roundings is
larger than the gradients themselves, and nothing could be judged. Training is in float32.

Sources: Hochreiter, diploma thesis, TU München (1991); Glorot and Bengio, AISTATS 2010; Glorot,
Bordes and Bengio, AISTATS 2011 (ReLU); He et al., ICCV 2015.
"""

from collections.abc import Iterator

from bakeoff.case import Case, draw
from bakeoff.passes import includes
from bakeoff.program import Value, gradient, trace, training
from bakeoff_history.networks import Activation, FirstWeights, Net, digits, rows

WIDTH, BATCH = 32, 64
DEPTHS = (1, 2, 4, 8)  # hidden layers
KINDS: tuple[tuple[Activation, FirstWeights], ...] = (
    ("sigmoid", "naive"), ("sigmoid", "glorot"), ("relu", "naive"), ("relu", "he"),
)  # fmt: skip
MORE_KINDS: tuple[tuple[Activation, FirstWeights], ...] = (("tanh", "naive"), ("tanh", "glorot"))

STEPS, BATCHES, LR = 150, 8, 0.1
TRAINED = (
    Net((WIDTH,), "sigmoid", "naive"),
    Net((WIDTH,) * 3, "sigmoid", "naive"),
    Net((WIDTH,) * 6, "sigmoid", "naive"),
    Net((WIDTH,) * 6, "relu", "he"),
)


def gradients(kinds: tuple[tuple[Activation, FirstWeights], ...]) -> Iterator[Case]:
    """Yield the gradients of networks of every depth."""
    for activation, init in kinds:
        for depth in DEPTHS:
            yield gradient_case(Net((WIDTH,) * depth, activation, init))


def gradient_case(net: Net) -> Case:
    """Take the gradient of the loss by the weights of every layer."""
    dtype, weights = "float64", net.params[::2]
    program = trace(
        net.loss(),
        [*net.values(dtype), *rows(BATCH, dtype), Value("dout", (), dtype)],
        gradient(weights, ["dout"]),
        name="depth",
    )
    return Case(
        suite="history",
        name=f"gradient-{net.kind}-{len(net.hidden)}",
        program=program,
        inputs={**net.draws(), **digits(), "dout": draw("constant", value=1.0)},
        dtype=dtype,
        title=f"{net.shape}, {net.activation}, {net.init} weights: the gradient in every layer",
        includes=includes(program),
        timed=False,
        tags=_tags(net, "gradient", dtype),
    )


def trainings() -> Iterator[Case]:
    """Yield trainings of `TRAINED`, from shallow to deep."""
    for net in TRAINED:
        yield training_case(net)


def training_case(net: Net) -> Case:
    """Train with plain gradient descent, as then."""
    dtype = "float32"
    program = trace(
        net.loss(),
        [*net.values(dtype), *rows(BATCH, dtype)],
        training(net.params, "sgd", {"lr": LR}),
        name="winter",
    )
    return Case(
        suite="history",
        name=f"winter-{net.kind}-{len(net.hidden)}",
        program=program,
        inputs={**net.draws(), **digits()},
        dtype=dtype,
        title=f"{net.shape}, {net.activation}, {net.init} weights, sgd: {STEPS} steps",
        includes=includes(program),
        steps=STEPS,
        batches=BATCHES,
        timed=False,
        tags={**_tags(net, "winter", dtype), "optimizer": "sgd", "pass": "training"},
    )


def _tags(net: Net, story: str, dtype: str) -> dict[str, str | int | float]:
    return {
        "story": story,
        "shape": net.shape,
        "depth": len(net.hidden),
        "activation": net.activation,
        "init": net.init,
        "dtype": dtype,
        "pass": "gradient",
    }
