"""Initial weights: the distribution each promises, from the generator it was given."""

import math

import numpy as np
import pytest

from bakeoff_reference import initializers as init

SHAPE = (300, 200)


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("glorot_uniform", math.sqrt(2 / 500)),
        ("glorot_normal", math.sqrt(2 / 500)),
        ("he", math.sqrt(2 / 300)),
        ("normal", 1.0),
    ],
)
def test_mean_and_deviation(name: str, deviation: float) -> None:
    w = getattr(init, name)(init.generator(0), SHAPE)
    assert (w.shape, w.dtype, w.requires_grad) == (SHAPE, "float32", True)
    assert w.numpy().std() == pytest.approx(deviation, rel=0.02)
    assert abs(w.numpy().mean()) < 0.02 * deviation * 2
    if name == "glorot_uniform":
        assert np.abs(w.numpy()).max() <= math.sqrt(6 / 500)


def test_draws_come_from_the_given_generator() -> None:
    first, second = init.generator(7), init.generator(7)
    a, b = init.he(first, (4, 3)), init.he(second, (4, 3))
    np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert not np.array_equal(a.numpy(), init.he(first, (4, 3)).numpy())


def test_fans_of_filters() -> None:
    assert init.fans((8, 3, 5, 5)) == (75, 200)
    with pytest.raises(ValueError, match=r"fans: shape \(3,\), expected"):
        init.fans((3,))
    assert init.zeros((2,), "float64").numpy().tolist() == [0.0, 0.0]
