"""Backends of bakeoff's own engine over CuPy, on an NVIDIA GPU. This module registers."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``cupy``."""
    register(
        Backend(
            name="cupy",
            title="CuPy (bakeoff's eager tape)",
            toolkit="CuPy",
            adapter="bakeoff_cupy.adapter:CupyAdapter",
            requirements=("cupy-cuda13x[ctk]==14.*", "numpy>=2,<3"),
            packages=("bakeoff_reference",),
            homepage="https://cupy.dev",
            released="2017-06",
            device="cuda",
            size_mb=2400,
            summary="the reference engine with CuPy as its array module, and kernels of its own "
            "for cross-entropy and optimizers",
        )
    )
