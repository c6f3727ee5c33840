"""Matrix products, convolution, pooling, softmax, losses and dropout over the catalogue."""

import math
from typing import Any

import numpy as np
from onnx_cases import NotApplicable, OnnxNode
from onnx_table import Ops, Tensor, axis_of, dtype_name, only_first, onnx_op, scalar

Pairs = tuple[tuple[int, int], ...]


@onnx_op("MatMul")
def matmul(ops: Ops, node: OnnxNode, a: Tensor, b: Tensor) -> Tensor:
    return ops.matmul(a, b)


@onnx_op("Gemm")
def gemm(ops: Ops, node: OnnxNode, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    a = ops.permute_dims(a, axes=(1, 0)) if node.attrs.get("transA") else a
    b = ops.permute_dims(b, axes=(1, 0)) if node.attrs.get("transB") else b
    y = ops.multiply(ops.matmul(a, b), node.attrs.get("alpha", 1.0))
    return y if c is None else ops.add(y, ops.multiply(c, node.attrs.get("beta", 1.0)))


def _windows(node: OnnxNode, x: Tensor, kernel: tuple[int, ...]) -> tuple[Any, Any, Pairs]:
    """Return strides, dilations and padding pairs; automatic padding is computed here."""
    rank = len(kernel)
    strides = node.attrs.get("strides", (1,) * rank)
    dilations = node.attrs.get("dilations", (1,) * rank)
    auto = node.attrs.get("auto_pad", "NOTSET")
    if auto.startswith("SAME"):
        pairs = []
        for n, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True):
            total = max(0, (math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n)
            pairs.append(_halves(total, auto))
        return strides, dilations, tuple(pairs)
    pads = node.attrs.get("pads", (0,) * 2 * rank)
    return strides, dilations, tuple((pads[i], pads[i + rank]) for i in range(rank))


def _halves(total: int, auto: str) -> tuple[int, int]:
    less, more = total // 2, total - total // 2
    return (more, less) if auto == "SAME_LOWER" else (less, more)


@onnx_op("Conv")
def conv(ops: Ops, node: OnnxNode, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    strides, dilations, padding = _windows(node, x, tuple(weight.shape[2:]))
    function = getattr(ops, f"conv{len(strides)}d")
    groups = node.attrs.get("group", 1)
    y = function(x, weight, stride=strides, padding=padding, dilation=dilations, groups=groups)
    return y if bias is None else ops.bias_add(y, bias)


@onnx_op("ConvTranspose")
def conv_transpose(
    ops: Ops, node: OnnxNode, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    kernel = tuple(weight.shape[2:])
    strides, dilations, padding = _windows(node, x, kernel)
    extra = list(node.attrs.get("output_padding", (0,) * len(kernel)))
    auto = node.attrs.get("auto_pad", "NOTSET")
    wanted = node.attrs.get("output_shape")
    if wanted is None and auto.startswith("SAME"):
        wanted = tuple(n * s for n, s in zip(x.shape[2:], strides, strict=True))
    if wanted is not None:  # the output's size is given; the padding follows from it
        pairs = []
        for i, (n, k) in enumerate(zip(x.shape[2:], kernel, strict=True)):
            full = strides[i] * (n - 1) + extra[i] + (k - 1) * dilations[i] + 1
            total = full - wanted[i]
            if total < 0:
                extra[i] -= total
            # As the standard says: anything but SAME_UPPER puts the larger half first.
            upper = "SAME_UPPER" if auto == "SAME_UPPER" else "SAME_LOWER"
            pairs.append(_halves(max(0, total), upper))
        padding = tuple(pairs)
    function = getattr(ops, f"conv_transpose{len(kernel)}d")
    y = function(
        x,
        weight,
        stride=strides,
        padding=padding,
        output_padding=tuple(extra),
        dilation=dilations,
        groups=node.attrs.get("group", 1),
    )
    return y if bias is None else ops.bias_add(y, bias)


@onnx_op("MaxPool", "AveragePool")
def pool(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    only_first(node, ("Indices",))
    kernel = node.attrs["kernel_shape"]
    strides, dilations, padding = _windows(node, x, kernel)
    name = "max_pool2d" if node.op == "MaxPool" else "avg_pool2d"
    if len(kernel) > 2:
        raise NotApplicable(f"{len(kernel)}-d pooling; {name} is 2-d")
    if max(dilations) > 1:
        raise NotApplicable(f"dilated pooling; {name} has no dilation")
    counted = bool(node.attrs.get("count_include_pad", 0))
    if node.attrs.get("ceil_mode"):
        if node.op == "AveragePool" and counted:
            raise NotApplicable("ceil_mode with count_include_pad; avg_pool2d has floor mode")
        padding = tuple(
            (lo, hi + _overhang(n + lo + hi, k, s, n + lo))
            for n, k, s, (lo, hi) in zip(x.shape[2:], kernel, strides, padding, strict=True)
        )
    if any(max(pair) > k // 2 for pair, k in zip(padding, kernel, strict=True)):
        raise NotApplicable(f"padding beyond half the kernel, which {name} refuses")
    attrs: dict[str, Any] = {"kernel_size": kernel, "stride": strides, "padding": padding}
    if node.op == "AveragePool":
        attrs["count_include_pad"] = counted
    if len(kernel) == 2:
        return getattr(ops, name)(x, **attrs)
    # (N, C, L) --> (N, C, 1, L) --> (N, C, 1, M) --> (N, C, M)
    attrs = {k: (_one[k], *v) if k in _one else v for k, v in attrs.items()}
    n, c, length = x.shape
    y = getattr(ops, name)(ops.reshape(x, shape=(n, c, 1, length)), **attrs)
    return ops.reshape(y, shape=(n, c, y.shape[3]))


_one: dict[str, Any] = {"kernel_size": 1, "stride": 1, "padding": (0, 0)}


def _overhang(padded: int, kernel: int, stride: int, inside: int) -> int:
    """Return how far ceil mode's last window hangs over; it must start inside the input."""
    last = math.ceil((padded - kernel) / stride)
    if last * stride >= inside:
        last -= 1
    return max(0, last * stride + kernel - padded)


@onnx_op("GlobalAveragePool", "GlobalMaxPool")
def global_pool(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    function = ops.mean if node.op == "GlobalAveragePool" else ops.max
    return function(x, axis=tuple(range(2, len(x.shape))), keepdims=True)


@onnx_op("Softmax", "LogSoftmax")
def softmax(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    function = ops.softmax if node.op == "Softmax" else ops.log_softmax
    if node.opset >= 13:
        return function(x, axis=axis_of(node, -1, len(x.shape)))
    # Before opset 13: over all axes from `axis` on. (a, b, c) --> (a, b * c) --> (a, b, c)
    axis = axis_of(node, 1, len(x.shape))
    flat = ops.reshape(x, shape=(math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))
    return ops.reshape(function(flat, axis=1), shape=tuple(x.shape))


@onnx_op("SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss")
def cross_entropy(
    ops: Ops, node: OnnxNode, scores: Tensor, labels: Tensor, weight: Tensor | None = None
) -> Any:
    # (N, C, d1, ...) --> (N, d1, ..., C): the catalogue has the classes last
    ndim = len(scores.shape)
    rows = ops.permute_dims(scores, axes=(0, *range(2, ndim), 1))
    dtype, classes = dtype_name(scores), scores.shape[1]
    scale = ops.ones(shape=tuple(labels.shape), dtype=dtype)
    if "ignore_index" in node.attrs:  # any label will do where the loss is scaled by 0
        ignored = ops.equal(labels, node.attrs["ignore_index"])
        labels = ops.where(ignored, ops.zeros_like(labels), labels)
        scale = ops.where(ignored, ops.zeros_like(scale), scale)
    if node.op == "SoftmaxCrossEntropyLoss":
        loss = ops.sparse_softmax_cross_entropy_with_logits(rows, labels)
    else:
        picked = ops.multiply(rows, ops.one_hot(labels, num_classes=classes, dtype=dtype))
        loss = ops.negative(ops.sum(picked, axis=(ndim - 1,), keepdims=False))
    if weight is not None:
        flat = ops.reshape(labels, shape=(math.prod(labels.shape),))
        each = ops.reshape(ops.take(weight, flat, axis=0), shape=tuple(labels.shape))
        scale = ops.multiply(scale, each)
    loss = ops.multiply(loss, scale)
    everything = tuple(range(ndim - 1))
    reduction = node.attrs.get("reduction", "mean")
    if reduction != "none":
        loss = ops.sum(loss, axis=everything, keepdims=False)
    if reduction == "mean":
        loss = ops.divide(loss, ops.sum(scale, axis=everything, keepdims=False))
    return (loss, ops.log_softmax(scores, axis=1)) if node.wanted > 1 else loss


@onnx_op("Dropout")
def dropout(
    ops: Ops,
    node: OnnxNode,
    x: Tensor,
    ratio: Tensor | None = None,
    training: Tensor | None = None,
) -> Any:
    shape = tuple(x.shape)
    if training is None or not scalar(training):
        return (x, ops.ones(shape=shape, dtype="bool"))[: node.wanted]
    rate = 0.5 if ratio is None else scalar(ratio)
    # The noise that the data were made with; the op takes noise so that units can be shared.
    state = np.random.RandomState(node.attrs["seed"])
    noise = state.uniform(0.0, 1.0, shape).astype(dtype_name(x))
    mask = ops.greater_equal(noise, rate)
    return (ops.dropout(x, noise, rate=rate), mask)[: node.wanted]
