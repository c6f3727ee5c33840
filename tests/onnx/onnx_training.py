"""ONNX's preview training ops: one optimizer step, and the gradient of a graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx_cases import NotApplicable, OnnxNode
from onnx_table import Ops, Tensor, concrete, onnx_op, scalar

from bakeoff_reference import optimizers

Array = np.ndarray[Any, Any]

NO_CORRECTION = 10**9  # a step so late that Adam's bias corrections are exactly 1


def _step(
    optimizer: optimizers.Optimizer, w: Array, g: Array, slots: Sequence[Array], lr: float, t: int
) -> list[Array]:
    """Return the parameter and the slots after one step from the given state."""
    (state,) = optimizer.init([w])
    for held, given in zip(state, slots, strict=False):  # scratch comes after the slots
        held[...] = given
    (w,), _ = optimizer.update([w.copy()], [g], [state], lr, t)
    return [w, *state[: len(slots)]]


def _each(
    node: OnnxNode, inputs: Sequence[Tensor], kinds: int
) -> list[tuple[Array, Array, list[Array]]]:
    """Split X1, X2, …, G1, G2, …, V1, … into one (w, g, slots) per parameter.

    ``g`` has the gradient of the L2 penalty added, as all three ops say.
    """
    arrays = [concrete(x) for x in inputs]
    count = len(arrays) // kinds
    penalty = np.float32(node.attrs.get("norm_coefficient", 0.0))
    triples = []
    for i in range(count):
        w, g, *slots = arrays[i::count]
        triples.append((w, penalty * w + g, slots))
    return triples


def _outputs(results: Sequence[Sequence[Array]]) -> tuple[Array, ...]:
    """Return all parameters, then all first slots, and so on."""
    return tuple(a for kind in zip(*results, strict=True) for a in kind)


@onnx_op("Momentum")
def momentum(ops: Ops, node: OnnxNode, lr: Tensor, count: Tensor, *inputs: Tensor) -> Any:
    alpha, mode = node.attrs["alpha"], node.attrs["mode"]
    beta = node.attrs["beta"] if scalar(count) > 0 else 1.0
    if mode == "nesterov" and beta != 1.0:
        raise NotApplicable("Nesterov's momentum with a damped gradient (beta)")
    make = optimizers.momentum if mode == "standard" else optimizers.nesterov
    # ours keeps momentum v in Nesterov's place for v
    held, rate = np.float32(1.0 if mode == "standard" else alpha), scalar(lr)
    steps = [
        _step(make(rate, alpha), w, np.float32(beta) * g, [held * v], rate, 1)
        for w, g, (v,) in _each(node, inputs, 3)
    ]
    return _outputs([(w, v / held) for w, v in steps])


@onnx_op("Adagrad")
def adagrad(ops: Ops, node: OnnxNode, lr: Tensor, count: Tensor, *inputs: Tensor) -> Any:
    rate = scalar(lr) / (1.0 + scalar(count) * node.attrs.get("decay_factor", 0.0))
    optimizer = optimizers.adagrad(rate, eps=node.attrs.get("epsilon", 1e-6))
    return _outputs(
        [_step(optimizer, w, g, slots, rate, 1) for w, g, slots in _each(node, inputs, 3)]
    )


@onnx_op("Adam")
def adam(ops: Ops, node: OnnxNode, lr: Tensor, count: Tensor, *inputs: Tensor) -> Any:
    b1, b2 = node.attrs.get("alpha", 0.9), node.attrs.get("beta", 0.999)
    if node.attrs.get("norm_coefficient_post", 0.0):
        raise NotApplicable("Adam with norm_coefficient_post")
    t = scalar(count) or NO_CORRECTION
    # ONNX adds epsilon to sqrt(v), we to sqrt(v / (1 - b2^t)): the same with this one.
    eps = node.attrs.get("epsilon", 1e-6) / (1.0 - b2**t) ** 0.5
    optimizer = optimizers.adam(scalar(lr), beta1=b1, beta2=b2, eps=eps)
    # The engine keeps its averages divided by these.
    rests = (np.float32(1.0 - b1), np.float32(1.0 - b2))
    results = []
    for w, g, slots in _each(node, inputs, 4):
        kept = [a / rest for a, rest in zip(slots, rests, strict=True)]
        new, *kept = _step(optimizer, w, g, kept, scalar(lr), t)
        results.append([new, *(a * rest for a, rest in zip(kept, rests, strict=True))])
    return _outputs(results)


@onnx_op("Gradient")
def gradient(ops: Ops, node: OnnxNode, *tensors: Tensor) -> Any:
    """Gradients of the last tensor, summed, with respect to the others (variables)."""
    if "zs" in node.attrs:
        raise NotApplicable("Gradient that holds inputs (zs) fixed")
    *wrt, y = tensors
    y.backward(np.ones(y.shape, y.dtype))
    return tuple(x.grad for x in wrt)
