"""PyTorch, eager and compiled, on the CPU and on a GPU, and fast.ai. This module registers.

All of them need the same: what package indexes hold as ``torch`` is a CUDA build where GPUs
are common, unless the user's settings prefer another.
"""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.interface import Backend

_ADAPTER = "bakeoff_torch.adapter:TorchAdapter"
_REQUIREMENTS = ("torch==2.13.*", "numpy>=2,<3")
_HOMEPAGE = "https://pytorch.org"
_EAGER = "2016-09"
_COMPILED = "2023-03"
_COMPILER = ("a C++ compiler, such as g++", "the interpreter's C headers (Python.h)")
_COMPILER_ENV = {
    # Compile in the worker itself: a pool of compilers would outlive the first call
    # and share the measured core.
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
    # Later rounds of a run load what the first has compiled.
    "TORCHINDUCTOR_CACHE_DIR": "{cache}",
}

BACKENDS = (
    Backend(
        name="torch",
        title="PyTorch",
        toolkit="PyTorch",
        adapter=_ADAPTER,
        requirements=_REQUIREMENTS,
        homepage=_HOMEPAGE,
        size_mb=798,
        released=_EAGER,
        summary="eager: ops run as Python reaches them; autograd records a tape",
    ),
    Backend(
        name="torch-compile",
        title="PyTorch (torch.compile)",
        toolkit="PyTorch",
        adapter=_ADAPTER,
        mode={"compiled": True},
        requirements=_REQUIREMENTS,
        system=_COMPILER,
        env=_COMPILER_ENV,
        homepage=_HOMEPAGE,
        size_mb=798,
        released=_COMPILED,
        summary="traced by Dynamo, differentiated ahead of time, compiled to C++ by Inductor",
    ),
    Backend(
        name="torch-cuda",
        title="PyTorch on CUDA",
        toolkit="PyTorch",
        adapter=_ADAPTER,
        mode={"device": "cuda"},
        requirements=_REQUIREMENTS,
        homepage=_HOMEPAGE,
        released=_EAGER,
        device="cuda",
        summary="eager on the first CUDA device, in full float32; kernels run as a queue",
    ),
    Backend(
        name="torch-cuda-compile",
        title="PyTorch on CUDA (torch.compile)",
        toolkit="PyTorch",
        adapter=_ADAPTER,
        mode={"compiled": True, "device": "cuda"},
        requirements=_REQUIREMENTS,
        system=_COMPILER,
        env=_COMPILER_ENV,
        homepage=_HOMEPAGE,
        released=_COMPILED,
        device="cuda",
        summary="traced by Dynamo, compiled by Inductor to Triton kernels, in full float32",
    ),
    Backend(
        name="torch-cuda-reduce-overhead",
        title="PyTorch on CUDA (torch.compile, reduce-overhead)",
        toolkit="PyTorch",
        adapter=_ADAPTER,
        mode={"compiled": True, "device": "cuda", "compile_mode": "reduce-overhead"},
        requirements=_REQUIREMENTS,
        system=_COMPILER,
        env=_COMPILER_ENV,
        homepage=_HOMEPAGE,
        released=_COMPILED,
        device="cuda",
        summary="as torch-cuda-compile, with what it compiles captured as CUDA graphs",
    ),
    Backend(
        name="torch-cuda-graph",
        title="PyTorch on CUDA (step in one CUDA graph)",
        toolkit="PyTorch",
        adapter=_ADAPTER,
        mode={"device": "cuda", "graph": True},
        requirements=_REQUIREMENTS,
        homepage=_HOMEPAGE,
        released="2021-10",
        device="cuda",
        summary="as torch-cuda, with whole training steps by Adam captured as one CUDA graph",
    ),
    Backend(
        name="torch-cuda-tf32",
        title="PyTorch on CUDA (TF32)",
        toolkit="PyTorch",
        adapter=_ADAPTER,
        mode={"device": "cuda", "tf32": True},
        requirements=_REQUIREMENTS,
        homepage=_HOMEPAGE,
        released="2020-07",
        device="cuda",
        summary="as torch-cuda, with float32 products of operands rounded to TF32's 11 bits",
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
    """Offer PyTorch on the CPU and on a GPU: eager, compiled, by graphs, in TF32; and fast.ai."""
    for backend in BACKENDS:
        register(backend)
