"""The lecture's own examples, as it shows them."""

from typing import Any

import numpy as np
import pytest

from bakeoff_reference import (
    Operator,
    Session,
    Variable,
    constant,
    graph,
    initializers,
    ops,
    optimizers,
    placeholder,
    value_and_grad,
    variable,
)  # fmt: skip
from bakeoff_reference.graph import Constant, backward, forward_pass, toposort
from bakeoff_reference.plan import compile_graph, compile_training


def test_the_table_of_numpy_and_tensorflow() -> None:
    """zeros, ones, sum, shape, reshape, arithmetic, dot, indexing: NumPy's answers."""
    a, b = ops.zeros((2, 2)), ops.ones((2, 2))
    na, nb = np.zeros((2, 2)), np.ones((2, 2))
    for got, expected in (
        (a, na), (b, nb), (ops.sum(b, axis=1), np.sum(nb, axis=1)),
        (ops.reshape(a, (1, 4)), np.reshape(na, (1, 4))), (b * 5 + 1, nb * 5 + 1),
        (ops.matmul(a, b), np.dot(na, nb)), (a[0, 0], na[0, 0]), (a[:, 0], na[:, 0]),
        (a[0, :], na[0, :]),
    ):  # fmt: skip
        np.testing.assert_array_equal(got.numpy(), expected)
    assert a.shape == na.shape


def test_c_equals_a_times_b() -> None:
    """Eagerly, in a session, by ``eval``, and from a feed: 30 each time."""
    a, b = constant(5.0), constant(6.0)
    c = a * b
    assert c.item() == 30
    assert str(c) == "Tensor(30., dtype=float32)"
    x, y = Constant(5.0), Constant(6.0)
    node = x * y
    with Session() as session:
        assert session.run(node) == 30
        assert node.eval() == 30
        p = placeholder()
        assert session.run(p * y, feed={p: 5.0}) == 30
        assert session.run([p * y, p + 1], feed={p: 5.0}) == [30, 6]
        with pytest.raises(ValueError, match="no value; pass feed="):
            session.run(p * y)


class add(Operator):  # the lecture's name
    """Binary addition operation."""

    def __init__(self, a: Operator, b: Operator) -> None:
        super().__init__()
        self.inputs = [a, b]

    def forward(self, a: Any, b: Any) -> Any:
        return a + b

    def backward(self, a: Any, b: Any, dout: Any) -> Any:
        return dout, dout


class matmul(Operator):  # the lecture's name
    """Binary multiplication"""

    def __init__(self, a: Operator, b: Operator) -> None:
        super().__init__()
        self.inputs = [a, b]

    def forward(self, a: Any, b: Any) -> Any:
        return a @ b

    def backward(self, a: Any, b: Any, dout: Any) -> Any:
        return dout @ b.T, a.T @ dout


