"""Whether a device is there, asked of its driver: before its toolkits' gigabytes are installed.

Source: CUDA Driver API, ``cuInit``, ``cuDeviceGetCount`` and ``cuDriverGetVersion``; none makes a
context.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

CUDA_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE
_REMEDY = "CUDA backends need an NVIDIA GPU and its driver"

Load = Callable[[str], Any]


def why_missing(device: str, load: Load = ctypes.CDLL) -> str:
    """Return why backends of a device cannot run on this machine; empty if they can.

    Parameters
    ----------
    device
        As backends register it. Of devices unknown to us nothing is said.
    load
        Loads a shared library by name, or raises `OSError`.
    """
    look = _LOOKS.get(device)
    return look(load) if look else ""


def cuda_devices(load: Load = ctypes.CDLL) -> int:
    """Return how many CUDA devices the driver shows to this process.

    Raises
    ------
    LookupError
        With the reason, if there is no driver or it cannot be used.
    """
    try:
        driver = load(CUDA_DRIVER)
    except OSError:
        raise LookupError(f"looked for the driver's {CUDA_DRIVER}, which is not here") from None
    count = ctypes.c_int(0)
    status = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if status not in (0, _NO_DEVICE):
        raise LookupError(f"the driver ({CUDA_DRIVER}) answers with CUDA error {status}")
    return 0 if status else count.value


def cuda_version(load: Load = ctypes.CDLL) -> int:
    """Return the newest CUDA that the driver serves: 12040 is 12.4; 0 without a driver."""
    try:
        driver = load(CUDA_DRIVER)
    except OSError:
        return 0
    version = ctypes.c_int(0)
    return 0 if driver.cuDriverGetVersion(ctypes.byref(version)) else version.value


def _cuda(load: Load) -> str:
    try:
        if cuda_devices(load):
            return ""
        reason = f"the driver ({CUDA_DRIVER}) knows of none{_hidden(os.environ)}"
    except LookupError as error:
        reason = str(error)
    return f"no CUDA device: {reason}; {_REMEDY}"


def _hidden(environ: Mapping[str, str]) -> str:
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    return "" if visible is None else f", with CUDA_VISIBLE_DEVICES={visible!r}"


_LOOKS: dict[str, Callable[[Load], str]] = {"cuda": _cuda}
