"""The backends of our own engine: registration, and what their adapters say."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from bakeoff.interface import Backend
from bakeoff.ops import OPS
from bakeoff.program import forward, gradient, trace
from bakeoff_numpy import register_backends
from bakeoff_numpy.adapter import CompiledAdapter, NumpyAdapter, PlanAdapter
from bakeoff_worker.program import Value


@pytest.fixture(autouse=True)
def _numpy_settings() -> object:
    """Adapters silence NumPy's warnings for their process; tests want them back."""
    before = np.geterr()
    yield
    np.seterr(**before)


def test_three_backends_are_registered() -> None:
    found: list[Backend] = []
    register_backends(found.append)
    assert [b.name for b in found] == ["numpy", "numpy-plan", "numpy-compiled"]
    assert all("bakeoff_reference" in b.packages for b in found)


def test_registering_imports_no_array_library() -> None:
    code = "import sys, bakeoff_numpy; assert not {'numpy', 'bakeoff_reference'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("adapter", [NumpyAdapter, PlanAdapter, CompiledAdapter])
def test_adapters_offer_and_describe_everything(adapter: type[NumpyAdapter]) -> None:
    made = adapter(threads=1)
    assert made.ops.keys() == OPS.keys()
    told = made.describe()
    assert told["threads"] == 1
    assert told["version"] == np.__version__
    assert all({"name", "version", "core"} <= pool.keys() for pool in told["blas"])
    source = np.ones((2, 3), "float32")
    tensor = made.tensor(source.T, "float64")
    source[:] = 5
    assert (tensor.dtype, tensor.shape) == ("float64", (3, 2))
    np.testing.assert_array_equal(made.to_numpy(tensor), 1.0)
    with pytest.raises(TypeError, match="unknown mode"):
        adapter(layout="NHWC")


@pytest.mark.parametrize("adapter", [NumpyAdapter, PlanAdapter, CompiledAdapter])
def test_results_do_not_alias_inputs(adapter: type[NumpyAdapter]) -> None:
    """A reshape is a view on the tape, and a copy when it leaves the adapter."""
    made = adapter()
    values = [Value("x", (2, 3), "float64"), Value("g", (6,), "float64")]

    def flat(ops: Any, x: Any) -> Any:
        return ops.reshape(x, (6,))

    x, g = made.tensor(np.ones((2, 3)), "float64"), made.tensor(np.ones(6), "float64")
    run = made.compile(trace(flat, values[:1], forward(), "flat"))
    results = [*run(x), *made.compile(trace(flat, values, gradient(["x"], ["g"]), "flat"))(x, g)]
    for result in results:
        made.to_numpy(result)[...] = 7.0
    assert np.all(made.to_numpy(x) == 1.0)
    assert np.all(made.to_numpy(g) == 1.0)
