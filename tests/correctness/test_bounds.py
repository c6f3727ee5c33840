"""Honest results never exceed their bound; the bounds are known to be tight enough."""

from typing import Any

import numpy as np
import pytest
from correctness.honest import (
    ORDERS,
    checked,
    product,
    product_case,
    run,
    sample_case,
    truth_of,
    widened,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.bounds import FORMATS, analyse, gamma
from bakeoff.bounds.balls import Arithmetic, Ball
from bakeoff.bounds.table import RULES
from bakeoff.case import Case, draw
from bakeoff.compare import compare_call
from bakeoff.errors import BakeoffError
from bakeoff.inputs import draw_inputs, rounded
from bakeoff.ops import OPS
from bakeoff.program import Value, forward, gradient, trace
from bakeoff.samples import SAMPLES
from bakeoff.widening import in_float64
from bakeoff_numpy.adapter import NumpyAdapter

SEEDS = range(8)


@pytest.fixture(scope="module")
def adapter() -> Any:
    return NumpyAdapter()


def test_every_op_of_the_catalogue_has_a_rule() -> None:
    assert set(RULES) == set(OPS)


@pytest.mark.parametrize("op", RULES)
def test_every_rule_says_what_its_bound_is(op: str) -> None:
    assert RULES[op].__doc__


def _cells() -> list[Any]:
    """Every sample in every dtype."""
    return [
        pytest.param(sample, dtype, id=f"{sample.id}-{dtype}")
        for sample in SAMPLES
        for dtype in ("float16", "float32", "float64")
    ]


@pytest.mark.parametrize(("sample", "dtype"), _cells())
def test_the_reference_engine_keeps_every_bound(adapter: Any, sample: Any, dtype: str) -> None:
    for with_gradient in (False, True)[: 1 + sample.differentiable]:
        for seed in SEEDS:
            for check in checked(adapter, sample_case(sample, dtype, with_gradient, seed)):
                assert check.passed, check.reason


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.id)
def test_balls_agree_with_the_reference_engine(adapter: Any, sample: Any) -> None:
    """Two float64 evaluations that share no code: forward and gradients."""
    case = sample_case(sample, "float64", sample.differentiable)
    inputs = draw_inputs(case)
    exact = run(adapter, in_float64(case.program), widened(inputs))
    for bounded, value in zip(analyse(case.program, inputs), exact, strict=True):
        np.testing.assert_allclose(bounded.ball.mid, value, rtol=1e-12, atol=1e-14)


@settings(max_examples=40, deadline=None)
@given(
    m=st.integers(1, 6),
    k=st.integers(1, 300),
    n=st.integers(1, 6),
    seed=st.integers(0, 2**31),
    order=st.sampled_from(ORDERS),
    kind=st.sampled_from(["normal", "positive", "cancelling", "wide"]),
)
def test_matmul_in_any_order_stays_within_gamma(
    m: int, k: int, n: int, seed: int, order: Any, kind: str
) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    if kind == "positive":
        a, b = np.abs(a), np.abs(b)
    if kind == "cancelling":
        a, b = np.concatenate([a, a], 1), np.concatenate([b, -b * (1 + 1e-6)], 0)
    if kind == "wide":
        a = a * 10.0 ** rng.integers(-12, 12, a.shape)
    inputs = {"a": a.astype("f4"), "b": b.astype("f4")}
    case = product_case(m, a.shape[1], n)
    got = product(inputs["a"], inputs["b"], order)
    [check] = compare_call(case, [got], truth_of(case, inputs))
    assert check.passed, check.reason


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.sampled_from([1e-3, 1.0, 30.0]), n=st.integers(1, 40))
def test_softmax_formulas_stay_within_the_bound(seed: int, scale: float, n: int) -> None:
    """Shifted, and through the logarithm: both are honest."""
    rng = np.random.default_rng(seed)
    x = (scale * rng.standard_normal((3, n))).astype("f4")
    program = trace(lambda ops, x: ops.softmax(x), [Value("x", (3, n), "float32")], forward())
    case = Case("test", "softmax", program, {"x": draw("normal")}, "float32")
    top = x.max(axis=1, keepdims=True)
    shifted = x - top
    powers = np.exp(shifted)
    logs = shifted - np.log(powers.sum(axis=1, keepdims=True))
    for got in (powers / powers.sum(axis=1, keepdims=True), np.exp(logs)):
        assert got.dtype == np.float32
        [check] = compare_call(case, [got], truth_of(case, {"x": x}))
        assert check.passed, check.reason


