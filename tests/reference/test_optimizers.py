"""Optimizers and schedules against loops written from their equations, element by element."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bakeoff_reference import optimizers, schedules, variable
from bakeoff_reference.optimizers import DEFINITIONS, Optimizer

Step = Callable[[float, float, dict[str, float], int], float]


def _sgd(w: float, g: float, s: dict[str, float], t: int) -> float:
    return w - 0.1 * g


def _momentum(w: float, g: float, s: dict[str, float], t: int) -> float:
    s["v"] = 0.9 * s.get("v", 0) + g
    return w - 0.1 * s["v"]


def _nesterov(w: float, g: float, s: dict[str, float], t: int) -> float:
    s["v"] = 0.9 * s.get("v", 0) + g
    return w - 0.1 * (g + 0.9 * s["v"])


def _adagrad(w: float, g: float, s: dict[str, float], t: int) -> float:
    s["s"] = s.get("s", 0) + g**2
    return w - 0.1 * g / (math.sqrt(s["s"]) + 1e-10)


def _rmsprop(w: float, g: float, s: dict[str, float], t: int) -> float:
    s["s"] = 0.99 * s.get("s", 0) + 0.01 * g**2
    return w - 0.1 * g / (math.sqrt(s["s"]) + 1e-8)


def _adam(w: float, g: float, s: dict[str, float], t: int) -> float:
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    m, v = s["m"] / (1 - 0.9**t), s["v"] / (1 - 0.999**t)
    return w - 0.1 * m / (math.sqrt(v) + 1e-8)


def _adamw(w: float, g: float, s: dict[str, float], t: int) -> float:
    return _adam(w - 0.1 * 0.01 * w, g, s, t)


LOOPS: dict[str, Step] = {
    "sgd": _sgd, "momentum": _momentum, "nesterov": _nesterov, "adagrad": _adagrad,
    "rmsprop": _rmsprop, "adam": _adam, "adamw": _adamw,
}  # fmt: skip


def _by_hand(name: str, start: Any, grads: list[Any]) -> Any:
    w = start.astype("float64")
    for i in np.ndindex(w.shape):
        state: dict[str, float] = {}
        for t, g in enumerate(grads, start=1):
            w[i] = LOOPS[name](float(w[i]), float(g[i]), state, t)
    return w


def test_every_optimizer_has_a_loop_and_a_source() -> None:
    assert LOOPS.keys() == DEFINITIONS.keys()
    for name in LOOPS:
        doc = getattr(optimizers, name).__doc__
        assert "Source:" in doc
        assert "w -=" in doc
        assert getattr(optimizers, name)(0.1).name == name


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-13), ("float32", 2e-6), ("float16", 4e-3)]
)
@pytest.mark.parametrize("name", LOOPS)
def test_ten_steps_follow_the_equation(name: str, dtype: str, tolerance: float) -> None:
    """In place, leaving gradients as they are; float16 keeps its moments in float32."""
    rng = np.random.default_rng(0)
    start = rng.standard_normal((3, 4)).astype(dtype)
    grads = [(10.0 ** rng.uniform(-3, 1, (3, 4)) * rng.choice([-1, 1], (3, 4))).astype(dtype)
             for _ in range(10)]  # fmt: skip
    kept = [g.copy() for g in grads]
    optimizer, w = Optimizer(name, 0.1), start.copy()
    state = optimizer.init([w])
    for t, g in enumerate(grads, start=1):
        (same,), state = optimizer.update([w], [g], state, 0.1, t)
        assert same is w
    assert w.dtype == dtype
    expected = _by_hand(name, start, grads)
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(w.astype("float64"), expected, rtol=0, atol=tolerance * scale)
    for g, k in zip(grads, kept, strict=True):
        np.testing.assert_array_equal(g, k)


def test_apply_gradients_keeps_state_and_counts_steps() -> None:
    """As in the lecture: ``opt.apply_gradients(zip(grads, variables))``."""
    source = np.array([1.0, -2.0])
    w, opt = variable(source), optimizers.adam(0.1)
    alias = w.reshape(2)
    for g in ([0.5, 1.0], [0.25, -1.0]):
        opt.apply_gradients(zip([np.array(g)], [w], strict=True))
    expected = _by_hand("adam", source, [np.array([0.5, 1.0]), np.array([0.25, -1.0])])
    np.testing.assert_allclose(w.numpy(), expected, rtol=1e-12)
    assert opt.t == 2
    np.testing.assert_array_equal(source, [1.0, -2.0])
    np.testing.assert_array_equal(alias.numpy(), [1.0, -2.0])


def test_unknown_optimizers_and_hyperparameters_are_refused() -> None:
    with pytest.raises(ValueError, match="optimizer 'adamax', expected one of sgd, momentum"):
        Optimizer("adamax", 0.1)
    with pytest.raises(ValueError, match=r"optimizer sgd: unknown \['beta1'\], expected \['lr'\]"):
        Optimizer("sgd", 0.1, beta1=0.9)


def test_schedules_follow_their_equations() -> None:
    for t in range(30):
        assert schedules.constant(0.3)(t) == 0.3
        assert schedules.step_decay(0.3, 0.5, 10)(t) == pytest.approx(0.3 * 0.5 ** ((t - 10) / 10))
        assert schedules.exponential(0.3, 0.9)(t) == pytest.approx(
            0.3 * math.exp(t * math.log(0.9))
        )
        assert schedules.warmup(0.3, 10)(t) == pytest.approx(min(0.3, 0.03 * (t + 1)))
        angle = math.pi * min(t, 20) / 20
        assert schedules.cosine(0.3, 20, 0.1)(t) == pytest.approx(0.2 + 0.1 * math.cos(angle))
    assert schedules.cosine(0.3, 20)(0) == 0.3
    assert schedules.step_decay(0.3, 0.5, 10)(10) == 0.3


def test_schedules_come_from_data() -> None:
    assert schedules.schedule(None, 0.2)(5) == 0.2
    assert schedules.schedule({"name": "exponential", "gamma": 0.5}, 0.2)(1) == 0.1
    with pytest.raises(ValueError, match="schedule 'linear', expected one of constant"):
        schedules.schedule({"name": "linear"}, 0.1)
    with pytest.raises(ValueError, match=r"schedule warmup: .*steps"):
        schedules.schedule({"name": "warmup"}, 0.1)
