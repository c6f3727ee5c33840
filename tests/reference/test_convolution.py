"""Convolutions of any geometry against plain loops, and against each other."""

from typing import Any

import numpy as np
import pytest
from convolution_cases import geometries
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference_formulas import conv, conv_transpose

from bakeoff_reference import ops, vjp


def _values(case: dict[str, Any]) -> tuple[Any, Any]:
    rng = np.random.default_rng(3)
    return rng.standard_normal(case["x"]), rng.standard_normal(case["w"])


@settings(max_examples=80, deadline=None)
@given(case=geometries())
def test_convolution_equals_the_plain_loop(case: dict[str, Any]) -> None:
    """Any stride, dilation, groups and asymmetric padding, in 1, 2 and 3 dimensions."""
    x, w = _values(case)
    y = getattr(ops, f"conv{case['dims']}d")(x, w, **case["attrs"])
    np.testing.assert_allclose(y.numpy(), conv(x, w, **case["attrs"]), rtol=1e-11, atol=1e-11)


@settings(max_examples=80, deadline=None)
@example(
    case={  # a pointwise filter and an input larger than the convolution's result needs
        "dims": 1,
        "x": (1, 1, 1),
        "w": (1, 1, 1),
        "attrs": {
            "stride": (1,),
            "padding": ((0, 0),),
            "dilation": (2,),
            "groups": 1,
            "output_padding": (1,),
        },
    }
)
@given(case=geometries(transposed=True))
def test_transposed_convolution_equals_the_plain_loop(case: dict[str, Any]) -> None:
    x, w = _values(case)
    y = getattr(ops, f"conv_transpose{case['dims']}d")(x, w, **case["attrs"])
    expected = conv_transpose(x, w, **case["attrs"])
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-11, atol=1e-11)


@settings(max_examples=60, deadline=None)
@given(case=st.one_of(geometries(), geometries(transposed=True)))
def test_gradients_are_adjoint(case: dict[str, Any]) -> None:
    """Bilinear ops: ⟨g, f(x, w)⟩ = ⟨gradient in x, x⟩ = ⟨gradient in w, w⟩, exactly."""
    x, w = _values(case)
    name = "conv_transpose" if "output_padding" in case["attrs"] else "conv"
    op = getattr(ops, f"{name}{case['dims']}d")
    y, pull = vjp(lambda a, b: op(a, b, **case["attrs"]), x, w)
    g = np.random.default_rng(4).standard_normal(y.shape)
    gx, gw = pull(g)
    expected = np.sum(g * y.numpy())
    for grad, value in ((gx, x), (gw, w)):
        assert np.sum(grad.numpy() * value) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_transpose_is_the_gradient_of_the_convolution() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 4, 9, 8)), rng.standard_normal((6, 2, 3, 3))
    attrs = {"stride": (2, 1), "padding": 1, "groups": 2}
    y, pull = vjp(lambda t: ops.conv2d(t, w, **attrs), x)
    g = rng.standard_normal(y.shape)
    same = ops.conv_transpose2d(g, w, **attrs, output_padding=(0, 0))
    np.testing.assert_allclose(same.numpy(), pull(g)[0].numpy(), rtol=1e-12)


def test_attributes_may_be_written_short() -> None:
    """An int stands for one per dimension, padding n for (n, n)."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((1, 2, 6, 6)), rng.standard_normal((2, 2, 3, 3))
    short = ops.conv2d(x, w, stride=2, padding=1, dilation=1)
    long = ops.conv2d(x, w, stride=(2, 2), padding=((1, 1), (1, 1)), dilation=(1, 1), groups=1)
    np.testing.assert_array_equal(short.numpy(), long.numpy())


@pytest.mark.parametrize("batch", [0, 1])
def test_an_empty_batch_has_an_empty_result(batch: int) -> None:
    x, w = np.ones((batch, 2, 5, 5), "float32"), np.ones((3, 2, 3, 3), "float32")
    y, pull = vjp(lambda a, b: ops.conv2d(a, b, padding=1), x, w)
    assert y.shape == (batch, 3, 5, 5)
    gx, gw = pull(np.ones(y.shape, "float32"))
    assert (gx.shape, gw.shape) == (x.shape, w.shape)
    assert np.all(gw.numpy() == 0) == (batch == 0)
