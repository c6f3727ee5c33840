"""The machine: what it is, how busy it is, which core to use, and who is measuring on it."""

import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import bakeoff
from bakeoff import nvidia
from bakeoff.errors import BakeoffError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

_CPU = Path("/sys/devices/system/cpu")
_STAT = Path("/proc/stat")
_CPUINFO = Path("/proc/cpuinfo")
_CGROUP = Path("/sys/fs/cgroup")


def describe_machine() -> dict[str, Any]:
    """Return what is known of this machine, as JSON data; unknown things are None.

    Sizes are in bytes, clock rates in MHz. ``allowed_cpus`` are the processors this
    process may use; ``cpu_limit`` is the container's quota in processors.
    """
    import psutil

    memory = psutil.virtual_memory()
    return {
        "bakeoff": bakeoff.__version__,
        "python": sys.version.split()[0],
        "implementation": platform.python_implementation(),
        "os": _os_name(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpu": cpu_model(),
        "cores": psutil.cpu_count(logical=False),
        "threads": psutil.cpu_count(),
        "allowed_cpus": allowed_cpus(),
        "memory_bytes": memory.total,
        "memory_available_bytes": memory.available,
        "container": _container(),
        "gpus": nvidia.describe(),
        **state(),
    }


def state() -> dict[str, Any]:
    """Return what changes while a run goes on: load, clocks, governor, stolen time, GPUs."""
    import psutil

    frequency = None
    try:
        current = psutil.cpu_freq()
        frequency = round(current.current) if current else None
    except (OSError, NotImplementedError, AttributeError):
        pass
    load = os.getloadavg() if hasattr(os, "getloadavg") else None
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": [round(value, 2) for value in load] if load else None,
        "frequency_mhz": frequency,
        "governor": _text(_CPU / "cpu0/cpufreq/scaling_governor"),
        "turbo_off": _text(_CPU / "intel_pstate/no_turbo"),
        "steal_s": _steal_s(),
        "gpus_now": nvidia.state(),
    }


def stolen_ns(cpus: Collection[int]) -> int | None:
    """Return the time that the hypervisor took from these processors since the start.

    In ticks of the kernel, 10 ms on most systems; None where it does not say.
    """
    ticks = [counts[7] for cpu, counts in _ticks().items() if cpu in cpus and len(counts) > 7]
    return sum(ticks) * 10**9 // os.sysconf("SC_CLK_TCK") if ticks else None


def clock_mhz(cpus: Collection[int]) -> float | None:
    """Return the clock rate of these processors now, their mean; None where nobody says.

    A virtual machine may show the rate that its processor is sold with.
    """
    kilohertz = [_number(_text(_CPU / f"cpu{cpu}/cpufreq/scaling_cur_freq")) for cpu in cpus]
    rates = [k / 1000 for k in kilohertz if k]
    if not rates:
        # one after the other for each processor
        shown = re.findall(
            r"^processor\s*: (\d+)$|^cpu MHz\s*: ([\d.]+)$", _text(_CPUINFO) or "", re.M
        )
        pairs = zip(shown[::2], shown[1::2], strict=False)
        rates = [float(rate) for (cpu, _), (_, rate) in pairs if cpu and rate and int(cpu) in cpus]
    return round(sum(rates) / len(rates), 1) if rates else None


def cpu_model() -> str:
    """Return the processor's name, from the kernel where it says, else from py-cpuinfo."""
    try:
        for line in _CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    try:
        import cpuinfo  # type: ignore[import-untyped]

        return str(cpuinfo.get_cpu_info().get("brand_raw") or platform.processor())
    except Exception:  # py-cpuinfo runs programs and parses what they print: anything may fail
        return platform.processor() or platform.machine()


def allowed_cpus() -> list[int]:
    """Return the processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pick_cpu(sample_s: float = 0.1, sleep: Callable[[float], None] = time.sleep) -> int | None:
    """Return the least busy processor to pin workers to, or None where pinning is impossible.

    Busy is judged over ``sample_s`` seconds. Among equally idle ones the highest number
    wins: interrupts and daemons gather on the first.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    before = _busy_ticks()
    sleep(sample_s)
    after = _busy_ticks()
    tick = 2  # one or two ticks of 10 ms are no sign of a job
    return max(
        allowed_cpus(),
        key=lambda cpu: (-max(0, after.get(cpu, 0) - before.get(cpu, 0) - tick), cpu),
    )


