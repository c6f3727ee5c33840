"""What toolkits of the museum are known to miss: true of the toolkit, found by these tests.

Strict: another miss fails a test, and so does one that is gone. Each of `MISSES` has a row in
docs/findings.md.
"""

_IN_16_BITS = "added up in 16 bits"
_CHAINER = {
    ("bias_add", "float16"): _IN_16_BITS,
    ("conv2d", "float16"): _IN_16_BITS,
}
_MXNET = {
    ("where", "float32"): "no gradient flows beside a scalar",
    ("where", "float64"): "no gradient flows beside a scalar",
    ("pad", "float32"): "np.pad drops constant_values and pads with 0",
    ("pad", "float64"): "np.pad drops constant_values and pads with 0",
    ("matmul", "float32"): "wrong gradients where batch dimensions are broadcast",
    ("matmul", "float64"): "wrong gradients where batch dimensions are broadcast",
    ("conv_transpose2d", "float64"): "wrong beside oneDNN with unlike strides and dilation",
    ("log_softmax", "float32"): "oneDNN's, of low precision",
    ("softmax_cross_entropy_with_logits", "float32"): "through log_softmax",
    ("sparse_softmax_cross_entropy_with_logits", "float32"): "through log_softmax",
}

_AUTOGRAD = {
    ("abs", "float32"): "the gradient is g x / |x|, rounded twice",
    ("abs", "float64"): "the gradient is g x / |x|, rounded twice",
    ("tanh", "float32"): "the gradient is g / cosh(x)^2",
}
_TENSORFLOW = {
    ("log", "float32"): "the gradient's reciprocal is approximate",
    ("log1p", "float32"): "the gradient's reciprocal is approximate",
    ("mean", "float16"): _IN_16_BITS,
    ("avg_pool2d", "float16"): _IN_16_BITS,
    ("conv2d", "float16"): _IN_16_BITS,
    ("bias_add", "bfloat16"): _IN_16_BITS,
}

_MLX_FLOAT64 = (
    "exp sigmoid silu softmax log_softmax logsumexp conv1d conv2d conv3d conv_transpose1d "
    "conv_transpose2d conv_transpose3d sigmoid_cross_entropy_with_logits "
    "softmax_cross_entropy_with_logits sparse_softmax_cross_entropy_with_logits"
)
_MLX = {
    **{(op, "float64"): "computed in float32" for op in _MLX_FLOAT64.split()},
    ("tanh", "float32"): "the gradient divides by the square of cosh",
    ("conv_transpose2d", "float32"): "with output padding, the input's gradient is too small",
}
_PADDLE = {
    ("sqrt", "float32"): "vectorised, not correctly rounded",
    ("softmax", "float32"): "shifted logits are cut off at -64",
    ("softmax", "float64"): "shifted logits are cut off at -64",
    ("log_softmax", "float32"): "shifted logits are cut off at -64",
    ("log_softmax", "float64"): "shifted logits are cut off at -64",
    ("avg_pool2d", "float64"): "the gradient of overlapping windows is divided in float32",
}
_LOGARITHMS = "the targets' gradient is a difference of logarithms, where it is the negative logit"
_TINYGRAD = {
    ("tanh", "float32"): "2 sigmoid(2x) - 1, which cancels near 0",
    ("tanh", "float64"): "2 sigmoid(2x) - 1, which cancels near 0",
    ("sigmoid_cross_entropy_with_logits", "float32"): _LOGARITHMS,
    ("sigmoid_cross_entropy_with_logits", "float64"): _LOGARITHMS,
}

# Beyond the error bound: (backend, op, dtype) to what is seen.
MISSES: dict[tuple[str, str, str], str] = {
    (backend, *seen): words
    for backends, known in (
        (("autograd",), _AUTOGRAD),
        (("chainer",), _CHAINER),
        (("mlx",), _MLX),
        (("mxnet", "mxnet-hybrid"), _MXNET),
        (("paddle",), _PADDLE),
        (("tensorflow", "tensorflow-function"), _TENSORFLOW),
        (("tinygrad",), _TINYGRAD),
    )
    for backend in backends
    for seen, words in known.items()
}

# Backends whose float64 is known to hold less: their training is compared as in float32.
COARSE: dict[str, str] = {
    "mlx": "float64 exponentials are computed in float32",
}

# Cases that an adapter refuses for their attributes or dtype, though it offers the op:
# (backend, sample and dtype) to words of the reason.
REFUSALS: dict[tuple[str, str], str] = {
    ("mlx", "conv3d-options-float32"): "groups != 1 in 1-D and 2-D convolutions only",
    ("mlx", "conv3d-options-float64"): "groups != 1 in 1-D and 2-D convolutions only",
    **{
        ("mlx", f"{sample}-float64"): "float64 convolutions have no stride, dilation or groups"
        for sample in [
            "conv1d-options",
            "conv2d-stride2",
            "conv2d-dilated",
            "conv2d-grouped",
            "conv2d-depthwise",
            "conv_transpose1d-options",
            "conv_transpose2d-stride2",
            "conv_transpose2d-options",
            "conv_transpose3d-stride2",
        ]
    },
    ("tinygrad", "logsumexp-axes-keepdims-float32"): "takes one axis, or all",
    ("tinygrad", "logsumexp-axes-keepdims-float64"): "takes one axis, or all",
    ("chainer", "eye-3x5-k1-float32"): "square, without offset",
    ("chainer", "eye-3x5-k1-float64"): "square, without offset",
    **{
        ("mygrad", f"{sample}-{dtype}"): words
        for sample, words in (
            ("conv1d-asymmetric", "one padding for both ends"),
            ("conv2d-asymmetric", "one padding for both ends"),
            ("max_pool2d-overlap", "no padding"),
        )
        for dtype in ("float32", "float64")
    },
    **{
        (backend, f"conv_transpose3d-{sample}-float64"): "float32 only"
        for backend in ("mxnet", "mxnet-hybrid")
        for sample in ("plain", "stride2")
    },
    **{
        (backend, f"{sample}-options-float64"): "float32 only"
        for backend in ("tensorflow", "tensorflow-function")
        for sample in ("conv1d", "conv_transpose2d")
    },
}
