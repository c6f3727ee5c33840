"""Every op's forward rule against a formula written independently of the engine."""

import numpy as np
import pytest
from reference_calls import drawn, in_plan, on_tape
from reference_formulas import FORMULAS

from bakeoff.ops import OPS
from bakeoff.samples import SAMPLES, Sample
from bakeoff_reference import ops
from bakeoff_reference.primitive import PRIMITIVES

RELATIVE = {"float64": 1e-12, "float32": 3e-5, "float16": 2e-2}
BY_ID = pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.id)


def _expected(sample: Sample, dtype: str) -> np.ndarray:
    """The formula in float64, on inputs that the dtype can hold."""
    program, arrays = drawn(sample, dtype, with_gradient=False)
    wide = [a.astype("float64") if a.dtype.kind == "f" else a for a in arrays]
    by_name = dict(zip([v.name for v in program.inputs], wide, strict=True))
    node = program.nodes[-1]
    args = [
        by_name[a] if isinstance(a, str) else [by_name[n] for n in a] if isinstance(a, tuple) else a
        for a in node.args
    ]
    return np.asarray(FORMULAS[sample.op](*args, **node.attrs))


def test_all_ops_of_the_catalogue_are_here() -> None:
    assert PRIMITIVES.keys() == OPS.keys() == FORMULAS.keys()
    assert all(callable(getattr(ops, name)) for name in OPS)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@BY_ID
def test_forward_agrees_with_the_formula(sample: Sample, dtype: str) -> None:
    """Values, shape and dtype are those of the formula and of the catalogue's rules."""
    program, arrays = drawn(sample, dtype, with_gradient=False)
    (result,) = on_tape(program, arrays)
    expected = _expected(sample, dtype)
    declared = program.values()[program.outputs[0]]
    assert (result.shape, str(result.dtype)) == (declared.shape, declared.dtype)
    assert result.shape == expected.shape
    tolerance = RELATIVE[dtype]
    scale = np.max(np.abs(expected.astype("float64")), initial=1.0)
    np.testing.assert_allclose(
        result.astype("float64"), expected, rtol=tolerance, atol=tolerance * scale
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@BY_ID
def test_plan_equals_tape(sample: Sample, dtype: str) -> None:
    """A plan does the tape's arithmetic, to the last bit, forward and backward."""
    for with_gradient in (False, True) if sample.differentiable else (False,):
        program, arrays = drawn(sample, dtype, with_gradient=with_gradient)
        with np.errstate(all="ignore"):
            tape, plan = on_tape(program, arrays), in_plan(program, arrays)
        values = program.values()
        names = [*program.outputs, *program.ask.get("wrt", ())]
        for name, a, b in zip(names, tape, plan, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
            assert str(a.dtype) == str(b.dtype) == values[name].dtype, name
            assert a.shape == b.shape == values[name].shape, name


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_stay_integers(dtype: str) -> None:
    """Arithmetic, sums and extremes of integers keep the dtype; argmax is int64."""
    x = np.array([[3, -1], [2, 5]], dtype)
    for result in (
        ops.add(x, x), ops.multiply(x, 2), ops.sum(x, axis=0), ops.max(x), ops.abs(x),
        ops.maximum(x, 0), ops.clip(x, 0.0, 4.0), ops.where(ops.less(x, 0), x, 1),
    ):  # fmt: skip
        assert result.dtype == dtype
    assert ops.sum(x).item() == 9
    assert ops.argmax(x).dtype == "int64"
    assert ops.less(x, 3).dtype == "bool"
