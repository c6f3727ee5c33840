"""Backends of bakeoff's own engine over NumPy: the eager tape and the compiled plan."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

_REQUIREMENTS = ("numpy>=2,<3", "threadpoolctl>=3.5,<4")


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``numpy`` and ``numpy-plan``."""
    register(
        Backend(
            name="numpy",
            title="NumPy (bakeoff's eager tape)",
            toolkit="NumPy",
            adapter="bakeoff_numpy.adapter:NumpyAdapter",
            requirements=_REQUIREMENTS,
            packages=("bakeoff_reference",),
            homepage="https://numpy.org",
            size_mb=58,
            released="2006-10",
            summary="bakeoff's own reference engine: NumPy with a tape for gradients",
        )
    )
    register(
        Backend(
            name="numpy-plan",
            title="NumPy (bakeoff's compiled plan)",
            toolkit="NumPy",
            adapter="bakeoff_numpy.adapter:PlanAdapter",
            requirements=_REQUIREMENTS,
            packages=("bakeoff_reference",),
            homepage="https://numpy.org",
            size_mb=58,
            released="2006-10",
            summary="the reference engine traced once into straight-line NumPy over "
            "preallocated memory",
        )
    )
