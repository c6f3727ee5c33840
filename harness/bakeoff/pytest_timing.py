"""pytest-benchmark's rounds, measured inside the worker.

pytest-benchmark reads a timer before and after each round and keeps the difference. The
timer given to it here (``@pytest.mark.benchmark(timer=...)``, a documented option) shows
the seconds that the worker has reported so far: a round is one block of many calls, and
advances it by the block's wall time per call. Requests, files and pipes are not in it.
"""

from collections.abc import Callable
from typing import Any

from bakeoff.record import Block, Record
from bakeoff.trial import Trial

BLOCK_NS = 10_000_000  # a block's aim: long against what starting and ending it costs
ROUNDS = 10  # blocks per cell; --benchmark-min-rounds can ask for more


class WorkerClock:
    """The seconds that a worker has reported."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def seconds(self) -> float:
        """Return the time so far; this is the timer."""
        return self._seconds

    def advance(self, block: Block) -> None:
        """Add what one call of a block took."""
        self._seconds += block.wall_ns / block.loops / 1e9


def warm_up(trial: Trial, min_rounds: int, max_time_s: float) -> int:
    """Calibrate, run one block that does not count, and return how many rounds to run.

    Parameters
    ----------
    trial
        Of a cell that was examined; it notes what goes wrong.
    min_rounds, max_time_s
        As pytest-benchmark means them: fewer rounds than `ROUNDS` are run where they would
        take longer than that, but at least so many.
    """
    trial.calibrate(BLOCK_NS)
    trial.block(0)
    if not trial.going:
        return min_rounds
    block_s = max(trial.blocks.pop().wall_ns, 1) / 1e9
    return max(min_rounds, min(ROUNDS, int(max_time_s / block_s)))


def round_of(
    trial: Trial, clock: WorkerClock, going: Callable[[Trial], None]
) -> Callable[[], None]:
    """Return what pytest-benchmark calls per round; ``going`` raises if the trial ended."""

    def one_round() -> None:
        trial.block(len(trial.blocks))
        going(trial)
        clock.advance(trial.blocks[-1])

    return one_round


def extra_info(
    record: Record, worst_fraction: float | None, hello: dict[str, Any]
) -> dict[str, Any]:
    """Return what stands beside the times in pytest-benchmark's files; plain JSON."""
    described = hello.get("describe", {})
    kept = ("toolkit", "version", "device", "threads", "precision", "blas")
    loops = sum(b.loops for b in record.blocks)
    cpu_ns = sum(b.cpu_ns for b in record.blocks)
    return {
        "backend": record.backend,
        "outcome": record.outcome.value,
        "error_fraction": worst_fraction,
        "python": hello.get("python"),
        "numpy": hello.get("numpy"),
        **{k: described.get(k) for k in kept},
        "affinity": hello.get("affinity"),
        "loops": record.blocks[0].loops if record.blocks else 0,
        "cpu_time_s": cpu_ns / loops / 1e9 if loops else None,
        **{k: v for k, v in record.figures.items() if k.endswith(("_ns", "_bytes", "_blocks"))},
    }
