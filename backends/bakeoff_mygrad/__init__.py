"""MyGrad. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="mygrad",
        title="MyGrad",
        toolkit="MyGrad",
        adapter="bakeoff_mygrad.adapter:MygradAdapter",
        requirements=("mygrad==2.5.*", "numpy==1.26.*", "threadpoolctl>=3.5,<4"),
        python=">=3.11,<3.13",
        homepage="https://mygrad.readthedocs.io",
        size_mb=65,
        released="2018-02",
        summary="drop-in tensors for NumPy that remember their graph, for teaching",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``mygrad``."""
    for backend in BACKENDS:
        register(backend)
