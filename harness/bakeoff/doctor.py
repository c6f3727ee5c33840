"""What `bakeoff doctor` looks at: the machine, its BLAS, its devices, the backends' toolkits."""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff import devices, energy, nvidia
from bakeoff.errors import BakeoffError
from bakeoff.interface import Backend
from bakeoff.launch import launch_for

BLAS_SIZE = 256
SLOW_GFLOPS = 10.0  # a NumPy without a real BLAS does 0.4 to 2.5, one core with one 30 to 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found, and what to do about it if it is bad."""

    subject: str
    found: str
    remedy: str = ""

    @property
    def good(self) -> bool:
        return not self.remedy


def blas_gflops(size: int = BLAS_SIZE, repeats: int = 20) -> float:
    """Return the rate of a float32 matrix product on one thread: the best of ``repeats``.

    A library may claim a BLAS that it does not have; the rate cannot.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    a = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    out = np.empty_like(a)
    best = float("inf")
    with threadpool_limits(limits=1):
        for _ in range(repeats):
            start = time.perf_counter()
            np.matmul(a, a, out=out)
            best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def diagnose_machine(machine: Mapping[str, Any]) -> list[Finding]:
    """Return findings on what `bakeoff.machine.describe_machine` says."""
    load = machine["load"]
    allowed = machine["allowed_cpus"]
    busy = load is not None and load[0] > 0.5 * len(allowed)
    governor = machine["governor"]
    slow_governor = governor is not None and governor not in ("performance", "schedutil")
    gigabytes = machine["memory_bytes"] / 1e9
    limit = machine["container"]["memory_limit_bytes"]
    return [
        Finding("processor", f"{machine['cpu']}, {machine['cores']} cores, "
                f"{machine['threads']} threads, {len(allowed)} of them ours"),
        Finding("memory", f"{gigabytes:.1f} GB"
                + (f", limited to {limit / 1e9:.1f} GB" if limit else "")),
        Finding("system", f"{machine['os']}, kernel {machine['kernel']}, "
                f"Python {machine['python']}"),
        Finding("load", " ".join(map(str, load)) if load else "unknown",
                "other jobs are running: intervals will be wide" if busy else ""),
        Finding("clock", f"{machine['frequency_mhz'] or 'unknown'} MHz, governor "
                f"{governor or 'unknown'}",
                "set the governor to performance for steadier times" if slow_governor else ""),
    ]  # fmt: skip


def diagnose_devices(gpus: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Return whether CUDA has a device, and findings on what NVML tells of each GPU.

    ``gpus`` joins `bakeoff.nvidia.describe` and `bakeoff.nvidia.state`. To have none is no
    fault of a machine.
    """
    missing = devices.why_missing("cuda")
    found = [Finding("CUDA", missing or "a device is there")]
    if not missing and not gpus:
        remedy = "its clocks cannot be recorded; pip install nvidia-ml-py"
        return [Finding("CUDA", "a device is there", remedy)]
    for number, gpu in enumerate(gpus):
        slowed = sorted(nvidia.SLOWED.intersection(gpu["clock_events"] or ()))
        remedies = [
            f"held back by {', '.join(slowed)}: times will not repeat" if slowed else "",
            f"in use by processes ({gpu['processes']}): times will be wide"
            if gpu["processes"]
            else "",
        ]
        text = (f"{gpu['name']}, driver {gpu['driver']}, CUDA {gpu['cuda']}, {gpu['sm_mhz']} MHz, "
                f"{gpu['temperature_c']} °C, power limit {gpu['power_limit_w']} W")  # fmt: skip
        found.append(Finding(f"GPU {number}", text, "; ".join(filter(None, remedies))))
    return found


def diagnose_energy() -> Finding:
    """Return whether energy can be read; that it cannot is no fault."""
    readable = [c.name for c in energy.counters()]
    closed = energy.refused()
    parts = [f"{', '.join(readable)} can be read"] if readable else []
    if closed:
        parts.append(
            f"{', '.join(closed)} only by root; sudo chmod a+r "
            f"{energy.POWERCAP}/intel-rapl:*/energy_uj opens them until the next start"
        )
    return Finding("energy", "; ".join(parts) or "not counted where we can see it (RAPL, NVML)")


def diagnose_blas() -> list[Finding]:
    """Return findings on the running Python's BLAS and thread pools."""
    import numpy as np
    from threadpoolctl import threadpool_info

    rate = blas_gflops()
    pools = threadpool_info()
    named = ", ".join(
        f"{p['internal_api']} {p.get('version') or ''} ({p['num_threads']} threads"
        f"{', ' + p['architecture'] if p.get('architecture') else ''})"
        for p in pools
    )
    remedy = "" if rate >= SLOW_GFLOPS else (
        f"below {SLOW_GFLOPS:g} GFLOP/s: this NumPy may lack a BLAS; install NumPy's own wheel"
    )  # fmt: skip
    return [
        Finding("numpy", np.__version__),
        Finding("BLAS", named or "no thread pool known to threadpoolctl"),
        Finding("BLAS rate", f"{rate:.1f} GFLOP/s ({BLAS_SIZE}² float32, one thread)", remedy),
    ]


def diagnose_backends(backends: Iterable[Backend]) -> list[Finding]:
    """Return per backend whether it has its adapter, a fitting interpreter, an environment."""
    from bakeoff import environments
    from bakeoff.interpreters import find_interpreter

    found = []
    for backend in backends:
        subject = f"backend {backend.name}"
        try:
            launch_for(backend, sys.executable)  # is its adapter where it says?
            existing = environments.find(backend)
            needs = ", ".join(backend.requirements) or "nothing beyond NumPy"
            if missing := devices.why_missing(backend.device):
                has = "its environment is ready" if existing else f"would install {needs}"
                found.append(Finding(subject, f"unavailable here; {has}", missing))
                continue
            if existing is not None:
                found.append(Finding(subject, f"environment ready: {existing.python}"))
                continue
            interpreter = find_interpreter(backend.python)
        except BakeoffError as error:
            found.append(Finding(subject, "cannot be had", str(error)))
            continue
        found.append(
            Finding(subject, f"to be made on Python {interpreter.version}; installs {needs}")
        )
    return found
