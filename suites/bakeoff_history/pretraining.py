"""Pre-training: many images without labels, then few with them.

A deep network of sigmoids does not train from weights of the old rule of thumb. Grown layer by
layer into an auto-encoder, which needs no labels, it comes to weights from which it does. ReLUs
on He's weights need none of that. Labels are `LABELLED` of the 4,000 training images.

An auto-encoder's way back has the weights of its way there, transposed, and no biases. Its
stages train by Adam, the labels by plain gradient descent, for all epochs: what is compared is
where they come to.

Sources: Hinton and Salakhutdinov, Science 313 (2006); Bengio, Lamblin, Popovici and Larochelle,
Greedy layer-wise training of deep networks, NIPS 2006.
"""

from collections.abc import Iterator
from typing import Any

from bakeoff.case import Case, Fit, Stage
from bakeoff.program import Program, Value, trace, training
from bakeoff_history.networks import DATASET, PIXELS, Net, digits, reconstruction_loss, rows

HIDDEN = (64, 32, 16)
DTYPE, TEST_ROWS = "float32", 1000
LABELLED, BATCH, EPOCHS, LR = 200, 20, 40, 0.5
UNLABELLED_BATCH, UNLABELLED_EPOCHS, UNLABELLED_LR = 64, 4, 0.003
RELU_LR = 0.05

OLD, NEW = Net(HIDDEN, "sigmoid", "naive"), Net(HIDDEN, "relu", "he")


def pretraining() -> Iterator[Case]:
    """Yield the training on few labels: as it was, after pre-training, and with ReLUs."""
    yield _case(OLD, "none", LR)
    yield _case(OLD, "autoencoder", LR, stages(OLD))
    yield _case(NEW, "none", RELU_LR)


def stages(net: Net) -> tuple[Stage, ...]:
    """Return the auto-encoders, of one layer to all of them, each from the last one's weights."""
    return tuple(
        Stage(_autoencoder(net, layers), UNLABELLED_EPOCHS)
        for layers in range(1, len(net.hidden) + 1)
    )


def _autoencoder(net: Net, layers: int) -> Program:
    def autoencoder(ops: Any, *tensors: Any) -> Any:
        *params, x = tensors
        code = net.hidden_units(ops, params, x)  # (N, units)
        for w in params[-2::-2]:  # the last layer's weights first
            code = ops.matmul(code, ops.permute_dims(w, (1, 0)))
            if w is not params[0]:
                code = getattr(ops, net.activation)(code)
        return reconstruction_loss(ops, code, x)  # code: (N, pixels)

    return trace(
        autoencoder,
        [*net.values(DTYPE, layers), Value("x", (UNLABELLED_BATCH, PIXELS), DTYPE)],
        training(net.params_of(layers), "adam", {"lr": UNLABELLED_LR}),
    )


def _case(net: Net, before: str, lr: float, pretrained: tuple[Stage, ...] = ()) -> Case:
    program = trace(
        net.loss(),
        [*net.values(DTYPE), *rows(BATCH, DTYPE)],
        training(net.params, "sgd", {"lr": lr}),
        name="pretraining",
    )
    predict = trace(
        net.logits(), [*net.values(DTYPE), Value("x", (TEST_ROWS, PIXELS), DTYPE)], name="predict"
    )
    fit = Fit(predict, DATASET, BATCH, EPOCHS, None, 0, 1, LABELLED, pretrained)
    told = "after pre-training" if pretrained else "no pre-training"
    return Case(
        suite="history",
        name=f"pretraining-{before}-{net.kind}",
        program=program,
        inputs={**net.draws(), **digits()},
        dtype=DTYPE,
        title=f"{net.shape}, {net.activation}, {LABELLED} labels, {told}: {EPOCHS} epochs",
        includes=(
            f"Training on {LABELLED} labelled images for {EPOCHS} epochs: gathering each batch "
            "from arrays on the host, moving it to the device, and the training step; what is "
            "compiled at the first step is in it. Evaluation and pre-training are not."
        ),
        fit=fit,
        timed=False,
        tags={
            "story": "pretraining",
            "shape": net.shape,
            "activation": net.activation,
            "init": net.init,
            "pretraining": before,
            "labels": LABELLED,
            "optimizer": "sgd",
            "dtype": DTYPE,
            "pass": "training",
        },
    )
