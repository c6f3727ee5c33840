"""The importer can fail: wrong ops, wrong attributes and wrong dtypes are caught."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx_runner
import pytest
from coverage_table import table
from onnx_cases import DATA, NotApplicable, OnnxCase, cases
from onnx_table import TABLE

import bakeoff_reference.ops

OPS = bakeoff_reference.ops


def _swapped(**wrong: Any) -> SimpleNamespace:
    """Return our ops with some of them exchanged."""
    names = {name: getattr(OPS, name) for name in dir(OPS) if not name.startswith("_")}
    return SimpleNamespace(**{**names, **wrong})


def _conv_without_padding(*args: Any, **attrs: Any) -> Any:
    return OPS.conv2d(*args, **{**attrs, "padding": tuple((0, 0) for _ in attrs["padding"])})


def _flipped_conv(x: Any, weight: Any, **attrs: Any) -> Any:
    return OPS.conv2d(x, np.asarray(weight)[:, :, ::-1, ::-1].copy(), **attrs)


def _conv_with_groups_swapped(x: Any, weight: Any, **attrs: Any) -> Any:
    return OPS.conv2d(x, np.roll(np.asarray(weight), len(weight) // 2, axis=0), **attrs)


WRONG = {
    "test_add": {"add": OPS.subtract},
    "test_sub_bcast": {"subtract": lambda a, b: OPS.subtract(b, a)},
    "test_matmul_3d": {"matmul": lambda a, b: OPS.multiply(OPS.matmul(a, b), 1.0001)},
    "test_softmax_axis_1": {"softmax": lambda x, *, axis: OPS.softmax(x, axis=axis - 1)},
    "test_basic_conv_with_padding": {"conv2d": _conv_without_padding},
    "test_Conv2d_strided": {"conv2d": _flipped_conv},  # the node data's filters are all ones
    "test_Conv2d_groups": {"conv2d": _conv_with_groups_swapped},
    "test_reduce_mean_keepdims_random": {"mean": OPS.sum},
    "test_sce_none_weights": {"take": lambda x, i, *, axis: OPS.take(x, i * 0, axis=axis)},
    "test_training_dropout": {"dropout": lambda x, noise, *, rate: x},
}


@pytest.mark.parametrize(("name", "wrong"), WRONG.items(), ids=list(WRONG))
def test_a_wrong_op_fails(name: str, wrong: dict[str, Any]) -> None:
    """The case passes with our op and fails with a wrong one in its place."""
    folder = "pytorch-converted" if "Conv2d" in name else "node"
    case = OnnxCase(folder, name)
    onnx_runner.check(case, onnx_runner.run(case))
    with pytest.raises(AssertionError):
        onnx_runner.check(case, onnx_runner.run(case, ops=_swapped(**wrong)))


def test_a_wrong_table_entry_fails() -> None:
    """An op type mapped to another op fails."""
    case = OnnxCase("node", "test_tanh")
    wrong = {"Tanh": lambda ops, node, x: ops.sigmoid(x)}
    with pytest.raises(AssertionError):
        onnx_runner.check(case, onnx_runner.run(case, table={**TABLE, **wrong}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y.astype(np.float64), "dtype float64, expected float32"),
        (lambda y: y[None], r"shape \(1, 3, 4, 5\), expected \(3, 4, 5\)"),
        (lambda y: np.where(np.arange(5) == 4, np.float32(np.nan), y), "nan location mismatch"),
    ],
    ids=["dtype", "shape", "nan"],
)
def test_dtype_shape_and_nan_are_compared(change: Any, message: str) -> None:
    """Values alone are not enough: dtype and shape must agree, and no NaN may hide."""
    case = OnnxCase("node", "test_add")
    with pytest.raises(AssertionError, match=message):
        onnx_runner.check(case, {name: change(y) for name, y in case.expected().items()})


def test_unsupported_attributes_are_named() -> None:
    """What we have not is refused by name, not skipped in bulk."""
    with pytest.raises(NotApplicable, match="dilated pooling; max_pool2d has no dilation"):
        onnx_runner.run(OnnxCase("node", "test_maxpool_2d_dilations"))
    with pytest.raises(NotApplicable, match="dtype uint8"):
        onnx_runner.run(OnnxCase("node", "test_add_uint8"))


def test_every_node_case_is_accounted_for() -> None:
    """Each of the 1,288 cases is an item or is counted under an op type we have not."""
    chosen = onnx_runner.selected("node")
    lacking = [case for group in onnx_runner.outside("node").values() for case in group]
    assert Counter(chosen) + Counter(lacking) == Counter(cases("node"))
    assert len(chosen) + len(lacking) == sum(1 for _ in (DATA / "node").iterdir()) == 1288


def test_the_shared_ops_are_imported() -> None:
    """The table holds at least the ops that ONNX and the catalogue obviously share."""
    shared = """MatMul Gemm Conv ConvTranspose MaxPool AveragePool Softmax LogSoftmax
    SoftmaxCrossEntropyLoss Relu Sigmoid Tanh Concat Pad Gather Slice Adam Momentum Adagrad"""
    assert set(shared.split()) <= TABLE.keys()


def test_the_table_counts_and_names() -> None:
    """The printed table has a row per op, the reasons, and what lies outside."""
    text, failed = table("simple")
    assert failed == 0
    assert "Expand" in text
    assert "outside the catalogue" in text
    assert "StringNormalizer" in text
