"""Device time: what an accelerator's own events say of calls that return before they are done.

Three views of one program:

end-to-end
    The host's clock around a block of calls with one wait at the end: launching, computing
    and waiting. Every toolkit has it (`bakeoff_worker.measure.timed_block`).
hot
    The device's clock around the same calls: one pair of events, divided by the number of
    calls. Inputs and code are in the device's cache. Where the host launches more slowly than
    the device computes, the gaps are in it: hot then comes close to end-to-end.
cold
    The device's clock around single calls, each after its cache was flushed.

An adapter of a device whose toolkit has events offers ``device_timer()``, which returns an
object with the methods of `DeviceTimer`; None, the default, leaves end-to-end alone.
"""

from itertools import cycle, islice
from typing import Any, Callable, List, Sequence, Tuple

from bakeoff_worker.measure import resting_collector

Event = Any  # a toolkit's own


class DeviceTimer(object):
    """The methods of a device's timer, on the queue (stream) that programs run on."""

    def record(self) -> Event:
        """Queue an event behind all work queued so far; do not wait."""
        raise NotImplementedError("%s.record" % type(self).__name__)

    def elapsed_ns(self, start: Event, end: Event) -> int:
        """Wait until the device has passed ``end``; return its time since ``start``."""
        raise NotImplementedError("%s.elapsed_ns" % type(self).__name__)

    def flush_cache(self) -> None:
        """Evict the last-level cache, by writing a buffer of at least twice its size.

        What is queued after it must begin only when it has ended, as on one stream. It need
        not wait on the host, and better does not: while the device is busy flushing, the host
        gets ahead with the launch, whose cost then stays outside of the window.
        """
        raise NotImplementedError("%s.flush_cache" % type(self).__name__)


def cold_calls(
    call: Callable[..., Any],
    batches: Sequence[Tuple[Any, ...]],
    count: int,
    synchronize: Callable[[Any], None],
    timer: Any,
) -> List[int]:
    """Return the device time of each of ``count`` calls with a cold cache, in nanoseconds.

    The flush is queued first and the window opens behind it: on the device's own time line
    it has ended before the first event passes. Each call is waited for before the next flush.
    """
    if count < 1:
        raise ValueError("cold: calls %r, expected 1 or more" % (count,))
    times = []
    with resting_collector():
        for batch in islice(cycle(batches), count):
            timer.flush_cache()
            opened = timer.record()
            result = call(*batch)
            closed = timer.record()
            synchronize(result)
            times.append(int(timer.elapsed_ns(opened, closed)))
    return times
