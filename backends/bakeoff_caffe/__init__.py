"""Caffe. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

BACKENDS = (
    Backend(
        name="caffe",
        title="Caffe",
        toolkit="Caffe",
        adapter="bakeoff_caffe.adapter:CaffeAdapter",
        requirements=(
            "imageio==2.35.1",
            "kendryte-caffe==1.0.0.20210829",
            "lazy_loader==0.4",
            "networkx==3.1",
            "numpy==1.23.5",
            "packaging==26.2",
            "pillow==10.4.0",
            "protobuf==3.20.3",
            "PyWavelets==1.4.1",
            "scikit-image==0.21.0",
            "scipy==1.10.1",
            "six==1.17.0",
            "tifffile==2023.7.10",
        ),
        python="==3.8.*",
        env={"GLOG_minloglevel": "2"},
        homepage="https://caffe.berkeleyvision.org",
        released="2013-12",
        summary="nets of layers written as protocol buffers, trained by solvers",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``caffe``."""
    for backend in BACKENDS:
        register(backend)
