"""HIPS autograd. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="autograd",
        title="HIPS autograd",
        toolkit="autograd",
        adapter="bakeoff_autograd.adapter:AutogradAdapter",
        requirements=("autograd==1.9.*", "numpy>=2,<3", "threadpoolctl>=3.5,<4"),
        homepage="https://github.com/HIPS/autograd",
        size_mb=58,
        released="2015-03",
        summary="NumPy's own functions, differentiated by tracing them",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``autograd``."""
    for backend in BACKENDS:
        register(backend)
