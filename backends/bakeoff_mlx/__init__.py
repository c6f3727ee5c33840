"""MLX. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="mlx",
        title="MLX",
        toolkit="MLX",
        adapter="bakeoff_mlx.adapter:MlxAdapter",
        requirements=("mlx[cpu]==0.32.*", "numpy>=2,<3"),
        homepage="https://ml-explore.github.io/mlx/",
        released="2023-12",
        size_mb=95,
        summary="lazy arrays that are evaluated when a value is asked for; transformed functions",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``mlx``."""
    for backend in BACKENDS:
        register(backend)
