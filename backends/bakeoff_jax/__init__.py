"""JAX, jitted. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="jax",
        title="JAX (jit)",
        toolkit="JAX",
        adapter="bakeoff_jax.adapter:JaxAdapter",
        requirements=("jax==0.10.*", "jaxlib==0.10.*", "numpy>=2,<3"),
        env={
            "JAX_PLATFORMS": "cpu",
            "NPROC": "{threads}",  # XLA takes the size of its thread pool from here
        },
        homepage="https://docs.jax.dev",
        size_mb=544,
        released="2018-12",
        summary="traced to a functional program, differentiated, compiled whole by XLA",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``jax``."""
    for backend in BACKENDS:
        register(backend)
