"""Backends of bakeoff's own engine over NumPy: tape, plan, and plan with Numba's loops."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

_REQUIREMENTS = ("numpy>=2,<3", "threadpoolctl>=3.5,<4")
_NUMBA = "numba>=0.63,<1"  # as the extra `compiled`


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``numpy``, ``numpy-plan`` and ``numpy-compiled``."""
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
    register(
        Backend(
            name="numpy-compiled",
            title="NumPy (bakeoff's plan with Numba's loops)",
            toolkit="NumPy",
            adapter="bakeoff_numpy.adapter:CompiledAdapter",
            requirements=(*_REQUIREMENTS, _NUMBA),
            packages=("bakeoff_reference",),
            # What one round has compiled, later ones load. Outside of runs nothing is kept.
            env={"NUMBA_CACHE_DIR": "{cache}", "NUMBA_NUM_THREADS": "{threads}"},
            homepage="https://numba.pydata.org",
            size_mb=243,
            released="2012-08",
            summary="the same plan, with runs of elementwise operations fused into loops that "
            "Numba compiles",
        )
    )
