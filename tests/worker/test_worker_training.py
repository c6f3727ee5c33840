"""Training, composed optimizers and fit, against loops written here by hand."""

import numpy as np
import pytest

from bakeoff.program import Value, trace, training
from bakeoff.record import Outcome
from bakeoff.worker import WorkerFailure

BATCHES = 4


def by_hand(rule, hyper, inputs, steps):
    """Train linear regression with formulas for the gradient; return losses and params."""
    params = [inputs["w"].copy(), inputs["b"].copy()]
    states = [{}, {}]
    losses, history = [], {}
    for t in range(1, steps + 1):
        x, y = inputs["x"][(t - 1) % BATCHES], inputs["y"][(t - 1) % BATCHES]
        residual = x @ params[0] + params[1] - y  # (8, 1)
        losses.append(np.mean(residual**2))
        grads = [2 * x.T @ residual / len(x), 2 * residual.mean(axis=0)]
        for p, g, s in zip(params, grads, states, strict=True):
            rule(p, g, s, t, **hyper)
        history[t] = [p.copy() for p in params]
    return losses, history


def sgd(p, g, s, t, lr):
    p -= lr * g


def momentum(p, g, s, t, lr, momentum=0.9):
    s["v"] = momentum * s.get("v", 0) + g
    p -= lr * s["v"]


def nesterov(p, g, s, t, lr, momentum=0.9):
    s["v"] = momentum * s.get("v", 0) + g
    p -= lr * (g + momentum * s["v"])


def adagrad(p, g, s, t, lr, eps=1e-10):
    s["s"] = s.get("s", 0) + g**2
    p -= lr * g / (np.sqrt(s["s"]) + eps)


def rmsprop(p, g, s, t, lr, decay=0.99, eps=1e-8):
    s["s"] = decay * s.get("s", 0) + (1 - decay) * g**2
    p -= lr * g / (np.sqrt(s["s"]) + eps)


