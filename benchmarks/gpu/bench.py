"""What checks on the device itself are given: CuPy, cuBLASLt, and the backend's own modules.

Checks run under the interpreter of the backend's environment, which has CuPy and NumPy and
nothing else of ours.
"""

import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Bench:
    """A device with its libraries.

    Attributes
    ----------
    cp, library
        CuPy, and ``libcublasLt`` loaded.
    package
        The package that holds the backend's modules.
    """

    cp: Any
    library: Any
    package: str

    def module(self, name: str) -> Any:
        """Return one of the backend's modules: ``module("graph").Captured``."""
        return import_module(f"{self.package}.{name}")

    def products(self) -> Any:
        """Return cuBLASLt's products in full precision, on the current stream."""
        cp = self.cp
        return self.module("cublaslt").CublasLt(
            self.library, cp.empty, lambda: cp.cuda.get_current_stream().ptr
        )

    def synchronize(self) -> None:
        """Wait for the device."""
        self.cp.cuda.Device(0).synchronize()


def on_device() -> Bench:
    """Return the first CUDA device's bench.

    Raises
    ------
    ImportError
        If CuPy is not there, or sees no device.
    """
    sys.path.insert(1, str(ROOT / "harness"))
    from bakeoff_worker.loader import load_class, make_importable

    make_importable({"bakeoff_reference": str(ROOT / "reference_engine" / "bakeoff_reference")})
    adapter = load_class(str(ROOT / "backends" / "bakeoff_cupy" / "adapter.py"), "CupyAdapter")
    package = adapter.__module__.rpartition(".")[0]
    import cupy

    import_module(f"{package}.device").require(cupy)
    return Bench(cupy, import_module(f"{package}.cublaslt").load(), package)
