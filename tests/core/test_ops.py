"""The catalogue: every entry is complete, and refuses what it cannot take."""

import numpy as np
import pytest

from bakeoff.errors import OpError
from bakeoff.ops import OPS, op
from bakeoff.rules import Spec
from bakeoff.samples import SAMPLES, samples_of

BOUNDS = {"exact", "rounded", "ulp", "gamma", "composite"}


def infer(name, *args, **attrs):
    entry = op(name)
    tensors, attributes = entry.bind(*args, **attrs)
    return entry.infer(tensors, attributes)


def f32(*shape):
    return Spec(shape, "float32")


@pytest.mark.parametrize("name", OPS)
def test_entry_is_complete(name):
    entry = OPS[name]
    assert entry.bound in BOUNDS
    assert (entry.ulp > 0) == (entry.bound == "ulp")
    assert len(entry.domain) == len(entry.tensors)
    assert all(0 <= i < len(entry.tensors) for i in entry.differentiable)
    assert entry.source
    assert samples_of(name), "needs at least one sample"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.id)
def test_attributes_are_canonical_after_one_pass(sample):
    """Canonical attributes are a fixed point, so a program can be checked again."""
    node = sample.program().nodes[-1]
    entry = OPS[node.op]
    values = {v.name: Spec(v.shape, v.dtype) for v in sample.program().inputs}
    args = [
        values[a] if isinstance(a, str) else tuple(values[n] for n in a)
        if isinstance(a, tuple) else a for a in node.args
    ]  # fmt: skip
    call, result = entry.infer(args, node.attrs)
    assert dict(call.attrs) == node.attrs
    assert result == Spec(node.shape, node.dtype)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: infer("add", f32(2, 3), f32(4)), "cannot be broadcast together"),
        (lambda: infer("add", f32(2), Spec((2,), "float64")), "convert one with astype"),
        (lambda: infer("add", 1.0, 2.0), "at least one tensor"),
        (lambda: infer("exp", Spec((2,), "int64")), "expected floating-point"),
        (lambda: infer("exp", 1.0), "expected at least one tensor"),
        (lambda: infer("where", f32(2), f32(2), f32(2)), "expected a bool tensor"),
        (lambda: infer("sum", f32(2, 3), axis=2), "axis 2 is out of range for 2 dimensions"),
        (lambda: infer("sum", f32(2, 3), axis=(0, -2)), "names a dimension twice"),
        (lambda: infer("max", f32(0, 3), axis=0), "no elements along axis"),
        (lambda: infer("reshape", f32(2, 3), shape=(4,)), "does not hold the 6 elements"),
        (lambda: infer("permute_dims", f32(2, 3), axes=(0, 0)), "each of 0..1 once"),
        (lambda: infer("broadcast_to", f32(3), shape=(4,)), "cannot be broadcast"),
        (lambda: infer("concat", (f32(2, 3), f32(2, 4)), axis=0), "differ outside axis 0"),
        (lambda: infer("stack", (f32(2), f32(3))), "expected equal shapes"),
        (lambda: infer("getitem", f32(3), index=3), "index 3 is out of range for size 3"),
        (lambda: infer("getitem", f32(3), index=slice(None, None, -1)), "expected at least 1"),
        (lambda: infer("take", f32(3), f32(2)), "expected int32 or int64"),
        (lambda: infer("matmul", f32(2, 3), f32(4, 5)), "inner sizes 3 and 4 differ"),
        (lambda: infer("matmul", f32(), f32(2)), "use multiply"),
        (lambda: infer("bias_add", f32(2, 3), f32(2)), "the channels are dimension 1"),
        (lambda: infer("dropout", f32(2), f32(2), rate=1.0), "expected 0 <= rate < 1"),
        (lambda: infer("conv2d", f32(2, 3, 4, 4), f32(5, 3, 5, 5)), "raise padding"),
        (lambda: infer("conv2d", f32(2, 3, 4, 4), f32(5, 4, 1, 1)), "C / groups"),
        (lambda: infer("conv2d", f32(3, 4, 4), f32(5, 3, 1, 1)), "expected 4 dimensions"),
        (lambda: infer("conv2d", f32(2, 3, 4, 4), f32(5, 3, 1, 1), stride=0), "at least 1"),
        (
            lambda: infer("conv_transpose2d", f32(1, 2, 3, 3), f32(2, 1, 2, 2), output_padding=1),
            "less than stride",
        ),
        (lambda: infer("max_pool2d", f32(1, 1, 4, 4), kernel_size=2, padding=2), "half the kernel"),
        (lambda: infer("one_hot", f32(2), num_classes=3), "expected int32 or int64"),
        (
            lambda: infer(
                "sparse_softmax_cross_entropy_with_logits", f32(2, 3), Spec((3,), "int64")
            ),
            "labels \\(...\\)",
        ),
        (lambda: infer("zeros", (2, -1)), "at least 0"),
        (lambda: infer("zeros", 2, dtype="complex64"), "expected one of bool"),
        (lambda: infer("conv2d", f32(1, 1, 3, 3)), "expected conv2d\\(x, weight, /"),
        (lambda: op("reul"), "did you mean: relu"),
    ],
)
def test_ill_formed_calls_are_refused_with_what_to_do(call, expected):
    with pytest.raises(OpError, match=expected):
        call()


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [((2, 3), (3,)), ((5, 1, 4), (3, 1)), ((), (2, 2)), ((0, 3), (1, 3)), ((1,), (0,))],
)
def test_broadcasting_is_numpys(shapes, expected):
    _, result = infer("add", f32(*shapes), f32(*expected))
    assert result.shape == np.broadcast_shapes(shapes, expected)


@pytest.mark.parametrize(
    "index",
    [0, -1, (0, 0), (slice(None), 0), (0, slice(None)), (..., 1), (None, slice(1, None, 2)),
     (slice(3, 1),), slice(-2, None), (slice(None), None, -1)],
    ids=str,
)  # fmt: skip
def test_indexing_has_numpys_shapes(index):
    _, result = infer("getitem", f32(5, 4), index)
    assert result.shape == np.empty((5, 4))[index].shape
