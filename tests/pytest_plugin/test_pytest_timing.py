"""What pytest-benchmark is told of the worker's blocks."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bakeoff.pytest_timing import ROUNDS, WorkerClock, extra_info, round_of, warm_up
from bakeoff.record import Block, Outcome, Record
from bakeoff.trial import Trial


class ToyTrial:
    """A trial whose blocks of 100 calls take as long as they are told to."""

    def __init__(self, *wall_ns: int) -> None:
        self.blocks: list[Block] = []
        self.going = True
        self._wall_ns = list(wall_ns)

    def calibrate(self, target_ns: int) -> None:
        self.loops = 100

    def block(self, position: int) -> None:
        wall_ns = self._wall_ns.pop(0)
        self.blocks.append(Block(position, self.loops, wall_ns, wall_ns // 2, 0))


def _trial(*wall_ns: int) -> Trial:
    return cast(Trial, ToyTrial(*wall_ns))


CLOCK = WorkerClock()


@pytest.mark.benchmark(timer=CLOCK.seconds)
def test_a_round_takes_one_calls_share_of_a_block(benchmark: Any) -> None:
    """However long the request itself took: pytest-benchmark sees the worker's time."""
    if not benchmark.enabled:
        pytest.skip("pytest-benchmark is disabled")
    trial = _trial(1_000_000, 1_000_000, 3_000_000)
    assert warm_up(trial, min_rounds=2, max_time_s=0.0) == 2
    benchmark.pedantic(round_of(trial, CLOCK, lambda trial: None), rounds=2)
    assert benchmark.stats.stats.data == pytest.approx([1e-5, 3e-5])
    assert [b.position for b in trial.blocks] == [0, 1]  # the first one did not count


@pytest.mark.parametrize(
    ("block_ns", "max_time_s", "rounds"),
    [(10_000_000, 1.0, ROUNDS), (200_000_000, 1.5, 7), (3_000_000_000, 1.0, 5)],
    ids=["short", "long", "longer-than-allowed"],
)
def test_rounds_follow_pytest_benchmarks_options(
    block_ns: int, max_time_s: float, rounds: int
) -> None:
    """At most `ROUNDS`, as many as the time allows, and never fewer than the least."""
    assert warm_up(_trial(block_ns), min_rounds=5, max_time_s=max_time_s) == rounds


def test_a_round_that_ends_the_trial_raises() -> None:
    """It advances no clock, and pytest-benchmark hears of it."""
    clock = WorkerClock()

    def ended(trial: Trial) -> None:
        raise RuntimeError("gone")

    trial = _trial(1_000)
    trial.calibrate(0)
    with pytest.raises(RuntimeError, match="gone"):
        round_of(trial, clock, ended)()
    assert clock.seconds() == 0


def test_extra_info_is_plain() -> None:
    """CPU time per call, what the adapter said of itself, figures; nothing else."""
    blocks = (Block(0, 100, 2_000, 1_000, 0), Block(1, 100, 2_000, 3_000, 0))
    figures = {"transfer_ns": 5.0, "peak_rss_bytes": 7.0, "accuracy": 0.9}
    done = Record("toy/a", "fake", 0, 0, Outcome.OK, figures=figures, blocks=blocks)
    hello = {"python": "3.11", "describe": {"toolkit": "fake", "notes": [SimpleNamespace()]}}
    info = extra_info(done, 0.5, hello)
    assert info["cpu_time_s"] == pytest.approx(20e-9)
    assert (info["backend"], info["outcome"], info["error_fraction"]) == ("fake", "ok", 0.5)
    assert (info["toolkit"], info["loops"], info["transfer_ns"]) == ("fake", 100, 5.0)
    assert not {"notes", "accuracy"} & info.keys()
