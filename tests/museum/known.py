"""What toolkits of the museum are known to miss: true of the toolkit, found by these tests.

Strict: another miss fails a test, and so does one that is gone. Each of `MISSES` has a row in
docs/findings.md.
"""

_IN_16_BITS = "added up in 16 bits"
_CHAINER = {
    ("bias_add", "float16"): _IN_16_BITS,
    ("conv2d", "float16"): _IN_16_BITS,
}
_NNACL = "an approximation, vectorised"
_MINDSPORE = {
    ("exp", "float32"): _NNACL,
    ("expm1", "float32"): "it is exp(x) - 1, which cancels near 0",
    ("expm1", "float64"): "it is exp(x) - 1, which cancels near 0",
    ("log", "float32"): _NNACL,
    ("sigmoid", "float32"): _NNACL,
    ("tanh", "float32"): _NNACL,
    ("silu", "float32"): _NNACL,
    ("pow", "float32"): "the exponent's gradient is through log",
    ("logsumexp", "float32"): "the gradient is through exp",
    ("softmax", "float32"): _NNACL,
    ("log_softmax", "float32"): "oneDNN's, of low precision",
    ("log_softmax", "float64"): "computed in float32",
    ("sigmoid_cross_entropy_with_logits", "float32"): "through sigmoid",
    ("softmax_cross_entropy_with_logits", "float32"): "through log_softmax",
    ("softmax_cross_entropy_with_logits", "float64"): "through log_softmax",
    ("sparse_softmax_cross_entropy_with_logits", "float32"): "the gradient is through exp",
    ("squared_error", "float64"): "mse_loss computes in float32",
}
_MXNET = {
    ("where", "float32"): "no gradient flows beside a scalar",
    ("where", "float64"): "no gradient flows beside a scalar",
    ("pad", "float32"): "np.pad drops constant_values and pads with 0",
    ("pad", "float64"): "np.pad drops constant_values and pads with 0",
    ("matmul", "float32"): "wrong gradients where batch dimensions are broadcast",
    ("matmul", "float64"): "wrong gradients where batch dimensions are broadcast",
    ("conv_transpose2d", "float64"): "wrong beside oneDNN with unlike strides and dilation",
    ("log_softmax", "float32"): "oneDNN's logarithm is up to 3.4e-6 off",
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
_ONEFLOW = {
    ("log_softmax", "float32"): "oneDNN's, of low precision",
    ("softmax_cross_entropy_with_logits", "float32"): "through log_softmax",
    ("sparse_softmax_cross_entropy_with_logits", "float32"): "through log_softmax",
}
_LOGARITHMS = "the targets' gradient is a difference of logarithms, where it is the negative logit"
_TINYGRAD = {
    ("tanh", "float32"): "2 sigmoid(2x) - 1, which cancels near 0",
    ("tanh", "float64"): "2 sigmoid(2x) - 1, which cancels near 0",
    ("sigmoid_cross_entropy_with_logits", "float32"): _LOGARITHMS,
    ("sigmoid_cross_entropy_with_logits", "float64"): _LOGARITHMS,
}

_CNTK = {
    ("log", "float32"): "the gradient multiplies by a reciprocal",
    ("softmax_cross_entropy_with_logits", "float32"): "the labels' gradient is -logits",
    ("softmax_cross_entropy_with_logits", "float64"): "the labels' gradient is -logits",
}
_DL4J = {
    ("expm1", "float32"): "it is exp(x) - 1, which cancels near 0",
    ("log_softmax", "float32"): "the gradient is zero",
}
_DYNET = {
    ("sqrt", "float32"): "looks to be Eigen's fast sqrt, as TensorFlow 1's",
    ("logsumexp", "float32"): "over dimension 1 of n, right in the first n rows only",
}
_TENSORFLOW1 = {
    ("sqrt", "float32"): "Eigen's fast sqrt: an estimate and one Newton step",
}
_THEANO = {
    ("sigmoid_cross_entropy_with_logits", "float64"): "its sigmoid is 1 above 19",
}

# Beyond the error bound: (backend, op, dtype) to what is seen.
MISSES: dict[tuple[str, str, str], str] = {
    (backend, *seen): words
    for backends, known in (
        (("autograd",), _AUTOGRAD),
        (("chainer",), _CHAINER),
        (("cntk",), _CNTK),
        (("dl4j",), _DL4J),
        (("dynet",), _DYNET),
        (("keras-tensorflow",), _KERAS_ON_TENSORFLOW),
        (("mindspore",), _MINDSPORE),
        (("mlx",), _MLX),
        (("mxnet", "mxnet-hybrid"), _MXNET),
        (("oneflow",), _ONEFLOW),
        (("paddle",), _PADDLE),
        (("tensorflow", "tensorflow-function"), _TENSORFLOW),
        (("tensorflow1",), _TENSORFLOW1),
        (("theano",), _THEANO),
        (("tinygrad",), _TINYGRAD),
    )
    for backend in backends
    for seen, words in known.items()
}

# Backends whose float64 is known to hold less: their training is compared as in float32.
COARSE: dict[str, str] = {
    "mlx": "float64 exponentials are computed in float32",
}

# sample → words of the reason
_CAFFE_REFUSES = {
    "add-outer": "Eltwise takes equal shapes",
    "avg_pool2d-exclude-pad": "mean over a window counts its padding",
    "conv1d-asymmetric": "pads both ends alike",
    "conv2d-asymmetric": "pads both ends alike",
    "conv_transpose1d-options": "Deconvolution has no output padding",
    "conv_transpose2d-options": "Deconvolution has no output padding",
    "matmul-batched": "InnerProduct is of matrices",
    "matmul-broadcast": "InnerProduct is of matrices",
    "matmul-dot": "InnerProduct is of matrices",
    "matmul-vector-left": "InnerProduct is of matrices",
    "matmul-vector-right": "InnerProduct is of matrices",
    "maximum-row": "Eltwise takes equal shapes",
    "maximum-scalar-left": "Eltwise takes the greater of blobs",
    "maximum-scalar-right": "Eltwise takes the greater of blobs",
    "mean-axes-keepdims": "Reduction is over an axis and all that follow",
    "multiply-outer": "Eltwise takes equal shapes",
    "multiply-row": "Eltwise takes equal shapes",
    "pow-64x10": "Power raises to a number",
    "pow-row": "Power raises to a number",
    "pow-scalar-left": "Power raises to a number",
    "sparse_softmax_cross_entropy_with_logits-3d": "losses are one number for a batch",
    "sparse_softmax_cross_entropy_with_logits-64x10": "losses are one number for a batch",
    "subtract-row": "Eltwise takes equal shapes",
    "sum-axes-keepdims": "Reduction is over an axis and all that follow",
    "take-columns": "Embed takes rows of a matrix",
}
_CAFFE2_REFUSES = {
    "astype-float64": "no float64",
    "conv_transpose2d-options": "no dilation",
    "eye-3x5-k1": "square",
    "getitem-strided": "no steps",
    "sigmoid_cross_entropy_with_logits-64x10": "no gradient",
    "sigmoid_cross_entropy_with_logits-large": "no gradient",
    "sign-64x10": "no gradient of its operator Sign",
    "where-64x10": "no gradient of its operator Where",
    "where-broadcast": "no gradient of its operator Where",
    "where-scalar": "no gradient of its operator Where",
}
_CNTK_REFUSES = {
    "astype-int64": "no cast to integers",
    "avg_pool2d-exclude-pad": "does not leave it out",
    "conv1d-options": "dilated convolution on CPU is not yet implemented",
    "conv2d-dilated": "dilated convolution on CPU is not yet implemented",
    "conv3d-options": "groups in three dimensions",
    "conv_transpose1d-options": "no groups",
    "conv_transpose2d-options": "no groups",
    "matmul-batched": "no batched product",
    "matmul-broadcast": "no batched product",
}
_DL4J_REFUSES = {
    "avg_pool2d-overlap": "mean over a window leaves its padding out",
    "conv1d-asymmetric": "ND4J pads both ends alike",
    "conv1d-options": "convolutions have no groups",
    "conv2d-asymmetric": "ND4J pads both ends alike",
    "conv2d-depthwise": "convolutions have no groups",
    "conv2d-dilated": "dilated convolution fails in its native code (1.0.0-beta3)",
    "conv2d-grouped": "convolutions have no groups",
    "conv3d-options": "convolutions have no groups",
    "conv_transpose1d-options": "deconv2d has no groups and no output padding",
    "conv_transpose2d-options": "deconv2d has no groups and no output padding",
    "eye-3x5-k1": "eye has the main diagonal only",
    "matmul-broadcast": "mmul takes equal batches",
    "pow-64x10": "pow raises to a number in 1.0.0-beta3",
    "pow-row": "pow raises to a number in 1.0.0-beta3",
    "pow-scalar-left": "pow raises to a number in 1.0.0-beta3",
}
_DYNET_REFUSES = {
    "astype-bool": "no bool",
    "astype-float64": "no float64",
    "astype-int64": "no int64",
    "conv1d-options": "conv2d has no dilation",
    "conv2d-dilated": "conv2d has no dilation",
    "pow-64x10": "pow raises to one number",
    "pow-row": "pow raises to one number",
    "pow-scalar-left": "pow raises to one number",
}
_MLX_FLOAT64_REFUSES = (
    "conv1d-options conv2d-stride2 conv2d-dilated conv2d-grouped conv2d-depthwise "
    "conv_transpose1d-options conv_transpose2d-stride2 conv_transpose2d-options "
    "conv_transpose3d-stride2"
)

_MINDSPORE_FLOAT64_REFUSES = {
    "convolutions are float32 only": (
        "conv1d-plain conv1d-options conv1d-asymmetric conv2d-plain conv2d-same conv2d-1x1 "
        "conv2d-stride2 conv2d-dilated conv2d-grouped conv2d-depthwise conv2d-asymmetric "
        "conv3d-plain conv3d-options conv_transpose1d-plain conv_transpose1d-options "
        "conv_transpose2d-plain conv_transpose2d-stride2 conv_transpose2d-options "
        "conv_transpose3d-plain conv_transpose3d-stride2"
    ),
    "AvgPool3DGrad is float32 only": "avg_pool2d-2x2 avg_pool2d-overlap avg_pool2d-exclude-pad",
    "BCEWithLogitsLoss is float32 only": (
        "sigmoid_cross_entropy_with_logits-64x10 sigmoid_cross_entropy_with_logits-large"
    ),
}

# Cases that an adapter refuses for their attributes or dtype, though it offers the op:
# (backend, sample and dtype) to words of the reason.
REFUSALS: dict[tuple[str, str], str] = {
    **{
        (backend, f"{sample}-{dtype}"): words
        for backend, refused, dtypes in (
            ("caffe", _CAFFE_REFUSES, ("float32",)),
            ("caffe2", _CAFFE2_REFUSES, ("float32",)),
            ("cntk", _CNTK_REFUSES, ("float32", "float64")),
            ("dl4j", _DL4J_REFUSES, ("float32",)),
            ("dynet", _DYNET_REFUSES, ("float32",)),
        )
        for sample, words in refused.items()
        for dtype in dtypes
    },
    ("chainer", "eye-3x5-k1-float32"): "square, without offset",
    ("chainer", "eye-3x5-k1-float64"): "square, without offset",
    ("keras-tensorflow", "conv1d-options-float32"): "stride or dilation, not both",
    **{
        (f"keras-{engine}", "astype-float64-float32"): "no float64"
        for engine in ("tensorflow", "torch", "jax")
    },
    **{
        ("mindspore", f"{sample}-float64"): words
        for words, samples in _MINDSPORE_FLOAT64_REFUSES.items()
        for sample in samples.split()
    },
    ("mlx", "conv3d-options-float32"): "groups != 1 in 1-D and 2-D convolutions only",
    ("mlx", "conv3d-options-float64"): "groups != 1 in 1-D and 2-D convolutions only",
    **{
        ("mlx", f"{sample}-float64"): "float64 convolutions have no stride, dilation or groups"
        for sample in _MLX_FLOAT64_REFUSES.split()
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
    ("tinygrad", "logsumexp-axes-keepdims-float32"): "takes one axis, or all",
    ("tinygrad", "logsumexp-axes-keepdims-float64"): "takes one axis, or all",
}
