"""The suite `engine`: training steps with every optimizer, and a chain of small operations."""

from collections.abc import Iterator
from typing import Any

from bakeoff.case import Case, Preset, Suite, draw
from bakeoff.passes import gradient_program, includes
from bakeoff.program import Value, trace, training
from bakeoff_two_layer.workloads import two_layer_loss
from bakeoff_worker.optimizers import DEFINITIONS

OPTIMIZERS = tuple(DEFINITIONS)
NETS = {"784-128-10": (64, 256), "64-32-10": (16,)}  # pixels-hidden-classes → batch sizes
BATCHES = 4  # that lie ready
LENGTH = 100
CHAIN = f"chain-{LENGTH}"


def step_name(net: str, batch: int, optimizer: str) -> str:
    return f"{net}-batch{batch}-{optimizer}"


def chain(ops: Any, x: Any, w: Any, b: Any) -> Any:
    """Multiply and add in turn, `LENGTH` operations in all; every one needs a gradient of x."""
    for _ in range(LENGTH // 2):
        x = ops.add(ops.multiply(x, w), b)
    return x


def _cases(preset: Preset) -> Iterator[Case]:
    for net, batches in NETS.items():
        for batch in batches:
            for optimizer in OPTIMIZERS:
                yield step(net, batch, optimizer)
    yield _chain()


def step(net: str, batch: int, optimizer: str) -> Case:
    """One training step of a network of two layers."""
    pixels, hidden, classes = map(int, net.split("-"))
    shapes = {"w1": (pixels, hidden), "b1": (hidden,), "w2": (hidden, classes), "b2": (classes,)}
    values = [Value(name, shape, "float32") for name, shape in shapes.items()]
    data = [Value("x", (batch, pixels), "float32"), Value("y", (batch,), "int64")]
    program = trace(
        two_layer_loss, [*values, *data], training(list(shapes), optimizer, {"lr": 0.001})
    )
    inputs = {"w1": draw("he"), "b1": draw("zeros"), "w2": draw("glorot"), "b2": draw("zeros"),
              "x": draw("uniform"), "y": draw("integers", high=classes)}  # fmt: skip
    return Case(
        "engine", step_name(net, batch, optimizer), program, inputs, "float32",
        includes=includes(program), steps=10, batches=BATCHES,
    )  # fmt: skip


def _chain() -> Case:
    values = [Value(name, (64, 10), "float32") for name in ("x", "w", "b")]
    program = gradient_program(chain, values, ["x"])
    inputs = {"x": draw("normal"), "w": draw("uniform", low=0.9, high=1.1), "b": draw("normal"),
              "cotangent": draw("normal")}  # fmt: skip
    return Case("engine", CHAIN, program, inputs, "float32", includes=includes(program))


SUITE = Suite("engine", "Engine", "Training steps, and a chain of small operations.", _cases)
