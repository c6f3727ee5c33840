"""JAX, jitted, on the CPU and on a GPU. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

_ADAPTER = "bakeoff_jax.adapter:JaxAdapter"
_HOMEPAGE = "https://docs.jax.dev"
_POOL = "{threads}"  # XLA takes the size of its thread pool from NPROC

BACKENDS = (
    Backend(
        name="jax",
        title="JAX (jit)",
        toolkit="JAX",
        adapter=_ADAPTER,
        requirements=("jax==0.10.*", "jaxlib==0.10.*", "numpy>=2,<3"),
        env={"JAX_PLATFORMS": "cpu", "NPROC": _POOL},
        homepage=_HOMEPAGE,
        released="2018-12",
        summary="traced to a functional program, differentiated, compiled whole by XLA",
    ),
    Backend(
        name="jax-cuda",
        title="JAX (jit) on CUDA",
        toolkit="JAX",
        adapter=_ADAPTER,
        mode={"device": "cuda"},
        requirements=("jax[cuda12]==0.10.*", "jaxlib==0.10.*", "numpy>=2,<3"),
        env={
            "JAX_PLATFORMS": "cuda",
            "NPROC": _POOL,
            # Else the first worker takes three quarters of the device from all others.
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        },
        homepage=_HOMEPAGE,
        released="2018-12",
        device="cuda",
        summary="the same on the first CUDA device, in full float32; timed end to end",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``jax`` and ``jax-cuda``."""
    for backend in BACKENDS:
        register(backend)
