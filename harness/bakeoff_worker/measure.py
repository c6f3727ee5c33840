"""Clocks, timed blocks and memory figures, as the worker sees them.

Wall and CPU time are read in nanoseconds, once at each end of a block; inside it
is one Python ``for`` loop and nothing else of ours.
"""

import gc
import os
import sys
import time
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any, Callable, Dict, Iterator, Sequence, Tuple

try:
    import resource
except ImportError:  # not a POSIX system
    resource = None  # type: ignore[assignment]

WARM_FROM_LOOPS = 4  # a block of fewer calls spends more on a warm-up than that is worth
WARM_CALLS = 100  # toolkits specialise, cache and compile within their first calls ...
WARM_BLOCKS = 5  # ... but those of long programs would take too long: no more CPU time than this
PATIENCE = 4  # nor, on a busy machine, more than so many times that by the clock


def _in_ns(clock: Callable[[], float]) -> Callable[[], int]:
    return lambda: int(clock() * 1e9)


# Python 3.6 has no *_ns clocks; its floats still resolve 0.2 us after 50 days of uptime.
wall_ns = getattr(time, "perf_counter_ns", None) or _in_ns(time.perf_counter)
cpu_ns = getattr(time, "process_time_ns", None) or _in_ns(time.process_time)


def involuntary_switches() -> int:
    """Return how often the kernel took the processor from this process (0 if unknown)."""
    if resource is None:
        return 0
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw)


class Stopwatch(object):
    """Wall and CPU time of the stretches between `start` and `stop`, added up."""

    def __init__(self) -> None:
        self.wall_ns = 0
        self.cpu_ns = 0
        self._wall = 0
        self._cpu = 0

    def start(self) -> None:
        self._cpu = cpu_ns()
        self._wall = wall_ns()

    def stop(self) -> None:
        wall, cpu = wall_ns(), cpu_ns()
        self.wall_ns += wall - self._wall
        self.cpu_ns += cpu - self._cpu


@contextmanager
def resting_collector() -> Iterator[None]:
    """Keep the garbage collector off: its pauses belong to no call."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def timed_block(
    call: Callable[..., Any],
    batches: Sequence[Tuple[Any, ...]],
    loops: int,
    synchronize: Callable[[Any], None],
    timer: Any = None,
) -> Dict[str, int]:
    """Call ``loops`` times, over the batches in turn, then synchronise; return the cost.

    All results but the last are dropped at once, as a user's loop would.

    Parameters
    ----------
    timer
        A device's (`bakeoff_worker.device.DeviceTimer`), if it has one. Its two events lie
        within the host's window and add about a microsecond each to it.

    Returns
    -------
    dict
        ``loops``, ``wall_ns``, ``cpu_ns`` (all threads of the process), ``involuntary``
        (context switches), and ``rss_bytes`` at the end; with a timer ``device_ns``, from the
        first call's begin to the last one's end as the device saw them.
    """
    if loops < 1:
        raise ValueError("block: loops %r, expected 1 or more" % (loops,))
    most: Iterator[Tuple[Any, ...]] = islice(cycle(batches), loops - 1)
    last = batches[(loops - 1) % len(batches)]
    watch = Stopwatch()
    opened = closed = None
    with resting_collector():
        switches = involuntary_switches()
        watch.start()
        if timer is not None:
            opened = timer.record()
        for batch in most:
            call(*batch)
        result = call(*last)
        if timer is not None:
            closed = timer.record()
        synchronize(result)
        watch.stop()
        switches = involuntary_switches() - switches
    cost = {
        "loops": loops,
        "wall_ns": watch.wall_ns,
        "cpu_ns": watch.cpu_ns,
        "involuntary": switches,
        "rss_bytes": resident_bytes(),
    }
    if timer is not None:
        cost["device_ns"] = int(timer.elapsed_ns(opened, closed))
    return cost


def calibrated_loops(block: Callable[[int], Dict[str, int]], target_ns: int) -> int:
    """Return how many calls make a block of about ``target_ns`` wall time; at least 1.

    The number of calls grows up to tenfold at a time until a block takes a quarter of
    the target. Such a block is repeated and the better one counts, because interruptions
    only add; one of ten times the target or more is taken at its word.
    """
    loops = 1
    while True:
        taken = max(1, block(loops)["wall_ns"])
        if target_ns <= 4 * taken < 40 * target_ns:
            taken = max(1, min(taken, block(loops)["wall_ns"]))
        if target_ns <= 4 * taken:
            return max(1, round(loops * target_ns / taken))
        loops = max(loops + 1, min(loops * 10, int(loops * target_ns / (2.0 * taken))))


def warm_loops(block: Callable[[int], Dict[str, int]], target_ns: int) -> int:
    """Return how many calls make a block, once a program has warmed up.

    Blocks are run until the program has been called `WARM_CALLS` times, or for the CPU time
    of `WARM_BLOCKS` blocks, and then fitted to what a call costs by then.
    """
    calls = cpu = wall = 0

    def counted(loops: int) -> Dict[str, int]:
        nonlocal calls, cpu, wall
        taken = block(loops)
        calls, cpu, wall = calls + loops, cpu + taken["cpu_ns"], wall + taken["wall_ns"]
        return taken

    def warm() -> bool:
        most_ns = WARM_BLOCKS * target_ns
        return calls >= WARM_CALLS or cpu >= most_ns or wall >= PATIENCE * most_ns

    loops = calibrated_loops(counted, target_ns)
    if warm():
        return loops
    while not warm():
        counted(loops)
    return calibrated_loops(block, target_ns)


def resident_bytes() -> int:
    """Return the memory that this process has resident; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def memory() -> Dict[str, int]:
    """Return ``peak_rss_bytes`` and ``rss_bytes`` of this process.

    Linux's ``VmHWM`` comes first: after ``exec`` the kernel lets a child's ``ru_maxrss``
    begin with its parent's.
    """
    try:
        with open("/proc/self/status") as status:
            fields = dict(line.split(":", 1) for line in status if line.startswith("Vm"))
        return {
            "peak_rss_bytes": 1024 * int(fields["VmHWM"].split()[0]),
            "rss_bytes": 1024 * int(fields["VmRSS"].split()[0]),
        }
    except (OSError, KeyError, ValueError):
        if resource is None:
            return {}
        unit = 1 if sys.platform == "darwin" else 1024
        return {"peak_rss_bytes": unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def reset_peak_memory() -> bool:
    """Let the peak of `memory` begin anew; return whether the system can do that."""
    try:
        with open("/proc/self/clear_refs", "w") as switch:
            switch.write("5")
        return True
    except OSError:
        return False


def pin(cpu: int) -> None:
    """Keep this process, and the threads it will start, on one processor."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cpu})


def affinity() -> Any:
    """Return the processors this process may use, or None if the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
