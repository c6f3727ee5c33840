"""Universality: one hidden layer, if it is wide enough, learns any labels by heart.

Digits with labels that were thrown by dice hold nothing to be understood. A mean loss below
ln 2 / N proves that each of N labels is known: were one not the most probable, its own share
alone would be ln 2 or more. Momentum on all rows at once, `STEPS` steps. Nothing in it hangs on
a rounding: hyperbolic tangents have no kink as ReLUs have, and Adam, which divides by gradients
however small, is left out (see `bakeoff.envelope`).

Sources: Cybenko, Mathematics of Control, Signals and Systems 2 (1989) (universality); Zhang et
al., Understanding deep learning requires rethinking generalization, ICLR 2017 (random labels).
"""

from collections.abc import Iterator

from bakeoff.case import Case, draw
from bakeoff.passes import includes
from bakeoff.program import trace, training
from bakeoff_history.networks import CLASSES, Net, digits, rows

ROWS, STEPS, LR = 64, 80, 0.1
WIDTHS = (2, 8, 32, 128)


def memory() -> Iterator[Case]:
    """Yield a training on random labels for each width, and one on the true ones."""
    for width in WIDTHS:
        yield memory_case(width, "random")
    yield memory_case(WIDTHS[-1], "true")


def memory_case(width: int, labels: str) -> Case:
    """Train one hidden layer on labels that are ``random`` or ``true``."""
    dtype, net = "float32", Net((width,), "tanh", "glorot")
    program = trace(
        net.loss(),
        [*net.values(dtype), *rows(ROWS, dtype)],
        training(net.params, "momentum", {"lr": LR}),
        name="memory",
    )
    draws = {**net.draws(), **digits()}
    if labels == "random":
        draws["y"] = draw("integers", high=CLASSES)
    return Case(
        suite="history",
        name=f"memory-{width}-{labels}-labels",
        program=program,
        inputs=draws,
        dtype=dtype,
        title=f"{net.shape} on {ROWS} digits with {labels} labels: {STEPS} steps",
        includes=includes(program),
        steps=STEPS,
        timed=False,
        tags={
            "story": "memory",
            "shape": net.shape,
            "hidden": width,
            "labels": labels,
            "rows": ROWS,
            "optimizer": "momentum",
            "dtype": dtype,
            "pass": "training",
        },
    )
