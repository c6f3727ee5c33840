"""How long a graph of empty kernels takes: what no step of as many launches can be below."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from bench import Bench
from judged import Row, row

COUNTS = (1, 2, 5, 10, 20, 50)
REPLAYS, REPEATS = 200, 7
EMPTY = 'extern "C" __global__ void empty() {}'


def rows(bench: Bench) -> Iterator[Row]:
    """Yield a row per number of kernels: the device's time of a replay, back to back."""
    kernel = bench.cp.RawKernel(EMPTY, "empty")
    for count in COUNTS:
        taken_us = _replay_us(bench, kernel, count)
        middle = median(taken_us)
        status = "ok" if middle > 0 else "fail"
        spread = f"{min(taken_us):.2f} to {max(taken_us):.2f}"
        yield row(f"{count} empty kernel{'s' * (count > 1)}", status, f"{middle:.2f} µs ({spread})",
                  kernels=count, replay_us=taken_us)  # fmt: skip


def _replay_us(bench: Bench, kernel: Any, count: int) -> list[float]:
    """Return the time of one replay, from several stretches of many."""

    def work() -> None:
        for _ in range(count):
            kernel((1,), (1,), ())

    captured = bench.module("graph").Captured(bench.cp, work)
    taken = []
    for _ in range(REPEATS + 1):
        begin = _event(bench)
        for _ in range(REPLAYS):
            captured.launch()
        end = _event(bench)
        end.synchronize()
        taken.append(1e3 * bench.cp.cuda.get_elapsed_time(begin, end) / REPLAYS)
    return taken[1:]  # the first warms up


def _event(bench: Bench) -> Any:
    """Return an event behind all that was queued so far."""
    event = bench.cp.cuda.Event()
    event.record()
    return event