def available_memory_bytes() -> int:
    """Return the memory that workers may take, of the machine or of the container."""
    import psutil

    free = int(psutil.virtual_memory().available)
    limit = _container().get("memory_limit_bytes")
    used = _number(_text(_CGROUP / "memory.current"))
    return min(free, max(0, limit - (used or 0))) if limit else free


def cache_dir() -> Path:
    """Return the user's cache folder for bakeoff; ``BAKEOFF_CACHE_DIR`` names another."""
    import platformdirs

    named = os.environ.get("BAKEOFF_CACHE_DIR")
    return Path(named).expanduser() if named else platformdirs.user_cache_path("bakeoff")


@contextmanager
def measuring_lock(
    folder: Path | None = None,
    wait_s: float = 3600.0,
    waiting: Callable[[str], None] = lambda holder: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the machine-wide right to measure: two measurements at once spoil each other.

    The lock is the kernel's, on an open file: it goes when its holder goes, however it dies.

    Parameters
    ----------
    folder
        Where the lock file lies: the cache folder by default.
    wait_s
        How long to wait for another measurement to end.
    waiting
        Called once with a description of the holder before waiting.

    Raises
    ------
    BakeoffError
        If the lock is not free after ``wait_s``, with who holds it, or cannot be made.
    """
    if fcntl is None:
        yield
        return
    with _lock_file((folder or cache_dir()) / "measuring.lock") as file:
        give_up = time.monotonic() + wait_s
        told = False
        while not _try_lock(file):
            holder = _holder(Path(file.name))
            if not told:
                waiting(holder)
                told = True
            if time.monotonic() >= give_up:
                raise BakeoffError(
                    f"another measurement is running on this machine: {holder}; two at once "
                    "would spoil each other's times. Wait for it, or stop it"
                )
            sleep(0.2)
        _sign(file)
        try:
            yield
        finally:
            file.truncate(0)  # closing the file releases the lock


def _lock_file(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "a+", encoding="utf-8")
    except OSError as error:
        raise BakeoffError(
            f"lock: {path} cannot be made ({error.strerror}); expected a cache folder that can be "
            "written to: set BAKEOFF_CACHE_DIR to one"
        ) from error


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(file: IO[str]) -> None:
    file.seek(0)
    file.truncate(0)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    json.dump({"pid": os.getpid(), "started": started, "command": " ".join(sys.argv)}, file)
    file.flush()


def _holder(path: Path) -> str:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return f"process {data['pid']}, since {data['started']}: {data['command']}"
    except (OSError, ValueError, KeyError, TypeError):
        return f"an unknown process (see who has {path} open)"


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return f"{platform.system()} {platform.release()}"


def _container() -> dict[str, Any]:
    """Return the limits of the control group (v2) that we see as the root, if any."""
    quota, _, period = (_text(_CGROUP / "cpu.max") or "").partition(" ")
    cpus = _number(quota)
    period_us = _number(period)
    return {
        "cpu_limit": round(cpus / period_us, 2) if cpus and period_us else None,
        "memory_limit_bytes": _number(_text(_CGROUP / "memory.max")),
    }


def _steal_s() -> float | None:
    """Return the seconds that the hypervisor took from all processors since the start."""
    line = (_text(_STAT) or "").partition("\n")[0].split()
    if len(line) < 9 or line[0] != "cpu":
        return None
    return round(int(line[8]) / os.sysconf("SC_CLK_TCK"), 2)


def _busy_ticks() -> dict[int, int]:
    """Return per processor the clock ticks not spent idle."""
    return {cpu: sum(t[:8]) - t[3] - t[4] for cpu, t in _ticks().items()}


def _ticks() -> dict[int, list[int]]:
    """Return per processor the clock ticks by use: user, nice, system, idle, iowait, …, steal."""
    lines = [line.split() for line in (_text(_STAT) or "").splitlines()]
    return {
        int(name[3:]): [int(t) for t in ticks]
        for name, *ticks in lines
        if name.startswith("cpu") and name[3:].isdigit()
    }


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
