"""MindSpore. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="mindspore",
        title="MindSpore",
        toolkit="MindSpore",
        adapter="bakeoff_mindspore.adapter:MindSporeAdapter",
        requirements=("mindspore==2.10.*", "numpy==1.26.*"),
        python=">=3.11,<3.13",
        homepage="https://www.mindspore.cn/en",
        released="2020-03",
        size_mb=2790,
        summary="PyNative mode: ops run as Python reaches them; functions are differentiated",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``mindspore``."""
    for backend in BACKENDS:
        register(backend)
