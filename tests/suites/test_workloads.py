"""Promises of the workloads: a program computes what the function does; training succeeds."""

from types import SimpleNamespace

import numpy as np
import pytest

import bakeoff_conv
import bakeoff_matmul
from bakeoff.inputs import draw_inputs, fit_arrays
from bakeoff.program import trace
from bakeoff_two_layer import workloads
from bakeoff_two_layer.cases import BIAS, PARAMS, WEIGHT, fit_case, linear_case, step_case
from bakeoff_worker.optimizers import DEFINITIONS
from bakeoff_worker.program import straight_line


def _tuple(value, n):
    return (value,) * n if isinstance(value, int) else tuple(value)


def _pairs(value, n):
    return tuple((p, p) if isinstance(p, int) else tuple(p) for p in _tuple(value, n))


def _windows(shape, kernel, stride, dilation):
    """Yield, per kernel position, its slices of the padded input."""
    for k in np.ndindex(*kernel):
        yield (
            k,
            (
                ...,
                *(
                    slice(i * d, i * d + s * (n - 1) + 1, s)
                    for i, d, s, n in zip(k, dilation, stride, shape, strict=True)
                ),
            ),
        )


def conv(x, weight, *, stride=1, padding=0, dilation=1, groups=1):
    n = x.ndim - 2
    stride, dilation, padding = _tuple(stride, n), _tuple(dilation, n), _pairs(padding, n)
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    kernel = weight.shape[2:]
    out = tuple(
        (size - d * (k - 1) - 1) // s + 1
        for size, d, k, s in zip(x.shape[2:], dilation, kernel, stride, strict=True)
    )
    xs = x.reshape(len(x), groups, -1, *x.shape[2:])  # (N, G, C/G, *spatial)
    ws = weight.reshape(groups, -1, *weight.shape[1:])  # (G, O/G, C/G, *kernel)
    y = 0
    for k, part in _windows(out, kernel, stride, dilation):
        y = y + np.einsum("ngc...,goc->ngo...", xs[part], ws[(..., *k)], optimize=True)
    return y.reshape(len(x), -1, *out)


def conv_transpose(x, weight, *, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    n = x.ndim - 2
    stride, dilation, padding = _tuple(stride, n), _tuple(dilation, n), _pairs(padding, n)
    extra, kernel = _tuple(output_padding, n), weight.shape[2:]
    full = tuple(
        (size - 1) * s + d * (k - 1) + 1 + e
        for size, s, d, k, e in zip(x.shape[2:], stride, dilation, kernel, extra, strict=True)
    )
    xs = x.reshape(len(x), groups, -1, *x.shape[2:])  # (N, G, C/G, *spatial)
    ws = weight.reshape(groups, -1, *weight.shape[1:])  # (G, C/G, O/G, *kernel)
    y = np.zeros((len(x), groups, ws.shape[2], *full), x.dtype)
    for k, part in _windows(x.shape[2:], kernel, stride, dilation):
        y[part] += np.einsum("ngc...,gco->ngo...", xs, ws[(..., *k)], optimize=True)
    y = y.reshape(len(x), -1, *full)
    cut = (slice(lo, size - hi) for (lo, hi), size in zip(padding, full, strict=True))
    return y[(..., *cut)]


def sparse_cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=-1))
    return log_sum - np.take_along_axis(shifted, labels[..., None], axis=-1)[..., 0]


