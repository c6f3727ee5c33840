"""The step by hand that the plan's smallest step is held against is a right one."""

import sys
from importlib import import_module

import numpy as np
import pytest
from docs.pages import ROOT

from bakeoff_reference.plan import compile_program


def test_the_step_by_hand_trains_as_the_plan_does(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    small = import_module("small_step")
    case = import_module("workloads").step("64-32-10", 16, "sgd")
    for name in {"small_step", "workloads"} - before:
        del sys.modules[name]
    params, x, y = small.drawn(np.random.default_rng(1))
    hand, trained = small.by_hand(params)
    plan = compile_program(case.program)
    plan.load(params)
    for _ in range(5):
        np.testing.assert_allclose(hand(x, y), plan(x, y)[0], rtol=1e-5)
    for got, expected in zip(trained, plan.params(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(IndexError, match="less than 10"):
        hand(x, y + 9)
