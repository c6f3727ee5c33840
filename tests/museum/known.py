"""What toolkits of the museum are known to miss: true of the toolkit, found by these tests.

Strict: another miss fails a test, and so does one that is gone. Each of `MISSES` has a row in
docs/findings.md.
"""

# Beyond the error bound: (backend, op, dtype) to what is seen.
_MLX_FLOAT64 = (
    "exp", "sigmoid", "silu", "softmax", "log_softmax", "logsumexp", "conv1d", "conv2d", "conv3d",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits",
)  # fmt: skip
MISSES: dict[tuple[str, str, str], str] = {
    **{("mlx", op, "float64"): "computed in float32" for op in _MLX_FLOAT64},
    ("tinygrad", "tanh", "float32"): "2 sigmoid(2x) - 1, which cancels near 0",
    ("tinygrad", "tanh", "float64"): "2 sigmoid(2x) - 1, which cancels near 0",
    **{
        ("tinygrad", "sigmoid_cross_entropy_with_logits", dtype): "the gradient in the targets is "
        "a difference of logarithms, where it is the negative logit"
        for dtype in ("float32", "float64")
    },
    ("paddle", "sqrt", "float32"): "vectorised, not correctly rounded",
    ("paddle", "softmax", "float32"): "shifted logits are cut off at -64",
    ("paddle", "log_softmax", "float32"): "shifted logits are cut off at -64",
    ("mlx", "tanh", "float32"): "the gradient divides by the square of cosh",
    (
        "mlx",
        "conv_transpose2d",
        "float32",
    ): "with output padding, the gradient of the input is too small",
}

# Backends whose float64 is known to hold less: training is compared in float32.
COARSE: dict[str, str] = {
    "mlx": "float64 exponentials are computed in float32",
}

# Samples that an adapter refuses for their attributes, though it offers the op:
# (backend, sample) to words of the reason.
REFUSALS: dict[tuple[str, str], str] = {
    ("tinygrad", "logsumexp-axes-keepdims"): "takes one axis, or all",
    ("mlx", "conv3d-options"): "groups != 1 in 1-D and 2-D convolutions only",
    ("chainer", "eye-3x5-k1"): "square, without offset",
}