def adam(p, g, s, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    s["m"] = beta1 * s.get("m", 0) + (1 - beta1) * g
    s["v"] = beta2 * s.get("v", 0) + (1 - beta2) * g**2
    p -= lr * (s["m"] / (1 - beta1**t)) / (np.sqrt(s["v"] / (1 - beta2**t)) + eps)


def adamw(p, g, s, t, lr, weight_decay=0.01, **rest):
    p -= lr * weight_decay * p
    adam(p, g, s, t, lr, **rest)


@pytest.mark.parametrize(
    ("rule", "hyper"),
    [
        (sgd, {"lr": 0.05}),
        (momentum, {"lr": 0.02, "momentum": 0.8}),
        (nesterov, {"lr": 0.02}),
        (adagrad, {"lr": 0.2}),
        (rmsprop, {"lr": 0.02, "decay": 0.9}),
        (adam, {"lr": 0.1}),
        (adam, {"lr": 0.1, "beta1": 0.7, "beta2": 0.9, "eps": 1e-2}),
        (adamw, {"lr": 0.1, "weight_decay": 0.3}),
    ],
    ids=lambda v: v.__name__ if callable(v) else None,
)
def test_training_follows_the_equations(shared, regression, regression_inputs, rule, hyper):
    shared.prepare(regression(rule.__name__, hyper), regression_inputs, batches=BATCHES)
    trained = shared.train(25, keep=(1, 10, 25))
    losses, history = by_hand(rule, hyper, regression_inputs, 25)
    np.testing.assert_allclose(trained["losses"], losses, rtol=1e-11)
    assert sorted(trained["params"]) == [1, 10, 25]
    for step, params in trained["params"].items():
        for got, expected in zip(params, history[step], strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-11)
    assert 0 < trained["first_step_ns"] < trained["wall_ns"]


def test_training_begins_anew_each_time(shared, regression, regression_inputs):
    shared.prepare(regression("adam", {"lr": 0.1}), regression_inputs, batches=BATCHES)
    first = shared.train(5, keep=[5])
    shared.block(7)
    second = shared.train(5, keep=[5])
    np.testing.assert_array_equal(first["losses"], second["losses"])
    np.testing.assert_array_equal(first["params"][5][0], second["params"][5][0])
    assert first["first"]
    assert not second["first"]


def test_the_schedule_sets_the_learning_rate_of_each_step(shared, regression, regression_inputs):
    program = regression("sgd", {"lr": 0.1}, {"name": "exponential", "gamma": 0.5})
    shared.prepare(program, regression_inputs, batches=BATCHES)

    def decaying(p, g, s, t, lr):
        p -= lr * 0.5 ** (t - 1) * g

    losses, _ = by_hand(decaying, {"lr": 0.1}, regression_inputs, 6)
    np.testing.assert_allclose(shared.train(6)["losses"], losses, rtol=1e-12)


def test_training_data_need_a_leading_axis_of_batches(shared, regression, regression_inputs):
    with pytest.raises(WorkerFailure, match=r"input x has shape \(4, 8, 3\), expected \(3, 8, 3\)"):
        shared.prepare(regression("sgd", {"lr": 0.1}), regression_inputs, batches=3)


def test_train_and_call_are_for_their_own_programs(
    shared, regression, regression_inputs, product, factors
):
    shared.prepare(regression("sgd", {"lr": 0.1}), regression_inputs, batches=BATCHES)
    with pytest.raises(WorkerFailure, match="a training program takes train") as caught:
        shared.call()
    assert caught.value.outcome == Outcome.ERROR
    shared.prepare(product, factors)
    with pytest.raises(WorkerFailure, match="asks for forward"):
        shared.train(1)


# --- fit -----------------------------------------------------------------------------------

ROWS, BATCH, CLASSES = 96, 16, 3


@pytest.fixture(scope="module")
def classification():
    """A linear classifier of three blobs: programs and arrays for `Worker.fit`."""
    rng = np.random.default_rng(2)
    centres = 2.0 * rng.normal(size=(CLASSES, 4))
    y = rng.integers(0, CLASSES, size=ROWS + 50)
    x = centres[y] + rng.normal(size=(len(y), 4))
    params = [Value("w", (4, CLASSES), "float64"), Value("b", (CLASSES,), "float64")]

    def loss(ops, w, b, x, y):
        return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(x @ w + b, y))

    return {
        "program": trace(
            loss,
            [*params, Value("x", (BATCH, 4), "float64"), Value("y", (BATCH,), "int64")],
            training(["w", "b"], "sgd", {"lr": 0.1}),
        ),
        # 50 test rows in chunks of 16: the last chunk is filled up
        "predict": trace(lambda ops, w, b, x: x @ w + b, [*params, Value("x", (16, 4), "float64")]),
        "params": {"w": rng.normal(size=(4, CLASSES)), "b": np.zeros(CLASSES)},
        "train": {"x": x[:ROWS], "y": y[:ROWS]},
        "test_x": x[ROWS:],
        "test_y": y[ROWS:],
        "order": np.stack([rng.permutation(ROWS).reshape(-1, BATCH) for _ in range(5)]),
    }


def fit_by_hand(c, epochs):
    w, b = c["params"]["w"].copy(), c["params"]["b"].copy()
    losses, accuracy, predictions = [], [], None
    for epoch in c["order"][:epochs]:
        for rows in epoch:
            x, y = c["train"]["x"][rows], c["train"]["y"][rows]
            e = np.exp(x @ w + b)
            p = e / e.sum(axis=1, keepdims=True)
            losses.append(-np.log(p[np.arange(BATCH), y]).mean())
            d = (p - np.eye(CLASSES)[y]) / BATCH
            w, b = w - 0.1 * x.T @ d, b - 0.1 * d.sum(axis=0)
        predictions = (c["test_x"] @ w + b).argmax(axis=1)
        accuracy.append((predictions == c["test_y"]).mean())
    return np.reshape(losses, (epochs, -1)), accuracy, predictions, w


