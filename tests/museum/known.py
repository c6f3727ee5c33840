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

# Beyond the error bound: (backend, op, dtype) to what is seen.
MISSES: dict[tuple[str, str, str], str] = {
    (backend, *seen): words
    for backends, known in (
        (("autograd",), _AUTOGRAD),
        (("chainer",), _CHAINER),
        (("mxnet", "mxnet-hybrid"), _MXNET),
        (("tensorflow", "tensorflow-function"), _TENSORFLOW),
    )
    for backend in backends
    for seen, words in known.items()
}

# Cases that an adapter refuses for their attributes or dtype, though it offers the op:
# (backend, sample and dtype) to words of the reason.
REFUSALS: dict[tuple[str, str], str] = {
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
