"""The CUDA device as CuPy shows it: precision, events, memory.

Source: https://docs.cupy.dev/en/stable/reference/cuda.html
"""

import os
from collections.abc import Callable
from typing import Any

UNKNOWN_CACHE_BYTES = 128 * 2**20  # more than any GPU's second-level cache to date


def require(cp: Any) -> None:
    """Refuse to go on without a device.

    Raises
    ------
    ImportError
        If CuPy sees none.
    """
    if not cp.is_available():
        raise ImportError(
            f"CuPy {cp.__version__} sees no CUDA device: it needs an NVIDIA GPU and its driver"
        )


def describe(cp: Any) -> dict[str, Any]:
    """Return device, libraries and precision, read back."""
    runtime = cp.cuda.runtime
    properties = runtime.getDeviceProperties(0)
    name = properties["name"]
    name = name.decode() if isinstance(name, bytes) else str(name)
    capability = f"{properties['major']}.{properties['minor']}"
    return {
        "toolkit": "CuPy",
        "version": cp.__version__,
        "device": f"cuda ({name}, compute capability {capability})",
        "cuda": runtime.runtimeGetVersion(),
        "driver": runtime.driverGetVersion(),
        "nvrtc": ".".join(map(str, cp.cuda.nvrtc.getVersion())),
        "modes": {"tf32": tf32(), "fast_math": False, "accumulate": "float32"},
        "precision": f"TF32 {'on' if tf32() else 'off'}; 16-bit products are added up in "
        "float32; CuPy's own kernels flush subnormal numbers to zero",
        "blas": "cuBLASLt",
    }


def cuda(cp: Any) -> int:
    """Return the major version of CUDA that CuPy was built for, and runs with."""
    return int(cp.cuda.runtime.runtimeGetVersion()) // 1000


def tf32() -> bool:
    """Return whether CuPy lets float32 products be of rounded operands (``CUPY_TF32``)."""
    return os.environ.get("CUPY_TF32", "0") not in ("", "0")


class Timer:
    """Events on the current stream, and what flushes the second-level cache.

    ``flush`` queues what waits on the host: an event comes behind all calls before it.
    """

    def __init__(self, cp: Any, flush: Callable[[], None] = lambda: None) -> None:
        self._cp, self._flush = cp, flush
        cache = cp.cuda.runtime.getDeviceProperties(0).get("l2CacheSize", 0)
        self.buffer_bytes = 2 * int(cache or UNKNOWN_CACHE_BYTES)
        self._buffer = cp.empty((self.buffer_bytes,), "uint8")

    def record(self) -> Any:
        """Queue an event on the current stream."""
        self._flush()
        event = self._cp.cuda.Event()
        event.record()
        return event

    def elapsed_ns(self, start: Any, end: Any) -> int:
        """Wait for ``end``; return the time since ``start``, to about half a microsecond."""
        end.synchronize()
        return round(1e6 * float(self._cp.cuda.get_elapsed_time(start, end)))

    def flush_cache(self) -> None:
        """Write twice the cache's size, on the stream of the programs: before what follows."""
        self._buffer.fill(0)


def held_bytes(cp: Any, timer: Timer) -> int:
    """Return what CuPy's pool took since `release`, without the timer's buffer.

    The pool gives nothing back by itself, so that this is the most that was in use, rounded up
    to its blocks.
    """
    return max(0, int(cp.get_default_memory_pool().total_bytes()) - timer.buffer_bytes)


def release(cp: Any) -> None:
    """Give cached memory back."""
    cp.get_default_memory_pool().free_all_blocks()
