"""Planted errors are caught, and the message says where, what was got and what was allowed."""

import json
from math import inf, isinf
from typing import Any

import numpy as np
import pytest
from correctness.honest import (
    BY_ID,
    Array,
    naive,
    product,
    product_case,
    product_gradient_case,
    run,
    sample_case,
    tf32,
    truth_of,
    widened,
)

from bakeoff.compare import compare_call, compare_fit, compare_part, compare_training, spacing
from bakeoff.inputs import draw_inputs
from bakeoff.record import Check
from bakeoff.truth import CallTruth, FitTruth, Part, TrainingTruth
from bakeoff.widening import in_float64
from bakeoff_numpy.adapter import NumpyAdapter


@pytest.fixture(scope="module")
def adapter() -> Any:
    return NumpyAdapter()


class Planted:
    """A sample's honest float32 results and their truth, to be spoilt."""

    def __init__(self, adapter: Any, sample: str, with_gradient: bool = True) -> None:
        self.case = sample_case(BY_ID[sample], "float32", with_gradient)
        self.inputs = draw_inputs(self.case)
        exact = run(adapter, in_float64(self.case.program), widened(self.inputs))
        self.truth = truth_of(self.case, self.inputs, exact)
        self.results = [r.copy() for r in run(adapter, self.case.program, self.inputs)]
        assert all(c.passed for c in self.judge())

    def judge(self) -> tuple[Check, ...]:
        return compare_call(self.case, self.results, self.truth)


def test_padding_off_by_one_at_one_edge(adapter: Any) -> None:
    planted = Planted(adapter, "conv2d-same")
    conv = planted.case.program.nodes[0]
    shifted = conv._replace(attrs={**conv.attrs, "padding": ((2, 2), (1, 3))})
    wrong = run(adapter, planted.case.program._replace(nodes=(shifted,)), planted.inputs)
    planted.results[0] = wrong[0]
    y, *_ = planted.judge()
    assert not y.passed
    assert y.fraction > 1e3


def test_one_wrong_element_among_many(adapter: Any) -> None:
    planted = Planted(adapter, "conv2d-same")
    planted.results[0][1, 2, 3, 0] += np.float32(1e-3)
    y, *_ = planted.judge()
    assert not y.passed
    assert y.reason.startswith("y[1, 2, 3, 0]: got ")


def test_bias_gradient_missing_a_row(adapter: Any) -> None:
    planted = Planted(adapter, "bias_add-dense")
    planted.results[2] = planted.inputs["g"][:-1].sum(axis=0)
    *_, bias = planted.judge()
    assert (bias.output, bias.passed) == ("grad bias", False)


def test_bias_gradient_zero(adapter: Any) -> None:
    planted = Planted(adapter, "bias_add-image")
    planted.results[2][:] = 0
    assert not planted.judge()[2].passed


@pytest.mark.parametrize("factor", [0.5, 0.999, 1.00001])
def test_scaled_softmax_gradient(adapter: Any, factor: float) -> None:
    planted = Planted(adapter, "softmax-64x10")
    planted.results[1] *= np.float32(factor)
    y, grad = planted.judge()
    assert y.passed
    assert not grad.passed
    assert "grad x[" in grad.reason


def _half_sums(case: Any, inputs: dict[str, Array]) -> Array:
    return product(inputs["a"], inputs["b"], naive)


@pytest.mark.parametrize("k", [64, 1024])
def test_sums_in_half_precision(k: int) -> None:
    """float16 results are allowed float16 storage, not float16 accumulation."""
    case = product_case(8, k, 8, "float16")
    inputs = draw_inputs(case)
    truth = truth_of(case, inputs)
    [check] = compare_call(case, [_half_sums(case, inputs)], truth)
    assert not check.passed


def test_float64_silently_computed_in_float32() -> None:
    case = product_case(8, 500, 8, "float64")
    inputs = draw_inputs(case)
    single = (inputs["a"].astype("f4") @ inputs["b"].astype("f4")).astype("f8")
    [check] = compare_call(case, [single], truth_of(case, inputs))
    assert check.fraction > 1e3