def test_the_operators_with_forward_and_backward() -> None:
    """The lecture's classes and passes, next to the same graph made of our ops."""
    rng = np.random.default_rng(0)
    values = [rng.standard_normal(s) for s in ((2, 3), (3, 4), (2, 4))]
    x, w, b = (placeholder(n) for n in "xwb")
    feed = dict(zip((x, w, b), values, strict=True))
    theirs = add(matmul(x, w), b)
    ours = x @ w + b
    found = []
    for end in (theirs, ours):
        order = toposort([end])
        assert order[-1] is end
        result = forward_pass(order, feed)
        np.testing.assert_allclose(result, values[0] @ values[1] + values[2])
        assert end.value is result
        grads = backward(order)
        assert len(grads) == len(order)
        found.append([n.gradient for n in (x, w, b)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other)
    np.testing.assert_allclose(found[0][1], values[0].T @ np.ones((2, 4)))


def test_gradients_add_up_where_a_node_is_used_twice() -> None:
    x = placeholder()
    order = toposort([x * x + x])
    forward_pass(order, {x: 3.0})
    assert backward(order)[0] == x.gradient == 7.0


def test_scalars_and_sequences_in_graphs() -> None:
    """Numbers take the dtype beside them, sequences of nodes are inputs like others."""
    x, y = placeholder(dtype="float64"), placeholder(dtype="float64")
    node = ops.concat([2 * x, y[None, 0] ** 2], axis=0)
    values = {x: [1.0, 2.0], y: [3.0, 4.0]}
    result = graph.run(node, values)
    assert result.dtype == "float64"
    np.testing.assert_array_equal(result, [2.0, 4.0, 9.0])
    order = toposort([ops.sum(node)])
    forward_pass(order, values)
    backward(order)
    np.testing.assert_array_equal(y.gradient, [6.0, 0.0])
    z = placeholder("z", (3,))
    with pytest.raises(ValueError, match=r"<placeholder z> got shape \(2,\), expected \(3,\)"):
        graph.run(z, {z: [1.0, 2.0]})


def _line(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    true = np.array([[2.0], [-3.0], [0.5]], "float32")
    x = rng.standard_normal((200, 3)).astype("float32")
    y = x @ true + 0.7 + 0.01 * rng.standard_normal((200, 1)).astype("float32")
    return x, y, true


def test_linear_regression_with_adam_converges() -> None:
    """The lecture's: ``y_pred = matmul(X, W) + b``, squares summed up, Adam."""
    x, y, true = _line(np.random.default_rng(0))
    w, b = initializers.normal(initializers.generator(1), (3, 1)), variable(np.zeros(1, "float32"))
    opt = optimizers.adam(0.05)

    def loss(w: Any, b: Any) -> Any:
        return ops.mean((y - (ops.matmul(x, w) + b)) ** 2)

    losses = []
    for _ in range(400):
        value, grads = value_and_grad(loss, wrt=(0, 1))(w, b)
        opt.apply_gradients(zip(grads, (w, b), strict=True))
        losses.append(value.item())
    assert losses[-1] < 2e-4 < losses[0]
    np.testing.assert_allclose(w.numpy(), true, atol=0.01)
    np.testing.assert_allclose(b.numpy(), 0.7, atol=0.01)


def test_linear_regression_as_a_graph() -> None:
    """Set up variables and placeholders, add the optimization, run: the plan learns the same."""
    x, y, true = _line(np.random.default_rng(0))
    xs, ys = placeholder("X"), placeholder("y")
    w, b = Variable(np.zeros((3, 1), "float32")), Variable(np.zeros(1, "float32"))
    loss = ops.mean((ys - (xs @ w + b)) ** 2)
    step = compile_training(loss, {xs: x, ys: y}, [w, b], optimizers.adam(0.05))
    losses = [step(feed={xs: x, ys: y}) for _ in range(400)]
    assert losses[-1] < 2e-4 < losses[0]
    np.testing.assert_allclose(w.value, true, atol=0.01)
    assert Session().run(loss, feed={xs: x, ys: y}) == pytest.approx(losses[-1], rel=0.05)


def test_the_two_layer_network_with_sgd() -> None:
    """784-128-10, relu, softmax cross-entropy, SGD 0.01: the loss goes down, step by step."""
    rng = np.random.default_rng(3)
    features = rng.standard_normal((64, 28, 28)).astype("float32")
    classes = rng.integers(0, 10, 64)
    draw = initializers.generator(0)
    w_hl, b_hl = initializers.glorot_uniform(draw, (784, 128)), initializers.zeros((128,))
    w_sm, b_sm = initializers.glorot_uniform(draw, (128, 10)), initializers.zeros((10,))
    trainable_variables = [w_sm, b_sm, w_hl, b_hl]

    def model_forward(images: Any) -> Any:
        a_hl = ops.relu(ops.matmul(ops.reshape(images, (-1, 784)), w_hl) + b_hl)
        return ops.matmul(a_hl, w_sm) + b_sm

    opt = optimizers.sgd(0.01)
    losses = []
    for _ in range(20):
        yhat = model_forward(features)
        loss_val = ops.mean(ops.sparse_softmax_cross_entropy_with_logits(yhat, classes))
        for v in trainable_variables:
            v.grad = None
        loss_val.backward()
        opt.apply_gradients((v.grad, v) for v in trainable_variables)
        losses.append(loss_val.item())
    assert np.all(np.diff(losses) < 0)
    assert losses[-1] < 0.75 * losses[0]


def test_a_compiled_graph_gives_values_and_gradients() -> None:
    x, w = placeholder("x"), Variable(np.array([2.0, 3.0], "float32"))
    loss = ops.sum(ops.square(x * w))
    feed = {x: [1.0, -1.0]}
    plan = compile_graph(loss, feed, wrt=[w, x])
    value, grad_w, grad_x = plan(feed)
    assert value == 13.0
    np.testing.assert_array_equal(grad_w, [4.0, 6.0])
    np.testing.assert_array_equal(grad_x, [8.0, -18.0])
    with pytest.raises(TypeError, match="expected a fed placeholder or an op of the catalogue"):
        compile_graph(add(x, w), feed)
