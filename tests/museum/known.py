"""What toolkits of the museum are known to miss: true of the toolkit, found by these tests.

Strict: another miss fails a test, and so does one that is gone. Each of `MISSES` has a row in
docs/findings.md.
"""

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

# Beyond the error bound: (backend, op, dtype) to what is seen.
MISSES: dict[tuple[str, str, str], str] = {
    (backend, *seen): words
    for backend in ("mxnet", "mxnet-hybrid")
    for seen, words in _MXNET.items()
}

# Cases that an adapter refuses for their attributes or dtype, though it offers the op:
# (backend, sample and dtype) to words of the reason.
REFUSALS: dict[tuple[str, str], str] = {
    ("chainer", "eye-3x5-k1-float32"): "square, without offset",
    ("chainer", "eye-3x5-k1-float64"): "square, without offset",
    **{
        (backend, f"conv_transpose3d-{sample}-float64"): "float32 only"
        for backend in ("mxnet", "mxnet-hybrid")
        for sample in ("plain", "stride2")
    },
}
