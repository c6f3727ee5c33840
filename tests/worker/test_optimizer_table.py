"""The tables of optimizers and schedules: complete, defaulted, and strict about names."""

import math

import numpy as np
import pytest

from bakeoff_worker.optimizers import DEFINITIONS, Composed, hyperparameters
from bakeoff_worker.schedules import SCHEDULES, learning_rate


def test_the_catalogues_optimizers_are_all_there():
    assert list(DEFINITIONS) == [
        "sgd",
        "momentum",
        "nesterov",
        "adagrad",
        "rmsprop",
        "adam",
        "adamw",
    ]
    for name, definition in DEFINITIONS.items():
        assert definition.name == name
        assert definition.equation
        assert definition.source


def test_defaults_are_filled_in_and_lr_is_left_to_the_schedule():
    assert hyperparameters("adam", {"lr": 1, "beta1": 0.5}) == {
        "beta1": 0.5,
        "beta2": 0.999,
        "eps": 1e-8,
    }


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("lion", {}, "optimizer 'lion', expected one of sgd"),
        ("sgd", {"momentum": 0.9}, r"optimizer sgd: unknown \['momentum'\]; expected \['lr'\]"),
    ],
)
def test_unknown_names_are_refused(name, given, message):
    with pytest.raises(ValueError, match=message):
        hyperparameters(name, given)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_an_update_uses_arithmetic_and_sqrt_only(name):
    """So that it runs under tracing: a stand-in that has nothing else goes through it."""

    class Symbol:
        def __add__(self, other):
            return Symbol()

        __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __add__

        def __bool__(self):
            raise TypeError("looked at a value")

        __float__ = __array__ = __bool__

    optimizer = Composed(name, {}, lambda x: Symbol(), lambda x: Symbol())
    params = [Symbol(), Symbol()]
    new, state = optimizer.update(params, params, optimizer.init(params), 0.1, 1)
    assert all(isinstance(p, Symbol) for p in new)
    assert [len(slots) for slots in state] == [len(DEFINITIONS[name].slots)] * 2


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_float32_parameter_stays_float32(name):
    w, g = np.ones(3, "float32"), np.full(3, 0.5, "float32")
    optimizer = Composed(name, {}, np.sqrt, np.zeros_like)
    (new,), (slots,) = optimizer.update([w], [g], optimizer.init([w]), 0.1, 1)
    assert {a.dtype.name for a in (new, *slots)} == {"float32"}
    assert np.all(new < w)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (None, {0: 0.1, 7: 0.1}),
        ({"name": "constant"}, {0: 0.1, 100: 0.1}),
        ({"name": "step_decay", "d": 0.5, "t0": 10}, {0: 0.2, 10: 0.1, 20: 0.05}),
        ({"name": "exponential", "gamma": 0.9}, {0: 0.1, 2: 0.081}),
        ({"name": "cosine", "steps": 10}, {0: 0.1, 5: 0.05, 10: 0.0, 50: 0.0}),
        ({"name": "cosine", "steps": 4, "lr_min": 0.02}, {4: 0.02, 2: 0.06}),
        ({"name": "warmup", "steps": 4}, {0: 0.025, 3: 0.1, 9: 0.1}),
    ],
    ids=lambda v: v["name"] if v and "name" in v else None,
)
def test_schedules_follow_their_equations(schedule, rates):
    rate = learning_rate(schedule, 0.1)
    for t, expected in rates.items():
        assert math.isclose(rate(t), expected, abs_tol=1e-15)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"name": "zigzag"}, "schedule 'zigzag', expected one of constant"),
        ({"name": "exponential"}, r"schedule exponential: missing \['gamma'\]"),
        ({"name": "warmup", "steps": 1, "d": 2}, r"unknown \['d'\]; expected \['steps'\]"),
    ],
)
def test_schedules_are_strict_about_names(schedule, message):
    with pytest.raises(ValueError, match=message):
        learning_rate(schedule, 0.1)
    assert SCHEDULES
