"""Trying inputs: our engine is right on them, and careless implementations are found out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from correctness.honest import Array, checked, run, sample_case, truth_of, widened

from bakeoff.case import Case
from bakeoff.compare import compare_call
from bakeoff.inputs import draw_inputs
from bakeoff.record import Check
from bakeoff.samples import Sample
from bakeoff.trying import KINDS, NO_GRADIENT, trying
from bakeoff.widening import in_float64
from bakeoff_numpy.adapter import NumpyAdapter, PlanAdapter

DTYPES = ("float16", "float32", "float64")


@pytest.fixture(scope="module", params=[NumpyAdapter, PlanAdapter], ids=["numpy", "numpy-plan"])
def adapter(request: pytest.FixtureRequest) -> Any:
    return request.param()


def _case(sample: Sample, dtype: str, kind: str) -> Case:
    return sample_case(sample, dtype, sample.differentiable and kind not in NO_GRADIENT)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_engine_is_right(adapter: Any, kind: str, dtype: str) -> None:
    found = [c for s in trying(kind, dtype) for c in checked(adapter, _case(s, dtype, kind))]
    assert found
    assert not [c.reason for c in found if not c.passed]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_little_is_left_undecided(kind: str, dtype: str) -> None:
    """What is undecided passes whatever it is: a few elements, never all of a kind."""
    decided = []
    for sample in trying(kind, dtype):
        case = _case(sample, dtype, kind)
        for part in truth_of(case, draw_inputs(case)).parts:
            decided += np.isfinite(part.bound).ravel().tolist()
    assert decided
    assert np.mean(decided) > 0.98


HAS: dict[str, Callable[[Array], bool]] = {
    "non-finite": lambda x: bool(np.isnan(x).any() or np.isinf(x).any()),
    "empty": lambda x: x.size == 0,
    "size-1": lambda x: 1 in x.shape or x.shape == (),
    "strided": lambda x: x.size > 1,
    "tied": lambda x: len(np.unique(x)) < x.size,
    "cancelling": lambda x: abs(float(np.sum(x, dtype="f8"))) < 0.5 * float(np.sum(np.abs(x))),
    "subnormal": lambda x: bool(np.any((x != 0) & (np.abs(x) < np.finfo(x.dtype).tiny))),
    "extreme": lambda x: bool(np.max(np.abs(x)) > np.finfo(x.dtype).max / 2**20),
    "signed-zero": lambda x: bool(np.any((x == 0) & np.signbit(x))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_are_what_their_kind_says(kind: str) -> None:
    inputs = [draw_inputs(_case(s, "float32", kind)) for s in trying(kind, "float32")]
    having = [any(HAS[kind](x) for x in drawn.values() if x.dtype == "f4") for drawn in inputs]
    assert np.mean(having) > 0.85


def _sample(kind: str, name: str) -> Sample:
    return next(s for s in trying(kind, "float32") if s.id == name)


def _judged(kind: str, name: str, careless: Callable[..., Array]) -> Check:
    """Judge a careless implementation of a sample's output."""
    case = sample_case(_sample(kind, name), "float32", False)
    inputs = draw_inputs(case)
    exact = run(NumpyAdapter(), in_float64(case.program), widened(inputs))
    with np.errstate(all="ignore"):
        got = np.asarray(careless(*inputs.values()))
    return compare_call(case, [got], truth_of(case, inputs, exact))[0]


def _softmax(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


def _clip(x: Array) -> Array:
    return np.fmin(np.fmax(x, np.float32(-0.5)), np.float32(0.5))


def _one_hot_take(x: Array, indices: Array) -> Array:
    return np.eye(len(x), dtype=x.dtype)[indices] @ x


def _as_if_contiguous(x: Array) -> Array:
    return np.exp(x.ravel()[: 64 * 10]).reshape(64, 10)


CARELESS = {
    "max drops NaN": ("non-finite", "max-non-finite", lambda x: np.fmax.reduce(x, axis=1)),
    "relu drops NaN": ("non-finite", "relu-non-finite", lambda x: np.where(x > 0, x, 0)),
    "take by product": ("non-finite", "take-non-finite", _one_hot_take),
    "clip drops NaN": ("non-finite", "clip-non-finite", _clip),
    "sum of nothing is NaN": ("empty", "sum-empty", lambda x: np.full(3, np.nan, "f4")),
    "last of tied": ("tied", "argmax-tied", lambda x: 7 - np.argmax(x[:, ::-1], axis=1)),
    "less or equal": ("tied", "less-tied", np.less_equal),
    "expm1 by exp": ("cancelling", "expm1-cancelling", lambda x: np.exp(x) - np.float32(1)),
    "log1p by log": ("cancelling", "log1p-cancelling", lambda x: np.log(x + np.float32(1))),
    "log of softmax": ("cancelling", "log_softmax-cancelling", lambda x: np.log(_softmax(x))),
    "softmax unshifted": ("extreme", "softmax-extreme", _softmax),
    "sigmoid by exp(x)": ("extreme", "sigmoid-extreme", lambda x: np.exp(x) / (1 + np.exp(x))),
    "zeros unsigned": ("signed-zero", "negative-signed-zero", lambda x: 1 / (0 - x)),
    "strides ignored": ("strided", "exp-strided-64x10", _as_if_contiguous),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "sample", "careless"), CARELESS.values(), ids=CARELESS)
def test_carelessness_is_found(kind: str, sample: str, careless: Callable[..., Array]) -> None:
    assert not _judged(kind, sample, careless).passed


FLUSHED = {
    "operands": lambda a, b: np.where(np.abs(a) < 1e-37, 0, a) < np.where(np.abs(b) < 1e-37, 0, b),
    "nothing": np.less,
}


@pytest.mark.parametrize("less", FLUSHED.values(), ids=FLUSHED)
def test_subnormal_numbers_may_be_taken_for_zero(less: Callable[..., Array]) -> None:
    assert _judged("subnormal", "less-subnormal", less).passed


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_any_subgradient_will_do_at_a_corner(share: float) -> None:
    """Of relu at 0; but not away from it, and nothing outside of [0, 1]."""
    sample = _sample("tied", "relu-tied")
    case = sample_case(sample, "float32", True)
    inputs = draw_inputs(case)
    x, g = inputs.values()
    truth = truth_of(case, inputs)
    slope = np.where(x == 0, share, x > 0).astype("f4")
    assert all(c.passed for c in compare_call(case, [np.maximum(x, 0), g * slope], truth))
    wrong = np.where(x == 0, share, x >= -1).astype("f4")
    assert not compare_call(case, [np.maximum(x, 0), g * wrong], truth)[1].passed
