"""Chainer. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="chainer",
        title="Chainer",
        toolkit="Chainer",
        adapter="bakeoff_chainer.adapter:ChainerAdapter",
        requirements=(
            "chainer==7.8.1",
            "filelock==3.19.1",
            "numpy==1.23.5",
            "packaging==24.2",
            "protobuf==5.29.5",
            "setuptools==65.7.0",  # Chainer asks it for pkg_resources
            "six==1.17.0",
            "threadpoolctl==3.5.0",
            "typing_extensions==4.12.2",
        ),
        python=">=3.9,<3.12",
        homepage="https://chainer.org",
        size_mb=69,
        released="2015-06",
        summary="define-by-run: the graph is what the forward pass leaves behind, on NumPy",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``chainer``."""
    for backend in BACKENDS:
        register(backend)
