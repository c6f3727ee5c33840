"""Training loops in plain NumPy, in float64, and the comparison of a worker's training with them.

Written from the equations, without bakeoff's own code.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.program import Program, Value, trace, training
from bakeoff.worker import Worker

Array = NDArray[Any]

STEPS, ROWS, BATCHES = 12, 8, 3
OPTIMIZERS: dict[str, dict[str, float]] = {
    "sgd": {"lr": 0.1},
    "momentum": {"lr": 0.05, "momentum": 0.8},
    "nesterov": {"lr": 0.05, "momentum": 0.8},
    "adagrad": {"lr": 0.1},
    "rmsprop": {"lr": 0.01, "decay": 0.9},
    "adam": {"lr": 0.02, "beta2": 0.99},
    "adamw": {"lr": 0.02, "weight_decay": 0.1},
}
SCHEDULES: dict[str, dict[str, float]] = {
    "constant": {},
    "step_decay": {"d": 0.5, "t0": 4.0},
    "exponential": {"gamma": 0.9},
    "cosine": {"steps": 8, "lr_min": 0.001},
    "warmup": {"steps": 5},
}


def _update(name: str, h: dict[str, float]) -> Callable[..., None]:
    """Return an in-place update of one parameter, straight from the equations."""

    def apply(w: Array, g: Array, s: dict[str, Array], lr: float, t: int) -> None:
        if name == "sgd":
            w -= lr * g
        elif name in ("momentum", "nesterov"):
            s["v"] = h["momentum"] * s.get("v", 0) + g
            w -= lr * (s["v"] if name == "momentum" else g + h["momentum"] * s["v"])
        elif name == "adagrad":
            s["s"] = s.get("s", 0) + g**2
            w -= lr * g / (np.sqrt(s["s"]) + 1e-10)
        elif name == "rmsprop":
            s["s"] = h["decay"] * s.get("s", 0) + (1 - h["decay"]) * g**2
            w -= lr * g / (np.sqrt(s["s"]) + 1e-8)
        else:
            b1, b2 = 0.9, h.get("beta2", 0.999)
            w *= 1 - lr * h.get("weight_decay", 0.0)
            s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
            s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
            w -= lr * (s["m"] / (1 - b1**t)) / (np.sqrt(s["v"] / (1 - b2**t)) + 1e-8)

    return apply


def _rate(name: str, p: dict[str, float], lr: float, t: int) -> float:
    if name == "step_decay":
        return float(lr * p["d"] ** ((t - p["t0"]) / p["t0"]))
    if name == "exponential":
        return float(lr * p["gamma"] ** t)
    if name == "cosine":
        turn = math.pi * min(t, p["steps"]) / p["steps"]
        return p["lr_min"] + (lr - p["lr_min"]) * (1 + math.cos(turn)) / 2
    return lr * min(1.0, (t + 1) / p["steps"]) if name == "warmup" else lr


def _network(ops: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    hidden = ops.tanh(ops.bias_add(x @ w1, b1))
    logits = ops.bias_add(hidden @ w2, b2)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(logits, y))


SHAPES = {"w1": (5, 7), "b1": (7,), "w2": (7, 4), "b2": (4,), "x": (ROWS, 5)}


def training_program(optimizer: str, schedule: str, dtype: str, labels: str = "int64") -> Program:
    """Return the two-layer network with its training step."""
    values = [Value(name, shape, dtype) for name, shape in SHAPES.items()]
    ask = training(
        ["w1", "b1", "w2", "b2"],
        optimizer,
        OPTIMIZERS[optimizer],
        {"name": schedule, **SCHEDULES[schedule]},
    )
    return trace(_network, [*values, Value("y", (ROWS,), labels)], ask)


def training_inputs(dtype: str, labels: str = "int64") -> dict[str, Array]:
    """Return parameters, and `BATCHES` batches of data."""
    rng = np.random.default_rng(7)
    leading = {"x": (BATCHES,)}
    found = {
        name: rng.standard_normal(leading.get(name, ()) + shape).astype(dtype)
        for name, shape in SHAPES.items()
    }
    return {**found, "y": rng.integers(0, 4, (BATCHES, ROWS)).astype(labels)}


def _gradients(p: list[Array], x: Array, y: Array) -> tuple[float, list[Array]]:
    """Loss and gradients of the network, by hand."""
    w1, b1, w2, b2 = p
    hidden = np.tanh(x @ w1 + b1)
    logits = hidden @ w2 + b2
    shifted = logits - logits.max(1, keepdims=True)
    probabilities = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.log(probabilities[rows, y]).mean()
    d = probabilities.copy()
    d[rows, y] -= 1
    d /= len(y)
    dh = (d @ w2.T) * (1 - hidden**2)
    return float(loss), [x.T @ dh, dh.sum(0), hidden.T @ d, d.sum(0)]


def training_loop(
    optimizer: str, schedule: str, inputs: dict[str, Array]
) -> tuple[Array, list[Array]]:
    """Return the losses of `STEPS` steps and the parameters after them."""
    params = [inputs[n].astype("f8") for n in ("w1", "b1", "w2", "b2")]
    slots: list[dict[str, Array]] = [{} for _ in params]
    update, losses = _update(optimizer, OPTIMIZERS[optimizer]), []
    for t in range(STEPS):
        x, y = inputs["x"][t % BATCHES].astype("f8"), inputs["y"][t % BATCHES]
        loss, grads = _gradients(params, x, y)
        losses.append(loss)
        lr = _rate(schedule, SCHEDULES[schedule], OPTIMIZERS[optimizer]["lr"], t)
        for w, g, s in zip(params, grads, slots, strict=True):
            update(w, g, s, lr, t + 1)
    return np.array(losses), params


def compare_training(
    worker: Worker, optimizer: str, schedule: str, dtype: str, tolerance: float
) -> None:
    """Assert that a worker's losses and parameters follow the NumPy loop's."""
    inputs = training_inputs(dtype)
    losses, params = training_loop(optimizer, schedule, inputs)
    worker.prepare(training_program(optimizer, schedule, dtype), inputs, BATCHES)
    trained = worker.train(STEPS, keep=(STEPS,))
    np.testing.assert_allclose(trained["losses"], losses, rtol=tolerance, atol=tolerance)
    for got, expected in zip(trained["params"][STEPS], params, strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