PLAIN = {
    "matmul": np.matmul,
    "add": np.add,
    "bias_add": np.add,  # (N, C) + (C,)
    "relu": lambda x: np.maximum(x, 0),
    "squared_error": lambda p, t: (p - t) ** 2,
    "mean": lambda x, axis=None, keepdims=False: np.mean(x, axis=axis, keepdims=keepdims),
    "sparse_softmax_cross_entropy_with_logits": sparse_cross_entropy,
    **{f"conv{n}d": conv for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": conv_transpose for n in (1, 2, 3)},
}
STEP = step_case(128, 64, "sgd", "float64")


def of(cases, pick):
    return next(c for c in cases if pick(c))


CONV = list(bakeoff_conv.cases("standard"))
CONV_FORWARD = {
    n: of(CONV, lambda c, n=n: c.name.endswith(f"-{n}-float32-forward"))
    for n in bakeoff_conv.LAYERS
}
FIT = fit_case(128, 64, "adam")
WORKLOADS = {
    "matmul": (bakeoff_matmul.matmul, next(iter(bakeoff_matmul.cases("smoke")))),
    "linear_loss": (workloads.linear_loss, linear_case("float64")),
    "two_layer_loss": (workloads.two_layer_loss, STEP),
    **{
        name: (bakeoff_conv.convolution(layer), CONV_FORWARD[name])
        for name, layer in bakeoff_conv.LAYERS.items()
    },
}


def first_batch(case):
    """The inputs of a first call: of training data, the first batch."""
    arrays = draw_inputs(case)
    if case.program.kind == "training":
        for value in case.program.data_inputs:
            arrays[value.name] = arrays[value.name][0]
    return arrays


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_program_computes_what_the_workload_does(name):
    workload, case = WORKLOADS[name]
    arrays = first_batch(case)
    tensors = [arrays[v.name] for v in case.program.forward_inputs]
    (result,) = straight_line(case.program, PLAIN)(*tensors)
    direct = workload(SimpleNamespace(**PLAIN), *tensors)
    assert np.array_equal(result, direct)
    output = case.program.values()[case.program.outputs[0]]
    assert np.shape(result) == output.shape
    assert np.asarray(result).dtype == output.dtype


def test_the_predicting_program_gives_the_logits_of_the_training_one():
    arrays = first_batch(FIT)
    params = [arrays[n] for n in PARAMS]
    x = fit_arrays(FIT.fit).test_x
    (logits,) = straight_line(FIT.fit.predict, PLAIN)(*params, x)
    assert logits.shape == (1000, 10)
    assert np.array_equal(logits, workloads.two_layer_logits(SimpleNamespace(**PLAIN), *params, x))


def test_workloads_are_refused_where_they_look_at_values():
    def peeks(ops, x):
        return ops.relu(x) if x > 0 else x

    with pytest.raises(TypeError, match="truth value"):
        trace(peeks, [linear_case("float32").program.inputs[0]])


class Trainer:
    """Optimizer steps in plain NumPy, with gradients written out by hand."""

    def __init__(self, case, gradients):
        ask = case.program.ask
        arrays = draw_inputs(case)
        self.params = [arrays[n] for n in ask["params"]]
        self.definition, self.hyper = DEFINITIONS[ask["optimizer"]], ask["hyper"]
        self.slots = [tuple(np.zeros_like(p) for _ in self.definition.slots) for p in self.params]
        self.gradients, self.t = gradients, 0

    def step(self, x, y):
        self.t += 1
        scalars = self.definition.scalars(self.hyper, self.hyper["lr"], self.t)
        grads = self.gradients(self.params, x, y)
        for i, grad in enumerate(grads):
            self.params[i], self.slots[i] = self.definition.update(
                self.params[i], grad, self.slots[i], scalars, np.sqrt
            )


def linear_gradients(params, x, y):
    w, b = params
    residual = 2 * (x @ w + b - y) / len(x)  # (N, 1)
    return x.T @ residual, residual.sum(axis=0)


def two_layer_gradients(params, x, y):
    w1, b1, w2, b2 = params
    hidden = np.maximum(x @ w1 + b1, 0)
    logits = hidden @ w2 + b2
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    p /= len(y)
    back = (p @ w2.T) * (hidden > 0)
    return x.T @ back, back.sum(axis=0), hidden.T @ p, p.sum(axis=0)


def test_linear_regression_comes_to_the_known_solution():
    case = linear_case("float64")
    arrays, trainer = draw_inputs(case), Trainer(case, linear_gradients)
    for i in range(case.steps):
        trainer.step(arrays["x"][i % case.batches], arrays["y"][i % case.batches])
    w, b = trainer.params
    assert np.allclose(w.ravel(), WEIGHT, atol=0.01)
    assert np.allclose(b, BIAS, atol=0.01)


@pytest.mark.parametrize(("optimizer", "epochs"), [("momentum", 3), ("nesterov", 2), ("adam", 3)])
def test_the_network_reaches_the_stated_accuracy_when_the_docstring_says(optimizer, epochs):
    case = fit_case(128, 64, optimizer)
    arrays, trainer = fit_arrays(case.fit), Trainer(case, two_layer_gradients)
    accuracies = []
    for epoch in arrays.order[:epochs]:
        for rows in epoch:
            trainer.step(arrays.train_x[rows], arrays.train_y[rows])
        w1, b1, w2, b2 = trainer.params
        classes = (np.maximum(arrays.test_x @ w1 + b1, 0) @ w2 + b2).argmax(axis=1)
        accuracies.append(np.mean(classes == arrays.test_y))
    assert accuracies[-1] >= case.fit.target_accuracy
    assert max(accuracies[:-1]) < case.fit.target_accuracy
