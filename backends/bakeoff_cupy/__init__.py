"""Backends of bakeoff's own engine over CuPy, on an NVIDIA GPU. This module registers."""

from collections.abc import Callable
from typing import Any

from bakeoff import hookimpl
from bakeoff.interface import Backend

from .convolution import CUDNN

_COMMON: dict[str, Any] = {
    "toolkit": "CuPy",
    "requirements": ("cupy-cuda13x[ctk]==14.*", *CUDNN, "numpy>=2,<3"),
    "packages": ("bakeoff_reference",),
    "homepage": "https://cupy.dev",
    "released": "2017-06",
    "device": "cuda",
    "size_mb": 3150,
}
BACKENDS = (
    Backend(
        name="cupy",
        title="CuPy (bakeoff's eager tape)",
        adapter="bakeoff_cupy.adapter:CupyAdapter",
        summary="the reference engine with CuPy as its array module, and kernels of its own "
        "for cross-entropy and optimizers",
        **_COMMON,
    ),
    Backend(
        name="cupy-graph",
        title="CuPy (bakeoff's step in one CUDA graph)",
        adapter="bakeoff_cupy.adapter:GraphAdapter",
        summary="as cupy, with a whole training step captured once and launched as one piece",
        **_COMMON,
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``cupy`` and ``cupy-graph``."""
    for backend in BACKENDS:
        register(backend)