@pytest.mark.parametrize("k", [16, 64, 256, 1024, 4096])
def test_reduced_precision_fails_or_is_remarked(k: int) -> None:
    """TF32's inputs exceed the worst-case bound for short sums, the usual error for all.

    Its error grows as √K and the worst-case bound as K^1.5 to K², so that a long sum hides it
    from γ_K; a random walk shows it still. Honest float32 is never remarked on.
    """
    case = product_case(16, k, 16)
    inputs = draw_inputs(case)
    truth = truth_of(case, inputs)
    got = (tf32(inputs["a"]).astype("f8") @ tf32(inputs["b"]).astype("f8")).astype("f4")
    [reduced] = compare_call(case, [got], truth)
    [honest] = compare_call(case, [product(inputs["a"], inputs["b"], naive)], truth)
    assert honest.passed
    assert not honest.reason
    assert reduced.fraction > 30 * honest.fraction
    assert not reduced.passed or "reduced precision" in reduced.reason
    assert reduced.passed == (k >= 1024)


def test_nan_is_told(adapter: Any) -> None:
    planted = Planted(adapter, "tanh-4d", with_gradient=False)
    planted.results[0][0, 1, 2, 3] = np.nan
    [check] = planted.judge()
    assert check.fraction == inf
    assert check.error == inf
    assert check.reason.startswith("y[0, 1, 2, 3]: got nan, expected ")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_values_are_met_by_the_same(value: float) -> None:
    part = Part("y", "float32", "rounded", np.array([value, 1.0]), np.zeros(2))
    assert compare_part(part, np.array([value, 1.0], "f4")).fraction == 0
    assert compare_part(part, np.array([2.0, 1.0], "f4")).fraction == inf
    if np.isinf(value):
        assert compare_part(part, np.array([-value, 1.0], "f4")).fraction == inf


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32", "bool"])
def test_wrong_dtype(adapter: Any, dtype: str) -> None:
    planted = Planted(adapter, "add-64x10", with_gradient=False)
    planted.results[0] = planted.results[0].astype(dtype)
    [check] = planted.judge()
    assert check.fraction == inf
    assert check.reason == f"y: dtype {dtype}, expected float32"


def test_wrong_shape(adapter: Any) -> None:
    planted = Planted(adapter, "add-64x10", with_gradient=False)
    planted.results[0] = planted.results[0].T
    assert planted.judge()[0].reason == "y: shape (10, 64), expected (64, 10)"


def test_wrong_number_of_results(adapter: Any) -> None:
    planted = Planted(adapter, "add-64x10")
    del planted.results[1]
    [check] = planted.judge()
    assert check.fraction == inf
    assert check.reason == "2 arrays, expected y, grad a, grad b"


def test_integers_and_booleans_are_exact() -> None:
    index = Part("y", "int64", "exact", np.array([3, 2**53 + 1]), np.zeros(2))
    assert compare_part(index, np.array([3, 2**53 + 1])).passed
    assert not compare_part(index, np.array([3, 2**53])).passed
    assert not compare_part(index, np.array([3.0, 1.0])).passed
    short = Part("y", "int64", "exact", np.array([3]), np.zeros(1))
    assert compare_part(short, np.array([3], "i4")).passed
    flags = Part("y", "bool", "exact", np.array([True, False]), np.zeros(2))
    assert compare_part(flags, np.array([True, False])).passed
    wrong = compare_part(flags, np.array([True, True]))
    assert wrong.fraction == inf
    assert "got True, expected False" in wrong.reason


def test_an_exact_result_has_fraction_zero_and_any_error_an_infinite_one() -> None:
    part = Part("y", "float32", "exact", np.array([1.0, 2.0]), np.zeros(2))
    assert compare_part(part, np.array([1, 2], "f4")).fraction == 0
    check = compare_part(part, np.array([1, np.nextafter(np.float32(2), 3)], "f4"))
    assert check.fraction == inf
    assert "none allowed (exact)" in check.reason


def test_undecided_elements_are_not_compared_and_are_counted() -> None:
    part = Part("y", "float32", "composite", np.array([1.0, 2.0]), np.array([np.inf, 0.1]))
    check = compare_part(part, np.array([5.0, 2.0], "f4"))
    assert check.passed
    assert check.reason == "1 of 2 elements undecided: rounding may tip them"


def test_nothing_is_right_in_an_empty_array() -> None:
    part = Part("y", "float32", "gamma", np.zeros((0, 3)), np.zeros((0, 3)))
    assert compare_part(part, np.zeros((0, 3), "f4")).fraction == 0


