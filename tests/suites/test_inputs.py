"""Promises of `bakeoff.inputs`: the same numbers for everyone, of the stated shape and dtype."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

import bakeoff_conv
import bakeoff_matmul
import bakeoff_operators
import bakeoff_two_layer
from bakeoff.case import Case, draw
from bakeoff.errors import UsageError
from bakeoff.inputs import (
    KINDS,
    draw_inputs,
    fans,
    fit_arrays,
    fit_noise,
    fit_rows,
    generator,
    load_dataset,
    rounded,
)
from bakeoff.program import Value, trace
from bakeoff_two_layer import cnn
from bakeoff_two_layer.cases import DATASET, fit_case, linear_case, step_case

SUITES = (
    bakeoff_operators.SUITE,
    bakeoff_matmul.SUITE,
    bakeoff_conv.SUITE,
    bakeoff_two_layer.SUITE,
)


def case_of(dtype: str = "float32", shape: tuple[int, ...] = (6, 8), **kinds) -> Case:
    """A case that adds its inputs, each drawn as given."""
    values = [Value(name, shape, dtype) for name in kinds]

    def add(ops, first, *others):
        for other in others:
            first = ops.add(first, other)
        return ops.negative(first)

    return Case("tests", "add", trace(add, values), kinds, dtype)


def digest(arrays) -> str:
    state = hashlib.sha256()
    for name, array in arrays.items():
        state.update(name.encode() + array.tobytes())
    return state.hexdigest()[:16]


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.name)
def test_inputs_have_the_programs_shapes_and_dtypes(suite):
    for case in suite.cases("full" if suite.name == "operators" else "standard"):
        arrays = draw_inputs(case)
        training = case.program.kind == "training"
        data = {v.name for v in case.program.data_inputs} if training else set()
        for value in case.program.inputs:
            array = arrays[value.name]
            lead = (case.batches,) if value.name in data else ()
            stored = "float32" if value.dtype == "bfloat16" else value.dtype
            assert array.shape == lead + value.shape, (case.id, value.name)
            assert array.dtype == stored, (case.id, value.name)
            assert array.flags.c_contiguous, (case.id, value.name)
            if stored.startswith("float") and case.tags.get("inputs") != "non-finite":
                assert np.isfinite(array).all(), (case.id, value.name)


def test_inputs_are_pinned():
    """Journals of other days are comparable only while these bits stay."""
    case = next(iter(bakeoff_matmul.cases("smoke")))
    assert case.id == "matmul/square-float32-64-forward"
    assert digest(draw_inputs(case)) == "ecbbb0bd5a6226d6"
    assert digest(draw_inputs(step_case(128, 64, "sgd", "float32"))) == "8c9c5c1cb5124dc1"


def test_every_seed_case_and_input_has_its_own_numbers():
    case = case_of(a=draw("normal"), b=draw("normal"))
    first = draw_inputs(case)
    assert not np.array_equal(first["a"], first["b"])
    assert np.array_equal(first["a"], draw_inputs(case)["a"])
    assert not np.array_equal(first["a"], draw_inputs(replace(case, seed=1))["a"])
    assert not np.array_equal(first["a"], draw_inputs(replace(case, name="other"))["a"])


def test_another_input_changes_no_other():
    one, two = case_of(a=draw("normal")), case_of(a=draw("normal"), b=draw("uniform"))
    assert np.array_equal(draw_inputs(one)["a"], draw_inputs(two)["a"])


def test_dtypes_see_the_same_numbers_rounded_once():
    wide = draw_inputs(case_of("float64", a=draw("normal")))["a"]
    for dtype in ("float32", "float16", "bfloat16"):
        narrow = draw_inputs(case_of(dtype, a=draw("normal")))["a"]
        assert np.array_equal(narrow, rounded(wide, dtype)), dtype


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"integers", "constant"}))
def test_every_kind_draws(kind):
    array = draw_inputs(case_of("float64", a=draw(kind)))["a"]
    assert array.shape == (6, 8)


def test_kinds_keep_their_domains():
    case = case_of(
        "float64",
        shape=(40, 50),
        positive=draw("positive"),
        nonzero=draw("nonzero"),
        distinct=draw("distinct"),
        rows=draw("probabilities", axis=1),
        columns=draw("probabilities", axis=0),
        constant=draw("constant", value=2.5),
        glorot=draw("glorot"),
        integers=draw("integers", high=3),
    )
    drawn = draw_inputs(case)
    assert drawn["positive"].min() >= 0.1
    assert np.abs(drawn["nonzero"]).min() >= 0.1
    assert (drawn["nonzero"] < 0).any()
    assert np.unique(drawn["distinct"]).size == 2000
    assert (drawn["distinct"] != 0).all()
    assert np.allclose(drawn["rows"].sum(axis=1), 1)
    assert np.allclose(drawn["columns"].sum(axis=0), 1)
    assert (drawn["constant"] == 2.5).all()
    assert np.abs(drawn["glorot"]).max() <= np.sqrt(6 / 90)
    assert set(np.unique(drawn["integers"])) == {0, 1, 2}


def test_fans_of_dense_and_convolution_weights():
    assert fans((784, 128)) == (784, 128)
    assert fans((16, 3, 5, 5)) == (75, 400)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, 1.0),
        (1.00390625, 1.0),  # half-way, the even neighbour is below
        (1.01171875, 1.015625),  # half-way, the even neighbour is above
        (1.004, 1.0078125),
        (-1.004, -1.0078125),
        (3.4e38, np.inf),  # above the greatest bfloat16, 3.3895e38, by more than half a unit
        (np.inf, np.inf),
        (-0.0, -0.0),
    ],
)
def test_bfloat16_rounds_to_nearest_even(value, expected):
    got = rounded(np.array([value]), "bfloat16")
    assert got.dtype == np.float32
    assert got[0] == expected
    assert np.signbit(got[0]) == np.signbit(expected)


def test_bfloat16_keeps_nan_and_loses_at_most_half_a_unit():
    values = generator(0, "bfloat16").standard_normal(10_000).astype(np.float32)
    got = rounded(values, "bfloat16")
    assert (got.view(np.uint32) & 0xFFFF == 0).all()
    assert (np.abs(got - values) <= np.abs(values) * 2.0**-8).all()
    assert np.isnan(rounded(np.array([np.nan]), "bfloat16")[0])


def test_data_set_fields_take_the_same_rows():
    case = step_case(128, 64, "sgd", "float32")
    drawn, stored = draw_inputs(case), load_dataset(DATASET)
    label = {(row / 255).astype(np.float32).tobytes(): y
             for row, y in zip(stored["train_x"], stored["train_y"], strict=True)}  # fmt: skip
    rows = drawn["x"].reshape(-1, 784)
    assert [label[row.tobytes()] for row in rows] == drawn["y"].ravel().tolist()
    assert len({row.tobytes() for row in rows}) == len(rows)


def test_affine_targets_follow_the_stated_solution():
    drawn = draw_inputs(linear_case("float64"))
    x, y = drawn["x"].reshape(-1, 8), drawn["y"].reshape(-1)
    solution = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)[0]
    how = linear_case("float64").inputs["y"].params
    assert np.allclose(solution[:-1], np.ravel(how["weight"]), atol=2e-3)
    assert np.isclose(solution[-1], how["bias"], atol=2e-3)


def test_a_fit_uses_every_row_at_most_once_in_an_epoch_and_the_same_order_each_time():
    fit = fit_case(128, 64, "adam").fit
    arrays = fit_arrays(fit)
    assert arrays.order.shape == (fit.epochs, 4000 // 64, 64)
    for epoch in arrays.order:
        assert np.unique(epoch).size == epoch.size
    assert not np.array_equal(arrays.order[0], arrays.order[1])
    assert np.array_equal(arrays.order, fit_arrays(fit).order)
    assert not np.array_equal(arrays.order, fit_arrays(replace(fit, order_seed=99)).order)
    assert arrays.train_x.dtype == np.float32
    assert arrays.train_x.max() == 1.0
    assert arrays.test_y.dtype == np.int64


def test_a_fit_on_few_labels_uses_the_same_rows_in_every_epoch():
    fit = replace(fit_case(128, 64, "adam").fit, labelled=128)
    order = fit_arrays(fit).order  # (epochs, steps, batch)
    assert order.shape == (fit.epochs, 2, 64)
    first = set(order[0].ravel())
    assert len(first) == 128
    assert all(set(epoch.ravel()) == first for epoch in order)
    assert first != set(fit_arrays(replace(fit, order_seed=99)).order[0].ravel())
    assert first != set(range(128))


def test_errors_say_what_is_wrong():
    with pytest.raises(UsageError, match=r"input a is drawn as 'gauss', expected one of normal"):
        draw_inputs(case_of(a=draw("gauss")))
    with pytest.raises(UsageError, match="input a has no draw"):
        draw_inputs(replace(case_of(a=draw("normal")), inputs={}))
    with pytest.raises(UsageError, match=r"data set 'bakeoff_two_layer:fashion'"):
        load_dataset("bakeoff_two_layer:fashion")
    with pytest.raises(UsageError, match=r"No module named 'nowhere'"):
        load_dataset("nowhere:mnist")
    with pytest.raises(UsageError, match="asks for 6400 rows"):
        draw_inputs(replace(step_case(128, 64, "sgd", "float32"), batches=100))
    with pytest.raises(UsageError, match="batch size 5000 exceeds the 4000 rows"):
        fit_arrays(replace(fit_case(128, 64, "adam").fit, batch_size=5000))
    with pytest.raises(UsageError, match="batch size 64 exceeds the 50 rows"):
        fit_arrays(replace(fit_case(128, 64, "adam").fit, labelled=50))


def test_a_fit_draws_a_mask_for_each_step_that_no_rounding_turns():
    case = cnn.fit_case("adam")
    assert set(fit_rows(case, fit_arrays(case.fit))) == {"x", "y"}
    noise = fit_noise(case)["noise"]
    assert noise.shape == (62, 64, 784)  # 4,000 rows in batches of 64
    rate = next(n.attrs["rate"] for n in case.program.nodes if n.op == "dropout")
    assert np.mean(noise >= rate) == rate
    assert np.min(np.abs(noise - rate)) > 0.1
    assert not np.array_equal(noise[0], noise[1])
