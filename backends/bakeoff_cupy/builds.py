"""CuPy's builds, one for each major version of CUDA: which of them fits this machine."""

import re
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata

from bakeoff import devices
from bakeoff.interface import Backend

BUILDS = (13, 12)  # the newest first
RELEASES = {
    "nvidia-cudnn-cu12": "9.28.0.42"
}  # where a pinned one is numbered otherwise than for 13
_OF_CUDA = re.compile(r"-cu(da)?13")  # cupy-cuda13x; NVIDIA's own: nvidia-cublas-cu13


def _installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def cuda(
    installed: Callable[[str], bool] = _installed,
    served: Callable[[], int] = devices.cuda_version,
) -> int:
    """Return the major version of CUDA that CuPy is to be built for.

    It is that of the build in the running Python, which an extra of bakeoff (``cuda12``,
    ``cuda13``) puts there; without one the newest that the driver serves; without a driver the
    newest of all.
    """
    present = [build for build in BUILDS if installed(f"cupy-cuda{build}x")]
    major = served() // 1000
    fitting = [build for build in BUILDS if build <= major]
    return (present or fitting or BUILDS)[0]


def built_for(backend: Backend, cuda: int) -> Backend:
    """Return a backend of CUDA 13 with the requirements of another major version."""
    return replace(backend, requirements=tuple(_of(cuda, r) for r in backend.requirements))


def _of(cuda: int, requirement: str) -> str:
    named = _OF_CUDA.sub(rf"-cu\g<1>{cuda}", requirement)
    name, pinned, release = named.partition("==")
    return name + pinned + RELEASES.get(name, release)
