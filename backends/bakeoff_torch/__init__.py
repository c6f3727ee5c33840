"""PyTorch, eager and compiled, and fast.ai over it.

This module registers; `adapter` and `learner` run in the worker.
"""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

_REQUIREMENTS = ("torch==2.13.*", "numpy>=2,<3")
_HOMEPAGE = "https://pytorch.org"

BACKENDS = (
    Backend(
        name="torch",
        title="PyTorch",
        toolkit="PyTorch",
        adapter="bakeoff_torch.adapter:TorchAdapter",
        requirements=_REQUIREMENTS,
        homepage=_HOMEPAGE,
        size_mb=798,
        released="2016-09",
        summary="eager: ops run as Python reaches them; autograd records a tape",
    ),
    Backend(
        name="torch-compile",
        title="PyTorch (torch.compile)",
        toolkit="PyTorch",
        adapter="bakeoff_torch.adapter:TorchAdapter",
        mode={"compiled": True},
        requirements=_REQUIREMENTS,
        system=("a C++ compiler, such as g++", "the interpreter's C headers (Python.h)"),
        env={
            # Compile in the worker itself: a pool of compilers would outlive the first call
            # and share the measured core.
            "TORCHINDUCTOR_COMPILE_THREADS": "1",
        },
        homepage=_HOMEPAGE,
        size_mb=798,
        released="2023-03",
        summary="traced by Dynamo, differentiated ahead of time, compiled to C++ by Inductor",
    ),
    Backend(
        name="fastai",
        title="fast.ai (Learner)",
        toolkit="fastai",
        adapter="bakeoff_torch.learner:FastaiAdapter",
        requirements=("fastai==2.8.*", *_REQUIREMENTS),
        homepage="https://docs.fast.ai",
        released="2018-10",
        size_mb=1327,
        summary="a Learner over PyTorch: it runs the batches, and brings its own optimizers",
    ),
)


@hookimpl
def register_backends(register: Callable[[Backend], None]) -> None:
    """Offer ``torch``, ``torch-compile`` and ``fastai``."""
    for backend in BACKENDS:
        register(backend)
