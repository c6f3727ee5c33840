"""JAX, jitted, on the CPU and on a GPU. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

_ADAPTER = "bakeoff_jax.adapter:JaxAdapter"
_HOMEPAGE = "https://docs.jax.dev"
_STEPS = 24  # to a scan; a multiple of 8, 4 and 3, the numbers of batches that cases rotate
_ENV = {
    "NPROC": "{threads}",  # XLA takes the size of its thread pool from here
    # What one round has compiled, later ones load: a process of its own for every round would
    # else compile every program anew. XLA warns at each load that the flags it compiled with
    # are no features of this processor (prefer-no-gather): two kilobytes of log a program.
    "JAX_COMPILATION_CACHE_DIR": "{cache}",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

_CUDA_ENV = {
    **_ENV,
    "JAX_PLATFORMS": "cuda",
    # Else the first worker takes three quarters of the device from all others.
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
_CUDA_REQUIREMENTS = ("jax[cuda12]==0.10.*", "jaxlib==0.10.*", "numpy>=2,<3")

BACKENDS = (
    Backend(
        name="jax",
        title="JAX (jit)",
        toolkit="JAX",
        adapter=_ADAPTER,
        requirements=("jax==0.10.*", "jaxlib==0.10.*", "numpy>=2,<3"),
        env={**_ENV, "JAX_PLATFORMS": "cpu"},
        homepage=_HOMEPAGE,
        size_mb=544,
        released="2018-12",
        summary="traced to a functional program, differentiated, compiled whole by XLA",
    ),
    Backend(
        name="jax-cuda",
        title="JAX (jit) on CUDA",
        toolkit="JAX",
        adapter=_ADAPTER,
        mode={"device": "cuda"},
        requirements=_CUDA_REQUIREMENTS,
        env=_CUDA_ENV,
        homepage=_HOMEPAGE,
        released="2018-12",
        device="cuda",
        summary="the same on the first CUDA device, in full float32; timed end to end",
    ),
    Backend(
        name="jax-cuda-scan",
        title=f"JAX ({_STEPS} steps to a lax.scan) on CUDA",
        toolkit="JAX",
        adapter=_ADAPTER,
        mode={"device": "cuda", "steps": _STEPS},
        requirements=_CUDA_REQUIREMENTS,
        env=_CUDA_ENV,
        homepage=_HOMEPAGE,
        released="2018-12",
        device="cuda",
        summary=f"as jax-cuda, with {_STEPS} training steps to a call of the device",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``jax``, ``jax-cuda`` and ``jax-cuda-scan``."""
    for backend in BACKENDS:
        register(backend)
