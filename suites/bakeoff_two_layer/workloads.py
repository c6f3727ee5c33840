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


def cnn_features(ops: Any, k1: Any, c1: Any, k2: Any, c2: Any, x: Any) -> Any:
    """Features of an image by two rounds of convolution, ReLU and pooling.

    x (N, 784), k1 (8, 1, 5, 5), c1 (8,), k2 (16, 8, 3, 3), c2 (16,); returns (N, 784).
    """
    image = ops.reshape(x, (-1, 1, 28, 28))
    first = ops.relu(ops.bias_add(ops.conv2d(image, k1, padding=2), c1))  # (N, 8, 28, 28)
    halved = ops.max_pool2d(first, kernel_size=2)  # (N, 8, 14, 14)
    second = ops.relu(ops.bias_add(ops.conv2d(halved, k2, padding=1), c2))  # (N, 16, 14, 14)
    return ops.reshape(ops.max_pool2d(second, kernel_size=2), (-1, 784))  # 16 × 7 × 7


def cnn_logits(ops: Any, k1: Any, c1: Any, k2: Any, c2: Any, w: Any, b: Any, x: Any) -> Any:
    """Logits of the convolutional network, without dropout; w (784, 10), b (10,)."""
    return ops.bias_add(ops.matmul(cnn_features(ops, k1, c1, k2, c2, x), w), b)


def cnn_loss(
    ops: Any, k1: Any, c1: Any, k2: Any, c2: Any, w: Any, b: Any, x: Any, y: Any, noise: Any
) -> Any:
    """Mean cross-entropy with dropout before the dense layer; noise (N, 784), y (N,)."""
    kept = ops.dropout(cnn_features(ops, k1, c1, k2, c2, x), noise, rate=0.5)
    logits = ops.bias_add(ops.matmul(kept, w), b)
    return ops.mean(ops.sparse_softmax_cross_entropy_with_logits(logits, y))
