"""Every gradient against derivatives found without the engine's rules, in float64.

``python tests/reference/gradient_report.py`` prints the worst error of every op.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_calls import DIFFERENTIABLE, SMOOTH, drawn, forward_of, on_tape
from reference_formulas import ANALYTIC
from reference_gradients import central_error, complex_error, relative

from bakeoff.samples import Sample
from bakeoff_reference import ops, value_and_grad, vjp

Array = Any
BY_ID = pytest.mark.parametrize("sample", SMOOTH, ids=lambda s: s.id)


@BY_ID
def test_gradient_equals_central_differences(sample: Sample) -> None:
    """Element by element, to 1e-7 of the largest; most are below 1e-9."""
    assert central_error(sample) <= 1e-7


@pytest.mark.parametrize("sample", [s for s in SMOOTH if s.op in ANALYTIC], ids=lambda s: s.id)
def test_gradient_equals_complex_step(sample: Sample) -> None:
    """Along a random direction, to rounding: the complex step subtracts nothing."""
    error = complex_error(sample)
    assert error is not None
    assert error <= 1e-12


@BY_ID
def test_vjp_along_random_vectors(sample: Sample) -> None:
    """⟨Jᵀu, v⟩ = ⟨u, Jv⟩ with all differentiable arguments moved at once."""
    program, arrays = drawn(sample, "float64", with_gradient=True)
    f, names = forward_of(program), [v.name for v in program.inputs]
    inputs, u, h = arrays[:-1], arrays[-1], 1e-5
    rng = np.random.default_rng(2)
    moves = {n: rng.standard_normal(arrays[names.index(n)].shape) for n in program.ask["wrt"]}

    def along(step: float) -> Array:
        return np.array(f(*[a + step * moves[n] if n in moves else a
                            for n, a in zip(names, inputs, strict=False)]))  # fmt: skip

    jv = (along(h) - along(-h)) / (2 * h)
    grads = on_tape(program, arrays)[1:]
    left = sum(float(np.sum(g * m)) for g, m in zip(grads, moves.values(), strict=True))
    scale = sum(float(np.sum(np.abs(g * m))) for g, m in zip(grads, moves.values(), strict=True))
    assert abs(left - float(np.sum(u * jv))) <= 1e-6 * max(scale, 1e-3)


@pytest.mark.parametrize("sample", DIFFERENTIABLE, ids=lambda s: s.id)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_gradients_keep_dtype_and_shape(sample: Sample, dtype: str) -> None:
    """A gradient is of its argument's shape and dtype."""
    program, arrays = drawn(sample, dtype, with_gradient=True)
    by_name = program.values()
    for name, grad in zip(program.ask["wrt"], on_tape(program, arrays)[1:], strict=True):
        assert (grad.shape, str(grad.dtype)) == (by_name[name].shape, by_name[name].dtype)


def two_layer(x: Any, labels: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """The lecture's network: 784-128-10, cut down by the shapes of what it is given."""
    hidden = ops.relu(ops.bias_add(x @ w1, b1))
    logits = ops.bias_add(hidden @ w2, b2)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(logits, labels))


def test_taylor_remainder_of_the_two_layer_network() -> None:
    """f(w + h v) - f(w) - h ⟨∇f, v⟩ shrinks as h²: the gradient of the whole net is right."""
    rng = np.random.default_rng(5)
    x, labels = rng.standard_normal((16, 20)), rng.integers(0, 5, 16)
    shapes = [(20, 12), (12,), (12, 5), (5,)]
    params = [0.3 * rng.standard_normal(s) for s in shapes]
    moves = [rng.standard_normal(s) for s in shapes]
    value, grads = value_and_grad(two_layer, wrt=(2, 3, 4, 5))(x, labels, *params)
    slope = sum(float(np.sum(g.numpy() * v)) for g, v in zip(grads, moves, strict=True))
    steps = [1e-3 / 2**k for k in range(4)]
    remainders = [
        abs(
            two_layer(x, labels, *[p + h * v for p, v in zip(params, moves, strict=True)]).item()
            - value.item()
            - h * slope
        )
        for h in steps
    ]
    rates = np.log2(np.divide(remainders[:-1], remainders[1:]))
    assert np.all(np.abs(rates - 2) < 0.1), (remainders, rates)


