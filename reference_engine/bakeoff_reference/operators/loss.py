"""Losses on logits, and the squared error. None reduces over the batch."""

from typing import Any

from bakeoff_reference.arguments import axis_of
from bakeoff_reference.arrays import XP, Array
from bakeoff_reference.errors import refuse
from bakeoff_reference.operators.activation import log_normalized, logistic
from bakeoff_reference.primitive import primitive


def _alike(op: str, first: str, second: str) -> Any:
    def prepare(a: Array, b: Array) -> dict[str, Any]:
        if a.shape != b.shape:
            refuse(op, f"{first} {a.shape} and {second} {b.shape} differ, expected equal shapes")
        return {}

    return prepare


@primitive(
    prepare=_alike("sigmoid_cross_entropy_with_logits", "logits", "targets"), accumulates=True
)
def sigmoid_cross_entropy_with_logits(xp: XP, logits: Array, targets: Array, /) -> Array:
    """Return ``-z log(sigmoid(x)) - (1 - z) log(1 - sigmoid(x))`` of each element.

    Computed as ``max(x, 0) - x z + log(1 + exp(-|x|))``, which neither overflows nor cancels.
    Source: TensorFlow, tf.nn.sigmoid_cross_entropy_with_logits.
    """
    tail = xp.log1p(xp.exp(xp.negative(xp.absolute(logits))))
    return xp.maximum(logits, 0) - logits * targets + tail


sigmoid_cross_entropy_with_logits.defvjp(
    lambda xp, g, y, x, z: g * (logistic(xp, x) - z),
    lambda xp, g, y, x, z: -g * x,
)


def _rows(logits: Array, labels: Array, *, axis: int) -> dict[str, Any]:
    op = "softmax_cross_entropy_with_logits"
    if logits.shape != labels.shape:
        refuse(op, f"logits {logits.shape} and labels {labels.shape} differ, expected equal shapes")
    return {"axis": axis_of(op, axis, logits.ndim)}


@primitive(prepare=_rows, saves=True, accumulates=True)
def softmax_cross_entropy_with_logits(
    xp: XP, logits: Array, labels: Array, /, *, axis: int = -1
) -> Any:
    """Return ``-sum(labels * log_softmax(logits))`` along an axis: one loss per row.

    ``labels`` are probabilities. Source: TensorFlow, tf.nn.softmax_cross_entropy_with_logits.
    """
    log_p = log_normalized(xp, logits, axis)
    return xp.negative(xp.sum(labels * log_p, axis=axis)), log_p


def _row_vjp(xp: XP, g: Array, log_p: Array, logits: Array, labels: Array, axis: int) -> Array:
    # labels need not add up to 1: softmax is weighted by their sum
    weight = xp.sum(labels, axis=axis, keepdims=True)
    return _column(g, logits, axis) * (xp.exp(log_p) * weight - labels)


def _column(g: Array, logits: Array, axis: int) -> Array:
    """One cotangent per row, with the class axis back in its place as size 1."""
    return g.reshape((*logits.shape[:axis], 1, *logits.shape[axis + 1 :]))


softmax_cross_entropy_with_logits.defvjp(
    _row_vjp,
    lambda xp, g, log_p, logits, labels, axis: -_column(g, logits, axis) * log_p,
)


def _sparse(logits: Array, labels: Array) -> dict[str, Any]:
    op = "sparse_softmax_cross_entropy_with_logits"
    if logits.ndim == 0 or labels.shape != logits.shape[:-1]:
        refuse(
            op,
            f"logits {logits.shape} and labels {labels.shape}, "
            "expected logits (..., C) and labels (...)",
        )
    if labels.dtype.kind != "i":
        refuse(op, f"labels have dtype {labels.dtype}, expected int32 or int64")
    return {}


@primitive(prepare=_sparse, saves=True, accumulates=True, same=(0,))
def sparse_softmax_cross_entropy_with_logits(xp: XP, logits: Array, labels: Array, /) -> Any:
    """Return ``-log_softmax(logits)[label]`` of each row.

    Shapes: logits (..., C), integer labels (...), one loss per row.
    Source: TensorFlow, tf.nn.sparse_softmax_cross_entropy_with_logits.
    """
    z = logits - xp.max(logits, axis=-1, keepdims=True)
    e = xp.exp(z)
    total = xp.row_sums(e)
    chosen = xp.pick(z, labels)
    return xp.log(total).reshape(labels.shape) - chosen, e / total


def _sparse_vjp(xp: XP, g: Array, p: Array, logits: Array, labels: Array) -> Array:
    column = g.reshape((*g.shape, 1))
    result = p * column
    xp.pick_subtract(result, labels, g)
    return result


sparse_softmax_cross_entropy_with_logits.defvjp(_sparse_vjp, None)


@primitive(prepare=_alike("squared_error", "predictions", "targets"))
def squared_error(xp: XP, predictions: Array, targets: Array, /) -> Array:
    """Return ``(predictions - targets) ** 2`` of each element."""
    return xp.square(predictions - targets)


squared_error.defvjp(
    lambda xp, g, y, p, t: g * (2 * (p - t)),
    lambda xp, g, y, p, t: g * (2 * (t - p)),
)
