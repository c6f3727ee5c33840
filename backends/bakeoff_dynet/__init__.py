"""DyNet. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="dynet",
        title="DyNet",
        toolkit="DyNet",
        adapter="bakeoff_dynet.adapter:DynetAdapter",
        requirements=("Cython==3.2.9", "dyNET38==2.2", "numpy==1.24.4"),
        python="==3.8.*",
        homepage="https://github.com/clab/dynet",
        size_mb=95,
        released="2016-10",
        summary="a new graph for every batch, columns first, in C++ on Eigen",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``dynet``."""
    for backend in BACKENDS:
        register(backend)