SIZES = st.lists(st.integers(1, 4), min_size=0, max_size=3)


@settings(max_examples=60, deadline=None)
@given(shape=SIZES, left=st.data())
def test_broadcasting_is_undone(shape: list[int], left: Any) -> None:
    """Gradients of broadcast arguments have the arguments' shapes and the right sums."""

    def narrowed(label: str) -> tuple[int, ...]:
        sizes = [left.draw(st.sampled_from([1, n]), label) for n in shape]
        return tuple(sizes[left.draw(st.integers(0, len(sizes)), label) :])

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(narrowed("a")), rng.standard_normal(narrowed("b"))
    y, pull = vjp(ops.multiply, a, b)
    g = rng.standard_normal(y.shape)
    expected = np.broadcast_arrays(a, b)
    assert y.shape == expected[0].shape
    for grad, x, other in zip(pull(g), (a, b), expected[::-1], strict=True):
        full = (g * other).reshape((1,) * (4 - y.ndim) + y.shape)
        axes = tuple(i for i in range(4) if ((1,) * (4 - x.ndim) + x.shape)[i] == 1)
        np.testing.assert_allclose(
            grad.numpy(), full.sum(axes, keepdims=True).reshape(x.shape), rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize(("op", "pick"), [("max", np.max), ("min", np.min)])
def test_tied_extremes_share_the_cotangent(op: str, pick: Any) -> None:
    x = np.array([[1.0, 3.0, 3.0], [1.0, 1.0, 1.0]])
    _y, pull = vjp(lambda t: getattr(ops, op)(t, axis=1), x)
    (grad,) = pull(np.array([6.0, 6.0]))
    won = x == pick(x, axis=1, keepdims=True)
    np.testing.assert_array_equal(grad.numpy(), 6 * won / won.sum(1, keepdims=True))


def test_tied_pairs_share_the_cotangent() -> None:
    for op in (ops.maximum, ops.minimum):
        _, pull = vjp(op, np.array([1.0, 2.0]), np.array([1.0, 2.0]))
        for grad in pull(np.array([1.0, 3.0])):
            np.testing.assert_array_equal(grad.numpy(), [0.5, 1.5])


def test_max_pool_gives_the_first_of_tied_elements() -> None:
    x = np.ones((1, 1, 2, 2))
    _, pull = vjp(lambda t: ops.max_pool2d(t, kernel_size=2), x)
    np.testing.assert_array_equal(pull(np.ones((1, 1, 1, 1)))[0].numpy(), [[[[1, 0], [0, 0]]]])


def test_powers_of_zero() -> None:
    """0 ** 0, 0 ** 1 and 0 ** 2 have finite derivatives, and so have both arguments."""
    x = np.zeros(3)
    for exponent, expected in ((0, 0.0), (1, 1.0), (2, 0.0), (3, 0.0)):
        _, pull = vjp(lambda t, e=exponent: t**e, x)
        np.testing.assert_array_equal(pull(np.ones(3))[0].numpy(), expected)
    _, pull = vjp(ops.pow, x, np.array([0.0, 1.0, 2.0]))
    base, power = pull(np.ones(3))
    np.testing.assert_array_equal(base.numpy(), [0.0, 1.0, 0.0])
    np.testing.assert_array_equal(power.numpy(), 0.0)


def test_relative_is_an_error() -> None:
    """The measure itself sees a wrong element."""
    assert relative(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 0.5


def test_gradient_of_logits_that_lie_by_columns() -> None:
    """The labelled elements are reduced in whatever order the logits lie in memory."""
    logits = np.random.default_rng(0).standard_normal((6, 4))
    labels = np.array([0, 3, 1, 2, 2, 0])

    def loss(x: Any) -> Any:
        return ops.sum(ops.sparse_softmax_cross_entropy_with_logits(x, labels))

    gradient = value_and_grad(loss)
    expected = gradient(logits)[1].numpy()
    np.testing.assert_allclose(gradient(np.asfortranarray(logits))[1].numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(expected.sum(axis=1), 0, atol=1e-12)
