"""Backends of bakeoff's own engine over CuPy, on an NVIDIA GPU. This module registers."""

from collections.abc import Callable
from typing import Any

from bakeoff import hookimpl
from bakeoff.interface import Backend

from . import builds
from .convolution import CUDNN

_COMMON: dict[str, Any] = {
    "toolkit": "CuPy",
    "requirements": ("cupy-cuda13x[ctk]==14.*", *CUDNN, "ml_dtypes>=0.5,<1", "numpy>=2.1.2,<3"),
    "packages": ("bakeoff_reference",),
    "homepage": "https://cupy.dev",
    "released": "2017-06",
    "device": "cuda",
    "size_mb": 3150,
}
_STEPS = 24  # to a graph; a multiple of 8, 4 and 3, the numbers of batches that cases rotate

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
    Backend(
        name="cupy-graph-steps",
        title=f"CuPy (bakeoff's {_STEPS} steps in one CUDA graph)",
        adapter="bakeoff_cupy.adapter:GraphAdapter",
        mode={"steps": _STEPS},
        summary=f"as cupy-graph, with {_STEPS} training steps to a launch; data that lie on the "
        "device are not copied",
        **_COMMON,
    ),
    Backend(
        name="cupy-tf32",
        title="CuPy (bakeoff's eager tape, TF32)",
        adapter="bakeoff_cupy.adapter:CupyAdapter",
        env={"CUPY_TF32": "1"},
        summary="as cupy, with float32 products of operands rounded to TF32's 11 bits",
        **_COMMON,
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``cupy``, ``cupy-graph``, ``cupy-graph-steps`` and ``cupy-tf32``."""
    cuda = builds.cuda()
    for backend in BACKENDS:
        register(builds.built_for(backend, cuda))
