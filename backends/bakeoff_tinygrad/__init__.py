"""tinygrad. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="tinygrad",
        title="tinygrad (TinyJit)",
        toolkit="tinygrad",
        adapter="bakeoff_tinygrad.adapter:TinygradAdapter",
        # tinygrad compiles with clang; ziglang carries one, so that none need be installed.
        requirements=("tinygrad==0.14.*", "ziglang==0.17.*", "numpy>=2,<3"),
        env={"DEV": "CPU", "NUM_CPU_THREADS": "{threads}", "TRAINING": "1"},
        homepage="https://tinygrad.org",
        released="2020-10",
        size_mb=450,
        summary="lazy tensors, fused into kernels of C that clang compiles, and replayed",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``tinygrad``."""
    for backend in BACKENDS:
        register(backend)