def _mlp(ops: Any, w: Any, x: Any, v: Any) -> Any:
    return ops.log_softmax(ops.tanh(x @ w) @ v)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("seed", range(5))
def test_bounds_carry_through_a_program_of_several_ops(adapter: Any, seed: int, dtype: str) -> None:
    shapes = {"w": (20, 30), "x": (8, 20), "v": (30, 5), "g": (8, 5)}
    values = [Value(n, s, dtype) for n, s in shapes.items()]
    program = trace(_mlp, values, gradient(["w", "v"], ["g"]))
    case = Case("test", "mlp", program, {n: draw("normal", scale=0.3) for n in shapes}, dtype, seed)
    checks = checked(adapter, case)
    assert [c.output for c in checks] == ["y", "grad w", "grad v"]
    for check in checks:
        assert check.passed, check.reason
        assert check.kind == "composite"
        if dtype != "float64":  # there the engine is compared with itself
            assert check.fraction > 1e-3, "not slack by more than a thousand"


def test_a_value_used_twice_adds_its_cotangents(adapter: Any) -> None:
    values = [Value("x", (5, 4), "float32"), Value("g", (5, 4), "float32")]
    program = trace(lambda ops, x: x * x + ops.exp(x) * x, values, gradient(["x"], ["g"]))
    case = Case("test", "twice", program, {n: draw("normal") for n in "xg"}, "float32")
    assert all(c.passed for c in checked(adapter, case))


def test_an_input_that_nothing_uses_has_gradient_zero() -> None:
    values = [Value(n, (2,), "float32") for n in "abg"]
    program = trace(lambda ops, a, b: a + a, values, gradient(["a", "b"], ["g"]))
    found = analyse(program, {n: np.ones(2, "f4") for n in "abg"})
    assert found[2].name == "grad b"
    assert not found[2].ball.mid.any()
    assert found[2].kind == "exact"


def test_gamma_of_matmul_is_highams() -> None:
    """|err| ≤ γ_K Σ|a||b|, K = 50, and η: nothing else in it."""
    case = product_case(3, 50, 4)
    inputs = draw_inputs(case)
    [found] = analyse(case.program, inputs)
    sums = np.abs(inputs["a"]).astype("f8") @ np.abs(inputs["b"]).astype("f8")
    assert found.terms == 50
    np.testing.assert_allclose(found.ball.rad, gamma(50, 2.0**-24) * sums, rtol=1e-12)


def test_gamma_says_nothing_when_the_sum_is_too_long() -> None:
    assert gamma(2**24, 2.0**-24) == np.inf
    assert gamma(0, 2.0**-24) == 0


def test_half_precision_is_stored_rounded_and_summed_in_single() -> None:
    case = product_case(4, 300, 4, "float16")
    inputs = draw_inputs(case)
    truth = truth_of(case, inputs)
    wide = inputs["a"].astype("f4") @ inputs["b"].astype("f4")
    [check] = compare_call(case, [wide.astype("f2")], truth)
    assert check.passed
    assert check.fraction > 0.3, "the rounding to storage is most of the bound"


def test_bfloat16_results_are_judged_as_bfloat16() -> None:
    case = product_case(4, 300, 4, "bfloat16")
    inputs = draw_inputs(case)
    truth = truth_of(case, inputs)
    wide = inputs["a"] @ inputs["b"]
    [good] = compare_call(case, [rounded(wide, "bfloat16")], truth)
    [bad] = compare_call(case, [wide], truth)
    assert good.passed
    assert not bad.passed
    assert "bfloat16 cannot hold" in bad.reason