def test_fit_follows_the_order_given(shared, classification):
    fitted = shared.fit(**classification)
    losses, accuracy, predictions, w = fit_by_hand(classification, 5)
    np.testing.assert_allclose(fitted["losses"], losses, rtol=1e-10)
    np.testing.assert_allclose(fitted["accuracy"], accuracy)
    np.testing.assert_array_equal(fitted["predictions"], predictions)
    np.testing.assert_allclose(fitted["params"][0], w, rtol=1e-10)
    assert len(fitted["wall_ns"]) == len(fitted["cpu_ns"]) == len(fitted["evaluate_ns"]) == 5
    assert min(fitted["wall_ns"]) > 0
    assert not fitted["reached"]
    assert fitted["time_to_target_ns"] is None


def test_fit_stops_at_the_target(shared, classification):
    _, accuracy, _, _ = fit_by_hand(classification, 5)
    target = max(accuracy)
    stop = accuracy.index(target) + 1
    fitted = shared.fit(**classification, target_accuracy=target)
    assert fitted["reached"]
    assert len(fitted["accuracy"]) == stop
    assert fitted["time_to_target_ns"] == sum(fitted["wall_ns"])


def test_noise_goes_by_the_step_and_not_by_the_row(shared, classification):
    """What a step is given beside its rows is the step's own, and comes again in each epoch."""

    def loss(ops, w, b, x, y, noise):
        losses = ops.sparse_softmax_cross_entropy_with_logits(x @ w + b, y)
        return ops.add(ops.mean(losses), ops.mean(noise))

    program = classification["program"]
    noisy = trace(loss, [*program.inputs, Value("noise", (BATCH,), "float64")], program.ask)
    steps = ROWS // BATCH
    noise = np.repeat(np.arange(steps, dtype=float)[:, None], BATCH, axis=1)  # (steps, batch)
    fitted = shared.fit(**{**classification, "program": noisy}, noise={"noise": noise})
    losses, *_ = fit_by_hand(classification, 5)
    np.testing.assert_allclose(fitted["losses"], losses + np.arange(steps), rtol=1e-10)


def smaller_outputs(c, optimizer):
    """A stage that trains the weights, and not the biases, to the least hyperbolic tangents."""
    inputs = [v for v in c["program"].inputs if v.name in ("w", "x")]
    ask = training(["w"], optimizer, {"lr": 0.2})
    return trace(lambda ops, w, x: ops.mean(ops.tanh(x @ w)), inputs, ask)


def test_fit_goes_on_from_what_the_stages_before_have_made(shared, classification):
    c = classification
    stage = smaller_outputs(c, "momentum")
    order = c["order"][::-1, :2]  # (epochs, steps, batch)
    weights, velocity, losses = c["params"]["w"].copy(), 0.0, []
    for rows in order.reshape(-1, BATCH):
        rows_x = c["train"]["x"][rows]
        outputs = np.tanh(rows_x @ weights)
        losses.append(outputs.mean())
        velocity = 0.9 * velocity + rows_x.T @ (1 - outputs**2) / outputs.size
        weights = weights - 0.2 * velocity
    fitted = shared.fit(**c, before=[(stage, order)])
    np.testing.assert_allclose(fitted["before"], losses, rtol=1e-10)
    assert fitted["before_ns"] > 0
    after, accuracy, _, final = fit_by_hand({**c, "params": {**c["params"], "w": weights}}, 5)
    np.testing.assert_allclose(fitted["losses"], after, rtol=1e-10)
    np.testing.assert_allclose(fitted["accuracy"], accuracy)
    np.testing.assert_allclose(fitted["params"][0], final, rtol=1e-10)
    assert not shared.fit(**c)["before"].size


def test_fit_refuses_what_the_toolkit_lacks(start, classification):
    worker = start(mode={"lacks": ["sparse_softmax_cross_entropy_with_logits"]})
    with pytest.raises(WorkerFailure) as caught:
        worker.fit(**classification)
    assert caught.value.outcome == Outcome.UNSUPPORTED


def test_fit_refuses_a_stage_that_the_toolkit_lacks(start, classification):
    worker = start(mode={"lacks": ["tanh"]})
    with pytest.raises(WorkerFailure) as caught:
        worker.fit(
            **classification,
            before=[(smaller_outputs(classification, "sgd"), classification["order"])],
        )
    assert caught.value.outcome == Outcome.UNSUPPORTED
