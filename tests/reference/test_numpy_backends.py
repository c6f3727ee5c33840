"""The backends ``numpy`` and ``numpy-plan``: registration, and what their adapters say."""

import subprocess
import sys

import numpy as np
import pytest

from bakeoff.interface import Backend
from bakeoff.ops import OPS
from bakeoff_numpy import register_backends
from bakeoff_numpy.adapter import NumpyAdapter, PlanAdapter


@pytest.fixture(autouse=True)
def _numpy_settings() -> object:
    """Adapters silence NumPy's warnings for their process; tests want them back."""
    before = np.geterr()
    yield
    np.seterr(**before)


def test_two_backends_are_registered() -> None:
    found: list[Backend] = []
    register_backends(found.append)
    assert [b.name for b in found] == ["numpy", "numpy-plan"]
    assert all("bakeoff_reference" in b.packages for b in found)


def test_registering_imports_no_array_library() -> None:
    code = "import sys, bakeoff_numpy; assert not {'numpy', 'bakeoff_reference'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("adapter", [NumpyAdapter, PlanAdapter])
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
