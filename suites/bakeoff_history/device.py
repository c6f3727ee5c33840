"""The step that GPUs made seventy times as fast: an auto-encoder's, on many hidden units.

Source of the claim: Raina, Madhavan and Ng, Large-scale deep unsupervised learning using
graphics processors, ICML 2009: "up to 70 times faster" than on a processor of two cores.
"""

from typing import Any

from bakeoff.case import Case, draw
from bakeoff.passes import includes
from bakeoff.program import Value, trace, training
from bakeoff_history.networks import DATASET, PIXELS, reconstruction_loss

HIDDEN, BATCH, BATCHES, LR = 1024, 256, 4, 0.01


def autoencoder_loss(ops: Any, w: Any, b: Any, x: Any) -> Any:
    """Mean squared error of images seen through sigmoid units, and back by the same weights.

    w (pixels, hidden), b (hidden,), x (N, pixels).
    """
    hidden = ops.sigmoid(ops.bias_add(ops.matmul(x, w), b))  # (N, hidden)
    return reconstruction_loss(ops, ops.matmul(hidden, ops.permute_dims(w, (1, 0))), x)


def device_case() -> Case:
    """One step of unsupervised training, large enough for a device."""
    dtype = "float32"
    program = trace(
        autoencoder_loss,
        [
            Value("w", (PIXELS, HIDDEN), dtype),
            Value("b", (HIDDEN,), dtype),
            Value("x", (BATCH, PIXELS), dtype),
        ],
        training(["w", "b"], "sgd", {"lr": LR}),
    )
    shape = f"{PIXELS}-{HIDDEN}-{PIXELS}"
    return Case(
        suite="history",
        name=f"autoencoder-{HIDDEN}-step",
        program=program,
        inputs={
            "w": draw("glorot"),
            "b": draw("zeros"),
            "x": draw("dataset", name=DATASET, part="train", field="x"),
        },
        dtype=dtype,
        title=f"Auto-encoder {shape}, batch {BATCH}, sgd: one step",
        includes=includes(program),
        steps=2,
        batches=BATCHES,
        tags={
            "story": "device",
            "shape": shape,
            "hidden": HIDDEN,
            "batch": BATCH,
            "optimizer": "sgd",
            "dtype": dtype,
            "pass": "training",
        },
    )
