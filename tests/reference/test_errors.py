"""What cannot be computed is refused in words: what, got, expected, remedy."""

import re
from typing import Any

import numpy as np
import pytest

from bakeoff_reference import OpError, ops

F = np.zeros((2, 3), "float32")
IMAGE = np.zeros((1, 2, 4, 4), "float32")


def _filter(*shape: int) -> Any:
    return np.zeros(shape, "float32")


CASES = {
    "add-broadcast": (lambda: ops.add(F, np.zeros(4, "float32")),
                      "add: shapes (2, 3) and (4,) cannot be broadcast together"),
    "add-dtypes": (lambda: ops.add(F, np.zeros(3)),
                   "add: dtypes float32 and float64 differ; convert one with astype"),
    "add-scalar": (lambda: ops.add(np.arange(3), 0.5),
                   "add: scalar 0.5 with dtype int64; convert with astype"),
    "where-broadcast": (lambda: ops.where(F > 0, F, np.zeros(4, "float32")),
                        "where: shapes (2, 3) and (2, 3) and (4,) cannot be broadcast"),
    "less-dtypes": (lambda: ops.less(F, np.zeros(3)), "less: dtypes float32 and float64 differ"),
    "clip-limits": (lambda: ops.clip(F, 2.0, 1.0), "clip: min 2.0 and max 1.0, expected min <="),
    "sum-axis": (lambda: ops.sum(F, axis=2), "sum: axis 2 is out of range for 2 dimensions"),
    "sum-twice": (lambda: ops.sum(F, axis=(0, -2)), "sum: axis (0, -2) names a dimension twice"),
    "max-empty": (lambda: ops.max(np.zeros((0, 2)), axis=0), "max: no elements along axis (0,)"),
    "argmax-empty": (lambda: ops.argmax(np.zeros(0)), "argmax: no elements"),
    "reshape": (lambda: ops.reshape(F, (4, 2)),
                "reshape: shape (4, 2) does not hold the 6 elements of (2, 3)"),
    "permute": (lambda: ops.permute_dims(F, (0, 0)), "permute_dims: axes (0, 0), expected each"),
    "broadcast_to": (lambda: ops.broadcast_to(F, (4, 3)),
                     "broadcast_to: shape (2, 3) cannot be broadcast to (4, 3)"),
    "concat": (lambda: ops.concat([F, IMAGE]), "concat: shapes (2, 3) and (1, 2, 4, 4) differ"),
    "concat-none": (lambda: ops.concat([]), "concat: no tensors, expected at least one"),
    "stack": (lambda: ops.stack([F, F[:1]]), "stack: shapes (2, 3) and (1, 3) differ"),
    "pad": (lambda: ops.pad(F, ((1, 1),)), "pad: pad_width ((1, 1),), expected one entry or 2"),
    "getitem-range": (lambda: ops.getitem(F, (2, 0)), "index 2 is out of range for size 2"),
    "getitem-many": (lambda: ops.getitem(F, (0, 0, 0)), "too many entries for shape (2, 3)"),
    "getitem-step": (lambda: ops.getitem(F, slice(None, None, -1)), "step -1, expected at least 1"),
    "getitem-float": (lambda: ops.getitem(F, 0.5), "index entry 0.5, expected an integer"),
    "take": (lambda: ops.take(F, np.zeros((1, 1), int)), "expected one dimension of integers"),
    "matmul-inner": (lambda: ops.matmul(F, F), "matmul: shapes (2, 3) and (2, 3): inner sizes 3"),
    "matmul-scalar": (lambda: ops.matmul(F, np.float32(1)), "expected 1 dimension each"),
    "matmul-batch": (lambda: ops.matmul(_filter(2, 3, 4), _filter(3, 4, 5)), "matmul: shapes"),
    "bias_add": (lambda: ops.bias_add(IMAGE, _filter(3)),
                 "bias_add: x (1, 2, 4, 4) and bias (3,), expected x (N, C, ...) and bias (C,)"),
    "softmax": (lambda: ops.softmax(F, axis=5), "softmax: axis 5 is out of range"),
    "dropout": (lambda: ops.dropout(F, F, rate=1.0), "dropout: rate 1.0, expected 0 <= rate < 1"),
    "conv-kernel": (lambda: ops.conv2d(IMAGE, _filter(1, 2, 5, 5)),
                    "conv2d: kernel (5, 5) exceeds padded input (4, 4); raise padding\n"
                    "  input    (4, 4)\n  stride   (1, 1)\n"
                    "  padding  ((0, 0), (0, 0))\n  dilation (1, 1)"),
    "conv-channels": (lambda: ops.conv2d(IMAGE, _filter(1, 3, 3, 3)),
                      "conv2d: x (1, 2, 4, 4) and weight (1, 3, 3, 3) with groups 1: expected"),
    "conv-stride": (lambda: ops.conv2d(IMAGE, _filter(1, 2, 3, 3), stride=0),
                    "conv2d: stride 0, expected one integer or 2, each at least 1"),
    "conv-padding": (lambda: ops.conv2d(IMAGE, _filter(1, 2, 3, 3), padding=-1),
                     "conv2d: padding -1, expected entries of at least 0"),
    "transpose-extra": (lambda: ops.conv_transpose2d(IMAGE, _filter(2, 1, 3, 3), output_padding=1),
                        "output_padding (1, 1), expected less than stride or dilation"),
    "transpose-padding": (lambda: ops.conv_transpose2d(IMAGE, _filter(2, 1, 1, 1), padding=2),
                          "leaves nothing; lower padding"),
    "pool-rank": (lambda: ops.max_pool2d(F, kernel_size=2), "expected (N, C, H, W)"),
    "pool-padding": (lambda: ops.avg_pool2d(IMAGE, kernel_size=2, padding=2), "lower padding"),
    "one_hot": (lambda: ops.one_hot(F, num_classes=3), "expected int32 or int64"),
    "loss": (lambda: ops.squared_error(F, F[:1]), "predictions (2, 3) and targets (1, 3) differ"),
    "sparse-labels": (lambda: ops.sparse_softmax_cross_entropy_with_logits(F, F[0]),
                      "expected logits (..., C) and labels (...)"),
    "sparse-dtype": (lambda: ops.sparse_softmax_cross_entropy_with_logits(F, F[:, 0]),
                     "labels have dtype float32, expected int32 or int64"),
    "zeros-dtype": (lambda: ops.zeros(3, dtype="complex64"), "zeros: dtype complex64, expected"),
    "zeros-shape": (lambda: ops.zeros((-1,)), "zeros: shape (-1,), expected sizes of at least 0"),
    "arange": (lambda: ops.arange(0, 1, 0), "arange: step 0, expected another"),
    "linspace": (lambda: ops.linspace(0.0, 1.0, -1), "linspace: num -1, expected at least 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_refusals_say_what_and_what_was_expected(name: str) -> None:
    call, message = CASES[name]
    with pytest.raises(OpError, match=re.escape(message)):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.sum(F, axes=1), r"sum: missing \[\], unknown \['axes'\], expected attributes"),
        (lambda: ops.max_pool2d(IMAGE), r"max_pool2d: missing \['kernel_size'\]"),
        (lambda: ops.matmul(F), "matmul: 1 tensors, expected 2"),
        (lambda: ops.exp(F, 2), r"exp: missing \[\]|takes 1 positional"),
    ],
)
def test_wrong_signatures_are_type_errors(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()