def test_overflow_is_expected_where_the_dtype_ends() -> None:
    program = trace(lambda ops, x: ops.exp(x), [Value("x", (4,), "float32")], forward())
    case = Case("test", "exp", program, {"x": draw("normal")}, "float32")
    x = np.array([0.0, 88.0, 100.0, -200.0], "f4")
    with np.errstate(over="ignore", under="ignore"):
        got = np.exp(x)
    truth = truth_of(case, {"x": x}, [np.exp(x.astype("f8"))])
    assert compare_call(case, [got], truth)[0].passed
    got[2] = 3e38
    assert not compare_call(case, [got], truth)[0].passed


def test_a_decision_that_rounding_can_tip_is_left_open() -> None:
    """relu(x·y - z) at an argument of nearly zero: its gradient may be on or off."""
    values = [Value(n, (2,), "float32") for n in "xyzg"]
    program = trace(lambda ops, x, y, z: ops.relu(x * y - z), values, gradient(["z"], ["g"]))
    third = np.float32(1 / 3)
    inputs = {
        "x": np.array([third, 2.0], "f4"),
        "y": np.array([3.0, 2.0], "f4"),
        "z": np.array([1.0, 1.0], "f4"),
        "g": np.ones(2, "f4"),
    }
    grad = analyse(program, inputs)[1].ball
    assert grad.rad is not None
    assert grad.rad[0] >= 1.0
    assert grad.rad[1] < 1e-6


POLES = {
    "1/(xy - z)": lambda ops, x, y, z: ops.divide(1.0, x * y - z),
    "log(xy - z)": lambda ops, x, y, z: ops.log(x * y - z),
    "sqrt of less": lambda ops, x, y, z: ops.sqrt(x * y - z - 1e-9),
    "(xy - z)^-0.5": lambda ops, x, y, z: ops.pow(x * y - z, -0.5),
}


@pytest.mark.parametrize("workload", POLES.values(), ids=POLES)
def test_at_a_pole_that_rounding_can_reach_all_is_open(workload: Any) -> None:
    """The exact result may be infinite or NaN, and an honest one not; away from it all is known."""
    program = trace(workload, [Value(n, (2,), "float32") for n in "xyz"], forward())
    inputs = {n: np.array([v, 2.0], "f4") for n, v in zip("xyz", (0.5, 3.0, 1.5), strict=True)}
    inputs["z"][1] = 1.0
    [found] = analyse(program, inputs)
    assert found.ball.rad is not None
    assert np.isinf(found.ball.rad[0])
    assert 0 < found.ball.rad[1] < 1e-5


@pytest.mark.parametrize("dtype", FORMATS)
def test_formats_are_those_of_the_dtypes(dtype: str) -> None:
    f = FORMATS[dtype]
    assert float(rounded(np.array(1 + 2 * f.u), dtype)) > 1
    assert float(rounded(np.array(1 + 0.9 * f.u), dtype)) == 1
    assert np.isfinite(rounded(np.array(f.largest), dtype))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["add", "subtract", "multiply", "divide"]),
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2),
    st.lists(st.floats(0, 10), min_size=2, max_size=2),
    st.lists(st.floats(-1, 1), min_size=2, max_size=2),
)
def test_balls_hold_the_result_for_any_operands_in_them(
    op: str, mids: list[float], rads: list[float], at: list[float]
) -> None:
    a, b = (Ball(np.asarray(m), np.asarray(r)) for m, r in zip(mids, rads, strict=True))
    x, y = (m + t * r for m, r, t in zip(mids, rads, at, strict=True))
    with np.errstate(all="ignore"):
        ball = getattr(Arithmetic("float32"), op)(a, b)
        exact = getattr(np, op)(np.float64(x), np.float64(y))
        stray = abs(exact - ball.mid)
        inside = not np.isfinite(stray) or stray <= ball.rad * (1 + 1e-9) + 1e-9
    assert inside


def test_an_op_without_a_rule_is_named() -> None:
    case = product_case(2, 2, 2)
    node = case.program.nodes[0]._replace(op="fold")
    with pytest.raises(BakeoffError, match="op fold has no rule"):
        analyse(case.program._replace(nodes=(node,)), draw_inputs(case))
