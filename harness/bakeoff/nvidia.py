"""NVIDIA GPUs as their management library (NVML) tells of them; read only, nothing is set.

Needs the optional ``pynvml`` (the import name of nvidia-ml-py); without it, or without a
driver, there are no GPUs to tell of. What a GPU or driver does not know is None.

Source: NVML API reference, device queries; the bits of ``nvmlClocksEventReasons``.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

# Bits of the clock-event (once: throttle) reasons.
EVENT_REASONS = {
    0x1: "idle",
    0x2: "application clocks",
    0x4: "software power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "hardware power brake",
    0x100: "display clocks",
}
# Those that make a busy GPU slower than it could be.
SLOWED = frozenset(EVENT_REASONS[bit] for bit in (0x4, 0x8, 0x20, 0x40, 0x80))


class Query(NamedTuple):
    """One figure: which function gives it, with which constant, and in which form.

    ``function`` may have an older name after a comma.
    """

    function: str
    constant: str = ""
    convert: Callable[[Any], Any] = lambda value: value


def _text(value: Any) -> str:
    """Old bindings return bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _from_milli(value: Any) -> float:
    return float(value) / 1000


def _reasons(bits: Any) -> list[str]:
    known = [name for bit, name in EVENT_REASONS.items() if bits & bit]
    others = bits & ~sum(EVENT_REASONS)
    return [*known, f"unknown {others:#x}"] if others else known


# What stays as it is while a run goes on, and what does not.
LASTING: Mapping[str, Query] = {
    "name": Query("nvmlDeviceGetName", convert=_text),
    "uuid": Query("nvmlDeviceGetUUID", convert=_text),
    "memory_bytes": Query("nvmlDeviceGetMemoryInfo", convert=lambda m: m.total),
    "power_limit_w": Query("nvmlDeviceGetEnforcedPowerLimit", convert=_from_milli),
    "max_sm_mhz": Query("nvmlDeviceGetMaxClockInfo", "NVML_CLOCK_SM"),
    "max_memory_mhz": Query("nvmlDeviceGetMaxClockInfo", "NVML_CLOCK_MEM"),
}
PASSING: Mapping[str, Query] = {
    "sm_mhz": Query("nvmlDeviceGetClockInfo", "NVML_CLOCK_SM"),
    "memory_mhz": Query("nvmlDeviceGetClockInfo", "NVML_CLOCK_MEM"),
    "temperature_c": Query("nvmlDeviceGetTemperature", "NVML_TEMPERATURE_GPU"),
    "power_w": Query("nvmlDeviceGetPowerUsage", convert=_from_milli),
    "energy_j": Query("nvmlDeviceGetTotalEnergyConsumption", convert=_from_milli),
    "busy_percent": Query("nvmlDeviceGetUtilizationRates", convert=lambda u: u.gpu),
    "memory_used_bytes": Query("nvmlDeviceGetMemoryInfo", convert=lambda m: m.used),
    "clock_events": Query(
        "nvmlDeviceGetCurrentClocksEventReasons,nvmlDeviceGetCurrentClocksThrottleReasons",
        convert=_reasons,
    ),
    "processes": Query("nvmlDeviceGetComputeRunningProcesses", convert=len),
}


def describe() -> list[dict[str, Any]]:
    """Return per GPU what lasts: `LASTING`, with ``driver`` and ``cuda``, the driver's own."""
    return _ask(LASTING, {"driver": _driver, "cuda": _cuda})


def state() -> list[dict[str, Any]]:
    """Return per GPU what passes: clocks in MHz, °C, watts, joules since the driver was loaded,
    and what holds the clocks down.
    """
    return _ask(PASSING, {})


def energies_j() -> list[float | None]:
    """Return the joules that each GPU has taken since the driver was loaded (Volta and later)."""
    name = "energy_j"
    return [gpu[name] for gpu in _ask({name: PASSING[name]}, {})]


def _ask(
    queries: Mapping[str, Query], of_system: Mapping[str, Callable[[Any], Any]]
) -> list[dict[str, Any]]:
    with _nvml() as nvml:
        if nvml is None:
            return []
        common = {name: _known(nvml, read, nvml) for name, read in of_system.items()}
        count = _known(nvml, nvml.nvmlDeviceGetCount) or 0
        handles = [_known(nvml, nvml.nvmlDeviceGetHandleByIndex, i) for i in range(count)]
        return [
            {**{name: _answer(nvml, h, q) for name, q in queries.items()}, **common}
            for h in handles
            if h is not None
        ]


@contextmanager
def _nvml() -> Iterator[Any]:
    """Yield the library, ready to be asked; None if it cannot be had."""
    try:
        import pynvml  # type: ignore[import-not-found,import-untyped,unused-ignore]

        pynvml.nvmlInit()
    except Exception:  # no binding, no driver, or one of another version
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


def _answer(nvml: Any, handle: Any, query: Query) -> Any:
    constants = [getattr(nvml, query.constant)] if query.constant else []
    for name in query.function.split(","):
        function = getattr(nvml, name, None)
        found = _known(nvml, function, handle, *constants) if function else None
        if found is not None:
            return query.convert(found)
    return None


def _known(nvml: Any, read: Callable[..., Any], *arguments: Any) -> Any:
    """Return what is read, or None if this GPU or driver does not know."""
    try:
        return read(*arguments)
    except nvml.NVMLError:
        return None


def _driver(nvml: Any) -> str:
    return _text(nvml.nvmlSystemGetDriverVersion())


def _cuda(nvml: Any) -> str:
    version = nvml.nvmlSystemGetCudaDriverVersion()  # 12040 is 12.4
    return f"{version // 1000}.{version % 1000 // 10}"
