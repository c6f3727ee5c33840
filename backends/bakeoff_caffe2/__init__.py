"""Caffe2. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="caffe2",
        title="Caffe2",
        toolkit="Caffe2",
        adapter="bakeoff_caffe2.adapter:Caffe2Adapter",
        requirements=(
            "future==1.0.0",
            "numpy==1.23.5",
            "protobuf==3.20.3",
            "six==1.17.0",
            "torch==1.8.1",
            "typing_extensions==4.13.2",
        ),
        python="==3.8.*",
        homepage="https://caffe2.ai",
        released="2017-04",
        summary="nets of operators over a workspace of blobs; gradient operators are added to them",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``caffe2``."""
    for backend in BACKENDS:
        register(backend)
