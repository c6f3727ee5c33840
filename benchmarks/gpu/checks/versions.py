"""What is there: device, driver, libraries, precision; and cuDNN's descriptor of the device."""

import base64
from collections.abc import Iterator
from typing import Any

from bench import Bench
from judged import Row, row


def rows(bench: Bench) -> Iterator[Row]:
    """Yield a row per fact, and the device's descriptor."""
    told = bench.module("device").describe(bench.cp)
    for name in ("device", "driver", "cuda", "version", "nvrtc", "precision"):
        yield row({"version": "CuPy"}.get(name, name), "told", str(told[name]))
    tf32 = told["modes"]["tf32"]
    said = "on (CUPY_TF32): no time here is comparable" if tf32 else "off, as in every rival"
    yield row("TF32", "fail" if tf32 else "ok", said, modes=told["modes"])
    yield row("cuBLASLt", "told", _or_why(bench.library, "cublasLtGetVersion"))
    yield row(
        "properties", "told", "of the CUDA runtime, in the records", properties=_properties(bench)
    )
    yield _descriptor()


def _properties(bench: Bench) -> dict[str, Any]:
    """Return what the runtime tells of the device, as JSON has it."""
    told = bench.cp.cuda.runtime.getDeviceProperties(0)
    return {k: v.hex() if isinstance(v, bytes) and k != "name" else
            v.decode() if isinstance(v, bytes) else v for k, v in told.items()}  # fmt: skip


def _descriptor() -> Row:
    """The descriptor by which cuDNN builds its plans on a machine without this device."""
    what = "cuDNN's device descriptor"
    try:
        import cudnn
    except ImportError as error:
        return row(what, "not built", f"the environment has no cuDNN frontend ({error})")
    serialized = cudnn.create_device_properties(0).serialize()
    serialized = serialized.encode() if isinstance(serialized, str) else bytes(serialized)
    found = f"{len(serialized)} bytes, in the records; cuDNN {cudnn.backend_version()}"
    return row(what, "ok", found, descriptor=base64.b64encode(serialized).decode())


def _or_why(library: Any, function: str) -> str:
    try:
        return str(getattr(library, function)())
    except AttributeError:  # a fact that cannot be had stops no other
        return f"not told: the library has no {function}"
