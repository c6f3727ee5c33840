"""Elementwise ops, comparisons, casts and reductions of ONNX over the catalogue."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from onnx_cases import NotApplicable, OnnxNode, require_dtype
from onnx_table import (
    TABLE,
    Ops,
    Tensor,
    axes_of,
    axis_of,
    dtype_name,
    onnx_op,
    same_dtype,
    scalar,
)

UNARY = {
    "Abs": "abs",
    "Exp": "exp",
    "Log": "log",
    "Neg": "negative",
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Sign": "sign",
    "Sqrt": "sqrt",
    "Tanh": "tanh",
}
BINARY = {
    "Add": "add",
    "Div": "divide",
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Mul": "multiply",
    "Pow": "pow",
    "Sub": "subtract",
}
VARIADIC = {"Max": "maximum", "Min": "minimum", "Sum": "add"}


def _unary(name: str) -> Callable[..., Tensor]:
    return lambda ops, node, x: getattr(ops, name)(x)


def _binary(name: str) -> Callable[..., Tensor]:
    def apply(ops: Ops, node: OnnxNode, a: Tensor, b: Tensor) -> Tensor:
        same_dtype(node, a, b)
        if node.op == "Div" and dtype_name(a).startswith("int"):
            raise NotApplicable("Div of integers truncates; divide is true division")
        return getattr(ops, name)(a, b)

    return apply


def _variadic(name: str) -> Callable[..., Tensor]:
    return lambda ops, node, *xs: reduce(getattr(ops, name), xs)


TABLE.update({onnx: _unary(ours) for onnx, ours in UNARY.items()})
TABLE.update({onnx: _binary(ours) for onnx, ours in BINARY.items()})
TABLE.update({onnx: _variadic(ours) for onnx, ours in VARIADIC.items()})


@onnx_op("Mean")
def mean_of(ops: Ops, node: OnnxNode, *xs: Tensor) -> Tensor:
    return ops.divide(reduce(ops.add, xs), float(len(xs)))


@onnx_op("Clip")
def clip(
    ops: Ops, node: OnnxNode, x: Tensor, low: Tensor | None = None, high: Tensor | None = None
) -> Tensor:
    bounds = [
        node.attrs.get(name) if bound is None else scalar(bound)
        for name, bound in (("min", low), ("max", high))
    ]
    return x if bounds == [None, None] else ops.clip(x, min=bounds[0], max=bounds[1])


@onnx_op("Where")
def where(ops: Ops, node: OnnxNode, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    same_dtype(node, a, b)
    return ops.where(condition, a, b)


@onnx_op("Cast")
def cast(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    return ops.astype(x, dtype=require_dtype(node.attrs["to"]))


@onnx_op("CastLike")
def cast_like(ops: Ops, node: OnnxNode, x: Tensor, like: Tensor) -> Tensor:
    return ops.astype(x, dtype=dtype_name(like))


@onnx_op("And")
def logical_and(ops: Ops, node: OnnxNode, a: Tensor, b: Tensor) -> Tensor:
    return ops.where(a, b, ops.zeros_like(b))


@onnx_op("Or")
def logical_or(ops: Ops, node: OnnxNode, a: Tensor, b: Tensor) -> Tensor:
    return ops.where(a, ops.ones_like(b), b)


@onnx_op("Xor")
def logical_xor(ops: Ops, node: OnnxNode, a: Tensor, b: Tensor) -> Tensor:
    return ops.not_equal(a, b)


@onnx_op("Not")
def logical_not(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    return ops.equal(x, ops.zeros_like(x))


@onnx_op("IsNaN")
def is_nan(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    return ops.not_equal(x, x)


@onnx_op("IsInf")
def is_inf(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    negative, positive = (node.attrs.get(f"detect_{s}", 1) for s in ("negative", "positive"))
    infinity = float("inf")
    if negative and positive:
        return ops.equal(ops.abs(x), infinity)
    return ops.equal(x, -infinity if negative else infinity)


# Activations that are one expression over the catalogue.


@onnx_op("Reciprocal")
def reciprocal(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    return ops.divide(1.0, x)


@onnx_op("Softplus")
def softplus(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    return ops.log1p(ops.exp(x))


@onnx_op("Softsign")
def softsign(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    return ops.divide(x, ops.add(1.0, ops.abs(x)))


@onnx_op("LeakyRelu")
def leaky_relu(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    return ops.where(ops.less(x, 0.0), ops.multiply(x, node.attrs.get("alpha", 0.01)), x)


@onnx_op("PRelu")
def prelu(ops: Ops, node: OnnxNode, x: Tensor, slope: Tensor) -> Tensor:
    if node.opset < 7 and len(slope.shape) == 1 and len(x.shape) > 2:  # (C,) --> (C, 1, ...)
        slope = ops.reshape(slope, shape=(slope.shape[0],) + (1,) * (len(x.shape) - 2))
    return ops.where(ops.less(x, 0.0), ops.multiply(x, slope), x)


@onnx_op("Elu", "Celu", "Selu")
def elu(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    selu = node.op == "Selu"
    alpha = node.attrs.get("alpha", 1.6732632423543772 if selu else 1.0)
    gamma = node.attrs.get("gamma", 1.0507009873554805 if selu else 1.0)
    inner = ops.divide(x, alpha) if node.op == "Celu" else x
    below = ops.multiply(ops.expm1(inner), alpha)
    return ops.multiply(ops.where(ops.less(x, 0.0), below, x), gamma)


@onnx_op("ThresholdedRelu")
def thresholded_relu(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    return ops.where(ops.greater(x, node.attrs.get("alpha", 1.0)), x, ops.zeros_like(x))


@onnx_op("HardSigmoid", "HardSwish")
def hard_sigmoid(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    swish = node.op == "HardSwish"
    alpha = node.attrs.get("alpha", 1 / 6 if swish else 0.2)
    y = ops.clip(ops.add(ops.multiply(x, alpha), node.attrs.get("beta", 0.5)), min=0.0, max=1.0)
    return ops.multiply(x, y) if swish else y


@onnx_op("Mish")
def mish(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    return ops.multiply(x, ops.tanh(softplus(ops, node, x)))


@onnx_op("Gelu")
def gelu(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    if node.attrs.get("approximate", "none") != "tanh":
        raise NotApplicable("Gelu with erf, which the catalogue has not")
    cubed = ops.multiply(ops.pow(x, 3.0), 0.044715)
    inner = ops.multiply(ops.add(x, cubed), 0.7978845608028654)  # sqrt(2 / pi)
    return ops.multiply(ops.multiply(x, 0.5), ops.add(ops.tanh(inner), 1.0))


@onnx_op("Shrink")
def shrink(ops: Ops, node: OnnxNode, x: Tensor) -> Tensor:
    lambd, bias = node.attrs.get("lambd", 0.5), node.attrs.get("bias", 0.0)
    inside = ops.where(ops.greater(x, lambd), ops.subtract(x, bias), ops.zeros_like(x))
    return ops.where(ops.less(x, -lambd), ops.add(x, bias), inside)


# Reductions: what is applied before, the reduction, what is applied after.

REDUCTIONS: dict[str, tuple[str | None, str, str | None]] = {
    "ReduceL1": ("abs", "sum", None),
    "ReduceL2": ("square", "sum", "sqrt"),
    "ReduceLogSum": (None, "sum", "log"),
    "ReduceLogSumExp": (None, "logsumexp", None),
    "ReduceMax": (None, "max", None),
    "ReduceMean": (None, "mean", None),
    "ReduceMin": (None, "min", None),
    "ReduceSum": (None, "sum", None),
    "ReduceSumSquare": ("square", "sum", None),
}


@onnx_op(*REDUCTIONS)
def reduction(ops: Ops, node: OnnxNode, x: Tensor, axes: Tensor | None = None) -> Tensor:
    before, reduce_, after = REDUCTIONS[node.op]
    over = axes_of(node, axes, len(x.shape))
    if not over:
        over = () if node.attrs.get("noop_with_empty_axes") else tuple(range(len(x.shape)))
    extent = [x.shape[a] for a in over]
    if reduce_ in ("max", "min", "logsumexp") and 0 in extent:
        raise NotApplicable(f"{reduce_} of nothing is an error in the catalogue")
    if reduce_ in ("max", "min") and dtype_name(x) == "bool":
        raise NotApplicable(f"{node.op} of bool")
    y = getattr(ops, before)(x) if before else x
    if over:
        y = getattr(ops, reduce_)(y, axis=over, keepdims=bool(node.attrs.get("keepdims", 1)))
    return getattr(ops, after)(y) if after else y


@onnx_op("ArgMax", "ArgMin")
def argmax(ops: Ops, node: OnnxNode, x: Tensor) -> Any:
    axis = axis_of(node, 0, len(x.shape))
    if node.attrs.get("select_last_index"):
        raise NotApplicable("the last of tied maxima; argmax takes the first")
    x = ops.negative(x) if node.op == "ArgMin" else x
    return ops.argmax(x, axis=axis, keepdims=bool(node.attrs.get("keepdims", 1)))
