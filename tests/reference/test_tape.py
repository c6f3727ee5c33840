"""The eager tape: tensors, backward, gradients as functions."""

import numpy as np
import pytest

from bakeoff_reference import Tensor, constant, grad, ops, value_and_grad, variable, vjp
from bakeoff_reference.arrays import array_module
from bakeoff_reference.engine import Engine


def test_operators_are_ops() -> None:
    """Python's operators, reflected ones and comparisons among them, agree with NumPy."""
    x = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    t = constant(x)
    pairs = [
        (t + 1, x + 1), (1 + t, 1 + x), (t - 1, x - 1), (1 - t, 1 - x), (t * 2, x * 2),
        (2 * t, 2 * x), (t / 2, x / 2), (2 / t, 2 / x), (t**2, x**2), (2**t, 2**x),
        (t @ t, x @ x), (-t, -x), (abs(-t), abs(-x)), (t == 2, x == 2), (t != 2, x != 2),
        (t < 2, x < 2), (t <= 2, x <= 2), (t > 2, x > 2), (t >= 2, x >= 2),
        (t[0, 0], x[0, 0]), (t[:, 0], x[:, 0]), (t[0, :], x[0, :]), (t[..., ::2], x[..., ::2]),
        (t[None, -1], x[None, -1]), (t.T, x.T), (t.sum(0), x.sum(0)), (t.mean(), x.mean()),
        (t.max(axis=1, keepdims=True), x.max(1, keepdims=True)), (t.min(), x.min()),
        (t.reshape(4), x.reshape(4)), (t.reshape(1, -1), x.reshape(1, -1)),
        (x @ t, x @ x), (x * t, x * x), (np.float32(2) * t, 2 * x),
    ]  # fmt: skip
    for i, (got, expected) in enumerate(pairs):
        assert isinstance(got, Tensor), i
        np.testing.assert_array_equal(got.numpy(), expected, err_msg=str(i))
        assert got.dtype == str(expected.dtype), i


def test_tensors_look_like_arrays() -> None:
    t = constant([[1.0, 2.0, 3.0]])
    assert (t.shape, t.ndim, t.size, t.dtype, len(t)) == ((1, 3), 2, 3, "float32", 1)
    assert repr(t) == "Tensor([[1., 2., 3.]], dtype=float32)"
    assert [row.shape for row in t] == [(3,)]
    assert np.asarray(t).dtype == np.float32
    assert (float(t.sum()), int(t.sum()), bool(t.sum() > 5)) == (6.0, 6, True)
    assert constant(3).dtype == "int64"
    assert constant(np.float64(3)).dtype == "float64"
    assert t.astype("float64").dtype == "float64"


def test_backward_adds_up_in_variables() -> None:
    """A variable used twice gets both parts; a second backward adds to ``grad``."""
    a = variable(3.0)
    c = a * a + a
    c.backward()
    assert a.grad is not None
    assert a.grad.item() == 7.0
    c.backward()
    assert a.grad.item() == 14.0
    a.grad = None
    assert a.grad is None


def test_constants_get_no_gradient_and_cost_none() -> None:
    """What depends on no variable is not recorded."""
    x, w = constant([1.0, 2.0]), variable([3.0, 4.0])
    assert (x * x).node is None
    (x * w).sum().backward()
    assert x.grad is None
    with pytest.raises(ValueError, match="depends on no variable"):
        x.sum().backward()
    with pytest.raises(ValueError, match="expected a scalar"):
        (x * w).backward()
    with pytest.raises(ValueError, match=r"cotangent of shape \(3,\), expected \(2,\)"):
        (x * w).backward(np.ones(3))


def test_a_chain_of_ten_thousand_ops() -> None:
    """Backward is a loop: depth costs no stack, building, walking or freeing the tape."""
    x = variable(1.0)
    y = x
    for _ in range(10_000):
        y = y * 1.0001
    y.backward()
    assert x.grad is not None
    assert x.grad.item() == pytest.approx(1.0001**10_000, rel=1e-3)


def test_diamonds_are_walked_once() -> None:
    """Every op's rule runs once however many paths lead to it: 2**60 paths here."""
    x = variable(np.float64(1.0))
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad is not None
    assert x.grad.item() == 2.0**60


def test_gradients_as_functions() -> None:
    value, slope = value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
    assert value.item() == 5.0
    np.testing.assert_array_equal(slope.numpy(), [2.0, 4.0])
    (first, second) = grad(lambda a, b: a * b, wrt=(1, 0))(constant(2.0), constant(3.0))
    assert (first.item(), second.item()) == (2.0, 3.0)
    (y, extra), g = value_and_grad(lambda x: (x * 3.0, "kept"))(constant(2.0))
    assert (y.item(), extra, g.item()) == (6.0, "kept", 3.0)


def test_unreached_arguments_get_zeros() -> None:
    _, pull = vjp(lambda a, b: a * 2.0, np.ones(3), np.ones((2, 2)))
    a, b = pull(np.ones(3))
    np.testing.assert_array_equal(a.numpy(), 2.0)
    np.testing.assert_array_equal(b.numpy(), np.zeros((2, 2)))


def test_gradients_own_their_memory() -> None:
    """``a + b`` hands one cotangent to both: changing one gradient must not change the other."""
    g = np.ones(3)
    _, pull = vjp(ops.add, np.zeros(3), np.zeros(3))
    a, b = pull(g)
    a.value[0] = 7.0
    assert b.value[0] == g[0] == 1.0
    y = constant(np.zeros(2))
    y.numpy()[0] = 5.0
    assert y.value[0] == 0.0


def test_gradients_stop_at_integers_and_detach() -> None:
    x = variable([1.5, 2.5])
    y = x.astype("int64").astype("float32") * x + x.detach() * x
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), [1.0 + 1.5, 2.0 + 2.5])
    with pytest.raises(TypeError, match="expected floating-point"):
        variable([1, 2])


def test_another_engine_has_its_own_tensors() -> None:
    """The array module is held by the engine, not imported by the rules."""
    other = Engine(array_module(np))
    x = other.Tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward()
    assert type(y) is other.Tensor
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])
    with pytest.raises(ValueError, match="a tensor of another engine"):
        ops.add(x, constant(1.0))


def test_float16_adds_up_in_float32() -> None:
    """Ten thousand times 0.1 in float16 steps would stick at 256."""
    x = np.full(10_000, 0.1, "float16")
    assert ops.sum(x).item() == pytest.approx(1000, rel=2e-3)
    assert ops.matmul(x, np.ones(10_000, "float16")).item() == pytest.approx(1000, rel=2e-3)
    assert ops.mean(x).dtype == ops.softmax(x).dtype == "float16"
    wide = ops.conv1d(x.reshape(1, 1, -1), np.ones((1, 1, 10_000), "float16"))
    assert wide.dtype == "float16"
    assert wide.numpy().item() == pytest.approx(1000, rel=2e-3)
    b = variable(np.zeros(1, "float16"))
    (b + constant(np.zeros((4096, 1), "float16"))).sum().backward()
    assert b.grad is not None
    assert (b.grad.item(), b.grad.dtype) == (4096.0, "float16")
