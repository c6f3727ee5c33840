"""Values at the edges: large, infinite, NaN, and where careless formulas cancel."""

import numpy as np
import pytest
import scipy.special

from bakeoff_reference import OpError, grad, ops

INF = np.inf


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_of_large_numbers(dtype: str) -> None:
    x = np.array([[1e4, 1e4 + 1, -1e4], [-1e4, -1e4, -1e4]], dtype)
    np.testing.assert_allclose(ops.softmax(x).numpy(), scipy.special.softmax(x, 1), rtol=1e-6)
    np.testing.assert_allclose(
        ops.log_softmax(x).numpy(), scipy.special.log_softmax(x, 1), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logsumexp_with_infinities(dtype: str) -> None:
    """No warning, no NaN: what the limit says."""
    x = np.array([[-INF, -INF], [INF, 1e5], [INF, -INF], [1e4, 1e4], [-INF, 3.0]], dtype)
    expected = [-INF, INF, INF, 1e4 + np.log(2), 3.0]
    np.testing.assert_allclose(ops.logsumexp(x, axis=1).numpy(), expected, rtol=1e-6)
    assert np.isnan(ops.logsumexp(np.array([np.nan, 1.0], dtype)).item())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_is_accurate_everywhere(dtype: str) -> None:
    """To a few units in the last place on both sides, without overflow."""
    x = np.concatenate([np.linspace(-87, 87, 3001), [-INF, INF, -1e4, 1e4, 0]]).astype(dtype)
    got = ops.sigmoid(x).numpy()
    expected = scipy.special.expit(x.astype("float64"))
    np.testing.assert_allclose(got, expected.astype(dtype), rtol=4 * np.finfo(dtype).eps)


def test_sigmoid_cross_entropy_neither_overflows_nor_cancels() -> None:
    x = np.array([1e4, -1e4, 40.0, -40.0, 0.0])
    z = np.array([1.0, 0.0, 1.0, 0.0, 0.5])
    got = ops.sigmoid_cross_entropy_with_logits(x, z).numpy()
    np.testing.assert_allclose(got, [0, 0, np.exp(-40), np.exp(-40), np.log(2)], rtol=1e-12)
    wrong = ops.sigmoid_cross_entropy_with_logits(x[:2], 1 - z[:2]).numpy()
    np.testing.assert_allclose(wrong, 1e4)


def test_cross_entropies_agree() -> None:
    """Sparse labels, one-hot labels, and log_softmax tell the same, at large logits too."""
    rng = np.random.default_rng(0)
    x, labels = 300 * rng.standard_normal((20, 7)), rng.integers(0, 7, 20)
    one_hot = ops.one_hot(labels, num_classes=7, dtype="float64")
    sparse = ops.sparse_softmax_cross_entropy_with_logits(x, labels).numpy()
    dense = ops.softmax_cross_entropy_with_logits(x, one_hot).numpy()
    by_hand = -scipy.special.log_softmax(x, 1)[np.arange(20), labels]
    np.testing.assert_allclose(sparse, by_hand, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dense, by_hand, rtol=1e-12, atol=1e-12)


def test_labels_that_do_not_add_up_to_one() -> None:
    """The gradient weighs the softmax by the labels' sum."""
    x, labels = np.array([[0.3, -1.0, 2.0]]), np.array([[0.5, 0.25, 1.0]])
    got = grad(lambda t: ops.softmax_cross_entropy_with_logits(t, labels).sum())(x).numpy()
    np.testing.assert_allclose(got, 1.75 * scipy.special.softmax(x, 1) - labels, rtol=1e-12)


def test_nan_and_infinity_pass_through() -> None:
    x = np.array([np.nan, INF, -INF, 1.0])
    np.testing.assert_array_equal(ops.relu(x).numpy(), [np.nan, INF, 0.0, 1.0])
    assert np.isnan(ops.max(x).item())
    assert np.isnan(ops.sum(x[:1]).item())
    np.testing.assert_array_equal(ops.tanh(x).numpy()[1:3], [1.0, -1.0])
    np.testing.assert_array_equal(ops.where(x > 0, x, 0.0).numpy(), [0.0, INF, 0.0, 1.0])


@pytest.mark.parametrize("label", [-1, 5])
def test_labels_out_of_range_are_refused(label: int) -> None:
    """A label is never read from a neighbouring row, or counted from the end."""
    with pytest.raises(IndexError):
        ops.sparse_softmax_cross_entropy_with_logits(np.zeros((2, 5)), np.array([0, label]))


def test_empty_and_single_elements() -> None:
    empty = np.zeros((0, 3), "float32")
    assert ops.sum(empty, axis=0).numpy().tolist() == [0.0, 0.0, 0.0]
    assert ops.relu(empty).shape == (0, 3)
    assert ops.matmul(empty, np.ones((3, 2), "float32")).shape == (0, 2)
    assert ops.matmul(np.ones((2, 0), "float32"), np.ones((0, 2), "float32")).numpy().sum() == 0
    with pytest.raises(OpError, match="no elements along axis"):
        ops.max(empty, axis=0)
    assert ops.softmax(np.ones((1, 1))).item() == 1.0


def test_views_are_taken_as_they_are() -> None:
    """Transposed, strided and broadcast arrays give what their copies give."""
    base = np.random.default_rng(0).standard_normal((6, 8))
    weight = np.random.default_rng(1).standard_normal((6, 6))
    for view in (base.T, base[::2, ::-1][:, ::2].T, np.broadcast_to(base[0, :6], (4, 6))):
        fits = weight[: view.shape[1]]
        np.testing.assert_allclose((ops.matmul(view, fits)).numpy(), view.copy() @ fits, rtol=1e-12)
        np.testing.assert_allclose(ops.sum(view, axis=0).numpy(), view.copy().sum(0), rtol=1e-12)
