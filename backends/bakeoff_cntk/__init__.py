"""CNTK. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="cntk",
        title="CNTK",
        toolkit="CNTK",
        adapter="bakeoff_cntk.adapter:CntkAdapter",
        requirements=(
            "cntk==2.7.post2",
            "numpy==1.19.5",
            "pip==21.3.1",  # which cntk imports
            "scipy==1.5.4",
        ),
        python="==3.6.*",
        system=(
            "Open MPI's libraries libmpi.so.12 and libmpi_cxx.so.1, or gcc and nm, with which "
            "stand-ins for them are built: CNTK only links MPI in a single process",
        ),
        homepage="https://learn.microsoft.com/cognitive-toolkit",
        released="2015-04",
        summary="functions over inputs and parameters, trained by a Trainer and its learners",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``cntk``."""
    for backend in BACKENDS:
        register(backend)
