"""PaddlePaddle. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="paddle",
        title="PaddlePaddle",
        toolkit="PaddlePaddle",
        adapter="bakeoff_paddle.adapter:PaddleAdapter",
        requirements=("paddlepaddle==3.3.*", "setuptools<81", "numpy>=2,<3"),
        homepage="https://www.paddlepaddle.org.cn",
        released="2016-09",
        size_mb=813,
        summary="eager: ops run as Python reaches them; autograd records a graph",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``paddle``."""
    for backend in BACKENDS:
        register(backend)
