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
_KERAS_ON_TENSORFLOW = {
    ("eye", "float32"): "of another shape where it has an offset and is not square",
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
        (("keras-tensorflow",), _KERAS_ON_TENSORFLOW),
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
    ("keras-tensorflow", "conv1d-options-float32"): "stride or dilation, not both",
    **{
        (f"keras-{engine}", "astype-float64-float32"): "no float64"
        for engine in ("tensorflow", "torch", "jax")
    },
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
# Beyond the error bound: (backend, op, dtype) to what is seen.
MISSES: dict[tuple[str, str, str], str] = {
    ("cntk", "log", "float32"): "the gradient multiplies by a reciprocal",
    ("cntk", "softmax_cross_entropy_with_logits", "float32"): "the labels' gradient is -logits",
    ("cntk", "softmax_cross_entropy_with_logits", "float64"): "the labels' gradient is -logits",
    ("dl4j", "expm1", "float32"): "it is exp(x) - 1, which cancels near 0",
    ("dl4j", "log_softmax", "float32"): "the gradient is zero",
    ("tensorflow1", "sqrt", "float32"): "Eigen's fast sqrt: an estimate and one Newton step",
}

# Samples that an adapter refuses for their attributes, though it offers the op:
# (backend, sample) to words of the reason.
REFUSALS: dict[tuple[str, str], str] = {
    ("caffe", "add-outer"): "Eltwise takes equal shapes",
    ("caffe", "avg_pool2d-exclude-pad"): "mean over a window counts its padding",
    ("caffe", "conv1d-asymmetric"): "pads both ends alike",
    ("caffe", "conv2d-asymmetric"): "pads both ends alike",
    ("caffe", "conv_transpose1d-options"): "Deconvolution has no output padding",
    ("caffe", "conv_transpose2d-options"): "Deconvolution has no output padding",
    ("caffe", "matmul-batched"): "InnerProduct is of matrices",
    ("caffe", "matmul-broadcast"): "InnerProduct is of matrices",
    ("caffe", "matmul-dot"): "InnerProduct is of matrices",
    ("caffe", "matmul-vector-left"): "InnerProduct is of matrices",
    ("caffe", "matmul-vector-right"): "InnerProduct is of matrices",
    ("caffe", "maximum-row"): "Eltwise takes equal shapes",
    ("caffe", "maximum-scalar-left"): "Eltwise takes the greater of blobs",
    ("caffe", "maximum-scalar-right"): "Eltwise takes the greater of blobs",
    ("caffe", "mean-axes-keepdims"): "Reduction is over an axis and all that follow",
    ("caffe", "multiply-outer"): "Eltwise takes equal shapes",
    ("caffe", "multiply-row"): "Eltwise takes equal shapes",
    ("caffe", "pow-64x10"): "Power raises to a number",
    ("caffe", "pow-row"): "Power raises to a number",
    ("caffe", "pow-scalar-left"): "Power raises to a number",
    ("caffe", "sparse_softmax_cross_entropy_with_logits-3d"): "losses are one number for a batch",
    (
        "caffe",
        "sparse_softmax_cross_entropy_with_logits-64x10",
    ): "losses are one number for a batch",
    ("caffe", "subtract-row"): "Eltwise takes equal shapes",
    ("caffe", "sum-axes-keepdims"): "Reduction is over an axis and all that follow",
    ("caffe", "take-columns"): "Embed takes rows of a matrix",
    ("caffe2", "astype-float64"): "no float64",
    ("caffe2", "conv_transpose2d-options"): "no dilation",
    ("caffe2", "eye-3x5-k1"): "square",
    ("caffe2", "getitem-strided"): "no steps",
    ("caffe2", "sigmoid_cross_entropy_with_logits-64x10"): "no gradient",
    ("caffe2", "sigmoid_cross_entropy_with_logits-large"): "no gradient",
    ("caffe2", "sign-64x10"): "no gradient of its operator Sign",
    ("caffe2", "where-64x10"): "no gradient of its operator Where",
    ("caffe2", "where-broadcast"): "no gradient of its operator Where",
    ("caffe2", "where-scalar"): "no gradient of its operator Where",
    ("cntk", "astype-int64"): "no cast to integers",
    ("cntk", "avg_pool2d-exclude-pad"): "does not leave it out",
    ("cntk", "conv1d-options"): "dilated convolution on CPU is not yet implemented",
    ("cntk", "conv2d-dilated"): "dilated convolution on CPU is not yet implemented",
    ("cntk", "conv3d-options"): "groups in three dimensions",
    ("cntk", "conv_transpose1d-options"): "no groups",
    ("cntk", "conv_transpose2d-options"): "no groups",
    ("cntk", "matmul-batched"): "no batched product",
    ("cntk", "matmul-broadcast"): "no batched product",
    ("dl4j", "avg_pool2d-overlap"): "mean over a window leaves its padding out",
    ("dl4j", "conv1d-asymmetric"): "ND4J pads both ends alike",
    ("dl4j", "conv1d-options"): "convolutions have no groups",
    ("dl4j", "conv2d-asymmetric"): "ND4J pads both ends alike",
    ("dl4j", "conv2d-depthwise"): "convolutions have no groups",
    ("dl4j", "conv2d-dilated"): "dilated convolution fails in its native code (1.0.0-beta3)",
    ("dl4j", "conv2d-grouped"): "convolutions have no groups",
    ("dl4j", "conv3d-options"): "convolutions have no groups",
    ("dl4j", "conv_transpose1d-options"): "deconv2d has no groups and no output padding",
    ("dl4j", "conv_transpose2d-options"): "deconv2d has no groups and no output padding",
    ("dl4j", "eye-3x5-k1"): "eye has the main diagonal only",
    ("dl4j", "matmul-broadcast"): "mmul takes equal batches",
    ("dl4j", "pow-64x10"): "pow raises to a number in 1.0.0-beta3",
    ("dl4j", "pow-row"): "pow raises to a number in 1.0.0-beta3",
    ("dl4j", "pow-scalar-left"): "pow raises to a number in 1.0.0-beta3",
}
