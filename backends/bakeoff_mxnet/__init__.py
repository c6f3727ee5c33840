"""MXNet, imperative and hybridised. This module registers; `adapter` runs in the worker."""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

_REQUIREMENTS = (
    "mxnet==1.9.1",
    "graphviz==0.8.4",
    "numpy==1.23.5",
    "requests==2.32.4",
    "threadpoolctl==3.5.0",
)
_ENV = {
    "MXNET_CPU_WORKER_NTHREADS": "{threads}",
    "MXNET_CPU_PRIORITY_NTHREADS": "{threads}",
    "MXNET_STORAGE_FALLBACK_LOG_VERBOSE": "0",
}

BACKENDS = (
    Backend(
        name="mxnet",
        title="MXNet (imperative)",
        toolkit="MXNet",
        adapter="bakeoff_mxnet.adapter:MxnetAdapter",
        requirements=_REQUIREMENTS,
        python=">=3.8,<3.12",
        env=_ENV,
        homepage="https://mxnet.apache.org",
        size_mb=255,
        released="2015-09",
        summary="mx.np ops pushed to an asynchronous engine; autograd records them",
    ),
    Backend(
        name="mxnet-hybrid",
        title="MXNet (hybridised Gluon block)",
        toolkit="MXNet",
        adapter="bakeoff_mxnet.adapter:MxnetAdapter",
        mode={"hybrid": True},
        requirements=_REQUIREMENTS,
        python=">=3.8,<3.12",
        env=_ENV,
        homepage="https://mxnet.apache.org",
        size_mb=255,
        released="2017-10",
        summary="a HybridBlock, traced to a symbol and run as a cached graph of static shape",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``mxnet`` and ``mxnet-hybrid``."""
    for backend in BACKENDS:
        register(backend)
