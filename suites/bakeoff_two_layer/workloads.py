"""The workloads: a linear model and a network of two layers, each with its loss."""

from typing import Any


def linear_loss(ops: Any, x: Any, y: Any, w: Any, b: Any) -> Any:
    """Mean squared error of linear regression.

    x (N, features), y (N, 1), w (features, 1), b (1,); returns a scalar.
    """
    return ops.mean(ops.squared_error(ops.add(ops.matmul(x, w), b), y))


def two_layer_logits(ops: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any) -> Any:
    """Logits of a network with one hidden layer of ReLUs.

    x (N, pixels), w1 (pixels, hidden), b1 (hidden,), w2 (hidden, classes), b2 (classes,);
    returns (N, classes).
    """
    hidden = ops.relu(ops.bias_add(ops.matmul(x, w1), b1))  # (N, hidden)
    return ops.bias_add(ops.matmul(hidden, w2), b2)


def two_layer_loss(ops: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    """Mean cross-entropy of the network's softmax; y (N,) holds class numbers."""
    logits = two_layer_logits(ops, w1, b1, w2, b2, x)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(logits, y))