def test_an_oracle_in_doubt_lets_nothing_pass() -> None:
    case = product_case(2, 2, 2)
    inputs = draw_inputs(case)
    parts = truth_of(case, inputs).parts
    got = parts[0].expected.astype("f4")
    [check] = compare_call(case, [got], CallTruth(parts, "y[0, 0]: 1.0 and 2.0"))
    assert check.fraction == inf
    assert "the oracle is in doubt" in check.reason


def test_checks_survive_json() -> None:
    part = Part("y", "float32", "exact", np.array([1.0]), np.zeros(1))
    check = compare_part(part, np.array([2.0], "f4"))
    again = json.loads(json.dumps(check.fraction))
    assert isinf(again)
    assert all(v == v for v in (check.error, check.bound, check.fraction)), "never NaN"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_spacing_is_numpys(dtype: str) -> None:
    values = np.array([1e-4, 0.3, 1.0, 1.5, 1000.0], dtype)
    ours = spacing(values.astype("f8"), dtype)
    np.testing.assert_array_equal(ours, np.spacing(values).astype("f8"))


def test_ulps_are_reported_for_elementwise_ops(adapter: Any) -> None:
    planted = Planted(adapter, "exp-64x10", with_gradient=False)
    [check] = planted.judge()
    assert check.ulp_max is not None
    assert check.ulp_p99 is not None
    assert 0 < check.ulp_p99 <= check.ulp_max < 2
    [sums] = Planted(adapter, "sum-all", with_gradient=False).judge()
    assert sums.ulp_max is None


def test_every_gradient_is_compared() -> None:
    case = product_gradient_case(4, 5, 6)
    inputs = draw_inputs(case)
    a, b, g = (inputs[n] for n in "abg")
    results = [a @ b, g @ b.T, a.T @ g]
    checks = compare_call(case, results, truth_of(case, inputs))
    assert [c.output for c in checks] == ["y", "grad a", "grad b"]
    assert all(c.passed for c in checks)
    results[2] = results[2] * np.float32(0.9999)
    assert [c.passed for c in compare_call(case, results, truth_of(case, inputs))] == [
        True,
        True,
        False,
    ]


# --- training -------------------------------------------------------------------------------


def _training_case() -> Any:
    from bakeoff_two_layer.cases import linear_case

    return linear_case("float32")


def _truth() -> TrainingTruth:
    weights = [np.full((8, 1), 2.0), np.ones(1)]
    return TrainingTruth(
        np.array([1.0, 0.5]), np.array([1e-6, 1e-6]), {1: weights}, {1: [1e-6, 1e-6]}
    )


def _params(w: float) -> dict[int, list[Array]]:
    return {1: [np.full((8, 1), w, "f4"), np.ones(1, "f4")]}


def test_a_trajectory_within_its_envelope_passes() -> None:
    checks = compare_training(_training_case(), np.array([1.0, 0.5]), _params(2.0), _truth())
    assert [c.output for c in checks] == ["loss", "w after 1 step", "b after 1 step"]
    assert all(c.passed for c in checks)


def test_wrong_losses_or_parameters_are_told() -> None:
    case, truth = _training_case(), _truth()
    loss, *_ = compare_training(case, np.array([1.0, 0.6]), _params(2.0), truth)
    assert loss.reason.startswith("loss[1]: got 0.6, expected 0.5")
    _, w, b = compare_training(case, np.array([1.0, 0.5]), _params(2.1), truth)
    assert (w.passed, b.passed) == (False, True)


@pytest.mark.parametrize("losses", [np.array([1.0]), np.array(1.0), np.array([1.0, np.nan])])
def test_missing_or_invalid_losses_fail(losses: Array) -> None:
    loss, *_ = compare_training(_training_case(), losses, _params(2.0), _truth())
    assert loss.fraction == inf


def test_missing_parameters_fail() -> None:
    _, w, _ = compare_training(_training_case(), np.array([1.0, 0.5]), {}, _truth())
    assert w.fraction == inf
    assert "no parameters were returned" in w.reason


@pytest.mark.parametrize(
    ("accuracy", "passes"), [(0.92, True), (0.90, True), (1.0, True), (0.85, False), (inf, False)]
)
def test_a_fit_may_differ_by_what_chance_allows(accuracy: float, passes: bool) -> None:
    truth = FitTruth(np.array([2.0]), np.array([1e-5]), 0.92, 1000)
    loss, check = compare_fit(_training_case(), np.array([[2.0, 1.5]]), accuracy, truth)
    assert loss.passed
    assert check.passed == passes
    assert bool(check.reason) != passes
