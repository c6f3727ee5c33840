"""OneFlow. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="oneflow",
        title="OneFlow",
        toolkit="OneFlow",
        adapter="bakeoff_oneflow.adapter:OneFlowAdapter",
        requirements=(
            "certifi==2026.10.18",
            "charset-normalizer==3.5.2",
            "idna==3.15",
            "markdown-it-py==3.0.0",
            "mdurl==0.1.2",
            "numpy==1.23.5",
            # The package index has builds for CUDA only: they need its libraries to be imported.
            "nvidia-cublas-cu11==11.11.3.6",
            "nvidia-cudnn-cu11==8.6.0.163",
            "oneflow==0.9.0",
            "pillow==10.4.0",
            "protobuf==3.20.3",
            "Pygments==2.19.2",
            "requests==2.32.4",
            "rich==14.3.4",
            "tqdm==4.70.1",
            "urllib3==2.2.3",
        ),
        python="==3.8.*",
        homepage="https://github.com/Oneflow-Inc/oneflow",
        released="2020-07",
        size_mb=4485,
        summary="eager: ops run as Python reaches them; a tape is kept for autograd",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``oneflow``."""
    for backend in BACKENDS:
        register(backend)
